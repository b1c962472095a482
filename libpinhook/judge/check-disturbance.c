// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "base/text.h"

#define NAMED_INTERRUPTS 4
#define HOST_CORES 2

/* Interrupts. */

static Fix *fix_interrupts(const Check *check, const CpuSet *irqs)
{
    g_autoptr(CpuSet) refuge = check_refuge(check);
    g_autofree char *list = cpuset_to_list(refuge);
    g_autoptr(GArray) numbers = check_to_numbers(irqs);

    if (*list == '\0') {
        return fix_run(fix_new(), "grep . /proc/irq/[0-9]*/effective_affinity_list");
    }
    return fix_run_for_each(fix_new(), numbers, "echo {} > /proc/irq/$i/smp_affinity_list", list);
}

static void name_interrupt(GString *names, const Interrupt *interrupt, guint count)
{
    if (count < NAMED_INTERRUPTS) {
        g_autofree char *shown = text_show_start(interrupt->name, 32);
        g_string_append_printf(names, "%s%u (%s)", count > 0 ? ", " : "", interrupt->irq, shown);
    } else if (count == NAMED_INTERRUPTS) {
        g_string_append(names, ", ...");
    }
}

static void check_interrupts(Check *check)
{
    g_autoptr(CpuSet) irqs = cpuset_new(), reached = cpuset_new();
    g_autoptr(GString) names = g_string_new(NULL);
    guint count = 0;

    for (guint i = 0; i < check->request->interrupts->list->len; i++) {
        const Interrupt *interrupt = check->request->interrupts->list->pdata[i];
        if (hwloc_bitmap_intersects(interrupt->cpus, check->cpus)) {
            name_interrupt(names, interrupt, count++);
            hwloc_bitmap_set(irqs, interrupt->irq);
            hwloc_bitmap_or(reached, reached, interrupt->cpus);
        }
    }
    if (count > 0) {
        hwloc_bitmap_and(reached, reached, check->cpus);
        g_autofree char *list = cpuset_to_list(reached);
        if (check_add(check, FINDING_IRQ_ON_CPUS, "%u interrupt%s delivered to CPU %s: %s", count,
                count > 1 ? "s are" : " is", list, names->str)) {
            check_offer(check, fix_interrupts(check, irqs));
        }
    }
    if (!check->request->interrupts->known) {
        if (check_add(check, FINDING_IRQ_ON_CPUS,
                "where interrupts go cannot be told: /proc/irq cannot be read")) {
            check_offer(check, fix_run(fix_new(), "ls /proc/irq"));
        }
    }
}

/// Once it is given a list it no longer looks for isolated CPUs, so the list keeps what it leaves
/// alone now.
static Fix *fix_irqbalance(const Check *check, const CpuSet *spared)
{
    g_autoptr(CpuSet) banned = cpuset_or(spared, check->cpus);
    g_autofree char *list = cpuset_to_list(banned);

    if (hwloc_bitmap_isincluded(check->request->host->online, banned)) {
        return fix_run(fix_new(), "systemctl disable --now irqbalance");
    }
    return fix_run(fix_new(),
        "sed -i '/^ *IRQBALANCE_BANNED_CPU/d' /etc/default/irqbalance; "
        "echo IRQBALANCE_BANNED_CPULIST={} >> /etc/default/irqbalance; "
        "systemctl restart irqbalance",
        list);
}

static void check_irqbalance(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) spared = tuning_irqbalance_spares(
        check->request->tuning, isolation->boot, isolation->nohz_full);

    if (check->request->tuning->irqbalance == TUNING_UNKNOWN) {
        if (check_add(check, FINDING_IRQBALANCE,
                "whether irqbalance runs cannot be told: its cgroup cannot be read")) {
            check_offer(check, fix_run(fix_new(), "systemctl status irqbalance"));
        }
    } else if (check->request->tuning->irqbalance == TUNING_ON && spared == NULL) {
        if (check_add(check, FINDING_IRQBALANCE,
                "which CPUs irqbalance leaves alone cannot be told: its settings cannot be read")) {
            check_offer(check, fix_run(fix_new(), "grep BANNED /etc/default/irqbalance"));
        }
    } else if (check->request->tuning->irqbalance == TUNING_ON &&
               !hwloc_bitmap_isincluded(check->cpus, spared)) {
        g_autoptr(CpuSet) open = cpuset_minus(check->cpus, spared);
        g_autofree char *open_list = cpuset_to_list(open);
        g_autofree char *spared_list = cpuset_to_list(spared);
        if (check_add(check, FINDING_IRQBALANCE,
                "irqbalance may send interrupts to CPU %s; it leaves alone: %s", open_list,
                *spared_list != '\0' ? spared_list : "none")) {
            check_offer(check, fix_irqbalance(check, spared));
        }
    }
}

/* Threads and pages. */

/// A profile beside the active one, which it includes: all else that was asked for stays.
static Fix *fix_tuned(const Tuning *tuning)
{
    g_auto(GStrv) names = g_strsplit_set(tuning->tuned_profile, " \t\n", -1);
    g_autofree char *include = g_strjoinv(",", names);
    g_autofree char *joined = g_strjoinv("-", names);
    g_autofree char *own = g_strconcat(joined, "-vms", NULL);
    g_autofree char *directory = g_strdup_printf("%s/%s", tuning->tuned_own_directory, own);
    g_autofree char *path = g_strdup_printf("%s/tuned.conf", directory);

    return fix_run(fix_new(),
        "mkdir -p {}; printf '[main]\\ninclude=%s\\n[scheduler]\\n"
        "cgroup_ps_blacklist=/qemu.slice/\\n' {} > {}; tuned-adm profile {}",
        directory, include, path, own);
}

static void check_tuned(Check *check)
{
    const Tuning *tuning = check->request->tuning;

    if (tuning->tuned == TUNING_UNKNOWN) {
        if (check_add(check, FINDING_TUNED,
                "whether tuned runs cannot be told: its cgroup cannot be read")) {
            check_offer(check, fix_run(fix_new(), "systemctl status tuned"));
        }
    } else if (tuning->tuned_moves_vms == TUNING_UNKNOWN) {
        if (check_add(check, FINDING_TUNED,
                "whether tuned moves the threads of VMs cannot be told: its profile %s cannot be "
                "read",
                tuning->tuned_profile != NULL ? tuning->tuned_profile
                                              : "in /etc/tuned/active_profile")) {
            check_offer(check, fix_run(fix_new(), "tuned-adm active"));
        }
    } else if (tuning->tuned_moves_vms == TUNING_ON) {
        if (check_add(check, FINDING_TUNED,
                "tuned's profile %s moves the threads of VMs off the CPUs it isolates",
                tuning->tuned_profile)) {
            check_offer(check, fix_tuned(tuning));
        }
    }
}

static void check_numa_balancing(Check *check)
{
    guint nodes = host_count_memory_nodes(check->request->host);

    if (nodes < 2) {
        return;
    }
    if (check->request->tuning->numa_balancing == TUNING_ON) {
        if (check_add(check, FINDING_NUMA_BALANCING,
                "kernel.numa_balancing is on, and this host has %u nodes", nodes)) {
            check_offer(check, fix_run(fix_new(), "sysctl -w kernel.numa_balancing=0"));
        }
    } else if (check->request->tuning->numa_balancing == TUNING_UNKNOWN) {
        if (check_add(check, FINDING_NUMA_BALANCING,
                "whether the kernel balances memory between the %u nodes cannot be told: "
                "/proc/sys/kernel/numa_balancing cannot be read",
                nodes)) {
            check_offer(check, fix_run(fix_new(), "sysctl kernel.numa_balancing"));
        }
    }
}

/* Frequencies. */

static void add_governor(GPtrArray *names, char *name)
{
    if (!g_ptr_array_find_with_equal_func(names, name, g_str_equal, NULL)) {
        g_ptr_array_add(names, name);
    }
}

static char *join_names(GPtrArray *names)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < names->len; i++) {
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", (const char *)names->pdata[i]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void add_slow(Check *check, const CpuSet *slow, GPtrArray *governors)
{
    g_autofree char *list = cpuset_to_list(slow);
    g_autoptr(GArray) numbers = check_to_numbers(slow);
    g_autofree char *names = join_names(governors);

    if (check_add(check, FINDING_GOVERNOR,
            "the frequency of CPU %s is governed by %s, not by performance", list, names)) {
        check_offer(check,
            fix_run_for_each(fix_new(), numbers,
                "echo performance > /sys/devices/system/cpu/cpu$i/cpufreq/scaling_governor"));
    }
}

static void check_governor(Check *check)
{
    g_autoptr(CpuSet) slow = cpuset_new(), unknown = cpuset_new();
    g_autoptr(GPtrArray) governors = g_ptr_array_new();

    for (guint i = 0; i < check->request->tuning->frequencies->len; i++) {
        const TuningFrequency *frequency = check->request->tuning->frequencies->pdata[i];
        if (!hwloc_bitmap_isset(check->cpus, frequency->cpu) || tuning_is_fast(frequency)) {
            continue;
        }
        if (frequency->governor == NULL) {
            hwloc_bitmap_set(unknown, frequency->cpu);
        } else {
            hwloc_bitmap_set(slow, frequency->cpu);
            add_governor(governors, frequency->governor);
        }
    }
    if (!hwloc_bitmap_iszero(slow)) {
        add_slow(check, slow, governors);
    }
    if (!hwloc_bitmap_iszero(unknown)) {
        g_autofree char *list = cpuset_to_list(unknown);
        if (check_add(check, FINDING_GOVERNOR,
                "how the frequency of CPU %s is governed cannot be told: scaling_governor cannot "
                "be read",
                list)) {
            check_offer(
                check, fix_run(fix_new(),
                           "grep . /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"));
        }
    }
}

/* Room for the host. */

static guint count_cores_within(const Host *host, const CpuSet *cpus)
{
    guint count = 0;

    for (guint i = 0; i < host->cores->len; i++) {
        count += hwloc_bitmap_isincluded(((const HostCore *)host->cores->pdata[i])->cpus, cpus);
    }
    return count;
}

/// Moves cores that lie in @from to @to until it has enough, the slowest first.
static void take_cores(const Host *host, CpuSet *to, const CpuSet *from)
{
    for (guint kind = 0; kind < host->kinds->len; kind++) {
        for (guint i = 0; i < host->cores->len && count_cores_within(host, to) < HOST_CORES; i++) {
            const HostCore *core = host->cores->pdata[i];
            if (core->kind == kind && hwloc_bitmap_isincluded(core->cpus, from)) {
                hwloc_bitmap_or(to, to, core->cpus);
            }
        }
    }
}

/// The cores that the host should have: CPU 0's, those that it has, then such as no guest has, then
/// those of @cpus.
static CpuSet *choose_host_cores(const Check *check, const CpuSet *left)
{
    g_autoptr(CpuSet)
        unheld = cpuset_minus(check->request->host->online, check->request->taken->vm_cpus);
    g_autoptr(CpuSet) unused = cpuset_minus(unheld, check->cpus);
    g_autoptr(CpuSet) zero = cpuset_new();
    CpuSet *chosen = cpuset_new();

    hwloc_bitmap_set(zero, 0);
    g_autoptr(CpuSet) first = host_whole_cores(check->request->host, zero);
    hwloc_bitmap_and(first, first, unheld);
    const CpuSet *choices[] = { first, left, unused, unheld };
    for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
        take_cores(check->request->host, chosen, choices[i]);
    }
    return chosen;
}

static Fix *fix_starved(const Check *check, const CpuSet *left)
{
    const CpuSet *isolated = check->request->host->isolation->isolated;
    g_autoptr(CpuSet) chosen = choose_host_cores(check, left);
    g_autoptr(CpuSet) rest = cpuset_minus(isolated, chosen);

    hwloc_bitmap_and(rest, rest, check->request->host->online);
    /* What isolation does not take, guests do: which, the command shows. */
    if (!hwloc_bitmap_intersects(isolated, chosen)) {
        return fix_run(fix_new(), "pinhook host");
    }
    return advice_isolate_exactly(check->request, rest);
}

static void check_host_starved(Check *check)
{
    g_autoptr(CpuSet) left = check_left_to_host(check, check->cpus);
    guint cores = count_cores_within(check->request->host, left);

    if (cores >= MIN(HOST_CORES, check->request->host->cores->len)) {
        return;
    }
    g_autofree char *list = cpuset_to_list(left);
    if (check_add(check, FINDING_HOST_STARVED,
            "whole cores left to the host: %u of %u; CPUs neither isolated nor a guest's: %s",
            cores, check->request->host->cores->len, *list != '\0' ? list : "none")) {
        check_offer(check, fix_starved(check, left));
    }
}

const CheckRow checks_of_disturbance[] = {
    { check_interrupts, OF_LIVE },
    { check_irqbalance, OF_LIVE },
    { check_tuned, OF_LIVE },
    { check_numa_balancing, OF_LIVE },
    { check_governor, OF_LIVE },
    { check_host_starved, OF_LIVE },
    { NULL },
};
