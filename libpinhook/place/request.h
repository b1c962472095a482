// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/device.h"
#include "read/host.h"
#include "read/interrupts.h"
#include "read/policy.h"
#include "read/timer.h"
#include "read/tuning.h"
#include "read/vmconfig.h"
#include "place/pool.h"
#include "place/taken.h"

/// All that a plan is made from, and a verdict and its fixes: what the stages before them read.
/// Nothing in it is owned. Of a VM whose config is not readable nothing but @vm and @policy is
/// there.
typedef struct {
    guint vmid;
    const VmConfig *vm;
    const Policy *policy;
    const Host *host;
    const GPtrArray *devices; // Device: passed through to the VM
    const Taken *taken;
    const Pool *pool;
    Timer timer; // of repair

    /* Read for the CPUs of a plan, so not before it; NULL: not looked at. */
    const Interrupts *interrupts;
    const Tuning *tuning;
} Request;
