// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/bind.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-root.h"

#include <string.h>

static const Process process = { .pid = 4711, .start_time = 100 };

/// A QEMU of two vCPUs (4712, 4713) and an iothread on a host of 8 CPUs, planned onto 2 and 3 with
/// the rest on 0-1.
typedef struct {
    FakeRoot *fake;
    QemuThreads *qemu;
    Plan *plan;
    int next_tid; // of the threads that are made meanwhile
} Scene;

static void add_vcpu(Scene *scene, guint vcpu, int tid)
{
    QemuThread thread = { .tid = tid, .vcpu = vcpu };

    g_array_append_val(scene->qemu->vcpus, thread);
}

static Scene *scene_new(void)
{
    Scene *scene = g_new0(Scene, 1);
    QemuThread iothread = { .tid = 4714 };

    scene->fake = fake_root_new();
    fake_root_add_process(scene->fake, process.pid, process.start_time, "/usr/bin/kvm");
    for (int tid = 4712; tid <= 4715; tid++) {
        fake_root_add_thread(scene->fake, process.pid, tid, "kvm", 0);
    }
    scene->qemu = qemu_threads_new();
    add_vcpu(scene, 0, 4712);
    add_vcpu(scene, 1, 4713);
    g_array_append_val(scene->qemu->iothreads, iothread);
    scene->plan = fake_plan_new(2, "2-3", "0-1");
    scene->next_tid = 5000;
    fake_kernel_reset("0-7");
    return scene;
}

static void scene_free(Scene *scene)
{
    fake_root_free(scene->fake);
    qemu_threads_free(scene->qemu);
    plan_free(scene->plan);
    g_free(scene);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

static Observed *bind_scene(const Scene *scene)
{
    g_autoptr(GError) error = NULL;
    Observed *observed = bind_threads(
        scene->fake->root, &fake_kernel, &process, scene->qemu, scene->plan, &error);

    g_assert_no_error(error);
    g_assert_true(observed->bound);
    return observed;
}

static const ObservedThread *find(const Observed *observed, int tid)
{
    for (guint i = 0; i < observed->threads->len; i++) {
        const ObservedThread *seen = observed->threads->pdata[i];
        if (seen->thread->tid == tid) {
            return seen;
        }
    }
    return NULL;
}

static void assert_allowed(const Observed *observed, int tid, const char *wanted)
{
    const ObservedThread *seen = find(observed, tid);

    g_assert_nonnull(seen);
    g_autofree char *allowed = cpuset_to_list(seen->allowed);
    g_autofree char *mask = fake_kernel_mask(tid);
    g_assert_cmpstr(allowed, ==, wanted);
    g_assert_cmpstr(mask, ==, wanted);
}

static void assert_calls(const char *wanted)
{
    g_autofree char *calls = fake_kernel_calls();

    g_assert_cmpstr(calls, ==, wanted);
}

static void test_each_thread_goes_to_its_place(void)
{
    g_autoptr(Scene) scene = scene_new();
    g_autoptr(Observed) observed = bind_scene(scene);

    g_assert_cmpuint(observed->threads->len, ==, 5);
    assert_allowed(observed, 4711, "0-1");
    assert_allowed(observed, 4712, "2");
    assert_allowed(observed, 4713, "3");
    assert_allowed(observed, 4714, "0-1");
    assert_allowed(observed, 4715, "0-1");
    g_assert_cmpuint(observed->missing_vcpus->len, ==, 0);
    g_assert_false(observed->restless);
}

static void test_others_are_bound_before_vcpus(void)
{
    g_autoptr(Scene) scene = scene_new();

    observed_free(bind_scene(scene));
    assert_calls("4711 4714 4715 4712 4713");
}

static void test_bound_vm_is_not_touched_again(void)
{
    g_autoptr(Scene) scene = scene_new();

    observed_free(bind_scene(scene));
    g_autoptr(Observed) second = bind_scene(scene);
    assert_calls("4711 4714 4715 4712 4713");
    assert_allowed(second, 4713, "3");
}

static void test_only_what_drifted_is_bound_again(void)
{
    g_autoptr(Scene) scene = scene_new();
    g_autoptr(CpuSet) elsewhere = cpuset_parse_kernel("5-6", 8, NULL);

    observed_free(bind_scene(scene));
    fake_kernel.set_affinity(4713, elsewhere, NULL);
    g_autoptr(Observed) second = bind_scene(scene);
    assert_calls("4711 4714 4715 4712 4713 4713 4713");
    assert_allowed(second, 4713, "3");
}

/// Of what binding changed, and of no more.
static void test_moved_threads_are_counted(void)
{
    g_autoptr(Scene) scene = scene_new();
    g_autoptr(CpuSet) elsewhere = cpuset_parse_kernel("5-6", 8, NULL);
    g_autoptr(Observed) first = bind_scene(scene);
    g_autoptr(Observed) second = bind_scene(scene);

    g_assert_cmpuint(first->moved, ==, 5);
    g_assert_cmpuint(second->moved, ==, 0);
    fake_kernel.set_affinity(4713, elsewhere, NULL);
    fake_kernel.set_affinity(4715, elsewhere, NULL);
    fake_kernel_end(4712);
    g_autoptr(Observed) third = bind_scene(scene);
    g_assert_cmpuint(third->moved, ==, 2);
}

static void test_threads_that_did_not_move_are_not_counted(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_cut("1-7");
    fake_kernel_pretend(4712);
    fake_kernel_refuse(4715);
    g_autoptr(Observed) first = bind_scene(scene);
    g_autoptr(Observed) second = bind_scene(scene);
    g_assert_cmpuint(first->moved, ==, 3);
    g_assert_cmpuint(second->moved, ==, 0); // though the cut ones are asked each time
}

static void test_look_changes_nothing(void)
{
    g_autoptr(Scene) scene = scene_new();
    g_autoptr(Observed) observed = bind_look(
        scene->fake->root, &fake_kernel, &process, scene->qemu, scene->plan, NULL);

    assert_calls("");
    assert_allowed(observed, 4712, "0-7");
    g_autofree char *wanted = cpuset_to_list(find(observed, 4712)->wanted);
    g_assert_cmpstr(wanted, ==, "2");
    g_assert_false(observed->bound);
}

static void test_without_a_plan_nothing_is_wanted(void)
{
    g_autoptr(Scene) scene = scene_new();
    g_autoptr(Observed)
        observed = bind_look(scene->fake->root, &fake_kernel, &process, scene->qemu, NULL, NULL);

    g_assert_cmpuint(observed->threads->len, ==, 5);
    for (guint i = 0; i < observed->threads->len; i++) {
        g_assert_null(((const ObservedThread *)observed->threads->pdata[i])->wanted);
    }
}

static void test_vcpu_that_is_not_planned_is_left_alone(void)
{
    g_autoptr(Scene) scene = scene_new();

    add_vcpu(scene, 2, 4715);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_calls("4711 4714 4712 4713");
    g_assert_null(find(observed, 4715)->wanted);
    g_assert_cmpuint(find(observed, 4715)->thread->vcpu, ==, 2);
}

static void test_vcpu_to_be_hot_plugged_has_its_place(void)
{
    g_autoptr(Scene) scene = scene_new();

    plan_free(scene->plan);
    scene->plan = fake_plan_new(2, "2-5", "0-1");
    add_vcpu(scene, 3, 4715);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 4715, "5");
}

/* Threads that are made or end meanwhile. */

static void make_thread_once(int tid, gpointer data)
{
    Scene *scene = data;

    if (scene->next_tid == 5000) {
        fake_root_add_thread(scene->fake, process.pid, scene->next_tid++, "worker", 0);
    }
}

static void test_thread_made_while_binding_is_bound_too(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_on_set(make_thread_once, scene);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 5000, "0-1");
    assert_calls("4711 4714 4715 4712 4713 5000");
    g_assert_cmpuint(observed->moved, ==, 6);
    g_assert_false(observed->restless);
}

static void make_thread_at_last(int tid, gpointer data)
{
    if (tid == 4713) {
        make_thread_once(tid, data);
    }
}

static void test_thread_made_after_the_last_set_is_bound_too(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_on_set(make_thread_at_last, scene);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 5000, "0-1");
}

static void make_thread(int tid, gpointer data)
{
    Scene *scene = data;

    fake_root_add_thread(scene->fake, process.pid, scene->next_tid++, "worker", 0);
}

static void test_qemu_that_makes_threads_for_ever_is_restless(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_on_set(make_thread, scene);
    g_autoptr(Observed) observed = bind_scene(scene);
    g_assert_true(observed->restless);
    assert_allowed(observed, 4712, "2");
    g_assert_cmpint(scene->next_tid, <, 6000);
}

static void end_thread(int tid, gpointer data)
{
    Scene *scene = data;

    if (tid == 4711) {
        fake_root_remove_tree(scene->fake, "proc/4711/task/4715");
        fake_kernel_end(4715);
    }
}

static void test_thread_that_ends_meanwhile_is_no_matter(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_on_set(end_thread, scene);
    g_autoptr(Observed) observed = bind_scene(scene);
    g_assert_null(find(observed, 4715));
    g_assert_cmpuint(observed->threads->len, ==, 4);
    assert_allowed(observed, 4713, "3");
    g_assert_false(observed->restless);
}

static void test_thread_that_ended_since_it_was_listed_is_left_out(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_end(4713);
    g_autoptr(Observed) observed = bind_scene(scene);
    g_assert_null(find(observed, 4713));
    g_assert_cmpuint(observed->missing_vcpus->len, ==, 1);
    g_assert_cmpint(g_array_index(observed->missing_vcpus, QemuThread, 0).tid, ==, 4713);
}

static void end_qemu(int tid, gpointer data)
{
    Scene *scene = data;

    if (tid == 4712) {
        fake_root_remove_tree(scene->fake, "proc/4711");
    }
}

static void test_qemu_that_ends_meanwhile_is_gone(void)
{
    g_autoptr(Scene) scene = scene_new();
    g_autoptr(GError) error = NULL;

    fake_kernel_on_set(end_qemu, scene);
    g_assert_null(
        bind_threads(scene->fake->root, &fake_kernel, &process, scene->qemu, scene->plan, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
}

/* A kernel that does otherwise. */

static void test_cut_mask_is_seen(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_cut("1-2");
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 4711, "1");
    assert_allowed(observed, 4712, "2");
    assert_allowed(observed, 4713, "");
    g_assert_false(observed->restless);
}

static void test_pretended_mask_is_seen(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_pretend(4712);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 4712, "0-7");
    g_assert_null(find(observed, 4712)->refusal);
    assert_allowed(observed, 4713, "3");
}

static void test_refusal_is_noted_and_passed_over(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_refuse(4714);
    fake_kernel_refuse(4712);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 4714, "0-7");
    assert_allowed(observed, 4712, "0-7");
    g_assert_nonnull(strstr(find(observed, 4714)->refusal, "4714"));
    g_assert_nonnull(find(observed, 4712)->refusal);
    assert_allowed(observed, 4713, "3");
    g_assert_null(find(observed, 4713)->refusal);
}

static void test_refusal_is_kept_over_the_rounds(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_kernel_refuse(4714);
    fake_kernel_on_set(make_thread_once, scene);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_calls("4711 4714 4715 4712 4713 4714 5000");
    g_assert_nonnull(strstr(find(observed, 4714)->refusal, "4714"));
    g_assert_null(find(observed, 5000)->refusal);
}

/* What nobody read back proves nothing. */
static void test_mask_that_cannot_be_read_is_an_error(void)
{
    static const int tids[] = { 4711, 4712, 4715 };

    for (gsize i = 0; i < G_N_ELEMENTS(tids); i++) {
        g_autoptr(Scene) scene = scene_new();
        g_autoptr(GError) error = NULL;
        fake_kernel_hide(tids[i]);
        g_assert_null(bind_threads(
            scene->fake->root, &fake_kernel, &process, scene->qemu, scene->plan, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
    }
}

/* A QEMU that lies. */

static void test_thread_of_another_process_is_not_touched(void)
{
    g_autoptr(Scene) scene = scene_new();

    fake_root_add_process(scene->fake, 999, 5, "sshd");
    add_vcpu(scene, 2, 999);
    add_vcpu(scene, 3, 1);
    add_vcpu(scene, 4, 0);
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_calls("4711 4714 4715 4712 4713");
    g_assert_cmpuint(observed->missing_vcpus->len, ==, 3);
    g_assert_cmpint(g_array_index(observed->missing_vcpus, QemuThread, 0).tid, ==, 999);
}

static void test_two_vcpus_of_one_thread_leave_one_missing(void)
{
    g_autoptr(Scene) scene = scene_new();

    g_array_index(scene->qemu->vcpus, QemuThread, 1).tid = 4712;
    g_autoptr(Observed) observed = bind_scene(scene);
    assert_allowed(observed, 4712, "2");
    g_assert_cmpuint(observed->missing_vcpus->len, ==, 1);
    g_assert_cmpuint(g_array_index(observed->missing_vcpus, QemuThread, 0).vcpu, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/bind/each-thread-goes-to-its-place", test_each_thread_goes_to_its_place);
    g_test_add_func("/bind/others-are-bound-before-vcpus", test_others_are_bound_before_vcpus);
    g_test_add_func("/bind/bound-vm-is-not-touched-again", test_bound_vm_is_not_touched_again);
    g_test_add_func(
        "/bind/only-what-drifted-is-bound-again", test_only_what_drifted_is_bound_again);
    g_test_add_func("/bind/moved-threads-are-counted", test_moved_threads_are_counted);
    g_test_add_func("/bind/threads-that-did-not-move-are-not-counted",
        test_threads_that_did_not_move_are_not_counted);
    g_test_add_func("/bind/look-changes-nothing", test_look_changes_nothing);
    g_test_add_func(
        "/bind/without-a-plan-nothing-is-wanted", test_without_a_plan_nothing_is_wanted);
    g_test_add_func("/bind/vcpu-that-is-not-planned-is-left-alone",
        test_vcpu_that_is_not_planned_is_left_alone);
    g_test_add_func(
        "/bind/vcpu-to-be-hot-plugged-has-its-place", test_vcpu_to_be_hot_plugged_has_its_place);
    g_test_add_func("/bind/thread-made-while-binding-is-bound-too",
        test_thread_made_while_binding_is_bound_too);
    g_test_add_func("/bind/thread-made-after-the-last-set-is-bound-too",
        test_thread_made_after_the_last_set_is_bound_too);
    g_test_add_func("/bind/qemu-that-makes-threads-for-ever-is-restless",
        test_qemu_that_makes_threads_for_ever_is_restless);
    g_test_add_func("/bind/thread-that-ends-meanwhile-is-no-matter",
        test_thread_that_ends_meanwhile_is_no_matter);
    g_test_add_func("/bind/thread-that-ended-since-it-was-listed-is-left-out",
        test_thread_that_ended_since_it_was_listed_is_left_out);
    g_test_add_func(
        "/bind/qemu-that-ends-meanwhile-is-gone", test_qemu_that_ends_meanwhile_is_gone);
    g_test_add_func("/bind/cut-mask-is-seen", test_cut_mask_is_seen);
    g_test_add_func("/bind/pretended-mask-is-seen", test_pretended_mask_is_seen);
    g_test_add_func(
        "/bind/refusal-is-noted-and-passed-over", test_refusal_is_noted_and_passed_over);
    g_test_add_func("/bind/refusal-is-kept-over-the-rounds", test_refusal_is_kept_over_the_rounds);
    g_test_add_func(
        "/bind/mask-that-cannot-be-read-is-an-error", test_mask_that_cannot_be_read_is_an_error);
    g_test_add_func("/bind/thread-of-another-process-is-not-touched",
        test_thread_of_another_process_is_not_touched);
    g_test_add_func("/bind/two-vcpus-of-one-thread-leave-one-missing",
        test_two_vcpus_of_one_thread_leave_one_missing);
    return g_test_run();
}
