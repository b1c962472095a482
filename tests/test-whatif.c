// SPDX-License-Identifier: LGPL-2.1-or-later
/* What would happen: another VM, policy or machine than the one that is there. */
#include "bind/ledger.h"
#include "run.h"
#include "fakes/fake-root.h"

#include <string.h>

#define CONFIG "etc/pve/qemu-server/100.conf"

typedef struct {
    FakeRoot *fake; // 8 CPUs, 2-7 isolated; VM 100 with two vCPUs
    Call call;
    WhatIf what_if;
} Scene;

static Scene *scene_new(guint vmid)
{
    Scene *scene = g_new0(Scene, 1);

    scene->fake = fake_root_new();
    fake_root_add_host(scene->fake, 8, 1, "2-7");
    fake_root_write(scene->fake, CONFIG, "cores: 2\nmemory: 2048\nfreeze: 1\n");
    scene->call = (Call){ .root = scene->fake->root, .vmid = vmid, .kernel = &kernel_running };
    return scene;
}

static void scene_free(Scene *scene)
{
    fake_root_free(scene->fake);
    g_free(scene);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

static Report *plan(const Scene *scene)
{
    g_autoptr(GError) error = NULL;
    Report *report = run_plan(&scene->call, &scene->what_if, FALSE, &error);

    g_assert_no_error(error);
    return report;
}

/// The plan's CPUs; "none" where there is no plan.
static void assert_cpus(const Scene *scene, const char *expected)
{
    g_autoptr(Report) report = plan(scene);
    g_autofree char *cpus = report->plan != NULL ? cpuset_to_list(report->plan->cpus)
                                                 : g_strdup("none");
    g_autofree char *text = report_to_text(report);

    g_test_message("%s", text);
    g_assert_cmpstr(cpus, ==, expected);
    g_assert_cmpint(report_exit_status(report), ==, report->plan == NULL);
}

static void test_this_machine(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    assert_cpus(scene, "2-3");
    scene->what_if.vcpus = 5;
    assert_cpus(scene, "2-6");
    scene->what_if.vcpus = 7;
    assert_cpus(scene, "none");
    scene->what_if.isolated = "1-7";
    assert_cpus(scene, "1-7");
    scene->what_if.taken = "1";
    assert_cpus(scene, "none");
}

static void test_nothing_is_left_behind(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    assert_cpus(scene, "2-3");
    g_assert_false(root_exists(scene->fake->root, LEDGER_PATH));
}

static void test_pool_and_taken(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    scene->what_if.pool = "4-7";
    assert_cpus(scene, "4-5");
    scene->what_if.taken = "4";
    assert_cpus(scene, "5-6");
}

static void test_what_others_hold_counts_unless_it_is_said(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    fake_root_write(scene->fake, "run/qemu-server/101.pid", "4711\n");
    fake_root_write(scene->fake, "etc/pve/qemu-server/101.conf", "affinity: 2-3\n");
    fake_root_add_process(
        scene->fake, 4711, 88, "/usr/bin/kvm -id 101 -pidfile /run/qemu-server/101.pid");
    assert_cpus(scene, "4-5");
    scene->what_if.taken = "";
    assert_cpus(scene, "2-3");
}

static void test_another_machine(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    scene->what_if.topology = "numa:2 l3:1 core:4 pu:2";
    assert_cpus(scene, "none"); // nobody has said what is isolated there
    scene->what_if.isolated = "2-7,10-15";
    scene->what_if.vcpus = 3;
    assert_cpus(scene, "2,4,6");
    scene->what_if.nodes = "1";
    assert_cpus(scene, "10,12,14");
    scene->what_if.smt = "pair";
    scene->what_if.vcpus = 4;
    assert_cpus(scene, "10-13");
}

/* Proxmox could not be told of them. */
static void test_nodes_that_are_no_range(void)
{
    g_autoptr(Scene) scene = scene_new(0);

    scene->what_if.topology = "numa:3 core:4 pu:1";
    scene->what_if.isolated = "1-11";
    scene->what_if.vcpus = 2;
    scene->what_if.nodes = "0,2";
    g_autoptr(Report) report = plan(scene);
    g_autofree char *text = report_to_text(report);
    g_assert_nonnull(strstr(text, "error: hostnodes-list: numa0:"));
    g_assert_nonnull(strstr(text, "fix: qm set VMID --numa0 cpus=0-1,hostnodes=0,"));
}

/// What a text cannot say.
static void test_another_machine_in_detail(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    scene->what_if.topology = "l3:2 core:4 pu:2";
    scene->what_if.siblings = "split";
    scene->what_if.llc_sizes = "32M,96M";
    scene->what_if.isolated = "1-7,9-15";
    scene->what_if.vcpus = 2;
    g_autoptr(Report) report = plan(scene);
    g_autofree char *text = report_to_text(report);
    g_assert_nonnull(strstr(text, "LLC 0 of 32 MiB"));
    scene->what_if.taken = "1-3,9-11";
    scene->what_if.offline = "4,6,14";
    scene->what_if.isolated = "1-3,5,7,9-13,15";
    assert_cpus(scene, "5,7");
    scene->what_if.kinds = "5P+3E";
    scene->what_if.offline = NULL;
    scene->what_if.taken = NULL;
    scene->what_if.isolated = "5-7";
    assert_cpus(scene, "5-6");
}

static void test_a_vm_that_there_is_not(void)
{
    g_autoptr(Scene) scene = scene_new(0);

    scene->what_if.vcpus = 2;
    g_autoptr(Report) report = plan(scene);
    g_autofree char *text = report_to_text(report);
    g_assert_cmpstr(text, ==,
        "pinhook: plan: vCPU 0-1 on CPU 2-3 (node 0, LLC 0); the rest on CPU 0-1\n"
        "pinhook: PASSED\n");
}

static void test_fixes_for_a_vm_that_there_is_not(void)
{
    g_autoptr(Scene) scene = scene_new(0);

    scene->what_if.vcpus = 8;
    g_autoptr(Report) report = plan(scene);
    g_autofree char *text = report_to_text(report);
    g_assert_nonnull(strstr(text, "pinhook:   fix: qm set VMID --"));
    g_assert_nonnull(strstr(text, "pinhook: error: too-few-cpus: "));
    g_assert_null(strstr(text, "to start it anyway"));
}

static void test_files_of_the_callers(void)
{
    g_autoptr(Scene) scene = scene_new(0);
    g_autofree char *config = fake_root_outside(scene->fake, "tmp/vm.conf");
    g_autofree char *policy = fake_root_outside(scene->fake, "tmp/pinhook.conf");

    fake_root_write(scene->fake, "tmp/vm.conf", "cores: 3\nfreeze: 1\n");
    fake_root_write(scene->fake, "tmp/pinhook.conf", "[defaults]\ncpus = 5-7\n");
    scene->what_if.config = config;
    scene->what_if.policy = policy;
    assert_cpus(scene, "5-7");
}

static void test_a_config_that_cannot_be_read_is_a_finding(void)
{
    g_autoptr(Scene) scene = scene_new(101);
    g_autoptr(Report) report = plan(scene);

    g_assert_cmpint(report->outcome, ==, OUTCOME_REFUSED);
    g_assert_cmpint(report_exit_status(report), ==, 1);
    g_assert_cmpint(
        ((const Finding *)report->findings->pdata[0])->code, ==, FINDING_CONFIG_UNREADABLE);
}

/* What is typed wrong. */

static const struct {
    WhatIf what_if;
    const char *message;
} wrong[] = {
    { { .isolated = "0-8" }, "--isolated: this machine has no CPU 8; it has 0-7" },
    { { .isolated = "x" }, "--isolated: 'x' is no list like 0-3,8" },
    { { .pool = "6-9" }, "--pool: this machine has no CPU 8-9; it has 0-7" },
    { { .pool = "" }, "--pool: '' is not a list of CPUs such as 2-5,8" },
    { { .taken = "99999" }, "--taken: '99999' is no list like 0-3,8" },
    { { .nodes = "1" }, "--nodes: this machine has no node 1; it has 0" },
    { { .nodes = "0,2", .topology = "numa:2 core:2 pu:1" },
        "--nodes: this machine has no node 2; it has 0-1" },
    { { .smt = "off" }, "--smt: 'off' is not auto, isolate or pair" },
    { { .topology = "nonsense" },
        "--topology: 'nonsense' is no file and no topology such as 'numa:2 l3:1 core:4 pu:2' (at "
        "most 4096 CPUs)" },
    { { .topology = "core:2 pu:1", .kinds = "8P" },
        "--kinds: it names 8 cores, and the topology has 2" },
    { { .topology = "core:2 pu:1", .llc_sizes = "96M,32M" },
        "--llc-sizes: it names 2, and the topology has 0 last-level caches" },
    { { .topology = "core:2 pu:1", .siblings = "far" }, "--siblings: 'far' is not 'split'" },
    { { .topology = "core:2 pu:2", .kinds = "1P+1E", .offline = "3" },
        "--offline: this machine has no CPU 3; it has 0-2" },
    { { .topology = "core:2 pu:1", .offline = "0-1" }, "--offline: no CPU is left" },
    { { .topology = "core:2 pu:1", .offline = "1", .isolated = "1" },
        "--isolated: this machine has no CPU 1; it has 0" },
    { { .topology = "nonsense", .kinds = "8P" },
        "--topology: 'nonsense' is no file and no topology such as 'numa:2 l3:1 core:4 pu:2' (at "
        "most 4096 CPUs)" },
    { { .topology = "/nonexistent.xml", .llc_sizes = "96M" },
        "--llc-sizes: it goes with a text in --topology" },
    { { .kinds = "8P" }, "--kinds: it goes with a text in --topology" },
    { { .offline = "7" }, "--offline: it goes with a text in --topology" },
    { { .siblings = "split" }, "--siblings: it goes with a text in --topology" },
    { { .topology = "/nonexistent.xml" },
        "--topology: cannot open '/nonexistent.xml': No such file or directory" },
    { { .config = "/nonexistent" },
        "--config: cannot open '/nonexistent': No such file or directory" },
    { { .config = "/proc" }, "--config: /proc is a directory" },
    { { .policy = "/dev/zero" }, "--policy: /dev/zero is no regular file" },
};

static void test_what_is_typed_wrong(void)
{
    g_autoptr(Scene) scene = scene_new(100);

    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(run_plan(&scene->call, &wrong[i].what_if, FALSE, &error));
        g_assert_nonnull(error);
        g_assert_cmpstr(error->message, ==, wrong[i].message);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/what-if/this-machine", test_this_machine);
    g_test_add_func("/what-if/nothing-is-left-behind", test_nothing_is_left_behind);
    g_test_add_func("/what-if/pool-and-taken", test_pool_and_taken);
    g_test_add_func("/what-if/what-others-hold", test_what_others_hold_counts_unless_it_is_said);
    g_test_add_func("/what-if/another-machine", test_another_machine);
    g_test_add_func("/what-if/nodes-that-are-no-range", test_nodes_that_are_no_range);
    g_test_add_func("/what-if/another-machine-in-detail", test_another_machine_in_detail);
    g_test_add_func("/what-if/a-vm-that-there-is-not", test_a_vm_that_there_is_not);
    g_test_add_func(
        "/what-if/fixes-for-a-vm-that-there-is-not", test_fixes_for_a_vm_that_there_is_not);
    g_test_add_func("/what-if/files-of-the-callers", test_files_of_the_callers);
    g_test_add_func(
        "/what-if/a-config-that-cannot-be-read", test_a_config_that_cannot_be_read_is_a_finding);
    g_test_add_func("/what-if/what-is-typed-wrong", test_what_is_typed_wrong);
    return g_test_run();
}
