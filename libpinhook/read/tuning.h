// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/root.h"
#include "read/idle.h"

/// TUNING_OFF also where the kernel has no such thing, or nobody installed it. TUNING_UNKNOWN:
/// what would tell cannot be read or makes no sense.
typedef enum { TUNING_OFF, TUNING_ON, TUNING_UNKNOWN } TuningState;

/// How the frequency of one CPU is governed.
typedef struct {
    guint cpu;
    char *governor;   // NULL: not known
    char *driver;     // read under `powersave` alone; NULL: not known
    char *preference; // of power or speed (EPP), likewise; NULL: there is none
} TuningFrequency;

/// CPUs on which the kernel does some work of its own.
typedef struct {
    TuningState state; // whether it does it at all
    CpuSet *cpus;      // with TUNING_ON; else NULL
} TuningCpus;

/// What on a running machine moves interrupts, threads or pages, or slows CPUs down.
typedef struct {
    TuningState irqbalance; // whether it runs
    gboolean irqbalance_banned_known;
    CpuSet *irqbalance_banned;       // the CPUs that it is told to leave alone; NULL: nothing told
    TuningState tuned;               // whether it runs
    char *tuned_profile;             // that is active; "": none; NULL: not known
    TuningState tuned_moves_vms;     // whether that profile moves the threads of VMs
    const char *tuned_own_directory; // where an administrator's profiles belong: "/etc/tuned"
    TuningState numa_balancing;
    TuningState ksm;           // whether equal pages are merged
    TuningState huge_for_all;  // whether pages of all processes are made into huge ones
    TuningCpus new_interrupts; // where interrupts go that are to come
    TuningCpus workqueues;     // where work runs that is bound to no CPU
    TuningCpus watchdogs;      // what looks for lockups
    GPtrArray *frequencies;    // TuningFrequency of each CPU whose frequency is scaled
    GArray *sleeps;            // IdleSleep of each CPU that sleeps
} Tuning;

/// Looks at the machine that @root stands for, and at the frequencies and sleep of @cpus only.
///
/// Whether a service runs is told by its cgroup: no walk over all processes. What irqbalance is
/// told is in its environment, which systemd takes from /etc/default/irqbalance; that file is read
/// where the environment cannot be. IRQBALANCE_BANNED_CPUS (a mask) wins over
/// IRQBALANCE_BANNED_CPULIST, and an empty one is as good as none (irqbalance 1.9, cputree.c,
/// setup_banned_cpus; Debian 12 has 1.9.2).
///
/// A profile of tuned moves VMs' threads if it or one that it includes has `isolated_cores` for the
/// scheduler plugin, and its blacklists match neither the process's name `kvm` nor a VM's cgroup
/// (tuned/plugins/plugin_scheduler.py, _set_all_obj_affinity).
///
/// The preference costs the CPU an interrupt to read (intel_pstate.c, intel_pstate_get_epp), so it
/// is read only where the governor is `powersave`.
Tuning *tuning_load(const Root *root, const CpuSet *cpus);
void tuning_free(Tuning *tuning);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Tuning, tuning_free)

/// The CPUs that irqbalance leaves alone: those that it is told to; told nothing, those that
/// @isolated and @nohz_full of /sys/devices/system/cpu name, which it then bans by itself. It does
/// not know of partitions made at run time. NULL: not known. The caller frees it.
CpuSet *tuning_irqbalance_spares(
    const Tuning *tuning, const CpuSet *isolated, const CpuSet *nohz_full);

/// Whether a CPU runs at full speed when it has work: under `performance`, and under `powersave` of
/// a driver that decides in hardware and was told to prefer speed (Documentation/admin-guide/pm/
/// intel_pstate.rst, amd-pstate.rst). FALSE also where it is not known.
gboolean tuning_is_fast(const TuningFrequency *frequency);
