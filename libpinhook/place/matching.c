// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/matching.h"

#include <string.h>

typedef struct {
    guint supply_count;
    guint demand_count;
    MatchingFits fits;
    gpointer data;
    guint64 *given; // by supply, then demand
    guint64 *unmet; // by demand

    /* The path that is looked for: demands in the order they were reached. */
    guint *reached;
    guint reached_count;
    int *came_from; // by demand: the one before it on the path; -1: the supply itself; -2: none
    guint *through; // by demand: the supply that would change from the one before to this one
} Matching;

static guint64 *given_at(const Matching *matching, guint supply, guint demand)
{
    return &matching->given[(gsize)supply * matching->demand_count + demand];
}

static void reach(Matching *matching, guint demand, int from, guint through)
{
    if (matching->came_from[demand] == -2) {
        matching->came_from[demand] = from;
        matching->through[demand] = through;
        matching->reached[matching->reached_count++] = demand;
    }
}

/// Every demand that @supply could turn to.
static void reach_from_supply(Matching *matching, guint supply, int from)
{
    for (guint demand = 0; demand < matching->demand_count; demand++) {
        if (matching->came_from[demand] == -2 && matching->fits(supply, demand, matching->data)) {
            reach(matching, demand, from, supply);
        }
    }
}

/// A demand that is not met and that @supply could meet, itself or by way of others, which then
/// turn to another; -1: there is none. Only supplies up to @supply have given anything yet.
static int find_path(Matching *matching, guint supply)
{
    matching->reached_count = 0;
    for (guint demand = 0; demand < matching->demand_count; demand++) {
        matching->came_from[demand] = -2;
    }
    reach_from_supply(matching, supply, -1);
    for (guint at = 0; at < matching->reached_count; at++) {
        guint demand = matching->reached[at];
        if (matching->unmet[demand] > 0) {
            return (int)demand;
        }
        for (guint other = 0; other <= supply && matching->reached_count < matching->demand_count;
             other++) {
            if (*given_at(matching, other, demand) > 0) {
                reach_from_supply(matching, other, (int)demand);
            }
        }
    }
    return -1;
}

/// Moves along the path as much as every step of it allows, at most @most. Returns how much.
static guint64 follow_path(Matching *matching, guint end, guint64 most)
{
    guint64 amount = MIN(most, matching->unmet[end]);

    for (guint at = end; matching->came_from[at] >= 0; at = (guint)matching->came_from[at]) {
        guint before = (guint)matching->came_from[at];
        amount = MIN(amount, *given_at(matching, matching->through[at], before));
    }
    for (guint at = end;; at = (guint)matching->came_from[at]) {
        *given_at(matching, matching->through[at], at) += amount;
        if (matching->came_from[at] < 0) {
            break;
        }
        *given_at(matching, matching->through[at], (guint)matching->came_from[at]) -= amount;
    }
    matching->unmet[end] -= amount;
    return amount;
}

gboolean matching_find(const guint64 *supplies, guint supply_count, const guint64 *demands,
    guint demand_count, MatchingFits fits, gpointer data, guint64 *given)
{
    g_autofree guint64 *own = given == NULL ? g_new(guint64, supply_count * demand_count + 1)
                                            : NULL;
    g_autofree guint64 *unmet = g_new(guint64, demand_count + 1);
    g_autofree guint *reached = g_new(guint, demand_count + 1);
    g_autofree guint *through = g_new(guint, demand_count + 1);
    g_autofree int *came_from = g_new(int, demand_count + 1);
    Matching matching = { .supply_count = supply_count,
        .demand_count = demand_count,
        .fits = fits,
        .data = data,
        .given = given != NULL ? given : own,
        .unmet = unmet,
        .reached = reached,
        .through = through,
        .came_from = came_from };
    guint64 total = 0;

    memset(matching.given, 0, sizeof(guint64) * supply_count * demand_count);
    for (guint demand = 0; demand < demand_count; demand++) {
        unmet[demand] = demands[demand];
        total += demands[demand];
    }
    for (guint supply = 0; supply < supply_count && total > 0; supply++) {
        guint64 left = supplies[supply];
        for (int end = 0; left > 0 && total > 0 && end >= 0;) {
            end = find_path(&matching, supply);
            if (end >= 0) {
                guint64 moved = follow_path(&matching, (guint)end, left);
                left -= moved;
                total -= moved;
            }
        }
    }
    return total == 0;
}
