// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "place/request.h"

/// Puts all threads but the vCPUs', whose cores @plan has, on the CPUs that the policy names or, by
/// default, on the housekeeping CPUs of the plan's nodes, or on any others. Where none is left they
/// share, and the plan says so. For `emulator = spare` planner.h finds a core.
void others_place(Plan *plan, const Request *request);
