// SPDX-License-Identifier: LGPL-2.1-or-later
/* Nothing here is the planner's: sets are the bits of a number, cells fit by Hall's condition, and
 * the best is what is left when all are held against each other. */
#include "fakes/brute-force.h"

#include <string.h>

#define MOST_GROUPS 16
#define MOST_CELLS 5
#define MOST_LAYOUTS 20000
#define GRADES_OF_RANK 16

/// A CPU of the pool.
typedef struct {
    guint cpu, core, node, llc, kind;
    guint place; // on its core, among the pool's: isolated ones first
    guint rank;  // 0: safe, 1: a sibling is awake, 2: awake, 3: another guest has a sibling
    gboolean first_core;
} BruteCpu;

/// Units that want the same: vCPUs of one core of the guest, or each its own.
typedef struct {
    guint cell, size, count, nodes; // nodes: bits
} Group;

/// Which nodes each cell has, and what is to be said of that.
typedef struct {
    guint of_cell[MOST_CELLS];
    guint nodes;
    guint64 worth[7];
} Layout;

/// CPUs that hold the hard rules wherever the cells lie.
typedef struct {
    guint cpus;
    guint ranks[4];
    int kind;                      // -1: several
    guint stacked;                 // vCPUs on a core that has one before them
    guint64 slow;                  // of several kinds: cores of those that are not preferred
    guint on_node[2][BRUTE_NODES]; // units: those of full size, and the smaller one
    gboolean may;                  // of the way at hand
} Chosen;

/// A way to share cores, of a kind.
typedef struct {
    int kind; // -1: a mix
    gboolean shares, one_node_each;
} Way;

enum { WORTHS = 24 };

typedef struct {
    guint64 worth[WORTHS];
    guint count;
} Worth;

/// A set of CPUs on a layout.
typedef struct {
    const Chosen *set;
    const Layout *layout;
    guint llcs;
    Worth worth;
} Found;

typedef struct {
    const Case *c;
    BruteForce *done;
    BruteCpu cpus[BRUTE_CPUS];
    guint count;
    int left_out; // core; -1: none
    guint unit;
    Group groups[MOST_GROUPS];
    guint group_count, cells, units;
    guint cell_of[MOST_CELLS]; // the guest's, by ours
    GArray *sets;              // Chosen
    GArray *layouts;           // Layout, of the way at hand
    Way way;
    guint worst; // grade, of the way at hand
} Brute;

/* The case. */

static gboolean is_isolated(const Case *c, guint cpu)
{
    return hwloc_bitmap_isset(c->host->isolation->isolated, cpu) != 0;
}

static const HostCore *core_at(const Case *c, guint place)
{
    return c->host->cores->pdata[place];
}

static guint rank_of(const Case *c, const HostCore *core, gboolean isolated)
{
    if (hwloc_bitmap_intersects(core->cpus, c->taken->cpus)) {
        return 3;
    }
    if (hwloc_bitmap_isincluded(core->cpus, c->host->isolation->isolated)) {
        return 0;
    }
    return isolated ? 1 : 2;
}

static void add_cpu(Brute *brute, guint cpu, guint place, const CpuSet *first)
{
    const Case *c = brute->c;
    guint at = (guint)host_core_of(c->host, cpu);
    const HostCore *core = core_at(c, at);

    g_assert_cmpuint(brute->count, <, BRUTE_CPUS);
    brute->cpus[brute->count++] = (BruteCpu){ .cpu = cpu,
        .core = at,
        .node = core->node,
        .llc = core->llc,
        .kind = core->kind,
        .place = place,
        .rank = rank_of(c, core, is_isolated(c, cpu)),
        .first_core = hwloc_bitmap_isset(first, cpu) };
}

static void find_cpus(Brute *brute)
{
    const Case *c = brute->c;
    g_autoptr(CpuSet) first = host_first_core(c->host);

    for (guint i = 0; i < c->host->cores->len; i++) {
        guint place = 0;
        for (int isolated = 1; isolated >= 0; isolated--) {
            unsigned cpu;
            hwloc_bitmap_foreach_begin (cpu, core_at(c, i)->cpus) {
                if (hwloc_bitmap_isset(c->pool->free, cpu) && is_isolated(c, cpu) == isolated) {
                    add_cpu(brute, cpu, place++, first);
                }
            }
            hwloc_bitmap_foreach_end();
        }
    }
}

static guint usable_of(const Brute *brute, guint core)
{
    guint usable = 0;

    for (guint i = 0; i < brute->count && (int)core != brute->left_out; i++) {
        usable += brute->cpus[i].core == core;
    }
    return usable;
}

/// The CPU that the core would give first, as many it has; NULL: it has none.
static const BruteCpu *cpu_at(const Brute *brute, guint core, guint place)
{
    for (guint i = 0; i < brute->count; i++) {
        if (brute->cpus[i].core == core && brute->cpus[i].place == place) {
            return &brute->cpus[i];
        }
    }
    return NULL;
}

static guint bits_of(const CpuSet *set)
{
    guint bits = 0;
    unsigned i;

    hwloc_bitmap_foreach_begin (i, set) {
        bits |= i < BRUTE_NODES ? 1u << i : 0;
    }
    hwloc_bitmap_foreach_end();
    return bits;
}

static guint cell_of_vcpu(const Case *c, guint vcpu)
{
    for (guint i = 0; i < c->vm->guest_cells->len; i++) {
        const VmCell *cell = c->vm->guest_cells->pdata[i];
        if (hwloc_bitmap_isset(cell->cpus, vcpu)) {
            return i;
        }
    }
    return c->vm->guest_cells->len;
}

static guint our_cell(Brute *brute, guint cell)
{
    for (guint i = 0; i < brute->cells; i++) {
        if (brute->cell_of[i] == cell) {
            return i;
        }
    }
    g_assert_cmpuint(brute->cells, <, MOST_CELLS);
    brute->cell_of[brute->cells] = cell;
    return brute->cells++;
}

static void add_group(Brute *brute, const Group *one)
{
    for (guint i = 0; i < brute->group_count; i++) {
        Group *group = &brute->groups[i];
        if (group->cell == one->cell && group->size == one->size && group->nodes == one->nodes) {
            group->count++;
            return;
        }
    }
    g_assert_cmpuint(brute->group_count, <, MOST_GROUPS);
    brute->groups[brute->group_count++] = *one;
}

static void find_groups(Brute *brute)
{
    const Case *c = brute->c;

    brute->unit = case_unit(c);
    brute->group_count = brute->cells = brute->units = 0;
    for (guint first = 0; first < c->vm->vcpus_most; first += brute->unit) {
        Group one = { .cell = our_cell(brute, cell_of_vcpu(c, first)),
            .size = MIN(brute->unit, c->vm->vcpus_most - first),
            .count = 1,
            .nodes = (1u << BRUTE_NODES) - 1 };
        for (guint i = 0; i < one.size; i++) {
            const CpuSet *nodes = case_nodes_for_vcpu(c, first + i);
            one.nodes &= nodes != NULL ? bits_of(nodes) : G_MAXUINT;
        }
        add_group(brute, &one);
        brute->units++;
    }
}

/* Hall's condition. */

static gboolean is_full(const Brute *brute, const Group *group)
{
    return group->size == brute->unit;
}

/// Whether every group finds its cores or CPUs of @set on the nodes that @layout (NULL: any) gives
/// its cell: any groups of one size have, together, as many on their nodes as they want.
static gboolean fit(const Brute *brute, const Chosen *set, const Layout *layout)
{
    for (guint some = 1; some < 1u << brute->group_count; some++) {
        guint wanted[2] = { 0 }, nodes[2] = { 0 }, have[2] = { 0 };
        for (guint i = 0; i < brute->group_count; i++) {
            const Group *group = &brute->groups[i];
            guint size = is_full(brute, group) ? 0 : 1;
            if ((some >> i & 1) != 0) {
                wanted[size] += group->count;
                nodes[size] |= group->nodes &
                               (layout != NULL ? layout->of_cell[group->cell] : G_MAXUINT);
            }
        }
        for (guint i = 0; i < 2 * BRUTE_NODES; i++) {
            guint size = i / BRUTE_NODES, node = i % BRUTE_NODES;
            have[size] += (nodes[size] >> node & 1) != 0 ? set->on_node[size][node] : 0;
        }
        if (have[0] < wanted[0] || have[1] < wanted[1]) {
            return FALSE;
        }
    }
    return TRUE;
}

/// How much any cells want beyond what there is on their nodes: the most there is of that.
static guint64 missing_memory(const Brute *brute, const Layout *layout)
{
    const Case *c = brute->c;
    guint cells = c->vm->guest_cells->len;
    guint64 most = 0;

    for (guint some = 1; some < 2u << cells; some++) {
        guint64 wanted = 0, bound = 0, have = 0;
        guint nodes = 0;
        for (guint i = 0; i <= cells; i++) {
            const VmCell *cell = i < cells ? c->vm->guest_cells->pdata[i] : NULL;
            guint64 its = cell != NULL ? cell->memory_mib
                                       : c->vm->memory_mib - MIN(bound, c->vm->memory_mib);
            guint on = layout->nodes;
            for (guint j = 0; j < brute->cells; j++) {
                on = brute->cell_of[j] == i && cells > 0 && i < cells ? layout->of_cell[j] : on;
            }
            if (cell != NULL && cell->hostnodes != NULL) {
                on = bits_of(cell->hostnodes);
            }
            bound += cell != NULL ? its : 0;
            if ((some >> i & 1) != 0 && its > 0) {
                wanted += its;
                nodes |= on;
            }
        }
        for (guint i = 0; i < c->host->nodes->len; i++) {
            const HostNode *node = c->host->nodes->pdata[i];
            have += (nodes >> node->index & 1) != 0 ? host_node_available_mib(node, NULL) : 0;
        }
        most = MAX(most, wanted - MIN(wanted, have));
    }
    return most;
}

/* Sets. */

static guint preference(const Brute *brute, guint kind)
{
    guint fastest = 0;

    if (brute->c->policy->kind == POLICY_KIND_ANY) {
        return 0;
    }
    for (guint i = 0; i < brute->count; i++) {
        fastest = MAX(fastest, brute->cpus[i].kind);
    }
    return brute->c->policy->kind == POLICY_KIND_FAST ? fastest - kind : kind;
}

static guint count_on_core(const Brute *brute, guint cpus, guint core)
{
    guint count = 0;

    for (guint i = 0; i < brute->count; i++) {
        count += (cpus >> i & 1) != 0 && brute->cpus[i].core == core;
    }
    return count;
}

/// What a unit on the core comes to lie on, by what a whole one would take of it.
static guint rank_of_unit(const Brute *brute, guint core)
{
    guint last = MIN(brute->unit, usable_of(brute, core)) - 1;

    return cpu_at(brute, core, last)->rank;
}

static gboolean add_units_of_core(const Brute *brute, Chosen *set, guint core, guint count)
{
    const BruteCpu *first = cpu_at(brute, core, 0);
    guint full = brute->unit, rest = brute->c->vm->vcpus_most % brute->unit;

    if (brute->unit == 1) {
        if (count > 1 && brute->c->policy->smt == POLICY_SMT_ISOLATE) {
            return FALSE;
        }
        set->on_node[0][first->node] += count;
        set->stacked += count - 1;
        return TRUE;
    }
    if (count != full && count != rest) {
        return FALSE;
    }
    set->on_node[count == full ? 0 : 1][first->node]++;
    set->ranks[rank_of_unit(brute, core)]++;
    return TRUE;
}

static void add_kinds(const Brute *brute, Chosen *set, guint core)
{
    const BruteCpu *first = cpu_at(brute, core, 0);
    guint count = count_on_core(brute, set->cpus, core);
    guint before = preference(brute, first->kind);

    set->kind = set->kind == -2 || set->kind == (int)first->kind ? (int)first->kind : -1;
    if (before > 0) {
        set->slow += (guint64)(brute->unit > 1 ? 1 : count) << (13 * (before - 1));
    }
}

static void look_at_set(Brute *brute, guint cpus)
{
    Chosen set = { .cpus = cpus, .kind = -2 };

    brute->done->sets++;
    for (guint i = 0; i < brute->count; i++) {
        if (brute->unit == 1 && (cpus >> i & 1) != 0) {
            set.ranks[brute->cpus[i].rank]++;
        }
    }
    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        guint count = count_on_core(brute, cpus, i);
        if (count > 0 && !add_units_of_core(brute, &set, i, count)) {
            return;
        }
        if (count > 0) {
            add_kinds(brute, &set, i);
        }
    }
    if (fit(brute, &set, NULL)) {
        g_array_append_val(brute->sets, set);
    }
}

static void find_sets(Brute *brute)
{
    guint wanted = brute->c->vm->vcpus_most, left_out = 0;

    for (guint i = 0; i < brute->count; i++) {
        left_out |= (int)brute->cpus[i].core == brute->left_out ? 1u << i : 0;
    }
    g_array_set_size(brute->sets, 0);
    for (guint cpus = 1; wanted <= brute->count && cpus < 1u << brute->count; cpus++) {
        if ((guint)__builtin_popcount(cpus) == wanted && (cpus & left_out) == 0) {
            look_at_set(brute, cpus);
        }
    }
}

/* Which of them count. */

static int compare_ranks(const Chosen *a, const Chosen *b)
{
    for (guint i = 4; i-- > 1;) {
        if (a->ranks[i] != b->ranks[i]) {
            return a->ranks[i] < b->ranks[i] ? -1 : 1;
        }
    }
    return 0;
}

/// In a mix: no vCPU beside another while cores are free, and the fewest on cores of lesser kinds.
static int compare_mixes(const Chosen *a, const Chosen *b)
{
    if (a->stacked != b->stacked) {
        return a->stacked < b->stacked ? -1 : 1;
    }
    return a->slow < b->slow ? -1 : a->slow > b->slow;
}

static Chosen *set_at(const Brute *brute, guint i)
{
    return &g_array_index(brute->sets, Chosen, i);
}

static const Chosen *find_safest(const Brute *brute)
{
    const Chosen *safest = NULL;

    for (guint i = 0; i < brute->sets->len; i++) {
        if (safest == NULL || compare_ranks(set_at(brute, i), safest) < 0) {
            safest = set_at(brute, i);
        }
    }
    return safest;
}

/// Marks the sets that are as safe as any, of the way at hand. Returns one; NULL: there is none.
static const Chosen *mark_sets(Brute *brute)
{
    const Chosen *safest = find_safest(brute), *best = NULL;

    for (guint i = 0; i < brute->sets->len; i++) {
        Chosen *set = set_at(brute, i);
        set->may = compare_ranks(set, safest) == 0 &&
                   (brute->way.kind < 0 || set->kind == brute->way.kind) &&
                   (brute->way.shares || brute->unit > 1 || set->stacked == 0);
        if (set->may && (best == NULL || (brute->way.kind < 0 && compare_mixes(set, best) < 0))) {
            best = set;
        }
    }
    for (guint i = 0; i < brute->sets->len; i++) {
        Chosen *set = set_at(brute, i);
        set->may &= brute->way.kind >= 0 || compare_mixes(set, best) == 0;
    }
    return best;
}

/* Seats: places that a unit could have, of no worse grade than those that are taken. */

static guint grade_of(const Brute *brute, guint core, guint place)
{
    const BruteCpu *cpu = cpu_at(brute, core, place);
    guint rank = brute->unit > 1 ? rank_of_unit(brute, core) : cpu->rank;

    if (brute->way.kind >= 0) {
        return rank * GRADES_OF_RANK;
    }
    return rank * GRADES_OF_RANK + (place > 0 ? GRADES_OF_RANK / 2 : 0) +
           preference(brute, cpu->kind);
}

static guint seats_of_core(const Brute *brute, guint core)
{
    guint usable = usable_of(brute, core);

    if (brute->way.kind >= 0 && core_at(brute->c, core)->kind != (guint)brute->way.kind) {
        return 0;
    }
    return brute->way.shares ? usable : MIN(usable, 1);
}

static void find_worst(Brute *brute, const Chosen *set)
{
    brute->worst = 0;
    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        guint count = count_on_core(brute, set->cpus, i);
        for (guint j = 0; j < (brute->unit > 1 ? MIN(count, 1) : count); j++) {
            brute->worst = MAX(brute->worst, grade_of(brute, i, j));
        }
    }
}

/// Whether a unit of the cells in @cells (bits) could have a seat on the core.
static gboolean takes_core(const Brute *brute, guint core, guint cells, const Layout *layout)
{
    const HostCore *of = core_at(brute->c, core);

    for (guint i = 0; i < brute->group_count; i++) {
        const Group *group = &brute->groups[i];
        guint nodes = group->nodes & (layout != NULL ? layout->of_cell[group->cell] : G_MAXUINT);
        if ((cells >> group->cell & 1) != 0 && group->size <= usable_of(brute, core) &&
            (nodes >> of->node & 1) != 0) {
            return TRUE;
        }
    }
    return FALSE;
}

static guint count_seats(const Brute *brute, guint core, guint cells, const Layout *layout)
{
    guint count = 0;

    if (!takes_core(brute, core, cells, layout)) {
        return 0;
    }
    for (guint i = 0; i < seats_of_core(brute, core); i++) {
        count += grade_of(brute, core, i) <= brute->worst;
    }
    return count;
}

static guint nodes_with_seats(const Brute *brute, guint cells)
{
    guint nodes = 0;

    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        nodes |= count_seats(brute, i, cells, NULL) > 0 ? 1u << core_at(brute->c, i)->node : 0;
    }
    return nodes;
}

/* Layouts. */

static guint64 count_remote(const Brute *brute, guint nodes)
{
    guint with_seats = nodes_with_seats(brute, G_MAXUINT);
    guint64 remote = 0;

    for (guint i = 0; i < brute->c->devices->len; i++) {
        int node = ((const Device *)brute->c->devices->pdata[i])->node;
        remote += node >= 0 && (with_seats >> node & 1) != 0 && (nodes >> node & 1) == 0;
    }
    return remote;
}

static guint64 sum_distances(const Brute *brute, guint nodes)
{
    guint64 sum = 0;

    for (guint i = 0; i < BRUTE_NODES; i++) {
        for (guint j = 0; j < BRUTE_NODES; j++) {
            sum += (nodes >> i & nodes >> j & 1) != 0 ? host_distance(brute->c->host, i, j) : 0;
        }
    }
    return sum;
}

static void judge_layout(const Brute *brute, Layout *layout)
{
    guint cell_nodes = 0, nodes;
    guint64 missing;

    layout->nodes = 0;
    for (guint i = 0; i < brute->cells; i++) {
        layout->nodes |= layout->of_cell[i];
        cell_nodes += (guint)__builtin_popcount(layout->of_cell[i]);
    }
    missing = missing_memory(brute, layout);
    nodes = (guint)__builtin_popcount(layout->nodes);
    const guint64 worth[] = { missing > 0, MAX(nodes, brute->cells), cell_nodes,
        brute->cells - MIN(nodes, brute->cells), missing, count_remote(brute, layout->nodes),
        sum_distances(brute, layout->nodes) };
    memcpy(layout->worth, worth, sizeof(worth));
}

static int compare_layouts(gconstpointer a, gconstpointer b)
{
    const Layout *first = a, *second = b;

    for (gsize i = 0; i < G_N_ELEMENTS(first->worth); i++) {
        if (first->worth[i] != second->worth[i]) {
            return first->worth[i] < second->worth[i] ? -1 : 1;
        }
    }
    return 0;
}

static void add_layouts(Brute *brute, Layout *layout, guint cell)
{
    if (cell == brute->cells) {
        judge_layout(brute, layout);
        g_array_append_vals(brute->layouts, layout, 1);
        return;
    }
    guint all = nodes_with_seats(brute, 1u << cell);
    for (guint nodes = all; nodes != 0; nodes = (nodes - 1) & all) {
        layout->of_cell[cell] = nodes;
        if (!brute->way.one_node_each || (nodes & (nodes - 1)) == 0) {
            add_layouts(brute, layout, cell + 1);
        }
    }
}

static gboolean are_too_many(const Brute *brute)
{
    guint64 count = 1;

    for (guint i = 0; i < brute->cells; i++) {
        count *= 1u << __builtin_popcount(nodes_with_seats(brute, 1u << i));
    }
    return count > MOST_LAYOUTS;
}

static void find_layouts(Brute *brute)
{
    Layout layout = { .nodes = 0 };

    g_array_set_size(brute->layouts, 0);
    if (are_too_many(brute)) {
        brute->done->passed_over = TRUE;
        return;
    }
    add_layouts(brute, &layout, 0);
    brute->done->layouts += brute->layouts->len;
    g_array_sort(brute->layouts, compare_layouts);
}

/* Judging a set on a layout. */

static void add_worth(Worth *worth, guint64 value)
{
    worth->worth[worth->count++] = value;
}

static int compare_worths(const Worth *a, const Worth *b)
{
    for (guint i = 0; i < a->count; i++) {
        if (a->worth[i] != b->worth[i]) {
            return a->worth[i] < b->worth[i] ? -1 : 1;
        }
    }
    return 0;
}

static guint llcs_of(const Brute *brute, guint cpus)
{
    guint llcs = 0;

    for (guint i = 0; i < brute->count; i++) {
        llcs |= (cpus >> i & 1) != 0 ? 1u << brute->cpus[i].llc : 0;
    }
    return llcs;
}

static guint64 count_lost_cache(const Brute *brute, guint llcs)
{
    const GPtrArray *all = brute->c->host->llcs;
    guint64 largest = 0;

    for (guint i = 0; i < all->len; i++) {
        largest = MAX(largest, ((const HostLlc *)all->pdata[i])->size_kib);
    }
    if (brute->c->policy->llc != POLICY_LLC_LARGEST) {
        return 0;
    }
    return (llcs & (llcs - 1)) == 0
               ? largest - ((const HostLlc *)all->pdata[__builtin_ctz(llcs)])->size_kib
               : largest + 1;
}

static guint64 count_host_llcs(const Brute *brute, guint llcs)
{
    const Host *host = brute->c->host;
    g_autoptr(CpuSet) own = cpuset_minus(host->online, host->isolation->isolated);
    g_autoptr(CpuSet) first = host_first_core(host);
    gboolean none_isolated = hwloc_bitmap_isequal(own, host->online);
    guint64 count = 0;

    for (guint i = 0; i < host->llcs->len; i++) {
        const CpuSet *cpus = ((const HostLlc *)host->llcs->pdata[i])->cpus;
        count += (llcs >> i & 1) != 0 &&
                 (hwloc_bitmap_intersects(cpus, first) ||
                     (!none_isolated && hwloc_bitmap_intersects(cpus, own)));
    }
    return count;
}

static gboolean has_first_core(const Brute *brute, guint cpus)
{
    for (guint i = 0; i < brute->count; i++) {
        if ((cpus >> i & 1) != 0 && brute->cpus[i].first_core) {
            return TRUE;
        }
    }
    return FALSE;
}

static guint count_llc_seats(const Brute *brute, guint llcs, const Layout *layout)
{
    guint seats = 0;

    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        seats += (llcs >> core_at(brute->c, i)->llc & 1) != 0
                     ? count_seats(brute, i, G_MAXUINT, layout)
                     : 0;
    }
    return seats;
}

static guint count_node_seats(const Brute *brute, const Layout *layout)
{
    guint seats = 0;

    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        seats += (layout->nodes >> core_at(brute->c, i)->node & 1) != 0
                     ? count_seats(brute, i, G_MAXUINT, NULL)
                     : 0;
    }
    return seats;
}

static Found judge(const Brute *brute, const Chosen *set, const Layout *layout)
{
    Found found = { .set = set, .layout = layout, .llcs = llcs_of(brute, set->cpus) };
    Worth *worth = &found.worth;

    for (guint i = 4; i-- > 1;) {
        add_worth(worth, set->ranks[i]);
    }
    add_worth(worth, brute->way.kind >= 0 ? preference(brute, (guint)set->kind) : 100);
    add_worth(worth, brute->way.kind >= 0 ? 0 : set->stacked);
    add_worth(worth, brute->way.kind >= 0 ? 0 : set->slow);
    for (gsize i = 0; i < G_N_ELEMENTS(layout->worth); i++) {
        add_worth(worth, layout->worth[i]);
    }
    add_worth(worth, count_lost_cache(brute, found.llcs));
    add_worth(worth, brute->way.shares);
    add_worth(worth, (guint)__builtin_popcount(found.llcs));
    add_worth(worth, count_llc_seats(brute, found.llcs, layout) - brute->units);
    add_worth(worth, count_node_seats(brute, layout) - brute->units);
    add_worth(worth, has_first_core(brute, set->cpus));
    add_worth(worth, count_host_llcs(brute, found.llcs));
    return found;
}

/* The lowest of several that are as good, of one cell: nodes, LLCs, then seats. */

static guint lowest_of(guint bits)
{
    return bits & -bits;
}

/// Whether the lowest that is in one only is in @bits.
static gboolean is_lower(guint bits, guint than)
{
    return bits != than && (bits & lowest_of(bits ^ than)) != 0;
}

typedef struct {
    guint llc, seats, cores, taken;
    gboolean first_core;
} LlcUse;

static int compare_uses(gconstpointer a, gconstpointer b)
{
    const LlcUse *first = a, *second = b;

    if (first->first_core != second->first_core) {
        return first->first_core ? 1 : -1;
    }
    if (first->seats != second->seats) {
        return first->seats > second->seats ? -1 : 1;
    }
    return first->llc < second->llc ? -1 : first->llc > second->llc;
}

/// The LLCs in the order in which they are filled.
static guint find_uses(const Brute *brute, const Found *found, LlcUse uses[BRUTE_CPUS])
{
    guint count = 0;

    for (guint llc = 0; llc < brute->c->host->llcs->len; llc++) {
        LlcUse use = { .llc = llc, .seats = count_llc_seats(brute, 1u << llc, found->layout) };
        for (guint i = 0; i < brute->c->host->cores->len; i++) {
            guint seats = core_at(brute->c, i)->llc == llc
                              ? count_seats(brute, i, G_MAXUINT, found->layout)
                              : 0;
            guint taken = core_at(brute->c, i)->llc == llc
                              ? count_on_core(brute, found->set->cpus, i)
                              : 0;
            use.cores += seats > 0;
            use.taken += brute->unit > 1 ? MIN(taken, 1) : taken;
            use.first_core |= seats > 0 && cpu_at(brute, i, 0)->first_core;
        }
        if ((found->llcs >> llc & 1) != 0) {
            uses[count++] = use;
        }
    }
    qsort(uses, count, sizeof(*uses), compare_uses);
    return count;
}

/// How many of each grade are taken of an LLC: of the best ones first, the LLCs one after the
/// other.
static void add_grades(
    const Brute *brute, const Found *found, const LlcUse *uses, guint count, GArray *order)
{
    for (guint grade = 0; grade <= brute->worst; grade++) {
        for (guint i = 0; i < count; i++) {
            guint missing = BRUTE_CPUS;
            for (guint core = 0; core < brute->c->host->cores->len; core++) {
                guint taken = count_on_core(brute, found->set->cpus, core);
                taken = brute->unit > 1 ? MIN(taken, 1) : taken;
                for (guint j = 0; core_at(brute->c, core)->llc == uses[i].llc && j < taken; j++) {
                    missing -= grade_of(brute, core, j) == grade;
                }
            }
            g_array_append_val(order, missing);
        }
    }
}

static int compare_numbers(gconstpointer a, gconstpointer b)
{
    guint first = *(const guint *)a, second = *(const guint *)b;

    return first < second ? -1 : first > second;
}

/// In an LLC that has the cores first siblings first, else core by core; the first core last.
static void add_seats(
    const Brute *brute, const Found *found, const LlcUse *uses, guint count, GArray *order)
{
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < brute->count; i++) {
        const BruteCpu *cpu = &brute->cpus[i];
        guint use = 0;
        while (use < count && uses[use].llc != cpu->llc) {
            use++;
        }
        if ((found->set->cpus >> i & 1) == 0 || (brute->unit > 1 && cpu->place > 0)) {
            continue;
        }
        guint core = (guint)cpu->first_core << 6 | cpu->core;
        guint key = uses[use].taken <= uses[use].cores ? cpu->place << 7 | core
                                                       : core << 4 | cpu->place;
        key |= grade_of(brute, cpu->core, cpu->place) << 20 | use << 14;
        g_array_append_val(keys, key);
    }
    g_array_sort(keys, compare_numbers);
    g_array_append_vals(order, keys->data, keys->len);
}

static GArray *order_of(const Brute *brute, const Found *found)
{
    GArray *order = g_array_new(FALSE, FALSE, sizeof(guint));
    LlcUse uses[BRUTE_CPUS];
    guint count = find_uses(brute, found, uses);

    add_grades(brute, found, uses, count, order);
    add_seats(brute, found, uses, count, order);
    return order;
}

static gboolean comes_before(const Brute *brute, const Found *a, const Found *b)
{
    if (a->layout->nodes != b->layout->nodes) {
        return is_lower(a->layout->nodes, b->layout->nodes);
    }
    if (a->llcs != b->llcs) {
        return is_lower(a->llcs, b->llcs);
    }
    g_autoptr(GArray) first = order_of(brute, a), second = order_of(brute, b);
    for (guint i = 0; i < MIN(first->len, second->len); i++) {
        guint x = g_array_index(first, guint, i), y = g_array_index(second, guint, i);
        if (x != y) {
            return x < y;
        }
    }
    return FALSE;
}

/* The best of a way. */

/// Everything of the way that is as good as the best; the first core counts where its LLCs cannot
/// spare it.
static void keep_best(const Brute *brute, GArray *all, const Found *found)
{
    const Found *best = all->len > 0 ? &g_array_index(all, Found, 0) : NULL;
    int order = best != NULL ? compare_worths(&found->worth, &best->worth) : -1;

    if (order < 0) {
        g_array_set_size(all, 0);
    }
    if (order <= 0) {
        g_array_append_vals(all, found, 1);
    }
}

static void add_sets_of_layout(const Brute *brute, const Layout *layout, GArray *all)
{
    for (guint i = 0; i < brute->sets->len; i++) {
        const Chosen *set = set_at(brute, i);
        if (set->may && fit(brute, set, layout)) {
            Found found = judge(brute, set, layout);
            keep_best(brute, all, &found);
        }
    }
}

/// Those on the best layouts that have any. The caller unrefs the array of Found.
static GArray *find_best(Brute *brute, Way way)
{
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Found));

    brute->way = way;
    const Chosen *one = mark_sets(brute);
    if (one == NULL) {
        return all;
    }
    find_worst(brute, one);
    find_layouts(brute);
    for (guint i = 0; i < brute->layouts->len; i++) {
        const Layout *layout = &g_array_index(brute->layouts, Layout, i);
        if (all->len > 0 && compare_layouts(layout, &layout[-1]) != 0) {
            break;
        }
        add_sets_of_layout(brute, layout, all);
    }
    return all;
}

static gboolean is_torn(const Brute *brute, const Layout *layout)
{
    for (guint i = 0; i < brute->cells; i++) {
        int package = -1;
        for (guint j = 0; j < brute->c->host->cores->len; j++) {
            const HostCore *core = core_at(brute->c, j);
            if ((layout->of_cell[i] >> core->node & 1) == 0) {
                continue;
            }
            if (package >= 0 && package != (int)core->package) {
                return TRUE;
            }
            package = (int)core->package;
        }
    }
    return FALSE;
}

static gboolean is_one_node_each(const Brute *brute, const Layout *layout)
{
    for (guint i = 0; i < brute->cells; i++) {
        if ((layout->of_cell[i] & (layout->of_cell[i] - 1)) != 0) {
            return FALSE;
        }
    }
    return TRUE;
}

/// The lowest of those that are as good.
static const Found *first_of(const Brute *brute, const GArray *all)
{
    const Found *first = NULL;

    for (guint i = 0; i < all->len; i++) {
        const Found *found = &g_array_index(all, Found, i);
        if (first == NULL || comes_before(brute, found, first)) {
            first = found;
        }
    }
    return first;
}

typedef struct {
    Way way;
    Worth worth;
    guint cpus;
    Layout layout;
    gboolean none;
} Best;

static Best best_of_way(Brute *brute, Way way)
{
    g_autoptr(GArray) all = find_best(brute, way);
    const Found *first = first_of(brute, all);
    Best best = { .way = way, .none = first == NULL };

    if (first != NULL) {
        best.worth = first->worth;
        best.cpus = first->set->cpus;
        best.layout = *first->layout;
    }
    for (guint i = 0; brute->cells > 1 && i < all->len; i++) {
        const Layout *layout = g_array_index(all, Found, i).layout;
        brute->done->passed_over |= is_torn(brute, layout) != is_torn(brute, &best.layout);
    }
    return best;
}

static Best better_of(const Best *a, const Best *b)
{
    if (a->none || b->none) {
        return a->none ? *b : *a;
    }
    return compare_worths(&b->worth, &a->worth) < 0 ? *b : *a;
}

/// A core each first; siblings for one node a cell where packages would tear it, or for the largest
/// cache.
static Best best_of_kind(Brute *brute, int kind)
{
    gboolean is_auto = brute->unit == 1 && brute->c->policy->smt == POLICY_SMT_AUTO;
    Best alone = best_of_way(brute, (Way){ .kind = kind });

    if (!is_auto) {
        return alone;
    }
    if (alone.none) {
        return best_of_way(brute, (Way){ .kind = kind, .shares = TRUE });
    }
    if (is_torn(brute, &alone.layout) ||
        (brute->c->policy->llc == POLICY_LLC_LARGEST && is_one_node_each(brute, &alone.layout))) {
        Best packed = best_of_way(
            brute, (Way){ .kind = kind, .shares = TRUE, .one_node_each = TRUE });
        return better_of(&alone, &packed);
    }
    return alone;
}

static Best best_of_all(Brute *brute)
{
    gboolean is_auto = brute->unit == 1 && brute->c->policy->smt == POLICY_SMT_AUTO;
    int kinds = (int)brute->c->host->kinds->len;
    Best best = { .none = TRUE };

    for (int i = 0; i < kinds; i++) {
        int kind = brute->c->policy->kind == POLICY_KIND_SLOW ? i : kinds - 1 - i;
        if (best.none || brute->c->policy->kind == POLICY_KIND_ANY) {
            Best other = best_of_kind(brute, kind);
            best = better_of(&best, &other);
        }
    }
    return best.none ? best_of_way(brute, (Way){ .kind = -1, .shares = is_auto }) : best;
}

static Best best_without(Brute *brute, int core)
{
    brute->left_out = core;
    find_sets(brute);
    return best_of_all(brute);
}

/* A core for the other threads. */

static gboolean is_spare(const Brute *brute, guint core, guint worst)
{
    const BruteCpu *first = cpu_at(brute, core, 0);

    return first != NULL && first->rank <= worst;
}

static gboolean leaves_spare(const Brute *brute, guint cpus, guint worst)
{
    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        if (is_spare(brute, i, worst) && count_on_core(brute, cpus, i) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/// Leaves out the core that is best left out, if any is.
static Best best_leaving_one(Brute *brute, guint worst)
{
    Best best = { .none = TRUE };
    int which = -1;

    for (guint i = 0; i < brute->c->host->cores->len; i++) {
        Best other = is_spare(brute, i, worst) ? best_without(brute, (int)i)
                                               : (Best){ .none = TRUE };
        if (!other.none && (best.none || compare_worths(&other.worth, &best.worth) < 0)) {
            best = other;
            which = (int)i;
        }
    }
    brute->left_out = which;
    return best;
}

static Best find_best_plan(Brute *brute)
{
    Best best = best_without(brute, -1);

    for (guint worst = 2; brute->c->policy->emulator == POLICY_SPARE && worst < 4; worst++) {
        best = best_without(brute, -1);
        if (best.none || leaves_spare(brute, best.cpus, worst)) {
            return best;
        }
        best = best_leaving_one(brute, worst);
        if (!best.none) {
            return best;
        }
    }
    return best;
}

/* The plan. */

static guint bits_of_plan(const Brute *brute)
{
    guint cpus = 0;

    for (guint i = 0; i < brute->count; i++) {
        cpus |= hwloc_bitmap_isset(brute->c->plan->cpus, brute->cpus[i].cpu) ? 1u << i : 0;
    }
    return cpus;
}

static char *describe(const Brute *brute, const char *what, const Best *best)
{
    g_autoptr(GString) text = g_string_new(what);

    for (guint i = 0; !best->none && i < brute->count; i++) {
        if ((best->cpus >> i & 1) != 0) {
            g_string_append_printf(text, " %u", brute->cpus[i].cpu);
        }
    }
    for (guint i = 0; i < best->worth.count; i++)
        g_string_append_printf(text, ",%" G_GUINT64_FORMAT, best->worth.worth[i]);
    g_string_append_printf(text, " (nodes %x, kind %d, shares %d)", best->layout.nodes,
        best->way.kind, best->way.shares);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/// The plan among those that are as good as the best, if need be with another that its LLCs allow
/// and that spares the first core.
static gboolean is_among(const Brute *brute, const GArray *all, guint cpus, guint nodes)
{
    for (guint i = 0; i < all->len; i++) {
        const Found *found = &g_array_index(all, Found, i);
        if (found->llcs == llcs_of(brute, cpus) &&
            (brute->c->vm->guest_cells->len > 0 || found->layout->nodes == nodes)) {
            return TRUE;
        }
    }
    return FALSE;
}

static const Chosen *find_set(const Brute *brute, guint cpus)
{
    for (guint i = 0; i < brute->sets->len; i++) {
        if (set_at(brute, i)->cpus == cpus) {
            return set_at(brute, i);
        }
    }
    return NULL;
}

/// The plan's CPUs on one of the best layouts, whatever of the first core; NULL: it is on none.
static const Layout *find_layout(const Brute *brute, const GArray *all, const Chosen *set)
{
    for (guint i = 0; i < all->len; i++) {
        const Layout *layout = g_array_index(all, Found, i).layout;
        if (fit(brute, set, layout)) {
            return layout;
        }
    }
    return NULL;
}

/// In one cell each place is said.
static gboolean is_first(const Brute *brute, const GArray *all, const Chosen *set)
{
    const Found *best = first_of(brute, all);
    Found mine = { .set = set, .layout = best->layout, .llcs = llcs_of(brute, set->cpus) };

    if (mine.llcs != best->llcs) {
        return FALSE;
    }
    for (guint i = 0; i < brute->sets->len; i++) {
        Found other = { .set = set_at(brute, i), .layout = best->layout, .llcs = best->llcs };
        if (other.set->may && llcs_of(brute, other.set->cpus) == best->llcs &&
            fit(brute, other.set, best->layout) && comes_before(brute, &other, &mine)) {
            return FALSE;
        }
    }
    return TRUE;
}

static const char *find_fault(Brute *brute, const Best *best)
{
    guint cpus = bits_of_plan(brute);
    const Chosen *set = find_set(brute, cpus);
    g_autoptr(GArray) all = find_best(brute, best->way);

    if (set == NULL) {
        return "the CPUs hold not all rules; better are";
    }
    if (!set->may) {
        return "another kind, safer CPUs or another way of sharing are better:";
    }
    guint nodes = bits_of(brute->c->plan->nodes);
    if (find_layout(brute, all, set) == NULL || !is_among(brute, all, cpus, nodes)) {
        return "other nodes or LLCs are better:";
    }
    if (brute->cells == 1 && brute->c->vm->guest_cells->len == 0 &&
        first_of(brute, all)->layout->nodes != nodes) {
        return "lower nodes are as good:";
    }
    /* Which core is left over as a spare one says no order. */
    if (brute->cells == 1 && brute->c->policy->emulator != POLICY_SPARE &&
        !is_first(brute, all, set)) {
        return "lower LLCs or CPUs are as good:";
    }
    return NULL;
}

/// Where a core had to be left out any of those that the plan has not may be it.
static const char *find_fault_of_spare(Brute *brute, const Best *best)
{
    guint cpus = bits_of_plan(brute);
    const char *fault = "another core is better left over:";

    for (guint i = 0; fault != NULL && i < brute->c->host->cores->len; i++) {
        if (cpu_at(brute, i, 0) == NULL || count_on_core(brute, cpus, i) > 0) {
            continue;
        }
        Best mine = best_without(brute, (int)i);
        if (!mine.none && compare_worths(&mine.worth, &best->worth) == 0) {
            fault = find_fault(brute, &mine);
        }
    }
    return fault;
}

char *brute_force_find_fault(const Case *c, BruteForce *done)
{
    g_autoptr(GArray) layouts = g_array_new(FALSE, FALSE, sizeof(Layout));
    g_autoptr(GArray) sets = g_array_new(FALSE, FALSE, sizeof(Chosen));
    Brute brute = { .c = c, .done = done, .layouts = layouts, .sets = sets };
    const char *fault = NULL;

    *done = (BruteForce){ 0 };
    find_cpus(&brute);
    find_groups(&brute);
    Best best = find_best_plan(&brute);
    if (done->passed_over) {
        return NULL;
    }
    if (best.none || c->plan == NULL) {
        fault = best.none && c->plan == NULL ? NULL : "one of both has no plan:";
    } else {
        fault = brute.left_out >= 0 ? find_fault_of_spare(&brute, &best)
                                    : find_fault(&brute, &best);
    }
    return fault != NULL ? describe(&brute, fault, &best) : NULL;
}
