// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/seating.h"

#include "place/matching.h"

/// What there is of an LLC.
typedef struct {
    guint seats;
    guint cores;
    guint taken; // of the seats
    gboolean first_core;
} Llc;

static int compare(guint first, guint second)
{
    return first < second ? -1 : first > second;
}

/// In one LLC first siblings come before second ones where it has a core for each that is taken,
/// and else core by core.
static int compare_for_taking(gconstpointer a, gconstpointer b, gpointer data)
{
    const Llc *llcs = data;
    const Seat *first = a, *second = b;
    const Candidate *one = first->candidate, *other = second->candidate;
    gboolean spread = llcs[one->llc].taken <= llcs[one->llc].cores;
    const int keys[] = {
        compare(first->grade, second->grade),
        compare((guint)llcs[one->llc].first_core, (guint)llcs[other->llc].first_core),
        compare(llcs[other->llc].seats, llcs[one->llc].seats),
        compare(one->llc, other->llc),
        spread ? compare(first->first, second->first) : 0,
        compare((guint)one->first_core, (guint)other->first_core),
        compare(one->core, other->core),
        compare(first->first, second->first),
    };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i] != 0) {
            return keys[i];
        }
    }
    return 0;
}

/// All first siblings, then all second ones, and so on.
static int compare_for_putting(gconstpointer a, gconstpointer b)
{
    const Seat *first = a, *second = b;

    return first->first != second->first ? compare(first->first, second->first)
                                         : compare(first->candidate->core, second->candidate->core);
}

static gboolean seat_fits(guint supply, guint demand, gpointer data)
{
    const GArray *seats = data;

    return (g_array_index(seats, Seat, supply).fits >> demand & 1) != 0;
}

/// By seat, then demand: 1 where it is given. The caller frees it.
static guint64 *give_seats(GArray *seats, const GPtrArray *demands)
{
    guint64 *given = g_new(guint64, (gsize)seats->len * demands->len);
    g_autofree guint64 *supplies = g_new(guint64, seats->len);
    g_autofree guint64 *needs = g_new(guint64, demands->len);

    for (guint i = 0; i < seats->len; i++) {
        supplies[i] = 1;
    }
    for (guint i = 0; i < demands->len; i++) {
        needs[i] = ((const Demand *)demands->pdata[i])->units->len;
    }
    gboolean found = matching_find(
        supplies, seats->len, needs, demands->len, seat_fits, seats, given);
    g_assert(found);
    return given;
}

static gboolean is_given(const guint64 *given, guint seat, guint demands)
{
    for (guint i = 0; i < demands; i++) {
        if (given[(gsize)seat * demands + i] > 0) {
            return TRUE;
        }
    }
    return FALSE;
}

static void count_seats(Llc *llcs, const GArray *seats)
{
    for (guint i = 0; i < seats->len; i++) {
        const Seat *seat = &g_array_index(seats, Seat, i);
        llcs[seat->candidate->llc].seats++;
        llcs[seat->candidate->llc].cores += seat->first == 0;
        llcs[seat->candidate->llc].first_core |= seat->candidate->first_core;
    }
}

/// How many seats of each LLC are taken depends on no order in it.
static void count_taken(Llc *llcs, GArray *seats, const GPtrArray *demands)
{
    g_autofree guint64 *given = give_seats(seats, demands);

    for (guint i = 0; i < seats->len; i++) {
        const Seat *seat = &g_array_index(seats, Seat, i);
        llcs[seat->candidate->llc].taken += is_given(given, i, demands->len);
    }
}

GPtrArray *seating_find(GArray *seats, const GPtrArray *demands, guint llc_count)
{
    GPtrArray *seating = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    g_autofree Llc *llcs = g_new0(Llc, llc_count);
    gboolean shared = FALSE;

    count_seats(llcs, seats);
    g_array_sort_with_data(seats, compare_for_taking, llcs);
    for (guint i = 0; i < llc_count; i++) {
        shared |= llcs[i].seats > llcs[i].cores;
    }
    if (shared) {
        count_taken(llcs, seats, demands);
        g_array_sort_with_data(seats, compare_for_taking, llcs);
    }
    g_autofree guint64 *given = give_seats(seats, demands);
    for (guint i = 0; i < demands->len; i++) {
        GArray *mine = g_array_new(FALSE, FALSE, sizeof(Seat));
        for (guint j = 0; j < seats->len; j++) {
            if (given[(gsize)j * demands->len + i] > 0) {
                g_array_append_val(mine, g_array_index(seats, Seat, j));
            }
        }
        g_array_sort(mine, compare_for_putting);
        g_ptr_array_add(seating, mine);
    }
    return seating;
}
