// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "judge/advice.h"
#include "judge/check.h"

/// A check under way. Each check_… below looks at one thing and adds its findings.
typedef struct {
    const Request *request; // what is looked at, and what fixes are made from
    const Plan *plan;       // NULL: there is none
    GPtrArray *findings;    // Finding
} Check;

/// Adds a finding, unless the policy turns it off. Takes @fix.
void check_add(Check *check, FindingCode code, char *fix, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

/// Likewise, with a severity of its own. Takes @fix and @message.
void check_add_as(Check *check, FindingCode code, Severity severity, char *fix, char *message);

/* check-config.c: the files. */
void check_config(Check *check);
void check_policy(Check *check);

/* check-cells.c: the numa lines. */
void check_cells(Check *check);

/* check-plan.c: the pool, the plan, and why there is none. */
void check_pool(Check *check);
void check_plan(Check *check);

/* check-isolation.c: what the kernel was told, and what is in force. */
void check_isolcpus(Check *check);
void check_lists(Check *check);
void check_tick(Check *check);
void check_callbacks(Check *check);
void check_first_core(Check *check);

/* check-containers.c: containers beside the VM. */
void check_containers(Check *check);

/* check-guest.c: habits of the VM. */
void check_memory_binding(Check *check);
void check_freeze(Check *check);
void check_unpinnable(Check *check);
void check_cpu_limit(Check *check);
void check_balloon(Check *check);
void check_hotplug(Check *check);
