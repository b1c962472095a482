// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "place/plan.h"
#include "place/request.h"

/// All that verdict.h finds of a start, or of the machine where @request->vm is NULL, with its
/// fixes: what the checks offer, tried in memory. One is left out unless the finding goes with it,
/// nothing becomes worse (trial_is_no_worse()), and that holds beside each other fix too; of those
/// that change one thing there is one, for all that it mends. The cheapest come first, and with one
/// that costs nothing none that costs; what accepts the finding is the last. This takes time: a
/// plan for each.
GPtrArray *mend_findings(const Request *request, const Plan *plan);
