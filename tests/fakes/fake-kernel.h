// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "bind/kernel.h"

/// A kernel that keeps masks and pages in tables in place of changing threads and memory. One at a
/// time.
extern const Kernel fake_kernel;

/// Forgets all; every thread may run on @everywhere ("0-7").
void fake_kernel_reset(const char *everywhere);

/// From now on this thread refuses any mask, as iou-wrk does (EINVAL).
void fake_kernel_refuse(int tid);

/// From now on the kernel says yes to this thread and does nothing.
void fake_kernel_pretend(int tid);

/// From now on this thread is gone (ESRCH).
void fake_kernel_end(int tid);

/// From now on this thread's mask cannot be read, though the thread is there (EPERM).
void fake_kernel_hide(int tid);

/// From now on every mask is cut to @cpuset without a word, as a cgroup does.
void fake_kernel_cut(const char *cpuset);

/// The thread's mask as a list; the caller frees it.
char *fake_kernel_mask(int tid);

/// The tids whose masks were set, in order, as "4 7 4"; the caller frees it.
char *fake_kernel_calls(void);

/// Called after every change of a mask, so that a test can make things happen meanwhile.
void fake_kernel_on_set(void (*hook)(int tid, gpointer data), gpointer data);

/* Pages. A process that is refused, hidden or ended above is so for its pages too. */

/// @count pages of 4 KiB from @start on lie on @node; negative: they are not touched, as are all
/// pages that nobody has laid. What was laid there before is replaced.
void fake_kernel_lay(guint64 start, guint64 count, int node);

/// Where the page at @address lies.
int fake_kernel_node_of(guint64 address);

/// From now on the page at @address would not move (EBUSY), and a call that is to move it moves
/// none behind it.
void fake_kernel_stick(guint64 address);

/// From now on the kernel says yes to a move and does nothing.
void fake_kernel_pretend_to_move(void);

/// From now on each aligned 2 MiB are a hugepage: it moves whole with the first of its pages, and
/// the others are reported busy.
void fake_kernel_use_hugepages(void);

/// Called before each call that moves, or only looks, so that a test can make things happen
/// meanwhile.
void fake_kernel_on_move(void (*hook)(int pid, gpointer data), gpointer data);
void fake_kernel_on_look(void (*hook)(int pid, gpointer data), gpointer data);

/// How many calls looked and how many moved.
guint fake_kernel_looks(void);
guint fake_kernel_moves(void);

/// The most pages that one call named.
guint fake_kernel_most_pages(void);

/// The pid that terminate() was called for last; 0: none.
int fake_kernel_terminated(void);

/// A plan of @present vCPUs on the CPUs of a list in its order ("2-3": vCPU 0 on 2, 1 on 3), cores
/// of one CPU each, and the other threads on @others.
Plan *fake_plan_new(guint present, const char *cpus, const char *others);
