// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/seats.h"

static void candidate_free(gpointer data)
{
    Candidate *candidate = data;

    g_free(candidate->cpus);
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
        .cpus = g_new(guint, cpuset_count(core->cpus)) };
    candidate->isolated = append_cpus(candidate, core, pool, host, 1);
    append_cpus(candidate, core, pool, host, 0);
    candidate->rank = rank_core(core, candidate->isolated > 0, host, taken);
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

guint candidate_usable(const Candidate *candidate, Rank worst)
{
    if (candidate->rank > worst) {
        return 0;
    }
    return worst < RANK_AWAKE ? candidate->isolated : candidate->count;
}

static guint64 demands_that_fit(const GPtrArray *demands, const Candidate *candidate, guint usable)
{
    guint64 fits = 0;

    for (guint i = 0; i < demands->len; i++) {
        const Demand *demand = demands->pdata[i];
        if (usable >= demand->size &&
            (demand->nodes == NULL || hwloc_bitmap_isset(demand->nodes, candidate->node))) {
            fits |= G_GUINT64_CONSTANT(1) << i;
        }
    }
    return fits;
}

GArray *seats_find(const GPtrArray *candidates, const GPtrArray *demands, Share share, Rank worst,
    const Candidate *left_out)
{
    GArray *seats = g_array_new(FALSE, FALSE, sizeof(Seat));

    for (guint i = 0; i < candidates->len; i++) {
        const Candidate *candidate = candidates->pdata[i];
        guint usable = candidate_usable(candidate, worst);
        guint capacity = share == SHARE_SIBLINGS ? usable : MIN(usable, 1);
        Seat seat = { .candidate = candidate,
            .fits = demands_that_fit(demands, candidate, usable) };
        if (candidate == left_out || seat.fits == 0) {
            continue;
        }
        for (seat.first = 0; seat.first < capacity; seat.first++) {
            g_array_append_val(seats, seat);
        }
    }
    return seats;
}
