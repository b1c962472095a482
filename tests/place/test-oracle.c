// SPDX-License-Identifier: LGPL-2.1-or-later
/* An oracle for the planner: on small hosts every set of CPUs that the VM could be given is tried,
 * judged by the order of planner.h in words of its own, and held against what the planner chose. */
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

#include <string.h>

#define MOST_CPUS 16

/* Machines by chance. */

/// Numbers for @count CPUs: in order, in some order, or with a gap.
static void number_cpus(GRand *rand, guint *numbers, guint count)
{
    guint gap = g_rand_int_range(rand, 0, 4) == 0 ? 1 : 0;
    gboolean shuffled = g_rand_int_range(rand, 0, 3) == 0;

    for (guint i = 0; i < count; i++) {
        numbers[i] = i + (i > count / 2 ? gap : 0);
    }
    for (guint i = count; shuffled && i > 1; i--) {
        guint j = (guint)g_rand_int_range(rand, 0, (gint32)i), other = numbers[i - 1];
        numbers[i - 1] = numbers[j];
        numbers[j] = other;
    }
}

typedef struct {
    guint node, llc, kind, siblings, first;
    char cpus[80];
} SomeCore;

static int compare_some_cores(gconstpointer a, gconstpointer b)
{
    const SomeCore *first = a, *second = b;
    const guint keys[][2] = { { first->node, second->node }, { first->llc, second->llc },
        { first->first, second->first } };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] < keys[i][1] ? -1 : 1;
        }
    }
    return 0;
}

/// Gives the cores their CPUs: siblings one after the other, or all first ones before all others.
static void give_cpus(GRand *rand, SomeCore *cores, guint count, guint cpus)
{
    gboolean adjacent = g_rand_boolean(rand);
    guint numbers[MOST_CPUS + 1], next = 0;

    number_cpus(rand, numbers, cpus);
    for (guint sibling = 0; sibling < 8; sibling++) {
        for (guint i = 0; i < count; i++) {
            for (guint j = adjacent && sibling == 0 ? 0 : sibling;
                 j < cores[i].siblings && (adjacent ? sibling == 0 : j == sibling); j++) {
                guint cpu = numbers[next++];
                gsize length = strlen(cores[i].cpus);
                g_snprintf(cores[i].cpus + length, sizeof(cores[i].cpus) - length, "%s%u",
                    length > 0 ? "," : "", cpu);
                cores[i].first = length == 0 ? cpu : MIN(cores[i].first, cpu);
            }
        }
    }
    qsort(cores, count, sizeof(*cores), compare_some_cores);
}

/// A host of at most MOST_CPUS CPUs: nodes, LLCs (some over two nodes), kinds and siblings of all
/// sorts, distances, memory.
static Host *some_machine(GRand *rand)
{
    SomeCore cores[MOST_CPUS] = { 0 };
    FakeCore fakes[MOST_CPUS + 1] = { 0 };
    guint nodes = (guint)g_rand_int_range(rand, 1, 5), count = 0, cpus = 0;
    guint llcs = nodes * (guint)g_rand_int_range(rand, 1, 4);
    guint most = (guint)g_rand_int_range(rand, 1, MOST_CPUS + 1);
    guint siblings = 1u << g_rand_int_range(rand, 0, 3);
    gboolean alike = g_rand_boolean(rand), nested = g_rand_int_range(rand, 0, 4) > 0;
    gboolean hybrid = g_rand_int_range(rand, 0, 4) == 0;

    for (; cpus < most; count++) {
        SomeCore *core = &cores[count];
        core->llc = (guint)g_rand_int_range(rand, 0, (gint32)llcs);
        core->node = nested ? core->llc % nodes : (guint)g_rand_int_range(rand, 0, (gint32)nodes);
        core->kind = hybrid ? (guint)g_rand_int_range(rand, 0, 3) : 0;
        core->siblings = alike ? siblings : (guint)g_rand_int_range(rand, 1, 5);
        core->siblings = MIN(core->siblings, most - cpus);
        cpus += core->siblings;
    }
    give_cpus(rand, cores, count, cpus);
    for (guint i = 0; i < count; i++) {
        fakes[i] = (FakeCore){ cores[i].cpus, cores[i].node, cores[i].llc, cores[i].kind };
    }
    Host *host = fake_host_new_of_cores(fakes, "");
    for (guint i = 0; i < host->nodes->len; i++) {
        static const guint64 free_mib[] = { 65536, 65536, 65536, 4096, 2048, 512, 0 };
        fake_host_set_free_mib(host, i, free_mib[g_rand_int_range(rand, 0, 7)]);
        for (guint j = 0; j < i; j++) {
            fake_host_set_distance(host, i, j, (guint)g_rand_int_range(rand, 1, 4) * 10 + 2);
        }
    }
    return host;
}

/* Scores. */

/// How good a set of CPUs is: the first number that differs decides, the lower is the better.
typedef struct {
    guint64 values[16];
    guint count;
    GArray *order; // guint: nodes, then LLCs, then seats, that break a tie
} Score;

static void score_clear(Score *score)
{
    g_clear_pointer(&score->order, g_array_unref);
}

static void add_value(Score *score, guint64 value)
{
    score->values[score->count++] = value;
}

static int compare_scores(const Score *a, const Score *b, gboolean with_order)
{
    for (guint i = 0; i < a->count; i++) {
        if (a->values[i] != b->values[i]) {
            return a->values[i] < b->values[i] ? -1 : 1;
        }
    }
    for (guint i = 0; with_order && i < MIN(a->order->len, b->order->len); i++) {
        guint first = g_array_index(a->order, guint, i), second = g_array_index(b->order, guint, i);
        if (first != second) {
            return first < second ? -1 : 1;
        }
    }
    return 0;
}

static const HostCore *core_of(const Case *c, guint cpu)
{
    return c->host->cores->pdata[host_core_of(c->host, cpu)];
}

static gboolean is_isolated(const Case *c, guint cpu)
{
    return hwloc_bitmap_isset(c->host->isolation->isolated, cpu) != 0;
}

/// 0: safe, 1: a sibling of an isolated one is awake, 2: awake, 3: shared with another guest.
static guint level_of_core(const Case *c, const HostCore *core)
{
    g_autoptr(CpuSet) usable = cpuset_and(core->cpus, c->pool->free);

    if (hwloc_bitmap_intersects(core->cpus, c->taken->cpus)) {
        return 3;
    }
    if (hwloc_bitmap_isincluded(core->cpus, c->host->isolation->isolated)) {
        return 0;
    }
    return hwloc_bitmap_intersects(usable, c->host->isolation->isolated) ? 1 : 2;
}

static guint level_of(const Case *c, const CpuSet *cpus)
{
    guint level = 0;
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        level = MAX(level, level_of_core(c, core_of(c, cpu)));
        level = MAX(level, is_isolated(c, cpu) ? 0 : 2);
    }
    hwloc_bitmap_foreach_end();
    return level;
}

/// How many CPUs of @cpus each core of them has, at most.
static guint most_on_a_core(const Case *c, const CpuSet *cpus)
{
    guint most = 0;

    for (guint i = 0; i < c->host->cores->len; i++) {
        g_autoptr(CpuSet)
            mine = cpuset_and(((const HostCore *)c->host->cores->pdata[i])->cpus, cpus);
        most = MAX(most, cpuset_count(mine));
    }
    return most;
}

/// Whether siblings get vCPUs only because there are no cores enough.
static gboolean shares_siblings(const Case *c, const CpuSet *cpus)
{
    return case_unit(c) == 1 && most_on_a_core(c, cpus) > 1;
}

static gboolean may_lie_on(const Case *c, guint vcpu, guint node)
{
    const CpuSet *nodes = case_nodes_for_vcpu(c, vcpu);

    return nodes == NULL || hwloc_bitmap_isset(nodes, node);
}

/// The vCPUs of the unit that begins with @first.
static guint unit_size(const Case *c, guint first)
{
    return MIN(case_unit(c), c->vm->vcpus_most - first);
}

static gboolean unit_may_lie_on(const Case *c, guint first, guint node)
{
    for (guint i = 0; i < unit_size(c, first); i++) {
        if (!may_lie_on(c, first + i, node)) {
            return FALSE;
        }
    }
    return TRUE;
}

/// The CPUs of a core that count where nothing above @level is taken.
static guint usable_of(const Case *c, const HostCore *core, guint level)
{
    g_autoptr(CpuSet) usable = cpuset_and(core->cpus, c->pool->free);
    g_autoptr(CpuSet) isolated = cpuset_and(usable, c->host->isolation->isolated);

    if (level_of_core(c, core) > level) {
        return 0;
    }
    return cpuset_count(level < 2 ? isolated : usable);
}

/// Whether a core of no higher level is left for the other threads.
static gboolean leaves_spare(const Case *c, const CpuSet *cpus, guint level)
{
    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        if (!hwloc_bitmap_intersects(core->cpus, cpus) && usable_of(c, core, level) > 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/// The highest level of a core that is taken, for a vCPU or as the spare one; 4: there is none left
/// for that.
static guint level_with_spare(const Case *c, const CpuSet *cpus)
{
    guint level = level_of(c, cpus);

    while (c->policy->emulator == POLICY_SPARE && level < 4 && !leaves_spare(c, cpus, level)) {
        level++;
    }
    return level;
}

/// How many units, or with @siblings vCPUs, a core could take.
static guint seats_of(const Case *c, const HostCore *core, guint level, gboolean siblings)
{
    guint usable = usable_of(c, core, level);
    gboolean any = FALSE;

    for (guint first = 0; first < c->vm->vcpus_most; first += case_unit(c)) {
        any |= unit_size(c, first) <= usable && unit_may_lie_on(c, first, core->node);
    }
    return !any ? 0 : siblings ? usable : MIN(usable, 1);
}

static guint64 sum_distances(const Case *c, const CpuSet *nodes)
{
    guint64 sum = 0;
    unsigned from, to;

    hwloc_bitmap_foreach_begin (from, nodes) {
        hwloc_bitmap_foreach_begin (to, nodes) {
            sum += host_distance(c->host, from, to);
        }
        hwloc_bitmap_foreach_end();
    }
    hwloc_bitmap_foreach_end();
    return sum;
}

/// Of the devices on nodes that have seats, how many are on none of @nodes.
static guint64 count_remote(const Case *c, const CpuSet *nodes, guint level, gboolean siblings)
{
    g_autoptr(CpuSet) with_seats = cpuset_new();
    guint64 remote = 0;

    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        if (seats_of(c, core, level, siblings) > 0) {
            hwloc_bitmap_set(with_seats, core->node);
        }
    }
    for (guint i = 0; i < c->devices->len; i++) {
        int node = ((const Device *)c->devices->pdata[i])->node;
        remote += node >= 0 && hwloc_bitmap_isset(with_seats, (unsigned)node) &&
                  !hwloc_bitmap_isset(nodes, (unsigned)node);
    }
    return remote;
}

/// Hall's condition: the nodes of every set of cells have what these cells need.
static gboolean memory_is_short(const Case *c, const CpuSet *nodes)
{
    guint cells = c->vm->guest_cells->len;

    for (guint set = 1; set < 2u << cells; set++) {
        g_autoptr(CpuSet) theirs = cpuset_new();
        guint64 needed = 0, bound = 0, available = 0;
        for (guint i = 0; i < cells; i++) {
            const VmCell *cell = c->vm->guest_cells->pdata[i];
            bound += cell->memory_mib;
            if ((set >> i & 1) != 0 && cell->memory_mib > 0) {
                needed += cell->memory_mib;
                hwloc_bitmap_or(theirs, theirs, cell->hostnodes != NULL ? cell->hostnodes : nodes);
            }
        }
        if ((set >> cells & 1) != 0 && c->vm->memory_mib > bound) {
            needed += c->vm->memory_mib - bound;
            hwloc_bitmap_or(theirs, theirs, nodes);
        }
        for (guint i = 0; i < c->host->nodes->len; i++) {
            const HostNode *node = c->host->nodes->pdata[i];
            available += hwloc_bitmap_isset(theirs, node->index)
                             ? host_node_available_mib(node, NULL)
                             : 0;
        }
        if (available < needed) {
            return TRUE;
        }
    }
    return FALSE;
}

/// The one kind of the CPUs; -1: they are of several.
static int kind_of(const Case *c, const CpuSet *cpus)
{
    int kind = -1;
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        int its = (int)core_of(c, cpu)->kind;
        if (kind >= 0 && its != kind) {
            return -1;
        }
        kind = its;
    }
    hwloc_bitmap_foreach_end();
    return kind;
}

static void add_numbers(GArray *order, const CpuSet *set)
{
    unsigned number;

    hwloc_bitmap_foreach_begin (number, set) {
        g_array_append_val(order, number);
    }
    hwloc_bitmap_foreach_end();
}

static int compare_numbers(gconstpointer a, gconstpointer b)
{
    guint first = *(const guint *)a, second = *(const guint *)b;

    return first < second ? -1 : first > second;
}

/// The how-manieth of its core's usable CPUs it is, isolated ones counted first.
static guint place_on_core(const Case *c, guint cpu)
{
    guint place = 0;
    unsigned other;

    hwloc_bitmap_foreach_begin (other, core_of(c, cpu)->cpus) {
        gboolean earlier = is_isolated(c, other) == is_isolated(c, cpu)
                               ? other < cpu
                               : is_isolated(c, other) && !is_isolated(c, cpu);
        place += earlier && hwloc_bitmap_isset(c->pool->free, other);
    }
    hwloc_bitmap_foreach_end();
    return place;
}

/// What there is of an LLC on the nodes, and of the kind, of a set of CPUs.
typedef struct {
    guint seats, cores;
    guint taken[4]; // by level
} Llc;

static void add_llc_of(const Case *c, Llc *llc, const HostCore *core, const CpuSet *cpus,
    guint level, gboolean siblings)
{
    guint seats = seats_of(c, core, level, siblings);
    g_autoptr(CpuSet) mine = cpuset_and(core->cpus, cpus);
    guint taken = cpuset_count(mine);

    llc->seats += seats;
    llc->cores += seats > 0;
    llc->taken[level_of_core(c, core)] += case_unit(c) > 1 ? MIN(taken, 1) : taken;
}

/// Safe cores first, of these the most in the largest LLC, and so on.
static void add_llcs(GArray *order, const Llc *llcs)
{
    for (guint level = 0; level < 4; level++) {
        for (guint size = MOST_CPUS; size > 0; size--) {
            for (guint i = 0; i < MOST_CPUS; i++) {
                guint missing = MOST_CPUS - llcs[i].taken[level];
                if (llcs[i].seats == size) {
                    g_array_append_val(order, missing);
                }
            }
        }
    }
}

static guint count_taken(const Llc *llc)
{
    return llc->taken[0] + llc->taken[1] + llc->taken[2] + llc->taken[3];
}

/// In an LLC that has the cores first siblings first; else core by core. A unit has one seat; which
/// core has the one with fewer vCPUs says no order.
static void add_seats(const Case *c, GArray *order, const CpuSet *cpus, const CpuSet *nodes,
    int kind, guint level, gboolean siblings)
{
    g_autoptr(GArray) keys = g_array_new(FALSE, FALSE, sizeof(guint));
    Llc llcs[MOST_CPUS] = { 0 };

    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        if (hwloc_bitmap_isset(nodes, core->node) && (kind < 0 || core->kind == (guint)kind)) {
            add_llc_of(c, &llcs[core->llc], core, cpus, level, siblings);
        }
    }
    add_llcs(order, llcs);
    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        gboolean spread = count_taken(&llcs[core->llc]) <= llcs[core->llc].cores;
        unsigned cpu;
        hwloc_bitmap_foreach_begin (cpu, core->cpus) {
            guint place = case_unit(c) == 1 ? place_on_core(c, cpu) : 0;
            guint key = level_of_core(c, core) << 28 | (MOST_CPUS - llcs[core->llc].seats) << 20 |
                        core->llc << 16 | (spread ? place << 8 | i : i << 8 | place);
            if (hwloc_bitmap_isset(cpus, cpu)) {
                g_array_append_val(keys, key);
                if (case_unit(c) > 1) {
                    break;
                }
            }
        }
        hwloc_bitmap_foreach_end();
    }
    g_array_sort(keys, compare_numbers);
    g_array_append_vals(order, keys->data, keys->len);
}

static void score(const Case *c, const CpuSet *cpus, Score *score)
{
    guint level = level_with_spare(c, cpus);
    gboolean is_auto = case_unit(c) == 1 && c->policy->smt == POLICY_SMT_AUTO;
    gboolean siblings = shares_siblings(c, cpus) || (is_auto && level == 3);
    int kind = kind_of(c, cpus);
    g_autoptr(CpuSet) nodes = cpuset_new(), llcs = cpuset_new();
    guint64 unsafe[4] = { 0 }, llc_seats = 0, node_seats = 0, fastest = 0, units = 0;
    unsigned cpu;

    *score = (Score){ .order = g_array_new(FALSE, FALSE, sizeof(guint)) };
    hwloc_bitmap_foreach_begin (cpu, cpus) {
        hwloc_bitmap_set(nodes, core_of(c, cpu)->node);
        hwloc_bitmap_set(llcs, core_of(c, cpu)->llc);
        unsafe[level_of_core(c, core_of(c, cpu))]++;
    }
    hwloc_bitmap_foreach_end();
    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        guint seats = seats_of(c, core, level, siblings);
        if (seats > 0) {
            fastest = MAX(fastest, core->kind);
        }
        if (hwloc_bitmap_isset(nodes, core->node) && (kind < 0 || core->kind == (guint)kind)) {
            node_seats += seats;
            llc_seats += hwloc_bitmap_isset(llcs, core->llc) ? seats : 0;
        }
    }
    /* Of a unit only one CPU weighs: it has one seat. */
    guint64 share = case_unit(c) > 1 ? case_unit(c) : 1;
    for (guint i = 0; share > 1 && i < 4; i++) {
        unsafe[i] = 0;
    }
    for (guint i = 0; share > 1 && i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        unsafe[level_of_core(c, core)] += hwloc_bitmap_intersects(core->cpus, cpus);
    }
    units = (c->vm->vcpus_most + share - 1) / share;

    add_value(score, level);
    add_value(score, siblings);
    add_value(score, cpuset_count(nodes));
    add_value(score, count_remote(c, nodes, level, siblings));
    add_value(score, sum_distances(c, nodes));
    add_value(score, memory_is_short(c, nodes));
    add_value(score, kind < 0 ? fastest + 1 : fastest - (guint64)kind);
    add_value(score, cpuset_count(llcs));
    add_value(score, unsafe[3]);
    add_value(score, unsafe[2]);
    add_value(score, unsafe[1]);
    add_value(score, llc_seats - units);
    add_value(score, node_seats - units);
    add_numbers(score->order, nodes);
    add_numbers(score->order, llcs);
    add_seats(c, score->order, cpus, nodes, kind, level, siblings);
}

/* Every set of CPUs. */

typedef struct {
    const Case *c;
    GArray *pool; // guint
    CpuSet *cpus; // at hand
    CpuSet *best;
    Score best_score;
    guint sets;
} Search;

/// Finds the unit of vCPUs @unit a core of @cores that has just its CPUs, moving others.
static gboolean seat_unit(
    const Search *search, guint unit, const guint *counts, int *taker, gboolean *visited)
{
    const Case *c = search->c;
    guint first = unit * case_unit(c);

    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        if (visited[i] || counts[i] != unit_size(c, first) ||
            !unit_may_lie_on(c, first, core->node)) {
            continue;
        }
        visited[i] = TRUE;
        if (taker[i] < 0 || seat_unit(search, (guint)taker[i], counts, taker, visited)) {
            taker[i] = (int)unit;
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean units_fit(const Search *search)
{
    const Case *c = search->c;
    guint counts[MOST_CPUS] = { 0 };
    int taker[MOST_CPUS];

    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        g_autoptr(CpuSet) mine = cpuset_and(core->cpus, search->cpus);
        counts[i] = cpuset_count(mine);
        taker[i] = -1;
    }
    for (guint unit = 0; unit * case_unit(c) < c->vm->vcpus_most; unit++) {
        gboolean visited[MOST_CPUS] = { FALSE };
        if (!seat_unit(search, unit, counts, taker, visited)) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Finds vCPU @vcpu a CPU of the set on its nodes, moving others.
static gboolean seat_vcpu(const Search *search, guint vcpu, int *taker, CpuSet *visited)
{
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, search->cpus) {
        if (!hwloc_bitmap_isset(visited, cpu) &&
            may_lie_on(search->c, vcpu, core_of(search->c, cpu)->node)) {
            hwloc_bitmap_set(visited, cpu);
            if (taker[cpu] < 0 || seat_vcpu(search, (guint)taker[cpu], taker, visited)) {
                taker[cpu] = (int)vcpu;
                return TRUE;
            }
        }
    }
    hwloc_bitmap_foreach_end();
    return FALSE;
}

static gboolean vcpus_fit(const Search *search)
{
    int taker[MOST_CPUS + 2];

    if (search->c->policy->smt == POLICY_SMT_ISOLATE &&
        most_on_a_core(search->c, search->cpus) > 1) {
        return FALSE;
    }
    memset(taker, -1, sizeof(taker));
    for (guint vcpu = 0; vcpu < search->c->vm->vcpus_most; vcpu++) {
        g_autoptr(CpuSet) visited = cpuset_new();
        if (!seat_vcpu(search, vcpu, taker, visited)) {
            return FALSE;
        }
    }
    return TRUE;
}

static void judge_set(Search *search)
{
    Score mine;

    search->sets++;
    if (!(case_unit(search->c) > 1 ? units_fit(search) : vcpus_fit(search)) ||
        level_with_spare(search->c, search->cpus) > 3) {
        return;
    }
    score(search->c, search->cpus, &mine);
    if (search->best == NULL || compare_scores(&mine, &search->best_score, TRUE) < 0) {
        hwloc_bitmap_free(search->best);
        score_clear(&search->best_score);
        search->best = cpuset_copy(search->cpus);
        search->best_score = mine;
    } else {
        score_clear(&mine);
    }
}

static void try_sets(Search *search, guint at, guint wanted)
{
    if (wanted == 0) {
        judge_set(search);
        return;
    }
    for (; at + wanted <= search->pool->len; at++) {
        guint cpu = g_array_index(search->pool, guint, at);
        hwloc_bitmap_set(search->cpus, cpu);
        try_sets(search, at + 1, wanted - 1);
        hwloc_bitmap_clr(search->cpus, cpu);
    }
}

static void fail(
    const Search *search, guint seed, const char *what, const char *config, const char *rules)
{
    const Case *c = search->c;
    g_autoptr(GString) cores = g_string_new(NULL);
    g_autofree char *best = search->best != NULL ? cpuset_to_list(search->best) : g_strdup("none");
    g_autofree char *name = g_strdup_printf("%u", seed);

    for (guint i = 0; i < c->host->cores->len; i++) {
        const HostCore *core = c->host->cores->pdata[i];
        g_autofree char *list = cpuset_to_list(core->cpus);
        g_string_append_printf(
            cores, "\n  %s: node %u, LLC %u, kind %u", list, core->node, core->llc, core->kind);
    }
    g_autofree char *case_text = case_describe(c, name, config, rules);
    g_error("%s: the oracle has %s; %s%s", what, best, case_text, cores->str);
}

static void compare(Search *search, guint seed, const char *config, const char *rules)
{
    const Case *c = search->c;
    Score ours = { .count = 0 };

    if ((c->plan == NULL) != (search->best == NULL)) {
        fail(search, seed, "one of both has no plan", config, rules);
    }
    if (c->plan == NULL) {
        return;
    }
    if (case_find_broken_rule(c) != NULL) {
        fail(search, seed, case_find_broken_rule(c), config, rules);
    }
    score(c, c->plan->cpus, &ours);
    /* Which core is left over as a spare one says no order. */
    if (compare_scores(&ours, &search->best_score, c->policy->emulator != POLICY_SPARE) != 0) {
        fail(search, seed, "another plan is better", config, rules);
    }
    score_clear(&ours);
}

static void add_some_devices(GRand *rand, Case *c)
{
    c->devices = g_ptr_array_new_with_free_func(g_free);
    for (int count = g_rand_int_range(rand, -2, 4); count > 0; count--) {
        Device *device = g_new0(Device, 1);
        device->node = g_rand_int_range(rand, -1, (gint32)c->host->nodes->len);
        g_ptr_array_add(c->devices, device);
    }
    plan_free(c->plan);
    c->plan = case_place(c);
}

/// Returns how many sets of CPUs were tried; 0: there is no plan.
static guint test_one(guint seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    Host *host = some_machine(rand);
    g_autofree char *isolated = some_list(rand, host);
    g_autofree char *held = some_list(rand, host);
    g_autofree char *config = some_config(rand, host, MIN(cpuset_count(host->online), 12));
    g_autofree char *rules = some_rules(rand, host);

    fake_host_set_isolation(host, isolated, NULL);
    g_autoptr(Case)
        c = case_new(host, config, rules, g_rand_int_range(rand, 0, 3) == 0 ? held : "");
    add_some_devices(rand, c);

    Search search = {
        .c = c, .pool = g_array_new(FALSE, FALSE, sizeof(guint)), .cpus = cpuset_new()
    };
    add_numbers(search.pool, c->pool->free);
    try_sets(&search, 0, c->vm->vcpus_most);
    compare(&search, seed, config, rules);
    g_array_unref(search.pool);
    hwloc_bitmap_free(search.cpus);
    hwloc_bitmap_free(search.best);
    score_clear(&search.best_score);
    return c->plan != NULL ? search.sets : 0;
}

/* Some 5 s; more by hand, with ORACLE_CASES in the environment. */
#ifdef __SANITIZE_ADDRESS__
#define CASES 1200
#else
#define CASES 10000
#endif

static void test_no_plan_is_better(void)
{
    const char *only = g_getenv("ORACLE_CASE"), *wanted = g_getenv("ORACLE_CASES");
    guint cases = wanted != NULL ? (guint)g_ascii_strtoull(wanted, NULL, 10) : CASES, planned = 0;
    guint64 sets = 0;

    if (only != NULL) {
        test_one((guint)g_ascii_strtoull(only, NULL, 10));
        return;
    }
    for (guint i = 0; i < cases; i++) {
        guint tried = test_one(i);
        planned += tried > 0;
        sets += tried;
    }
    g_test_message(
        "%u cases, %u with a plan, %" G_GUINT64_FORMAT " sets of CPUs", cases, planned, sets);
    g_assert_cmpuint(planned, >, 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/oracle/no-plan-is-better", test_no_plan_is_better);
    return g_test_run();
}
