// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/seats.h"

/// Seats of one last-level cache that are alike.
typedef struct {
    guint llc; // place in Host's `llcs`
    guint node;
    guint kind;
    Rank rank;
    guint64 fits; // of Seat
    guint count;
} Stock;

/// The seats summed up, by LLC; alike are those of the same LLC, node, kind, rank and fits. The
/// caller unrefs the array of Stock.
GArray *stocks_of(const GArray *seats);

/// Whether @stocks have the seats for @needs (units by demand).
gboolean stocks_suffice(const GArray *stocks, const guint64 *needs, guint demand_count);

/// The LLCs that were chosen, and what is to be said of them.
typedef struct {
    CpuSet *llcs;   // places in Host's `llcs`
    guint count;    // of them
    guint64 unsafe; // seats that must be taken on cores that are not safe: see caches_choose()
    guint64 seats;  // that they have, taken or not
} CacheChoice;

void cache_choice_clear(CacheChoice *choice);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CacheChoice, cache_choice_clear)

/// Chooses the LLCs for @needs (units by demand) from @stocks, which must have the seats: the
/// fewest LLCs; of these those that need the fewest seats on cores shared with another guest, then
/// on awake ones, then on isolated ones with a sibling awake; then those with the fewest seats;
/// then the lowest. Exact unless *@steps, which it counts down, come to 0: then what was found by
/// then.
void caches_choose(const GArray *stocks, const guint64 *needs, guint demand_count, guint *steps,
    CacheChoice *choice);
