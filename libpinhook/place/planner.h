// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "place/request.h"

/// Places every vCPU that the VM can have on a CPU of the pool, each on its own. NULL: there is no
/// such plan. The same input gives the same plan.
///
/// Always: a CPU goes to one vCPU; nothing outside the pool, offline or held by another guest; the
/// vCPUs of a cell with hostnodes on the CPUs of these nodes; vCPU threads of one guest core, and
/// these alone, on one core.
///
/// Before all else it keeps to cores that are safe: wholly isolated and shared with nobody; what it
/// takes beyond these is for verdict.h to judge. Then, in this order: fewest nodes; of these with
/// the most of the VM's devices, then the nearest to each other; with enough free memory for each
/// cell; one kind of core, the fastest; fewest LLCs; fewest CPUs on cores that are not safe; the
/// LLCs, then the nodes, with the fewest free places; the lowest nodes and LLCs. Which seats of
/// these it takes says seating.h.
///
/// It is exact for up to 64 nodes with CPUs, and for as long as the search for it is short: it ends
/// after PLANNER_STEPS and then returns the best that it has met.
Plan *planner_place(const Request *request);

/// Choices of nodes and LLCs that are looked at, at most: a start is waiting.
#define PLANNER_STEPS 40000

/// How many vCPUs, from a multiple of it on, go on one core together; 1: each on its own.
guint planner_unit(const VmConfig *vm, const Policy *policy);
