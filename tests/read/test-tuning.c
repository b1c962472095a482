// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/tuning.h"

#include "fakes/fake-root.h"

#define SLICE "sys/fs/cgroup/system.slice/"
#define NUMA_BALANCING "proc/sys/kernel/numa_balancing"
#define BANNED "etc/default/irqbalance"

static Tuning *load(const FakeRoot *fake)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list("0-3", ',', NULL);

    return tuning_load(fake->root, cpus);
}

/// With a cgroup for services, as systemd makes it.
static FakeRoot *new_machine(void)
{
    FakeRoot *fake = fake_root_new();

    fake_root_write(fake, SLICE "cgroup.procs", "");
    fake_root_write(fake, "proc/sys/kernel/hostname", "pve1\n");
    return fake;
}

static void start(FakeRoot *fake, const char *unit)
{
    g_autofree char *path = g_strdup_printf(SLICE "%s.service/cgroup.procs", unit);

    fake_root_write(fake, path, "812\n813\n");
}

/* Services. */

static void test_no_cgroup_is_off(void)
{
    g_autoptr(FakeRoot) fake = new_machine();
    g_autoptr(Tuning) tuning = load(fake);

    g_assert_cmpint(tuning->irqbalance, ==, TUNING_OFF);
    g_assert_cmpint(tuning->tuned, ==, TUNING_OFF);
    g_assert_cmpint(tuning->tuned_moves_vms, ==, TUNING_OFF);
    g_assert_cmpstr(tuning->tuned_profile, ==, "");
}

static void test_an_empty_cgroup_is_off(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    fake_root_write(fake, SLICE "irqbalance.service/cgroup.procs", "");
    fake_root_write(fake, SLICE "tuned.service/cgroup.procs", "\n");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpint(tuning->irqbalance, ==, TUNING_OFF);
    g_assert_cmpint(tuning->tuned, ==, TUNING_OFF);
}

static void test_a_process_in_it_is_on(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    start(fake, "irqbalance");
    start(fake, "tuned");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpint(tuning->irqbalance, ==, TUNING_ON);
    g_assert_cmpint(tuning->tuned, ==, TUNING_ON);
}

static void test_without_the_slice_nothing_is_known(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(Tuning) tuning = load(fake);

    g_assert_cmpint(tuning->irqbalance, ==, TUNING_UNKNOWN);
    g_assert_cmpint(tuning->tuned, ==, TUNING_UNKNOWN);
    g_assert_cmpint(tuning->numa_balancing, ==, TUNING_UNKNOWN);
    g_assert_cmpuint(tuning->frequencies->len, ==, 0);
}

/// A link that leads to itself is neither there nor not.
static void test_what_cannot_be_looked_for_is_not_off(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    fake_root_link(fake, SLICE "irqbalance.service", "irqbalance.service");
    fake_root_link(fake, "sys/kernel/mm/ksm", "ksm");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpint(tuning->irqbalance, ==, TUNING_UNKNOWN);
    g_assert_cmpint(tuning->ksm, ==, TUNING_UNKNOWN);
}

static void test_a_cgroup_that_cannot_be_read_is_not_known(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    fake_root_write(fake, SLICE "irqbalance.service/cgroup.procs/x", "");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpint(tuning->irqbalance, ==, TUNING_UNKNOWN);
    g_assert_cmpint(tuning->tuned, ==, TUNING_OFF);
}

/* What irqbalance leaves alone. */

typedef struct {
    const char *name;
    const char *text;   // of /etc/default/irqbalance; NULL: no such file
    const char *spares; // NULL: not known; isolated are 4-5, nohz_full 5-6
} BannedCase;

static const BannedCase banned_cases[] = {
    { "no-file", NULL, "4-6" },
    { "nothing-told", "#IRQBALANCE_BANNED_CPULIST=2\nIRQBALANCE_ARGS=--journal\n", "4-6" },
    { "list", "IRQBALANCE_BANNED_CPULIST=2-3,7\n", "2-3,7" },
    { "list-quoted", "  IRQBALANCE_BANNED_CPULIST=\"2-3\"\n", "2-3" },
    { "list-single-quoted", "IRQBALANCE_BANNED_CPULIST='2'\n", "2" },
    { "last-wins", "IRQBALANCE_BANNED_CPULIST=2\nIRQBALANCE_BANNED_CPULIST=3\n", "3" },
    { "empty-again", "IRQBALANCE_BANNED_CPULIST=2\nIRQBALANCE_BANNED_CPULIST=\n", "4-6" },
    { "empty-quoted", "IRQBALANCE_BANNED_CPULIST=\"\"\n", "4-6" },
    { "mask", "IRQBALANCE_BANNED_CPUS=fc\n", "2-7" },
    { "mask-of-words", "IRQBALANCE_BANNED_CPUS=80000000,00000000,00000001\n", "0,95" },
    { "mask-wins", "IRQBALANCE_BANNED_CPUS=1\nIRQBALANCE_BANNED_CPULIST=2-3\n", "0" },
    { "bad-list", "IRQBALANCE_BANNED_CPULIST=2-\n", NULL },
    { "bad-mask", "IRQBALANCE_BANNED_CPUS=0xff\n", NULL },
    { "long-word", "IRQBALANCE_BANNED_CPUS=1ffffffff\n", NULL },
    { "empty-word", "IRQBALANCE_BANNED_CPUS=1,,1\n", NULL },
    { "other-name", "IRQBALANCE_BANNED_CPULISTS=2\nX_IRQBALANCE_BANNED_CPUS=1\n", "4-6" },
};

static void assert_spares(const Tuning *tuning, const char *wanted)
{
    g_autoptr(CpuSet) isolated = cpuset_parse_list("4-5", ',', NULL);
    g_autoptr(CpuSet) nohz_full = cpuset_parse_list("5-6", ',', NULL);
    g_autoptr(CpuSet) spares = tuning_irqbalance_spares(tuning, isolated, nohz_full);
    g_autofree char *list = spares != NULL ? cpuset_to_list(spares) : NULL;

    g_assert_cmpstr(list, ==, wanted);
    g_assert_cmpint(tuning->irqbalance_banned_known, ==, wanted != NULL);
}

static void test_banned(gconstpointer data)
{
    const BannedCase *example = data;
    g_autoptr(FakeRoot) fake = new_machine();

    start(fake, "irqbalance");
    if (example->text != NULL) {
        fake_root_write(fake, BANNED, example->text);
    }
    g_autoptr(Tuning) tuning = load(fake);
    assert_spares(tuning, example->spares);
}

static void test_banned_file_that_cannot_be_read(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    start(fake, "irqbalance");
    fake_root_write(fake, BANNED "/x", "");
    g_autoptr(Tuning) tuning = load(fake);
    assert_spares(tuning, NULL);
}

/// The file may have changed since it started.
static void test_what_the_process_was_told_wins(void)
{
    static const char environment[] = "LANG=C\0IRQBALANCE_BANNED_CPULIST=2-3\0PATH=/bin";
    g_autoptr(FakeRoot) fake = new_machine();

    start(fake, "irqbalance");
    fake_root_write(fake, BANNED, "IRQBALANCE_BANNED_CPULIST=7\n");
    fake_root_write_bytes(fake, "proc/812/environ", environment, sizeof(environment));
    g_autoptr(Tuning) tuning = load(fake);
    assert_spares(tuning, "2-3");
}

/* tuned. */

#define ACTIVE "etc/tuned/active_profile"
#define OLD_PROFILES "usr/lib/tuned/"
#define NEW_PROFILES "usr/lib/tuned/profiles/"
#define PARTITIONING                                                                               \
    "[main]\nsummary=x\ninclude=network-latency\n[variables]\nisolated_cores = "                   \
    "${isolated_cores}\n"                                                                          \
    "[scheduler]\nisolated_cores=${isolated_cores}\nps_blacklist=.*pmd.*;^DPDK;.*qemu-kvm.*\n"

static Tuning *load_tuned(FakeRoot *fake, const char *active)
{
    start(fake, "tuned");
    fake_root_write(fake, ACTIVE, active);
    return load(fake);
}

static FakeRoot *new_machine_with_profiles(const char *directory)
{
    FakeRoot *fake = new_machine();
    g_autofree char *latency = g_strconcat(directory, "network-latency/tuned.conf", NULL);
    g_autofree char *partitioning = g_strconcat(directory, "cpu-partitioning/tuned.conf", NULL);

    fake_root_write(fake, latency, "[main]\nsummary=x\n[vm]\ntransparent_hugepages=never\n");
    fake_root_write(fake, partitioning, PARTITIONING);
    return fake;
}

typedef struct {
    const char *name;
    const char *active;
    const char *own; // text of the profile "mine"; NULL: there is none
    TuningState moves;
} ProfileCase;

static const ProfileCase profile_cases[] = {
    { "none", "\n", NULL, TUNING_OFF },
    { "harmless", "network-latency\n", NULL, TUNING_OFF },
    { "partitioning", "cpu-partitioning\n", NULL, TUNING_ON },
    { "one-of-two", "cpu-partitioning network-latency\n", NULL, TUNING_ON },
    { "missing", "mine\n", NULL, TUNING_UNKNOWN },
    { "included", "mine\n", "[main]\ninclude = cpu-partitioning\n", TUNING_ON },
    { "included-second", "mine\n", "[main]\ninclude=network-latency; cpu-partitioning\n",
        TUNING_ON },
    { "included-missing", "mine\n", "[main]\ninclude=${x}\n", TUNING_UNKNOWN },
    { "include-of-variables", "mine\n", "[variables]\ninclude=cpu-partitioning\n", TUNING_OFF },
    { "only-a-variable", "mine\n", "[variables]\nisolated_cores=2-3\n", TUNING_OFF },
    { "other-name", "mine\n", "[s]\ntype=scheduler\nisolated_cores=2-3\n", TUNING_ON },
    { "own-blacklist", "mine\n",
        "[main]\ninclude=cpu-partitioning\n[scheduler]\nps_blacklist=a;^kvm$\n", TUNING_OFF },
    { "own-blacklist-of-others", "mine\n",
        "[main]\ninclude=cpu-partitioning\n[scheduler]\nps_blacklist=a;^kvm-nx\n", TUNING_ON },
    { "own-cgroup", "mine\n",
        "[main]\ninclude=cpu-partitioning\n[scheduler]\ncgroup_ps_blacklist=/qemu.slice/\n",
        TUNING_OFF },
    { "cgroup-of-others", "mine\n",
        "[main]\ninclude=cpu-partitioning\n[scheduler]\ncgroup_ps_blacklist=/daemons\n",
        TUNING_ON },
    { "includes-itself", "mine\n", "[main]\ninclude=mine\n", TUNING_UNKNOWN },
    { "includes-itself-often", "mine\n",
        "[main]\ninclude=mine mine mine mine mine mine mine mine mine mine\n", TUNING_UNKNOWN },
};

static void assert_profile(const ProfileCase *example, const char *package, const char *own)
{
    g_autoptr(FakeRoot) fake = new_machine_with_profiles(package);

    if (example->own != NULL) {
        fake_root_write(fake, own, example->own);
    }
    g_autoptr(Tuning) tuning = load_tuned(fake, example->active);
    g_assert_cmpint(tuning->tuned_moves_vms, ==, example->moves);
}

static void test_profile(gconstpointer data)
{
    assert_profile(data, OLD_PROFILES, "etc/tuned/mine/tuned.conf");
    assert_profile(data, NEW_PROFILES, "etc/tuned/profiles/mine/tuned.conf");
}

static void test_an_own_profile_wins_over_the_packages(void)
{
    g_autoptr(FakeRoot) fake = new_machine_with_profiles(OLD_PROFILES);

    fake_root_write(fake, "etc/tuned/cpu-partitioning/tuned.conf", "[main]\n");
    g_autoptr(Tuning) tuning = load_tuned(fake, "cpu-partitioning\n");
    g_assert_cmpint(tuning->tuned_moves_vms, ==, TUNING_OFF);
    g_assert_cmpstr(tuning->tuned_own_directory, ==, "/etc/tuned");
}

static void test_an_own_profile_may_include_the_packages(void)
{
    g_autoptr(FakeRoot) fake = new_machine_with_profiles(OLD_PROFILES);

    fake_root_write(
        fake, "etc/tuned/cpu-partitioning/tuned.conf", "[main]\ninclude=cpu-partitioning\n");
    g_autoptr(Tuning) tuning = load_tuned(fake, "cpu-partitioning\n");
    g_assert_cmpint(tuning->tuned_moves_vms, ==, TUNING_ON);
}

static void test_newer_profiles_have_their_own_directory(void)
{
    g_autoptr(FakeRoot) fake = new_machine_with_profiles(NEW_PROFILES);
    g_autoptr(Tuning) tuning = load_tuned(fake, "cpu-partitioning\n");

    g_assert_cmpstr(tuning->tuned_own_directory, ==, "/etc/tuned/profiles");
    g_assert_cmpstr(tuning->tuned_profile, ==, "cpu-partitioning");
}

static void test_stopped_it_moves_nothing(void)
{
    g_autoptr(FakeRoot) fake = new_machine_with_profiles(OLD_PROFILES);

    fake_root_write(fake, ACTIVE, "cpu-partitioning\n");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpint(tuning->tuned_moves_vms, ==, TUNING_OFF);
}

static void test_an_active_profile_that_cannot_be_read(void)
{
    g_autoptr(FakeRoot) fake = new_machine_with_profiles(OLD_PROFILES);

    start(fake, "tuned");
    fake_root_write(fake, ACTIVE "/x", "");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_null(tuning->tuned_profile);
    g_assert_cmpint(tuning->tuned_moves_vms, ==, TUNING_UNKNOWN);
}

/* The kernel. */

static void test_numa_balancing(void)
{
    static const struct {
        const char *text;
        TuningState state;
    } cases[] = { { "0\n", TUNING_OFF }, { "1\n", TUNING_ON }, { "2\n", TUNING_ON },
        { "3\n", TUNING_ON }, { "on\n", TUNING_UNKNOWN }, { "", TUNING_UNKNOWN } };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeRoot) fake = new_machine();
        fake_root_write(fake, NUMA_BALANCING, cases[i].text);
        g_autoptr(Tuning) tuning = load(fake);
        g_assert_cmpint(tuning->numa_balancing, ==, cases[i].state);
    }
}

static void test_a_kernel_without_numa_balancing(void)
{
    g_autoptr(FakeRoot) fake = new_machine();
    g_autoptr(Tuning) tuning = load(fake);

    g_assert_cmpint(tuning->numa_balancing, ==, TUNING_OFF);
}

static void test_numa_balancing_that_cannot_be_read(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    fake_root_write(fake, NUMA_BALANCING "/x", "");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpint(tuning->numa_balancing, ==, TUNING_UNKNOWN);
}

typedef struct {
    const char *governor;
    const char *driver;
    const char *preference;
    gboolean fast;
} FrequencyCase;

static void write_frequency(FakeRoot *fake, guint cpu, const char *file, const char *text)
{
    g_autofree char *path = g_strdup_printf("sys/devices/system/cpu/cpu%u/cpufreq/%s", cpu, file);

    if (text != NULL) {
        fake_root_write(fake, path, text);
    }
}

static void test_which_governors_are_fast(void)
{
    static const FrequencyCase cases[] = {
        { "performance\n", "acpi-cpufreq\n", NULL, TRUE },
        { "performance\n", "intel_pstate\n", "performance\n", TRUE },
        { "powersave\n", "intel_pstate\n", "performance\n", TRUE },
        { "powersave\n", "intel_pstate\n", "0\n", TRUE },
        { "powersave\n", "amd-pstate-epp\n", "performance\n", TRUE },
        { "powersave\n", "intel_pstate\n", "balance_performance\n", FALSE },
        { "powersave\n", "intel_pstate\n", NULL, FALSE },
        { "powersave\n", "intel_cpufreq\n", "performance\n", FALSE },
        { "powersave\n", "acpi-cpufreq\n", NULL, FALSE },
        { "powersave\n", NULL, "performance\n", FALSE },
        { "schedutil\n", "intel_cpufreq\n", "performance\n", FALSE },
        { "ondemand\n", "acpi-cpufreq\n", NULL, FALSE },
        { "\n", "acpi-cpufreq\n", NULL, FALSE },
        { "two words\n", "acpi-cpufreq\n", NULL, FALSE },
        { NULL, "acpi-cpufreq\n", NULL, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeRoot) fake = new_machine();
        write_frequency(fake, 2, "scaling_cur_freq", "800000\n");
        write_frequency(fake, 2, "scaling_governor", cases[i].governor);
        write_frequency(fake, 2, "scaling_driver", cases[i].driver);
        write_frequency(fake, 2, "energy_performance_preference", cases[i].preference);
        g_autoptr(Tuning) tuning = load(fake);
        g_assert_cmpuint(tuning->frequencies->len, ==, 1);
        const TuningFrequency *frequency = tuning->frequencies->pdata[0];
        g_test_message("case %u", (guint)i);
        g_assert_cmpuint(frequency->cpu, ==, 2);
        g_assert_cmpint(tuning_is_fast(frequency), ==, cases[i].fast);
    }
}

static void test_a_governor_that_makes_no_sense_is_not_known(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    write_frequency(fake, 1, "scaling_governor", "\n");
    write_frequency(fake, 2, "scaling_governor/x", "");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpuint(tuning->frequencies->len, ==, 2);
    g_assert_null(((const TuningFrequency *)tuning->frequencies->pdata[0])->governor);
    g_assert_null(((const TuningFrequency *)tuning->frequencies->pdata[1])->governor);
}

static void test_only_the_cpus_asked_for_are_looked_at(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    write_frequency(fake, 3, "scaling_governor", "performance\n");
    write_frequency(fake, 4, "scaling_governor", "performance\n");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_cmpuint(tuning->frequencies->len, ==, 1);
    g_assert_cmpuint(((const TuningFrequency *)tuning->frequencies->pdata[0])->cpu, ==, 3);
}

/// To read it interrupts the CPU.
static void test_the_preference_is_read_under_powersave_alone(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    write_frequency(fake, 0, "scaling_governor", "performance\n");
    write_frequency(fake, 0, "energy_performance_preference", "performance\n");
    g_autoptr(Tuning) tuning = load(fake);
    g_assert_null(((const TuningFrequency *)tuning->frequencies->pdata[0])->preference);
}

static void add_service_tests(void)
{
    g_test_add_func("/tuning/service/no-cgroup", test_no_cgroup_is_off);
    g_test_add_func("/tuning/service/empty-cgroup", test_an_empty_cgroup_is_off);
    g_test_add_func("/tuning/service/on", test_a_process_in_it_is_on);
    g_test_add_func("/tuning/service/no-slice", test_without_the_slice_nothing_is_known);
    g_test_add_func("/tuning/service/unlookable", test_what_cannot_be_looked_for_is_not_off);
    g_test_add_func("/tuning/service/unreadable", test_a_cgroup_that_cannot_be_read_is_not_known);
    for (gsize i = 0; i < G_N_ELEMENTS(banned_cases); i++) {
        g_autofree char *path = g_strdup_printf("/tuning/irqbalance/%s", banned_cases[i].name);
        g_test_add_data_func(path, &banned_cases[i], test_banned);
    }
    g_test_add_func("/tuning/irqbalance/unreadable", test_banned_file_that_cannot_be_read);
    g_test_add_func("/tuning/irqbalance/process", test_what_the_process_was_told_wins);
}

static void add_tuned_tests(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(profile_cases); i++) {
        g_autofree char *path = g_strdup_printf("/tuning/tuned/%s", profile_cases[i].name);
        g_test_add_data_func(path, &profile_cases[i], test_profile);
    }
    g_test_add_func("/tuning/tuned/an-own-profile-may-include-the-packages",
        test_an_own_profile_may_include_the_packages);
    g_test_add_func("/tuning/tuned/own-wins", test_an_own_profile_wins_over_the_packages);
    g_test_add_func("/tuning/tuned/newer", test_newer_profiles_have_their_own_directory);
    g_test_add_func("/tuning/tuned/stopped", test_stopped_it_moves_nothing);
    g_test_add_func("/tuning/tuned/unreadable", test_an_active_profile_that_cannot_be_read);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_service_tests();
    add_tuned_tests();
    g_test_add_func("/tuning/numa-balancing/values", test_numa_balancing);
    g_test_add_func("/tuning/numa-balancing/none", test_a_kernel_without_numa_balancing);
    g_test_add_func("/tuning/numa-balancing/unreadable", test_numa_balancing_that_cannot_be_read);
    g_test_add_func("/tuning/frequency/fast", test_which_governors_are_fast);
    g_test_add_func("/tuning/frequency/no-sense", test_a_governor_that_makes_no_sense_is_not_known);
    g_test_add_func("/tuning/frequency/of-cpus", test_only_the_cpus_asked_for_are_looked_at);
    g_test_add_func(
        "/tuning/frequency/preference", test_the_preference_is_read_under_powersave_alone);
    return g_test_run();
}
