// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "read/process.h"

/// The only way that anything in this library changes a thread, moves a page or ends a process.
/// Tests put a kernel in its place that refuses, or says yes and does nothing.
typedef struct {
    /// Asks for a mask. The kernel may cut it to the thread's cpuset without a word: read it back.
    /// PINHOOK_ERROR_GONE when there is no such thread.
    gboolean (*set_affinity)(int tid, const CpuSet *cpus, GError **error);

    /// The mask in force. PINHOOK_ERROR_GONE when there is no such thread.
    CpuSet *(*get_affinity)(int tid, GError **error);

    /// Where @count pages of a process lie, and with @targets (NULL: only look) asks first to move
    /// each to that node. @nodes gets a node for each page, or a negative number: nothing is there
    /// yet, or it would not move. What became of a move only a later look tells. Pages that another
    /// process has too are not moved. PINHOOK_ERROR_GONE when there is no such process.
    gboolean (*move_pages)(
        int pid, guint count, void *const *pages, const int *targets, int *nodes, GError **error);

    /// Ends @process, and no other that has come to its pid: with SIGTERM, and where that has not
    /// helped after half of @deadline_ms, as with one that is stopped, with SIGKILL. TRUE: it was
    /// seen to end. PINHOOK_ERROR_GONE: it had ended before; PINHOOK_ERROR_TIMEOUT: it has not yet.
    gboolean (*terminate)(
        const Root *root, const Process *process, guint deadline_ms, GError **error);
} Kernel;

/// The running kernel.
extern const Kernel kernel_running;
