// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "place/request.h"

/// What makes the VM's best plan the configured one, in this order: CPUs; sockets and cores, or
/// the threads that the guest is told of; memory
/// bound to the plan's nodes, hugepages where as many are free there. @plan gets that plan, which
/// the caller frees. NULL: there is no plan. The caller unrefs the array of Fix.
GPtrArray *proposal_of(const Request *request, Plan **plan);
