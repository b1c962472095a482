// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "read/host.h"
#include "read/interrupts.h"
#include "read/tuning.h"

/// What on a running machine disturbs @cpus: those of a plan, or all that are isolated.
/// @interrupts and @tuning were read for these CPUs or more. @held are the CPUs of other guests.
/// @severities are by FindingCode, as in Policy.
///
/// Comes back as a list of Finding with the codes irq-on-cpus, irqbalance, tuned, numa-balancing,
/// governor and host-starved. What cannot be told is a finding of the same code that says so. Each
/// has a fix: commands for sh that mend it, or, of what cannot be told, one that shows it. The
/// caller frees it with g_ptr_array_unref().
GPtrArray *disturbance_find(const Host *host, const Interrupts *interrupts, const Tuning *tuning,
    const CpuSet *cpus, const CpuSet *held, const Severity *severities);
