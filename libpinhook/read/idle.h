// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/root.h"

/// How deep an idle CPU may sleep.
typedef struct {
    guint cpu;
    gboolean known;
    guint64 wake_us; // the most that it takes to wake up
} IdleSleep;

/// Of each of @cpus that has idle states (cpuidle); the caller unrefs the array. A state counts
/// that is not disabled and that power/pm_qos_resume_latency_us allows: 0 there allows all, "n/a"
/// none (Documentation/ABI/testing/sysfs-devices-power). What a program holds against sleep through
/// /dev/cpu_dma_latency does not show.
GArray *idle_load(const Root *root, const CpuSet *cpus);
