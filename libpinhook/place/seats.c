// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/seats.h"

/// What is known of the host's CPUs.
typedef struct {
    const CpuSet *isolated;
    const CpuSet *pool;
    const CpuSet *taken;
    guint first;  // of the host
    GArray *cpus; // guint: of the core at hand; large sets are slow to walk
} Ground;

static void find_cpus(const Ground *ground, const HostCore *core)
{
    unsigned cpu;

    g_array_set_size(ground->cpus, 0);
    hwloc_bitmap_foreach_begin (cpu, core->cpus) {
        g_array_append_val(ground->cpus, cpu);
    }
    hwloc_bitmap_foreach_end();
}

/// Appends the CPUs of the core that are in the pool and, as @isolated says, isolated or not.
static void append_cpus(Candidate *candidate, const Ground *ground, int isolated)
{
    for (guint i = 0; i < ground->cpus->len; i++) {
        guint cpu = g_array_index(ground->cpus, guint, i);
        if (hwloc_bitmap_isset(ground->pool, cpu) &&
            hwloc_bitmap_isset(ground->isolated, cpu) == isolated) {
            candidate->cpus[candidate->count++] = cpu;
        }
    }
}

static void look_at_cpus(Candidate *candidate, const Ground *ground)
{
    candidate->whole = TRUE;
    for (guint i = 0; i < ground->cpus->len; i++) {
        guint cpu = g_array_index(ground->cpus, guint, i);
        candidate->whole &= hwloc_bitmap_isset(ground->isolated, cpu);
        candidate->held |= hwloc_bitmap_isset(ground->taken, cpu);
        candidate->first_core |= cpu == ground->first;
    }
}

/// NULL: it has no CPU in the pool.
static Candidate *candidate_new(const HostCore *core, guint place, const Ground *ground)
{
    find_cpus(ground, core);
    g_autofree Candidate *candidate = g_malloc0(
        sizeof(Candidate) + ground->cpus->len * sizeof(*candidate->cpus));

    candidate->core = place;
    candidate->node = core->node;
    candidate->llc = core->llc;
    candidate->kind = core->kind;
    look_at_cpus(candidate, ground);
    append_cpus(candidate, ground, 1);
    candidate->isolated = candidate->count;
    append_cpus(candidate, ground, 0);
    return candidate->count > 0 ? g_steal_pointer(&candidate) : NULL;
}

GPtrArray *candidates_find(const Host *host, const CpuSet *pool, const Taken *taken)
{
    GPtrArray *candidates = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GArray) cpus = g_array_new(FALSE, FALSE, sizeof(guint));
    Ground ground = { .isolated = host->isolation->isolated,
        .pool = pool,
        .taken = taken->cpus,
        .first = (guint)hwloc_bitmap_first(host->online),
        .cpus = cpus };

    for (guint i = 0; i < host->cores->len; i++) {
        Candidate *candidate = candidate_new(host->cores->pdata[i], i, &ground);
        if (candidate != NULL) {
            g_ptr_array_add(candidates, candidate);
        }
    }
    return candidates;
}

Rank candidate_rank(const Candidate *candidate, guint cpus)
{
    if (candidate->held) {
        return RANK_SHARED_WITH_OTHER;
    }
    if (candidate->whole) {
        return RANK_SAFE;
    }
    return cpus <= candidate->isolated ? RANK_SIBLING_AWAKE : RANK_AWAKE;
}

static guint64 demands_that_fit(const GPtrArray *demands, const Candidate *candidate)
{
    guint64 fits = 0;

    for (guint i = 0; i < demands->len; i++) {
        const Demand *demand = demands->pdata[i];
        if (candidate->count >= demand->size &&
            (demand->nodes == NULL || hwloc_bitmap_isset(demand->nodes, candidate->node))) {
            fits |= G_GUINT64_CONSTANT(1) << i;
        }
    }
    return fits;
}

/// How far a kind is from the one that is preferred.
static guint place_of_kind(guint kind, PolicyKind order, guint fastest)
{
    switch (order) {
    case POLICY_KIND_FAST:
        return MIN(fastest - kind, GRADE_KINDS - 1);
    case POLICY_KIND_SLOW:
        return MIN(kind, GRADE_KINDS - 1);
    case POLICY_KIND_ANY:
        return 0;
    }
    g_assert_not_reached();
}

static guint grade_of(const Seat *seat, const SeatWish *wish, guint fastest)
{
    const Candidate *candidate = seat->candidate;
    guint cpus = wish->share == SHARE_UNIT ? MIN(wish->unit, candidate->count) : seat->first + 1;
    guint grade = candidate_rank(candidate, cpus) * GRADES_OF_RANK;

    if (wish->kind != SEAT_MIX) {
        return grade;
    }
    return grade + (seat->first > 0 ? GRADE_KINDS : 0) +
           place_of_kind(candidate->kind, wish->order, fastest);
}

static guint find_fastest(const GPtrArray *candidates)
{
    guint fastest = 0;

    for (guint i = 0; i < candidates->len; i++) {
        fastest = MAX(fastest, ((const Candidate *)candidates->pdata[i])->kind);
    }
    return fastest;
}

GArray *seats_find(const GPtrArray *candidates, const GPtrArray *demands, const SeatWish *wish)
{
    GArray *seats = g_array_new(FALSE, FALSE, sizeof(Seat));
    guint fastest = find_fastest(candidates);

    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = candidates->pdata[i];
        guint capacity = wish->share == SHARE_SIBLINGS ? candidate->count : 1;
        Seat seat = { .candidate = candidate, .fits = demands_that_fit(demands, candidate) };
        if (candidate == wish->left_out || seat.fits == 0 ||
            (wish->kind >= 0 && candidate->kind != (guint)wish->kind)) {
            continue;
        }
        for (seat.first = 0; seat.first < capacity; seat.first++) {
            seat.grade = grade_of(&seat, wish, fastest);
            g_array_append_val(seats, seat);
        }
    }
    return seats;
}
