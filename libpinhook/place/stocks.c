// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/stocks.h"

#include "place/matching.h"

#include <string.h>

static int compare(guint64 first, guint64 second)
{
    return first < second ? -1 : first > second;
}

static int compare_stocks(gconstpointer a, gconstpointer b)
{
    const Stock *first = a, *second = b;
    const guint64 keys[][2] = {
        { first->llc, second->llc },
        { first->grade, second->grade },
        { first->fits, second->fits },
        { first->node, second->node },
        { (guint64)first->first_core, (guint64)second->first_core },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i][0] != keys[i][1]) {
            return compare(keys[i][0], keys[i][1]);
        }
    }
    return 0;
}

static void add_stock(GArray *stocks, const Stock *stock)
{
    Stock *last = stocks->len > 0 ? &g_array_index(stocks, Stock, stocks->len - 1) : NULL;

    if (last != NULL && compare_stocks(last, stock) == 0) {
        last->count += stock->count;
    } else {
        g_array_append_vals(stocks, stock, 1);
    }
}

GArray *stocks_of(const GArray *seats)
{
    g_autoptr(GArray) pieces = g_array_new(FALSE, FALSE, sizeof(Stock));
    GArray *stocks = g_array_new(FALSE, FALSE, sizeof(Stock));

    for (guint i = 0; i < seats->len; i++) {
        const Seat *seat = &g_array_index(seats, Seat, i);
        Stock stock = { .llc = seat->candidate->llc,
            .node = seat->candidate->node,
            .grade = seat->grade,
            .fits = seat->fits,
            .first_core = seat->candidate->first_core,
            .count = 1 };
        add_stock(pieces, &stock);
    }
    g_array_sort(pieces, compare_stocks);
    for (guint i = 0; i < pieces->len; i++) {
        add_stock(stocks, &g_array_index(pieces, Stock, i));
    }
    return stocks;
}

guint stocks_of_llc(const GArray *stocks, guint at)
{
    guint count = 1;

    while (at + count < stocks->len &&
           g_array_index(stocks, Stock, at + count).llc == g_array_index(stocks, Stock, at).llc) {
        count++;
    }
    return count;
}

/* Taking seats, grade by grade. */

/// Seats of one grade that fit the same demands.
typedef struct {
    guint grade;
    guint64 fits;
    guint64 count;
} Class;

static int compare_classes(gconstpointer a, gconstpointer b)
{
    const Class *first = a, *second = b;

    return compare(first->grade, second->grade);
}

static void add_to_class(GArray *classes, const Stock *stock)
{
    for (guint i = 0; i < classes->len; i++) {
        Class *class = &g_array_index(classes, Class, i);
        if (class->grade == stock->grade && class->fits == stock->fits) {
            class->count += stock->count;
            return;
        }
    }
    Class class = { .grade = stock->grade, .fits = stock->fits, .count = stock->count };
    g_array_append_val(classes, class);
}

static GArray *classes_of(const GArray *stocks)
{
    GArray *classes = g_array_new(FALSE, FALSE, sizeof(Class));

    for (guint i = 0; i < stocks->len; i++) {
        add_to_class(classes, &g_array_index(stocks, Stock, i));
    }
    g_array_sort(classes, compare_classes);
    return classes;
}

static gboolean class_fits(guint supply, guint demand, gpointer data)
{
    const GArray *classes = data;

    return (g_array_index(classes, Class, supply).fits >> demand & 1) != 0;
}

static gboolean take_of_classes(
    GArray *classes, const guint64 *needs, guint demand_count, guint64 taken[GRADE_COUNT])
{
    g_autofree guint64 *supplies = g_new(guint64, classes->len + 1);
    g_autofree guint64 *given = g_new(guint64, (gsize)classes->len * demand_count + 1);

    for (guint i = 0; i < classes->len; i++) {
        supplies[i] = g_array_index(classes, Class, i).count;
    }
    if (!matching_find(supplies, classes->len, needs, demand_count, class_fits, classes, given)) {
        return FALSE;
    }
    for (guint i = 0; i < classes->len * demand_count; i++) {
        taken[g_array_index(classes, Class, i / demand_count).grade] += given[i];
    }
    return TRUE;
}

/// Where one demand alone wants any it takes no search.
static gboolean take_for_one(
    const GArray *stocks, guint demand, guint64 need, guint64 taken[GRADE_COUNT])
{
    for (guint i = 0; i < stocks->len; i++) {
        const Stock *stock = &g_array_index(stocks, Stock, i);
        taken[stock->grade] += (stock->fits >> demand & 1) != 0 ? stock->count : 0;
    }
    for (guint i = 0; i < GRADE_COUNT; i++) {
        taken[i] = MIN(taken[i], need);
        need -= taken[i];
    }
    return need == 0;
}

gboolean stocks_take(
    const GArray *stocks, const guint64 *needs, guint demand_count, guint64 taken[GRADE_COUNT])
{
    guint some = 0, last = 0;

    memset(taken, 0, sizeof(*taken) * GRADE_COUNT);
    for (guint i = 0; i < demand_count; i++) {
        some += needs[i] > 0;
        last = needs[i] > 0 ? i : last;
    }
    if (some <= 1) {
        return take_for_one(stocks, last, needs[last], taken);
    }
    g_autoptr(GArray) classes = classes_of(stocks);
    return take_of_classes(classes, needs, demand_count, taken);
}
