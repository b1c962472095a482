// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/ledger.h"
#include "run.h"
#include "fakes/assertions.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-qemu.h"
#include "fakes/large-text.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONFIG "etc/pve/qemu-server/100.conf"
#define GOOD "cores: 2\nmemory: 2048\naffinity: 2-3\nfreeze: 1\n"
#define VCPUS "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 4713}]"

/// The guest's memory: 64 MiB.
#define MEMORY G_GUINT64_CONSTANT(0x10000000)
#define MAPS "10000000-14000000 rw-p 00000000 00:00 0 \n"

enum { TASK = 500, QEMU = 4711, MEMORY_PAGES = 16384 };

#define TIMER "etc/systemd/system/timers.target.wants/pinhook-repair.timer"

/// A host of 8 CPUs, of which 2-7 are isolated, with the timer enabled, VM 100, and a task of
/// Proxmox that starts it.
typedef struct {
    FakeRoot *fake;
    FakeQemu *qemu; // NULL: the VM does not run
    Call call;
} Scene;

static Scene *scene_new(const char *config)
{
    Scene *scene = g_new0(Scene, 1);

    scene->fake = fake_root_new();
    fake_root_add_host(scene->fake, 8, 1, "2-7");
    fake_root_add_process(scene->fake, 1, 1, "/sbin/init");
    fake_root_add_process(scene->fake, TASK, 77, "task UPID:pve1:qmstart:100");
    fake_root_write(scene->fake, TIMER, "[Timer]\n");
    fake_root_write(scene->fake, CONFIG, config);
    scene->call = (Call){ .root = scene->fake->root,
        .vmid = 100,
        .by_name = TRUE,
        .caller = TASK,
        .kernel = &fake_kernel };
    fake_kernel_reset("0-7");
    return scene;
}

static void scene_free(Scene *scene)
{
    fake_qemu_free(scene->qemu);
    fake_root_free(scene->fake);
    g_free(scene);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

/// QEMU's main thread 4711, its vCPUs 4712 and 4713, an iothread 4714 and a worker 4715, frozen.
static void start_qemu(Scene *scene, FakeQemuManner manner)
{
    fake_root_write(scene->fake, "run/qemu-server/100.pid", "4711\n");
    fake_root_add_process(
        scene->fake, QEMU, 88, "/usr/bin/kvm -id 100 -pidfile /run/qemu-server/100.pid");
    fake_root_write(scene->fake, "proc/4711/maps", MAPS);
    for (int tid = 4712; tid <= 4715; tid++) {
        fake_root_add_thread(scene->fake, QEMU, tid, "kvm", 0);
    }
    scene->qemu = fake_qemu_new(scene->fake, 100, manner);
    fake_qemu_answer(scene->qemu, "query-cpus-fast", VCPUS);
    fake_qemu_answer(
        scene->qemu, "query-iothreads", "[{\"id\": \"iothread0\", \"thread-id\": 4714}]");
    fake_qemu_answer(scene->qemu, "query-status", "{\"status\": \"prelaunch\"}");
}

static void stop_qemu(Scene *scene)
{
    g_clear_pointer(&scene->qemu, fake_qemu_free);
    fake_root_remove(scene->fake, "run/qemu-server/100.pid");
    fake_root_remove_tree(scene->fake, "proc/4711");
}

static Scene *scene_new_started(const char *config, FakeQemuManner manner)
{
    Scene *scene = scene_new(config);

    start_qemu(scene, manner);
    return scene;
}

static void set_policy(const Scene *scene, const char *text)
{
    fake_root_write(scene->fake, POLICY_PATH, text);
}

typedef Report *(*Door)(const Call *call);

/// Goes through @door and sees that it ends with @outcome.
static Report *go(const Scene *scene, Door door, Outcome outcome)
{
    Report *report = door(&scene->call);
    g_autofree char *text = report_to_text(report);

    g_test_message("%s", text);
    g_assert_cmpint(report->outcome, ==, outcome);
    return report;
}

static void pass(const Scene *scene, Door door, Outcome outcome)
{
    report_free(go(scene, door, outcome));
}

static gboolean has_finding(const Report *report, FindingCode code)
{
    for (guint i = 0; i < report->findings->len; i++) {
        if (((const Finding *)report->findings->pdata[i])->code == code) {
            return TRUE;
        }
    }
    return FALSE;
}

/// Goes through @door, which ends with @outcome and names @code.
static void assert_found(const Scene *scene, Door door, Outcome outcome, FindingCode code)
{
    g_autoptr(Report) report = go(scene, door, outcome);

    g_assert_true(has_finding(report, code));
}

static void assert_calls(const char *wanted)
{
    g_autofree char *calls = fake_kernel_calls();

    g_assert_cmpstr(calls, ==, wanted);
}

static void assert_mask(int tid, const char *wanted)
{
    g_autofree char *mask = fake_kernel_mask(tid);

    g_assert_cmpstr(mask, ==, wanted);
}

/// Of what can be told.
static LedgerEntry *read_entry(const Root *root, guint vmid)
{
    g_autoptr(GError) error = NULL;
    LedgerEntry *entry;

    g_assert_true(ledger_read(root, vmid, &entry, &error));
    g_assert_no_error(error);
    return entry;
}

/// Who owns the entry of @vmid; 0: there is none that counts.
static int owner_of(const Scene *scene, guint vmid)
{
    g_autoptr(LedgerEntry) entry = read_entry(scene->fake->root, vmid);

    return entry != NULL ? entry->owner.pid : 0;
}

static void assert_reserved(const Scene *scene, guint vmid, const char *wanted)
{
    g_autoptr(LedgerEntry) entry = read_entry(scene->fake->root, vmid);
    g_autofree char *cpus = entry != NULL ? cpuset_to_list(entry->plan->cpus) : g_strdup("none");

    g_assert_cmpstr(cpus, ==, wanted);
}

/// How often the guest was let run.
static void assert_released(const Scene *scene, guint times)
{
    g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, times);
}

/* A start and its end. */

static void test_vm_goes_through_all_phases(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    g_assert_cmpint(owner_of(scene, 100), ==, TASK);
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_cmpint(owner_of(scene, 100), ==, QEMU);
    assert_calls("4711 4714 4715 4712 4713");
    assert_mask(4711, "0-1");
    assert_mask(4712, "2");
    assert_mask(4713, "3");
    pass(scene, run_status, OUTCOME_PROVEN);
    stop_qemu(scene);
    pass(scene, run_post_stop, OUTCOME_SKIPPED);
    g_assert_false(root_exists(scene->fake->root, "run/pinhook/100.json"));
    assert_found(scene, run_status, OUTCOME_UNPROVEN, FINDING_VM_GONE);
}

static guint count_lines(const Scene *scene, Door door)
{
    g_autoptr(Report) report = door(&scene->call);
    g_autofree char *text = report_to_text(report);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    g_test_message("%s", text);
    return g_strv_length(lines) - 1;
}

/// Whatever costs nothing to ignore is only counted.
static void test_start_on_a_well_kept_host_is_brief(void)
{
    static const char *const ksm[] = { "0\n", "1\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(ksm); i++) {
        g_autoptr(Scene) scene = scene_new(GOOD);
        fake_root_write(scene->fake, "sys/kernel/mm/ksm/run", ksm[i]);
        guint lines = count_lines(scene, run_pre_start);
        start_qemu(scene, FAKE_QEMU_GOOD);
        lines += count_lines(scene, run_post_start);
        g_assert_cmpuint(lines, <=, 4);
        g_autoptr(Report) report = go(scene, run_check, OUTCOME_PASSED);
        g_assert_cmpuint(report->findings->len, ==, i);
    }
}

static void test_check_changes_nothing(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);
    g_autoptr(Report) report = go(scene, run_check, OUTCOME_PASSED);

    g_assert_nonnull(report->plan);
    g_assert_false(root_exists(scene->fake->root, "run/pinhook"));
}

static void test_refused_vm_leaves_nothing(void)
{
    g_autoptr(Scene) scene = scene_new("cores: 2\naffinity: 0-1\n");

    assert_found(scene, run_pre_start, OUTCOME_REFUSED, FINDING_NOT_ISOLATED);
    assert_found(scene, run_check, OUTCOME_REFUSED, FINDING_NOT_ISOLATED);
    g_assert_false(root_exists(scene->fake->root, "run/pinhook/100.json"));
}

static void test_refusal_takes_back_an_earlier_reservation(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    fake_root_write(scene->fake, CONFIG, "cores: 2\naffinity: 0-1\n");
    pass(scene, run_pre_start, OUTCOME_REFUSED);
    assert_reserved(scene, 100, "none");
}

static void test_pre_start_again_is_the_same(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    pass(scene, run_pre_start, OUTCOME_PASSED);
    assert_reserved(scene, 100, "2-3");
}

static void test_running_vm_keeps_its_entry_at_pre_start(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    pass(scene, run_post_start, OUTCOME_PROVEN);
    fake_root_write(scene->fake, CONFIG, "cores: 2\naffinity: 0-1\n");
    pass(scene, run_pre_start, OUTCOME_REFUSED);
    assert_reserved(scene, 100, "2-3");
    g_assert_cmpint(owner_of(scene, 100), ==, QEMU);
}

static void test_post_start_keeps_to_what_pre_start_planned(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    fake_root_write(scene->fake, CONFIG, "cores: 2\naffinity: 6-7\n");
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_mask(4713, "3");
}

static void test_post_start_without_an_entry_plans_afresh(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_mask(4713, "3");
    g_assert_cmpint(owner_of(scene, 100), ==, QEMU);
}

static void test_post_start_with_nothing_to_plan_binds_nothing(void)
{
    g_autoptr(Scene)
        scene = scene_new_started("cores: 2\naffinity: 2\nfreeze: 1\n", FAKE_QEMU_GOOD);

    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_TOO_FEW_CPUS);
    assert_calls("");
    assert_released(scene, 1);
}

/// What pre-start would have refused is bound as well as can be, and goes on.
static void test_fresh_plan_with_errors_is_not_proven(void)
{
    g_autoptr(Scene)
        scene = scene_new_started("cores: 2\naffinity: 0-1\nfreeze: 1\n", FAKE_QEMU_GOOD);

    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_NOT_ISOLATED);
    assert_released(scene, 1);
}

static void test_second_post_start_sets_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    pass(scene, run_post_start, OUTCOME_PROVEN);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_calls("4711 4714 4715 4712 4713");
}

static void test_status_sees_drift_and_changes_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
    g_autoptr(CpuSet) elsewhere = cpuset_parse_kernel("5-6", 8, NULL);

    pass(scene, run_post_start, OUTCOME_PROVEN);
    fake_kernel.set_affinity(4713, elsewhere, NULL);
    assert_found(scene, run_status, OUTCOME_UNPROVEN, FINDING_NOT_BOUND);
    assert_calls("4711 4714 4715 4712 4713 4713");
    assert_mask(4713, "5-6");
}

static void test_status_without_a_plan_is_not_proven(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
    g_autoptr(Report) report = go(scene, run_status, OUTCOME_UNPROVEN);

    g_assert_cmpint(report->pid, ==, QEMU);
    g_assert_nonnull(report->observed);
    g_assert_true(has_finding(report, FINDING_NOT_BOUND));
}

static void test_hot_plugged_vcpu_is_seen_and_then_bound(void)
{
    g_autoptr(Scene) scene = scene_new("cores: 4\nvcpus: 2\nhotplug: cpu\nfreeze: 1\n");

    pass(scene, run_pre_start, OUTCOME_PASSED);
    assert_reserved(scene, 100, "2-5");
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    fake_root_add_thread(scene->fake, QEMU, 4716, "CPU 2/KVM", 0);
    fake_qemu_answer(scene->qemu, "query-cpus-fast",
        "[{\"cpu-index\": 2, \"thread-id\": 4716}, {\"cpu-index\": 0, \"thread-id\": 4712},"
        " {\"cpu-index\": 1, \"thread-id\": 4713}]");
    assert_found(scene, run_status, OUTCOME_UNPROVEN, FINDING_NOT_BOUND);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_mask(4716, "4");
}

static void test_hot_plug_without_the_timer_is_found(void)
{
    g_autoptr(Scene) scene = scene_new("cores: 4\nvcpus: 2\nhotplug: cpu\nfreeze: 1\n");

    fake_root_remove(scene->fake, TIMER);
    assert_found(scene, run_pre_start, OUTCOME_WARNED, FINDING_HOTPLUG_CPU);
}

/* Several VMs. */

static void add_vm(const Scene *scene, guint vmid, const char *config)
{
    g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%u.conf", vmid);

    fake_root_write(scene->fake, path, config);
}

static void test_vms_never_get_the_same_cpu(void)
{
    static const char *const reserved[] = { "2-3", "4-5", "6-7" };
    g_autoptr(Scene) scene = scene_new("");

    for (guint vmid = 100; vmid <= 103; vmid++) {
        add_vm(scene, vmid, "cores: 2\nfreeze: 1\n");
    }
    for (guint i = 0; i < G_N_ELEMENTS(reserved); i++) {
        scene->call.vmid = 100 + i;
        pass(scene, run_pre_start, OUTCOME_PASSED);
    }
    scene->call.vmid = 103;
    pass(scene, run_pre_start, OUTCOME_REFUSED);
    for (guint i = 0; i < G_N_ELEMENTS(reserved); i++) {
        assert_reserved(scene, 100 + i, reserved[i]);
    }
}

static void test_affinity_of_a_vm_that_starts_is_taken(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    add_vm(scene, 101, GOOD);
    pass(scene, run_pre_start, OUTCOME_PASSED);
    scene->call.vmid = 101;
    assert_found(scene, run_pre_start, OUTCOME_REFUSED, FINDING_CPU_TAKEN);
}

enum { STARTS = 6 };

static void test_vms_that_start_at_once_never_get_the_same_cpu(void)
{
    g_autoptr(Scene) scene = scene_new("");
    pid_t children[STARTS];

    for (guint i = 0; i < STARTS; i++) {
        add_vm(scene, 100 + i, "cores: 1\nfreeze: 1\n");
    }
    for (guint i = 0; i < STARTS; i++) {
        scene->call.vmid = 100 + i;
        children[i] = fork();
        if (children[i] == 0) {
            g_autoptr(Report) report = run_pre_start(&scene->call);
            _exit(report->outcome == OUTCOME_PASSED ? 0 : 1);
        }
    }
    for (guint i = 0; i < STARTS; i++) {
        int status;
        g_assert_cmpint(waitpid(children[i], &status, 0), ==, children[i]);
        g_assert_cmpint(status, ==, 0);
    }
    g_autoptr(Taken) taken = ledger_taken(scene->fake->root, 999, NULL);
    g_autofree char *cpus = cpuset_to_list(taken->cpus);
    g_assert_cmpuint(taken->holdings->len, ==, STARTS);
    g_assert_cmpstr(cpus, ==, "2-7");
}

static void test_reservation_of_a_dead_task_counts_for_nothing(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    add_vm(scene, 101, GOOD);
    pass(scene, run_pre_start, OUTCOME_PASSED);
    fake_root_remove_tree(scene->fake, "proc/500");
    fake_root_add_process(scene->fake, 501, 80, "task UPID:pve1:qmstart:101");
    scene->call.vmid = 101;
    scene->call.caller = 501;
    pass(scene, run_pre_start, OUTCOME_PASSED);
    assert_reserved(scene, 100, "none");
    assert_reserved(scene, 101, "2-3");
}

/// A reservation for nobody would count for nothing.
static void test_callers_that_own_nothing(void)
{
    static const int callers[] = { 1, 0, -1, 4242 };

    for (gsize i = 0; i < G_N_ELEMENTS(callers); i++) {
        g_autoptr(Scene) scene = scene_new(GOOD);
        scene->call.caller = callers[i];
        g_autoptr(Report) report = go(scene, run_pre_start, OUTCOME_FAILED);
        g_assert_cmpint(report_exit_status(report), ==, 3);
        assert_reserved(scene, 100, "none");
    }
}

/// The lock of Proxmox on VM 100, held by @pid.
static void hold_vm_lock(const Scene *scene, int pid)
{
    g_autofree char *path = fake_root_outside(scene->fake, "run/lock/qemu-server/lock-100.conf");
    struct stat info;

    fake_root_write(scene->fake, "run/lock/qemu-server/lock-100.conf", "");
    g_assert_cmpint(stat(path, &info), ==, 0);
    g_autofree char *locks = g_strdup_printf("1: POSIX  ADVISORY  READ  9 00:2d:7 128 128\n"
                                             "2: -> FLOCK  ADVISORY  WRITE 8 %02x:%02x:%lu 0 EOF\n"
                                             "3: FLOCK  ADVISORY  WRITE %d %02x:%02x:%lu 0 EOF\n",
        major(info.st_dev), minor(info.st_dev), (gulong)info.st_ino, pid, major(info.st_dev),
        minor(info.st_dev), (gulong)info.st_ino);
    fake_root_write(scene->fake, "proc/locks", locks);
}

/// A wrapper that ends before QEMU starts, called by the task that holds the lock.
static void test_reservation_outlives_a_wrapper(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_add_process(scene->fake, 600, 99, "/bin/sh /var/lib/vz/snippets/wrapper 100");
    scene->call.caller = 600;
    hold_vm_lock(scene, TASK);
    pass(scene, run_pre_start, OUTCOME_PASSED);
    fake_root_remove_tree(scene->fake, "proc/600");
    assert_reserved(scene, 100, "2-3");
    g_assert_cmpint(owner_of(scene, 100), ==, TASK);
}

/// In another pid namespace it has no name here.
static void test_lock_of_somebody_unknown_leaves_it_to_the_caller(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    hold_vm_lock(scene, 0);
    pass(scene, run_pre_start, OUTCOME_PASSED);
    g_assert_cmpint(owner_of(scene, 100), ==, TASK);
}

/// Live migration's target: the config is the source node's until the VM is here.
static void test_vm_on_its_way_in_holds_its_affinity(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_write(scene->fake, "etc/pve/nodes/pve2/qemu-server/101.conf", "affinity: 2-3\n");
    fake_root_write(scene->fake, "run/qemu-server/101.pid", "4800\n");
    fake_root_add_process(
        scene->fake, 4800, 90, "/usr/bin/kvm -id 101 -pidfile /run/qemu-server/101.pid");
    assert_found(scene, run_pre_start, OUTCOME_REFUSED, FINDING_CPU_TAKEN);
}

/// What cannot be told of another VM stops a start, and the message says what stands in the way.
static void test_what_cannot_be_told_of_another_vm_stops_a_start(void)
{
    static const char *const paths[] = { "run/pinhook/101.json", "etc/pve/qemu-server/101.conf" };

    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(Scene) scene = scene_new(GOOD);
        g_autofree char *inside = g_strconcat(paths[i], "/x", NULL);
        fake_root_write(scene->fake, "run/qemu-server/101.pid", "4800\n");
        fake_root_add_process(
            scene->fake, 4800, 90, "/usr/bin/kvm -id 101 -pidfile /run/qemu-server/101.pid");
        fake_root_write(scene->fake, inside, "");
        g_autoptr(Report) report = go(scene, run_pre_start, OUTCOME_FAILED);
        g_assert_cmpint(report_exit_status(report), ==, 3);
        g_assert_nonnull(strstr(report->note, paths[i]));
    }
}

/* Giving back. */

static void test_late_post_stop_leaves_the_next_start_alone(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    fake_root_add_process(scene->fake, 600, 99, "qm cleanup 100");
    scene->call.caller = 600;
    pass(scene, run_post_stop, OUTCOME_SKIPPED);
    assert_reserved(scene, 100, "2-3");
}

static void test_late_post_stop_leaves_a_running_vm_alone(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    pass(scene, run_post_start, OUTCOME_PROVEN);
    pass(scene, run_post_stop, OUTCOME_SKIPPED);
    assert_reserved(scene, 100, "2-3");
}

static void test_post_stop_of_a_start_that_failed_gives_back(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    pass(scene, run_post_stop, OUTCOME_SKIPPED);
    assert_reserved(scene, 100, "none");
}

static void test_post_stop_may_come_twice_or_alone(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_post_stop, OUTCOME_SKIPPED);
    g_assert_false(root_exists(scene->fake->root, "run/pinhook"));
    pass(scene, run_pre_start, OUTCOME_PASSED);
    pass(scene, run_post_stop, OUTCOME_SKIPPED);
    pass(scene, run_post_stop, OUTCOME_SKIPPED);
}

/* VMs that pinhook keeps out of. */

static void assert_silent(const Scene *scene, Door door)
{
    g_autoptr(Report) report = go(scene, door, OUTCOME_SKIPPED);
    g_autofree char *text = report_to_text(report);

    g_assert_cmpstr(text, ==, "");
}

static void test_container_is_passed_over_silently(void)
{
    static const Door doors[] = { run_pre_start, run_post_start, run_repair, run_post_stop };
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_remove(scene->fake, CONFIG);
    fake_root_write(scene->fake, "etc/pve/lxc/100.conf", "arch: amd64\n");
    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        assert_silent(scene, doors[i]);
    }
    g_assert_false(root_exists(scene->fake->root, "run/pinhook"));
}

static void test_container_that_may_run_on_the_vcpus_cpus_is_told_of(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_write(scene->fake, "etc/pve/lxc/201.conf", "arch: amd64\n");
    fake_root_write(scene->fake, "sys/fs/cgroup/lxc/201/ns/cpuset.cpus.effective", "0-7\n");
    assert_found(scene, run_check, OUTCOME_WARNED, FINDING_CONTAINER_ON_CPUS);
    /* Beside the host's own work it is in nobody's way. */
    fake_root_write(scene->fake, "etc/pve/lxc/201.conf", "lxc.cgroup2.cpuset.cpus: 0-1\n");
    pass(scene, run_check, OUTCOME_PASSED);
}

static void test_template_is_left_alone(void)
{
    g_autoptr(Scene) scene = scene_new("cores: 99\naffinity: 0-0\nfreeze: 1\ntemplate: 1\n");

    pass(scene, run_pre_start, OUTCOME_SKIPPED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_SKIPPED);
    pass(scene, run_repair, OUTCOME_SKIPPED);
    assert_calls("");
    assert_released(scene, 0);
    g_assert_false(root_exists(scene->fake->root, "run/pinhook/100.json"));
}

#define UNDER_BACKUP GOOD "lock: backup\n"

/// Stop mode: Proxmox starts the VM paused, lets it run, and drops the lock; no hook follows.
static void test_vm_started_for_its_backup_is_bound(void)
{
    g_autoptr(Scene) scene = scene_new(UNDER_BACKUP);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_mask(4713, "3");
    assert_released(scene, 0);
    fake_qemu_answer(scene->qemu, "query-status", "{\"status\": \"running\"}");
    fake_root_write(scene->fake, CONFIG, GOOD);
    pass(scene, run_status, OUTCOME_PROVEN);
    assert_reserved(scene, 100, "2-3");
}

/// What would be refused, cannot be planned, or is not proven.
static void test_backup_is_never_refused_released_or_ended(void)
{
    static const char *const configs[] = {
        "cores: 99\naffinity: 0-0\nfreeze: 1\nlock: backup\n",
        "cores: 2\naffinity: 0-1\nfreeze: 1\nlock: backup\n",
        "cpuaffinity: 4-7\nfreeze: 1\nlock: backup\n",
        UNDER_BACKUP,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(configs); i++) {
        g_autoptr(Scene) scene = scene_new(configs[i]);
        set_policy(scene, "[defaults]\nunproven = stop\n");
        g_autoptr(Report) started = run_pre_start(&scene->call);
        g_assert_cmpint(report_exit_status(started), ==, 0);
        start_qemu(scene, FAKE_QEMU_GOOD);
        fake_kernel_pretend(4712);
        report_free(run_post_start(&scene->call));
        report_free(run_repair(&scene->call));
        assert_released(scene, 0);
        g_assert_cmpint(fake_kernel_terminated(), ==, 0);
    }
}

/// It gives way, with its threads, to any start that needs its CPUs; once it is over it holds them.
static void test_reservation_under_a_backup_yields(void)
{
    for (guint over = 0; over < 2; over++) {
        g_autoptr(Scene) scene = scene_new(UNDER_BACKUP);
        pass(scene, run_pre_start, OUTCOME_PASSED);
        start_qemu(scene, FAKE_QEMU_GOOD);
        pass(scene, run_post_start, OUTCOME_PROVEN);
        if (over) {
            fake_root_write(scene->fake, CONFIG, GOOD);
        }
        add_vm(scene, 101, GOOD);
        scene->call.vmid = 101;
        g_autoptr(Report) report = run_pre_start(&scene->call);
        g_assert_cmpint(report->outcome, ==, over ? OUTCOME_REFUSED : OUTCOME_PASSED);
        g_assert_true(over || strstr(report->displaced, "VM 100") != NULL);
        assert_reserved(scene, 100, over ? "2-3" : "none");
        assert_mask(4712, over ? "2" : "0-1");
        assert_mask(4713, over ? "3" : "0-1");
    }
}

static void test_mode_off_does_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_started("cores: 99\n", FAKE_QEMU_GOOD);

    set_policy(scene, "[vm 100]\nmode = off\n");
    assert_silent(scene, run_pre_start);
    assert_silent(scene, run_post_start);
    assert_silent(scene, run_repair);
    assert_calls("");
}

static void test_mode_warn_says_it_and_starts(void)
{
    g_autoptr(Scene) scene = scene_new("cores: 2\naffinity: 0-1\nfreeze: 1\n");

    set_policy(scene, "[vm 100]\nmode = warn\n");
    assert_found(scene, run_pre_start, OUTCOME_WARNED, FINDING_NOT_ISOLATED);
    assert_reserved(scene, 100, "0-1");
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, 1);
}

/* Migration. */

static void test_target_reads_the_sources_config(void)
{
    g_autoptr(Scene) scene = scene_new("cores: 99\n");

    fake_root_remove(scene->fake, CONFIG);
    fake_root_write(scene->fake, "etc/pve/nodes/pve2/qemu-server/100.conf", GOOD);
    scene->call.migrated_from = "pve2";
    pass(scene, run_pre_start, OUTCOME_PASSED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    fake_qemu_answer(scene->qemu, "query-status", "{\"status\": \"inmigrate\"}");
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_mask(4712, "2");
    g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, 0);
}

/* A frozen guest. */

static void test_when_a_guest_is_released(void)
{
    static const struct {
        const char *config, *status;
        guint released;
    } guests[] = {
        { GOOD, "{\"status\": \"prelaunch\"}", 1 },
        { GOOD, "{\"status\": \"running\"}", 0 },
        { GOOD, "{\"status\": \"inmigrate\"}", 0 },
        { GOOD, "{\"status\": \"paused\"}", 0 },
        { GOOD, "{\"status\": \"internal-error\"}", 0 },
        { GOOD "lock: migrate\n", "{\"status\": \"prelaunch\"}", 0 },
        { GOOD "lock: suspended\n", "{\"status\": \"prelaunch\"}", 0 },
        { "cores: 2\naffinity: 2-3\n", "{\"status\": \"prelaunch\"}", 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(guests); i++) {
        g_autoptr(Scene) scene = scene_new_started(guests[i].config, FAKE_QEMU_GOOD);
        fake_qemu_answer(scene->qemu, "query-status", guests[i].status);
        g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
        g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, guests[i].released);
        g_assert_cmpint(report->guest == GUEST_RELEASED, ==, guests[i].released);
    }
}

static void test_guest_of_unknown_state_is_not_proven(void)
{
    static const char *const replies[] = { "{\"status\": null}", "{\"status\": 7}", "{}", "[]" };

    for (gsize i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
        fake_qemu_answer(scene->qemu, "query-status", replies[i]);
        g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
        g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
        g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, 0);
    }
}

/// A first post-start, with a thread that is known to be elsewhere; where it is not known, with a
/// guest that runs.
static void test_refuted_start_is_ended(void)
{
    static const struct {
        void (*temper)(int tid);
        gboolean refuted;
    } tempers[] = { { fake_kernel_pretend, TRUE }, { fake_kernel_refuse, TRUE },
        { fake_kernel_hide, FALSE } };
    static const int tids[] = { 4711, 4712, 4714, 4715 };

    for (gsize i = 0; i < G_N_ELEMENTS(tempers) * G_N_ELEMENTS(tids); i++) {
        g_autoptr(Scene) scene = scene_new(GOOD);
        pass(scene, run_pre_start, OUTCOME_PASSED);
        start_qemu(scene, FAKE_QEMU_GOOD);
        gboolean refuted = tempers[i % G_N_ELEMENTS(tempers)].refuted;
        tempers[i % G_N_ELEMENTS(tempers)].temper(tids[i / G_N_ELEMENTS(tempers)]);
        g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
        g_assert_cmpint(report->guest, ==, refuted ? GUEST_ENDED : GUEST_RELEASED);
        g_assert_cmpint(fake_kernel_terminated(), ==, refuted ? QEMU : 0);
        assert_released(scene, refuted ? 0 : 1);
    }
}

/// The same by hand: no start is at stake.
static void test_guest_that_is_not_proven_by_hand_goes_on(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_kernel_pretend(4712);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
    g_assert_cmpint(report->guest, ==, GUEST_RELEASED);
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
    assert_released(scene, 1);
}

static void be_late_once(const char *command, gpointer data)
{
    gboolean *late = data;

    if (!*late) {
        *late = TRUE;
        g_usleep(1200000);
    }
}

/// QEMU does not answer in time, and then does.
static void test_start_that_is_not_known_is_tried_once_more(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);
    gboolean late = FALSE;

    set_policy(scene, "[defaults]\ndeadline = 1000\n");
    pass(scene, run_pre_start, OUTCOME_PASSED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    fake_qemu_on_command(scene->qemu, be_late_once, &late);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_released(scene, 1);
}

static void drift(int tid, const char *list)
{
    g_autoptr(CpuSet) elsewhere = cpuset_parse_kernel(list, 8, NULL);

    fake_kernel.set_affinity(tid, elsewhere, NULL);
}

/// A thread that a vCPU makes, @delay_us after the guest was let run, with its one CPU.
typedef struct {
    Scene *scene;
    gulong delay_us;
    GThread *thread;
} Late;

static gpointer make_late_thread(gpointer data)
{
    Late *late = data;

    g_usleep(late->delay_us);
    fake_root_add_thread(late->scene->fake, QEMU, 4716, "kvm-nx-lpage-re", 2);
    return NULL;
}

static void make_thread_late(const char *command, gpointer data)
{
    Late *late = data;

    if (strcmp(command, "cont") == 0) {
        late->thread = g_thread_new("late", make_late_thread, late);
    }
}

static void test_thread_made_after_the_release_is_bound(void)
{
    static const gulong delays_us[] = { 0, 10000, 30000 };

    for (gsize i = 0; i < G_N_ELEMENTS(delays_us); i++) {
        g_autoptr(Scene) scene = scene_new(GOOD);
        Late late = { .scene = scene, .delay_us = delays_us[i] };
        pass(scene, run_pre_start, OUTCOME_PASSED);
        start_qemu(scene, FAKE_QEMU_GOOD);
        fake_qemu_on_command(scene->qemu, make_thread_late, &late);
        drift(4716, "2");
        g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
        g_thread_join(late.thread);
        g_assert_cmpuint(report->others, ==, 4);
        assert_mask(4716, "0-1");
    }
}

/// A line that a refusal prints, up to the running guest.
static void test_mode_warn_lets_what_was_refused_run(void)
{
    static const char *const modes[] = { "warn", "off" };

    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        g_autofree char *policy = g_strdup_printf("[vm 100]\nmode = %s\n", modes[i]);
        g_autoptr(Scene) scene = scene_new("cores: 99\naffinity: 2\nfreeze: 1\n");
        pass(scene, run_pre_start, OUTCOME_REFUSED);
        set_policy(scene, policy);
        report_free(run_pre_start(&scene->call));
        start_qemu(scene, FAKE_QEMU_GOOD);
        g_autoptr(Report) report = run_post_start(&scene->call);
        g_autofree char *text = report_to_text(report);
        g_assert_cmpint(report->guest, ==, GUEST_RELEASED);
        g_assert_nonnull(strstr(text, "released"));
        assert_released(scene, 1);
    }
}

/// Killed between the start and its post-start, with mode = off: repair lets it run.
static void test_repair_of_mode_off_lets_it_run(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[vm 100]\nmode = off\n");
    pass(scene, run_repair, OUTCOME_SKIPPED);
    assert_calls("");
    assert_released(scene, 1);
}

/// The config is there for pre-start, and not for post-start: what `freeze` says is not known then,
/// and the plan of the start tells whether somebody else lets the guest run.
static void test_guest_of_unread_config_is_asked_for(void)
{
    static const struct {
        const char *config; // as pre-start reads it; NULL: it was not called
        const char *policy, *status;
        Outcome outcome;
        GuestState guest;
    } cases[] = {
        { GOOD, "", "prelaunch", OUTCOME_PROVEN, GUEST_RELEASED },
        { GOOD, "", "running", OUTCOME_PROVEN, GUEST_UNTOUCHED },
        { GOOD "lock: backup\n", "", "prelaunch", OUTCOME_PROVEN, GUEST_FROZEN },
        { NULL, "", "prelaunch", OUTCOME_UNPROVEN, GUEST_FROZEN },
        { NULL, "[vm 100]\nmode = off\n", "prelaunch", OUTCOME_UNPROVEN, GUEST_FROZEN },
        { NULL, "[vm 100]\nmode = off\n", "running", OUTCOME_SKIPPED, GUEST_UNTOUCHED },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Scene) scene = scene_new(cases[i].config != NULL ? cases[i].config : GOOD);
        g_autofree char *status = g_strdup_printf("{\"status\": \"%s\"}", cases[i].status);
        set_policy(scene, cases[i].policy);
        if (cases[i].config != NULL) {
            pass(scene, run_pre_start, OUTCOME_PASSED);
        }
        start_qemu(scene, FAKE_QEMU_GOOD);
        fake_qemu_answer(scene->qemu, "query-status", status);
        fake_root_remove(scene->fake, CONFIG);
        g_autoptr(Report) report = go(scene, run_post_start, cases[i].outcome);
        g_autofree char *text = report_to_text(report);
        g_assert_cmpint(report->guest, ==, cases[i].guest);
        assert_released(scene, cases[i].guest == GUEST_RELEASED ? 1 : 0);
        gboolean told = strstr(text, "qm resume 100") != NULL;
        g_assert_true(told == (cases[i].outcome == OUTCOME_UNPROVEN));
    }
}

/// Once it can be read, the timer does what was left.
static void test_round_finishes_what_an_unread_config_left_frozen(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_root_remove(scene->fake, CONFIG);
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_CONFIG_UNREADABLE);
    scene->call.by_name = FALSE;
    assert_found(scene, run_repair, OUTCOME_UNPROVEN, FINDING_CONFIG_UNREADABLE);
    assert_released(scene, 0);
    fake_root_write(scene->fake, CONFIG, GOOD);
    pass(scene, run_repair, OUTCOME_PROVEN);
    assert_released(scene, 1);
}

/// Not to know whether its QEMU runs is not to know that it does not.
static void test_mode_off_says_when_no_guest_could_be_asked_for(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[vm 100]\nmode = off\n");
    fake_root_write(scene->fake, "run/qemu-server/100.pid", "rubbish\n");
    pass(scene, run_post_start, OUTCOME_FAILED);
}

/// A guest from hibernation has its memory to lose, before and after Proxmox drops `vmstate`.
static void test_resumed_guest_is_never_ended(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD "vmstate: local:100/vm-100-state-suspend.raw\n");

    set_policy(scene, "[defaults]\nunproven = stop\n");
    pass(scene, run_pre_start, OUTCOME_PASSED);
    fake_root_write(scene->fake, CONFIG, GOOD);
    start_qemu(scene, FAKE_QEMU_GOOD);
    fake_kernel_pretend(4712);
    pass(scene, run_post_start, OUTCOME_UNPROVEN);
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
    assert_released(scene, 1);
}

static void test_unproven_stop_ends_qemu(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    pass(scene, run_pre_start, OUTCOME_PASSED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    fake_kernel_pretend(4712);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
    g_assert_cmpint(fake_kernel_terminated(), ==, QEMU);
    g_assert_cmpint(report->guest, ==, GUEST_ENDED);
}

/// A post-start by hand must not end a VM that runs, as after a hot-plug.
static void test_later_post_start_ends_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    pass(scene, run_post_start, OUTCOME_PROVEN);
    fake_kernel_reset("0-7");
    fake_kernel_pretend(4712);
    report_free(go(scene, run_post_start, OUTCOME_UNPROVEN));
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
}

/// Nor one by hand, of a VM that was started without pinhook.
static void test_post_start_without_a_pre_start_ends_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    fake_kernel_pretend(4712);
    report_free(go(scene, run_post_start, OUTCOME_UNPROVEN));
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
}

/// What a start would have been refused for does not become proven by being asked again.
static void test_refused_plan_is_never_proven(void)
{
    g_autoptr(Scene)
        scene = scene_new_started("cores: 2\naffinity: 0-1\nfreeze: 1\n", FAKE_QEMU_GOOD);

    set_policy(scene, "[vm 100]\ncheck.no-housekeeping = warning\n");
    for (guint i = 0; i < 3; i++) {
        report_free(go(scene, run_post_start, OUTCOME_UNPROVEN));
        report_free(go(scene, run_status, OUTCOME_UNPROVEN));
    }
    set_policy(scene, "[vm 100]\ncheck.not-isolated = warning\n"
                      "check.no-housekeeping = warning\n");
    report_free(go(scene, run_post_start, OUTCOME_PROVEN));
}

static void test_proven_vm_is_not_ended(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    pass(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
}

static void test_status_ends_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    pass(scene, run_status, OUTCOME_UNPROVEN);
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
}

/* Repair. */

static Scene *scene_new_proven(const char *config)
{
    Scene *scene = scene_new(config);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    fake_qemu_answer(scene->qemu, "query-status", "{\"status\": \"running\"}");
    return scene;
}

static char *read_ledger(const Scene *scene)
{
    return root_read(scene->fake->root, "run/pinhook/100.json", NULL, NULL);
}

/// Whoever holds the ledger does not hold up a repair, which writes nothing there.
static void test_drifted_threads_are_bound_again(void)
{
    g_autoptr(Scene) scene = scene_new_proven(GOOD);
    g_autofree char *before = read_ledger(scene);
    g_autoptr(Ledger) ledger = ledger_lock(scene->fake->root, 1000, NULL);

    drift(4713, "5-6");
    drift(4714, "0-7");
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_PROVEN);
    g_autofree char *text = report_to_text(report);
    g_autofree char *after = read_ledger(scene);
    g_assert_nonnull(ledger);
    g_assert_cmpuint(report->observed->moved, ==, 2);
    g_assert_nonnull(strstr(text, "; 2 threads bound again"));
    assert_mask(4713, "3");
    assert_mask(4714, "0-1");
    g_assert_cmpstr(after, ==, before);
    assert_released(scene, 1); // by post-start
}

static void test_repair_of_what_did_not_drift_sets_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_proven(GOOD);
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_PROVEN);

    g_assert_cmpuint(report->observed->moved, ==, 0);
    assert_calls("4711 4714 4715 4712 4713");
}

/// The config may say otherwise by now: the plan is what the VM holds.
static void test_repair_keeps_to_the_plan(void)
{
    g_autoptr(Scene) scene = scene_new_proven(GOOD);

    fake_root_write(scene->fake, CONFIG, "cores: 2\naffinity: 6-7\n");
    drift(4713, "5");
    pass(scene, run_repair, OUTCOME_PROVEN);
    assert_mask(4713, "3");
}

static void test_repair_binds_a_hot_plugged_vcpu(void)
{
    g_autoptr(Scene) scene = scene_new_proven("cores: 4\nvcpus: 2\nhotplug: cpu\nfreeze: 1\n");

    fake_root_add_thread(scene->fake, QEMU, 4716, "CPU 2/KVM", 0);
    fake_qemu_answer(scene->qemu, "query-cpus-fast",
        "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 4713},"
        " {\"cpu-index\": 2, \"thread-id\": 4716}]");
    assert_found(scene, run_status, OUTCOME_UNPROVEN, FINDING_NOT_BOUND);
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_PROVEN);
    g_assert_cmpuint(report->observed->moved, ==, 1);
    assert_mask(4716, "4");
}

static void test_repair_that_does_not_help_is_not_proven(void)
{
    g_autoptr(Scene) scene = scene_new_proven(GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    drift(4713, "5");
    fake_kernel_pretend(4713);
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_UNPROVEN);
    g_assert_true(has_finding(report, FINDING_NOT_BOUND));
    g_assert_cmpuint(report->observed->moved, ==, 0);
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
}

#define RUNNING "{\"status\": \"running\"}"

/// As the timer has it: nobody asked for this VM.
static Report *repair_in_a_round(Scene *scene, Outcome outcome)
{
    scene->call.by_name = FALSE;
    Report *report = go(scene, run_repair, outcome);
    scene->call.by_name = TRUE;
    return report;
}

static void assert_untouched(const Scene *scene)
{
    assert_calls("");
    g_assert_cmpuint(fake_kernel_looks(), ==, 0);
    g_assert_cmpint(fake_kernel_terminated(), ==, 0);
    assert_released(scene, 0);
}

static void test_round_tells_of_a_vm_that_no_start_has_bound(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_qemu_answer(scene->qemu, "query-status", RUNNING);
    g_autoptr(Report) report = repair_in_a_round(scene, OUTCOME_UNPROVEN);
    g_assert_nonnull(strstr(report->note, "pinhook repair 100"));
    assert_untouched(scene);
    g_assert_false(root_exists(scene->fake->root, "run/pinhook"));
}

static void test_repair_by_name_binds_what_no_start_has_bound(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_qemu_answer(scene->qemu, "query-status", RUNNING);
    pass(scene, run_repair, OUTCOME_PROVEN);
    assert_mask(4713, "3");
    report_free(repair_in_a_round(scene, OUTCOME_PROVEN));
}

/// Killed before it had anything to its name, or in the middle.
static void test_round_finishes_what_a_killed_post_start_left_frozen(void)
{
    static const LedgerOwner owners[] = { LEDGER_HOOK, LEDGER_START };

    for (gsize i = 0; i < G_N_ELEMENTS(owners); i++) {
        g_autoptr(Scene) scene = scene_new(GOOD);
        pass(scene, run_pre_start, OUTCOME_PASSED);
        start_qemu(scene, FAKE_QEMU_GOOD);
        if (owners[i] == LEDGER_HOOK) {
            fake_root_remove_tree(scene->fake, "proc/500"); // the task has failed
        } else {
            g_autoptr(LedgerEntry) entry = read_entry(scene->fake->root, 100);
            g_autoptr(Ledger) ledger = ledger_lock(scene->fake->root, 1000, NULL);
            const Process qemu = { .pid = QEMU, .start_time = 88 };
            g_assert_true(ledger_write(ledger, 100, &qemu, LEDGER_START, entry->plan, NULL, NULL));
        }
        report_free(repair_in_a_round(scene, OUTCOME_PROVEN));
        assert_released(scene, 1);
        assert_mask(4713, "3");
        g_autoptr(LedgerEntry) after = read_entry(scene->fake->root, 100);
        g_assert_cmpint(after->owner_kind, ==, LEDGER_QEMU);
    }
}

/// What is read of QEMU's process is no file any more.
static void hide_process(const Scene *scene)
{
    fake_root_remove(scene->fake, "proc/4711/stat");
    fake_root_write(scene->fake, "proc/4711/stat/no-file", "");
}

/// Neither that it runs, nor that it has ended.
static void test_qemu_that_cannot_be_looked_at_is_not_gone(void)
{
    static const Door rows[] = { run_post_start, run_repair, run_status };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
        hide_process(scene);
        g_autoptr(Report) report = go(scene, rows[i], OUTCOME_FAILED);
        g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
        g_assert_nonnull(strstr(report->note, "/proc/4711/stat"));
    }
}

static void test_round_says_when_it_cannot_look_at_a_qemu(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    hide_process(scene);
    g_autoptr(Report) report = repair_in_a_round(scene, OUTCOME_FAILED);
    g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
    g_assert_nonnull(strstr(report->note, "/proc/4711/stat"));
}

/// It may wait at its first instruction: that it runs is not said.
static void test_round_says_when_it_cannot_ask_an_unbound_guest(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_CLOSES);
    g_autoptr(Report) report = repair_in_a_round(scene, OUTCOME_FAILED);

    g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
}

static void test_repair_by_an_entry_that_cannot_be_read_knows_no_guest(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_root_write(scene->fake, "run/pinhook/100.json", "rubbish");
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_FAILED);
    g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
}

static void test_round_ends_a_start_that_it_finds_refuted(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_kernel_pretend(4712);
    g_autoptr(Report) report = repair_in_a_round(scene, OUTCOME_UNPROVEN);
    g_assert_cmpint(report->guest, ==, GUEST_ENDED);
    g_assert_cmpint(fake_kernel_terminated(), ==, QEMU);
}

static void test_repair_of_a_start_under_way_touches_nothing(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    pass(scene, run_pre_start, OUTCOME_PASSED);
    start_qemu(scene, FAKE_QEMU_GOOD);
    g_autofree char *before = read_ledger(scene);
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_UNPROVEN);
    g_assert_nonnull(strstr(report->note, "its start is under way"));
    g_autoptr(Report) silent = repair_in_a_round(scene, OUTCOME_SKIPPED);
    g_assert_null(silent->note);
    assert_untouched(scene);
    g_autofree char *after = read_ledger(scene);
    g_assert_cmpstr(after, ==, before);
}

static void test_repair_releases_a_guest_that_still_waits(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    /* Locked by somebody else, it was not pinhook's to let run. */
    fake_root_write(scene->fake, CONFIG, GOOD "lock: snapshot\n");
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_released(scene, 0);
    fake_root_write(scene->fake, CONFIG, GOOD);
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_PROVEN);
    g_assert_cmpint(report->guest, ==, GUEST_RELEASED);
    assert_released(scene, 1);
}

static void test_repair_never_proves_a_refused_plan(void)
{
    g_autoptr(Scene)
        scene = scene_new_started("cores: 2\naffinity: 0-1\nfreeze: 1\n", FAKE_QEMU_GOOD);

    set_policy(scene, "[vm 100]\ncheck.no-housekeeping = warning\n");
    pass(scene, run_post_start, OUTCOME_UNPROVEN);
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_UNPROVEN);
    g_assert_nonnull(strstr(report->note, "pinhook check 100"));
}

static void test_repair_moves_no_memory(void)
{
    g_autoptr(Scene) scene = scene_new_proven(GOOD);

    set_policy(scene, "[vm 100]\nmemory = migrate\n");
    fake_kernel_lay(MEMORY, MEMORY_PAGES, 1);
    assert_found(scene, run_repair, OUTCOME_UNPROVEN, FINDING_MEMORY_REMOTE);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
    set_policy(scene, "[vm 100]\nmemory = ignore\n");
    pass(scene, run_repair, OUTCOME_PROVEN);
}

/* Memory. The host has node 0 alone. */

static Scene *scene_new_with_memory_on(int node, const char *policy)
{
    Scene *scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, policy);
    fake_kernel_lay(MEMORY, MEMORY_PAGES, node);
    return scene;
}

static void test_memory_in_place_is_proven(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(0, "");
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);

    g_assert_cmpuint(report->memory->touched, ==, MEMORY_SAMPLE);
    g_assert_cmpuint(fake_kernel_looks(), ==, 1);
    assert_released(scene, 1);
}

static void test_remote_memory_holds_up_no_guest(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "");
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);

    g_assert_true(has_finding(report, FINDING_MEMORY_REMOTE));
    g_assert_cmpint(report->guest, ==, GUEST_RELEASED);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
    assert_mask(4713, "3"); // bound all the same
    assert_released(scene, 1);
}

/// While memory moves, QEMU is free for others and the guest waits.
static void assert_qemu_is_free(int pid, gpointer data)
{
    const Scene *scene = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Qmp) qmp = qmp_connect(scene->fake->root, 100, 5000, &error);

    g_assert_no_error(error);
    g_assert_nonnull(qmp);
    assert_mask(4713, "3");
    assert_released(scene, 0);
}

static void test_migrate_moves_then_releases(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "[vm 100]\nmemory = migrate\n");

    fake_kernel_on_move(assert_qemu_is_free, scene);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_cmpuint(report->memory->moved_kib, ==, 65536);
    g_assert_cmpuint(fake_kernel_moves(), ==, 4);
    g_assert_cmpint(report->guest, ==, GUEST_RELEASED);
    assert_released(scene, 1);
}

static void test_migrate_moves_nothing_that_is_in_place(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(0, "[vm 100]\nmemory = migrate\n");

    pass(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_cmpuint(fake_kernel_looks(), ==, 1);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
}

/// What is on its way already need not be enough to be judged.
static void test_migrate_moves_what_little_there_is(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(-ENOENT, "[vm 100]\nmemory = migrate\n");

    fake_kernel_lay(MEMORY, 256, 1);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_false(memory_is_judged(report->memory));
    g_assert_cmpuint(report->memory->moved_kib, ==, 1024);
    g_assert_cmpint(fake_kernel_node_of(MEMORY), ==, 0);
}

static void test_kernel_that_moves_nothing_proves_nothing(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "[vm 100]\nmemory = migrate\n");

    fake_kernel_pretend_to_move();
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
    g_assert_true(has_finding(report, FINDING_MEMORY_REMOTE));
    g_assert_cmpuint(report->memory->stuck_kib, ==, 65536);
    assert_released(scene, 1);
}

static void take_long(int pid, gpointer data)
{
    g_usleep(*(const gulong *)data);
}

static void test_migrate_ends_with_the_deadline(void)
{
    g_autoptr(Scene)
        scene = scene_new_with_memory_on(1, "[vm 100]\nmemory = migrate\ndeadline = 1000\n");
    gulong all_us = G_USEC_PER_SEC;

    fake_kernel_on_move(take_long, &all_us);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
    const Finding *finding = report->findings->pdata[0];
    g_assert_cmpint(finding->code, ==, FINDING_MEMORY_REMOTE);
    g_assert_nonnull(strstr(fix_of(finding), "deadline = 10000"));
    g_assert_cmpuint(report->memory->moved_kib, ==, 16384);
    assert_released(scene, 1);
}

static void test_untouched_memory_does_not_hold_up_a_guest(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(-ENOENT, "");

    fake_kernel_lay(MEMORY, 256, 1);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_false(memory_is_judged(report->memory));
    assert_released(scene, 1);
}

static void test_ignored_memory_is_not_looked_at(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "[vm 100]\nmemory = ignore\n");

    fake_root_remove(scene->fake, "proc/4711/maps");
    g_autoptr(Report) started = go(scene, run_post_start, OUTCOME_PROVEN);
    g_autoptr(Report) seen = go(scene, run_status, OUTCOME_PROVEN);
    g_assert_null(started->memory);
    g_assert_null(seen->memory);
    g_assert_cmpuint(fake_kernel_looks(), ==, 0);
    assert_released(scene, 1);
}

/// What pinhook cannot find out is said, and is no reason to hold up a VM or to end it.
static void test_memory_that_cannot_be_seen_is_a_warning(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(0, "[vm 100]\nunproven = stop\n");

    fake_root_remove(scene->fake, "proc/4711/maps");
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
    const Finding *finding = report->findings->pdata[0];
    g_assert_cmpint(finding->code, ==, FINDING_MEMORY_REMOTE);
    g_assert_cmpint(finding->severity, ==, SEVERITY_WARNING);
    g_assert_nonnull(strstr(finding->message, "/proc/4711/maps"));
    g_assert_nonnull(strstr(fix_of(finding), "memory = ignore"));
    assert_released(scene, 1);
    assert_found(scene, run_status, OUTCOME_PROVEN, FINDING_MEMORY_REMOTE);
    set_policy(scene, "[vm 100]\ncheck.memory-remote = off\n");
    g_autoptr(Report) quiet = go(scene, run_status, OUTCOME_PROVEN);
    g_assert_cmpuint(quiet->findings->len, ==, 0);
}

static void repair_meanwhile(int pid, gpointer data)
{
    Scene *scene = data;
    g_autoptr(Report) report = go(scene, run_repair, OUTCOME_UNPROVEN);

    g_assert_nonnull(strstr(report->note, "its start is under way"));
    assert_released(scene, 0);
}

static void test_repair_waits_for_a_post_start_that_moves_memory(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "[vm 100]\nmemory = migrate\n");

    fake_kernel_on_move(repair_meanwhile, scene);
    pass(scene, run_post_start, OUTCOME_PROVEN);
    assert_released(scene, 1);
    pass(scene, run_repair, OUTCOME_PROVEN);
}

/// Longer than the deadline of repair.
static void answer_late(const char *command, gpointer data)
{
    g_usleep(2500000);
}

static void test_repair_has_a_deadline_of_its_own(void)
{
    g_autoptr(Scene) scene = scene_new_proven(GOOD);

    set_policy(scene, "[vm 100]\ndeadline = 600000\n");
    fake_qemu_on_command(scene->qemu, answer_late, NULL);
    assert_found(scene, run_repair, OUTCOME_UNPROVEN, FINDING_QMP_TIMEOUT);
}

static void test_share_of_memory_is_the_policys(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(0, "");

    fake_kernel_lay(MEMORY, MEMORY_PAGES / 8, 1);
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_MEMORY_REMOTE);
    set_policy(scene, "[vm 100]\nmemory-local = 88\n");
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_MEMORY_REMOTE);
    set_policy(scene, "[vm 100]\nmemory-local = 87\n");
    pass(scene, run_post_start, OUTCOME_PROVEN);
}

static void test_status_sees_memory_and_moves_none(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(0, "[vm 100]\nmemory = migrate\n");

    pass(scene, run_post_start, OUTCOME_PROVEN);
    fake_kernel_lay(MEMORY, MEMORY_PAGES, 1);
    assert_found(scene, run_status, OUTCOME_UNPROVEN, FINDING_MEMORY_REMOTE);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
}

static void test_status_without_a_plan_shows_memory(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "");
    g_autoptr(Report) report = go(scene, run_status, OUTCOME_UNPROVEN);

    g_assert_nonnull(report->memory);
    g_assert_true(has_finding(report, FINDING_NOT_BOUND));
    g_assert_false(has_finding(report, FINDING_MEMORY_REMOTE));
}

static void end_qemu(int pid, gpointer data)
{
    Scene *scene = data;

    fake_root_remove_tree(scene->fake, "proc/4711");
}

static void test_qemu_that_ends_while_memory_moves_is_gone(void)
{
    g_autoptr(Scene) scene = scene_new_with_memory_on(1, "[vm 100]\nmemory = migrate\n");

    fake_kernel_on_move(end_qemu, scene);
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    assert_released(scene, 0);
}

/* Between the two dialogues. */

static void let_run(int tid, gpointer data)
{
    const Scene *scene = data;

    fake_qemu_answer(scene->qemu, "query-status", "{\"status\": \"running\"}");
}

static void test_guest_that_somebody_else_let_run_is_not_released(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_kernel_on_set(let_run, scene);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_PROVEN);
    g_assert_cmpint(report->guest, ==, GUEST_UNTOUCHED);
    assert_released(scene, 0);
}

static void take_socket(int tid, gpointer data)
{
    Scene *scene = data;

    if (tid == QEMU) {
        fake_root_remove(scene->fake, "run/qemu-server/100.qmp");
    }
}

static void test_qemu_that_cannot_be_reached_again_is_not_proven(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_kernel_on_set(take_socket, scene);
    g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
    g_assert_true(has_finding(report, FINDING_QMP_FAILED));
    g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
    assert_released(scene, 0);
}

/* Files that are not as they should be. */

static char *text_of_lines(const char *line, guint count, const char *end)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < count; i++) {
        g_string_append(text, line);
    }
    g_string_append(text, end);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_unreadable(const Scene *scene)
{
    g_autoptr(Report) report = go(scene, run_pre_start, OUTCOME_REFUSED);

    g_assert_true(has_finding(report, FINDING_CONFIG_UNREADABLE));
    g_assert_null(report->plan);
    assert_reserved(scene, 100, "none");
}

static void test_config_that_is_no_file_is_unreadable(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);
    g_autofree char *outside = fake_root_outside(scene->fake, CONFIG);

    fake_root_remove(scene->fake, CONFIG);
    assert_unreadable(scene);
    g_assert_cmpint(g_mkdir(outside, 0755), ==, 0);
    assert_unreadable(scene);
    fake_root_remove(scene->fake, CONFIG);
    fake_root_link(scene->fake, CONFIG, "/etc/passwd");
    assert_unreadable(scene);
}

static void test_config_of_5_mib_is_unreadable(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);
    g_autofree char *bytes = g_strnfill(5 * 1024 * 1024, '#');

    fake_root_write(scene->fake, CONFIG, bytes);
    assert_unreadable(scene);
}

static void test_config_with_nuls_is_unreadable(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_write_bytes(scene->fake, CONFIG, "cores: 2\n\0\nfreeze: 1\n", 21);
    pass(scene, run_pre_start, OUTCOME_REFUSED);
    assert_found(scene, run_check, OUTCOME_REFUSED, FINDING_CONFIG_UNREADABLE);
}

static void test_binary_config_is_unreadable(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);
    char bytes[4096];

    for (gsize i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (char)(i * 7 + i / 256);
    }
    fake_root_write_bytes(scene->fake, CONFIG, bytes, sizeof(bytes));
    assert_found(scene, run_pre_start, OUTCOME_REFUSED, FINDING_CONFIG_UNREADABLE);
}

static void test_configs_that_only_look_odd_are_read(void)
{
    g_autofree char *comments = text_of_lines("#\n", 100000, GOOD);
    g_autofree char *repeated = text_of_lines("cores: 1\n", 100000, GOOD);
    const char *const configs[] = {
        "cores: 2\r\nmemory: 2048\r\naffinity: 2-3\r\nfreeze: 1\r\n",
        GOOD "[before]\ncores: 99\ncpuaffinity: 0\n",
        "cores: 7\naffinity: 0-0\n" GOOD,
        "# cores: 99\n\n\n" GOOD,
        "cores: 2\nmemory: 2048\naffinity: 2-3\nfreeze: 1",
        comments,
        repeated,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(configs); i++) {
        g_autoptr(Scene) scene = scene_new(configs[i]);
        clock_t before = clock();
        pass(scene, run_pre_start, OUTCOME_PASSED);
        assert_read_in_time(before);
        assert_reserved(scene, 100, "2-3");
    }
}

static void test_empty_config_is_unreadable(void)
{
    static const char *const configs[] = { "", "\n", "# a comment\n", "[before]\ncores: 2\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(configs); i++) {
        g_autoptr(Scene) scene = scene_new(configs[i]);
        assert_unreadable(scene);
    }
}

static void test_many_wrong_lines_end_in_time(void)
{
    static const char *const lines[] = { "cores: x\n", "numa0: y\n", "rubbish\n", "affinity: z\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *config = text_of_lines(lines[i], 70000, "");
        g_autoptr(Scene) scene = scene_new(config);
        clock_t before = clock();
        g_autoptr(Report) report = run_pre_start(&scene->call);
        g_autofree char *text = report_to_text(report);
        g_assert_nonnull(strstr(text, i < 3 ? "Proxmox drops the line" : "REFUSED"));
        assert_read_in_time(before);
    }
}

static void test_policy_with_nuls_is_invalid(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_write_bytes(scene->fake, POLICY_PATH, "[defaults]\nmode = off\n\0", 23);
    assert_found(scene, run_pre_start, OUTCOME_REFUSED, FINDING_POLICY_INVALID);
}

static void test_policy_that_is_no_file_is_invalid(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_write(scene->fake, POLICY_PATH "/file", "");
    assert_found(scene, run_pre_start, OUTCOME_REFUSED, FINDING_POLICY_INVALID);
}

static void test_policy_of_this_node_counts(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    set_policy(scene, "[node pve2]\nmode = off\n");
    pass(scene, run_pre_start, OUTCOME_PASSED);
    set_policy(scene, "[node pve1]\nmode = off\n");
    pass(scene, run_pre_start, OUTCOME_SKIPPED);
}

static void test_ledger_that_cannot_be_used_is_said(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_root_write(scene->fake, "run/pinhook", "");
    g_autoptr(Report) refused = go(scene, run_pre_start, OUTCOME_FAILED);
    g_assert_cmpint(report_exit_status(refused), ==, 3);
    g_assert_nonnull(strstr(refused->note, "/run/pinhook"));
    g_autoptr(Report) unbound = go(scene, run_post_start, OUTCOME_FAILED);
    g_assert_cmpint(report_exit_status(unbound), ==, 3);
    assert_calls("");
    g_autoptr(Report) stopped = go(scene, run_post_stop, OUTCOME_SKIPPED);
    g_assert_nonnull(strstr(stopped->note, "/run/pinhook"));
    set_policy(scene, "[defaults]\nmode = warn\n");
    g_autoptr(Report) tolerated = go(scene, run_pre_start, OUTCOME_FAILED);
    g_assert_cmpint(report_exit_status(tolerated), ==, 0);
}

static void test_locked_ledger_is_waited_for_by_the_policys_deadline(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
    g_autoptr(Ledger) ledger = ledger_lock(scene->fake->root, 1000, NULL);

    g_assert_nonnull(ledger);
    set_policy(scene, "[defaults]\ndeadline = 50\n");
    g_autoptr(Report) before = go(scene, run_pre_start, OUTCOME_FAILED);
    g_assert_nonnull(strstr(before->note, "50 ms"));
    g_autoptr(Report) after = go(scene, run_post_start, OUTCOME_FAILED);
    g_assert_nonnull(strstr(after->note, "50 ms"));
    assert_calls("");
}

static void test_rubbish_in_the_ledger_is_no_matter(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    fake_root_write(scene->fake, "run/pinhook/100.json", "{\"vmid\": 100, \"plan\"");
    fake_root_write(scene->fake, "run/pinhook/101.json", "");
    pass(scene, run_pre_start, OUTCOME_PASSED);
    assert_reserved(scene, 100, "2-3");
    g_assert_false(root_exists(scene->fake->root, "run/pinhook/101.json"));
}

/* A QEMU that is not as it should be. */

static void test_vm_that_does_not_run_is_gone(void)
{
    g_autoptr(Scene) scene = scene_new(GOOD);

    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    assert_found(scene, run_status, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    assert_found(scene, run_repair, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    assert_reserved(scene, 100, "none");
}

static void test_pid_of_another_process_is_not_bound(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_root_add_process(scene->fake, QEMU, 90, "/usr/sbin/sshd -D");
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    assert_calls("");
}

static void test_absent_socket_is_a_finding(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_root_remove(scene->fake, "run/qemu-server/100.qmp");
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_QMP_FAILED);
    assert_calls("");
}

static const struct {
    FakeQemuManner manner;
    guint deadline_ms;
    FindingCode code;
} manners[] = {
    { FAKE_QEMU_SILENT, 60, FINDING_QMP_TIMEOUT },
    { FAKE_QEMU_STALLS, 60, FINDING_QMP_TIMEOUT },
    { FAKE_QEMU_DRIPS, 60, FINDING_QMP_TIMEOUT },
    { FAKE_QEMU_EVENTS_ONLY, 60, FINDING_QMP_TIMEOUT },
    { FAKE_QEMU_CLOSES, 20000, FINDING_QMP_FAILED },
    { FAKE_QEMU_GARBAGE, 20000, FINDING_QMP_FAILED },
    { FAKE_QEMU_HUGE_LINE, 20000, FINDING_QMP_FAILED },
    { FAKE_QEMU_REFUSES, 20000, FINDING_QMP_FAILED },
};

/// QEMU has @manner from @command on (NULL: from the start).
static void assert_nothing_bound(gsize manner, const char *command)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, manners[manner].manner);
    g_autofree char *policy = g_strdup_printf(
        "[defaults]\ndeadline = %u\n", manners[manner].deadline_ms);

    set_policy(scene, policy);
    if (command != NULL) {
        fake_qemu_misbehave_from(scene->qemu, command);
    }
    gint64 before = g_get_monotonic_time();
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, manners[manner].code);
    assert_ended_by(before, manners[manner].deadline_ms);
    assert_calls("");
    /* On a busy machine the deadline can pass before QEMU has heard @command. */
    if (command == NULL || fake_qemu_count(scene->qemu, command) > 0) {
        g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, 0);
    }
}

static void test_misbehaving_qemu_is_named_and_not_bound(void)
{
    static const char *const commands[] = { NULL, "query-status", "query-cpus-fast",
        "query-iothreads" };

    for (gsize i = 0; i < G_N_ELEMENTS(manners); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(commands); j++) {
            assert_nothing_bound(i, commands[j]);
        }
    }
}

static void test_slow_but_honest_qemu_is_bound(void)
{
    static const FakeQemuManner good[] = { FAKE_QEMU_SPLITS, FAKE_QEMU_EVENTS_FIRST,
        FAKE_QEMU_OTHER_REPLIES };

    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(Scene) scene = scene_new_started(GOOD, good[i]);
        set_policy(scene, "[defaults]\ndeadline = 20000\n");
        pass(scene, run_post_start, OUTCOME_PROVEN);
    }
}

static void test_release_that_fails_is_not_proven(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(manners); i++) {
        g_autoptr(Scene) scene = scene_new_started(GOOD, manners[i].manner);
        fake_qemu_misbehave_from(scene->qemu, "cont");
        set_policy(scene, manners[i].deadline_ms < 1000 ? "[defaults]\ndeadline = 300\n" : "");
        g_autoptr(Report) report = go(scene, run_post_start, OUTCOME_UNPROVEN);
        g_assert_true(has_finding(report, manners[i].code));
        g_assert_cmpint(report->guest, ==, GUEST_UNKNOWN);
    }
}

static void test_null_in_place_of_an_answer_is_a_finding(void)
{
    static const char *const commands[] = { "qmp_capabilities", "query-status", "query-cpus-fast",
        "query-iothreads", "cont" };

    for (gsize i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
        fake_qemu_answer(scene->qemu, commands[i], "null");
        assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_QMP_FAILED);
    }
}

/// Ends QEMU when it is asked for its iothreads.
static void end_at_iothreads(const char *command, gpointer data)
{
    Scene *scene = data;

    if (strcmp(command, "query-iothreads") == 0) {
        fake_root_remove_tree(scene->fake, "proc/4711");
    }
}

static void test_qemu_that_ends_while_asked_is_gone(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_qemu_on_command(scene->qemu, end_at_iothreads, scene);
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    assert_calls("");
    assert_reserved(scene, 100, "none");
}

static void end_at_first_set(int tid, gpointer data)
{
    Scene *scene = data;

    if (tid == QEMU) {
        fake_root_remove_tree(scene->fake, "proc/4711");
    }
}

static void test_qemu_that_ends_while_bound_is_gone(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_kernel_on_set(end_at_first_set, scene);
    assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_VM_GONE);
    g_assert_cmpuint(fake_qemu_count(scene->qemu, "cont"), ==, 0);
}

static void test_vcpus_that_are_not_the_plans(void)
{
    static const struct {
        const char *vcpus, *calls;
    } replies[] = {
        { "[]", "4711 4712 4713 4714 4715" },
        { "[{\"cpu-index\": 0, \"thread-id\": 4712}]", "4711 4713 4714 4715 4712" },
        { "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 4713},"
          " {\"cpu-index\": 2, \"thread-id\": 4715}]",
            "4711 4714 4712 4713" },
        { "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 500}]",
            "4711 4713 4714 4715 4712" },
        { "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 1}]",
            "4711 4713 4714 4715 4712" },
        { "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 1, \"thread-id\": 4712}]",
            "4711 4713 4714 4715 4712" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(replies); i++) {
        g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
        fake_qemu_answer(scene->qemu, "query-cpus-fast", replies[i].vcpus);
        assert_found(scene, run_post_start, OUTCOME_UNPROVEN, FINDING_VCPU_MISSING);
        assert_calls(replies[i].calls);
        assert_released(scene, 1);
    }
}

static void test_index_given_twice_is_not_proven(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    fake_qemu_answer(scene->qemu, "query-cpus-fast",
        "[{\"cpu-index\": 0, \"thread-id\": 4712}, {\"cpu-index\": 0, \"thread-id\": 4713}]");
    pass(scene, run_post_start, OUTCOME_UNPROVEN);
    assert_released(scene, 1);
}

static void test_real_kernel_is_not_used_on_another_proc(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);

    set_policy(scene, "[defaults]\nunproven = stop\n");
    scene->call.kernel = &kernel_running;
    g_autoptr(Report) bound = go(scene, run_post_start, OUTCOME_FAILED);
    g_autoptr(Report) seen = go(scene, run_status, OUTCOME_FAILED);
    g_autoptr(Report) mended = go(scene, run_repair, OUTCOME_FAILED);
    g_assert_cmpint(report_exit_status(mended), ==, 3);
    g_assert_cmpint(report_exit_status(bound), ==, 3);
    g_assert_cmpint(report_exit_status(seen), ==, 3);
    g_assert_cmpuint(fake_qemu_count(scene->qemu, "qmp_capabilities"), ==, 0);
}

static void add_starts(void)
{
    g_test_add_func("/run/vm-goes-through-all-phases", test_vm_goes_through_all_phases);
    g_test_add_func(
        "/run/start-on-a-well-kept-host-is-brief", test_start_on_a_well_kept_host_is_brief);
    g_test_add_func("/run/check-changes-nothing", test_check_changes_nothing);
    g_test_add_func("/run/refused-vm-leaves-nothing", test_refused_vm_leaves_nothing);
    g_test_add_func("/run/refusal-takes-back-an-earlier-reservation",
        test_refusal_takes_back_an_earlier_reservation);
    g_test_add_func("/run/pre-start-again-is-the-same", test_pre_start_again_is_the_same);
    g_test_add_func("/run/running-vm-keeps-its-entry-at-pre-start",
        test_running_vm_keeps_its_entry_at_pre_start);
    g_test_add_func("/run/post-start-keeps-to-what-pre-start-planned",
        test_post_start_keeps_to_what_pre_start_planned);
    g_test_add_func("/run/post-start-without-an-entry-plans-afresh",
        test_post_start_without_an_entry_plans_afresh);
    g_test_add_func("/run/post-start-with-nothing-to-plan-binds-nothing",
        test_post_start_with_nothing_to_plan_binds_nothing);
    g_test_add_func(
        "/run/fresh-plan-with-errors-is-not-proven", test_fresh_plan_with_errors_is_not_proven);
    g_test_add_func("/run/second-post-start-sets-nothing", test_second_post_start_sets_nothing);
    g_test_add_func(
        "/run/status-sees-drift-and-changes-nothing", test_status_sees_drift_and_changes_nothing);
    g_test_add_func(
        "/run/status-without-a-plan-is-not-proven", test_status_without_a_plan_is_not_proven);
    g_test_add_func("/run/hot-plugged-vcpu-is-seen-and-then-bound",
        test_hot_plugged_vcpu_is_seen_and_then_bound);
    g_test_add_func("/run/hot-plug-without-the-timer", test_hot_plug_without_the_timer_is_found);
}

static void add_ledger(void)
{
    g_test_add_func("/run/vms-never-get-the-same-cpu", test_vms_never_get_the_same_cpu);
    g_test_add_func(
        "/run/affinity-of-a-vm-that-starts-is-taken", test_affinity_of_a_vm_that_starts_is_taken);
    g_test_add_func("/run/vms-that-start-at-once-never-get-the-same-cpu",
        test_vms_that_start_at_once_never_get_the_same_cpu);
    g_test_add_func("/run/reservation-of-a-dead-task-counts-for-nothing",
        test_reservation_of_a_dead_task_counts_for_nothing);
    g_test_add_func("/run/callers-that-own-nothing", test_callers_that_own_nothing);
    g_test_add_func("/run/reservation-outlives-a-wrapper", test_reservation_outlives_a_wrapper);
    g_test_add_func("/run/lock-of-somebody-unknown-leaves-it-to-the-caller",
        test_lock_of_somebody_unknown_leaves_it_to_the_caller);
    g_test_add_func(
        "/run/vm-on-its-way-in-holds-its-affinity", test_vm_on_its_way_in_holds_its_affinity);
    g_test_add_func("/run/what-cannot-be-told-of-another-vm-stops-a-start",
        test_what_cannot_be_told_of_another_vm_stops_a_start);
    g_test_add_func("/run/late-post-stop-leaves-the-next-start-alone",
        test_late_post_stop_leaves_the_next_start_alone);
    g_test_add_func("/run/late-post-stop-leaves-a-running-vm-alone",
        test_late_post_stop_leaves_a_running_vm_alone);
    g_test_add_func("/run/post-stop-of-a-start-that-failed-gives-back",
        test_post_stop_of_a_start_that_failed_gives_back);
    g_test_add_func(
        "/run/post-stop-may-come-twice-or-alone", test_post_stop_may_come_twice_or_alone);
    g_test_add_func(
        "/run/ledger-that-cannot-be-used-is-said", test_ledger_that_cannot_be_used_is_said);
    g_test_add_func("/run/locked-ledger-is-waited-for-by-the-policys-deadline",
        test_locked_ledger_is_waited_for_by_the_policys_deadline);
    g_test_add_func(
        "/run/rubbish-in-the-ledger-is-no-matter", test_rubbish_in_the_ledger_is_no_matter);
}

static void add_guests(void)
{
    g_test_add_func(
        "/run/container-is-passed-over-silently", test_container_is_passed_over_silently);
    g_test_add_func("/run/container-on-the-vcpus-cpus",
        test_container_that_may_run_on_the_vcpus_cpus_is_told_of);
    g_test_add_func("/run/template-is-left-alone", test_template_is_left_alone);
    g_test_add_func(
        "/run/vm-started-for-its-backup-is-bound", test_vm_started_for_its_backup_is_bound);
    g_test_add_func("/run/backup-is-never-refused-released-or-ended",
        test_backup_is_never_refused_released_or_ended);
    g_test_add_func(
        "/run/reservation-under-a-backup-yields", test_reservation_under_a_backup_yields);
    g_test_add_func("/run/mode-off-does-nothing", test_mode_off_does_nothing);
    g_test_add_func("/run/mode-warn-says-it-and-starts", test_mode_warn_says_it_and_starts);
    g_test_add_func("/run/target-reads-the-sources-config", test_target_reads_the_sources_config);
    g_test_add_func("/run/when-a-guest-is-released", test_when_a_guest_is_released);
    g_test_add_func("/run/refuted-start-is-ended", test_refuted_start_is_ended);
    g_test_add_func("/run/guest-that-is-not-proven-by-hand-goes-on",
        test_guest_that_is_not_proven_by_hand_goes_on);
    g_test_add_func("/run/start-that-is-not-known-is-tried-once-more",
        test_start_that_is_not_known_is_tried_once_more);
    g_test_add_func(
        "/run/mode-warn-lets-what-was-refused-run", test_mode_warn_lets_what_was_refused_run);
    g_test_add_func(
        "/run/thread-made-after-the-release-is-bound", test_thread_made_after_the_release_is_bound);
    g_test_add_func("/run/repair-of-mode-off-lets-it-run", test_repair_of_mode_off_lets_it_run);
    g_test_add_func(
        "/run/guest-of-unread-config-is-asked-for", test_guest_of_unread_config_is_asked_for);
    g_test_add_func("/run/round-finishes-what-an-unread-config-left-frozen",
        test_round_finishes_what_an_unread_config_left_frozen);
    g_test_add_func("/run/mode-off-says-when-no-guest-could-be-asked-for",
        test_mode_off_says_when_no_guest_could_be_asked_for);
    g_test_add_func("/run/resumed-guest-is-never-ended", test_resumed_guest_is_never_ended);
    g_test_add_func(
        "/run/guest-of-unknown-state-is-not-proven", test_guest_of_unknown_state_is_not_proven);
    g_test_add_func("/run/unproven-stop-ends-qemu", test_unproven_stop_ends_qemu);
    g_test_add_func("/run/post-start-without-a-pre-start-ends-nothing",
        test_post_start_without_a_pre_start_ends_nothing);
    g_test_add_func("/run/later-post-start-ends-nothing", test_later_post_start_ends_nothing);
    g_test_add_func("/run/refused-plan-is-never-proven", test_refused_plan_is_never_proven);
    g_test_add_func("/run/proven-vm-is-not-ended", test_proven_vm_is_not_ended);
    g_test_add_func("/run/status-ends-nothing", test_status_ends_nothing);
}

static void add_repair(void)
{
    g_test_add_func("/run/drifted-threads-are-bound-again", test_drifted_threads_are_bound_again);
    g_test_add_func("/run/repair-of-what-did-not-drift-sets-nothing",
        test_repair_of_what_did_not_drift_sets_nothing);
    g_test_add_func("/run/repair-keeps-to-the-plan", test_repair_keeps_to_the_plan);
    g_test_add_func("/run/repair-binds-a-hot-plugged-vcpu", test_repair_binds_a_hot_plugged_vcpu);
    g_test_add_func("/run/repair-that-does-not-help-is-not-proven",
        test_repair_that_does_not_help_is_not_proven);
    g_test_add_func("/run/round-tells-of-a-vm-that-no-start-has-bound",
        test_round_tells_of_a_vm_that_no_start_has_bound);
    g_test_add_func("/run/repair-by-name-binds-what-no-start-has-bound",
        test_repair_by_name_binds_what_no_start_has_bound);
    g_test_add_func("/run/round-finishes-what-a-killed-post-start-left-frozen",
        test_round_finishes_what_a_killed_post_start_left_frozen);
    g_test_add_func("/run/qemu-that-cannot-be-looked-at-is-not-gone",
        test_qemu_that_cannot_be_looked_at_is_not_gone);
    g_test_add_func("/run/round-says-when-it-cannot-look-at-a-qemu",
        test_round_says_when_it_cannot_look_at_a_qemu);
    g_test_add_func("/run/round-says-when-it-cannot-ask-an-unbound-guest",
        test_round_says_when_it_cannot_ask_an_unbound_guest);
    g_test_add_func("/run/repair-by-an-entry-that-cannot-be-read-knows-no-guest",
        test_repair_by_an_entry_that_cannot_be_read_knows_no_guest);
    g_test_add_func("/run/round-ends-a-start-that-it-finds-refuted",
        test_round_ends_a_start_that_it_finds_refuted);
    g_test_add_func("/run/repair-of-a-start-under-way-touches-nothing",
        test_repair_of_a_start_under_way_touches_nothing);
    g_test_add_func("/run/repair-releases-a-guest-that-still-waits",
        test_repair_releases_a_guest_that_still_waits);
    g_test_add_func(
        "/run/repair-never-proves-a-refused-plan", test_repair_never_proves_a_refused_plan);
    g_test_add_func("/run/repair-moves-no-memory", test_repair_moves_no_memory);
}

static void add_memory(void)
{
    g_test_add_func("/run/memory-in-place-is-proven", test_memory_in_place_is_proven);
    g_test_add_func("/run/remote-memory-holds-up-no-guest", test_remote_memory_holds_up_no_guest);
    g_test_add_func("/run/migrate-moves-then-releases", test_migrate_moves_then_releases);
    g_test_add_func(
        "/run/migrate-moves-nothing-that-is-in-place", test_migrate_moves_nothing_that_is_in_place);
    g_test_add_func(
        "/run/migrate-moves-what-little-there-is", test_migrate_moves_what_little_there_is);
    g_test_add_func("/run/kernel-that-moves-nothing-proves-nothing",
        test_kernel_that_moves_nothing_proves_nothing);
    g_test_add_func("/run/migrate-ends-with-the-deadline", test_migrate_ends_with_the_deadline);
    g_test_add_func("/run/untouched-memory-does-not-hold-up-a-guest",
        test_untouched_memory_does_not_hold_up_a_guest);
    g_test_add_func("/run/ignored-memory-is-not-looked-at", test_ignored_memory_is_not_looked_at);
    g_test_add_func("/run/memory-that-cannot-be-seen-is-a-warning",
        test_memory_that_cannot_be_seen_is_a_warning);
    g_test_add_func("/run/share-of-memory-is-the-policys", test_share_of_memory_is_the_policys);
    g_test_add_func("/run/repair-waits-for-a-post-start-that-moves-memory",
        test_repair_waits_for_a_post_start_that_moves_memory);
    g_test_add_func("/run/repair-has-a-deadline-of-its-own", test_repair_has_a_deadline_of_its_own);
    g_test_add_func(
        "/run/status-sees-memory-and-moves-none", test_status_sees_memory_and_moves_none);
    g_test_add_func(
        "/run/status-without-a-plan-shows-memory", test_status_without_a_plan_shows_memory);
    g_test_add_func("/run/qemu-that-ends-while-memory-moves-is-gone",
        test_qemu_that_ends_while_memory_moves_is_gone);
    g_test_add_func("/run/guest-that-somebody-else-let-run-is-not-released",
        test_guest_that_somebody_else_let_run_is_not_released);
    g_test_add_func("/run/qemu-that-cannot-be-reached-again-is-not-proven",
        test_qemu_that_cannot_be_reached_again_is_not_proven);
}

static void add_files(void)
{
    g_test_add_func(
        "/run/config-that-is-no-file-is-unreadable", test_config_that_is_no_file_is_unreadable);
    g_test_add_func("/run/config-of-5-mib-is-unreadable", test_config_of_5_mib_is_unreadable);
    g_test_add_func("/run/config-with-nuls-is-unreadable", test_config_with_nuls_is_unreadable);
    g_test_add_func("/run/binary-config-is-unreadable", test_binary_config_is_unreadable);
    g_test_add_func(
        "/run/configs-that-only-look-odd-are-read", test_configs_that_only_look_odd_are_read);
    g_test_add_func("/run/empty-config-is-unreadable", test_empty_config_is_unreadable);
    g_test_add_func("/run/many-wrong-lines-end-in-time", test_many_wrong_lines_end_in_time);
    g_test_add_func("/run/policy-with-nuls-is-invalid", test_policy_with_nuls_is_invalid);
    g_test_add_func(
        "/run/policy-that-is-no-file-is-invalid", test_policy_that_is_no_file_is_invalid);
    g_test_add_func("/run/policy-of-this-node-counts", test_policy_of_this_node_counts);
}

static void add_qemus(void)
{
    g_test_add_func("/run/vm-that-does-not-run-is-gone", test_vm_that_does_not_run_is_gone);
    g_test_add_func(
        "/run/pid-of-another-process-is-not-bound", test_pid_of_another_process_is_not_bound);
    g_test_add_func("/run/absent-socket-is-a-finding", test_absent_socket_is_a_finding);
    g_test_add_func("/run/misbehaving-qemu-is-named-and-not-bound",
        test_misbehaving_qemu_is_named_and_not_bound);
    g_test_add_func("/run/slow-but-honest-qemu-is-bound", test_slow_but_honest_qemu_is_bound);
    g_test_add_func("/run/release-that-fails-is-not-proven", test_release_that_fails_is_not_proven);
    g_test_add_func("/run/null-in-place-of-an-answer-is-a-finding",
        test_null_in_place_of_an_answer_is_a_finding);
    g_test_add_func(
        "/run/qemu-that-ends-while-asked-is-gone", test_qemu_that_ends_while_asked_is_gone);
    g_test_add_func(
        "/run/qemu-that-ends-while-bound-is-gone", test_qemu_that_ends_while_bound_is_gone);
    g_test_add_func("/run/vcpus-that-are-not-the-plans", test_vcpus_that_are_not_the_plans);
    g_test_add_func("/run/index-given-twice-is-not-proven", test_index_given_twice_is_not_proven);
    g_test_add_func("/run/real-kernel-is-not-used-on-another-proc",
        test_real_kernel_is_not_used_on_another_proc);
}

/// The task log takes what is written, and JSON is read whole.
static void test_a_qemu_that_names_thousands_of_vcpus(void)
{
    g_autoptr(Scene) scene = scene_new_started(GOOD, FAKE_QEMU_GOOD);
    g_autoptr(GString) vcpus = g_string_new("[");

    for (guint i = 0; i < 60000; i++) {
        g_string_append_printf(vcpus, "%s{\"cpu-index\": %u, \"thread-id\": %u}", i > 0 ? "," : "",
            i % 4000, 100000 + i);
    }
    g_string_append_c(vcpus, ']');
    fake_qemu_answer(scene->qemu, "query-cpus-fast", vcpus->str);
    g_autoptr(Report) report = run_post_start(&scene->call);
    g_autofree char *text = report_to_text(report);
    g_autoptr(JsonObject) json = report_to_json(report);

    g_assert_cmpint(report->outcome, ==, OUTCOME_UNPROVEN);
    g_assert_cmpuint(report->findings->len, >=, 60000);
    g_assert_cmpuint(strlen(text), <, 16384);
    g_assert_nonnull(strstr(text, "error: vcpu-missing: and 59990 more\n"));
    g_assert_cmpuint(strlen(json_object_to_json_string(json)), <, 16384);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_starts();
    add_ledger();
    add_guests();
    add_repair();
    add_memory();
    add_files();
    add_qemus();
    g_test_add_func("/run/thousands-of-vcpus", test_a_qemu_that_names_thousands_of_vcpus);
    return g_test_run();
}
