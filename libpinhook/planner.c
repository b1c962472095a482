// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planner.h"

#include "matching.h"

#include <string.h>

/// How many vCPUs go on a core.
typedef enum {
    SHARE_NONE,     // one; the siblings stay idle
    SHARE_UNIT,     // those of one core of the guest
    SHARE_SIBLINGS, // as many as it has CPUs
} Share;

/// How far a core is from a safe one; findings of check.h say the same in words.
typedef enum {
    RANK_SAFE,              // isolated with all its siblings
    RANK_SIBLING_AWAKE,     // isolated, a sibling is not
    RANK_AWAKE,             // not isolated
    RANK_SHARED_WITH_OTHER, // another guest holds a sibling
    RANK_COUNT,
} Rank;

/// A core that has CPUs for this VM.
typedef struct {
    guint core;
    Rank rank;
    guint node;
    guint llc;
    guint kind;
    GArray *cpus;   // guint: those that a vCPU may take, the isolated ones first
    guint isolated; // how many of these are isolated
} Candidate;

/// vCPUs that must lie on the same nodes.
typedef struct {
    GArray *vcpus; // guint, ascending
    CpuSet *nodes; // where they may lie; NULL: anywhere
    guint64 memory_mib;
    guint together; // with SHARE_UNIT: how many go on one core; 1: each on its own
} Group;

typedef struct {
    const Host *host;
    const VmConfig *vm;
    guint fastest;         // kind of any candidate
    GPtrArray *candidates; // Candidate, in the order of Host's cores
    Share share;
    guint unit;     // vCPUs of one core of the guest, with SHARE_UNIT
    guint together; // of these, as many as the group at hand has
    Rank worst;     // cores of a higher rank are left out
    gboolean *used; // by candidate
    Plan *plan;
} Planner;

/* Candidates. */

static void candidate_free(gpointer data)
{
    Candidate *candidate = data;

    g_array_unref(candidate->cpus);
    g_free(candidate);
}

static Rank rank_core(const HostCore *core, gboolean isolated, const Host *host, const Taken *taken)
{
    if (hwloc_bitmap_intersects(core->cpus, taken->cpus)) {
        return RANK_SHARED_WITH_OTHER;
    }
    if (hwloc_bitmap_isincluded(core->cpus, host->isolation->isolated)) {
        return RANK_SAFE;
    }
    return isolated ? RANK_SIBLING_AWAKE : RANK_AWAKE;
}

static void append_cpus(GArray *list, const CpuSet *cpus)
{
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        g_array_append_val(list, cpu);
    }
    hwloc_bitmap_foreach_end();
}

/// NULL: the core has nothing to give.
static Candidate *candidate_new(
    guint core, const Host *host, const CpuSet *pool, const Taken *taken)
{
    const HostCore *of = host->cores->pdata[core];
    g_autoptr(CpuSet) usable = cpuset_and(of->cpus, pool);
    g_autoptr(CpuSet) isolated = cpuset_and(usable, host->isolation->isolated);
    g_autoptr(CpuSet) awake = cpuset_minus(usable, isolated);

    if (hwloc_bitmap_iszero(usable)) {
        return NULL;
    }
    Candidate *candidate = g_new(Candidate, 1);
    *candidate = (Candidate){ .core = core,
        .rank = rank_core(of, !hwloc_bitmap_iszero(isolated), host, taken),
        .node = of->node,
        .llc = of->llc,
        .kind = of->kind,
        .cpus = g_array_new(FALSE, FALSE, sizeof(guint)),
        .isolated = cpuset_count(isolated) };
    append_cpus(candidate->cpus, isolated);
    append_cpus(candidate->cpus, awake);
    return candidate;
}

static GPtrArray *find_candidates(const Host *host, const Pool *pool, const Taken *taken)
{
    GPtrArray *candidates = g_ptr_array_new_with_free_func(candidate_free);

    for (guint i = 0; i < host->cores->len; i++) {
        Candidate *candidate = candidate_new(i, host, pool->free, taken);
        if (candidate != NULL) {
            g_ptr_array_add(candidates, candidate);
        }
    }
    return candidates;
}

/// How many of the core's CPUs count.
static guint usable_cpus(const Planner *planner, const Candidate *candidate)
{
    return planner->worst < RANK_AWAKE ? candidate->isolated : candidate->cpus->len;
}

/// How many vCPUs, or with SHARE_UNIT how many cores of the guest, the core can take.
static guint capacity_of(const Planner *planner, const Candidate *candidate)
{
    guint cpus = usable_cpus(planner, candidate);

    switch (planner->share) {
    case SHARE_NONE:
        return MIN(cpus, 1);
    case SHARE_UNIT:
        return cpus >= planner->together ? 1 : 0;
    case SHARE_SIBLINGS:
        return cpus;
    }
    g_assert_not_reached();
}

/* Groups. */

static void group_free(gpointer data)
{
    Group *group = data;

    g_array_unref(group->vcpus);
    hwloc_bitmap_free(group->nodes);
    g_free(group);
}

static Group *group_new(const CpuSet *nodes, guint64 memory_mib)
{
    Group *group = g_new(Group, 1);

    group->vcpus = g_array_new(FALSE, FALSE, sizeof(guint));
    group->nodes = nodes != NULL ? cpuset_copy(nodes) : NULL;
    group->memory_mib = memory_mib;
    group->together = 1;
    return group;
}

static void group_take(Group *group, CpuSet *left, const CpuSet *vcpus)
{
    g_autoptr(CpuSet) mine = cpuset_and(left, vcpus);
    unsigned vcpu;

    hwloc_bitmap_foreach_begin (vcpu, mine) {
        g_array_append_val(group->vcpus, vcpu);
    }
    hwloc_bitmap_foreach_end();
    hwloc_bitmap_andnot(left, left, mine);
}

/// The vCPUs of @group that are of the same core of the guest as its @first'th.
static guint count_unit(const Group *group, guint first, guint unit)
{
    guint core = g_array_index(group->vcpus, guint, first) / unit;
    guint count = 0;

    while (first + count < group->vcpus->len &&
           g_array_index(group->vcpus, guint, first + count) / unit == core) {
        count++;
    }
    return count;
}

/// Cores of the guest that are not whole, for the group has an odd vCPU, need fewer CPUs than the
/// others: each becomes a group of its own, behind the whole ones.
static void split_group(GPtrArray *groups, const Group *group, guint unit)
{
    Group *whole = group_new(group->nodes, group->memory_mib);

    whole->together = unit;
    g_ptr_array_add(groups, whole);
    for (guint i = 0, count; i < group->vcpus->len; i += count) {
        Group *target = whole;
        count = count_unit(group, i, unit);
        if (count < unit) {
            target = group_new(group->nodes, 0);
            target->together = count;
            g_ptr_array_add(groups, target);
        }
        g_array_append_vals(target->vcpus, &g_array_index(group->vcpus, guint, i), count);
    }
}

/// Those that may lie on fewer nodes first: they leave the least choice.
static int compare_groups(gconstpointer a, gconstpointer b)
{
    const Group *first = *(Group *const *)a, *second = *(Group *const *)b;
    guint first_nodes = first->nodes != NULL ? cpuset_count(first->nodes) : G_MAXUINT;
    guint second_nodes = second->nodes != NULL ? cpuset_count(second->nodes) : G_MAXUINT;

    return first_nodes < second_nodes ? -1 : first_nodes > second_nodes;
}

/// The cells with hostnodes, each vCPU in the first that names it, and all others together.
static GPtrArray *find_cells(const VmConfig *vm)
{
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
    g_autoptr(CpuSet) left = cpuset_new();
    guint64 memory_mib = vm->memory_mib;

    hwloc_bitmap_set_range(left, 0, (int)vm->vcpus_most - 1);
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->cpus == NULL || cell->hostnodes == NULL) {
            continue;
        }
        Group *group = group_new(cell->hostnodes, cell->memory_mib);
        group_take(group, left, cell->cpus);
        g_ptr_array_add(groups, group);
        memory_mib -= MIN(memory_mib, cell->memory_mib);
    }
    Group *others = group_new(NULL, memory_mib);
    g_autoptr(CpuSet) all = cpuset_copy(left);
    group_take(others, left, all);
    g_ptr_array_add(groups, others);
    g_ptr_array_sort(groups, compare_groups);
    return groups;
}

static GPtrArray *find_groups(const Planner *planner, const VmConfig *vm)
{
    g_autoptr(GPtrArray) cells = find_cells(vm);

    if (planner->share != SHARE_UNIT) {
        return g_steal_pointer(&cells);
    }
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
    for (guint i = 0; i < cells->len; i++) {
        split_group(groups, cells->pdata[i], planner->unit);
    }
    return groups;
}

/// How many places of capacity_of() the group needs.
static guint places_for(const Planner *planner, const Group *group)
{
    return planner->share == SHARE_UNIT ? group->vcpus->len / group->together : group->vcpus->len;
}

/* Choosing cores on given nodes. */

/// What a choice is judged by, the first first; of each the least is the best.
enum {
    DISTANCE,
    MEMORY_SHORT,
    KINDS,
    LLCS,
    LLC_LEFT,
    NODE_LEFT,
    MEASURES,
};

typedef struct {
    GPtrArray *candidates; // not owned
    guint64 measures[MEASURES];
} Choice;

static void choice_free(Choice *choice)
{
    if (choice != NULL) {
        g_ptr_array_unref(choice->candidates);
        g_free(choice);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Choice, choice_free)

static gboolean is_better(const Choice *choice, const Choice *than)
{
    if (than == NULL) {
        return TRUE;
    }
    for (guint i = 0; i < MEASURES; i++) {
        if (choice->measures[i] != than->measures[i]) {
            return choice->measures[i] < than->measures[i];
        }
    }
    return FALSE;
}

/// The unused cores on @nodes of the fastest kind that has enough places, or of all kinds.
static GPtrArray *cores_on_nodes(
    const Planner *planner, const CpuSet *nodes, guint places, guint64 *kinds)
{
    g_autoptr(GPtrArray) cores = g_ptr_array_new();

    for (guint i = 0; i < planner->candidates->len; i++) {
        Candidate *candidate = planner->candidates->pdata[i];
        if (!planner->used[i] && candidate->rank <= planner->worst &&
            hwloc_bitmap_isset(nodes, candidate->node) && capacity_of(planner, candidate) > 0) {
            g_ptr_array_add(cores, candidate);
        }
    }
    for (guint kind = planner->fastest + 1; kind-- > 0;) {
        g_autoptr(GPtrArray) alike = g_ptr_array_new();
        guint capacity = 0;
        for (guint i = 0; i < cores->len; i++) {
            Candidate *candidate = cores->pdata[i];
            if (candidate->kind == kind) {
                g_ptr_array_add(alike, candidate);
                capacity += capacity_of(planner, candidate);
            }
        }
        if (capacity >= places) {
            *kinds = planner->fastest - kind;
            return g_steal_pointer(&alike);
        }
    }
    *kinds = planner->fastest + 1;
    return g_steal_pointer(&cores);
}

/// Fuller cores first, shared ones last; those alike in the order of the host.
static int compare_for_taking(gconstpointer a, gconstpointer b, gpointer data)
{
    const Planner *planner = data;
    const Candidate *first = *(Candidate *const *)a, *second = *(Candidate *const *)b;
    guint first_capacity = capacity_of(planner, first);
    guint second_capacity = capacity_of(planner, second);

    if (first->rank != second->rank) {
        return first->rank < second->rank ? -1 : 1;
    }
    if (first_capacity != second_capacity) {
        return first_capacity > second_capacity ? -1 : 1;
    }
    return first->core < second->core ? -1 : 1;
}

/// Moves the LLC that is taken next out of @capacities: the smallest that holds all that is left,
/// else the largest.
static guint pick_llc(guint *capacities, guint count, guint places)
{
    guint picked = 0;

    for (guint i = 1; i < count; i++) {
        gboolean fits = capacities[i] >= places, picked_fits = capacities[picked] >= places;
        if (fits ? !picked_fits || capacities[i] < capacities[picked]
                 : !picked_fits && capacities[i] > capacities[picked]) {
            picked = i;
        }
    }
    return picked;
}

/// Takes cores of one LLC until @places are filled or it has no more. Returns how many it filled.
static guint take_from_llc(
    const Planner *planner, const GPtrArray *cores, guint llc, guint places, GPtrArray *taken)
{
    g_autoptr(GPtrArray) mine = g_ptr_array_new();
    guint filled = 0;

    for (guint i = 0; i < cores->len; i++) {
        if (((const Candidate *)cores->pdata[i])->llc == llc) {
            g_ptr_array_add(mine, cores->pdata[i]);
        }
    }
    g_ptr_array_sort_with_data(mine, compare_for_taking, (gpointer)planner);
    for (guint i = 0; i < mine->len && filled < places; i++) {
        g_ptr_array_add(taken, mine->pdata[i]);
        filled += capacity_of(planner, mine->pdata[i]);
    }
    return MIN(filled, places);
}

static guint64 total_distance(const Host *host, const CpuSet *nodes)
{
    guint64 total = 0;
    unsigned from, to;

    hwloc_bitmap_foreach_begin (from, nodes) {
        hwloc_bitmap_foreach_begin (to, nodes) {
            total += host_distance(host, from, to);
        }
        hwloc_bitmap_foreach_end();
    }
    hwloc_bitmap_foreach_end();
    return total;
}

static gboolean lacks_memory(const Planner *planner, const CpuSet *nodes, guint64 wanted_mib)
{
    guint64 available_mib = 0;

    for (guint i = 0; i < planner->host->nodes->len; i++) {
        const HostNode *node = planner->host->nodes->pdata[i];
        if (hwloc_bitmap_isset(nodes, node->index)) {
            available_mib += host_node_available_mib(node, planner->vm->hugepages);
        }
    }
    return available_mib < wanted_mib;
}

/// The best cores for @group on exactly @nodes; NULL: they do not have the places.
static Choice *choose_on_nodes(const Planner *planner, const Group *group, const CpuSet *nodes)
{
    guint places = places_for(planner, group);
    guint llc_count = planner->host->llcs->len;
    guint64 kinds;
    g_autoptr(GPtrArray) cores = cores_on_nodes(planner, nodes, places, &kinds);
    g_autofree guint *capacities = g_new0(guint, llc_count);
    guint capacity = 0;

    for (guint i = 0; i < cores->len; i++) {
        const Candidate *candidate = cores->pdata[i];
        capacities[candidate->llc] += capacity_of(planner, candidate);
        capacity += capacity_of(planner, candidate);
    }
    if (capacity < places) {
        return NULL;
    }

    Choice *choice = g_new0(Choice, 1);
    choice->candidates = g_ptr_array_new();
    choice->measures[DISTANCE] = total_distance(planner->host, nodes);
    choice->measures[MEMORY_SHORT] = lacks_memory(planner, nodes, group->memory_mib);
    choice->measures[KINDS] = kinds;
    choice->measures[NODE_LEFT] = capacity - places;
    for (guint left = places; left > 0;) {
        guint llc = pick_llc(capacities, llc_count, left);
        guint filled = take_from_llc(planner, cores, llc, left, choice->candidates);
        choice->measures[LLCS]++;
        choice->measures[LLC_LEFT] += capacities[llc] - filled;
        capacities[llc] = 0;
        left -= filled;
    }
    return choice;
}

/* Choosing nodes. */

/// Above this many nodes not every set of them is tried.
#define NODES_TO_COMBINE 16

typedef struct {
    guint node;
    guint capacity;
} NodeCapacity;

static int compare_capacities(gconstpointer a, gconstpointer b)
{
    const NodeCapacity *first = a, *second = b;

    if (first->capacity != second->capacity) {
        return first->capacity > second->capacity ? -1 : 1;
    }
    return first->node < second->node ? -1 : 1;
}

static int compare_node_numbers(gconstpointer a, gconstpointer b)
{
    const NodeCapacity *first = a, *second = b;

    return first->node < second->node ? -1 : 1;
}

/// The nodes, of those in @allowed (NULL: all), that have a core to give, the fullest first.
static GArray *nodes_with_cores(const Planner *planner, const CpuSet *allowed)
{
    GArray *nodes = g_array_new(FALSE, FALSE, sizeof(NodeCapacity));

    /* The candidates come node by node. */
    for (guint i = 0; i < planner->candidates->len; i++) {
        const Candidate *candidate = planner->candidates->pdata[i];
        guint capacity = capacity_of(planner, candidate);
        if (planner->used[i] || candidate->rank > planner->worst || capacity == 0 ||
            (allowed != NULL && !hwloc_bitmap_isset(allowed, candidate->node))) {
            continue;
        }
        NodeCapacity *last = nodes->len > 0 ? &g_array_index(nodes, NodeCapacity, nodes->len - 1)
                                            : NULL;
        if (last != NULL && last->node == candidate->node) {
            last->capacity += capacity;
        } else {
            NodeCapacity node = { .node = candidate->node, .capacity = capacity };
            g_array_append_val(nodes, node);
        }
    }
    g_array_sort(nodes, compare_capacities);
    return nodes;
}

/// How many of @nodes, the fullest first, it takes for @places; more than there are: not enough.
static guint fewest_nodes(const GArray *nodes, guint places)
{
    guint count = 0, capacity = 0;

    while (count < nodes->len && (count == 0 || capacity < places)) {
        capacity += g_array_index(nodes, NodeCapacity, count).capacity;
        count++;
    }
    return capacity >= places ? count : nodes->len + 1;
}

/// The next higher number with as many bits set.
static guint64 next_combination(guint64 mask)
{
    guint64 lowest = mask & -mask;
    guint64 carried = mask + lowest;

    return carried | (((mask ^ carried) >> 2) / lowest);
}

static CpuSet *nodes_of_mask(const GArray *nodes, guint64 mask)
{
    CpuSet *set = cpuset_new();

    for (guint i = 0; i < nodes->len; i++) {
        if (mask & (G_GUINT64_CONSTANT(1) << i)) {
            hwloc_bitmap_set(set, g_array_index(nodes, NodeCapacity, i).node);
        }
    }
    return set;
}

/// So many sets of nodes are tried, and no more: a start is waiting.
#define COMBINATIONS 1000

/// The best choice on any @count of @nodes; NULL: none that was tried has the places.
static Choice *choose_on_so_many(
    const Planner *planner, const Group *group, const GArray *nodes, guint count)
{
    guint64 end = G_GUINT64_CONSTANT(1) << nodes->len;
    Choice *best = NULL;
    guint tried = 0;

    for (guint64 mask = (G_GUINT64_CONSTANT(1) << count) - 1; mask < end && tried < COMBINATIONS;
         mask = next_combination(mask), tried++) {
        g_autoptr(CpuSet) set = nodes_of_mask(nodes, mask);
        g_autoptr(Choice) choice = choose_on_nodes(planner, group, set);
        if (choice != NULL && is_better(choice, best)) {
            choice_free(best);
            best = g_steal_pointer(&choice);
        }
    }
    return best;
}

static Choice *choose_cores(const Planner *planner, const Group *group, const CpuSet *allowed)
{
    g_autoptr(GArray) nodes = nodes_with_cores(planner, allowed);

    guint count = fewest_nodes(nodes, places_for(planner, group));
    if (nodes->len == 0 || count > nodes->len) {
        return NULL;
    }
    g_autoptr(CpuSet) fullest = cpuset_new();
    for (guint i = 0; i < count; i++) {
        hwloc_bitmap_set(fullest, g_array_index(nodes, NodeCapacity, i).node);
    }
    if (count > NODES_TO_COMBINE) {
        return choose_on_nodes(planner, group, fullest);
    }
    g_array_set_size(nodes, MIN(nodes->len, NODES_TO_COMBINE));
    g_array_sort(nodes, compare_node_numbers);
    Choice *best = choose_on_so_many(planner, group, nodes, count);
    return best != NULL ? best : choose_on_nodes(planner, group, fullest);
}

/* Putting vCPUs on cores. */

static int compare_candidates(gconstpointer a, gconstpointer b)
{
    const Candidate *first = *(Candidate *const *)a, *second = *(Candidate *const *)b;

    return first->core < second->core ? -1 : first->core > second->core;
}

/// The @place'th CPU of the core that a vCPU may take; -1: it has fewer.
static int cpu_at(const Planner *planner, const Candidate *candidate, guint place)
{
    return place < usable_cpus(planner, candidate)
               ? (int)g_array_index(candidate->cpus, guint, place)
               : -1;
}

static void put_vcpu(Planner *planner, guint vcpu, guint cpu, const Candidate *candidate)
{
    Plan *plan = planner->plan;

    g_array_index(plan->vcpus, PlanVcpu, vcpu) = (PlanVcpu){ .vcpu = vcpu,
        .cpu = cpu,
        .core = candidate->core,
        .node = candidate->node,
        .llc = candidate->llc };
    hwloc_bitmap_set(plan->cpus, cpu);
    hwloc_bitmap_set(plan->nodes, candidate->node);
}

/// One unit after the other, each on its core's CPUs in order.
static void put_units(Planner *planner, const Group *group, const GPtrArray *cores)
{
    guint core = 0, place = 0;

    for (guint i = 0; i < group->vcpus->len; i++) {
        guint vcpu = g_array_index(group->vcpus, guint, i);
        if (i > 0 &&
            vcpu / planner->unit != g_array_index(group->vcpus, guint, i - 1) / planner->unit) {
            core++;
            place = 0;
        }
        put_vcpu(
            planner, vcpu, (guint)cpu_at(planner, cores->pdata[core], place++), cores->pdata[core]);
    }
}

/// All first siblings, then all second ones, and so on.
static void put_siblings(Planner *planner, const Group *group, const GPtrArray *cores)
{
    guint next = 0;

    for (guint place = 0; next < group->vcpus->len; place++) {
        for (guint core = 0; core < cores->len && next < group->vcpus->len; core++) {
            int cpu = cpu_at(planner, cores->pdata[core], place);
            if (cpu >= 0) {
                guint vcpu = g_array_index(group->vcpus, guint, next++);
                put_vcpu(planner, vcpu, (guint)cpu, cores->pdata[core]);
            }
        }
    }
}

static void use_core(Planner *planner, const Candidate *candidate)
{
    const HostCore *core = planner->host->cores->pdata[candidate->core];

    for (guint i = 0; i < planner->candidates->len; i++) {
        planner->used[i] |= planner->candidates->pdata[i] == candidate;
    }
    hwloc_bitmap_or(planner->plan->reserved, planner->plan->reserved, core->cpus);
}

static void put_group(Planner *planner, const Group *group, const Choice *choice)
{
    g_ptr_array_sort(choice->candidates, compare_candidates);
    if (planner->share == SHARE_UNIT) {
        put_units(planner, group, choice->candidates);
    } else {
        put_siblings(planner, group, choice->candidates);
    }
    for (guint i = 0; i < choice->candidates->len; i++) {
        use_core(planner, choice->candidates->pdata[i]);
    }
}

static gboolean place_group(Planner *planner, const Group *group)
{
    const CpuSet *chosen = planner->plan->nodes;
    g_autoptr(Choice) choice = NULL;

    if (group->vcpus->len == 0) {
        return TRUE;
    }
    planner->together = group->together;
    if (group->nodes == NULL && !hwloc_bitmap_iszero(chosen)) {
        choice = choose_cores(planner, group, chosen);
    }
    if (choice == NULL) {
        choice = choose_cores(planner, group, group->nodes);
    }
    if (choice == NULL) {
        return FALSE;
    }
    put_group(planner, group, choice);
    return TRUE;
}

/* The other threads. */

static void use_spare(Planner *planner, const Candidate *candidate)
{
    use_core(planner, candidate);
    /* One CPU: several isolated ones in a mask would pile the threads up on one of them. */
    hwloc_bitmap_only(planner->plan->others, (unsigned)cpu_at(planner, candidate, 0));
}

/// A core of the pool for the other threads alone: on the vCPUs' nodes if there is one.
static gboolean place_spare(Planner *planner)
{
    g_autoptr(GArray) one = g_array_new(FALSE, TRUE, sizeof(guint));
    Group group = { .vcpus = one };
    guint nobody = 0;

    g_array_append_val(one, nobody);
    planner->share = SHARE_NONE;
    g_autoptr(Choice) choice = choose_cores(planner, &group, planner->plan->nodes);
    if (choice == NULL) {
        choice = choose_cores(planner, &group, NULL);
    }
    if (choice == NULL) {
        return FALSE;
    }
    use_spare(planner, choice->candidates->pdata[0]);
    return TRUE;
}

static CpuSet *cpus_of_nodes(const Host *host, const CpuSet *nodes)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (hwloc_bitmap_isset(nodes, node->index)) {
            hwloc_bitmap_or(cpus, cpus, node->cpus);
        }
    }
    return cpus;
}

/// Of @cpus those that the scheduler balances, or one: threads with several isolated CPUs in their
/// mask would pile up on one of them.
static void set_others(Plan *plan, const CpuSet *cpus, const Host *host)
{
    hwloc_bitmap_andnot(plan->others, cpus, host->isolation->isolated);
    if (hwloc_bitmap_iszero(plan->others) && !hwloc_bitmap_iszero(cpus)) {
        hwloc_bitmap_only(plan->others, (unsigned)hwloc_bitmap_first(cpus));
    }
}

static void place_on_housekeeping(Plan *plan, const Host *host, const Taken *taken)
{
    g_autoptr(CpuSet) awake = cpuset_minus(host->online, host->isolation->isolated);
    g_autoptr(CpuSet) unheld = cpuset_minus(awake, taken->cpus);
    g_autoptr(CpuSet) housekeeping = cpuset_minus(unheld, plan->reserved);
    g_autoptr(CpuSet) local_cpus = cpus_of_nodes(host, plan->nodes);
    g_autoptr(CpuSet) local = cpuset_and(housekeeping, local_cpus);
    const CpuSet *choices[] = { local, housekeeping, unheld, awake, host->online };
    guint choice = 0;

    while (choice < G_N_ELEMENTS(choices) - 1 && hwloc_bitmap_iszero(choices[choice])) {
        choice++;
    }
    set_others(plan, choices[choice], host);
    plan->others_share = choices[choice] != local && choices[choice] != housekeeping;
}

static void place_on_emulator_cpus(
    Plan *plan, const CpuSet *wanted, const Host *host, const Taken *taken)
{
    g_autoptr(CpuSet) online = cpuset_and(wanted, host->online);
    g_autoptr(CpuSet) off_cores = cpuset_minus(online, plan->cores);
    g_autoptr(CpuSet) unheld = cpuset_minus(off_cores, taken->cpus);

    if (hwloc_bitmap_iszero(off_cores)) {
        place_on_housekeeping(plan, host, taken);
        plan->others_share = TRUE;
        return;
    }
    plan->others_share = hwloc_bitmap_iszero(unheld);
    set_others(plan, plan->others_share ? off_cores : unheld, host);
}

static gboolean place_others(Planner *planner, const Policy *policy, const Taken *taken)
{
    switch (policy->emulator) {
    case POLICY_SPARE:
        return place_spare(planner);
    case POLICY_EMULATOR_CPUS:
        place_on_emulator_cpus(planner->plan, policy->emulator_cpus, planner->host, taken);
        return TRUE;
    case POLICY_HOUSEKEEPING:
        place_on_housekeeping(planner->plan, planner->host, taken);
        return TRUE;
    }
    g_assert_not_reached();
}

/* When placing one group after the other leads to no plan: any that there is. */

/// What a core of the guest, or with SHARE_SIBLINGS a vCPU, can have.
typedef struct {
    const Candidate *candidate;
    guint place; // with SHARE_SIBLINGS: of the core's CPUs
} Seat;

typedef struct {
    const Planner *planner;
    GPtrArray *nodes; // CpuSet by guest: where it may lie; NULL: anywhere
    GArray *seats;    // Seat
    guint unit;       // vCPUs of a guest of the matching
    guint vcpus;
} Seating;

static guint count_members(const Seating *seating, guint guest)
{
    return MIN(seating->unit, seating->vcpus - guest * seating->unit);
}

static gboolean seat_fits(guint guest, guint seat, gpointer data)
{
    const Seating *seating = data;
    const Candidate *candidate = g_array_index(seating->seats, Seat, seat).candidate;
    const CpuSet *nodes = seating->nodes->pdata[guest];

    return (nodes == NULL || hwloc_bitmap_isset(nodes, candidate->node)) &&
           usable_cpus(seating->planner, candidate) >= count_members(seating, guest);
}

/// The vCPUs of a core of the guest may lie where each of them may.
static void find_nodes(Seating *seating, const GPtrArray *groups)
{
    seating->nodes = g_ptr_array_new_with_free_func((GDestroyNotify)hwloc_bitmap_free);
    g_ptr_array_set_size(
        seating->nodes, (int)((seating->vcpus + seating->unit - 1) / seating->unit));
    for (guint i = 0; i < groups->len; i++) {
        const Group *group = groups->pdata[i];
        for (guint j = 0; group->nodes != NULL && j < group->vcpus->len; j++) {
            guint guest = g_array_index(group->vcpus, guint, j) / seating->unit;
            CpuSet *before = seating->nodes->pdata[guest];
            seating->nodes->pdata[guest] = before != NULL ? cpuset_and(before, group->nodes)
                                                          : cpuset_copy(group->nodes);
            hwloc_bitmap_free(before);
        }
    }
}

/// Those of all cores but @spare.
static void find_seats(Seating *seating, const Candidate *spare)
{
    const Planner *planner = seating->planner;

    seating->seats = g_array_new(FALSE, FALSE, sizeof(Seat));
    for (guint i = 0; i < planner->candidates->len; i++) {
        const Candidate *candidate = planner->candidates->pdata[i];
        guint places = planner->share == SHARE_SIBLINGS ? usable_cpus(planner, candidate) : 1;
        if (candidate == spare || candidate->rank > planner->worst) {
            continue;
        }
        for (guint place = 0; place < places; place++) {
            Seat seat = { .candidate = candidate, .place = place };
            g_array_append_val(seating->seats, seat);
        }
    }
}

static void put_guests(Planner *planner, const Seating *seating, const guint *seat_of)
{
    for (guint guest = 0; guest < seating->nodes->len; guest++) {
        const Seat *seat = &g_array_index(seating->seats, Seat, seat_of[guest]);
        for (guint i = 0; i < count_members(seating, guest); i++) {
            put_vcpu(planner, guest * seating->unit + i,
                (guint)cpu_at(planner, seat->candidate, seat->place + i), seat->candidate);
        }
        use_core(planner, seat->candidate);
    }
}

/// @spare: the core that is left to the other threads; NULL: none.
static gboolean place_somehow(Planner *planner, const GPtrArray *groups, const Candidate *spare)
{
    Seating seating = { .planner = planner,
        .unit = planner->share == SHARE_UNIT ? planner->unit : 1,
        .vcpus = planner->plan->vcpus->len };

    find_nodes(&seating, groups);
    find_seats(&seating, spare);
    g_autofree guint *seat_of = g_new0(guint, seating.nodes->len);
    gboolean found = matching_find(
        seating.nodes->len, seating.seats->len, seat_fits, &seating, seat_of);
    if (found) {
        put_guests(planner, &seating, seat_of);
    }
    g_ptr_array_unref(seating.nodes);
    g_array_unref(seating.seats);
    return found;
}

/* One try, and which to try. */

/// Cells may cut a core of the guest: then its vCPUs are not together, and this is no plan.
static gboolean units_are_whole(const Planner *planner)
{
    const GArray *vcpus = planner->plan->vcpus;

    for (guint i = 1; planner->share == SHARE_UNIT && i < vcpus->len; i++) {
        if (i % planner->unit != 0 &&
            g_array_index(vcpus, PlanVcpu, i).core != g_array_index(vcpus, PlanVcpu, i - 1).core) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean place_all(
    Planner *planner, const GPtrArray *groups, const Policy *policy, const Taken *taken)
{
    for (guint i = 0; i < groups->len; i++) {
        if (!place_group(planner, groups->pdata[i])) {
            return FALSE;
        }
    }
    hwloc_bitmap_copy(planner->plan->cores, planner->plan->reserved);
    return units_are_whole(planner) && place_others(planner, policy, taken);
}

static gboolean place_all_somehow(
    Planner *planner, const GPtrArray *groups, const Policy *policy, const Taken *taken)
{
    gboolean spare = policy->emulator == POLICY_SPARE;

    for (guint i = 0; i < (spare ? planner->candidates->len : 1); i++) {
        const Candidate *left = spare ? planner->candidates->pdata[i] : NULL;
        if ((left != NULL && (left->rank > planner->worst || usable_cpus(planner, left) == 0)) ||
            !place_somehow(planner, groups, left)) {
            continue;
        }
        hwloc_bitmap_copy(planner->plan->cores, planner->plan->reserved);
        if (spare) {
            use_spare(planner, left);
            return TRUE;
        }
        return place_others(planner, policy, taken);
    }
    return FALSE;
}

/// A cell's memory lies on its hostnodes, some of which may have no CPUs.
static void add_memory_nodes(Plan *plan, const GPtrArray *groups)
{
    for (guint i = 0; i < groups->len; i++) {
        const Group *group = groups->pdata[i];
        if (group->nodes != NULL) {
            hwloc_bitmap_or(plan->nodes, plan->nodes, group->nodes);
        }
    }
}

typedef gboolean (*Place)(
    Planner *planner, const GPtrArray *groups, const Policy *policy, const Taken *taken);

static Plan *try_plan(
    Planner *planner, const Policy *policy, const Taken *taken, Share share, Place place)
{
    g_autoptr(Plan) plan = plan_new(planner->vm->vcpus_present);

    planner->share = share;
    planner->plan = plan;
    g_autoptr(GPtrArray) groups = find_groups(planner, planner->vm);
    g_array_set_size(plan->vcpus, planner->vm->vcpus_most);
    memset(planner->used, 0, planner->candidates->len * sizeof(*planner->used));
    if (!place(planner, groups, policy, taken)) {
        return NULL;
    }
    add_memory_nodes(plan, groups);
    return g_steal_pointer(&plan);
}

guint planner_unit(const VmConfig *vm, const Policy *policy)
{
    switch (policy->smt) {
    case POLICY_SMT_AUTO:
        return vm->threads;
    case POLICY_SMT_ISOLATE:
        return 1;
    case POLICY_SMT_PAIR:
        return MAX(vm->threads, 2);
    }
    g_assert_not_reached();
}

/// The ways to share cores that the VM may be given, the best first; returns how many.
static guint find_shares(const Policy *policy, guint unit, Share shares[2])
{
    shares[0] = unit > 1 ? SHARE_UNIT : SHARE_NONE;
    shares[1] = SHARE_SIBLINGS;
    return unit == 1 && policy->smt == POLICY_SMT_AUTO ? 2 : 1;
}

Plan *planner_place(const VmConfig *vm, const Policy *policy, const Host *host, const Pool *pool,
    const Taken *taken)
{
    g_autoptr(GPtrArray) candidates = find_candidates(host, pool, taken);
    g_autofree gboolean *used = g_new0(gboolean, MAX(candidates->len, 1));
    Planner planner = { .host = host, .vm = vm, .candidates = candidates, .used = used };
    Share shares[2];
    Plan *plan = NULL;

    for (guint i = 0; i < candidates->len; i++) {
        planner.fastest = MAX(planner.fastest, ((const Candidate *)candidates->pdata[i])->kind);
    }
    planner.unit = planner_unit(vm, policy);
    guint count = find_shares(policy, planner.unit, shares);

    for (guint worst = 0; plan == NULL && worst < RANK_COUNT; worst++) {
        planner.worst = (Rank)worst;
        for (guint i = 0; plan == NULL && i < count; i++) {
            plan = try_plan(&planner, policy, taken, shares[i], place_all);
            if (plan == NULL && (vm->guest_cells->len > 0 || policy->emulator == POLICY_SPARE)) {
                plan = try_plan(&planner, policy, taken, shares[i], place_all_somehow);
            }
        }
    }
    return plan;
}
