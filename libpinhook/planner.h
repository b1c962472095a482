// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "plan.h"
#include "pool.h"

/// Places every vCPU that @vm can have on a CPU of @pool, each on its own. NULL: there is no such
/// plan. The same input gives the same plan.
///
/// Always: a CPU goes to one vCPU; nothing outside the pool, offline or held by another guest; the
/// vCPUs of a cell with hostnodes on the CPUs of these nodes; vCPU threads of one guest core, and
/// these alone, on one core.
///
/// Before all else it keeps to cores that are safe: wholly isolated and shared with nobody; what it
/// takes beyond these is for check.h to judge. Then, in this order: fewest nodes, the nearest to
/// each other; with enough free memory; one kind of core, the fastest; fewest LLCs; best fit; the
/// lowest CPU numbers.
Plan *planner_place(const VmConfig *vm, const Policy *policy, const Host *host, const Pool *pool,
    const Taken *taken);

/// How many vCPUs, from a multiple of it on, go on one core together; 1: each on its own.
guint planner_unit(const VmConfig *vm, const Policy *policy);
