// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/seats.h"

/// Seats of one last-level cache that are alike.
typedef struct {
    guint llc; // place in Host's `llcs`
    guint node;
    guint grade;  // of Seat
    guint64 fits; // likewise
    gboolean first_core;
    guint count;
} Stock;

/// The seats summed up, by LLC, then by grade. The caller unrefs the array of Stock.
GArray *stocks_of(const GArray *seats);

/// How many of @stocks there are to the end of the LLC of the one at @at.
guint stocks_of_llc(const GArray *stocks, guint at);

/// Meets @needs (units by demand) from the best grades: as many seats as can be are of the best, of
/// the rest as many of the next, and so on. @taken gets how many of each. FALSE: there are too few.
gboolean stocks_take(
    const GArray *stocks, const guint64 *needs, guint demand_count, guint64 taken[GRADE_COUNT]);
