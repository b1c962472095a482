// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-kernel.h"

#include "base/error.h"

#include <errno.h>

typedef enum { OBEYS, REFUSES, PRETENDS, ENDED, HIDES } Temper;

static GHashTable *masks;   // tid -> CpuSet
static GHashTable *tempers; // tid -> Temper
static CpuSet *everywhere, *cpuset;
static GString *calls;
static int terminated;
static void (*on_set)(int tid, gpointer data);
static gpointer on_set_data;

enum { PAGE = 4096, HUGEPAGE_PAGES = 512 };

/// Pages of 4 KiB that lie side by side.
typedef struct {
    guint64 start;
    guint64 count;
    int *nodes;
    gboolean *stuck;
} Region;

static GPtrArray *regions; // Region, the last laid first
static gboolean pretends_to_move, uses_hugepages;
static guint looks, moves, most_pages;
static void (*on_move)(int pid, gpointer data);
static void (*on_look)(int pid, gpointer data);
static gpointer on_move_data, on_look_data;

static void free_set(gpointer data)
{
    hwloc_bitmap_free(data);
}

static void free_region(gpointer data)
{
    Region *region = data;

    g_free(region->nodes);
    g_free(region->stuck);
    g_free(region);
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
    g_clear_pointer(&regions, g_ptr_array_unref);
    regions = g_ptr_array_new_with_free_func(free_region);
    pretends_to_move = uses_hugepages = FALSE;
    looks = moves = most_pages = 0;
    on_move = on_look = NULL;
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

void fake_kernel_on_move(void (*hook)(int pid, gpointer data), gpointer data)
{
    on_move = hook;
    on_move_data = data;
}

/// NULL: nobody has laid it. @place: which of its pages it is.
static Region *find_page(guint64 address, guint64 *place)
{
    for (guint i = 0; i < regions->len; i++) {
        Region *region = regions->pdata[i];
        if (address >= region->start && (address - region->start) / PAGE < region->count) {
            *place = (address - region->start) / PAGE;
            return region;
        }
    }
    return NULL;
}

static Region *add_region(guint64 start, guint64 count)
{
    Region *region = g_new(Region, 1);

    *region = (Region){
        .start = start, .count = count, .nodes = g_new(int, count), .stuck = g_new0(gboolean, count)
    };
    g_ptr_array_insert(regions, 0, region);
    return region;
}

void fake_kernel_on_look(void (*hook)(int pid, gpointer data), gpointer data)
{
    on_look = hook;
    on_look_data = data;
}

void fake_kernel_lay(guint64 start, guint64 count, int node)
{
    guint64 place = 0;
    Region *region = find_page(start, &place);

    if (region == NULL || place + count > region->count) {
        region = add_region(start, count);
        place = 0;
    }
    for (guint64 i = 0; i < count; i++) {
        region->nodes[place + i] = node;
    }
}

int fake_kernel_node_of(guint64 address)
{
    guint64 place;
    const Region *region = find_page(address, &place);

    return region != NULL ? region->nodes[place] : -ENOENT;
}

void fake_kernel_stick(guint64 address)
{
    guint64 place;
    Region *region = find_page(address, &place);

    g_assert_nonnull(region);
    region->stuck[place] = TRUE;
}

void fake_kernel_pretend_to_move(void)
{
    pretends_to_move = TRUE;
}

void fake_kernel_use_hugepages(void)
{
    uses_hugepages = TRUE;
}

guint fake_kernel_looks(void)
{
    return looks;
}

guint fake_kernel_moves(void)
{
    return moves;
}

guint fake_kernel_most_pages(void)
{
    return most_pages;
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

/// Moves the page, or the hugepage around it; what the kernel says of it.
static int move_page(guint64 address, int target)
{
    guint64 pages = uses_hugepages ? HUGEPAGE_PAGES : 1;
    guint64 first = address - address % (pages * PAGE), place;

    for (guint64 i = 0; i < pages; i++) {
        Region *region = find_page(first + i * PAGE, &place);
        if (region != NULL && region->nodes[place] >= 0) {
            region->nodes[place] = target;
        }
    }
    return target;
}

/// As do_pages_move() of Linux: the first page that would not move ends it.
static void move_until_stuck(guint count, void *const *pages, const int *targets, int *nodes)
{
    for (guint i = 0; i < count; i++) {
        guint64 address = (gsize)pages[i], place;
        const Region *region = find_page(address, &place);
        if (region == NULL || region->nodes[place] < 0) {
            nodes[i] = -ENOENT;
        } else if (region->stuck[place]) {
            nodes[i] = -EBUSY;
            return;
        } else if (region->nodes[place] == targets[i] && uses_hugepages) {
            nodes[i] = -EBUSY;
        } else {
            nodes[i] = pretends_to_move ? targets[i] : move_page(address, targets[i]);
        }
    }
}

static gboolean move_pages(
    int pid, guint count, void *const *pages, const int *targets, int *nodes, GError **error)
{
    if (targets != NULL && on_move != NULL) {
        on_move(pid, on_move_data);
    } else if (targets == NULL && on_look != NULL) {
        on_look(pid, on_look_data);
    }
    looks += targets == NULL;
    moves += targets != NULL;
    most_pages = MAX(most_pages, count);
    switch (temper_of(pid)) {
    case ENDED:
        return error_set_errno(error, ESRCH, "cannot look at the memory of process %d", pid);
    case HIDES:
        return error_set_errno(error, EPERM, "cannot look at the memory of process %d", pid);
    case REFUSES:
        if (targets != NULL) {
            return error_set_errno(error, ENOMEM, "cannot move the memory of process %d", pid);
        }
        break;
    case OBEYS:
    case PRETENDS:
        break;
    }
    if (targets != NULL) {
        move_until_stuck(count, pages, targets, nodes);
        return TRUE;
    }
    for (guint i = 0; i < count; i++) {
        nodes[i] = fake_kernel_node_of((gsize)pages[i]);
    }
    return TRUE;
}

static gboolean terminate(
    const Root *root, const Process *process, guint deadline_ms, GError **error)
{
    terminated = process->pid;
    return TRUE;
}

const Kernel fake_kernel = {
    .set_affinity = set_affinity,
    .get_affinity = get_affinity,
    .move_pages = move_pages,
    .terminate = terminate,
};

Plan *fake_plan_new(guint present, const char *cpus, const char *others)
{
    Plan *plan = plan_new(present);
    g_autoptr(CpuSet) set = parse(cpus);
    g_autoptr(CpuSet) rest = parse(others);
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, set) {
        PlanVcpu vcpu = { .vcpu = plan->vcpus->len, .cpu = cpu, .core = cpu, .kind = "" };
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
