// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/disturbance.h"

#include "base/cmdline.h"

#define NAMED_INTERRUPTS 4
#define HOST_CORES 2

/// A look under way. Each find_… below looks at one thing and adds its findings.
typedef struct {
    const Host *host;
    const Interrupts *interrupts;
    const Tuning *tuning;
    const CpuSet *cpus;
    const CpuSet *held;
    const Severity *severities;
    GPtrArray *findings;
} Look;

/// Takes @fix.
static void G_GNUC_PRINTF(4, 5)
    add(Look *look, FindingCode code, char *fix, const char *format, ...)
{
    Severity severity = look->severities[code];
    va_list args;

    if (severity == SEVERITY_OFF) {
        g_free(fix);
        return;
    }
    va_start(args, format);
    g_ptr_array_add(
        look->findings, finding_new(code, severity, g_strdup_vprintf(format, args), fix));
    va_end(args);
}

/// @set for a loop of sh: `24 25 $(seq 30 45)`, as a machine may have thousands in a row.
static char *to_words(const CpuSet *set)
{
    g_autoptr(GString) words = g_string_new(NULL);

    for (int first = hwloc_bitmap_first(set); first >= 0;) {
        int last = hwloc_bitmap_next_unset(set, first) - 1;
        const char *blank = words->len > 0 ? " " : "";
        if (last - first >= 2) {
            g_string_append_printf(words, "%s$(seq %d %d)", blank, first, last);
            first = hwloc_bitmap_next(set, last);
        } else {
            g_string_append_printf(words, "%s%d", blank, first);
            first = hwloc_bitmap_next(set, first);
        }
    }
    return g_string_free(g_steal_pointer(&words), FALSE);
}

/// Online CPUs that are neither isolated nor a guest's.
static CpuSet *left_to_host(const Look *look)
{
    CpuSet *left = cpuset_minus(look->host->online, look->host->isolation->isolated);

    hwloc_bitmap_andnot(left, left, look->held);
    hwloc_bitmap_andnot(left, left, look->cpus);
    return left;
}

/* Interrupts. */

/// Where interrupts may go; where everything is isolated or held, anywhere but to @cpus.
static CpuSet *find_refuge(const Look *look)
{
    CpuSet *refuge = left_to_host(look);

    if (hwloc_bitmap_iszero(refuge)) {
        hwloc_bitmap_andnot(refuge, look->host->online, look->cpus);
    }
    return refuge;
}

static char *fix_interrupts(const Look *look, const CpuSet *irqs)
{
    g_autoptr(CpuSet) refuge = find_refuge(look);
    g_autofree char *list = cpuset_to_list(refuge);
    g_autofree char *words = to_words(irqs);

    if (*list == '\0') {
        return g_strdup("grep . /proc/irq/[0-9]*/effective_affinity_list");
    }
    return g_strdup_printf(
        "for i in %s; do echo %s > /proc/irq/$i/smp_affinity_list; done", words, list);
}

static void name_interrupt(GString *names, const Interrupt *interrupt, guint count)
{
    if (count < NAMED_INTERRUPTS) {
        g_string_append_printf(
            names, "%s%u (%.32s)", count > 0 ? ", " : "", interrupt->irq, interrupt->name);
    } else if (count == NAMED_INTERRUPTS) {
        g_string_append(names, ", ...");
    }
}

static void find_interrupts(Look *look)
{
    g_autoptr(CpuSet) irqs = cpuset_new(), reached = cpuset_new();
    g_autoptr(GString) names = g_string_new(NULL);
    guint count = 0;

    for (guint i = 0; i < look->interrupts->list->len; i++) {
        const Interrupt *interrupt = look->interrupts->list->pdata[i];
        if (hwloc_bitmap_intersects(interrupt->cpus, look->cpus)) {
            name_interrupt(names, interrupt, count++);
            hwloc_bitmap_set(irqs, interrupt->irq);
            hwloc_bitmap_or(reached, reached, interrupt->cpus);
        }
    }
    if (count > 0) {
        hwloc_bitmap_and(reached, reached, look->cpus);
        g_autofree char *list = cpuset_to_list(reached);
        add(look, FINDING_IRQ_ON_CPUS, fix_interrupts(look, irqs),
            "%u interrupt%s delivered to CPU %s: %s", count, count > 1 ? "s are" : " is", list,
            names->str);
    }
    if (!look->interrupts->known) {
        add(look, FINDING_IRQ_ON_CPUS, g_strdup("ls /proc/irq"),
            "where interrupts go cannot be told: /proc/irq cannot be read");
    }
}

/// Once it is given a list it no longer looks for isolated CPUs, so the list keeps what it leaves
/// alone now.
static char *fix_irqbalance(const Look *look, const CpuSet *spared)
{
    g_autoptr(CpuSet) banned = cpuset_or(spared, look->cpus);
    g_autofree char *list = cpuset_to_list(banned);

    if (hwloc_bitmap_isincluded(look->host->online, banned)) {
        return g_strdup("systemctl disable --now irqbalance");
    }
    return g_strdup_printf("sed -i '/^ *IRQBALANCE_BANNED_CPU/d' /etc/default/irqbalance; "
                           "echo IRQBALANCE_BANNED_CPULIST=%s >> /etc/default/irqbalance; "
                           "systemctl restart irqbalance",
        list);
}

static void find_irqbalance(Look *look)
{
    const Isolation *isolation = look->host->isolation;
    g_autoptr(CpuSet)
        spared = tuning_irqbalance_spares(look->tuning, isolation->boot, isolation->nohz_full);

    if (look->tuning->irqbalance == TUNING_UNKNOWN) {
        add(look, FINDING_IRQBALANCE, g_strdup("systemctl status irqbalance"),
            "whether irqbalance runs cannot be told: its cgroup cannot be read");
    } else if (look->tuning->irqbalance == TUNING_ON && spared == NULL) {
        add(look, FINDING_IRQBALANCE, g_strdup("grep BANNED /etc/default/irqbalance"),
            "which CPUs irqbalance leaves alone cannot be told: its settings cannot be read");
    } else if (look->tuning->irqbalance == TUNING_ON &&
               !hwloc_bitmap_isincluded(look->cpus, spared)) {
        g_autoptr(CpuSet) open = cpuset_minus(look->cpus, spared);
        g_autofree char *open_list = cpuset_to_list(open);
        g_autofree char *spared_list = cpuset_to_list(spared);
        add(look, FINDING_IRQBALANCE, fix_irqbalance(look, spared),
            "irqbalance may send interrupts to CPU %s; it leaves alone: %s", open_list,
            *spared_list != '\0' ? spared_list : "none");
    }
}

/* Threads and pages. */

/// A profile beside the active one, which it includes: all else that was asked for stays.
static char *fix_tuned(const Tuning *tuning)
{
    g_auto(GStrv) names = g_strsplit_set(tuning->tuned_profile, " \t\n", -1);
    g_autofree char *include = g_strjoinv(",", names);
    g_autofree char *joined = g_strjoinv("-", names);
    g_autofree char *path = g_strdup_printf("%s/%s-vms", tuning->tuned_own_directory, joined);

    return g_strdup_printf("mkdir -p %s; printf '[main]\\ninclude=%s\\n[scheduler]\\n"
                           "cgroup_ps_blacklist=/qemu.slice/\\n' > %s/tuned.conf; "
                           "tuned-adm profile %s-vms",
        path, include, path, joined);
}

static void find_tuned(Look *look)
{
    const Tuning *tuning = look->tuning;

    if (tuning->tuned == TUNING_UNKNOWN) {
        add(look, FINDING_TUNED, g_strdup("systemctl status tuned"),
            "whether tuned runs cannot be told: its cgroup cannot be read");
    } else if (tuning->tuned_moves_vms == TUNING_UNKNOWN) {
        add(look, FINDING_TUNED, g_strdup("tuned-adm active"),
            "whether tuned moves the threads of VMs cannot be told: its profile %s cannot be read",
            tuning->tuned_profile != NULL ? tuning->tuned_profile : "in /etc/tuned/active_profile");
    } else if (tuning->tuned_moves_vms == TUNING_ON) {
        add(look, FINDING_TUNED, fix_tuned(tuning),
            "tuned's profile %s moves the threads of VMs off the CPUs it isolates",
            tuning->tuned_profile);
    }
}

static void find_numa_balancing(Look *look)
{
    guint nodes = host_count_memory_nodes(look->host);

    if (nodes < 2) {
        return;
    }
    if (look->tuning->numa_balancing == TUNING_ON) {
        add(look, FINDING_NUMA_BALANCING, g_strdup("sysctl -w kernel.numa_balancing=0"),
            "kernel.numa_balancing is on, and this host has %u nodes", nodes);
    } else if (look->tuning->numa_balancing == TUNING_UNKNOWN) {
        add(look, FINDING_NUMA_BALANCING, g_strdup("sysctl kernel.numa_balancing"),
            "whether the kernel balances memory between the %u nodes cannot be told: "
            "/proc/sys/kernel/numa_balancing cannot be read",
            nodes);
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

static void add_slow(Look *look, const CpuSet *slow, GPtrArray *governors)
{
    g_autofree char *list = cpuset_to_list(slow);
    g_autofree char *words = to_words(slow);
    g_autofree char *names = join_names(governors);

    add(look, FINDING_GOVERNOR,
        g_strdup_printf("for i in %s; do echo performance > "
                        "/sys/devices/system/cpu/cpu$i/cpufreq/scaling_governor; done",
            words),
        "the frequency of CPU %s is governed by %s, not by performance", list, names);
}

static void find_governor(Look *look)
{
    g_autoptr(CpuSet) slow = cpuset_new(), unknown = cpuset_new();
    g_autoptr(GPtrArray) governors = g_ptr_array_new();

    for (guint i = 0; i < look->tuning->frequencies->len; i++) {
        const TuningFrequency *frequency = look->tuning->frequencies->pdata[i];
        if (!hwloc_bitmap_isset(look->cpus, frequency->cpu) || tuning_is_fast(frequency)) {
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
        add_slow(look, slow, governors);
    }
    if (!hwloc_bitmap_iszero(unknown)) {
        g_autofree char *list = cpuset_to_list(unknown);
        add(look, FINDING_GOVERNOR,
            g_strdup("grep . /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor"),
            "how the frequency of CPU %s is governed cannot be told: scaling_governor cannot be "
            "read",
            list);
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

/// Moves cores that lie in @from to @to until it has enough.
static void take_cores(const Host *host, CpuSet *to, const CpuSet *from)
{
    for (guint i = 0; i < host->cores->len && count_cores_within(host, to) < HOST_CORES; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (hwloc_bitmap_isincluded(core->cpus, from)) {
            hwloc_bitmap_or(to, to, core->cpus);
        }
    }
}

/// The cores that the host should have: CPU 0's, those that it has, then such as no guest has, then
/// those of @cpus.
static CpuSet *choose_host_cores(const Look *look, const CpuSet *left)
{
    g_autoptr(CpuSet) unheld = cpuset_minus(look->host->online, look->held);
    g_autoptr(CpuSet) unused = cpuset_minus(unheld, look->cpus);
    g_autoptr(CpuSet) zero = cpuset_new();
    CpuSet *chosen = cpuset_new();

    hwloc_bitmap_set(zero, 0);
    g_autoptr(CpuSet) first = host_whole_cores(look->host, zero);
    hwloc_bitmap_and(first, first, unheld);
    const CpuSet *choices[] = { first, left, unused, unheld };
    for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
        take_cores(look->host, chosen, choices[i]);
    }
    return chosen;
}

static char *fix_starved(const Look *look, const CpuSet *left)
{
    const CpuSet *isolated = look->host->isolation->isolated;
    g_autoptr(CpuSet) chosen = choose_host_cores(look, left);
    g_autoptr(CpuSet) rest = cpuset_minus(isolated, chosen);

    hwloc_bitmap_and(rest, rest, look->host->online);
    /* What isolation does not take, guests do: which, the command shows. */
    if (!hwloc_bitmap_intersects(isolated, chosen)) {
        return g_strdup("pinhook host");
    }
    return cmdline_isolate(rest);
}

static void find_starved(Look *look)
{
    g_autoptr(CpuSet) left = left_to_host(look);
    guint cores = count_cores_within(look->host, left);

    if (cores >= MIN(HOST_CORES, look->host->cores->len)) {
        return;
    }
    g_autofree char *list = cpuset_to_list(left);
    add(look, FINDING_HOST_STARVED, fix_starved(look, left),
        "whole cores left to the host: %u of %u; CPUs neither isolated nor a guest's: %s", cores,
        look->host->cores->len, *list != '\0' ? list : "none");
}

GPtrArray *disturbance_find(const Host *host, const Interrupts *interrupts, const Tuning *tuning,
    const CpuSet *cpus, const CpuSet *held, const Severity *severities)
{
    Look look = { host, interrupts, tuning, cpus, held, severities, finding_list_new() };

    find_interrupts(&look);
    find_irqbalance(&look);
    find_tuned(&look);
    find_numa_balancing(&look);
    find_governor(&look);
    find_starved(&look);
    return look.findings;
}
