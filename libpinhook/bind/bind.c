// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/bind.h"

#include "base/error.h"

/// A QEMU that makes threads faster than they can be bound is not waited for any longer.
#define ROUNDS 16

static void observed_thread_free(gpointer data)
{
    ObservedThread *observed = data;

    thread_free(observed->thread);
    hwloc_bitmap_free(observed->wanted);
    hwloc_bitmap_free(observed->allowed);
    g_free(observed->refusal);
    g_free(observed);
}

void observed_free(Observed *observed)
{
    if (observed == NULL) {
        return;
    }
    g_ptr_array_unref(observed->threads);
    hwloc_bitmap_free(observed->online);
    g_clear_pointer(&observed->missing_vcpus, g_array_unref);
    g_free(observed->unknown);
    g_free(observed);
}

static CpuSet *wanted_for(const Thread *thread, const Plan *plan)
{
    if (plan == NULL) {
        return NULL;
    }
    if (thread->role != THREAD_VCPU) {
        return cpuset_copy(plan->others);
    }
    const PlanVcpu *place = plan_vcpu(plan, thread->vcpu);
    if (place == NULL) {
        return NULL;
    }
    CpuSet *one = cpuset_new();
    hwloc_bitmap_only(one, place->cpu);
    return one;
}

static CpuSet *read_online(const Root *root)
{
    g_autofree char *list = root_read_value(root, "sys/devices/system/cpu/online");

    return list != NULL ? cpuset_parse_kernel(list, CPUSET_LIMIT, NULL) : NULL;
}

static gboolean has_vcpu(const GPtrArray *threads, guint vcpu)
{
    for (guint i = 0; i < threads->len; i++) {
        const Thread *thread = ((const ObservedThread *)threads->pdata[i])->thread;
        if (thread->role == THREAD_VCPU && thread->vcpu == vcpu) {
            return TRUE;
        }
    }
    return FALSE;
}

static GArray *find_missing_vcpus(const QemuThreads *qemu, const GPtrArray *threads)
{
    GArray *missing = g_array_new(FALSE, FALSE, sizeof(QemuThread));

    for (guint i = 0; i < qemu->vcpus->len; i++) {
        const QemuThread *vcpu = &g_array_index(qemu->vcpus, QemuThread, i);
        if (!has_vcpu(threads, vcpu->vcpu)) {
            g_array_append_vals(missing, vcpu, 1);
        }
    }
    return missing;
}

/// The mask of @thread, and of no other that has come to its tid; NULL: it has ended. FALSE with
/// @error: it cannot be told.
static gboolean read_mask(const Root *root, const Kernel *kernel, const Process *process,
    const Thread *thread, CpuSet **mask, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(CpuSet) read = kernel->get_affinity(thread->tid, &failed);
    gboolean there = FALSE;

    if (read == NULL && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (read != NULL && !thread_look(root, process, thread, &there, error)) {
        return FALSE;
    }
    *mask = there ? g_steal_pointer(&read) : NULL;
    return TRUE;
}

Observed *bind_look(const Root *root, const Kernel *kernel, const Process *process,
    const QemuThreads *qemu, const Plan *plan, GError **error)
{
    g_autoptr(GPtrArray) threads = threads_walk(root, process, qemu, error);
    if (threads == NULL) {
        return NULL;
    }

    g_autoptr(Observed) observed = g_new0(Observed, 1);
    observed->threads = g_ptr_array_new_with_free_func(observed_thread_free);
    for (guint i = 0; i < threads->len; i++) {
        Thread *thread = threads->pdata[i];
        CpuSet *allowed = NULL;
        if (!read_mask(root, kernel, process, thread, &allowed, error)) {
            return NULL;
        }
        if (allowed == NULL) {
            continue; // it has ended since the walk
        }
        ObservedThread *seen = g_new0(ObservedThread, 1);
        threads->pdata[i] = NULL;
        *seen = (ObservedThread){
            .thread = thread, .wanted = wanted_for(thread, plan), .allowed = allowed
        };
        g_ptr_array_add(observed->threads, seen);
    }
    observed->online = read_online(root);
    observed->missing_vcpus = find_missing_vcpus(qemu, observed->threads);
    observed->siblings = qemu->siblings;
    observed->told = qemu->told;
    observed->unknown = g_strdup(qemu->unknown);
    return g_steal_pointer(&observed);
}

static gboolean is_as_wanted(const ObservedThread *seen)
{
    return seen->wanted == NULL || hwloc_bitmap_isequal(seen->allowed, seen->wanted);
}

/// A tid that was given to another process since the walk is left alone; so close before, that it
/// is not given to another one between.
static void bind_one(
    const Root *root, const Kernel *kernel, const Process *process, ObservedThread *seen)
{
    g_autoptr(GError) failed = NULL;
    gboolean there = FALSE;

    if (thread_look(root, process, seen->thread, &there, &failed) && there) {
        kernel->set_affinity(seen->thread->tid, seen->wanted, &failed);
    }
    if (failed != NULL) {
        g_free(seen->refusal); // of the round before
        seen->refusal = g_strdup(failed->message);
    }
}

static void bind_role(const Root *root, const Kernel *kernel, const Process *process,
    const Observed *observed, gboolean vcpus)
{
    for (guint i = 0; i < observed->threads->len; i++) {
        ObservedThread *seen = observed->threads->pdata[i];
        if ((seen->thread->role == THREAD_VCPU) == vcpus && !is_as_wanted(seen)) {
            bind_one(root, kernel, process, seen);
        }
    }
}

/// Whether two looks show the same threads: none was made while the first ones were bound.
static gboolean same_threads(const Observed *first, const Observed *second)
{
    gboolean same = first->threads->len == second->threads->len;

    for (guint i = 0; same && i < first->threads->len; i++) {
        const Thread *before = ((ObservedThread *)first->threads->pdata[i])->thread;
        const Thread *now = ((ObservedThread *)second->threads->pdata[i])->thread;
        same = before->tid == now->tid && before->role == now->role;
    }
    return same;
}

static void carry_refusals(Observed *before, Observed *now)
{
    for (guint i = 0; i < before->threads->len; i++) {
        ObservedThread *old = before->threads->pdata[i];
        for (guint j = 0; old->refusal != NULL && j < now->threads->len; j++) {
            ObservedThread *seen = now->threads->pdata[j];
            if (seen->thread->tid == old->thread->tid && seen->refusal == NULL) {
                seen->refusal = g_steal_pointer(&old->refusal);
            }
        }
    }
}

/// How many threads may run elsewhere than before; both are by tid. What a kernel only says yes to
/// does not count, nor a mask that a cpuset cuts each time.
static guint count_moved(const Observed *before, const Observed *now)
{
    guint moved = 0;

    for (guint i = 0, j = 0; i < before->threads->len && j < now->threads->len;) {
        const ObservedThread *old = before->threads->pdata[i];
        const ObservedThread *seen = now->threads->pdata[j];
        moved += old->thread->tid == seen->thread->tid &&
                 !hwloc_bitmap_isequal(old->allowed, seen->allowed);
        i += old->thread->tid <= seen->thread->tid;
        j += seen->thread->tid <= old->thread->tid;
    }
    return moved;
}

Observed *bind_threads(const Root *root, const Kernel *kernel, const Process *process,
    const QemuThreads *qemu, const Plan *plan, GError **error)
{
    Observed *observed = bind_look(root, kernel, process, qemu, plan, error);
    gboolean settled = FALSE;

    for (guint round = 0; observed != NULL && !settled && round < ROUNDS; round++) {
        bind_role(root, kernel, process, observed, FALSE);
        bind_role(root, kernel, process, observed, TRUE);
        Observed *again = bind_look(root, kernel, process, qemu, plan, error);
        if (again != NULL) {
            carry_refusals(observed, again);
            settled = same_threads(observed, again);
            again->bound = TRUE;
            again->restless = !settled;
            again->moved = observed->moved + count_moved(observed, again);
        }
        observed_free(observed);
        observed = again;
    }
    return observed;
}
