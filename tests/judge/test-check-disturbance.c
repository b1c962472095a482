// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "base/cmdline.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-host.h"
#include "fakes/fake-root.h"
#include "fakes/fake-shell.h"

#include <glib/gstdio.h>
#include <string.h>

#define SHAPE "numa:2 core:4 pu:2"
#define ISOLATED "4-15"
#define SLICE "sys/fs/cgroup/system.slice/"
#define IRQBALANCE SLICE "irqbalance.service/cgroup.procs"
#define BANNED "etc/default/irqbalance"
#define TUNED SLICE "tuned.service/cgroup.procs"
#define ACTIVE "etc/tuned/active_profile"
#define PARTITIONING "usr/lib/tuned/cpu-partitioning/tuned.conf"
#define PARTITIONING_TEXT "[main]\n[scheduler]\nisolated_cores=4-15\nps_blacklist=.*qemu-kvm.*\n"
#define NUMA_BALANCING "proc/sys/kernel/numa_balancing"
#define SMP_AFFINITY "proc/irq/default_smp_affinity"
#define WORKQUEUES "sys/devices/virtual/workqueue/cpumask"
#define WATCHDOG "proc/sys/kernel/watchdog"
#define KSM "sys/kernel/mm/ksm/run"
#define HUGE "sys/kernel/mm/transparent_hugepage/enabled"
#define RESUME(cpu) "sys/devices/system/cpu/cpu" #cpu "/power/pm_qos_resume_latency_us"
#define STATE(cpu, state, file) "sys/devices/system/cpu/cpu" #cpu "/cpuidle/state" #state "/" file
#define GOVERNOR(cpu) "sys/devices/system/cpu/cpu" #cpu "/cpufreq/scaling_governor"

typedef struct {
    const char *path;
    const char *text; // NULL: the file, or the directory with all below it, is not there
} File;

/// A machine of which one thing is looked at. What is not said is that of a calm machine.
typedef struct {
    const char *name;
    FindingCode code;
    const char *message;  // NULL: it must not be found
    const char *fix;      // NULL: whatever mends it
    const char *isolates; // the fix isolates these; NULL: another fix
    gboolean shows;       // the fix only shows what is wrong
    const char *cpus;     // NULL: 4-7
    const char *held;     // NULL: none
    const char *shape;    // NULL: SHAPE
    const char *isolated; // by isolcpus; NULL: ISOLATED
    const char *partition;
    const char *irqs; // "24:4 25:0-3", each handled by q<number>
    File files[6];
} Example;

typedef struct {
    FakeRoot *fake;
    Host *host;
    CpuSet *cpus;
    CpuSet *held;
} Scene;

static void scene_free(Scene *scene)
{
    fake_root_free(scene->fake);
    host_free(scene->host);
    hwloc_bitmap_free(scene->cpus);
    hwloc_bitmap_free(scene->held);
    g_free(scene);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

static CpuSet *parse(const char *list)
{
    return *list != '\0' ? cpuset_parse_list(list, ',', NULL) : cpuset_new();
}

/// Where it goes follows where it may go, as in the kernel.
static void add_interrupt(FakeRoot *fake, guint irq, const char *cpus)
{
    g_autofree char *handler = g_strdup_printf("proc/irq/%u/q%u/x", irq, irq);
    g_autofree char *asked = g_strdup_printf("proc/irq/%u/smp_affinity_list", irq);
    g_autofree char *effective = g_strdup_printf("proc/irq/%u/effective_affinity_list", irq);

    fake_root_write(fake, handler, "");
    fake_root_write(fake, asked, cpus);
    fake_root_link(fake, effective, "smp_affinity_list");
}

static void add_interrupts(FakeRoot *fake, const char *irqs)
{
    g_auto(GStrv) list = g_strsplit(irqs, " ", -1);

    for (guint i = 0; list[i] != NULL; i++) {
        char *colon = strchr(list[i], ':');
        g_assert_nonnull(colon);
        *colon = '\0';
        add_interrupt(fake, (guint)g_ascii_strtoull(list[i], NULL, 10), colon + 1);
    }
}

/* The commands of fixes, as far as they change files. What is in proc/<pid>/environ is what the
 * daemon got when it started. */
static const char systemctl[] = "#!/bin/sh\n"
                                "unit=" SLICE "irqbalance.service/cgroup.procs\n"
                                "case \"$*\" in\n"
                                "'restart irqbalance') mkdir -p proc/812; grep -v '^#' " BANNED
                                " | tr '\\n' '\\0' > proc/812/environ;;\n"
                                "'disable --now irqbalance') : > $unit;;\n"
                                "*) exit 1;;\nesac\n";
static const char sysctl[] = "#!/bin/sh\n[ \"$1\" = -w ] || exit 1\n"
                             "name=${2%=*}\necho ${2#*=} > proc/sys/$(echo $name | tr . /)\n";
static const char tuned_adm[] = "#!/bin/sh\n[ \"$1\" = profile ] || exit 1\n"
                                "[ -f etc/tuned/$2/tuned.conf ] || exit 1\n"
                                "echo $2 > " ACTIVE "\n";

static void add_command(FakeRoot *fake, const char *name, const char *text)
{
    g_autofree char *path = g_strdup_printf("bin/%s", name);
    g_autofree char *outside = fake_root_outside(fake, path);

    fake_root_write(fake, path, text);
    g_assert_cmpint(g_chmod(outside, 0755), ==, 0);
}

/// Three states, of which a limit allows two.
static void add_idle_states(FakeRoot *fake, guint cpu)
{
    static const char *const latencies[] = { "0\n", "2\n", "133\n" };
    g_autofree char *limit = g_strdup_printf(
        "sys/devices/system/cpu/cpu%u/power/pm_qos_resume_latency_us", cpu);

    fake_root_write(fake, limit, "10\n");
    for (guint i = 0; i < G_N_ELEMENTS(latencies); i++) {
        g_autofree char *state = g_strdup_printf(
            "sys/devices/system/cpu/cpu%u/cpuidle/state%u/", cpu, i);
        g_autofree char *latency = g_strconcat(state, "latency", NULL);
        g_autofree char *disable = g_strconcat(state, "disable", NULL);
        fake_root_write(fake, latency, latencies[i]);
        fake_root_write(fake, disable, "0\n");
    }
}

/// What the kernel does of itself stays on @cpus.
static void keep_kernel_on(FakeRoot *fake, const CpuSet *cpus)
{
    g_autofree char *mask = cpuset_to_mask(cpus);
    g_autofree char *list = cpuset_to_list(cpus);

    fake_root_write(fake, SMP_AFFINITY, mask);
    fake_root_write(fake, WORKQUEUES, mask);
    fake_root_write(fake, WATCHDOG, "1\n");
    fake_root_write(fake, WATCHDOG "_cpumask", list);
}

static FakeRoot *new_calm_machine(void)
{
    FakeRoot *fake = fake_root_new();

    fake_root_write(fake, SLICE "cgroup.procs", "");
    fake_root_write(fake, NUMA_BALANCING, "0\n");
    fake_root_write(fake, BANNED, "# IRQBALANCE_BANNED_CPULIST=\n");
    add_interrupt(fake, 1, "0");
    for (guint cpu = 0; cpu < 16; cpu++) {
        g_autofree char *path = g_strdup_printf(
            "sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", cpu);
        fake_root_write(fake, path, "performance\n");
        add_idle_states(fake, cpu);
    }
    fake_root_write(fake, KSM, "0\n");
    fake_root_write(fake, HUGE, "always [madvise] never\n");
    add_command(fake, "systemctl", systemctl);
    add_command(fake, "sysctl", sysctl);
    add_command(fake, "tuned-adm", tuned_adm);
    return fake;
}

static void put_file(FakeRoot *fake, const File *file)
{
    if (root_exists(fake->root, file->path)) {
        fake_root_remove_tree(fake, file->path);
    }
    if (file->text != NULL) {
        fake_root_write(fake, file->path, file->text);
    }
}

static Scene *scene_new(const Example *example)
{
    Scene *scene = g_new(Scene, 1);
    IsolationFiles files = { .isolated = example->isolated != NULL ? example->isolated : ISOLATED,
        .partition = example->partition };

    scene->fake = new_calm_machine();
    scene->host = fake_host_new_isolated(example->shape != NULL ? example->shape : SHAPE, &files);
    scene->cpus = parse(example->cpus != NULL ? example->cpus : "4-7");
    scene->held = parse(example->held != NULL ? example->held : "");
    g_autoptr(CpuSet) others = cpuset_minus(scene->host->online, scene->cpus);
    keep_kernel_on(scene->fake, others);
    if (example->irqs != NULL) {
        add_interrupts(scene->fake, example->irqs);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(example->files) && example->files[i].path != NULL; i++) {
        put_file(scene->fake, &example->files[i]);
    }
    return scene;
}

static const CheckRow *const lists[] = { checks_of_disturbance, checks_of_kernel };

static GPtrArray *judge_with(const Scene *scene, const Severity *severities)
{
    g_autoptr(Interrupts) interrupts = interrupts_load(scene->fake->root, NULL);
    g_autoptr(Tuning) tuning = tuning_load(scene->fake->root, scene->host->online);
    g_autoptr(Policy) policy = policy_parse(NULL, NULL, 100);
    g_autoptr(Taken) taken = taken_new();
    Request request = { .host = scene->host,
        .policy = policy,
        .taken = taken,
        .interrupts = interrupts,
        .tuning = tuning };
    Check check = {
        .request = &request, .cpus = scene->cpus, .mending = TRUE, .findings = finding_list_new()
    };

    taken_add(taken, 101, scene->held);
    memcpy(policy->severities, severities, sizeof(policy->severities));
    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        for (const CheckRow *row = lists[i]; row->look != NULL; row++) {
            row->look(&check);
        }
    }
    return check.findings;
}

static GPtrArray *judge(const Scene *scene)
{
    Severity severities[FINDING_COUNT];

    for (guint code = 0; code < FINDING_COUNT; code++) {
        severities[code] = finding_kind((FindingCode)code)->severity;
    }
    return judge_with(scene, severities);
}

static const Finding *find(const GPtrArray *findings, FindingCode code)
{
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = findings->pdata[i];
        if (finding->code == code) {
            return finding;
        }
    }
    return NULL;
}

/// Boots with it; the VM then is on what is isolated.
static void boot(Scene *scene, const char *cmdline)
{
    g_autoptr(Isolation)
        isolation = isolation_parse(&(IsolationFiles){ .cmdline = cmdline, .possible = "0-63" });
    g_autofree char *isolated = isolation->cmdline_isolcpus != NULL
                                    ? cpuset_to_list(isolation->cmdline_isolcpus)
                                    : g_strdup("");

    fake_host_set_isolation(scene->host, isolated, cmdline);
    hwloc_bitmap_and(scene->cpus, scene->cpus, scene->host->isolation->isolated);
}

static void apply_fix(Scene *scene, const char *fix)
{
    fake_shell_add_boot(scene->fake, "");
    g_assert_true(fake_shell_run(scene->fake, fix));
    g_autofree char *cmdline = fake_shell_next_cmdline(scene->fake);
    if (cmdline != NULL) {
        boot(scene, cmdline);
    }
}

/* Findings: where each appears, where it just does not, and where it cannot be told. */

static const Example examples[] = {
    { .name = "calm/irq", .code = FINDING_IRQ_ON_CPUS },
    { .name = "irq/one",
        .code = FINDING_IRQ_ON_CPUS,
        .irqs = "24:4",
        .message = "1 interrupt is delivered to CPU 4: 24 (q24)",
        .fix = "echo 0-3 > /proc/irq/24/smp_affinity_list" },
    { .name = "irq/beside", .code = FINDING_IRQ_ON_CPUS, .irqs = "24:3 25:8-15" },
    { .name = "irq/two-of-three",
        .code = FINDING_IRQ_ON_CPUS,
        .irqs = "24:0-15 25:3 26:7",
        .message = "2 interrupts are delivered to CPU 4-7: 24 (q24), 26 (q26)",
        .fix = "for i in 24 26; do echo 0-3 > /proc/irq/$i/smp_affinity_list; done" },
    { .name = "irq/four-are-named",
        .code = FINDING_IRQ_ON_CPUS,
        .irqs = "30:4 31:4 32:4 33:4",
        .message = "4 interrupts are delivered to CPU 4: 30 (q30), 31 (q31), 32 (q32), 33 (q33)" },
    { .name = "irq/of-many-four-are-named",
        .code = FINDING_IRQ_ON_CPUS,
        .irqs = "30:4 31:4 32:4 33:4 34:5 36:6",
        .message = "6 interrupts are delivered to CPU 4-6: 30 (q30), 31 (q31), 32 (q32), "
                   "33 (q33), ...",
        .fix = "for i in $(seq 30 34) 36; do echo 0-3 > /proc/irq/$i/smp_affinity_list; done" },
    { .name = "irq/away-from-other-guests",
        .code = FINDING_IRQ_ON_CPUS,
        .irqs = "24:4",
        .held = "0-1",
        .message = "1 interrupt is delivered to CPU 4: 24 (q24)",
        .fix = "echo 2-3 > /proc/irq/24/smp_affinity_list" },
    { .name = "irq/all-isolated",
        .code = FINDING_IRQ_ON_CPUS,
        .irqs = "24:4",
        .isolated = "0-15",
        .message = "1 interrupt is delivered to CPU 4: 24 (q24)",
        .fix = "echo 0-3,8-15 > /proc/irq/24/smp_affinity_list" },
    { .name = "irq/nowhere-to-go",
        .code = FINDING_IRQ_ON_CPUS,
        .cpus = "0-15",
        .irqs = "24:4",
        .message = "2 interrupts are delivered to CPU 0,4: 1 (q1), 24 (q24)",
        .shows = TRUE },
    { .name = "irq/cannot-be-told",
        .code = FINDING_IRQ_ON_CPUS,
        .message = "where interrupts go cannot be told: /proc/irq cannot be read",
        .fix = "ls /proc/irq",
        .shows = TRUE,
        .files = { { "proc/irq", NULL } } },

    { .name = "calm/irqbalance", .code = FINDING_IRQBALANCE },
    { .name = "irqbalance/spares-isolated",
        .code = FINDING_IRQBALANCE,
        .files = { { IRQBALANCE, "812\n" } } },
    { .name = "irqbalance/not-all-isolated",
        .code = FINDING_IRQBALANCE,
        .isolated = "5-15",
        .message = "irqbalance may send interrupts to CPU 4; it leaves alone: 5-15",
        .fix = "sed -i '/^ *IRQBALANCE_BANNED_CPU/d' /etc/default/irqbalance; "
               "echo IRQBALANCE_BANNED_CPULIST=4-15 >> /etc/default/irqbalance; "
               "systemctl restart irqbalance",
        .files = { { IRQBALANCE, "812\n" } } },
    { .name = "irqbalance/partition",
        .code = FINDING_IRQBALANCE,
        .isolated = "",
        .partition = "4-7",
        .message = "irqbalance may send interrupts to CPU 4-7; it leaves alone: none",
        .files = { { IRQBALANCE, "812\n" } } },
    { .name = "irqbalance/no-file",
        .code = FINDING_IRQBALANCE,
        .isolated = "",
        .message = "irqbalance may send interrupts to CPU 4-7; it leaves alone: none",
        .files = { { IRQBALANCE, "812\n" }, { BANNED, NULL }, { "etc/default/x", "" } } },
    { .name = "irqbalance/list",
        .code = FINDING_IRQBALANCE,
        .files = { { IRQBALANCE, "812\n" }, { BANNED, "IRQBALANCE_BANNED_CPULIST=4-7\n" } } },
    { .name = "irqbalance/list-lacks-one",
        .code = FINDING_IRQBALANCE,
        .message = "irqbalance may send interrupts to CPU 7; it leaves alone: 2,4-6",
        .files = { { IRQBALANCE, "812\n" }, { BANNED, "IRQBALANCE_BANNED_CPULIST=2,4-6\n" } } },
    { .name = "irqbalance/mask-lacks-one",
        .code = FINDING_IRQBALANCE,
        .message = "irqbalance may send interrupts to CPU 7; it leaves alone: 4-6",
        .files = { { IRQBALANCE, "812\n" },
            { BANNED, "IRQBALANCE_BANNED_CPUS=70\nIRQBALANCE_BANNED_CPULIST=4-7\n" } } },
    { .name = "irqbalance/started-before",
        .code = FINDING_IRQBALANCE,
        .message = "irqbalance may send interrupts to CPU 5-7; it leaves alone: 4",
        .files = { { IRQBALANCE, "812\n" }, { BANNED, "IRQBALANCE_BANNED_CPULIST=4-7\n" },
            { "proc/812/environ", "IRQBALANCE_BANNED_CPULIST=4" } } },
    { .name = "irqbalance/none-left",
        .code = FINDING_IRQBALANCE,
        .isolated = "4-15",
        .cpus = "0-15",
        .message = "irqbalance may send interrupts to CPU 0-3; it leaves alone: 4-15",
        .fix = "systemctl disable --now irqbalance",
        .files = { { IRQBALANCE, "812\n" } } },
    { .name = "irqbalance/cannot-be-told",
        .code = FINDING_IRQBALANCE,
        .message = "whether irqbalance runs cannot be told: its cgroup cannot be read",
        .fix = "systemctl status irqbalance",
        .shows = TRUE,
        .files = { { IRQBALANCE "/x", "" } } },
    { .name = "irqbalance/list-cannot-be-told",
        .code = FINDING_IRQBALANCE,
        .message = "which CPUs irqbalance leaves alone cannot be told: its settings cannot be read",
        .shows = TRUE,
        .files = { { IRQBALANCE, "812\n" }, { BANNED, "IRQBALANCE_BANNED_CPULIST=4-\n" } } },

    { .name = "calm/tuned", .code = FINDING_TUNED },
    { .name = "tuned/moves",
        .code = FINDING_TUNED,
        .message = "tuned's profile cpu-partitioning moves the threads of VMs off the CPUs it "
                   "isolates",
        .fix = "mkdir -p /etc/tuned/cpu-partitioning-vms; printf "
               "'[main]\\ninclude=%s\\n[scheduler]\\ncgroup_ps_blacklist=/qemu.slice/\\n' "
               "cpu-partitioning > /etc/tuned/cpu-partitioning-vms/tuned.conf; "
               "tuned-adm profile cpu-partitioning-vms",
        .files = { { TUNED, "9\n" }, { ACTIVE, "cpu-partitioning\n" },
            { PARTITIONING, PARTITIONING_TEXT } } },
    { .name = "tuned/moves-with-another",
        .code = FINDING_TUNED,
        .message = "tuned's profile plain cpu-partitioning moves the threads of VMs off the CPUs "
                   "it isolates",
        .files = { { TUNED, "9\n" }, { ACTIVE, "plain cpu-partitioning\n" },
            { PARTITIONING, PARTITIONING_TEXT }, { "etc/tuned/plain/tuned.conf", "[main]\n" } } },
    { .name = "tuned/moves-nothing",
        .code = FINDING_TUNED,
        .files = { { TUNED, "9\n" }, { ACTIVE, "plain\n" },
            { "etc/tuned/plain/tuned.conf", "[main]\n" } } },
    { .name = "tuned/stopped",
        .code = FINDING_TUNED,
        .files = { { TUNED, "" }, { ACTIVE, "cpu-partitioning\n" },
            { PARTITIONING, PARTITIONING_TEXT } } },
    { .name = "tuned/cannot-be-told",
        .code = FINDING_TUNED,
        .message = "whether tuned runs cannot be told: its cgroup cannot be read",
        .fix = "systemctl status tuned",
        .shows = TRUE,
        .files = { { TUNED "/x", "" } } },
    { .name = "tuned/profile-cannot-be-told",
        .code = FINDING_TUNED,
        .message = "whether tuned moves the threads of VMs cannot be told: its profile gone cannot "
                   "be read",
        .fix = "tuned-adm active",
        .shows = TRUE,
        .files = { { TUNED, "9\n" }, { ACTIVE, "gone\n" } } },
    { .name = "tuned/active-profile-cannot-be-told",
        .code = FINDING_TUNED,
        .message = "whether tuned moves the threads of VMs cannot be told: its profile in "
                   "/etc/tuned/active_profile cannot be read",
        .shows = TRUE,
        .files = { { TUNED, "9\n" }, { ACTIVE "/x", "" } } },

    { .name = "calm/numa-balancing", .code = FINDING_NUMA_BALANCING },
    { .name = "numa-balancing/on",
        .code = FINDING_NUMA_BALANCING,
        .message = "kernel.numa_balancing is on, and this host has 2 nodes",
        .fix = "sysctl -w kernel.numa_balancing=0",
        .files = { { NUMA_BALANCING, "1\n" } } },
    { .name = "numa-balancing/one-node",
        .code = FINDING_NUMA_BALANCING,
        .shape = "numa:1 core:8 pu:2",
        .files = { { NUMA_BALANCING, "1\n" } } },
    { .name = "numa-balancing/none-in-this-kernel",
        .code = FINDING_NUMA_BALANCING,
        .files = { { NUMA_BALANCING, NULL } } },
    { .name = "numa-balancing/cannot-be-told",
        .code = FINDING_NUMA_BALANCING,
        .message = "whether the kernel balances memory between the 2 nodes cannot be told: "
                   "/proc/sys/kernel/numa_balancing cannot be read",
        .fix = "sysctl kernel.numa_balancing",
        .shows = TRUE,
        .files = { { NUMA_BALANCING, "x\n" } } },
    { .name = "numa-balancing/one-node-cannot-be-told",
        .code = FINDING_NUMA_BALANCING,
        .shape = "numa:1 core:8 pu:2",
        .files = { { NUMA_BALANCING, "x\n" } } },

    { .name = "calm/governor", .code = FINDING_GOVERNOR },
    { .name = "governor/of-one",
        .code = FINDING_GOVERNOR,
        .message = "the frequency of CPU 5 is governed by schedutil, not by performance",
        .fix = "echo performance > "
               "/sys/devices/system/cpu/cpu5/cpufreq/scaling_governor",
        .files = { { GOVERNOR(5), "schedutil\n" } } },
    { .name = "governor/of-some",
        .code = FINDING_GOVERNOR,
        .message = "the frequency of CPU 4-6 is governed by powersave, ondemand, not by "
                   "performance",
        .fix = "for i in $(seq 4 6); do echo performance > "
               "/sys/devices/system/cpu/cpu$i/cpufreq/scaling_governor; done",
        .files = { { GOVERNOR(4), "powersave\n" }, { GOVERNOR(5), "ondemand\n" },
            { GOVERNOR(6), "powersave\n" } } },
    { .name = "governor/beside",
        .code = FINDING_GOVERNOR,
        .files = { { GOVERNOR(3), "schedutil\n" }, { GOVERNOR(8), "schedutil\n" } } },
    { .name = "governor/nothing-scales",
        .code = FINDING_GOVERNOR,
        .files = { { "sys/devices", NULL } } },
    { .name = "governor/cannot-be-told",
        .code = FINDING_GOVERNOR,
        .message = "how the frequency of CPU 6 is governed cannot be told: scaling_governor cannot "
                   "be read",
        .fix = "grep . /sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor",
        .shows = TRUE,
        .files = { { GOVERNOR(6), "\n" } } },

    { .name = "calm/host-starved", .code = FINDING_HOST_STARVED },
    { .name = "host-starved/one-core",
        .code = FINDING_HOST_STARVED,
        .isolated = "2-15",
        .message = "whole cores left to the host: 1 of 8; CPUs neither isolated nor a guest's: "
                   "0-1",
        .isolates = "4-15" },
    { .name = "host-starved/half-a-core",
        .code = FINDING_HOST_STARVED,
        .isolated = "3-15",
        .message = "whole cores left to the host: 1 of 8; CPUs neither isolated nor a guest's: "
                   "0-2",
        .isolates = "4-15" },
    { .name = "host-starved/all-isolated",
        .code = FINDING_HOST_STARVED,
        .isolated = "0-15",
        .message = "whole cores left to the host: 0 of 8; CPUs neither isolated nor a guest's: "
                   "none",
        .isolates = "4-15" },
    { .name = "host-starved/core-of-cpu-0-used",
        .code = FINDING_HOST_STARVED,
        .isolated = "0-15",
        .cpus = "0-1",
        .message = "whole cores left to the host: 0 of 8; CPUs neither isolated nor a guest's: "
                   "none",
        .isolates = "4-15" },
    { .name = "host-starved/another-core",
        .code = FINDING_HOST_STARVED,
        .isolated = "0-13",
        .message = "whole cores left to the host: 1 of 8; CPUs neither isolated nor a guest's: "
                   "14-15",
        .isolates = "2-13" },
    { .name = "host-starved/nothing-isolated", .code = FINDING_HOST_STARVED, .isolated = "" },
    { .name = "host-starved/two-cores-elsewhere",
        .code = FINDING_HOST_STARVED,
        .isolated = "0-11" },
    { .name = "host-starved/held",
        .code = FINDING_HOST_STARVED,
        .held = "2",
        .message = "whole cores left to the host: 1 of 8; CPUs neither isolated nor a guest's: "
                   "0-1,3",
        .isolates = "4-7,10-15" },
    { .name = "host-starved/taken-by-guests",
        .code = FINDING_HOST_STARVED,
        .isolated = "",
        .held = "4-15",
        .cpus = "2-3",
        .message = "whole cores left to the host: 1 of 8; CPUs neither isolated nor a guest's: "
                   "0-1",
        .fix = "pinhook host",
        .shows = TRUE },
    { .name = "host-starved/two-cores-in-all",
        .code = FINDING_HOST_STARVED,
        .shape = "numa:1 core:2 pu:2",
        .isolated = "2-3",
        .cpus = "2-3",
        .message = "whole cores left to the host: 1 of 2; CPUs neither isolated nor a guest's: "
                   "0-1",
        .isolates = "" },
    { .name = "host-starved/one-core-in-all",
        .code = FINDING_HOST_STARVED,
        .shape = "numa:1 core:1 pu:2",
        .isolated = "",
        .cpus = "" },
    { .name = "host-starved/one-core-in-all-used",
        .code = FINDING_HOST_STARVED,
        .shape = "numa:1 core:1 pu:2",
        .isolated = "",
        .cpus = "0",
        .message = "whole cores left to the host: 0 of 1; CPUs neither isolated nor a guest's: "
                   "1",
        .fix = "pinhook host",
        .shows = TRUE },

    { .name = "calm/irq-default", .code = FINDING_IRQ_DEFAULT },
    { .name = "irq-default/all",
        .code = FINDING_IRQ_DEFAULT,
        .message = "interrupts of devices to come may be delivered to CPU 4-7",
        .fix = "echo f > /proc/irq/default_smp_affinity",
        .files = { { SMP_AFFINITY, "ffff\n" } } },
    { .name = "irq-default/one",
        .code = FINDING_IRQ_DEFAULT,
        .held = "2-3",
        .message = "interrupts of devices to come may be delivered to CPU 5",
        .fix = "echo 3 > /proc/irq/default_smp_affinity",
        .files = { { SMP_AFFINITY, "00000000,0000002f\n" } } },
    { .name = "irq-default/nowhere-else",
        .code = FINDING_IRQ_DEFAULT,
        .cpus = "0-15",
        .message = "interrupts of devices to come may be delivered to CPU 0-15",
        .fix = "cat /proc/irq/default_smp_affinity",
        .shows = TRUE,
        .files = { { SMP_AFFINITY, "ffff\n" } } },
    { .name = "irq-default/none-in-this-kernel",
        .code = FINDING_IRQ_DEFAULT,
        .files = { { SMP_AFFINITY, NULL } } },
    { .name = "irq-default/cannot-be-told",
        .code = FINDING_IRQ_DEFAULT,
        .message = "where interrupts of devices to come go cannot be told: "
                   "/proc/irq/default_smp_affinity cannot be read",
        .fix = "cat /proc/irq/default_smp_affinity",
        .shows = TRUE,
        .files = { { SMP_AFFINITY, "lots\n" } } },

    { .name = "calm/workqueues", .code = FINDING_WORKQUEUES },
    { .name = "workqueues/all",
        .code = FINDING_WORKQUEUES,
        .message = "the kernel may do work of its own on CPU 4-7",
        .fix = "echo f > /sys/devices/virtual/workqueue/cpumask",
        .files = { { WORKQUEUES, "ffff\n" } } },
    { .name = "workqueues/beside",
        .code = FINDING_WORKQUEUES,
        .files = { { WORKQUEUES, "ff0f" } } },
    { .name = "workqueues/cannot-be-told",
        .code = FINDING_WORKQUEUES,
        .message = "where the kernel does work of its own cannot be told: "
                   "/sys/devices/virtual/workqueue/cpumask cannot be read",
        .fix = "cat /sys/devices/virtual/workqueue/cpumask",
        .shows = TRUE,
        .files = { { WORKQUEUES, NULL }, { WORKQUEUES "/no-file", "" } } },

    { .name = "calm/watchdog", .code = FINDING_WATCHDOG },
    { .name = "watchdog/all",
        .code = FINDING_WATCHDOG,
        .message = "the kernel's watchdogs for lockups run on CPU 4-7",
        .fix = "sysctl -w kernel.watchdog_cpumask=0-3",
        .files = { { WATCHDOG "_cpumask", "0-15\n" } } },
    { .name = "watchdog/off",
        .code = FINDING_WATCHDOG,
        .files = { { WATCHDOG, "0\n" }, { WATCHDOG "_cpumask", "0-15\n" } } },
    { .name = "watchdog/none-in-this-kernel",
        .code = FINDING_WATCHDOG,
        .files = { { WATCHDOG, NULL }, { WATCHDOG "_cpumask", NULL } } },
    { .name = "watchdog/cannot-be-told",
        .code = FINDING_WATCHDOG,
        .message = "where the kernel's watchdogs for lockups run cannot be told: "
                   "/proc/sys/kernel/watchdog_cpumask cannot be read",
        .fix = "cat /proc/sys/kernel/watchdog_cpumask",
        .shows = TRUE,
        .files = { { WATCHDOG "_cpumask", NULL } } },

    { .name = "calm/deep-sleep", .code = FINDING_DEEP_SLEEP },
    { .name = "deep-sleep/no-limit",
        .code = FINDING_DEEP_SLEEP,
        .message = "CPU 5 may sleep so deeply that waking up takes 133 us",
        .fix = "echo 10 > /sys/devices/system/cpu/cpu5/power/pm_qos_resume_latency_us",
        .files = { { RESUME(5), "0\n" }, { RESUME(8), "0\n" } } },
    { .name = "deep-sleep/limit-that-is-too-high",
        .code = FINDING_DEEP_SLEEP,
        .message = "CPU 4-5 may sleep so deeply that waking up takes 150 us",
        .fix = "for i in 4 5; do echo 10 > "
               "/sys/devices/system/cpu/cpu$i/power/pm_qos_resume_latency_us; done",
        .files = { { RESUME(4), "200\n" }, { RESUME(5), "150\n" },
            { STATE(5, 2, "latency"), "150\n" } } },
    { .name = "deep-sleep/just-not",
        .code = FINDING_DEEP_SLEEP,
        .files = { { RESUME(4), "0\n" }, { STATE(4, 2, "latency"), "10\n" } } },
    { .name = "deep-sleep/just",
        .code = FINDING_DEEP_SLEEP,
        .message = "CPU 4 may sleep so deeply that waking up takes 11 us",
        .files = { { RESUME(4), "0\n" }, { STATE(4, 2, "latency"), "11\n" } } },
    { .name = "deep-sleep/disabled",
        .code = FINDING_DEEP_SLEEP,
        .files = { { RESUME(4), "0\n" }, { STATE(4, 2, "disable"), "1\n" } } },
    { .name = "deep-sleep/none-at-all",
        .code = FINDING_DEEP_SLEEP,
        .files = { { RESUME(4), "n/a\n" } } },
    { .name = "deep-sleep/no-idle-states",
        .code = FINDING_DEEP_SLEEP,
        .files = { { "sys/devices/system/cpu/cpu4/cpuidle", NULL }, { RESUME(4), NULL } } },
    { .name = "deep-sleep/cannot-be-told",
        .code = FINDING_DEEP_SLEEP,
        .message = "how deeply CPU 4,6 may sleep cannot be told: its idle states cannot be read",
        .fix = "grep . /sys/devices/system/cpu/cpu[0-9]*/cpuidle/*/latency",
        .shows = TRUE,
        .files = { { RESUME(4), "lots\n" }, { STATE(6, 1, "latency"), NULL } } },

    { .name = "calm/ksm", .code = FINDING_KSM },
    { .name = "ksm/on",
        .code = FINDING_KSM,
        .message = "the kernel merges equal pages of guests",
        .fix = "systemctl disable --now ksmtuned; echo 0 > /sys/kernel/mm/ksm/run "
               "# pages are merged no more",
        .files = { { KSM, "1\n" } } },
    { .name = "ksm/taken-apart", .code = FINDING_KSM, .files = { { KSM, "2\n" } } },
    { .name = "ksm/none-in-this-kernel",
        .code = FINDING_KSM,
        .files = { { "sys/kernel/mm/ksm", NULL } } },
    { .name = "ksm/cannot-be-told",
        .code = FINDING_KSM,
        .message = "whether the kernel merges equal pages cannot be told: "
                   "/sys/kernel/mm/ksm/run cannot be read",
        .fix = "cat /sys/kernel/mm/ksm/run",
        .shows = TRUE,
        .files = { { KSM, "\n" } } },

    { .name = "calm/huge-for-all", .code = FINDING_HUGE_FOR_ALL },
    { .name = "huge-for-all/always",
        .code = FINDING_HUGE_FOR_ALL,
        .message = "the kernel makes huge pages for all processes",
        .fix = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
        .shows = TRUE, // what is written there is not what is read
        .files = { { HUGE, "[always] madvise never\n" } } },
    { .name = "huge-for-all/never",
        .code = FINDING_HUGE_FOR_ALL,
        .files = { { HUGE, "always madvise [never]\n" } } },
    { .name = "huge-for-all/none-in-this-kernel",
        .code = FINDING_HUGE_FOR_ALL,
        .files = { { "sys/kernel/mm/transparent_hugepage", NULL } } },
    { .name = "huge-for-all/cannot-be-told",
        .code = FINDING_HUGE_FOR_ALL,
        .message = "whether the kernel makes huge pages for all cannot be told: "
                   "/sys/kernel/mm/transparent_hugepage/enabled cannot be read",
        .fix = "cat /sys/kernel/mm/transparent_hugepage/enabled",
        .shows = TRUE,
        .files = { { HUGE, "always\n" } } },
};

static void test_found_or_not(gconstpointer data)
{
    const Example *example = data;
    g_autoptr(Scene) scene = scene_new(example);
    g_autoptr(GPtrArray) findings = judge(scene);
    const Finding *finding = find(findings, example->code);

    g_assert_cmpstr(finding != NULL ? finding->message : NULL, ==, example->message);
    if (example->fix != NULL) {
        g_assert_cmpstr(fix_of(finding), ==, example->fix);
    }
    if (example->isolates != NULL) {
        g_autoptr(CpuSet) cpus = parse(example->isolates);
        g_autoptr(CpuSet) rest = cpuset_minus(scene->host->online, cpus);
        g_auto(GStrv) ways = cmdline_isolate(cpus, rest, LOADER_UNKNOWN);
        g_autofree char *fix = g_strjoinv("\n", ways);
        g_assert_cmpstr(fix_of(finding), ==, fix);
    }
}

static void test_way(const Example *example, guint way)
{
    g_autoptr(Scene) scene = scene_new(example);
    g_autoptr(GPtrArray) findings = judge(scene);
    const Finding *finding = find(findings, example->code);

    g_assert_nonnull(finding);
    g_assert_nonnull(fix_of(finding));
    g_auto(GStrv) ways = g_strsplit(fix_of(finding), "\n", -1);
    g_test_message("%s", ways[way]);
    apply_fix(scene, ways[way]);
    g_autoptr(GPtrArray) after = judge(scene);
    const Finding *left = find(after, example->code);
    g_assert_cmpstr(left != NULL ? left->message : NULL, ==, NULL);
}

static void test_fix(gconstpointer data)
{
    const Example *example = data;
    guint ways = example->isolates != NULL ? 2 : 1;

    for (guint way = 0; way < ways; way++) {
        test_way(example, way);
    }
}

/// It need not succeed, as there may be nothing to show; but it is a command.
static void test_showing(gconstpointer data)
{
    g_autoptr(Scene) scene = scene_new(data);
    g_autoptr(GPtrArray) findings = judge(scene);
    const Finding *finding = find(findings, ((const Example *)data)->code);

    g_assert_nonnull(finding);
    g_assert_nonnull(fix_of(finding));
    g_autofree char *quoted = g_shell_quote(fix_of(finding));
    g_autofree char *command = g_strdup_printf("sh -nc %s", quoted);
    int status = -1;
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

/* All at once. */

static const Example calm = { .name = "calm" };
static const Example troubled = { .name = "troubled",
    .isolated = "2-15",
    .cpus = "1-3",
    .irqs = "24:1",
    .files = { { IRQBALANCE, "812\n" }, { TUNED "/x", "" }, { NUMA_BALANCING, "1\n" },
        { GOVERNOR(2), "schedutil\n" }, { KSM, "1\n" }, { SMP_AFFINITY, "f\n" } } };

static void test_a_calm_machine_has_no_findings(void)
{
    g_autoptr(Scene) scene = scene_new(&calm);
    g_autoptr(GPtrArray) findings = judge(scene);

    g_assert_cmpuint(findings->len, ==, 0);
}

static void test_all_are_found_together(void)
{
    static const FindingCode codes[] = { FINDING_IRQ_ON_CPUS, FINDING_IRQBALANCE, FINDING_TUNED,
        FINDING_NUMA_BALANCING, FINDING_GOVERNOR, FINDING_HOST_STARVED, FINDING_IRQ_DEFAULT,
        FINDING_KSM };
    g_autoptr(Scene) scene = scene_new(&troubled);
    g_autoptr(GPtrArray) findings = judge(scene);

    g_assert_cmpuint(findings->len, ==, G_N_ELEMENTS(codes));
    for (guint i = 0; i < findings->len; i++) {
        const Finding *finding = findings->pdata[i];
        g_assert_cmpint(finding->code, ==, codes[i]);
        g_assert_cmpint(finding->severity, ==, finding_kind(codes[i])->severity);
    }
}

static void test_the_policy_decides_how_severe_they_are(void)
{
    g_autoptr(Scene) scene = scene_new(&troubled);
    Severity severities[FINDING_COUNT] = { SEVERITY_OFF };

    severities[FINDING_GOVERNOR] = SEVERITY_ERROR;
    g_autoptr(GPtrArray) findings = judge_with(scene, severities);
    g_assert_cmpuint(findings->len, ==, 1);
    g_assert_cmpuint(finding_list_count(findings, SEVERITY_ERROR), ==, 1);
}

/// What one interrupt cannot tell does not hide what the others do.
static void test_some_interrupts_that_cannot_be_read(void)
{
    static const Example example = { .irqs = "24:4 25:x" };
    g_autoptr(Scene) scene = scene_new(&example);
    g_autoptr(GPtrArray) findings = judge(scene);

    g_assert_cmpuint(findings->len, ==, 2);
    g_assert_cmpstr(((const Finding *)findings->pdata[0])->message, ==,
        "1 interrupt is delivered to CPU 4: 24 (q24)");
    g_assert_cmpstr(((const Finding *)findings->pdata[1])->message, ==,
        "where interrupts go cannot be told: /proc/irq cannot be read");
}

static void add_example(const Example *example)
{
    g_autofree char *path = g_strdup_printf("/disturbance/%s", example->name);
    g_autofree char *fix = g_strdup_printf("%s/fix", path);

    g_test_add_data_func(path, example, test_found_or_not);
    if (example->message != NULL) {
        g_test_add_data_func(fix, example, example->shows ? test_showing : test_fix);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        add_example(&examples[i]);
    }
    g_test_add_func("/disturbance/calm", test_a_calm_machine_has_no_findings);
    g_test_add_func("/disturbance/together", test_all_are_found_together);
    g_test_add_func("/disturbance/severities", test_the_policy_decides_how_severe_they_are);
    g_test_add_func(
        "/disturbance/irq/some-cannot-be-told", test_some_interrupts_that_cannot_be_read);
    return g_test_run();
}
