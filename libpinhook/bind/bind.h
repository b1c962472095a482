// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "bind/kernel.h"
#include "bind/threads.h"

/// One thread as it was last seen.
typedef struct {
    Thread *thread;
    CpuSet *wanted;  // where the plan wants it; NULL: the plan does not know this vCPU
    CpuSet *allowed; // where the kernel lets it run
    char *refusal;   // why it could not be moved; NULL: it was not refused
} ObservedThread;

/// What was read back from the kernel.
typedef struct {
    GPtrArray *threads;    // ObservedThread, by tid
    CpuSet *online;        // the host's CPUs; NULL: not known
    GArray *missing_vcpus; // QemuThread: QEMU names a thread that its process does not have
    guint siblings;        // these three as QemuThreads has them
    SiblingsTold told;
    char *unknown;
    gboolean bound;    // binding was tried, not only looked at
    guint moved;       // threads whose masks binding changed
    gboolean restless; // the threads changed for as long as they were bound
} Observed;

void observed_free(Observed *observed);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Observed, observed_free)

/// Looks where every thread may run, and changes nothing. @plan NULL: nothing is wanted of any.
/// The threads of @process must be real: root_is_live().
Observed *bind_look(const Root *root, const Kernel *kernel, const Process *process,
    const QemuThreads *qemu, const Plan *plan, GError **error);

/// Binds the other threads, then the vCPUs, and looks; again until two looks in a row see the same
/// threads. A thread that is made meanwhile has the mask of its maker, which is why the others come
/// first. What the kernel refuses is noted and passed over.
Observed *bind_threads(const Root *root, const Kernel *kernel, const Process *process,
    const QemuThreads *qemu, const Plan *plan, GError **error);
