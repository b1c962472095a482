// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/trial.h"

#include "judge/verdict.h"

void trial_free(Trial *trial)
{
    if (trial == NULL) {
        return;
    }
    g_ptr_array_unref(trial->findings);
    supposed_free(trial->supposed);
    g_free(trial);
}

/// Takes @supposed.
static Trial *trial_new(const Request *request, const Plan *plan, Supposed *supposed)
{
    Trial *trial = g_new(Trial, 1);

    *trial = (Trial){ .request = request, .plan = plan, .supposed = supposed };
    trial->findings = verdict_find(request, plan, FALSE);
    return trial;
}

Trial *trial_as_is(const Request *request, const Plan *plan)
{
    return trial_new(request, plan, NULL);
}

Trial *trial_after(const Trial *before, const Fix *fix)
{
    Supposed *supposed = supposed_after(before->request, before->plan, fix);

    return trial_new(&supposed->request, supposed->plan, supposed);
}

/// How many there are of @code, of @severity or above.
static guint count(const GPtrArray *findings, FindingCode code, Severity severity)
{
    guint found = 0;

    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = findings->pdata[i];
        found += finding->code == code && finding->severity >= severity;
    }
    return found;
}

gboolean trial_mends(const Trial *before, const Trial *after, const Finding *finding)
{
    return count(after->findings, finding->code, finding->severity) <
           count(before->findings, finding->code, finding->severity);
}

static gboolean finds_no_more(const Trial *before, const Trial *after, Severity least)
{
    for (guint code = 0; code < FINDING_COUNT; code++) {
        for (guint severity = least; severity <= SEVERITY_ERROR; severity++) {
            if (count(after->findings, (FindingCode)code, (Severity)severity) >
                count(before->findings, (FindingCode)code, (Severity)severity)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}

gboolean trial_is_no_worse(const Trial *before, const Trial *after, Severity severity)
{
    return finds_no_more(before, after, severity) && (before->plan == NULL || after->plan != NULL);
}

char **trial_losses(const Trial *before, const Trial *after)
{
    return supposed_losses(before->request, before->plan, after->request, after->plan);
}
