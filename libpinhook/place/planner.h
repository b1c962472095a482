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
/// Of all such plans it is the first by this order, for which order.c has a line each:
/// 1. the fewest CPUs on cores that another guest shares; then the fewest that are not isolated;
///    then the fewest with a sibling that is not;
/// 2. one kind of core before a mix, the one that `kind` prefers: siblings of its cores come before
///    other kinds. In a mix no vCPU shares a core while others are free, and the fewest are of the
///    kinds that are not preferred;
/// 3. the fewest nodes that have the memory for each cell (where none have: the most of it): as
/// many
///    nodes as the guest has cells cost nothing, each cell is on the fewest, and on one of its own
///    where that is enough. Of these the nodes with the most of the VM's devices, then the nearest
///    to each other. Without `smt` or threads of the guest that say otherwise a core each comes
///    first, but for one thing: siblings are taken where a cell would lie on nodes of several
///    packages, and so comes down to one;
/// 4. with `llc = largest` the LLC with the most cache that has the CPUs, if need be on siblings;
/// 5. the fewest LLCs;
/// 6. (what is isolated at boot before the rest: as yet there is nothing else)
/// 7. best fit: the LLCs, then the nodes, that leave the fewest places free;
/// 8. not on the host's first core, then in no LLC that the host works in;
/// 9. the lowest nodes, those of the first cell first; the lowest LLCs; in these as seating.h says.
///
/// It is exact for up to 64 nodes with CPUs, and for as long as the search for it is short: it ends
/// after PLANNER_STEPS and then takes the best that it has met. No host was met where it does for a
/// VM of one cell on fewer than ten nodes.
Plan *planner_place(const Request *request);

/// Choices of nodes and LLCs that are looked at, at most: a start is waiting.
#define PLANNER_STEPS 40000

/// How many vCPUs, from a multiple of it on, go on one core together; 1: each on its own.
guint planner_unit(const VmConfig *vm, const Policy *policy);
