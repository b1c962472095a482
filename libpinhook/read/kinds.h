// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "read/topology.h"

/// What a core was made for, the slowest first.
typedef enum {
    CORE_ALIKE, // nothing tells it from the others
    CORE_LOW_POWER,
    CORE_EFFICIENCY,
    CORE_PERFORMANCE,
} CoreType;

/// A kind of core. Where all are alike their one kind has no name.
typedef struct {
    const char *name; // "performance"
    const char *mark; // "P"
} CoreKind;

/// Which of @cores (CpuSet: the online siblings; at least one) are of one kind: @kind_of[i] is that
/// of the i'th, a place in what is returned, CoreKind, the slowest first. A core's kind is its
/// type, as the kernel (/sys/devices/cpu_core/cpus, cpu_atom, cpu_lowpower beneath @root; NULL:
/// there is none) or else @topology says; else how many threads it has, and how large its L2 cache
/// is and whether it is its own. Of cores that agree in these, those are of a slower kind whose
/// frequency is more than 10 % below that of the next faster: favoured cores (Turbo Boost Max; on
/// AMD a few percent from each to the next, open-mpi/hwloc#690) are no kind. What cannot be told of
/// all cores tells none apart.
GArray *kinds_find(
    HwlocTopology *topology, const Root *root, const GPtrArray *cores, guint *kind_of);

/// What a kind is called that is called @name; "" where none is.
const char *kinds_lookup(const char *name);

/// What kinds of these types, the slowest first, are called: CoreKind.
GArray *kinds_name(const CoreType *types, guint count);
