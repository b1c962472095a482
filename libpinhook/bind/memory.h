// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "bind/kernel.h"

/// How many pages a look takes in: one in 32 MiB, but at least and at most so many.
#define MEMORY_SAMPLE 2048
#define MEMORY_SAMPLE_MOST 32768

/// The least page there is; a larger one is seen at any place in it.
#define MEMORY_PAGE 4096

/// Where a VM's memory lies, by a sample of its pages.
typedef struct {
    guint sampled; // pages that were looked at
    guint touched; // of these: in use, so that they lie somewhere
    GArray *nodes; // guint: how many of these lie on node [i]

    gboolean migrated;    // moving was tried before the look
    guint64 moved_kib;    // read back on the nodes; of a page of 1 GiB only what was asked for
    guint64 stuck_kib;    // asked to go, and still where they were
    char *refusal;        // what the kernel said to it; NULL: nothing
    gboolean out_of_time; // the rest was not asked
    gboolean given_up;    // likewise, for nothing moved
} Memory;

void memory_free(Memory *memory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Memory, memory_free)

/// A piece of guest memory in its process.
typedef struct {
    guint64 start; // a multiple of MEMORY_PAGE
    guint64 pages;
} MemoryMapping;

/// The guest's memory by the text of /proc/<pid>/maps, ascending: what is data, of at least 16 MiB
/// (the least `memory` that Proxmox takes), and anonymous, in shared memory, in hugepages or in a
/// plain file. The caller unrefs the array of MemoryMapping.
GArray *memory_parse_maps(const char *text);

/// Looks at a page in each of equal parts of the guest's memory. The place in each part is random,
/// for a fixed stride would keep step with interleaved nodes, and always the same.
/// PINHOOK_ERROR_GONE when @process has ended, or is ending: before it is a zombie its maps are
/// empty and its pages give EINVAL (Linux, kernel/exit.c, exit_mm).
Memory *memory_look(const Root *root, const Kernel *kernel, const Process *process, GError **error);

/// Moves what does not lie on @nodes (not empty) to them in turn, for at most @deadline_ms, and
/// then looks. Errors as of memory_look(); what the kernel will not move is none.
Memory *memory_migrate(const Root *root, const Kernel *kernel, const Process *process,
    const CpuSet *nodes, guint deadline_ms, GError **error);

/// Whether there is enough in the sample to tell anything: a guest that has not run has hardly
/// touched its memory.
gboolean memory_is_judged(const Memory *memory);

/// How much of what is touched lies on @nodes, in percent rounded down; 100 where nothing is.
guint memory_percent_on(const Memory *memory, const CpuSet *nodes);

/// "88 % on node 1, 12 % on node 0": on @nodes (NULL: none are wanted) first, then on each other
/// that holds any. "" where nothing is touched. The caller frees it.
char *memory_describe(const Memory *memory, const CpuSet *nodes);

/// "512 MiB", or "80 KiB" where it is less than one. The caller frees it.
char *memory_size(guint64 kib);
