// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the kernel does of itself where vCPUs run. It costs little, so that these are notes. */
#include "judge/checks.h"

#define DEEP_US 10

/* Work on CPUs that a file names. */

typedef struct {
    FindingCode code;
    const char *says; // before the CPUs
    const char *asks; // "… cannot be told"
    const char *file;
    const char *command;                  // sends it elsewhere
    char *(*to_text)(const CpuSet *cpus); // what the file takes
} Work;

static const Work new_interrupts = { FINDING_IRQ_DEFAULT,
    "interrupts of devices to come may be delivered to", "where interrupts of devices to come go",
    "/proc/irq/default_smp_affinity", "echo {} > /proc/irq/default_smp_affinity", cpuset_to_mask };

static const Work workqueues = { FINDING_WORKQUEUES, "the kernel may do work of its own on",
    "where the kernel does work of its own", "/sys/devices/virtual/workqueue/cpumask",
    "echo {} > /sys/devices/virtual/workqueue/cpumask", cpuset_to_mask };

static const Work watchdogs = { FINDING_WATCHDOG, "the kernel's watchdogs for lockups run on",
    "where the kernel's watchdogs for lockups run", "/proc/sys/kernel/watchdog_cpumask",
    "sysctl -w kernel.watchdog_cpumask={}", cpuset_to_list };

/// A finding that only says what cannot be told.
static void add_unknown(Check *check, FindingCode code, const char *asks, const char *file)
{
    if (check_add(check, code, "%s cannot be told: %s cannot be read", asks, file)) {
        check_offer(check, fix_run(fix_new(), "cat {}", file));
    }
}

static void check_work(Check *check, const Work *work, const TuningCpus *where)
{
    if (where->state == TUNING_UNKNOWN) {
        add_unknown(check, work->code, work->asks, work->file);
    }
    if (where->state != TUNING_ON || !hwloc_bitmap_intersects(where->cpus, check->cpus)) {
        return;
    }
    g_autoptr(CpuSet) met = cpuset_and(where->cpus, check->cpus);
    g_autoptr(CpuSet) refuge = check_refuge(check);
    g_autofree char *list = cpuset_to_list(met);
    g_autofree char *elsewhere = work->to_text(refuge);
    if (check_add(check, work->code, "%s CPU %s", work->says, list)) {
        check_offer(check, hwloc_bitmap_iszero(refuge)
                               ? fix_run(fix_new(), "cat {}", work->file)
                               : fix_run(fix_new(), work->command, elsewhere));
    }
}

static void check_new_interrupts(Check *check)
{
    check_work(check, &new_interrupts, &check->request->tuning->new_interrupts);
}

static void check_workqueues(Check *check)
{
    check_work(check, &workqueues, &check->request->tuning->workqueues);
}

static void check_watchdogs(Check *check)
{
    check_work(check, &watchdogs, &check->request->tuning->watchdogs);
}

/* Sleep. */

static void add_sleepers(Check *check, const CpuSet *sleepers, guint64 wake_us)
{
    g_autofree char *list = cpuset_to_list(sleepers);
    g_autofree char *most = g_strdup_printf("%d", DEEP_US);
    g_autoptr(GArray) numbers = check_to_numbers(sleepers);

    if (check_add(check, FINDING_DEEP_SLEEP,
            "CPU %s may sleep so deeply that waking up takes %" G_GUINT64_FORMAT " us", list,
            wake_us)) {
        check_offer(check, fix_run_for_each(fix_new(), numbers,
                               "echo {} > /sys/devices/system/cpu/cpu$i/power/"
                               "pm_qos_resume_latency_us",
                               most));
    }
}

static void check_sleep(Check *check)
{
    g_autoptr(CpuSet) sleepers = cpuset_new(), unknown = cpuset_new();
    const GArray *sleeps = check->request->tuning->sleeps;
    guint64 wake_us = 0;

    for (guint i = 0; i < sleeps->len; i++) {
        const IdleSleep *sleep = &g_array_index(sleeps, IdleSleep, i);
        if (!hwloc_bitmap_isset(check->cpus, sleep->cpu)) {
            continue;
        }
        if (!sleep->known) {
            hwloc_bitmap_set(unknown, sleep->cpu);
        } else if (sleep->wake_us > DEEP_US) {
            hwloc_bitmap_set(sleepers, sleep->cpu);
            wake_us = MAX(wake_us, sleep->wake_us);
        }
    }
    if (!hwloc_bitmap_iszero(sleepers)) {
        add_sleepers(check, sleepers, wake_us);
    }
    if (!hwloc_bitmap_iszero(unknown)) {
        g_autofree char *list = cpuset_to_list(unknown);
        if (check_add(check, FINDING_DEEP_SLEEP,
                "how deeply CPU %s may sleep cannot be told: its idle states cannot be read",
                list)) {
            check_offer(check,
                fix_run(fix_new(), "grep . /sys/devices/system/cpu/cpu[0-9]*/cpuidle/*/latency"));
        }
    }
}

/* Memory. */

static void check_ksm(Check *check)
{
    TuningState state = check->request->tuning->ksm;

    if (state == TUNING_UNKNOWN) {
        add_unknown(
            check, FINDING_KSM, "whether the kernel merges equal pages", "/sys/kernel/mm/ksm/run");
    } else if (state == TUNING_ON &&
               check_add(check, FINDING_KSM, "the kernel merges equal pages of guests")) {
        Fix *fix = fix_run(
            fix_new(), "systemctl disable --now ksmtuned; echo 0 > /sys/kernel/mm/ksm/run");
        check_offer(check, fix_takes(fix, "pages are merged no more"));
    }
}

static void check_huge_for_all(Check *check)
{
    TuningState state = check->request->tuning->huge_for_all;

    if (state == TUNING_UNKNOWN) {
        add_unknown(check, FINDING_HUGE_FOR_ALL, "whether the kernel makes huge pages for all",
            "/sys/kernel/mm/transparent_hugepage/enabled");
    } else if (state == TUNING_ON && check_add(check, FINDING_HUGE_FOR_ALL,
                                         "the kernel makes huge pages for all processes")) {
        check_offer(check,
            fix_run(fix_new(), "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"));
    }
}

const CheckRow checks_of_kernel[] = {
    { check_new_interrupts, OF_LIVE },
    { check_workqueues, OF_LIVE },
    { check_watchdogs, OF_LIVE },
    { check_sleep, OF_LIVE },
    { check_ksm, OF_LIVE },
    { check_huge_for_all, OF_LIVE },
    { NULL },
};
