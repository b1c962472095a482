// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"
#include "place/taken.h"

typedef enum {
    OCCUPANCY_HOUSEKEEPING, // not isolated, held by nobody
    OCCUPANCY_FREE,         // isolated, held by nobody
    OCCUPANCY_EXPOSED,      // likewise, but a sibling is not isolated
    OCCUPANCY_VM,
    OCCUPANCY_CONTAINER, // one or several
    OCCUPANCY_SEVERAL,   // several guests, and not all of them containers
    OCCUPANCY_ELSEWHERE, // in a cgroup partition that VMs are not in
    OCCUPANCY_COUNT,
} OccupancyKind;

/// What CPUs are used for.
typedef struct {
    OccupancyKind kind;
    const Holding *holder; // the one guest that holds them; NULL: none, or several
} Occupancy;

/// Of @cpus, which are one CPU or all of one core. The holder belongs to @taken.
Occupancy occupancy_of(const Host *host, const Taken *taken, const CpuSet *cpus);

/// The CPUs that are neither isolated nor held by a VM. The caller frees it.
CpuSet *occupancy_housekeeping(const Host *host, const Taken *taken);

/// What is held though it is not isolated. The caller frees it.
CpuSet *occupancy_not_isolated(const Host *host, const Holding *holding);

/// The place of the VM @vm among all that hold CPUs, by vmid.
guint occupancy_rank(const Taken *taken, const Holding *vm);
