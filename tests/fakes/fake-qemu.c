// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-qemu.h"

#include "base/json.h"
#include "bind/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING                                                                                   \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 9}, "              \
    "\"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n"
#define EVENT                                                                                      \
    "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"NIC_RX_FILTER_CHANGED\"," \
    " \"data\": {\"path\": \"/machine\"}}\r\n"

struct FakeQemu {
    FakeQemuManner manner;
    char *path; // of the socket
    int listener;
    int wake[2]; // readable: end
    GThread *thread;

    GMutex lock;         // for all below
    GHashTable *answers; // command -> JSON
    GHashTable *counts;  // command -> how often it came
    char *good_until;    // the command that it misbehaves from; NULL: from the first on
    char *refusal;       // what it says of each error; NULL: what QEMU does
    FakeQemuHook hook;
    gpointer hook_data;
};

/// A client that is served.
typedef struct {
    FakeQemu *qemu;
    int fd;
    gboolean negotiated;
    GString *received;
} Client;

/// Waits for @fd; FALSE when the fake is to end first, or nothing comes for @timeout_ms (-1: ever).
static gboolean await(const FakeQemu *qemu, int fd, short events, int timeout_ms)
{
    struct pollfd wanted[] = { { .fd = qemu->wake[0], .events = POLLIN },
        { .fd = fd, .events = events } };
    int ready;

    do {
        ready = poll(wanted, G_N_ELEMENTS(wanted), timeout_ms);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 && wanted[0].revents == 0;
}

static gboolean send_bytes(const Client *client, const char *bytes, gsize length)
{
    while (length > 0) {
        ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            bytes += sent;
            length -= (gsize)sent;
        } else if (errno != EAGAIN || !await(client->qemu, client->fd, POLLOUT, -1)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean send_text(const Client *client, const char *text)
{
    gboolean sent = TRUE;

    if (client->qemu->manner != FAKE_QEMU_SPLITS) {
        return send_bytes(client, text, strlen(text));
    }
    for (gsize i = 0; sent && text[i] != '\0'; i++) {
        sent = send_bytes(client, text + i, 1);
    }
    return sent;
}

static gboolean send_without_end(const Client *client)
{
    g_autofree char *chunk = g_strnfill(65536, 'x');

    while (send_bytes(client, chunk, 65536)) {
    }
    return FALSE;
}

static gboolean send_events_without_end(const Client *client)
{
    while (send_bytes(client, EVENT, strlen(EVENT))) {
    }
    return FALSE;
}

static gboolean send_drop_by_drop(const Client *client)
{
    /* Without events it waits for a client that leaves, not for one that goes on asking. */
    while (send_bytes(client, "{", 1) && !await(client->qemu, client->fd, 0, 10)) {
        char wakes;
        if (recv(client->qemu->wake[0], &wakes, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
            break;
        }
    }
    return FALSE;
}

static gboolean send_reply(const Client *client, const char *kind, const char *json, const char *id)
{
    g_autofree char *text = g_strdup_printf("{\"%s\": %s, \"id\": %s}\r\n", kind, json, id);

    return send_text(client, text);
}

static gboolean send_error(const Client *client, const char *description, const char *id)
{
    FakeQemu *qemu = client->qemu;

    g_mutex_lock(&qemu->lock);
    g_autoptr(JsonObject) error = json_object_new_object();
    json_object_object_add(error, "class", json_object_new_string("CommandNotFound"));
    json_object_object_add(
        error, "desc", json_object_new_string(qemu->refusal != NULL ? qemu->refusal : description));
    g_mutex_unlock(&qemu->lock);
    return send_reply(client, "error", json_object_to_json_string(error), id);
}

static gboolean answer_well(const Client *client, const char *command, const char *id)
{
    FakeQemu *qemu = client->qemu;
    g_autofree char *json = NULL;

    if (!client->negotiated) {
        return send_error(client, "Expecting capabilities negotiation with 'qmp_capabilities'", id);
    }
    g_mutex_lock(&qemu->lock);
    json = g_strdup(g_hash_table_lookup(qemu->answers, command));
    g_mutex_unlock(&qemu->lock);
    return json != NULL ? send_reply(client, "return", json, id)
                        : send_error(client, "The command has not been found", id);
}

/// Counts the command, tells the test of it, and says in which manner it is to be answered.
static FakeQemuManner take_note(FakeQemu *qemu, const char *command)
{
    g_mutex_lock(&qemu->lock);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(qemu->counts, command));
    g_hash_table_insert(qemu->counts, g_strdup(command), GUINT_TO_POINTER(count + 1));
    if (g_strcmp0(qemu->good_until, command) == 0) {
        g_clear_pointer(&qemu->good_until, g_free);
    }
    FakeQemuManner manner = qemu->good_until == NULL ? qemu->manner : FAKE_QEMU_GOOD;
    FakeQemuHook hook = qemu->hook;
    gpointer data = qemu->hook_data;
    g_mutex_unlock(&qemu->lock);

    if (hook != NULL) {
        hook(command, data);
    }
    return manner;
}

/// FALSE ends the connection.
static gboolean answer(Client *client, const char *command, const char *id)
{
    FakeQemuManner manner = take_note(client->qemu, command);

    client->negotiated |= strcmp(command, "qmp_capabilities") == 0;
    switch (manner) {
    case FAKE_QEMU_SILENT:
    case FAKE_QEMU_STALLS:
        return TRUE;
    case FAKE_QEMU_CLOSES:
        return FALSE;
    case FAKE_QEMU_GARBAGE:
        return send_text(client, "\x01\xff this is {no JSON\r\n");
    case FAKE_QEMU_HUGE_LINE:
        return send_without_end(client);
    case FAKE_QEMU_DRIPS:
        return send_drop_by_drop(client);
    case FAKE_QEMU_EVENTS_ONLY:
        return send_events_without_end(client);
    case FAKE_QEMU_EVENTS_FIRST:
        return send_text(client, EVENT EVENT) && answer_well(client, command, id);
    case FAKE_QEMU_OTHER_REPLIES:
        return send_reply(client, "return", "\"somebody else's\"", "987654321") &&
               send_text(client, "{\"return\": \"nobody's\"}\r\n") &&
               answer_well(client, command, id);
    case FAKE_QEMU_REFUSES:
        return strcmp(command, "qmp_capabilities") != 0
                   ? send_error(client, "Not in this state", id)
                   : answer_well(client, command, id);
    case FAKE_QEMU_GOOD:
    case FAKE_QEMU_SPLITS:
        return answer_well(client, command, id);
    }
    g_assert_not_reached();
}

static gboolean take_line(Client *client, const char *line)
{
    g_autoptr(JsonObject) message = json_tokener_parse(line);
    JsonObject *command = NULL, *id = NULL;

    g_assert_true(json_object_object_get_ex(message, "execute", &command));
    json_object_object_get_ex(message, "id", &id);
    return answer(client, json_object_get_string(command), json_object_to_json_string(id));
}

static gboolean take_lines(Client *client)
{
    char *end;

    while ((end = strchr(client->received->str, '\n')) != NULL) {
        g_autofree char *line = g_strndup(
            client->received->str, (gsize)(end - client->received->str));
        g_string_erase(client->received, 0, end - client->received->str + 1);
        if (!take_line(client, line)) {
            return FALSE;
        }
    }
    return TRUE;
}

static void converse(Client *client)
{
    char chunk[4096];
    ssize_t got;

    do {
        if (!take_lines(client) || !await(client->qemu, client->fd, POLLIN, -1)) {
            return;
        }
        got = recv(client->fd, chunk, sizeof(chunk), 0);
        g_string_append_len(client->received, chunk, MAX(got, 0));
    } while (got > 0);
}

static void serve(FakeQemu *qemu, int fd)
{
    Client client = { .qemu = qemu, .fd = fd, .received = g_string_new(NULL) };
    gboolean good = qemu->good_until != NULL;
    gboolean greeted = !good && qemu->manner == FAKE_QEMU_SILENT ? TRUE
                                                                 : send_text(&client, GREETING);

    if (greeted && (good || qemu->manner != FAKE_QEMU_CLOSES)) {
        converse(&client);
    }
    g_string_free(client.received, TRUE);
    close(fd);
}

static gpointer run(gpointer data)
{
    FakeQemu *qemu = data;

    while (await(qemu, qemu->listener, POLLIN, -1)) {
        int fd = accept4(qemu->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            serve(qemu, fd);
        }
    }
    return NULL;
}

/// Bound through the handle of its directory: the path may be longer than sun_path.
static int listen_at(const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *name = g_path_get_basename(path);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int handle = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(handle, >=, 0);
    g_assert_cmpint(listener, >=, 0);
    g_snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", handle, name);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    close(handle);
    return listener;
}

FakeQemu *fake_qemu_new(FakeRoot *fake, guint vmid, FakeQemuManner manner)
{
    FakeQemu *qemu = g_new0(FakeQemu, 1);
    g_autofree char *name = g_strdup_printf("run/qemu-server/%u.qmp", vmid);

    qemu->manner = manner;
    qemu->path = fake_root_outside(fake, name);
    qemu->listener = listen_at(qemu->path);
    g_mutex_init(&qemu->lock);
    qemu->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    qemu->counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, qemu->wake), ==, 0);
    fake_qemu_answer(qemu, "qmp_capabilities", "{}");
    fake_qemu_answer(qemu, "query-cpus-fast", "[]");
    fake_qemu_answer(qemu, "query-iothreads", "[]");
    fake_qemu_answer(qemu, "query-status", "{\"status\": \"running\", \"running\": true}");
    fake_qemu_answer(qemu, "cont", "{}");
    qemu->thread = g_thread_new("fake-qemu", run, qemu);
    return qemu;
}

void fake_qemu_free(FakeQemu *qemu)
{
    if (qemu == NULL) {
        return;
    }
    g_assert_cmpint(write(qemu->wake[1], "", 1), ==, 1);
    g_thread_join(qemu->thread);
    close(qemu->wake[0]);
    close(qemu->wake[1]);
    close(qemu->listener);
    unlink(qemu->path);
    g_mutex_clear(&qemu->lock);
    g_hash_table_unref(qemu->answers);
    g_hash_table_unref(qemu->counts);
    g_free(qemu->good_until);
    g_free(qemu->refusal);
    g_free(qemu->path);
    g_free(qemu);
}

void fake_qemu_answer(FakeQemu *qemu, const char *command, const char *json)
{
    g_mutex_lock(&qemu->lock);
    g_hash_table_insert(qemu->answers, g_strdup(command), g_strdup(json));
    g_mutex_unlock(&qemu->lock);
}

void fake_qemu_refuse_with(FakeQemu *qemu, const char *description)
{
    g_mutex_lock(&qemu->lock);
    g_free(qemu->refusal);
    qemu->refusal = g_strdup(description);
    g_mutex_unlock(&qemu->lock);
}

guint fake_qemu_count(FakeQemu *qemu, const char *command)
{
    g_mutex_lock(&qemu->lock);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(qemu->counts, command));
    g_mutex_unlock(&qemu->lock);
    return count;
}

void fake_qemu_misbehave_from(FakeQemu *qemu, const char *command)
{
    g_mutex_lock(&qemu->lock);
    g_free(qemu->good_until);
    qemu->good_until = g_strdup(command);
    g_mutex_unlock(&qemu->lock);
}

void fake_qemu_on_command(FakeQemu *qemu, FakeQemuHook hook, gpointer data)
{
    g_mutex_lock(&qemu->lock);
    qemu->hook = hook;
    qemu->hook_data = data;
    g_mutex_unlock(&qemu->lock);
}
