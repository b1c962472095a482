// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/report.h"

#include "judge/mend.h"
#include "place/planner.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-host.h"
#include "fakes/fake-observed.h"

#include <string.h>

/* Reports of a start: all stages, from texts. */

static Report *report_of_start(
    const char *phase, const char *config, const char *rules, const char *isolated)
{
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));
    g_autoptr(Policy) policy = policy_parse(rules, NULL, 100);
    g_autoptr(Host) host = fake_host_new("numa:1 l3:1 core:4 pu:2", isolated);
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(Pool) pool = pool_new(vm, policy, host, taken);
    Request request = {
        .vmid = 100, .vm = vm, .policy = policy, .host = host, .taken = taken, .pool = pool
    };
    g_autoptr(Plan) plan = planner_place(&request);
    g_autoptr(Verdict) verdict = verdict_of_start(&request, plan);
    Outcome outcome = verdict->result == VERDICT_REFUSE ? OUTCOME_REFUSED
                      : verdict->result == VERDICT_WARN ? OUTCOME_WARNED
                                                        : OUTCOME_PASSED;
    Report *report = report_new(100, phase, outcome);

    report->plan = g_steal_pointer(&plan);
    g_autoptr(GPtrArray) mended = mend_findings(&request, report->plan);
    report_add_findings(report, mended);
    return report;
}

#define GOOD "cores: 4\nmemory: 512\nfreeze: 1\n"

/// What many tutorials tell one to write, with the host's CPUs for the guest's.
static const char tutorial[] = "cores: 4\nmemory: 512\ncpuaffinity: 4-7\nnuma: 1\n"
                               "numa0: cpus=4-7,hostnodes=0,memory=512,policy=bind\n";

static void assert_text(const Report *report, const char *expected)
{
    g_autofree char *text = report_to_text(report);

    g_assert_cmpstr(text, ==, expected);
}

/// Task-log lines stand alone, so each says whose it is.
static void assert_log(const Report *report, const char *expected)
{
    g_auto(GStrv) lines = g_strsplit(expected, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_true(*lines[i] == '\0' || g_str_has_prefix(lines[i], "pinhook: vm 100: "));
    }
    assert_text(report, expected);
}

static void test_refused(void)
{
    g_autoptr(Report) report = report_of_start("pre-start", tutorial, NULL, "2-7");

    assert_log(report,
        "pinhook: vm 100: plan: vCPU 0-3 on CPU 2,4,3,5 (node 0, LLC 0); the rest on CPU 0-1\n"
        "pinhook: vm 100: error: unknown-option: line 3: Proxmox has no option 'cpuaffinity'\n"
        "pinhook: vm 100:   fix: qm set 100 --affinity 4-7\n"
        "pinhook: vm 100:   or:  printf '\\n[vm 100]\\ncheck.unknown-option = warning\\n' >> "
        "/etc/pve/pinhook.conf # accepts it\n"
        "pinhook: vm 100: error: cell-cpus: numa0: cpus=4-7 are ids of vCPUs, and this VM has "
        "vCPU 0-3\n"
        "pinhook: vm 100:   fix: qm set 100 --numa0 "
        "cpus=0-3,hostnodes=0,memory=512,policy=bind\n"
        "pinhook: vm 100: warning: smt-exposed: vCPU 0-3 share cores (CPU 2-5), and the guest "
        "takes "
        "each for a core of its own\n"
        "pinhook: vm 100:   fix: qm set 100 --args '-smp 4,sockets=1,cores=2,threads=2'\n"
        "pinhook: vm 100: warning: not-frozen: the guest runs before its vCPUs are bound\n"
        "pinhook: vm 100:   fix: qm set 100 --freeze 1\n"
        "pinhook: vm 100: REFUSED: 2 errors, 2 warnings\n"
        "pinhook: vm 100:   to start it anyway: printf '\\n[vm 100]\\nmode = warn\\n' >> "
        "/etc/pve/pinhook.conf\n");
    g_assert_cmpint(report_exit_status(report), ==, 1);
}

static void test_refused_without_a_plan(void)
{
    g_autoptr(Report)
        report = report_of_start("pre-start", GOOD, "[vm 100]\nsmt = isolate\n", "2-7");

    assert_log(report,
        "pinhook: vm 100: error: too-few-cpus: 4 vCPUs need a core each; usable isolated CPUs: "
        "2-7\n"
        "pinhook: vm 100:   fix: printf '\\n[vm 100]\\nsmt = auto\\n' >> /etc/pve/pinhook.conf # "
        "vCPUs may share cores\n"
        "pinhook: vm 100:   or:  qm set 100 --sockets 1 --cores 3 # 3 vCPUs in place of 4\n"
        "pinhook: vm 100: REFUSED: 1 error\n"
        "pinhook: vm 100:   to start it anyway: printf '\\n[vm 100]\\nmode = warn\\n' >> "
        "/etc/pve/pinhook.conf\n");
}

static void test_refused_without_a_fix(void)
{
    g_autoptr(Report) report = report_new(100, "pre-start", OUTCOME_REFUSED);

    g_ptr_array_add(report->findings,
        finding_mended_by(FINDING_CELL_CPUS, SEVERITY_ERROR, "vCPU 0 is in no cell", NULL));
    assert_log(report,
        "pinhook: vm 100: error: cell-cpus: vCPU 0 is in no cell\n"
        "pinhook: vm 100:   see: pinhook explain cell-cpus\n"
        "pinhook: vm 100: REFUSED: 1 error\n"
        "pinhook: vm 100:   to start it anyway: printf '\\n[vm 100]\\nmode = warn\\n' >> "
        "/etc/pve/pinhook.conf\n");
}

static void test_passed(void)
{
    g_autoptr(Report)
        report = report_of_start("pre-start", "cores: 3\nmemory: 512\nfreeze: 1\n", NULL, "2-7");

    assert_log(report,
        "pinhook: vm 100: plan: vCPU 0-2 on CPU 2,4,6 (node 0, LLC 0); the rest on CPU 0-1; kept "
        "idle: 3,5,7\n"
        "pinhook: vm 100: PASSED\n");
    g_assert_cmpint(report_exit_status(report), ==, 0);
}

static void test_runs_of_cpus_are_ranges(void)
{
    g_autoptr(Report)
        report = report_of_start("pre-start", GOOD "args: -smp 4,cores=2,threads=2\n", NULL, "2-7");

    assert_log(report,
        "pinhook: vm 100: plan: vCPU 0-3 on CPU 2-5 (node 0, LLC 0); the rest on CPU 0-1\n"
        "pinhook: vm 100: PASSED\n");
}

static void test_warned(void)
{
    g_autoptr(Report) report = report_of_start("pre-start", "cores: 1\nmemory: 512\n", NULL, "2-7");

    assert_log(report,
        "pinhook: vm 100: plan: vCPU 0 on CPU 2 (node 0, LLC 0); the rest on CPU 0-1; kept idle: "
        "3\n"
        "pinhook: vm 100: warning: not-frozen: the guest runs before its vCPUs are bound\n"
        "pinhook: vm 100:   fix: qm set 100 --freeze 1\n"
        "pinhook: vm 100: PASSED with 1 warning\n");
    g_assert_cmpint(report_exit_status(report), ==, 0);
}

static void test_errors_tolerated_by_mode_warn(void)
{
    g_autoptr(Report) report = report_of_start(
        "pre-start", GOOD "cores: 3\naffinity: 2-7\n", "[vm 100]\nmode = warn\n", "");
    g_autofree char *text = report_to_text(report);

    g_assert_nonnull(strstr(text, "pinhook: vm 100: error: not-isolated: "));
    g_assert_true(g_str_has_suffix(text, "pinhook: vm 100: PASSED with 1 error (mode = warn)\n"));
    g_assert_cmpint(report_exit_status(report), ==, 0);
}

static void test_each_further_way_to_mend_it_has_a_line(void)
{
    g_autoptr(Report) report = report_new(100, "check", OUTCOME_WARNED);

    Finding *finding = finding_mended_by(
        FINDING_NOT_FROZEN, SEVERITY_WARNING, "it runs", "a && b # one");
    finding_offer(finding, fix_set(fix_new(), "c", "d"));
    finding_offer(finding, fix_takes(fix_run(fix_new(), "e {}", "f g"), "all"));
    g_ptr_array_add(report->findings, finding);

    assert_log(report, "pinhook: vm 100: warning: not-frozen: it runs\n"
                       "pinhook: vm 100:   fix: a && b # one\n"
                       "pinhook: vm 100:   or:  qm set 100 --c d\n"
                       "pinhook: vm 100:   or:  e 'f g' # all\n"
                       "pinhook: vm 100: PASSED with 1 warning\n");
    g_autoptr(JsonObject) json = report_to_json(report);
    JsonObject *first = json_object_array_get_idx(json_object_object_get(json, "findings"), 0);
    g_assert_cmpstr(json_object_get_string(json_object_object_get(first, "fix")), ==,
        "a && b # one\nqm set 100 --c d\ne 'f g' # all");
}

static void test_skipped_with_a_note(void)
{
    g_autoptr(Report) report = report_new(100, "pre-start", OUTCOME_SKIPPED);

    report->note = g_strdup("a template: left alone");
    assert_log(report, "pinhook: vm 100: a template: left alone\n");
    g_assert_cmpint(report_exit_status(report), ==, 0);
}

static void test_skipped_quietly(void)
{
    g_autoptr(Report) report = report_new(100, "post-start", OUTCOME_SKIPPED);

    assert_text(report, "");
}

static void test_failed(void)
{
    g_autoptr(Report) report = report_new(100, "pre-start", OUTCOME_FAILED);

    report->note = g_strdup("run/pinhook: Read-only file system");
    assert_log(report,
        "pinhook: vm 100: COULD NOT FIND OUT: run/pinhook: Read-only file system\n"
        "pinhook: vm 100:   to start it anyway: printf '\\n[vm 100]\\nmode = warn\\n' >> "
        "/etc/pve/pinhook.conf\n");
    g_assert_cmpint(report_exit_status(report), ==, 3);
}

static void test_failed_and_tolerated(void)
{
    g_autoptr(Report) report = report_new(100, "pre-start", OUTCOME_FAILED);

    report->note = g_strdup("run/pinhook: Read-only file system");
    report->tolerated = TRUE;
    assert_log(report, "pinhook: vm 100: COULD NOT FIND OUT: run/pinhook: Read-only file system "
                       "(mode = warn: it starts)\n");
    g_assert_cmpint(report_exit_status(report), ==, 0);
}

/// A task log is not for what costs nothing to ignore.
static void test_a_note_is_counted_at_a_start(void)
{
    static const char *const phases[] = { "pre-start", "check", "plan" };

    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_autoptr(Report) report = report_new(100, phases[i], OUTCOME_PASSED);
        g_ptr_array_add(
            report->findings, finding_mended_by(FINDING_BALLOON, SEVERITY_NOTE, "a", "b"));
        g_ptr_array_add(
            report->findings, finding_mended_by(FINDING_BALLOON, SEVERITY_NOTE, "c", "d"));
        assert_log(report, i == 0 ? "pinhook: vm 100: PASSED with 2 notes (pinhook check 100)\n"
                                  : "pinhook: vm 100: note: balloon: a\n"
                                    "pinhook: vm 100:   fix: b\n"
                                    "pinhook: vm 100: note: balloon: c\n"
                                    "pinhook: vm 100:   fix: d\n"
                                    "pinhook: vm 100: PASSED with 2 notes\n");
        g_autoptr(JsonObject) json = report_to_json(report);
        JsonObject *findings = json_object_object_get(json, "findings");
        g_assert_cmpuint(json_object_array_length(findings), ==, 2);
    }
}

/// The VM of test_passed() as if the host had cores of several kinds and caches of several sizes.
static Report *report_of_mixed_cores(void)
{
    Report *report = report_of_start(
        "pre-start", "cores: 3\nmemory: 512\nfreeze: 1\n", NULL, "2-7");
    GArray *vcpus = report->plan->vcpus;

    report->plan->llcs_differ = TRUE;
    for (guint i = 0; i < vcpus->len; i++) {
        PlanVcpu *vcpu = &g_array_index(vcpus, PlanVcpu, i);
        vcpu->kind = i < 2 ? "performance" : "efficiency";
        vcpu->llc = i / 2;
        vcpu->llc_kib = i < 2 ? 98304 : 32768;
    }
    return report;
}

static void test_kinds_and_unequal_caches_are_named(void)
{
    g_autoptr(Report) report = report_of_mixed_cores();
    g_autofree char *text = report_to_text(report);
    g_assert_nonnull(
        strstr(text, "(node 0, LLC 0-1 of 96 and 32 MiB, performance and efficiency cores)"));

    g_array_set_size(report->plan->vcpus, 2);
    report->plan->llcs_differ = FALSE;
    g_autofree char *fewer = report_to_text(report);
    g_assert_nonnull(strstr(fewer, "(node 0, LLC 0, performance cores)"));
}

/* Reports of a VM that runs. */

static void add_thread(
    Report *report, int tid, ThreadRole role, guint vcpu, const char *name, const char *allowed)
{
    ObservedThread *seen = fake_observed_add(report->observed, tid, role, vcpu, name, allowed);
    const PlanVcpu *place = report->plan != NULL ? plan_vcpu(report->plan, vcpu) : NULL;

    seen->thread->last_cpu = hwloc_bitmap_first(seen->allowed);
    if (role == THREAD_VCPU && place != NULL) {
        seen->wanted = cpuset_new();
        hwloc_bitmap_set(seen->wanted, place->cpu);
    } else if (role != THREAD_VCPU && report->plan != NULL) {
        seen->wanted = cpuset_copy(report->plan->others);
    }
}

/// A VM of two vCPUs, of four that it can have, on 2,4,3,5; the rest on 0-1.
static Report *running(const char *phase)
{
    g_autoptr(Report) start = report_of_start("pre-start", GOOD "vcpus: 2\n", NULL, "2-7");
    Report *report = report_new(100, phase, OUTCOME_PROVEN);

    report->plan = g_steal_pointer(&start->plan);
    report->pid = 4700;
    report->observed = fake_observed_new();
    return report;
}

static Report *running_as_planned(const char *phase)
{
    Report *report = running(phase);

    add_thread(report, 4700, THREAD_MAIN, 0, "kvm", "0-1");
    add_thread(report, 4702, THREAD_IOTHREAD, 0, "IO iothread0", "0-1");
    add_thread(report, 4711, THREAD_VCPU, 0, "CPU 0/KVM", "2");
    add_thread(report, 4712, THREAD_VCPU, 1, "CPU 1/KVM", "4");
    add_thread(report, 100713, THREAD_WORKER, 0, "vhost-4700", "0-1");
    report->others = 3;
    return report;
}

/// The same, but vCPU 1 may run anywhere.
static Report *running_loose(const char *phase)
{
    Report *report = running(phase);

    report->outcome = OUTCOME_UNPROVEN;
    add_thread(report, 4700, THREAD_MAIN, 0, "kvm", "0-1");
    add_thread(report, 4711, THREAD_VCPU, 0, "CPU 0/KVM", "2");
    add_thread(report, 4712, THREAD_VCPU, 1, "CPU 1/KVM", "0-7");
    report->others = 1;
    g_ptr_array_add(
        report->findings, finding_mended_by(FINDING_NOT_BOUND, SEVERITY_ERROR,
                              "vCPU 1, thread 4712 (CPU 1/KVM), may run on 0-7, not on 4 alone",
                              "cat /proc/4712/cgroup"));
    return report;
}

static void test_proven(void)
{
    g_autoptr(Report) report = running_as_planned("post-start");

    assert_log(report, "pinhook: vm 100: PROVEN: vCPU 0-1 bound 1:1 to CPU 2,4; 3 other threads on "
                       "CPU 0-1\n");
    g_assert_cmpint(report_exit_status(report), ==, 0);
}

static void test_proven_and_released(void)
{
    g_autoptr(Report) report = running_as_planned("post-start");

    report->guest = GUEST_RELEASED;
    assert_log(report, "pinhook: vm 100: PROVEN: vCPU 0-1 bound 1:1 to CPU 2,4; 3 other threads on "
                       "CPU 0-1; released\n");
}

static void test_proven_and_waiting(void)
{
    g_autoptr(Report) report = running_as_planned("post-start");

    report->guest = GUEST_FROZEN;
    assert_log(report, "pinhook: vm 100: PROVEN: vCPU 0-1 bound 1:1 to CPU 2,4; 3 other threads on "
                       "CPU 0-1; it waits for what started it\n");
}

static void test_proven_with_shared_housekeeping(void)
{
    g_autoptr(Report) report = running_as_planned("post-start");

    report->plan->others_share = TRUE;
    assert_log(report, "pinhook: vm 100: PROVEN: vCPU 0-1 bound 1:1 to CPU 2,4; 3 other threads on "
                       "CPU 0-1 (shared)\n");
}

/// With `check.not-bound = warning` a loose vCPU does not spoil the proof; nor is it bound.
static void test_proven_says_no_more_than_was_read_back(void)
{
    g_autoptr(Report) report = running_loose("post-start");

    report->outcome = OUTCOME_PROVEN;
    ((Finding *)report->findings->pdata[0])->severity = SEVERITY_WARNING;
    g_autofree char *text = report_to_text(report);
    g_assert_null(strstr(text, "vCPU 0-1 bound"));
    g_assert_nonnull(strstr(text, "PROVEN with 1 warning: vCPU 0 bound 1:1 to CPU 2;"));
}

/// With `check.vcpu-missing = warning` there may be no vCPU at all.
static void test_proven_without_any_vcpu_names_no_cpu(void)
{
    g_autoptr(Report) report = running("post-start");

    add_thread(report, 4700, THREAD_MAIN, 0, "kvm", "0-1");
    report->others = 1;
    g_autofree char *text = report_to_text(report);
    g_assert_null(strstr(text, "vCPU  bound"));
    g_assert_null(strstr(text, "to CPU 0;"));
}

static void set_memory(Report *report, guint touched, guint local)
{
    guint nodes[] = { local, touched - local };

    report->memory = g_new0(Memory, 1);
    report->memory->nodes = g_array_new(FALSE, TRUE, sizeof(guint));
    g_array_append_vals(report->memory->nodes, nodes, G_N_ELEMENTS(nodes));
    report->memory->sampled = 2048;
    report->memory->touched = touched;
}

#define PROVEN "pinhook: vm 100: PROVEN: vCPU 0-1 bound 1:1 to CPU 2,4; 3 other threads on CPU 0-1"

static void test_proven_with_memory(void)
{
    static const struct {
        guint touched, local;
        guint64 moved_kib;
        const char *text;
    } memories[] = {
        { 2000, 2000, 0, PROVEN "; memory 100 % on node 0; released\n" },
        { 2000, 2000, 524288, PROVEN "; memory 100 % on node 0 (512 MiB moved); released\n" },
        { 2000, 1999, 0, PROVEN "; memory 99 % on node 0, 1 % on node 1; released\n" },
        { 63, 63, 0, PROVEN "; memory hardly in use yet; released\n" },
        { 63, 63, 80, PROVEN "; memory hardly in use yet (80 KiB moved); released\n" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(memories); i++) {
        g_autoptr(Report) report = running_as_planned("post-start");
        report->guest = GUEST_RELEASED;
        set_memory(report, memories[i].touched, memories[i].local);
        report->memory->moved_kib = memories[i].moved_kib;
        assert_log(report, memories[i].text);
    }
}

static void test_repaired(void)
{
    static const struct {
        guint moved;
        const char *text;
    } repairs[] = {
        { 0, PROVEN "\n" },
        { 1, PROVEN "; 1 thread bound again\n" },
        { 2, PROVEN "; 2 threads bound again\n" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(repairs); i++) {
        g_autoptr(Report) report = running_as_planned("repair");
        g_autoptr(Report) started = running_as_planned("post-start");
        report->observed->moved = started->observed->moved = repairs[i].moved;
        assert_log(report, repairs[i].text);
        assert_log(started, PROVEN "\n"); // at a start all are moved
    }
}

static void test_nothing_to_repair_by(void)
{
    g_autoptr(Report) report = report_new(100, "repair", OUTCOME_UNPROVEN);

    report->note = g_strdup("nothing is planned for it");
    assert_log(report, "pinhook: vm 100: nothing is planned for it\n"
                       "pinhook: vm 100: NOT PROVEN: no plan\n");
    g_assert_cmpint(report_exit_status(report), ==, 1);
}

static void test_unproven(void)
{
    g_autoptr(Report) report = running_loose("post-start");

    assert_log(report,
        "pinhook: vm 100: error: not-bound: vCPU 1, thread 4712 (CPU 1/KVM), may run on 0-7, not "
        "on 4 alone\n"
        "pinhook: vm 100:   fix: cat /proc/4712/cgroup\n"
        "pinhook: vm 100: NOT PROVEN: 1 error; it runs on\n");
    g_assert_cmpint(report_exit_status(report), ==, 1);
}

static void test_unproven_and_frozen(void)
{
    g_autoptr(Report) report = running_loose("post-start");

    report->guest = GUEST_FROZEN;
    assert_log(report,
        "pinhook: vm 100: error: not-bound: vCPU 1, thread 4712 (CPU 1/KVM), may run on 0-7, not "
        "on 4 alone\n"
        "pinhook: vm 100:   fix: cat /proc/4712/cgroup\n"
        "pinhook: vm 100: NOT PROVEN: 1 error; it stays frozen\n"
        "pinhook: vm 100:   once mended: pinhook 100 post-start; to let it run as it is: qm resume "
        "100\n");
}

static void test_unproven_and_ended(void)
{
    g_autoptr(Report) report = running_loose("post-start");

    report->guest = GUEST_ENDED;
    assert_log(report,
        "pinhook: vm 100: error: not-bound: vCPU 1, thread 4712 (CPU 1/KVM), may run on 0-7, not "
        "on 4 alone\n"
        "pinhook: vm 100:   fix: cat /proc/4712/cgroup\n"
        "pinhook: vm 100: NOT PROVEN: 1 error; its QEMU was ended, before an instruction of the "
        "guest was executed\n");
}

static void test_unproven_because_it_is_gone(void)
{
    g_autoptr(Report) report = report_new(100, "post-start", OUTCOME_UNPROVEN);

    g_ptr_array_add(report->findings, finding_mended_by(FINDING_VM_GONE, SEVERITY_ERROR,
                                          "VM 100 is not running", "qm status 100"));
    assert_log(report, "pinhook: vm 100: error: vm-gone: VM 100 is not running\n"
                       "pinhook: vm 100:   fix: qm status 100\n"
                       "pinhook: vm 100: NOT PROVEN: 1 error\n");
}

/* The table of `status`. */

static void test_status(void)
{
    g_autoptr(Report) report = running_as_planned("status");

    assert_text(report, "VM 100: PROVEN, QEMU is process 4700; planned on node 0, LLC 0\n"
                        "   TID  NAME          ROLE      VCPU  WANTED  ALLOWED  LAST\n"
                        "  4700  kvm           main         -  0-1     0-1         0\n"
                        "  4702  IO iothread0  iothread     -  0-1     0-1         0\n"
                        "  4711  CPU 0/KVM     vcpu         0  2       2           2\n"
                        "  4712  CPU 1/KVM     vcpu         1  4       4           4\n"
                        "100713  vhost-4700    worker       -  0-1     0-1         0\n");
}

static void test_status_unproven(void)
{
    g_autoptr(Report) report = running_loose("status");

    assert_text(report,
        "VM 100: NOT PROVEN, QEMU is process 4700; planned on node 0, LLC 0\n"
        " TID  NAME       ROLE  VCPU  WANTED  ALLOWED  LAST\n"
        "4700  kvm        main     -  0-1     0-1         0\n"
        "4711  CPU 0/KVM  vcpu     0  2       2           2\n"
        "4712  CPU 1/KVM  vcpu     1  4       0-7         0\n"
        "pinhook: vm 100: error: not-bound: vCPU 1, thread 4712 (CPU 1/KVM), may run on 0-7, not "
        "on 4 alone\n"
        "pinhook: vm 100:   fix: cat /proc/4712/cgroup\n");
}

static void test_status_names_the_kind(void)
{
    g_autoptr(Report) report = running_as_planned("status");

    g_array_index(report->plan->vcpus, PlanVcpu, 0).kind = "fast";
    g_autofree char *text = report_to_text(report);
    g_assert_nonnull(strstr(text, "planned on node 0, LLC 0, fast cores\n"));

    g_autoptr(JsonObject) json = report_to_json(report);
    JsonObject *threads = json_object_object_get(json, "threads");
    static const char *const kinds[] = { NULL, NULL, "fast", NULL, NULL };
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        JsonObject *kind = json_object_object_get(json_object_array_get_idx(threads, i), "kind");
        g_assert_cmpstr(json_object_get_string(kind), ==, kinds[i]);
    }
}

static void test_status_of_a_vm_without_a_plan(void)
{
    g_autoptr(Report) report = running("status");

    plan_free(report->plan);
    report->plan = NULL;
    report->outcome = OUTCOME_UNPROVEN;
    add_thread(report, 4711, THREAD_VCPU, 0, "CPU 0/KVM", "0-7");
    assert_text(report, "VM 100: NOT PROVEN, QEMU is process 4700\n"
                        " TID  NAME       ROLE  VCPU  WANTED  ALLOWED  LAST\n"
                        "4711  CPU 0/KVM  vcpu     0  -       0-7         0\n");
}

static void assert_memory_line(Report *report, const char *wanted)
{
    g_autofree char *text = report_to_text(report);
    const char *line = strstr(text, "memory: ");

    g_assert_nonnull(line);
    g_assert_cmpstr(line, ==, wanted);
    g_assert_cmpuint(strlen(line), <=, 80 + 1);
}

static void test_status_with_memory(void)
{
    g_autoptr(Report) remote = running_as_planned("status");
    g_autoptr(Report) local = running_as_planned("status");
    g_autoptr(Report) unused = running_as_planned("status");

    set_memory(remote, 1907, 229);
    assert_memory_line(
        remote, "memory: 12 % on node 0, 88 % on node 1, wanted on node 0 (1907 of 2048 in use)\n");
    set_memory(local, 2048, 2048);
    assert_memory_line(local, "memory: 100 % on node 0, wanted on node 0 (2048 of 2048 in use)\n");
    set_memory(unused, 12, 12);
    assert_memory_line(unused, "memory: hardly in use yet (12 of 2048 sampled pages)\n");
    plan_free(g_steal_pointer(&remote->plan));
    assert_memory_line(remote, "memory: 13 % on node 0, 88 % on node 1 (1907 of 2048 in use)\n");
}

static void test_status_that_could_not_be_found_out(void)
{
    g_autoptr(Report) report = report_new(100, "status", OUTCOME_FAILED);

    report->note = g_strdup("/srv/proc is not this kernel's: nothing there can be bound");
    assert_log(report, "pinhook: vm 100: COULD NOT FIND OUT: /srv/proc is not this kernel's: "
                       "nothing there can be bound\n");
}

static void assert_narrow(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_true(g_utf8_validate(lines[i], -1, NULL));
        g_assert_cmpint(g_utf8_strlen(lines[i], -1), <=, 80);
        g_assert_false(g_str_has_suffix(lines[i], " "));
    }
}

static void test_status_fits_80_columns(void)
{
    g_autoptr(Report) report = running_as_planned("status");

    /* The longest name that the kernel keeps, and a big machine. */
    add_thread(report, 4194303, THREAD_IOTHREAD, 0, "abcdefghijklmno", "0-7,64-71,128-135");
    add_thread(report, 4194302, THREAD_VCPU, 255, "CPU 255/KVM", "255");
    g_autofree char *text = report_to_text(report);
    assert_narrow(text);
}

/* JSON. */

/// The names in @json, sorted, as "a b c".
static void assert_names(JsonObject *json, const char *expected)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    json_object_object_foreach(json, name, value)
    {
        g_ptr_array_add(names, name);
        (void)value;
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *joined = g_strjoinv(" ", (char **)names->pdata);
    g_assert_cmpstr(joined, ==, expected);
}

static const char *get_string(JsonObject *json, const char *name)
{
    return json_object_get_string(json_object_object_get(json, name));
}

static JsonObject *get_first(JsonObject *json, const char *name)
{
    return json_object_array_get_idx(json_object_object_get(json, name), 0);
}

static void test_json_of_check(void)
{
    g_autoptr(Report) report = report_of_start("check", tutorial, NULL, "2-7");
    g_autoptr(JsonObject) json = report_to_json(report);
    JsonObject *plan = json_object_object_get(json, "plan");

    assert_names(json, "vmid phase verdict plan findings attached");
    g_assert_cmpint(json_object_get_int(json_object_object_get(json, "vmid")), ==, 100);
    g_assert_cmpstr(get_string(json, "phase"), ==, "check");
    g_assert_cmpstr(get_string(json, "verdict"), ==, "refuse");
    assert_names(plan, "vcpus present threads cores reserved others nodes others_share llcs_differ "
                       "refused resumes");
    g_assert_cmpstr(json_object_to_json_string_ext(get_first(plan, "vcpus"), 0), ==,
        "{\"vcpu\":0,\"cpu\":2,\"core\":1,\"node\":0,\"llc\":0,\"llc_kib\":null,\"kind\":null}");
    g_assert_cmpstr(get_string(plan, "reserved"), ==, "2-5");
    g_assert_cmpstr(get_string(plan, "others"), ==, "0-1");
    g_assert_cmpstr(get_string(plan, "nodes"), ==, "0");
    g_assert_cmpstr(
        json_object_to_json_string_ext(get_first(json, "findings"), JSON_C_TO_STRING_NOSLASHESCAPE),
        ==,
        "{\"code\":\"unknown-option\",\"severity\":\"error\","
        "\"message\":\"line 3: Proxmox has no option 'cpuaffinity'\","
        "\"fix\":\"qm set 100 --affinity 4-7\","
        "\"accept\":\"printf '\\\\n[vm 100]\\\\ncheck.unknown-option = warning\\\\n' >> "
        "/etc/pve/pinhook.conf # accepts it\"}");
}

static void test_json_without_a_plan_or_a_fix(void)
{
    g_autoptr(Report) report = report_new(100, "pre-start", OUTCOME_REFUSED);

    g_ptr_array_add(report->findings,
        finding_mended_by(FINDING_CELL_CPUS, SEVERITY_ERROR, "\"quoted\" \\ and\ttabbed", NULL));
    g_autoptr(JsonObject) json = report_to_json(report);
    g_assert_cmpstr(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), ==,
        "{\"vmid\":100,\"phase\":\"pre-start\",\"verdict\":\"refuse\",\"plan\":null,"
        "\"findings\":[{\"code\":\"cell-cpus\",\"severity\":\"error\","
        "\"message\":\"\\\"quoted\\\" \\\\ and\\\\ttabbed\",\"fix\":null}]}");
}

static void test_json_verdicts(void)
{
    static const struct {
        Outcome outcome;
        const char *verdict;
    } outcomes[] = {
        { OUTCOME_SKIPPED, "skip" },
        { OUTCOME_PASSED, "pass" },
        { OUTCOME_WARNED, "warn" },
        { OUTCOME_REFUSED, "refuse" },
        { OUTCOME_PROVEN, "proven" },
        { OUTCOME_UNPROVEN, "unproven" },
        { OUTCOME_FAILED, "failed" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        g_autoptr(Report) report = report_new(100, "check", outcomes[i].outcome);
        g_autoptr(JsonObject) json = report_to_json(report);
        g_assert_cmpstr(get_string(json, "verdict"), ==, outcomes[i].verdict);
    }
}

static void test_json_note(void)
{
    g_autoptr(Report) report = report_new(100, "check", OUTCOME_FAILED);

    report->note = g_strdup("no hwloc");
    g_autoptr(JsonObject) json = report_to_json(report);
    g_assert_cmpstr(get_string(json, "note"), ==, "no hwloc");
}

static void test_json_of_status(void)
{
    g_autoptr(Report) report = running_loose("status");
    g_autoptr(JsonObject) json = report_to_json(report);
    JsonObject *threads = json_object_object_get(json, "threads");

    assert_names(json, "vmid pid proven threads memory findings");
    g_assert_null(json_object_object_get(json, "memory"));
    g_assert_cmpint(json_object_get_int(json_object_object_get(json, "pid")), ==, 4700);
    g_assert_false(json_object_get_boolean(json_object_object_get(json, "proven")));
    g_assert_cmpuint(json_object_array_length(threads), ==, 3);
    g_assert_cmpstr(json_object_to_json_string_ext(json_object_array_get_idx(threads, 0), 0), ==,
        "{\"tid\":4700,\"name\":\"kvm\",\"role\":\"main\",\"vcpu\":null,\"wanted\":\"0-1\","
        "\"allowed\":\"0-1\",\"last_cpu\":0,\"kind\":null}");
    g_assert_cmpstr(json_object_to_json_string_ext(
                        json_object_array_get_idx(threads, 2), JSON_C_TO_STRING_NOSLASHESCAPE),
        ==,
        "{\"tid\":4712,\"name\":\"CPU 1/KVM\",\"role\":\"vcpu\",\"vcpu\":1,\"wanted\":\"4\","
        "\"allowed\":\"0-7\",\"last_cpu\":0,\"kind\":null}");
}

static void test_json_of_repair(void)
{
    g_autoptr(Report) report = running_as_planned("repair");

    report->observed->moved = 2;
    g_autoptr(JsonObject) json = report_to_json(report);
    assert_names(json, "vmid phase verdict plan bound_again memory findings");
    g_assert_cmpint(json_object_get_int(json_object_object_get(json, "bound_again")), ==, 2);
}

static void test_json_of_status_of_a_vm_that_is_gone(void)
{
    g_autoptr(Report) report = report_new(100, "status", OUTCOME_UNPROVEN);
    g_autoptr(JsonObject) json = report_to_json(report);

    g_assert_cmpstr(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), ==,
        "{\"vmid\":100,\"pid\":null,\"proven\":false,\"threads\":[],\"memory\":null,"
        "\"findings\":[]}");
}

static void assert_memory_json(const Report *report, const char *wanted)
{
    g_autoptr(JsonObject) json = report_to_json(report);

    g_assert_cmpstr(json_object_to_json_string_ext(
                        json_object_object_get(json, "memory"), JSON_C_TO_STRING_PLAIN),
        ==, wanted);
}

static void test_json_of_memory(void)
{
    static const char *const phases[] = { "post-start", "repair", "status" };

    for (gsize i = 0; i < G_N_ELEMENTS(phases); i++) {
        g_autoptr(Report) report = running_as_planned(phases[i]);
        set_memory(report, 2000, 740);
        report->memory->moved_kib = 1024;
        report->memory->stuck_kib = 80;
        assert_memory_json(report,
            "{\"sampled\":2048,\"touched\":2000,\"nodes\":{\"0\":740,\"1\":1260},"
            "\"wanted\":\"0\",\"local_percent\":37,\"moved_kib\":1024,\"stuck_kib\":80}");
        plan_free(g_steal_pointer(&report->plan));
        report->plan = NULL;
        assert_memory_json(report,
            "{\"sampled\":2048,\"touched\":2000,\"nodes\":{\"0\":740,\"1\":1260},"
            "\"wanted\":null,\"local_percent\":null,\"moved_kib\":1024,\"stuck_kib\":80}");
    }
}

static void test_json_of_memory_that_is_not_in_use(void)
{
    g_autoptr(Report) report = running_as_planned("post-start");

    set_memory(report, 0, 0);
    assert_memory_json(report, "{\"sampled\":2048,\"touched\":0,\"nodes\":{},\"wanted\":\"0\","
                               "\"local_percent\":null,\"moved_kib\":0,\"stuck_kib\":0}");
}

/* What the codes mean. */

static void test_explain_one(void)
{
    FindingCode code = FINDING_CELL_CPUS;
    g_autofree char *text = report_explain(&code);

    g_assert_cmpstr(text, ==,
        "cell-cpus (error)\n"
        "  means  The vCPU ids of the numa lines are out of range, missing or given\n"
        "         twice.\n"
        "  why    cpus= in numa0 are ids of the guest's vCPUs, counted from 0. They are\n"
        "         not CPUs of the host, though many tutorials take them for that.\n"
        "  fix    Give each vCPU to one cell: qm set VMID --numa0 cpus=0-3,hostnodes=0,…\n");
}

static void test_explain_fits_80_columns(void)
{
    for (guint i = 0; i < FINDING_COUNT; i++) {
        FindingCode code = (FindingCode)i;
        g_autofree char *text = report_explain(&code);
        g_assert_true(g_str_has_prefix(text, finding_kind(code)->name));
        assert_narrow(text);
    }
}

static void test_explain_lists_every_code(void)
{
    g_autofree char *text = report_explain(NULL);
    g_auto(GStrv) lines = g_strsplit(g_strchomp(text), "\n", -1);

    g_assert_cmpuint(g_strv_length(lines), ==, FINDING_COUNT);
    for (guint i = 0; i < FINDING_COUNT; i++) {
        g_auto(GStrv) words = g_strsplit_set(lines[i], " ", 2);
        g_assert_cmpstr(words[0], ==, finding_kind((FindingCode)i)->name);
    }
    assert_narrow(text);
}

static void test_explain_as_json(void)
{
    FindingCode code = FINDING_NOT_FROZEN;
    g_autoptr(JsonObject) one = report_explain_json(&code);
    g_autoptr(JsonObject) all = report_explain_json(NULL);

    assert_names(one, "code severity means matters fix");
    g_assert_cmpstr(get_string(one, "severity"), ==, "warning");
    g_assert_cmpuint(json_object_array_length(all), ==, FINDING_COUNT);
}

static void test_freeing_no_report(void)
{
    report_free(NULL);
}

static void add_start_tests(void)
{
    g_test_add_func("/report/refused", test_refused);
    g_test_add_func("/report/refused-without-a-plan", test_refused_without_a_plan);
    g_test_add_func("/report/refused-without-a-fix", test_refused_without_a_fix);
    g_test_add_func("/report/passed", test_passed);
    g_test_add_func("/report/notes", test_a_note_is_counted_at_a_start);
    g_test_add_func("/report/kinds-and-caches", test_kinds_and_unequal_caches_are_named);
    g_test_add_func("/report/status-kind", test_status_names_the_kind);
    g_test_add_func("/report/runs-of-cpus-are-ranges", test_runs_of_cpus_are_ranges);
    g_test_add_func("/report/warned", test_warned);
    g_test_add_func("/report/tolerated-by-mode-warn", test_errors_tolerated_by_mode_warn);
    g_test_add_func("/report/several-ways", test_each_further_way_to_mend_it_has_a_line);
    g_test_add_func("/report/skipped-with-a-note", test_skipped_with_a_note);
    g_test_add_func("/report/skipped-quietly", test_skipped_quietly);
    g_test_add_func("/report/failed", test_failed);
    g_test_add_func("/report/failed-and-tolerated", test_failed_and_tolerated);
    g_test_add_func("/report/freeing-none", test_freeing_no_report);
}

static void add_proof_tests(void)
{
    g_test_add_func("/report/proven", test_proven);
    g_test_add_func("/report/proven-and-released", test_proven_and_released);
    g_test_add_func("/report/proven-and-waiting", test_proven_and_waiting);
    g_test_add_func(
        "/report/proven-with-shared-housekeeping", test_proven_with_shared_housekeeping);
    g_test_add_func("/report/proven-says-no-more-than-was-read-back",
        test_proven_says_no_more_than_was_read_back);
    g_test_add_func("/report/proven-without-any-vcpu", test_proven_without_any_vcpu_names_no_cpu);
    g_test_add_func("/report/proven-with-memory", test_proven_with_memory);
    g_test_add_func("/report/repaired", test_repaired);
    g_test_add_func("/report/nothing-to-repair-by", test_nothing_to_repair_by);
    g_test_add_func("/report/unproven", test_unproven);
    g_test_add_func("/report/unproven-and-frozen", test_unproven_and_frozen);
    g_test_add_func("/report/unproven-and-ended", test_unproven_and_ended);
    g_test_add_func("/report/unproven-and-gone", test_unproven_because_it_is_gone);
}

static void add_status_tests(void)
{
    g_test_add_func("/report/status/proven", test_status);
    g_test_add_func("/report/status/unproven", test_status_unproven);
    g_test_add_func("/report/status/without-a-plan", test_status_of_a_vm_without_a_plan);
    g_test_add_func("/report/status/memory", test_status_with_memory);
    g_test_add_func("/report/status/failed", test_status_that_could_not_be_found_out);
    g_test_add_func("/report/status/80-columns", test_status_fits_80_columns);
}

static void add_json_tests(void)
{
    g_test_add_func("/report/json/check", test_json_of_check);
    g_test_add_func("/report/json/without-plan-or-fix", test_json_without_a_plan_or_a_fix);
    g_test_add_func("/report/json/verdicts", test_json_verdicts);
    g_test_add_func("/report/json/note", test_json_note);
    g_test_add_func("/report/json/memory", test_json_of_memory);
    g_test_add_func("/report/json/memory-not-in-use", test_json_of_memory_that_is_not_in_use);
    g_test_add_func("/report/json/repair", test_json_of_repair);
    g_test_add_func("/report/json/status", test_json_of_status);
    g_test_add_func(
        "/report/json/status-of-a-vm-that-is-gone", test_json_of_status_of_a_vm_that_is_gone);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_start_tests();
    add_proof_tests();
    add_status_tests();
    add_json_tests();
    g_test_add_func("/report/explain/one", test_explain_one);
    g_test_add_func("/report/explain/80-columns", test_explain_fits_80_columns);
    g_test_add_func("/report/explain/every-code", test_explain_lists_every_code);
    g_test_add_func("/report/explain/json", test_explain_as_json);
    return g_test_run();
}
