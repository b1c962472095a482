// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "read/policy.h"
#include "bind/bind.h"
#include "bind/memory.h"

/// What the kernel's answers prove of a plan.
typedef struct {
    gboolean proven;  // every vCPU on its CPU, no other thread on a vCPU's core, enough memory on
                      // the nodes, the guest's threads a core as planned, but for what the policy
                      // makes less than an error
    gboolean refuted; // it is known that a thread is not where the plan wants it; not proven and
                      // not refuted: it is not known, or only the memory or the guest's view of its
                      // cores is not as planned
    guint vcpus;      // proven to be on their CPUs
    guint others;     // other threads
    GPtrArray *findings; // Finding: what is not as planned
} Proof;

/// Holds what was read back against what was planned for VM @vmid. @memory NULL: it was not looked
/// at, or could not be seen, for which @unseen is the reason (NULL: none).
Proof *verify_observed(guint vmid, const Plan *plan, const Policy *policy, const Observed *observed,
    const Memory *memory, const GError *unseen);

/// A proof that there is none: @code, for the reason @message.
Proof *verify_impossible(guint vmid, FindingCode code, const Policy *policy, const char *message);

void proof_free(Proof *proof);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Proof, proof_free)
