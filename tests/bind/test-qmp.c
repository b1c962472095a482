// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/qmp.h"
#include "fakes/assertions.h"
#include "fakes/fake-qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SHORT_MS 300
#define LONG_MS 20000
#define GOOD (-1)

/// Connects and asks for the status; NULL with @error.
static JsonObject *ask(const Root *root, guint deadline_ms, GError **error)
{
    g_autoptr(Qmp) qmp = qmp_connect(root, 100, deadline_ms, error);

    return qmp != NULL ? qmp_execute(qmp, "query-status", error) : NULL;
}

static void assert_answered(JsonObject *reply, const char *wanted)
{
    JsonObject *status;

    g_assert_nonnull(reply);
    g_assert_true(json_object_object_get_ex(reply, "status", &status));
    g_assert_cmpstr(json_object_get_string(status), ==, wanted);
}

static void test_manners(void)
{
    static const struct {
        FakeQemuManner manner;
        guint deadline_ms;
        int code;
        const char *named;
    } manners[] = {
        { FAKE_QEMU_GOOD, LONG_MS, GOOD, NULL },
        { FAKE_QEMU_SPLITS, LONG_MS, GOOD, NULL },
        { FAKE_QEMU_EVENTS_FIRST, LONG_MS, GOOD, NULL },
        { FAKE_QEMU_OTHER_REPLIES, LONG_MS, GOOD, NULL },
        { FAKE_QEMU_SILENT, SHORT_MS, PINHOOK_ERROR_TIMEOUT, "300 ms" },
        { FAKE_QEMU_STALLS, SHORT_MS, PINHOOK_ERROR_TIMEOUT, "300 ms" },
        { FAKE_QEMU_DRIPS, SHORT_MS, PINHOOK_ERROR_TIMEOUT, "300 ms" },
        { FAKE_QEMU_EVENTS_ONLY, SHORT_MS, PINHOOK_ERROR_TIMEOUT, "300 ms" },
        { FAKE_QEMU_CLOSES, LONG_MS, PINHOOK_ERROR_FAILED, "VM 100" },
        { FAKE_QEMU_GARBAGE, LONG_MS, PINHOOK_ERROR_FAILED, "no QMP message" },
        { FAKE_QEMU_HUGE_LINE, LONG_MS, PINHOOK_ERROR_FAILED, "4096 KiB" },
        { FAKE_QEMU_REFUSES, LONG_MS, PINHOOK_ERROR_FAILED, "query-status: Not in this state" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(manners); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        FakeQemu *qemu = fake_qemu_new(fake, 100, manners[i].manner);
        g_autoptr(GError) error = NULL;
        gint64 before = g_get_monotonic_time();
        g_autoptr(JsonObject) reply = ask(fake->root, manners[i].deadline_ms, &error);
        assert_ended_by(before, manners[i].deadline_ms);
        fake_qemu_free(qemu);

        g_test_message("manner %d: %s", manners[i].manner, error != NULL ? error->message : "good");
        if (manners[i].code == GOOD) {
            g_assert_no_error(error);
            assert_answered(reply, "running");
        } else {
            g_assert_null(reply);
            g_assert_error(error, PINHOOK_ERROR, manners[i].code);
            g_assert_nonnull(strstr(error->message, manners[i].named));
        }
    }
}

static void test_one_deadline_holds_for_the_whole_dialogue(void)
{
    static const FakeQemuManner manners[] = { FAKE_QEMU_STALLS, FAKE_QEMU_DRIPS };

    for (gsize i = 0; i < G_N_ELEMENTS(manners); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, manners[i]);
        gint64 before = g_get_monotonic_time();
        fake_qemu_misbehave_from(qemu, "query-status");
        g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, 2 * SHORT_MS, NULL);
        g_assert_nonnull(qmp);
        for (guint times = 0; times < 50; times++) {
            g_autoptr(GError) error = NULL;
            g_assert_null(qmp_execute(qmp, "query-status", &error));
            g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT);
        }
        assert_ended_by(before, 2 * SHORT_MS);
    }
}

static void test_each_command_gets_its_own_reply(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_OTHER_REPLIES);
    g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, LONG_MS, NULL);

    fake_qemu_answer(qemu, "query-status", "{\"status\": \"prelaunch\"}");
    for (guint times = 0; times < 3; times++) {
        g_autoptr(JsonObject) vcpus = qmp_execute(qmp, "query-cpus-fast", NULL);
        g_autoptr(JsonObject) status = qmp_execute(qmp, "query-status", NULL);
        g_assert_cmpstr(json_object_to_json_string(vcpus), ==, "[ ]");
        assert_answered(status, "prelaunch");
    }
    g_assert_cmpuint(fake_qemu_count(qemu, "qmp_capabilities"), ==, 1);
    g_assert_cmpuint(fake_qemu_count(qemu, "query-status"), ==, 3);
}

static void test_refused_command_does_not_end_the_dialogue(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, LONG_MS, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_null(qmp_execute(qmp, "query-nonsense", &error));
    g_assert_cmpuint(fake_qemu_count(qemu, "query-nonsense"), ==, 1);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "query-status", NULL);
    assert_answered(reply, "running");
}

static void test_empty_answer_is_an_error(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    g_autoptr(GError) error = NULL;

    fake_qemu_answer(qemu, "query-status", "null");
    g_assert_null(ask(fake->root, LONG_MS, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
}

static void test_empty_answer_to_capabilities_is_an_error(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    g_autoptr(GError) error = NULL;

    fake_qemu_answer(qemu, "qmp_capabilities", "null");
    g_assert_null(ask(fake->root, LONG_MS, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
}

static void test_reply_of_many_vcpus_is_taken(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    g_autoptr(GString) json = g_string_new("[0");

    while (json->len < 2 * 1024 * 1024) {
        g_string_append(json, ",{\"props\":{\"core-id\":1},\"thread-id\":4711}");
    }
    g_string_append_c(json, ']');
    fake_qemu_answer(qemu, "query-cpus-fast", json->str);
    g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, LONG_MS, NULL);
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "query-cpus-fast", NULL);
    g_assert_cmpuint(json_object_array_length(reply), >, 40000);
}

/* Others at the socket. */

static void test_second_client_waits_no_longer_than_its_deadline(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    g_autoptr(GError) error = NULL;
    Qmp *first = qmp_connect(fake->root, 100, LONG_MS, NULL);

    g_assert_nonnull(first);
    g_assert_null(ask(fake->root, SHORT_MS, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT);
    qmp_free(first);
    g_autoptr(JsonObject) reply = ask(fake->root, LONG_MS, NULL);
    assert_answered(reply, "running");
    g_assert_cmpuint(fake_qemu_count(qemu, "query-status"), ==, 1);
}

static gpointer ask_in_thread(gpointer root)
{
    return ask(root, LONG_MS, NULL);
}

static void test_second_client_gets_its_turn(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
    Qmp *first = qmp_connect(fake->root, 100, LONG_MS, NULL);

    g_assert_nonnull(first);
    GThread *second = g_thread_new("second", ask_in_thread, fake->root);
    g_autoptr(JsonObject) of_first = qmp_execute(first, "query-status", NULL);
    qmp_free(first);
    g_autoptr(JsonObject) of_second = g_thread_join(second);
    assert_answered(of_first, "running");
    g_assert_cmpuint(fake_qemu_count(qemu, "query-status"), ==, 2);
    assert_answered(of_second, "running");
}

static int new_socket(const FakeRoot *fake, struct sockaddr_un *address)
{
    g_autofree char *outside = fake_root_outside(fake, "run/qemu-server/100.qmp");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    g_strlcpy(address->sun_path, outside, sizeof(address->sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)address, sizeof(*address)), ==, 0);
    return fd;
}

static void test_full_backlog_times_out(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;
    struct sockaddr_un address;
    int clients[16], count = 0, connected = 0;
    int listener = new_socket(fake, &address);

    g_assert_cmpint(listen(listener, 1), ==, 0);
    while (connected == 0 && count < (int)G_N_ELEMENTS(clients)) {
        clients[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        connected = connect(clients[count++], (struct sockaddr *)&address, sizeof(address));
    }
    g_assert_cmpint(connected, ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
    gint64 before = g_get_monotonic_time();
    g_assert_null(ask(fake->root, SHORT_MS, &error));
    assert_ended_by(before, SHORT_MS);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT);
    while (count > 0) {
        close(clients[--count]);
    }
    close(listener);
}

/* Sockets that are none. */

static void assert_not_connected(const FakeRoot *fake, PinhookError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(ask(fake->root, LONG_MS, &error));
    g_assert_error(error, PINHOOK_ERROR, (int)code);
}

static void test_absent_socket_is_not_found(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    assert_not_connected(fake, PINHOOK_ERROR_NOT_FOUND);
}

static void test_socket_without_listener_is_gone(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    struct sockaddr_un address;

    close(new_socket(fake, &address));
    assert_not_connected(fake, PINHOOK_ERROR_FAILED);
}

static void test_file_in_the_sockets_place_is_gone(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "run/qemu-server/100.qmp", "");
    assert_not_connected(fake, PINHOOK_ERROR_FAILED);
}

static void test_link_out_of_the_root_is_not_followed(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeRoot) other = fake_root_new();
    g_autoptr(FakeQemu) qemu = fake_qemu_new(other, 100, FAKE_QEMU_GOOD);
    g_autofree char *outside = fake_root_outside(other, "run/qemu-server/100.qmp");

    fake_root_link(fake, "run/qemu-server/100.qmp", outside);
    assert_not_connected(fake, PINHOOK_ERROR_NOT_FOUND);
    g_assert_cmpuint(fake_qemu_count(qemu, "qmp_capabilities"), ==, 0);
}

static void test_root_may_be_deeper_than_a_sockets_path(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *name = g_strnfill(200, 'd');
    g_autofree char *socket_directory = g_build_filename(name, "run/qemu-server/x", NULL);

    fake_root_write(fake, socket_directory, "");
    FakeRoot deep = { .path = fake_root_outside(fake, name) };
    deep.root = root_open(deep.path, NULL);
    FakeQemu *qemu = fake_qemu_new(&deep, 100, FAKE_QEMU_GOOD);
    g_autoptr(JsonObject) reply = ask(deep.root, LONG_MS, NULL);
    assert_answered(reply, "running");
    fake_qemu_free(qemu);
    root_free(deep.root);
    g_free(deep.path);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/manners", test_manners);
    g_test_add_func("/qmp/one-deadline-holds-for-the-whole-dialogue",
        test_one_deadline_holds_for_the_whole_dialogue);
    g_test_add_func("/qmp/each-command-gets-its-own-reply", test_each_command_gets_its_own_reply);
    g_test_add_func("/qmp/refused-command-does-not-end-the-dialogue",
        test_refused_command_does_not_end_the_dialogue);
    g_test_add_func("/qmp/empty-answer-is-an-error", test_empty_answer_is_an_error);
    g_test_add_func("/qmp/empty-answer-to-capabilities-is-an-error",
        test_empty_answer_to_capabilities_is_an_error);
    g_test_add_func("/qmp/reply-of-many-vcpus-is-taken", test_reply_of_many_vcpus_is_taken);
    g_test_add_func("/qmp/second-client-waits-no-longer-than-its-deadline",
        test_second_client_waits_no_longer_than_its_deadline);
    g_test_add_func("/qmp/second-client-gets-its-turn", test_second_client_gets_its_turn);
    g_test_add_func("/qmp/full-backlog-times-out", test_full_backlog_times_out);
    g_test_add_func("/qmp/absent-socket-is-not-found", test_absent_socket_is_not_found);
    g_test_add_func("/qmp/socket-without-listener-is-gone", test_socket_without_listener_is_gone);
    g_test_add_func(
        "/qmp/file-in-the-sockets-place-is-gone", test_file_in_the_sockets_place_is_gone);
    g_test_add_func(
        "/qmp/link-out-of-the-root-is-not-followed", test_link_out_of_the_root_is_not_followed);
    g_test_add_func(
        "/qmp/root-may-be-deeper-than-a-sockets-path", test_root_may_be_deeper_than_a_sockets_path);
    return g_test_run();
}
