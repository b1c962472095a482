// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/fix.h"
#include "place/plan.h"
#include "place/request.h"

/// A cell that a VM could have.
typedef struct {
    CpuSet *vcpus;
    CpuSet *nodes;
    guint64 memory_mib;
} SplitCell;

/// An empty list of SplitCell that owns them.
GPtrArray *split_new(void);

/// Adds a cell for each node that any of @vcpus lies on in @plan, with those that do; in the order
/// of their first vCPU. They share @memory_mib by their number of vCPUs, in multiples of @unit_mib.
/// FALSE: one has no memory, or no such multiple.
gboolean split_add(
    GPtrArray *cells, const Plan *plan, const CpuSet *vcpus, guint64 memory_mib, guint64 unit_mib);

/// Moves what the nodes of a cell have no room for to cells whose nodes have, in multiples of the
/// VM's unit. FALSE: it does not fit, or one has no memory.
gboolean split_fit(GPtrArray *cells, const Request *request);

/// Sets numa0 and so on for each cell, bound to its nodes by @policy.
void split_set(Fix *fix, const GPtrArray *cells, const char *policy);

/// Sets numa<index>. @nodes, of which the first range is told, and @policy NULL: none.
void split_set_cell(Fix *fix, guint index, const char *vcpus, const CpuSet *nodes,
    guint64 memory_mib, const char *policy);

/// Whether Proxmox can be told of @nodes: of a list such as 0;2 it makes other nodes, or none
/// (PVE::QemuServer::Memory, print_numa_hostnodes).
gboolean split_is_range(const CpuSet *nodes);

/// The range among @nodes, which are not none, that has the most memory. The caller frees it.
CpuSet *split_range(const Request *request, const CpuSet *nodes);

/// What the memory of the host's nodes is, in MiB by their place among host->nodes, in multiples of
/// @unit_mib; with hugepages of the VM's size. The caller frees it.
guint64 *split_room(const Request *request, guint64 unit_mib);

/// Takes @needed_mib out of the room of @nodes, in their order. Comes back: what there is too
/// little of.
guint64 split_take(guint64 *room_mib, const Host *host, const CpuSet *nodes, guint64 needed_mib);
