// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>
#include <hwloc/bitmap.h>

/// A set of small numbers: CPUs of the host, vCPUs of a guest, or NUMA nodes. It is hwloc's bitmap,
/// so the hwloc_bitmap_* functions work on it as they are.
typedef struct hwloc_bitmap_s CpuSet;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CpuSet, hwloc_bitmap_free)

/// Numbers from here on are refused by the parsers. Linux knows at most 8192 CPUs (NR_CPUS).
#define CPUSET_LIMIT 65536

/// An empty set; the caller frees it.
CpuSet *cpuset_new(void);
CpuSet *cpuset_copy(const CpuSet *set);

/// New sets: what is in both, in either, in @a but not in @b.
CpuSet *cpuset_and(const CpuSet *a, const CpuSet *b);
CpuSet *cpuset_or(const CpuSet *a, const CpuSet *b);
CpuSet *cpuset_minus(const CpuSet *a, const CpuSet *b);

/// How many numbers are in @set.
guint cpuset_count(const CpuSet *set);

/// The kernel's grammar (lib/bitmap-str.c, bitmap_parselist): regions `a`, `a-b`, `a-b:used/group`,
/// `all`, `N` for the last one, parted by commas or blanks; ends at a newline. @count is the number
/// of CPUs that the kernel could have (1 to CPUSET_LIMIT); a number from @count on is refused, as
/// the kernel does. NULL and PINHOOK_ERROR_INVALID on bad text.
CpuSet *cpuset_parse_kernel(const char *text, guint count, GError **error);

/// Proxmox's grammar (PVE::CpuSet, and the id lists of `numa<i>`): `a` or `a-b`, parted by
/// @separator (`,` in `affinity`, `;` inside `numa<i>`), blanks allowed around a part. At least one
/// part; numbers below CPUSET_LIMIT. NULL and PINHOOK_ERROR_INVALID on bad text.
CpuSet *cpuset_parse_list(const char *text, char separator, GError **error);

/// As the kernel prints it: `0-3,8`; an empty set is "". The caller frees it.
char *cpuset_to_list(const CpuSet *set);

/// As `numa<i>` wants it: `0-3;8`. The caller frees it.
char *cpuset_to_ids(const CpuSet *set);

/// A mask as the kernel writes it: words of 32 bits in hexadecimal, parted by commas, the last one
/// the lowest. NULL: it is none.
CpuSet *cpuset_parse_mask(const char *text);

/// The same of @set; an empty one is "0". The caller frees it.
char *cpuset_to_mask(const CpuSet *set);
