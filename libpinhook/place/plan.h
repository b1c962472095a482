// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/json.h"

/// The place of one vCPU.
typedef struct {
    guint vcpu; // QEMU's cpu-index
    guint cpu;
    guint core; // place in Host's `cores`
    guint node;
    guint llc;        // place in Host's `llcs`
    guint llc_kib;    // 0: not known
    const char *kind; // of the core, as CoreKind names it: static
} PlanVcpu;

/// Which CPU each vCPU gets, where all other threads go, which nodes hold the memory.
typedef struct {
    GArray *vcpus;         // PlanVcpu: [i] is vCPU i, those to be hot-plugged too
    guint present;         // how many there are at start
    guint threads;         // per core of the guest that it was made for; 0: not known
    CpuSet *cpus;          // of the vCPUs
    CpuSet *cores;         // these and their siblings: no other thread may touch them
    CpuSet *reserved;      // all that the VM holds: `cores`, and a spare core for the other threads
    CpuSet *others;        // where the other threads go
    gboolean others_share; // no CPU was left for them: `others` may touch `cores` or other guests
    CpuSet *nodes;
    gboolean llcs_differ; // the host has last-level caches of several sizes
    gboolean refused;     // a start would have been: bound all the same, it proves nothing
    gboolean resumes;     // the VM goes on from hibernation
    gboolean yields; // made under a backup's lock: for as long as that lasts, to any other start
} Plan;

/// No vCPU placed yet, all sets empty.
Plan *plan_new(guint present);
void plan_free(Plan *plan);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)

/// The place of vCPU @vcpu; NULL: it has none.
const PlanVcpu *plan_vcpu(const Plan *plan, guint vcpu);

/// As `--json` shows it and the ledger keeps it. The caller owns the object.
JsonObject *plan_to_json(const Plan *plan);

/// The reverse; NULL and PINHOOK_ERROR_INVALID on anything that plan_to_json() did not make.
Plan *plan_from_json(JsonObject *json, GError **error);
