// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tell/hostreport.h"
#include "tell/report.h"
#include "call.h"
#include "whatif.h"

/* The doors. Each returns a report that the caller frees; what could not be found out is an outcome
 * too. */

/// Plans, checks, and reserves what was planned.
Report *run_pre_start(const Call *call);

/// What run_pre_start() would say, changing nothing.
Report *run_check(const Call *call);

/// What run_check() would say of a VM, a policy and a machine that @what_if describes. @call: 0 is
/// no VMID. @advise: with the commands that make the best plan the configured one, in place of a
/// verdict. NULL with @error where @what_if names what is not there.
Report *run_plan(const Call *call, const WhatIf *what_if, gboolean advise, GError **error);

/// Binds every thread, reads all back, and lets a frozen guest run once it is proven.
Report *run_post_start(const Call *call);

/// What run_post_start() does for a VM that it has been at already, without a new plan: binds again
/// what drifted or was plugged in since. It finishes a start whose post-start never came to its end,
/// and, called by name, plans and binds what no start has bound.
Report *run_repair(const Call *call);

/// The VMs that hold CPUs by the ledger, ascending. NULL with @error. The caller frees it.
GArray *run_list_pinned(const Root *root, GError **error);

/// These, and behind them all others that run here and are attached.
GArray *run_list_repairable(const Root *root, GError **error);

/// What run_post_start() would read back, changing nothing.
Report *run_status(const Call *call);

/// Gives back what a VM that has ended held.
Report *run_post_stop(const Call *call);

/// The machine itself, whatever the call's VM. NULL with @error: it could not be found out.
HostReport *run_host(const Call *call, GError **error);

/// The same machine as XML for lstopo; see picture.h. The caller frees it.
char *run_picture(const Call *call, GError **error);
