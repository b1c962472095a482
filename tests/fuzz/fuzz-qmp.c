// SPDX-License-Identifier: LGPL-2.1-or-later
/* What QEMU says makes sound threads or an error, and ends when QEMU does. The input is all that it
 * says, with its greeting. */
#include "base/error.h"
#include "bind/guest.h"
#include "bind/threads.h"
#include "fakes/fake-root.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { VMID = 100, DEADLINE_MS = 60000 };

static FakeRoot *fake;
static GAsyncQueue *inputs;

static int listen_there(void)
{
    g_autofree char *path = fake_root_outside(fake, "run/qemu-server/100.qmp");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    g_assert(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    g_assert(listen(fd, 1) == 0);
    return fd;
}

/// Until the client has heard enough.
static void send_all(int client, const char *bytes, gsize size)
{
    while (size > 0) {
        ssize_t sent = send(client, bytes, size, MSG_NOSIGNAL);
        if (sent < 0) {
            return;
        }
        bytes += sent;
        size -= (gsize)sent;
    }
}

/// Says one input to each client, and listens to none before it is done.
static gpointer serve(gpointer data)
{
    int listening = GPOINTER_TO_INT(data);

    for (;;) {
        g_autoptr(GBytes) input = g_async_queue_pop(inputs);
        int client = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
        char heard[4096];
        gsize size;
        const char *bytes = g_bytes_get_data(input, &size);
        send_all(client, bytes, size);
        shutdown(client, SHUT_WR);
        while (read(client, heard, sizeof(heard)) > 0) {
        }
        close(client);
    }
    return NULL;
}

static void prepare(void)
{
    fake = fake_root_new();
    inputs = g_async_queue_new();
    g_thread_unref(g_thread_new("qemu", serve, GINT_TO_POINTER(listen_there())));
}

static void assert_sound(const QemuThreads *threads)
{
    for (guint i = 0; i < threads->vcpus->len; i++) {
        const QemuThread *thread = &g_array_index(threads->vcpus, QemuThread, i);
        g_assert(thread->tid >= 0 && thread->vcpu <= VMCONFIG_VCPU_LIMIT);
        g_assert(i == 0 || thread[-1].vcpu <= thread->vcpu);
    }
    g_assert(threads->siblings <= threads->vcpus->len);
}

/// As post-start does.
static gboolean talk(GError **error)
{
    static const char config[] = "cores: 2\nfreeze: 1\n";
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));
    g_autoptr(Qmp) qmp = qmp_connect(fake->root, VMID, DEADLINE_MS, error);
    GuestState state = GUEST_UNKNOWN;

    if (qmp == NULL || !guest_look(qmp, vm, &state, error)) {
        return FALSE;
    }
    g_assert(state == GUEST_FROZEN || state == GUEST_UNTOUCHED);
    g_autoptr(QemuThreads) threads = qemu_threads_query(qmp, error);
    if (threads == NULL) {
        return FALSE;
    }
    assert_sound(threads);
    gboolean released = guest_release(qmp, &state, error);
    g_assert(state == (released ? GUEST_RELEASED : GUEST_UNKNOWN));
    return released;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;

    if (fake == NULL) {
        prepare();
    }
    g_async_queue_push(inputs, g_bytes_new(data, size));
    gboolean good = talk(&error);
    g_assert(good == (error == NULL));
    g_assert(!g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT));
    return 0;
}
