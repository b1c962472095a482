// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"

/// What ZFS's cache, the ARC, can give back, in MiB: in @mib; 0 without ZFS. To the kernel it is
/// memory in use, neither free nor in its page cache.
///
/// As OpenZFS counts it itself (module/os/linux/zfs/arc_os.c, arc_evictable_memory(), where
/// zfs_arc_pc_percent is 0, its default): what is clean, and no more than lies above c_min, the
/// least that it keeps. It is counted for the machine: on which node it lies nobody says, and the
/// kernel asks for it back whichever node is short (arc_shrinker is not NUMA-aware).
///
/// FALSE with @error: it cannot be told.
gboolean arc_look(const Root *root, guint64 *mib, GError **error);
