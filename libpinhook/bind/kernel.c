// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/kernel.h"

#include "base/error.h"

#include <errno.h>
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

static gboolean terminate(const Root *root, const Process *process, GError **error)
{
    int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd < 0) {
        return error_set_errno(error, errno, "cannot end process %d", process->pid);
    }
    /* The handle is of whoever has the pid now; it is ours if our process is still alive. */
    int failed = !process_is_alive(root, process)                           ? ESRCH
                 : syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) < 0 ? errno
                                                                            : 0;
    close(fd);
    return failed == 0 || error_set_errno(error, failed, "cannot end process %d", process->pid);
}

const Kernel kernel_running = {
    .set_affinity = set_affinity,
    .get_affinity = get_affinity,
    .move_pages = look_or_move,
    .terminate = terminate,
};
