// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/threads.h"
#include "fakes/fake-qemu.h"

#include <string.h>

#define DEADLINE_MS 20000

static const Process process = { .pid = 4711, .start_time = 100 };

/// A QEMU of two vCPUs and an iothread, named as QEMU names them, and a worker.
static FakeRoot *new_root(void)
{
    FakeRoot *fake = fake_root_new();

    fake_root_add_process(fake, process.pid, process.start_time, "/usr/bin/kvm");
    fake_root_add_thread(fake, process.pid, 4712, "CPU 0/KVM", 2);
    fake_root_add_thread(fake, process.pid, 4713, "CPU 1/KVM", 3);
    fake_root_add_thread(fake, process.pid, 4714, "IO iothread0", 1);
    fake_root_add_thread(fake, process.pid, 4715, "vhost-4711", 0);
    return fake;
}

static QemuThreads *query(FakeRoot *fake, const char *vcpus, const char *iothreads, GError **error)
{
    g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);

    fake_qemu_answer(qemu, "query-cpus-fast", vcpus);
    fake_qemu_answer(qemu, "query-iothreads", iothreads);
    g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, DEADLINE_MS, error);
    return qmp != NULL ? qemu_threads_query(qmp, error) : NULL;
}

/// The threads as "4711 main, 4712 vcpu 0", after QEMU gave these answers.
static char *walk(FakeRoot *fake, const char *vcpus, const char *iothreads)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(QemuThreads) qemu = query(fake, vcpus, iothreads, &error);
    g_assert_no_error(error);
    g_autoptr(GPtrArray) threads = threads_walk(fake->root, &process, qemu, &error);
    g_assert_no_error(error);

    for (guint i = 0; i < threads->len; i++) {
        const Thread *thread = threads->pdata[i];
        g_string_append_printf(
            text, "%s%d %s", i > 0 ? ", " : "", thread->tid, thread_role_name(thread->role));
        if (thread->role == THREAD_VCPU) {
            g_string_append_printf(text, " %u", thread->vcpu);
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

#define VCPUS                                                                                      \
    "[{\"cpu-index\": 0, \"thread-id\": 4712, \"qom-path\": \"/a\", \"target\": \"x86_64\", "      \
    "\"props\": {\"thread-id\": 0, \"core-id\": 0}},"                                              \
    " {\"cpu-index\": 1, \"thread-id\": 4713, \"props\": {\"thread-id\": 0, \"core-id\": 1}}]"
#define IOTHREADS "[{\"id\": \"iothread0\", \"thread-id\": 4714, \"poll-max-ns\": 32768}]"

static void test_every_thread_has_its_role(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autofree char *threads = walk(fake, VCPUS, IOTHREADS);

    g_assert_cmpstr(threads, ==, "4711 main, 4712 vcpu 0, 4713 vcpu 1, 4714 iothread, 4715 worker");
}

/// QEMU's main thread never runs a vCPU: to bind it would stall all else.
static void test_main_thread_is_no_vcpu(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autofree char *threads = walk(fake, "[{\"cpu-index\": 0, \"thread-id\": 4711}]", "[]");

    g_assert_nonnull(strstr(threads, "4711 main"));
    g_assert_null(strstr(threads, "vcpu"));
}

static void test_name_and_last_cpu_are_the_kernels(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(QemuThreads) qemu = query(fake, VCPUS, IOTHREADS, NULL);
    g_autoptr(GPtrArray) threads = threads_walk(fake->root, &process, qemu, NULL);
    const Thread *second = threads->pdata[2];

    g_assert_cmpstr(second->name, ==, "CPU 1/KVM");
    g_assert_cmpint(second->last_cpu, ==, 3);
}

static void test_roles_are_qemus_not_by_name(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autofree char *threads = walk(fake,
        "[{\"cpu-index\": 1, \"thread-id\": 4712}, {\"cpu-index\": 0, \"thread-id\": 4715}]",
        "[{\"id\": \"a\", \"thread-id\": 4713}]");

    g_assert_cmpstr(threads, ==, "4711 main, 4712 vcpu 1, 4713 iothread, 4714 worker, 4715 vcpu 0");
}

static void test_vcpus_come_by_index(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(QemuThreads) qemu = query(fake,
        "[{\"cpu-index\": 9, \"thread-id\": 3}, {\"cpu-index\": 0, \"thread-id\": 1},"
        " {\"cpu-index\": 2, \"thread-id\": 2}]",
        "[]", NULL);

    g_assert_cmpuint(qemu->vcpus->len, ==, 3);
    for (guint i = 0; i < qemu->vcpus->len; i++) {
        g_assert_cmpint(g_array_index(qemu->vcpus, QemuThread, i).tid, ==, (int)i + 1);
    }
    g_assert_cmpuint(g_array_index(qemu->vcpus, QemuThread, 1).vcpu, ==, 2);
    g_assert_cmpuint(g_array_index(qemu->vcpus, QemuThread, 2).vcpu, ==, 9);
}

/// The siblings that these `props` of vCPU 0, 1, … make.
static guint siblings_of(const char *const *props)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(GString) vcpus = g_string_new("[");
    g_autoptr(GError) error = NULL;

    for (guint i = 0; props[i] != NULL; i++) {
        g_string_append_printf(vcpus, "%s{\"cpu-index\": %u, \"thread-id\": %u%s}",
            i > 0 ? "," : "", i, 4712 + i, props[i]);
    }
    g_string_append_c(vcpus, ']');
    g_autoptr(QemuThreads) qemu = query(fake, vcpus->str, "[]", &error);
    g_assert_no_error(error);
    return qemu->siblings;
}

#define PROPS(ids) ", \"props\": {" ids "}"
#define CORE(socket, core, thread)                                                                 \
    PROPS("\"node-id\": " thread ", \"socket-id\": " socket ", \"core-id\": " core                 \
          ", \"thread-id\": " thread)

static void test_siblings_are_told_by_the_ids_of_their_core(void)
{
    static const struct {
        const char *props[5];
        guint siblings;
    } cases[] = {
        { { CORE("0", "0", "0"), CORE("0", "0", "1"), CORE("0", "1", "0"), CORE("0", "1", "1") },
            2 },
        { { CORE("0", "0", "0"), CORE("0", "1", "0"), CORE("1", "0", "0"), CORE("1", "1", "0") },
            1 },
        { { CORE("0", "0", "0"), CORE("0", "0", "1"), CORE("1", "0", "0") }, 2 },
        { { PROPS("\"core-id\": 0"), PROPS("\"core-id\": 0"), PROPS("\"core-id\": 8") }, 2 },
        { { PROPS("\"die-id\": 0, \"core-id\": 0"), PROPS("\"die-id\": 1, \"core-id\": 0") }, 1 },
        { { CORE("0", "0", "0"), "" }, 0 },
        { { CORE("0", "0", "0"), PROPS("") }, 0 },
        { { ", \"props\": 7", ", \"props\": null" }, 0 },
        { { PROPS("\"core-id\": -1"), PROPS("\"core-id\": \"a\"") }, 0 },
        { { NULL }, 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpuint(siblings_of(cases[i].props), ==, cases[i].siblings);
    }
}

/* Whether the guest is told of siblings: two vCPUs of one core. */

#define SIBLINGS                                                                                   \
    "[{\"cpu-index\": 0, \"thread-id\": 4712, \"qom-path\": \"/a\"" PROPS(                         \
        "\"core-id\": 0") "},"                                                                     \
                          " {\"cpu-index\": 1, \"thread-id\": 4713, \"qom-path\": \"/b\"" PROPS(   \
                              "\"core-id\": 0") "}]"

static void test_siblings_are_told_if_the_cpu_tells_them(void)
{
    static const struct {
        const char *vcpus;
        HostVendor vendor;
        const char *topoext; // NULL: QEMU refuses
        SiblingsTold told;
        guint asked;
        const char *unknown;
    } cases[] = {
        { SIBLINGS, VENDOR_AMD, "true", SIBLINGS_TOLD, 1, NULL },
        { SIBLINGS, VENDOR_AMD, "false", SIBLINGS_HIDDEN, 1, NULL },
        { SIBLINGS, VENDOR_AMD, "7", SIBLINGS_UNKNOWN, 1, "QEMU does not say" },
        { SIBLINGS, VENDOR_AMD, NULL, SIBLINGS_UNKNOWN, 1, "qom-get" },
        { SIBLINGS, VENDOR_OTHER, "false", SIBLINGS_TOLD, 0, NULL },
        { SIBLINGS, VENDOR_UNKNOWN, "true", SIBLINGS_TOLD, 1, NULL },
        { SIBLINGS, VENDOR_UNKNOWN, "false", SIBLINGS_UNKNOWN, 1, "/proc/cpuinfo" },
        { VCPUS, VENDOR_AMD, "false", SIBLINGS_TOLD, 0, NULL },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeRoot) fake = new_root();
        g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, FAKE_QEMU_GOOD);
        g_autoptr(GError) error = NULL;
        fake_qemu_answer(qemu, "query-cpus-fast", cases[i].vcpus);
        if (cases[i].topoext != NULL) {
            fake_qemu_answer(qemu, "qom-get", cases[i].topoext);
        }
        g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, DEADLINE_MS, &error);
        g_autoptr(QemuThreads) threads = qemu_threads_query(qmp, &error);
        g_assert_no_error(error);
        qemu_threads_ask_told(threads, qmp, cases[i].vendor);
        g_assert_cmpint(threads->told, ==, cases[i].told);
        g_assert_cmpuint(fake_qemu_count(qemu, "qom-get"), ==, cases[i].asked);
        g_assert_true((threads->unknown == NULL) == (cases[i].unknown == NULL));
        g_assert_true(
            cases[i].unknown == NULL || strstr(threads->unknown, cases[i].unknown) != NULL);
    }
}

static void test_gap_in_the_indexes_is_kept(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autofree char *threads = walk(fake,
        "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 3, \"thread-id\": 4713}]", "[]");

    g_assert_cmpstr(threads, ==, "4711 main, 4712 vcpu 0, 4713 vcpu 3, 4714 worker, 4715 worker");
}

static void test_thread_that_is_not_there_is_left_out(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    fake_root_add_process(fake, 999, 5, "sshd");
    g_autofree char *threads = walk(fake,
        "[{\"cpu-index\": 0, \"thread-id\": 999}, {\"cpu-index\": 1, \"thread-id\": 4713},"
        " {\"cpu-index\": 2, \"thread-id\": 99999}]",
        "[{\"id\": \"a\", \"thread-id\": 999}]");

    g_assert_cmpstr(threads, ==, "4711 main, 4712 worker, 4713 vcpu 1, 4714 worker, 4715 worker");
}

static void test_thread_named_twice_is_listed_once(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autofree char *threads = walk(fake,
        "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 4712}]",
        "[{\"id\": \"a\", \"thread-id\": 4712}]");

    g_assert_cmpstr(threads, ==, "4711 main, 4712 vcpu 0, 4713 worker, 4714 worker, 4715 worker");
}

static void test_thread_that_ends_meanwhile_is_left_out(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    fake_root_remove(fake, "proc/4711/task/4713/stat"); // its directory was listed before
    g_autofree char *threads = walk(fake, VCPUS, IOTHREADS);

    g_assert_cmpstr(threads, ==, "4711 main, 4712 vcpu 0, 4714 iothread, 4715 worker");
}

static void test_thread_that_cannot_be_read_is_an_error(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(GError) error = NULL;
    g_autoptr(QemuThreads) qemu = query(fake, VCPUS, IOTHREADS, NULL);

    fake_root_write(fake, "proc/4711/task/4715/stat", "rubbish");
    g_assert_null(threads_walk(fake->root, &process, qemu, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
}

static void test_tids_are_in_the_order_of_numbers(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    fake_root_add_thread(fake, process.pid, 10000, "late", 0);
    fake_root_add_thread(fake, process.pid, 600, "early", 0);
    fake_root_write(fake, "proc/4711/task/not-a-tid/stat", "");
    g_autofree char *threads = walk(fake, "[]", "[]");

    g_assert_cmpstr(threads, ==,
        "600 worker, 4711 main, 4712 worker, 4713 worker, 4714 worker, 4715 worker, "
        "10000 worker");
}

static void assert_gone(FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(QemuThreads) qemu = query(fake, VCPUS, IOTHREADS, NULL);

    g_assert_null(threads_walk(fake->root, &process, qemu, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
}

static void test_ended_qemu_has_no_threads(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_remove_tree(fake, "proc/4711");
    assert_gone(fake);
}

static void test_later_process_with_the_pid_has_none_of_the_threads(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_add_process(fake, process.pid, process.start_time + 1, "sshd");
    assert_gone(fake);
}

static void test_rubbish_replies_are_refused(void)
{
    static const char *const replies[] = {
        "{}",
        "5",
        "\"text\"",
        "true",
        "[5]",
        "[null]",
        "[[]]",
        "[{}]",
        "[{\"cpu-index\": 0}]",
        "[{\"cpu-index\": 0, \"thread-id\": null}]",
        "[{\"cpu-index\": 0, \"thread-id\": \"4712\"}]",
        "[{\"cpu-index\": 0, \"thread-id\": 4712.0}]",
        "[{\"cpu-index\": 0, \"thread-id\": -4712}]",
        "[{\"cpu-index\": 0, \"thread-id\": 4294972008}]", // 4712 modulo 2^32
        "[{\"cpu-index\": 0, \"thread-id\": 18446744073709556328}]",
        "[{\"cpu-index\": 0, \"props\": {\"thread-id\": 4712}}]",
    };
    g_autoptr(FakeRoot) fake = new_root();

    for (gsize i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(GError) of_vcpus = NULL;
        g_autoptr(GError) of_iothreads = NULL;
        g_test_message("%s", replies[i]);
        g_assert_null(query(fake, replies[i], "[]", &of_vcpus));
        g_assert_error(of_vcpus, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
        g_assert_nonnull(strstr(of_vcpus->message, "query-cpus-fast"));
        g_assert_null(query(fake, "[]", replies[i], &of_iothreads));
        g_assert_error(of_iothreads, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
        g_assert_nonnull(strstr(of_iothreads->message, "query-iothreads"));
    }
}

static void test_rubbish_indexes_are_refused(void)
{
    static const char *const replies[] = {
        "[{\"thread-id\": 4712}]",
        "[{\"cpu-index\": \"0\", \"thread-id\": 4712}]",
        "[{\"cpu-index\": -1, \"thread-id\": 4712}]",
        "[{\"cpu-index\": 4294967296, \"thread-id\": 4712}]",
        "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": [], \"thread-id\": 4713}]",
    };
    g_autoptr(FakeRoot) fake = new_root();

    for (gsize i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(GError) error = NULL;
        g_test_message("%s", replies[i]);
        g_assert_null(query(fake, replies[i], "[]", &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
    }
}

static void test_misbehaving_qemu_is_an_error(void)
{
    static const FakeQemuManner manners[] = { FAKE_QEMU_CLOSES, FAKE_QEMU_GARBAGE,
        FAKE_QEMU_HUGE_LINE, FAKE_QEMU_REFUSES };
    static const char *const commands[] = { "query-cpus-fast", "query-iothreads" };

    for (gsize i = 0; i < G_N_ELEMENTS(manners) * G_N_ELEMENTS(commands); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_autoptr(FakeQemu) qemu = fake_qemu_new(fake, 100, manners[i / 2]);
        g_autoptr(GError) error = NULL;
        fake_qemu_misbehave_from(qemu, commands[i % 2]);
        g_autoptr(Qmp) qmp = qmp_connect(fake->root, 100, DEADLINE_MS, NULL);
        g_assert_null(qemu_threads_query(qmp, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/threads/siblings", test_siblings_are_told_by_the_ids_of_their_core);
    g_test_add_func("/threads/every-thread-has-its-role", test_every_thread_has_its_role);
    g_test_add_func(
        "/threads/name-and-last-cpu-are-the-kernels", test_name_and_last_cpu_are_the_kernels);
    g_test_add_func("/threads/roles-are-qemus-not-by-name", test_roles_are_qemus_not_by_name);
    g_test_add_func("/threads/vcpus-come-by-index", test_vcpus_come_by_index);
    g_test_add_func("/threads/siblings/told", test_siblings_are_told_if_the_cpu_tells_them);
    g_test_add_func("/threads/gap-in-the-indexes-is-kept", test_gap_in_the_indexes_is_kept);
    g_test_add_func(
        "/threads/thread-that-is-not-there-is-left-out", test_thread_that_is_not_there_is_left_out);
    g_test_add_func(
        "/threads/thread-named-twice-is-listed-once", test_thread_named_twice_is_listed_once);
    g_test_add_func("/threads/thread-that-ends-meanwhile-is-left-out",
        test_thread_that_ends_meanwhile_is_left_out);
    g_test_add_func("/threads/thread-that-cannot-be-read-is-an-error",
        test_thread_that_cannot_be_read_is_an_error);
    g_test_add_func(
        "/threads/tids-are-in-the-order-of-numbers", test_tids_are_in_the_order_of_numbers);
    g_test_add_func("/threads/ended-qemu-has-no-threads", test_ended_qemu_has_no_threads);
    g_test_add_func("/threads/later-process-with-the-pid-has-none-of-the-threads",
        test_later_process_with_the_pid_has_none_of_the_threads);
    g_test_add_func("/threads/rubbish-replies-are-refused", test_rubbish_replies_are_refused);
    g_test_add_func("/threads/rubbish-indexes-are-refused", test_rubbish_indexes_are_refused);
    g_test_add_func("/threads/misbehaving-qemu-is-an-error", test_misbehaving_qemu_is_an_error);
    g_test_add_func("/threads/main-thread-is-no-vcpu", test_main_thread_is_no_vcpu);
    return g_test_run();
}
