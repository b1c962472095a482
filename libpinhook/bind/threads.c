// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/threads.h"

#include "base/error.h"
#include "read/vmconfig.h"

#include <string.h>

const char *thread_role_name(ThreadRole role)
{
    static const char *const names[] = {
        [THREAD_VCPU] = "vcpu",
        [THREAD_IOTHREAD] = "iothread",
        [THREAD_MAIN] = "main",
        [THREAD_WORKER] = "worker",
    };

    return names[role];
}

void qemu_threads_free(QemuThreads *threads)
{
    if (threads == NULL) {
        return;
    }
    g_array_unref(threads->vcpus);
    g_array_unref(threads->iothreads);
    g_free(threads->path);
    g_free(threads->unknown);
    g_free(threads);
}

void thread_free(Thread *thread)
{
    if (thread == NULL) {
        return;
    }
    g_free(thread->name);
    g_free(thread);
}

/* What QEMU says. */

/// @index_key NULL: the threads have no index.
static GArray *read_threads(JsonObject *reply, const char *index_key)
{
    g_autoptr(GArray) threads = g_array_new(FALSE, TRUE, sizeof(QemuThread));

    if (!json_object_is_type(reply, json_type_array)) {
        return NULL;
    }
    for (gsize i = 0; i < json_object_array_length(reply); i++) {
        JsonObject *json = json_object_array_get_idx(reply, i);
        gint64 tid, index = 0;
        if (!json_get_integer(json, "thread-id", G_MAXINT, &tid) ||
            (index_key != NULL &&
                !json_get_integer(json, index_key, VMCONFIG_VCPU_LIMIT, &index))) {
            return NULL;
        }
        QemuThread thread = { .tid = (int)tid, .vcpu = (guint)index };
        g_array_append_val(threads, thread);
    }
    return g_steal_pointer(&threads);
}

/// The core of the guest that a vCPU is a thread of: every id in its `props` but those of the
/// thread and the node. All but core-id are optional, and depend on the machine (qapi/machine.json,
/// CpuInstanceProperties). NULL: QEMU does not say.
static char *name_core(JsonObject *vcpu)
{
    static const char *const keys[] = { "drawer-id", "book-id", "socket-id", "die-id", "cluster-id",
        "module-id", "core-id" };
    g_autoptr(GString) name = g_string_new(NULL);
    JsonObject *props = NULL;
    gint64 id;

    json_object_object_get_ex(vcpu, "props", &props);
    if (!json_get_integer(props, "core-id", G_MAXINT64, &id)) {
        return NULL;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (json_get_integer(props, keys[i], G_MAXINT64, &id)) {
            g_string_append_printf(name, "%s %" G_GINT64_FORMAT " ", keys[i], id);
        }
    }
    return g_string_free(g_steal_pointer(&name), FALSE);
}

static guint count_siblings(JsonObject *reply)
{
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    guint most = 0;

    for (gsize i = 0; i < json_object_array_length(reply); i++) {
        char *core = name_core(json_object_array_get_idx(reply, i));
        if (core == NULL) {
            return 0;
        }
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, core)) + 1;
        most = MAX(most, count);
        g_hash_table_replace(counts, core, GUINT_TO_POINTER(count));
    }
    return most;
}

static char *first_path(JsonObject *reply)
{
    JsonObject *first = json_object_array_get_idx(reply, 0);
    const char *path;

    return json_get_string(first, "qom-path", &path) ? g_strdup(path) : NULL;
}

/// The threads in the place of @threads, and the reply, which the caller owns. NULL with @error.
static JsonObject *query(
    Qmp *qmp, const char *command, const char *index_key, GArray **threads, GError **error)
{
    g_autoptr(JsonObject) reply = qmp_execute(qmp, command, error);
    GArray *read = reply != NULL ? read_threads(reply, index_key) : NULL;

    if (read != NULL) {
        g_array_unref(*threads);
        *threads = read;
        return g_steal_pointer(&reply);
    }
    if (reply != NULL) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "QEMU's reply to %s has no thread ids", command);
    }
    return NULL;
}

static int compare_vcpus(gconstpointer a, gconstpointer b)
{
    const QemuThread *first = a, *second = b;

    return first->vcpu < second->vcpu ? -1 : first->vcpu > second->vcpu;
}

QemuThreads *qemu_threads_new(void)
{
    QemuThreads *threads = g_new(QemuThreads, 1);

    *threads = (QemuThreads){ .vcpus = g_array_new(FALSE, FALSE, sizeof(QemuThread)),
        .iothreads = g_array_new(FALSE, FALSE, sizeof(QemuThread)) };
    return threads;
}

QemuThreads *qemu_threads_query(Qmp *qmp, GError **error)
{
    g_autoptr(QemuThreads) threads = qemu_threads_new();
    g_autoptr(JsonObject)
        vcpus = query(qmp, "query-cpus-fast", "cpu-index", &threads->vcpus, error);
    if (vcpus == NULL) {
        return NULL;
    }
    threads->siblings = count_siblings(vcpus);
    threads->path = first_path(vcpus);
    g_array_sort(threads->vcpus, compare_vcpus);

    g_autoptr(JsonObject)
        iothreads = query(qmp, "query-iothreads", NULL, &threads->iothreads, error);
    return iothreads != NULL ? g_steal_pointer(&threads) : NULL;
}

/// Takes @why.
static void cannot_tell(QemuThreads *threads, char *why)
{
    threads->told = SIBLINGS_UNKNOWN;
    threads->unknown = why;
}

void qemu_threads_ask_told(QemuThreads *threads, Qmp *qmp, HostVendor vendor)
{
    g_autoptr(GError) error = NULL;

    if (threads->siblings < 2 || vendor == VENDOR_OTHER) {
        return;
    }
    g_autoptr(JsonObject)
        topoext = qmp_get(qmp, threads->path != NULL ? threads->path : "", "topoext", &error);
    if (topoext == NULL || !json_object_is_type(topoext, json_type_boolean)) {
        cannot_tell(threads, g_strdup(error != NULL ? error->message : "QEMU does not say"));
    } else if (!json_object_get_boolean(topoext) && vendor == VENDOR_UNKNOWN) {
        cannot_tell(threads, g_strdup("/proc/cpuinfo cannot be read"));
    } else {
        threads->told = json_object_get_boolean(topoext) ? SIBLINGS_TOLD : SIBLINGS_HIDDEN;
    }
}

/* What the kernel says. */

static const QemuThread *find_thread(const GArray *threads, int tid)
{
    for (guint i = 0; i < threads->len; i++) {
        const QemuThread *thread = &g_array_index(threads, QemuThread, i);
        if (thread->tid == tid) {
            return thread;
        }
    }
    return NULL;
}

static void set_role(Thread *thread, const Process *process, const QemuThreads *qemu)
{
    const QemuThread *vcpu = find_thread(qemu->vcpus, thread->tid);

    if (thread->tid == process->pid) {
        thread->role = THREAD_MAIN; // whatever QEMU says: it never runs a vCPU
    } else if (vcpu != NULL) {
        thread->role = THREAD_VCPU;
        thread->vcpu = vcpu->vcpu;
    } else if (find_thread(qemu->iothreads, thread->tid) != NULL) {
        thread->role = THREAD_IOTHREAD;
    } else {
        thread->role = THREAD_WORKER;
    }
}

static int compare_tids(gconstpointer a, gconstpointer b)
{
    const Thread *first = *(Thread *const *)a, *second = *(Thread *const *)b;

    return first->tid < second->tid ? -1 : first->tid > second->tid;
}

GPtrArray *threads_walk(
    const Root *root, const Process *process, const QemuThreads *qemu, GError **error)
{
    g_autofree char *directory = g_strdup_printf("proc/%d/task", process->pid);
    g_autoptr(GError) unlisted = NULL;
    g_auto(GStrv) tids = root_list(root, directory, &unlisted);
    g_autoptr(GPtrArray) threads = g_ptr_array_new_with_free_func((GDestroyNotify)thread_free);
    gboolean alive;

    if (tids == NULL && !g_error_matches(unlisted, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&unlisted));
        return NULL;
    }
    for (guint i = 0; tids != NULL && tids[i] != NULL; i++) {
        g_autofree char *path = g_strdup_printf("%s/%s/stat", directory, tids[i]);
        g_autoptr(GError) failed = NULL;
        guint64 tid;
        ProcessStat stat;
        if (!g_ascii_string_to_unsigned(tids[i], 10, 1, G_MAXINT, &tid, NULL)) {
            continue;
        }
        if (!process_read_stat(root, path, &stat, &failed)) {
            if (g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
                continue;
            }
            g_propagate_error(error, g_steal_pointer(&failed));
            return NULL;
        }
        Thread *thread = g_new0(Thread, 1);
        *thread = (Thread){ .tid = (int)tid,
            .name = stat.name,
            .last_cpu = stat.last_cpu,
            .start_time = stat.start_time };
        set_role(thread, process, qemu);
        g_ptr_array_add(threads, thread);
    }
    if (!process_look(root, process, &alive, error)) {
        return NULL;
    }
    if (!alive) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE,
            "QEMU (process %d) ended while its threads were read", process->pid);
        return NULL;
    }
    g_ptr_array_sort(threads, compare_tids);
    return g_steal_pointer(&threads);
}

gboolean thread_look(
    const Root *root, const Process *process, const Thread *thread, gboolean *there, GError **error)
{
    g_autofree char *path = g_strdup_printf("proc/%d/task/%d/stat", process->pid, thread->tid);
    g_autoptr(GError) failed = NULL;
    ProcessStat stat = { 0 };
    gboolean found = process_read_stat(root, path, &stat, &failed);

    g_free(stat.name);
    if (!found && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *there = found && stat.start_time == thread->start_time;
    return TRUE;
}
