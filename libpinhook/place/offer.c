// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/offer.h"

static void add_needs(Offer *offer)
{
    for (guint i = 0; i < offer->demands->len; i++) {
        offer->needs[i] = ((const Demand *)offer->demands->pdata[i])->units->len;
        offer->wanted += offer->needs[i];
    }
}

static guint find_worst(const Offer *offer)
{
    guint worst = GRADE_COUNT - 1;

    while (worst > 0 && offer->graded[worst] == 0) {
        worst--;
    }
    return worst;
}

/// What is worse than anything that is taken is no seat.
static void drop_worse(Offer *offer, guint worst)
{
    guint kept = 0;

    for (guint i = 0; i < offer->seats->len; i++) {
        Seat seat = g_array_index(offer->seats, Seat, i);
        if (seat.grade <= worst) {
            g_array_index(offer->seats, Seat, kept++) = seat;
        }
    }
    if (kept < offer->seats->len) {
        g_array_set_size(offer->seats, kept);
        g_array_unref(offer->stocks);
        offer->stocks = stocks_of(offer->seats);
    }
}

Offer *offer_find(const GPtrArray *candidates, const GPtrArray *demands, const SeatWish *wish)
{
    g_autoptr(Offer) offer = g_new0(Offer, 1);

    offer->demands = demands;
    offer->seats = seats_find(candidates, demands, wish);
    offer->stocks = stocks_of(offer->seats);
    add_needs(offer);
    if (!stocks_take(offer->stocks, offer->needs, demands->len, offer->graded)) {
        return NULL;
    }
    drop_worse(offer, find_worst(offer));
    return g_steal_pointer(&offer);
}

void offer_free(Offer *offer)
{
    if (offer != NULL) {
        g_array_unref(offer->seats);
        g_array_unref(offer->stocks);
        g_free(offer);
    }
}

guint64 offer_count_rank(const Offer *offer, Rank rank)
{
    guint64 count = 0;

    for (guint i = 0; i < GRADES_OF_RANK; i++) {
        count += offer->graded[rank * GRADES_OF_RANK + i];
    }
    return count;
}
