// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/stocks.h"

/// The seats that a VM may be given, and how many of each grade it takes at best.
typedef struct {
    const GPtrArray *demands;    // Demand, at most SEAT_DEMANDS
    guint64 needs[SEAT_DEMANDS]; // units by demand
    guint64 wanted;              // of all
    GArray *seats;               // Seat: of no worse grade than any that is to be taken
    GArray *stocks;              // Stock: the same, summed up
    guint64 graded[GRADE_COUNT];
} Offer;

/// What @candidates have for @demands as @wish says. NULL: too few seats. @demands must live
/// longer.
Offer *offer_find(const GPtrArray *candidates, const GPtrArray *demands, const SeatWish *wish);

void offer_free(Offer *offer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Offer, offer_free)

/// How many seats of @rank are taken.
guint64 offer_count_rank(const Offer *offer, Rank rank);
