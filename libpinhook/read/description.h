// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "read/topology.h"

/// A machine that somebody describes in hwloc's synthetic text, and beside it what that cannot say.
/// What cannot be of this machine is PINHOOK_ERROR_INVALID.
typedef struct Description Description;

/// @text: see topology_describe(); no file, which says all itself.
Description *description_new(const char *text, GError **error);
void description_free(Description *description);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Description, description_free)

/// "8P+16E+2LP-E": so many cores of each kind, in their order, all together. As on the machines
/// that have them only performance cores have siblings, and CPUs are numbered without a gap.
gboolean description_set_kinds(Description *description, const char *kinds, GError **error);

/// "96M,32M": the size of each last-level cache, in their order.
gboolean description_set_llc_sizes(Description *description, const char *sizes, GError **error);

/// "split": the first CPU of each core is numbered before any sibling, as most firmware has it: N
/// and N + cores. hwloc's own text numbers siblings one after the other.
gboolean description_set_siblings(Description *description, const char *how, GError **error);

/// Its CPUs, as what was set so far numbers them. The caller frees it.
CpuSet *description_cpus(const Description *description);

/// @cpus, some of description_cpus() but not all, are offline.
gboolean description_set_offline(Description *description, const CpuSet *cpus, GError **error);

HwlocTopology *description_topology(const Description *description, GError **error);
