// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"

/// The files that isolation is read from, as text; NULL for one that is not there.
typedef struct {
    const char *possible;  // /sys/devices/system/cpu/possible
    const char *isolated;  // /sys/devices/system/cpu/isolated
    const char *partition; // /sys/fs/cgroup/cpuset.cpus.isolated (cgroup v2, from Linux 6.8)
    const char *nohz_full; // /sys/devices/system/cpu/nohz_full
    const char *cmdline;   // /proc/cmdline
    const char *cpuset;    // cpuset.cpus.effective of the cgroup that VMs live in
} IsolationFiles;

/// Which CPUs the kernel keeps its scheduler off, and which it was told to. What is in force and
/// what was asked for are kept apart: only the live files decide.
typedef struct {
    guint possible;           // how many CPUs the kernel could have
    CpuSet *boot;             // in force, from isolcpus=; may name offline CPUs
    CpuSet *partition;        // in force, from cgroup v2 partitions (and isolcpus=)
    CpuSet *elsewhere;        // of these, in a partition that VMs are not in: the kernel lets only
                              // its own tasks there (cpuset_cpus_allowed)
    CpuSet *isolated;         // in force for VMs: both together but what is elsewhere
    CpuSet *nohz_full;        // in force
    gboolean cmdline_known;   // whether the command line could be read
    CpuSet *cmdline_isolcpus; // asked for: the list of isolcpus=, whatever its flags; NULL: none
    gboolean cmdline_domain;  // whether that parameter asks for isolation of the scheduler
    char *cmdline_isolcpus_text; // as it stands on the command line; NULL: none
    CpuSet *cmdline_nohz_full;   // asked for; NULL: none
    CpuSet *cmdline_rcu_nocbs;   // asked for; NULL: none
} Isolation;

/// Never fails: a list that is not of the kernel's grammar counts as empty, as it does there.
Isolation *isolation_parse(const IsolationFiles *files);

/// What it is after a boot that isolates @cpus, as cmdline_isolate() has it, and no others. The
/// caller frees it.
Isolation *isolation_after_boot(const Isolation *isolation, const CpuSet *cpus);

void isolation_free(Isolation *isolation);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Isolation, isolation_free)
