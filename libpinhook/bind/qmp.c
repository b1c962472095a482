// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/qmp.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct Qmp {
    int fd;
    guint vmid;
    guint deadline_ms;
    gint64 deadline; // monotonic, in us
    guint last_id;
    GString *received; // what has come and was not yet taken
};

void qmp_free(Qmp *qmp)
{
    if (qmp == NULL) {
        return;
    }
    if (qmp->fd >= 0) {
        close(qmp->fd);
    }
    g_string_free(qmp->received, TRUE);
    g_free(qmp);
}

static gboolean timed_out(const Qmp *qmp, GError **error, const char *doing)
{
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT,
        "QEMU of VM %u did not %s within %u ms", qmp->vmid, doing, qmp->deadline_ms);
    return FALSE;
}

static gint64 time_left(const Qmp *qmp)
{
    return MAX(qmp->deadline - g_get_monotonic_time(), 0);
}

static gboolean wait_for(const Qmp *qmp, short event, GError **error)
{
    struct pollfd wanted = { .fd = qmp->fd, .events = event };

    for (;;) {
        /* Rounded up, so that the last millisecond is not spent polling. */
        int ready = poll(&wanted, 1, (int)((time_left(qmp) + 999) / 1000));
        if (ready > 0) {
            return TRUE;
        }
        if (ready == 0 && time_left(qmp) == 0) {
            return timed_out(qmp, error, event == POLLIN ? "answer" : "listen");
        }
        if (ready < 0 && errno != EINTR) {
            return error_set_errno(error, errno, "cannot wait for QEMU of VM %u", qmp->vmid);
        }
    }
}

/// The socket file is resolved beneath the root, then reached through its handle: so its path may
/// be longer than sun_path, and no link in it leads out.
static gboolean find_socket(
    const Qmp *qmp, const Root *root, struct sockaddr_un *address, int *handle, GError **error)
{
    g_autofree char *path = g_strdup_printf("run/qemu-server/%u.qmp", qmp->vmid);

    *handle = root_openat(root, path, O_PATH, 0, error);
    if (*handle < 0) {
        return FALSE;
    }
    *address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d", *handle);
    return TRUE;
}

/// When others wait already, connect() blocks until there is room, for as long as SO_SNDTIMEO says.
static gboolean connect_socket(Qmp *qmp, const struct sockaddr_un *address, GError **error)
{
    gint64 left = MAX(time_left(qmp), 1);
    struct timeval timeout = { .tv_sec = left / G_USEC_PER_SEC, .tv_usec = left % G_USEC_PER_SEC };

    qmp->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (qmp->fd < 0 ||
        setsockopt(qmp->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0) {
        return error_set_errno(error, errno, "cannot make a socket");
    }
    while (connect(qmp->fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
        if (errno == EAGAIN || errno == EINPROGRESS) {
            return timed_out(qmp, error, "listen");
        }
        if (errno == ECONNREFUSED) {
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
                "nobody listens on the QMP socket of VM %u", qmp->vmid);
            return FALSE;
        }
        if (errno != EINTR) {
            return error_set_errno(
                error, errno, "cannot connect to the QMP socket of VM %u", qmp->vmid);
        }
    }
    return fcntl(qmp->fd, F_SETFL, O_NONBLOCK) == 0 ||
           error_set_errno(error, errno, "cannot use the QMP socket of VM %u", qmp->vmid);
}

static gboolean send_all(const Qmp *qmp, const char *text, gsize length, GError **error)
{
    while (length > 0) {
        ssize_t sent = send(qmp->fd, text, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            text += sent;
            length -= (gsize)sent;
        } else if (errno == EAGAIN) {
            if (!wait_for(qmp, POLLOUT, error)) {
                return FALSE;
            }
        } else if (errno != EINTR) {
            return error_set_errno(error, errno, "cannot write to QEMU of VM %u", qmp->vmid);
        }
    }
    return TRUE;
}

static gboolean receive_more(Qmp *qmp, GError **error)
{
    char chunk[16384];
    ssize_t got = recv(qmp->fd, chunk, sizeof(chunk), 0);

    if (got > 0) {
        g_string_append_len(qmp->received, chunk, got);
        if (qmp->received->len > QMP_REPLY_LIMIT) {
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
                "QEMU of VM %u sent a line of over %d KiB", qmp->vmid, QMP_REPLY_LIMIT / 1024);
            return FALSE;
        }
        return TRUE;
    }
    if (got == 0) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "QEMU of VM %u closed the QMP socket", qmp->vmid);
        return FALSE;
    }
    if (errno == EAGAIN) {
        return wait_for(qmp, POLLIN, error);
    }
    return errno == EINTR ||
           error_set_errno(error, errno, "cannot read from QEMU of VM %u", qmp->vmid);
}

/// The next message: QEMU ends each with a newline. NULL with @error.
static JsonObject *next_message(Qmp *qmp, GError **error)
{
    gsize searched = 0;
    char *end;

    while ((end = memchr(qmp->received->str + searched, '\n', qmp->received->len - searched)) ==
           NULL) {
        searched = qmp->received->len;
        /* Also where data never stops coming. */
        if (time_left(qmp) == 0) {
            timed_out(qmp, error, "answer");
            return NULL;
        }
        if (!receive_more(qmp, error)) {
            return NULL;
        }
    }

    g_autofree char *line = g_strndup(qmp->received->str, (gsize)(end - qmp->received->str));
    g_string_erase(qmp->received, 0, end - qmp->received->str + 1);
    JsonObject *message = json_tokener_parse(line);
    if (message == NULL || !json_object_is_type(message, json_type_object)) {
        g_autofree char *shown = text_show_start(line, 60);
        json_object_put(message);
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "QEMU of VM %u sent what is no QMP message: '%s'", qmp->vmid, shown);
        return NULL;
    }
    return message;
}

static gboolean await_greeting(Qmp *qmp, GError **error)
{
    for (;;) {
        g_autoptr(JsonObject) message = next_message(qmp, error);
        if (message == NULL) {
            return FALSE;
        }
        if (json_object_object_get_ex(message, "QMP", NULL)) {
            return TRUE;
        }
    }
}

static gboolean is_reply_to(JsonObject *message, guint id)
{
    JsonObject *value;

    return json_object_object_get_ex(message, "id", &value) &&
           json_object_is_type(value, json_type_int) && json_object_get_int64(value) == id;
}

static void set_qemu_error(const Qmp *qmp, const char *command, JsonObject *failure, GError **error)
{
    JsonObject *text = NULL;

    json_object_object_get_ex(failure, "desc", &text);
    g_autofree char *shown = text_show_start(text != NULL ? json_object_get_string(text) : "", 200);
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "QEMU of VM %u refuses %s: %s",
        qmp->vmid, command, shown);
}

/// @arguments: JSON.
static JsonObject *execute(Qmp *qmp, const char *command, const char *arguments, GError **error)
{
    guint id = ++qmp->last_id;
    g_autofree char *text = g_strdup_printf(
        "{\"execute\":\"%s\",\"arguments\":%s,\"id\":%u}\n", command, arguments, id);

    if (!send_all(qmp, text, strlen(text), error)) {
        return NULL;
    }
    for (;;) {
        g_autoptr(JsonObject) message = next_message(qmp, error);
        JsonObject *value;
        if (message == NULL) {
            return NULL;
        }
        if (!is_reply_to(message, id)) {
            continue;
        }
        if (json_object_object_get_ex(message, "error", &value)) {
            set_qemu_error(qmp, command, value, error);
            return NULL;
        }
        /* NULL is JSON's null, which no command that is used here returns. */
        if (json_object_object_get_ex(message, "return", &value) && value != NULL) {
            return json_object_get(value);
        }
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "QEMU of VM %u answered %s with neither return nor error", qmp->vmid, command);
        return NULL;
    }
}

JsonObject *qmp_execute(Qmp *qmp, const char *command, GError **error)
{
    return execute(qmp, command, "{}", error);
}

JsonObject *qmp_get(Qmp *qmp, const char *path, const char *property, GError **error)
{
    g_autoptr(JsonObject) arguments = json_object_new_object();

    json_object_object_add(arguments, "path", json_object_new_string(path));
    json_object_object_add(arguments, "property", json_object_new_string(property));
    return execute(qmp, "qom-get", json_object_to_json_string_ext(arguments, 0), error);
}

static gboolean open_dialogue(Qmp *qmp, const Root *root, GError **error)
{
    struct sockaddr_un address;
    int handle;

    if (!find_socket(qmp, root, &address, &handle, error)) {
        return FALSE;
    }
    gboolean connected = connect_socket(qmp, &address, error);
    close(handle);
    if (!connected || !await_greeting(qmp, error)) {
        return FALSE;
    }
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "qmp_capabilities", error);
    return reply != NULL;
}

Qmp *qmp_connect(const Root *root, guint vmid, guint deadline_ms, GError **error)
{
    g_autoptr(Qmp) qmp = g_new0(Qmp, 1);

    qmp->fd = -1;
    qmp->vmid = vmid;
    qmp->deadline_ms = deadline_ms;
    qmp->deadline = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
    qmp->received = g_string_new(NULL);
    return open_dialogue(qmp, root, error) ? g_steal_pointer(&qmp) : NULL;
}
