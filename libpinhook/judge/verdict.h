// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "place/plan.h"
#include "place/request.h"

typedef enum {
    VERDICT_PASS,   // with notes at most
    VERDICT_WARN,   // it starts, with findings
    VERDICT_REFUSE, // an error, and the policy enforces
} VerdictResult;

typedef struct {
    VerdictResult result;
    GPtrArray *findings; // Finding: of the config, the policy, the pool, the plan, the host
} Verdict;

/// Judges a start. @plan is NULL where planner_place() found none, and where the VM's config is not
/// readable: then nothing else was looked at.
Verdict *verdict_of_start(const Request *request, const Plan *plan);

/// Judges only what disturbs the CPUs of @plan on a machine that runs, by interrupts and tuning,
/// which verdict_of_start() judges too where it finds them in @request.
Verdict *verdict_of_live(const Request *request, const Plan *plan);

/// What there is to find of a start; or, where @request->vm is NULL, of the machine itself: what it
/// was told of isolation and, for all isolated CPUs, what disturbs them, of which @request has the
/// policy, the host, what guests hold, interrupts and tuning. @mending: with all fixes that are to
/// be tried, see mend.h. The caller unrefs the array of Finding.
GPtrArray *verdict_find(const Request *request, const Plan *plan, gboolean mending);

void verdict_free(Verdict *verdict);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Verdict, verdict_free)
