// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "place/request.h"

/// A request as it would be after a fix, and its plan. What it points to beyond the last group is
/// another's, and must stay for as long.
typedef struct {
    Request request;
    const Plan *plan; // NULL: there is none

    /* Its own; NULL: as it was. */
    VmConfig *vm;
    Policy *policy;
    Host *host; // shares all but the isolation
    Taken *taken;
    Pool *pool;
    Plan *own_plan;
} Supposed;

/// @request, whose plan is @plan (NULL: none), after @fix; of a VM whose config was read, or with
/// vm NULL of the machine. What a command does to the host is passed over.
Supposed *supposed_after(const Request *request, const Plan *plan, const Fix *fix);
void supposed_free(Supposed *supposed);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Supposed, supposed_free)

/// Whether another plan may come of @fix.
gboolean supposed_moves(const Fix *fix);

/// What is lost from one to the other, in words that a fix says it with: "3 vCPUs in place of 4",
/// "vCPUs share cores", "the VM on 2 nodes". Freed with g_strfreev().
char **supposed_losses(
    const Request *before, const Plan *old, const Request *after, const Plan *new);

/// Of these what is also a gain: siblings of fast cores come before slow ones.
#define SUPPOSED_FASTER "vCPUs share faster cores"

/// The first of these. The caller frees it.
char *supposed_fewer_vcpus(guint vcpus, guint in_place_of);

/// Whether no vCPU loses its place, of two plans on one machine: it shares its core with no more,
/// is on no slower one, and the VM lies on no more nodes and caches.
gboolean supposed_keeps_places(const Request *request, const Plan *before, const Plan *after);
