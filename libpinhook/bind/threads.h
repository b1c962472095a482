// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"
#include "read/process.h"
#include "bind/qmp.h"

typedef enum {
    THREAD_VCPU,
    THREAD_IOTHREAD,
    THREAD_MAIN,
    THREAD_WORKER, // all others: vhost, aio, VNC, migration, …
} ThreadRole;

/// "vcpu", "iothread", "main", "worker".
const char *thread_role_name(ThreadRole role);

/// A thread as QEMU names it.
typedef struct {
    int tid;
    guint vcpu; // cpu-index; of an iothread 0
} QemuThread;

/// Whether the guest is told which of its vCPUs share a core.
typedef enum {
    SIBLINGS_TOLD,   // as QEMU's topology has them, or there are none
    SIBLINGS_HIDDEN, // its CPU, by AMD, lacks topoext
    SIBLINGS_UNKNOWN,
} SiblingsTold;

/// What QEMU says of its own threads: QMP decides, thread names are no authority.
typedef struct {
    GArray *vcpus;     // QemuThread, by cpu-index
    GArray *iothreads; // QemuThread
    char *path;        // of the first vCPU's object; NULL: QEMU does not say
    SiblingsTold told;
    char *unknown;  // with SIBLINGS_UNKNOWN: why
    guint siblings; // most of the vCPUs that the guest is told share a core; 0: QEMU does not say
} QemuThreads;

/// Of a QEMU that was not asked: none of its threads has a role of its own.
QemuThreads *qemu_threads_new(void);

/// Asks query-cpus-fast and query-iothreads.
QemuThreads *qemu_threads_query(Qmp *qmp, GError **error);

/// Asks, if @threads has siblings and it takes more than telling QEMU of them, on a host whose CPUs
/// are by @vendor: see read/cpumodel.h.
void qemu_threads_ask_told(QemuThreads *threads, Qmp *qmp, HostVendor vendor);
void qemu_threads_free(QemuThreads *threads);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuThreads, qemu_threads_free)

/// A thread of the VM's process.
typedef struct {
    int tid;
    ThreadRole role;
    guint vcpu; // with THREAD_VCPU
    char *name;
    int last_cpu;       // where it last ran
    guint64 start_time; // tells it from a later thread with its tid
} Thread;

void thread_free(Thread *thread);

/// Every thread in /proc/<pid>/task with its role, by tid. A thread that ends meanwhile is left
/// out. A tid that QEMU names and that is not there is of no use to anybody: it is left out too,
/// and its vCPU missing. PINHOOK_ERROR_GONE when @process has ended. The caller unrefs the array.
GPtrArray *threads_walk(
    const Root *root, const Process *process, const QemuThreads *qemu, GError **error);

/// Whether @thread is still there, and no other that has come to its tid: in @there. FALSE with
/// @error: it cannot be told.
gboolean thread_look(const Root *root, const Process *process, const Thread *thread,
    gboolean *there, GError **error);
