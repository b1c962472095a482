// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake-kernel.h"

#include "error.h"

#include <errno.h>

typedef enum { OBEYS, REFUSES, PRETENDS, ENDED, HIDES } Temper;

static GHashTable *masks;   // tid -> CpuSet
static GHashTable *tempers; // tid -> Temper
static CpuSet *everywhere, *cpuset;
static GString *calls;
static int terminated;
static void (*on_set)(int tid, gpointer data);
static gpointer on_set_data;

static void free_set(gpointer data)
{
    hwloc_bitmap_free(data);
}

static CpuSet *parse(const char *list)
{
    CpuSet *set = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);

    g_assert_nonnull(set);
    return set;
}

void fake_kernel_reset(const char *list)
{
    g_clear_pointer(&masks, g_hash_table_unref);
    g_clear_pointer(&tempers, g_hash_table_unref);
    g_clear_pointer(&everywhere, hwloc_bitmap_free);
    g_clear_pointer(&cpuset, hwloc_bitmap_free);
    if (calls != NULL) {
        g_string_free(calls, TRUE);
    }
    masks = g_hash_table_new_full(NULL, NULL, NULL, free_set);
    tempers = g_hash_table_new(NULL, NULL);
    everywhere = parse(list);
    calls = g_string_new(NULL);
    terminated = 0;
    on_set = NULL;
}

static void set_temper(int tid, Temper temper)
{
    g_hash_table_insert(tempers, GINT_TO_POINTER(tid), GINT_TO_POINTER(temper));
}

void fake_kernel_refuse(int tid)
{
    set_temper(tid, REFUSES);
}

void fake_kernel_pretend(int tid)
{
    set_temper(tid, PRETENDS);
}

void fake_kernel_end(int tid)
{
    set_temper(tid, ENDED);
}

void fake_kernel_hide(int tid)
{
    set_temper(tid, HIDES);
}

void fake_kernel_cut(const char *list)
{
    cpuset = parse(list);
}

void fake_kernel_on_set(void (*hook)(int tid, gpointer data), gpointer data)
{
    on_set = hook;
    on_set_data = data;
}

char *fake_kernel_calls(void)
{
    return g_strchug(g_strdup(calls->str));
}

int fake_kernel_terminated(void)
{
    return terminated;
}

static Temper temper_of(int tid)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(tempers, GINT_TO_POINTER(tid)));
}

static const CpuSet *mask_of(int tid)
{
    const CpuSet *mask = g_hash_table_lookup(masks, GINT_TO_POINTER(tid));

    return mask != NULL ? mask : everywhere;
}

char *fake_kernel_mask(int tid)
{
    return cpuset_to_list(mask_of(tid));
}

static gboolean set_affinity(int tid, const CpuSet *cpus, GError **error)
{
    g_string_append_printf(calls, " %d", tid);
    switch (temper_of(tid)) {
    case ENDED:
        return error_set_errno(error, ESRCH, "cannot move thread %d", tid);
    case REFUSES:
        return error_set_errno(error, EINVAL, "cannot move thread %d", tid);
    case OBEYS:
    case HIDES:
        g_hash_table_insert(masks, GINT_TO_POINTER(tid),
            cpuset != NULL ? cpuset_and(cpus, cpuset) : cpuset_copy(cpus));
        break;
    case PRETENDS:
        break;
    }
    if (on_set != NULL) {
        on_set(tid, on_set_data);
    }
    return TRUE;
}

static CpuSet *get_affinity(int tid, GError **error)
{
    if (temper_of(tid) == ENDED) {
        error_set_errno(error, ESRCH, "cannot read where thread %d may run", tid);
        return NULL;
    }
    if (temper_of(tid) == HIDES) {
        error_set_errno(error, EPERM, "cannot read where thread %d may run", tid);
        return NULL;
    }
    return cpuset_copy(mask_of(tid));
}

static gboolean terminate(const Root *root, const Process *process, GError **error)
{
    terminated = process->pid;
    return TRUE;
}

const Kernel fake_kernel = {
    .set_affinity = set_affinity,
    .get_affinity = get_affinity,
    .terminate = terminate,
};

Plan *fake_plan_new(guint present, const char *cpus, const char *others)
{
    Plan *plan = plan_new(present);
    g_autoptr(CpuSet) set = parse(cpus);
    g_autoptr(CpuSet) rest = parse(others);
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, set) {
        PlanVcpu vcpu = { .vcpu = plan->vcpus->len, .cpu = cpu, .core = cpu };
        g_array_append_val(plan->vcpus, vcpu);
    }
    hwloc_bitmap_foreach_end();
    hwloc_bitmap_copy(plan->cpus, set);
    hwloc_bitmap_copy(plan->cores, set);
    hwloc_bitmap_copy(plan->reserved, set);
    hwloc_bitmap_copy(plan->others, rest);
    hwloc_bitmap_set(plan->nodes, 0);
    return plan;
}
