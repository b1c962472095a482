// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/kernel.h"

#include "base/error.h"

#include <errno.h>
#include <poll.h>
#include <numa.h>
#include <numaif.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

/* NR_CPUS is at most 8192. A mask shorter than the kernel's own is refused when read; a bare
 * cpu_set_t would drop CPUs from 1024 on without a word. */
#define MASK_BITS 8192
#define MASK_ULONGS (MASK_BITS / (8 * sizeof(unsigned long)))

static gboolean set_affinity(int tid, const CpuSet *cpus, GError **error)
{
    struct bitmask *mask = numa_bitmask_alloc(MASK_BITS);

    for (unsigned i = 0; i < MASK_ULONGS; i++) {
        mask->maskp[i] = hwloc_bitmap_to_ith_ulong(cpus, i);
    }
    int failed = numa_sched_setaffinity(tid, mask) < 0 ? errno : 0;
    numa_bitmask_free(mask);
    return failed == 0 || error_set_errno(error, failed, "cannot move thread %d", tid);
}

static CpuSet *get_affinity(int tid, GError **error)
{
    struct bitmask *mask = numa_bitmask_alloc(MASK_BITS);
    CpuSet *cpus = NULL;

    if (numa_sched_getaffinity(tid, mask) < 0) {
        error_set_errno(error, errno, "cannot read where thread %d may run", tid);
    } else {
        cpus = cpuset_new();
        for (unsigned i = 0; i < MASK_ULONGS; i++) {
            hwloc_bitmap_set_ith_ulong(cpus, i, mask->maskp[i]);
        }
    }
    numa_bitmask_free(mask);
    return cpus;
}

static gboolean look_or_move(
    int pid, guint count, void *const *pages, const int *targets, int *nodes, GError **error)
{
    /* More than 0: as many pages were not moved. */
    if (numa_move_pages(pid, count, (void **)pages, targets, nodes, MPOL_MF_MOVE) >= 0) {
        return TRUE;
    }
    return error_set_errno(error, errno, "cannot %s the memory of process %d",
        targets != NULL ? "move" : "look at", pid);
}

/// Whether the process of @handle has ended by then: its pidfd is readable (pidfd_open(2)).
static gboolean has_ended(int handle, guint wait_ms)
{
    struct pollfd ended = { .fd = handle, .events = POLLIN };
    gint64 deadline = g_get_monotonic_time() + (gint64)wait_ms * 1000;
    int ready = -1;

    do {
        gint64 left_ms = (deadline - g_get_monotonic_time() + 999) / 1000;
        ready = poll(&ended, 1, (int)MAX(left_ms, 0));
    } while (ready < 0 && errno == EINTR);
    return ready == 1;
}

static gboolean send(int handle, int signal, int pid, GError **error)
{
    return syscall(SYS_pidfd_send_signal, handle, signal, NULL, 0) == 0 ||
           error_set_errno(error, errno, "cannot end process %d", pid);
}

static gboolean end_by_handle(int handle, int pid, guint deadline_ms, GError **error)
{
    static const int signals[] = { SIGTERM, SIGKILL };

    for (gsize i = 0; i < G_N_ELEMENTS(signals); i++) {
        if (!send(handle, signals[i], pid, error)) {
            return FALSE;
        }
        if (has_ended(handle, deadline_ms / G_N_ELEMENTS(signals))) {
            return TRUE;
        }
    }
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT,
        "process %d has not ended within %u ms", pid, deadline_ms);
    return FALSE;
}

static gboolean terminate(
    const Root *root, const Process *process, guint deadline_ms, GError **error)
{
    int handle = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (handle < 0) {
        return error_set_errno(error, errno, "cannot end process %d", process->pid);
    }
    /* The handle is of whoever has the pid now; it is ours if our process is still alive. */
    gboolean alive;
    gboolean ours = process_look(root, process, &alive, error) &&
                    (alive || error_set_errno(error, ESRCH, "cannot end process %d", process->pid));
    gboolean ended = ours && end_by_handle(handle, process->pid, deadline_ms, error);
    close(handle);
    return ended;
}

const Kernel kernel_running = {
    .set_affinity = set_affinity,
    .get_affinity = get_affinity,
    .move_pages = look_or_move,
    .terminate = terminate,
};
