// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "place/request.h"

/// The commands, one a line, that make the VM's best plan the configured one: CPUs, sockets and
/// cores, memory bound to the plan's nodes, hugepages where as many are free there. @plan gets that
/// plan, which the caller frees. NULL: there is no plan. The caller frees it.
char *proposal_of(const Request *request, Plan **plan);
