// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "place/plan.h"
#include "place/request.h"

/// A check under way: what is looked at, and what was found.
typedef struct {
    const Request *request; // what fixes are made from, too
    const Plan *plan;       // NULL: there is none
    const CpuSet *cpus;     // on which nothing is to disturb: the plan's, or all that are isolated
    gboolean mending;       // fixes are wanted
    GPtrArray *findings;    // Finding
} Check;

/// What a check looks at; where any of it is missing, the check is left out.
typedef enum {
    OF_VM = 1 << 0,      // the files of a VM, readable or not
    OF_CONFIG = 1 << 1,  // a VM's readable config, and with it all of the request but the next two
    OF_HOST = 1 << 2,    // the host, with a VM or without
    OF_PLAN = 1 << 3,    // a plan
    OF_NO_PLAN = 1 << 4, // a VM for which there is none
    OF_LIVE = 1 << 5,    // a machine that runs: its interrupts and tuning, and `cpus`
} Subject;

/// A check: looks at one thing and adds its findings. A list of them ends with NULL.
typedef struct {
    void (*look)(Check *check);
    Subject at;
} CheckRow;

/// Adds a finding, unless the policy turns it off. Whether fixes are wanted for it, which take
/// time.
gboolean check_add(Check *check, FindingCode code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/// Likewise, with a severity of its own. Takes @message.
gboolean check_add_as(Check *check, FindingCode code, Severity severity, char *message);

/// A way to mend what was added last; the best is offered first. Takes @fix; NULL: none.
void check_offer(Check *check, Fix *fix);

/// The CPUs that are left to the host: online, neither isolated nor a guest's, and not of @own. The
/// caller frees the set.
CpuSet *check_left_to_host(const Check *check, const CpuSet *own);

/// Where may go what disturbs `cpus`: what is left to the host; where everything is isolated or
/// held, anywhere else. The caller frees the set.
CpuSet *check_refuge(const Check *check);

/// For fix_run_for_each(). The caller unrefs the array of guint.
GArray *check_to_numbers(const CpuSet *set);
