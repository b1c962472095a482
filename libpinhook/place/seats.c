// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/seats.h"

static void candidate_free(gpointer data)
{
    Candidate *candidate = data;

    g_free(candidate->cpus);
    g_free(candidate);
}

/// Appends the CPUs of @core that are in the pool and, as @isolated says, isolated or not.
static guint append_cpus(
    Candidate *candidate, const HostCore *core, const CpuSet *pool, const Host *host, int isolated)
{
    guint before = candidate->count;
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, core->cpus) {
        if (hwloc_bitmap_isset(pool, cpu) &&
            hwloc_bitmap_isset(host->isolation->isolated, cpu) == isolated) {
            candidate->cpus[candidate->count++] = cpu;
        }
    }
    hwloc_bitmap_foreach_end();
    return candidate->count - before;
}

static Candidate *candidate_new(
    guint place, const Host *host, const CpuSet *pool, const Taken *taken)
{
    const HostCore *core = host->cores->pdata[place];
    Candidate *candidate = g_new(Candidate, 1);

    *candidate = (Candidate){ .core = place,
        .node = core->node,
        .llc = core->llc,
        .kind = core->kind,
        .first_core = hwloc_bitmap_isset(core->cpus, (unsigned)hwloc_bitmap_first(host->online)),
        .whole = hwloc_bitmap_isincluded(core->cpus, host->isolation->isolated),
        .held = hwloc_bitmap_intersects(core->cpus, taken->cpus),
        .cpus = g_new(guint, cpuset_count(core->cpus)) };
    candidate->isolated = append_cpus(candidate, core, pool, host, 1);
    append_cpus(candidate, core, pool, host, 0);
    return candidate;
}

GPtrArray *candidates_find(const Host *host, const CpuSet *pool, const Taken *taken)
{
    GPtrArray *candidates = g_ptr_array_new_with_free_func(candidate_free);

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (hwloc_bitmap_intersects(core->cpus, pool)) {
            g_ptr_array_add(candidates, candidate_new(i, host, pool, taken));
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
