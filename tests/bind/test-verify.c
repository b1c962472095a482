// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/verify.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-observed.h"

#include <string.h>

/// What was seen of a VM that is planned onto CPU 2-3 with the rest on 0-1.
typedef struct {
    Plan *plan;
    Policy *policy;
    Observed *observed;
    Memory *memory; // NULL: it was not looked at
} Scene;

/// @wanted NULL: the plan does not know it.
static ObservedThread *add(
    Scene *scene, ThreadRole role, guint vcpu, const char *wanted, const char *allowed)
{
    int tid = 4711 + (int)scene->observed->threads->len;
    ObservedThread *seen = fake_observed_add(scene->observed, tid, role, vcpu, "kvm", allowed);

    seen->wanted = wanted != NULL ? cpuset_parse_kernel(wanted, 64, NULL) : NULL;
    return seen;
}

static Scene *scene_new(const char *policy)
{
    Scene *scene = g_new0(Scene, 1);

    scene->plan = fake_plan_new(2, "2-3", "0-1");
    scene->policy = policy_parse(policy, "pve1", 100);
    g_assert_cmpuint(scene->policy->problems->len, ==, 0);
    scene->observed = fake_observed_new();
    scene->observed->bound = TRUE;
    add(scene, THREAD_MAIN, 0, "0-1", "0-1");
    return scene;
}

static void scene_free(Scene *scene)
{
    plan_free(scene->plan);
    policy_free(scene->policy);
    observed_free(scene->observed);
    memory_free(scene->memory);
    g_free(scene);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

/// With both vCPUs where they belong.
static Scene *scene_new_good(const char *policy)
{
    Scene *scene = scene_new(policy);

    add(scene, THREAD_VCPU, 0, "2", "2");
    add(scene, THREAD_VCPU, 1, "3", "3");
    return scene;
}

static Proof *verify(const Scene *scene)
{
    return verify_observed(100, scene->plan, scene->policy, scene->observed, scene->memory, NULL);
}

static void assert_proven(const Scene *scene)
{
    g_autoptr(Proof) proof = verify(scene);

    g_assert_true(proof->proven);
    g_assert_cmpuint(proof->findings->len, ==, 0);
}

/// Not proven for the one reason @code, with @named in its message.
static void assert_unproven(const Scene *scene, FindingCode code, const char *named)
{
    g_autoptr(Proof) proof = verify(scene);

    g_assert_false(proof->proven);
    g_assert_cmpuint(proof->findings->len, ==, 1);
    const Finding *finding = proof->findings->pdata[0];
    g_assert_cmpint(finding->code, ==, (int)code);
    g_assert_cmpint(finding->severity, ==, SEVERITY_ERROR);
    g_test_message("%s", finding->message);
    g_assert_nonnull(strstr(finding->message, named));
    g_assert_nonnull(fix_of(finding));
}

static void test_all_as_planned_is_proven(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);
    add(scene, THREAD_IOTHREAD, 0, "0-1", "0-1");
    g_autoptr(Proof) proof = verify(scene);

    assert_proven(scene);
    g_assert_cmpuint(proof->vcpus, ==, 2);
    g_assert_cmpuint(proof->others, ==, 2);
}

/// Where no CPU was left for the other threads they keep to the plan, and prove nothing.
static void test_plan_that_shares_is_proven_only_if_accepted(void)
{
    static const char *const accepted[] = { "[defaults]\ncheck.no-housekeeping = warning\n",
        "[defaults]\nmode = warn\n" };
    g_autoptr(Scene) scene = scene_new_good(NULL);

    hwloc_bitmap_set_range(scene->plan->others, 0, 3);
    assert_unproven(scene, FINDING_NO_HOUSEKEEPING, "0-3");
    for (gsize i = 0; i < G_N_ELEMENTS(accepted); i++) {
        g_autoptr(Scene) lenient = scene_new_good(accepted[i]);
        hwloc_bitmap_set_range(lenient->plan->others, 0, 3);
        g_autoptr(Proof) proof = verify(lenient);
        g_assert_true(proof->proven);
        g_assert_cmpuint(proof->findings->len, ==, 1);
    }
}

/* What the guest is told of its cores. */

static Scene *scene_new_told(guint planned, guint told)
{
    Scene *scene = scene_new_good(NULL);

    scene->plan->threads = planned;
    scene->observed->siblings = told;
    return scene;
}

static void test_threads_a_core_as_planned_are_fine(void)
{
    static const guint fine[][2] = { { 1, 1 }, { 2, 2 }, { 4, 2 }, { 2, 0 }, { 0, 2 } };

    for (gsize i = 0; i < G_N_ELEMENTS(fine); i++) {
        g_autoptr(Scene) scene = scene_new_told(fine[i][0], fine[i][1]);
        assert_proven(scene);
    }
}

static void test_other_threads_a_core_than_planned_are_a_finding(void)
{
    g_autoptr(Scene) fewer = scene_new_told(2, 1);
    g_autoptr(Scene) more = scene_new_told(1, 2);

    assert_unproven(
        fewer, FINDING_GUEST_SMT, "QEMU gives the guest 1 thread a core, the plan was made for 2");
    assert_unproven(
        more, FINDING_GUEST_SMT, "QEMU gives the guest 2 threads a core, the plan was made for 1");
}

/// Of two vCPUs the first alone is there: it has no sibling yet.
static void test_a_sibling_to_be_plugged_is_not_missed(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    add(scene, THREAD_VCPU, 0, "2", "2");
    scene->plan->present = 1;
    scene->plan->threads = 2;
    scene->observed->siblings = 1;
    assert_proven(scene);
}

static void test_other_threads_a_core_that_are_accepted(void)
{
    g_autoptr(Scene) scene = scene_new_good("[defaults]\ncheck.guest-smt = warning\n");

    scene->plan->threads = 2;
    scene->observed->siblings = 1;
    g_autoptr(Proof) proof = verify(scene);
    g_assert_true(proof->proven);
    g_assert_cmpuint(proof->findings->len, ==, 1);
}

/// Placed as planned it is, whatever the guest takes it for.
static void test_siblings_that_are_hidden_from_the_guest(void)
{
    static const struct {
        SiblingsTold told;
        guint planned;
        const char *message;
    } cases[] = {
        { SIBLINGS_TOLD, 2, NULL },
        { SIBLINGS_HIDDEN, 1, NULL },
        { SIBLINGS_HIDDEN, 2,
            "QEMU gives the guest 2 threads a core, but its CPU lacks topoext: on AMD it takes "
            "each "
            "for a core" },
        { SIBLINGS_UNKNOWN, 2,
            "whether the guest is told of its 2 threads a core is not known: QEMU is busy" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Scene) scene = scene_new_told(cases[i].planned, cases[i].planned);
        scene->observed->told = cases[i].told;
        scene->observed->unknown = g_strdup("QEMU is busy");
        g_autoptr(Proof) proof = verify(scene);
        g_assert_true(proof->proven);
        g_assert_cmpuint(proof->findings->len, ==, cases[i].message != NULL ? 1 : 0);
        if (cases[i].message != NULL) {
            const Finding *finding = proof->findings->pdata[0];
            g_assert_cmpint(finding->code, ==, FINDING_SMT_HIDDEN);
            g_assert_cmpstr(finding->message, ==, cases[i].message);
            g_assert_cmpstr(fix_of(finding), ==, "pinhook check 100");
        }
    }
}

static void test_vcpu_elsewhere_is_not_bound(void)
{
    static const char *const elsewhere[] = { "5", "0-7", "2-3", "2", "" };

    for (gsize i = 0; i < G_N_ELEMENTS(elsewhere); i++) {
        g_autoptr(Scene) scene = scene_new(NULL);
        add(scene, THREAD_VCPU, 0, "2", "2");
        add(scene, THREAD_VCPU, 1, "3", elsewhere[i]);
        assert_unproven(scene, FINDING_NOT_BOUND, "vCPU 1");
    }
}

static void test_refused_vcpu_names_the_reason(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    add(scene, THREAD_VCPU, 0, "2", "2");
    add(scene, THREAD_VCPU, 1, "3", "0-7")->refusal = g_strdup("no such luck");
    assert_unproven(scene, FINDING_NOT_BOUND, "no such luck");
}

static void test_other_thread_elsewhere_is_not_bound(void)
{
    static const char *const elsewhere[] = { "0-7", "2", "0,3", "5" };

    for (gsize i = 0; i < G_N_ELEMENTS(elsewhere); i++) {
        g_autoptr(Scene) scene = scene_new_good(NULL);
        add(scene, THREAD_WORKER, 0, "0-1", elsewhere[i]);
        assert_unproven(scene, FINDING_NOT_BOUND, "not on 0-1");
    }
}

static void test_other_thread_on_part_of_its_cpus_is_fine(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    add(scene, THREAD_WORKER, 0, "0-1", "1");
    assert_proven(scene);
}

static void test_unmovable_thread_beside_a_vcpu_is_a_finding(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    add(scene, THREAD_WORKER, 0, "0-1", "0-7")->refusal = g_strdup("no such luck");
    assert_unproven(scene, FINDING_THREAD_UNMOVABLE, "no such luck");
}

/* The sibling of a vCPU's CPU is as near as the CPU itself. */
static void test_unmovable_thread_on_a_sibling_is_a_finding(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    hwloc_bitmap_set(scene->plan->cores, 6);
    add(scene, THREAD_WORKER, 0, "0-1", "6")->refusal = g_strdup("no such luck");
    assert_unproven(scene, FINDING_THREAD_UNMOVABLE, "6");
}

static void test_unmovable_thread_elsewhere_is_fine(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    add(scene, THREAD_WORKER, 0, "0-1", "4-5")->refusal = g_strdup("no such luck");
    assert_proven(scene);
}

static void test_fewer_vcpus_than_planned_are_missing(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    add(scene, THREAD_VCPU, 0, "2", "2");
    assert_unproven(scene, FINDING_VCPU_MISSING, "1 vCPUs, the plan 2");
}

static void test_no_vcpus_are_missing(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    assert_unproven(scene, FINDING_VCPU_MISSING, "0 vCPUs");
}

static void test_vcpu_without_its_thread_is_missing(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);
    QemuThread vcpu = { .tid = 4799, .vcpu = 1 };

    add(scene, THREAD_VCPU, 0, "2", "2");
    g_array_append_val(scene->observed->missing_vcpus, vcpu);
    assert_unproven(scene, FINDING_VCPU_MISSING, "4799");
}

static void test_vcpu_that_is_not_planned_is_a_finding(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    add(scene, THREAD_VCPU, 2, NULL, "0-1");
    assert_unproven(scene, FINDING_VCPU_MISSING, "vCPU 2");
}

static void test_hot_plugged_vcpu_in_the_plan_is_proven(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    plan_free(scene->plan);
    scene->plan = fake_plan_new(2, "2-5", "0-1");
    add(scene, THREAD_VCPU, 3, "5", "5"); // a gap: 2 was not plugged
    assert_proven(scene);
}

/* Two threads on one CPU take turns, whatever QEMU calls them. */
static void test_two_threads_of_one_vcpu_are_not_proven(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    add(scene, THREAD_VCPU, 0, "2", "2");
    add(scene, THREAD_VCPU, 0, "2", "2");
    g_autoptr(Proof) proof = verify(scene);
    g_assert_false(proof->proven);
    g_assert_cmpuint(finding_list_count(proof->findings, SEVERITY_ERROR), >=, 1);
}

static void test_restless_qemu_is_not_bound(void)
{
    g_autoptr(Scene) scene = scene_new_good(NULL);

    scene->observed->restless = TRUE;
    assert_unproven(scene, FINDING_NOT_BOUND, "kept changing");
}

static void test_each_wrong_thread_is_said(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    add(scene, THREAD_VCPU, 0, "2", "0-7");
    add(scene, THREAD_VCPU, 1, "3", "0-7");
    add(scene, THREAD_WORKER, 0, "0-1", "0-7");
    g_autoptr(Proof) proof = verify(scene);
    g_assert_cmpuint(proof->findings->len, ==, 3);
    g_assert_cmpuint(proof->vcpus, ==, 0);
}

static void test_warning_keeps_it_proven(void)
{
    g_autoptr(Scene) scene = scene_new_good("[defaults]\ncheck.not-bound = warning\n");

    add(scene, THREAD_WORKER, 0, "0-1", "0-7");
    g_autoptr(Proof) proof = verify(scene);
    g_assert_true(proof->proven);
    g_assert_cmpuint(finding_list_count(proof->findings, SEVERITY_WARNING), ==, 1);
    g_assert_cmpuint(proof->findings->len, ==, 1);
}

static void test_finding_that_is_off_is_not_said(void)
{
    g_autoptr(Scene) scene = scene_new_good("[vm 100]\ncheck.thread-unmovable = off\n");

    add(scene, THREAD_WORKER, 0, "0-1", "0-7")->refusal = g_strdup("no such luck");
    assert_proven(scene);
}

static void test_fix_depends_on_whether_binding_was_tried(void)
{
    for (guint bound = 0; bound <= 1; bound++) {
        g_autoptr(Scene) scene = scene_new_good(NULL);
        scene->observed->bound = bound == 1;
        add(scene, THREAD_WORKER, 0, "0-1", "0-7");
        g_autoptr(Proof) proof = verify(scene);
        const Finding *finding = proof->findings->pdata[0];
        g_assert_cmpstr(
            fix_of(finding), ==, bound == 1 ? "cat /proc/4714/cgroup" : "pinhook repair 100");
    }
}

/* Memory. */

/// @touched pages of 2048, of which @local lie on node 0, where they are wanted, the rest on 1.
static void set_memory(Scene *scene, guint touched, guint local)
{
    guint nodes[] = { local, touched - local };

    memory_free(scene->memory);
    scene->memory = g_new0(Memory, 1);
    scene->memory->nodes = g_array_new(FALSE, TRUE, sizeof(guint));
    g_array_append_vals(scene->memory->nodes, nodes, G_N_ELEMENTS(nodes));
    scene->memory->sampled = 2048;
    scene->memory->touched = touched;
}

static void test_memory_is_held_against_the_policy(void)
{
    static const struct {
        const char *policy;
        guint touched, local;
        gboolean proven;
    } memories[] = {
        { NULL, 2000, 2000, TRUE },
        { NULL, 2000, 1900, TRUE },
        { NULL, 2000, 1899, FALSE },
        { NULL, 2000, 0, FALSE },
        { NULL, 64, 0, FALSE },
        { NULL, 63, 0, TRUE }, // says nothing
        { NULL, 0, 0, TRUE },
        { "[defaults]\nmemory-local = 100\n", 2000, 1999, FALSE },
        { "[defaults]\nmemory-local = 100\n", 2000, 2000, TRUE },
        { "[defaults]\nmemory-local = 0\n", 2000, 0, TRUE },
        { "[defaults]\ncheck.memory-remote = off\n", 2000, 0, TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(memories); i++) {
        g_autoptr(Scene) scene = scene_new_good(memories[i].policy);
        set_memory(scene, memories[i].touched, memories[i].local);
        if (memories[i].proven) {
            assert_proven(scene);
        } else {
            assert_unproven(scene, FINDING_MEMORY_REMOTE, "% must lie on node 0");
        }
    }
}

/// @policy, what moving did, and what is said and to be typed then.
static const struct {
    const char *policy;
    gboolean migrated, out_of_time, given_up;
    guint64 moved_kib, stuck_kib;
    const char *refusal, *message, *fix;
} migrations[] = {
    { "", FALSE, FALSE, FALSE, 0, 0, NULL, "",
        "printf '\\n[vm 100]\\nmemory = migrate\\n' >> /etc/pve/pinhook.conf && pinhook 100 "
        "post-start" },
    { "memory = migrate\n", FALSE, FALSE, FALSE, 0, 0, NULL, "", "pinhook 100 post-start" },
    { "memory = migrate\n", TRUE, TRUE, FALSE, 524288, 0, NULL,
        "; moved 512 MiB, then the 5000 ms were over",
        "printf '\\n[vm 100]\\ndeadline = 50000\\n' >> /etc/pve/pinhook.conf && pinhook 100 "
        "post-start" },
    { "memory = migrate\ndeadline = 60001\n", TRUE, TRUE, FALSE, 4096, 80, NULL,
        "; moved 4 MiB, then the 60001 ms were over; 80 KiB would not move",
        "printf '\\n[vm 100]\\ndeadline = 600000\\n' >> /etc/pve/pinhook.conf && pinhook 100 "
        "post-start" },
    { "memory = migrate\ndeadline = 600000\n", TRUE, TRUE, FALSE, 4096, 0, NULL,
        "; moved 4 MiB, then the 600000 ms were over",
        "printf '\\n[vm 100]\\ncheck.memory-remote = warning\\n' >> /etc/pve/pinhook.conf && "
        "pinhook 100 post-start # accepts it" },
    { "memory = migrate\n", TRUE, FALSE, FALSE, 0, 81920, "no such luck",
        "; moved 0 KiB; 80 MiB would not move: no such luck",
        "printf '\\n[vm 100]\\ncheck.memory-remote = warning\\n' >> /etc/pve/pinhook.conf && "
        "pinhook 100 post-start # accepts it" },
    { "memory = migrate\n", TRUE, FALSE, TRUE, 0, 65536, NULL,
        "; moved 0 KiB; 64 MiB would not move, and no more was tried",
        "printf '\\n[vm 100]\\ncheck.memory-remote = warning\\n' >> /etc/pve/pinhook.conf && "
        "pinhook 100 post-start # accepts it" },
};

static void test_what_moving_did_decides_the_fix(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(migrations); i++) {
        g_autofree char *policy = g_strconcat("[vm 100]\n", migrations[i].policy, NULL);
        g_autofree char *message = g_strconcat("the memory in use lies 37 % on node 0, 63 % on "
                                               "node 1; 95 % must lie on node 0",
            migrations[i].message, NULL);
        g_autoptr(Scene) scene = scene_new_good(policy);
        set_memory(scene, 2000, 740);
        scene->memory->migrated = migrations[i].migrated;
        scene->memory->out_of_time = migrations[i].out_of_time;
        scene->memory->given_up = migrations[i].given_up;
        scene->memory->moved_kib = migrations[i].moved_kib;
        scene->memory->stuck_kib = migrations[i].stuck_kib;
        scene->memory->refusal = g_strdup(migrations[i].refusal);
        g_autoptr(Proof) proof = verify(scene);
        const Finding *finding = proof->findings->pdata[0];
        g_assert_cmpstr(finding->message, ==, message);
        g_assert_cmpstr(fix_of(finding), ==, migrations[i].fix);
    }
}

static void test_accepted_memory_is_proven_and_said(void)
{
    g_autoptr(Scene) scene = scene_new_good("[vm 100]\ncheck.memory-remote = warning\n");

    set_memory(scene, 2000, 0);
    g_autoptr(Proof) proof = verify(scene);
    g_assert_true(proof->proven);
    g_assert_cmpuint(proof->findings->len, ==, 1);
    g_assert_null(fix_of(proof->findings->pdata[0]));
}

static void test_impossible_is_never_proven(void)
{
    static const char *const policies[] = { NULL, "[defaults]\ncheck.qmp-timeout = warning\n",
        "[defaults]\ncheck.qmp-timeout = off\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(policies); i++) {
        g_autoptr(Policy) policy = policy_parse(policies[i], NULL, 100);
        g_autoptr(Proof) proof = verify_impossible(100, FINDING_QMP_TIMEOUT, policy, "too late");
        g_assert_false(proof->proven);
        g_assert_cmpuint(proof->findings->len, ==, i < 2 ? 1 : 0);
    }
}

static void test_a_cpu_that_went_offline(void)
{
    g_autoptr(Scene) scene = scene_new(NULL);

    add(scene, THREAD_VCPU, 0, "2", "2");
    add(scene, THREAD_VCPU, 1, "3", "2")->refusal = g_strdup("Invalid argument");
    scene->observed->online = cpuset_parse_kernel("0-2", 64, NULL);
    g_autoptr(Proof) proof = verify(scene);

    g_assert_false(proof->proven);
    g_assert_cmpuint(proof->findings->len, ==, 1);
    const Finding *finding = proof->findings->pdata[0];
    g_assert_cmpint(finding->code, ==, FINDING_NOT_BOUND);
    g_assert_cmpstr(
        finding->message, ==, "vCPU 1, thread 4713 (kvm), is not on 3: that CPU is offline");
    g_assert_cmpstr(fix_of(finding), ==,
        "echo 1 > /sys/devices/system/cpu/cpu3/online && pinhook 100 post-start");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/verify/siblings/as-planned", test_threads_a_core_as_planned_are_fine);
    g_test_add_func(
        "/verify/siblings/others", test_other_threads_a_core_than_planned_are_a_finding);
    g_test_add_func("/verify/siblings/to-be-plugged", test_a_sibling_to_be_plugged_is_not_missed);
    g_test_add_func("/verify/siblings/hidden", test_siblings_that_are_hidden_from_the_guest);
    g_test_add_func("/verify/siblings/accepted", test_other_threads_a_core_that_are_accepted);
    g_test_add_func("/verify/a-cpu-that-went-offline", test_a_cpu_that_went_offline);
    g_test_add_func("/verify/all-as-planned-is-proven", test_all_as_planned_is_proven);
    g_test_add_func("/verify/plan-that-shares-is-proven-only-if-accepted",
        test_plan_that_shares_is_proven_only_if_accepted);
    g_test_add_func("/verify/vcpu-elsewhere-is-not-bound", test_vcpu_elsewhere_is_not_bound);
    g_test_add_func("/verify/refused-vcpu-names-the-reason", test_refused_vcpu_names_the_reason);
    g_test_add_func(
        "/verify/other-thread-elsewhere-is-not-bound", test_other_thread_elsewhere_is_not_bound);
    g_test_add_func("/verify/other-thread-on-part-of-its-cpus-is-fine",
        test_other_thread_on_part_of_its_cpus_is_fine);
    g_test_add_func("/verify/unmovable-thread-beside-a-vcpu-is-a-finding",
        test_unmovable_thread_beside_a_vcpu_is_a_finding);
    g_test_add_func("/verify/unmovable-thread-on-a-sibling-is-a-finding",
        test_unmovable_thread_on_a_sibling_is_a_finding);
    g_test_add_func(
        "/verify/unmovable-thread-elsewhere-is-fine", test_unmovable_thread_elsewhere_is_fine);
    g_test_add_func(
        "/verify/fewer-vcpus-than-planned-are-missing", test_fewer_vcpus_than_planned_are_missing);
    g_test_add_func("/verify/no-vcpus-are-missing", test_no_vcpus_are_missing);
    g_test_add_func(
        "/verify/vcpu-without-its-thread-is-missing", test_vcpu_without_its_thread_is_missing);
    g_test_add_func("/verify/vcpu-that-is-not-planned-is-a-finding",
        test_vcpu_that_is_not_planned_is_a_finding);
    g_test_add_func("/verify/hot-plugged-vcpu-in-the-plan-is-proven",
        test_hot_plugged_vcpu_in_the_plan_is_proven);
    g_test_add_func("/verify/two-threads-of-one-vcpu-are-not-proven",
        test_two_threads_of_one_vcpu_are_not_proven);
    g_test_add_func("/verify/restless-qemu-is-not-bound", test_restless_qemu_is_not_bound);
    g_test_add_func("/verify/each-wrong-thread-is-said", test_each_wrong_thread_is_said);
    g_test_add_func("/verify/warning-keeps-it-proven", test_warning_keeps_it_proven);
    g_test_add_func(
        "/verify/finding-that-is-off-is-not-said", test_finding_that_is_off_is_not_said);
    g_test_add_func("/verify/fix-depends-on-whether-binding-was-tried",
        test_fix_depends_on_whether_binding_was_tried);
    g_test_add_func(
        "/verify/memory-is-held-against-the-policy", test_memory_is_held_against_the_policy);
    g_test_add_func(
        "/verify/what-moving-did-decides-the-fix", test_what_moving_did_decides_the_fix);
    g_test_add_func(
        "/verify/accepted-memory-is-proven-and-said", test_accepted_memory_is_proven_and_said);
    g_test_add_func("/verify/impossible-is-never-proven", test_impossible_is_never_proven);
    return g_test_run();
}
