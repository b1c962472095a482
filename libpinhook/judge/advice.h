// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "judge/check.h"
#include "place/plan.h"
#include "place/request.h"

/* Each returns a fix for check_offer(), or NULL where nothing of its kind would help. The caller
 * frees it. */

typedef Fix *(*Advise)(const Request *request);

/// Offers what each of @tries has to say, in this order; the list ends with NULL.
void advice_offer(Check *check, const Advise *tries);

/// @fix, which is taken, and what @next has to say once that is done. NULL: @fix is.
Fix *advice_then(const Request *request, Fix *fix, Advise next);

/// Sets `affinity` to @cpus, of which there are some; to Perl 0 alone is none. Comes back: @fix.
Fix *advice_affinity(Fix *fix, const CpuSet *cpus);

/// Other CPUs for the VM: isolated whole cores that are free and enough, as `affinity`, or as
/// `cpus` of the policy where that is what decides; CPU 0's core only if there is no other way.
Fix *advice_other_cpus(const Request *request);

/// Likewise, with the VM's cells where these CPUs are.
Fix *advice_other_cpus_and_cells(const Request *request);

/// Whatever CPUs pinhook finds on each node of the cluster: no `affinity`. NULL: there is none.
Fix *advice_no_affinity(const Request *request);

/// Likewise, and never CPU 0's core.
Fix *advice_isolated_cpus(const Request *request);

/// CPUs that are not isolated, free and enough, none of CPU 0's core.
Fix *advice_awake_cpus(const Request *request);

/// Any CPUs that are enough, isolated or not; the first core, and what other guests hold, only if
/// there is no other way.
Fix *advice_any_cpus(const Request *request);

/// The CPUs of @cpus for the VM, the same way. What comes from another node has a config for all of
/// them, in which CPUs of this one are wrong: it gets no `affinity`. NULL: there is none.
Fix *advice_these_cpus(const Request *request, const CpuSet *cpus);

/// The pool that would give @plan: its CPUs, whole cores where vCPUs go on siblings together, and
/// the spare CPU where the policy wants one.
Fix *advice_cpus_of(const Request *request, const Plan *plan);

/// Isolating whole cores for the VM, of its pool if it names one, beside those isolated now. CPU
/// 0's core is left to the host, and another one where that leaves enough: near it, a slow one.
Fix *advice_isolate(const Request *request);

/// The plan that this leads to. The caller frees it; NULL: there is none.
Plan *advice_place_isolated(const Request *request);

/// The CPUs that the VM would have anywhere on the machine, as its pool; isolated, and its cells
/// where they are.
Fix *advice_isolate_elsewhere(const Request *request);

/// Isolating what is isolated now, but for the first core, which is the host's.
Fix *advice_give_back(const Request *request);
/// Isolating all but the host's own two cores, where nothing is isolated yet.
Fix *advice_begin(const Request *request);

/// Isolating the whole cores of @cpus, beside those isolated now; CPU 0's core is left to the host.
Fix *advice_isolate_cpus(const Request *request, const CpuSet *cpus);

/// Isolating @cpus, and no others.
Fix *advice_isolate_exactly(const Request *request, const CpuSet *cpus);

/// `smt = auto`, and `emulator = housekeeping`, where another value is given.
Fix *advice_auto_smt(const Request *request);
Fix *advice_housekeeping(const Request *request);

/// Both at once; it may change nothing.
Fix *advice_default_policy(const Request *request);

/// Fewer vCPUs: as many as fit, and leave a CPU to the other threads; in the VM's cells.
Fix *advice_fewer_vcpus(const Request *request);

/// Likewise, as many as fit on the machine: on CPUs that are isolated for them, or on any.
Fix *advice_fewer_vcpus_isolated(const Request *request);
Fix *advice_fewer_vcpus_anywhere(const Request *request);

/// The numa lines with their mistakes mended: every vCPU in one cell, memory that adds up, a
/// policy, and nodes that the host has. Never NULL: where there are more cells than vCPUs, none.
Fix *advice_cells(const Request *request);

/// The same with each cell bound to the nodes of the VM's CPUs.
Fix *advice_cells_of_pool(const Request *request);

/// One cell's line with policy=preferred: where its nodes are full it then takes other memory.
Fix *advice_preferred_cell(const Request *request, const VmCell *cell);

/// One cell's line with other nodes.
Fix *advice_move_cell(const Request *request, const VmCell *cell, const CpuSet *nodes);

/// Whether numa<i> are not numa0 and all that follow.
gboolean advice_cells_have_gap(const VmConfig *vm);

/// Whether Proxmox can be told of @nodes for a cell of the VM: a range, with hugepages one node.
gboolean advice_can_be_told(const VmConfig *vm, const CpuSet *nodes);

/// What hugepages need: `numa`, memory in whole pages, and each cell bound to one node. Memory is
/// then no longer hot-plugged.
Fix *advice_hugepages(const Request *request);

/// The memory of a VM without cells bound to the nodes of @plan (NULL: of its pool).
Fix *advice_bind_memory(const Request *request, const Plan *plan);

/// Offers that a guest which holds any of @cpus goes elsewhere, where Proxmox alone has put it
/// there, or ends; at last that all of them do.
void advice_offer_holder(Check *check, const CpuSet *cpus);

/* For a VM that nothing else leads to a plan: several changes at once. */

/// Offers what asks for less than whole cores, threads or a spare core, and then finds or isolates
/// CPUs.
void advice_offer_less(Check *check);

/// The same once all other guests have ended.
void advice_offer_without_others(Check *check);

/* What the guest is told of its cores: `-smp` in the VM's `args`, beside which its other args stay.
 * Not for a VM whose vCPUs are hot-plugged: Proxmox adds each as the first thread of a core
 * (PVE::QemuServer, print_cpu_device), and starts QEMU with an `-smp` of its own. */

/// The most threads a core, fewer than the guest has, with which it can be placed.
Fix *advice_fewer_threads(const Request *request);

/// The flag of the CPU model without which a guest on AMD is not told of its threads; NULL where
/// the model is not known.
Fix *advice_add_topoext(const Request *request);

/// That many threads a core.
Fix *advice_set_threads(const Request *request, guint threads);

/// The VM's plan, no worse than @plan, if its guest were told of the @threads a core that @plan
/// gives it. The caller frees it; NULL: there is none.
Plan *advice_place_told(const Request *request, const Plan *plan, guint *threads);

/// The most of the guest's cores, fewer than it has, that can be placed with their threads.
Fix *advice_fewer_guest_cores(const Request *request);

/// The threads a core that @plan gives the guest, where it can be placed as well with them.
Fix *advice_tell_threads(const Request *request, const Plan *plan);

/// The same of the VM's own plan.
Fix *advice_tell_threads_again(const Request *request);

/// The same `-smp` with every count in it.
Fix *advice_whole_smp(const Request *request);

/// The VM's args without `-smp`.
Fix *advice_without_smp(const VmConfig *vm);

/// What is hot-plugged, but for @kind ("cpu", "memory"), which is among it.
Fix *advice_hotplug_without(const VmConfig *vm, const char *kind);

/* A plan of another shape. */

/// What is wanted of a plan.
typedef struct {
    guint (*measure)(const Request *request, const Plan *plan);
    guint most;          // that it may come to
    const CpuSet *where; // the CPUs to choose from; NULL: any
} Wish;

/// The VM's plan if all that no other guest holds were isolated, but for the first core and what
/// lies outside @where (NULL: nothing). NULL: there is none. The caller frees it.
Plan *advice_place_anywhere(const Request *request, const CpuSet *where);

/// Offers other isolated CPUs, and isolating more, that lead from @plan to one as wished.
void advice_offer_elsewhere(Check *check, const Wish *wish);

/// As many vCPUs as have a plan as wished in the pool, at least half of those in @plan.
Fix *advice_fewer_as_wished(const Request *request, const Plan *plan, const Wish *wish);

/// numa lines that give each node of @plan a cell with the vCPUs that lie there, and its part of
/// their cell's memory, or of the VM's.
Fix *advice_cell_per_node(const Request *request, const Plan *plan);

/// The VM's plan in its pool if its cells were bound to no nodes. The caller frees it; NULL: none.
Plan *advice_place_unbound(const Request *request);

/// Whether @vm could be placed if only its cells were not bound to nodes.
gboolean advice_fits_unbound(const Request *request);

/// Whether @vm could be placed if no other guest held any CPU.
gboolean advice_fits_alone(const Request *request);

/// Deletes the VM's lines from numa<@count> on.
void advice_delete_cells(Fix *fix, const VmConfig *vm, guint count);
