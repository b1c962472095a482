// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "place/supposed.h"

/// A start, or a machine alone, as it is or as it would be after a fix: planned and judged in
/// memory.
typedef struct {
    const Request *request;
    const Plan *plan;    // NULL: there is none
    GPtrArray *findings; // Finding, without fixes
    Supposed *supposed;  // what has request and plan, if they are its own
} Trial;

/// As it is: for a VM, or with @request->vm NULL for the machine. @plan may be NULL. Both must stay
/// for as long as the trial, as what comes before must for trial_after().
Trial *trial_as_is(const Request *request, const Plan *plan);

/// After @fix, too.
Trial *trial_after(const Trial *before, const Fix *fix);

void trial_free(Trial *trial);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Trial, trial_free)

/// Whether there is less of what @finding, of @before, tells of.
gboolean trial_mends(const Trial *before, const Trial *after, const Finding *finding);

/// Whether there is no more of any finding of @severity or above, and a plan where there was one.
gboolean trial_is_no_worse(const Trial *before, const Trial *after, Severity severity);

/// As supposed_losses().
char **trial_losses(const Trial *before, const Trial *after);
