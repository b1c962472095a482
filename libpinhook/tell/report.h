// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "judge/verdict.h"
#include "bind/bind.h"
#include "bind/guest.h"
#include "bind/verify.h"

/// How a door's work ended.
typedef enum {
    OUTCOME_SKIPPED,  // nothing was to be done
    OUTCOME_PASSED,   // it may start
    OUTCOME_WARNED,   // it may start, with findings
    OUTCOME_REFUSED,  // it must not start
    OUTCOME_PROVEN,   // every thread is where the plan wants it
    OUTCOME_UNPROVEN, // not so
    OUTCOME_FAILED,   // it could not be found out
} Outcome;

/// What a door found out and did. All that it points to is owned; any may be NULL.
typedef struct PinhookReport {
    guint vmid;
    const char *phase; // "pre-start", "check", "status", …; static
    Outcome outcome;
    gboolean tolerated; // the outcome would be worse, but the policy says `mode = warn`, or
    gboolean backup;    // the VM is locked for a backup, which is not to fail for it
    Plan *plan;
    GPtrArray *findings; // Finding; never NULL
    Observed *observed;
    Memory *memory;   // NULL: it was not looked at
    int pid;          // of QEMU; 0: none
    gboolean refuted; // of an outcome that is not proven: a thread is known to be elsewhere
    GuestState guest;
    guint others;    // how many threads there are beside the vCPUs'
    char *note;      // why it was skipped or failed
    char *displaced; // who gave way to it; NULL: nobody
    char
        *unattached; // of a check: why Proxmox does not call pinhook, and what to do; NULL: it does
    GPtrArray *advice; // Fix, in place of a verdict; NULL: none

    /* As FixPlace has them, for what is to be pasted. */
    char *config, *policy;
    Loader loader;
} Report;

/// A report without findings.
Report *report_new(guint vmid, const char *phase, Outcome outcome);
void report_free(Report *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

/// Takes over the findings of @from.
void report_add_findings(Report *report, GPtrArray *from);

/// The exit status of pinhook(8): 0, 1 or 3; of `plan` 0 where there is a plan.
int report_exit_status(const Report *report);

/// Lines for people: of `status` a table, of all others lines for the task log, each of which can
/// stand alone. The caller frees it.
char *report_to_text(const Report *report);

JsonObject *report_to_json(const Report *report);

typedef enum {
    REPORT_WHOLE,
    REPORT_TASK_LOG, // without notes, and without what accepts a warning
} ReportStyle;

/// Findings as they stand in a report: a line each, and one for each fix. @prefix begins each line,
/// and @place is where the fixes are pasted.
void report_append_findings(GString *text, const char *prefix, const GPtrArray *findings,
    ReportStyle style, const FixPlace *place);
JsonObject *report_findings_to_json(const GPtrArray *findings, const FixPlace *place);

/// What a finding means, wrapped at 80 columns; all of them, one line each, where @code is NULL.
char *report_explain(const FindingCode *code);
JsonObject *report_explain_json(const FindingCode *code);
