// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/vmconfig.h"

/// vCPUs that want the same: units of one cell that may lie on the same nodes and need as many CPUs
/// of a core.
typedef struct {
    guint cell;    // place in the VM's `guest_cells`; as many as there are: in none
    CpuSet *nodes; // where they may lie; NULL: anywhere
    guint size;    // vCPUs of a unit: they go on one core together
    GArray *units; // guint: the first vCPU of each, ascending
} Demand;

/// What the VM wants, by the first vCPU that wants it: each @unit vCPUs together (1: each on its
/// own), the last with what is left. A vCPU may lie on the hostnodes of the first cell that names
/// it; a unit where all its vCPUs may, and it belongs to the cell of its first.
GPtrArray *demands_of(const VmConfig *vm, guint unit);

/// Likewise, with all vCPUs as if they were of no cell: only their nodes tell them apart.
GPtrArray *demands_of_one_cell(const VmConfig *vm, guint unit);
