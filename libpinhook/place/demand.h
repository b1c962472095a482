// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/vmconfig.h"

/// vCPUs that want the same: units that may lie on the same nodes and need as many CPUs of a core.
typedef struct {
    CpuSet *nodes; // where they may lie; NULL: anywhere
    guint size;    // vCPUs of a unit: they go on one core together
    GArray *units; // guint: the first vCPU of each, ascending
} Demand;

/// What the VM wants, by the first vCPU that wants it: each @unit vCPUs together (1: each on its
/// own), the last with what is left. A vCPU may lie on the hostnodes of the first cell that names
/// it; a unit where all its vCPUs may.
GPtrArray *demands_of(const VmConfig *vm, guint unit);

/// How many units there are in all.
guint demands_count_units(const GPtrArray *demands);
