// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/caches.h"

#include "place/matching.h"

#include <string.h>

void cache_choice_clear(CacheChoice *choice)
{
    g_clear_pointer(&choice->llcs, hwloc_bitmap_free);
}

/* Stocks. */

static int compare_stocks(gconstpointer a, gconstpointer b)
{
    const Stock *first = a, *second = b;

    if (first->llc != second->llc) {
        return first->llc < second->llc ? -1 : 1;
    }
    if (first->rank != second->rank) {
        return first->rank < second->rank ? -1 : 1;
    }
    if (first->fits != second->fits) {
        return first->fits < second->fits ? -1 : 1;
    }
    if (first->node != second->node) {
        return first->node < second->node ? -1 : 1;
    }
    return first->kind < second->kind ? -1 : first->kind > second->kind;
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
    g_autoptr(GArray) single = g_array_new(FALSE, FALSE, sizeof(Stock));
    GArray *stocks = g_array_new(FALSE, FALSE, sizeof(Stock));

    for (guint i = 0; i < seats->len; i++) {
        const Seat *seat = &g_array_index(seats, Seat, i);
        Stock stock = { .llc = seat->candidate->llc,
            .node = seat->candidate->node,
            .kind = seat->candidate->kind,
            .rank = seat->candidate->rank,
            .fits = seat->fits,
            .count = 1 };
        add_stock(single, &stock);
    }
    g_array_sort(single, compare_stocks);
    for (guint i = 0; i < single->len; i++) {
        add_stock(stocks, &g_array_index(single, Stock, i));
    }
    return stocks;
}

static gboolean stock_fits(guint supply, guint demand, gpointer data)
{
    const guint64 *fits = data;

    return (fits[supply] >> demand & 1) != 0;
}

/// What a seat of a rank weighs in CacheChoice.unsafe: any of a higher rank outweighs all of lower.
static guint64 weight_of(Rank rank)
{
    static const guint64 weights[RANK_COUNT] = {
        [RANK_SAFE] = 0,
        [RANK_SIBLING_AWAKE] = 1,
        [RANK_AWAKE] = G_GUINT64_CONSTANT(1) << 20,
        [RANK_SHARED_WITH_OTHER] = G_GUINT64_CONSTANT(1) << 40,
    };

    return weights[rank];
}

/* The search. LLCs with the same seats are of one type: of these the lowest are taken. Seats are of
 * one class if they are of the same rank and for the same demands. */

typedef struct {
    const Stock *entries; // of the first of its LLCs
    guint entry_count;
    guint *classes; // by entry
    GArray *llcs;   // guint, ascending
    guint seats;    // of each of them
    guint taken;    // of them, in the choice at hand
} Type;

typedef struct {
    const guint64 *needs;
    guint demand_count;
    guint64 wanted;    // of all demands of the part
    GPtrArray *types;  // Type, those with the most seats first
    GArray *classes;   // Stock: one of each class, the safest first
    guint64 *fits;     // by class
    guint64 *supplies; // by class: the seats in the choice at hand
    guint64 *given;    // by class, then demand
    guint *steps;

    /* The best so far. */
    guint *best; // by type: how many; NULL: none yet
    guint64 best_unsafe;
    guint64 best_seats;
} Search;

static void type_free(gpointer data)
{
    Type *type = data;

    g_free(type->classes);
    g_array_unref(type->llcs);
    g_free(type);
}

/// Whether both have as many seats of each rank for the same demands; nodes and kinds do not count.
static gboolean are_alike(const Type *type, const Stock *stocks, guint count)
{
    if (type->entry_count != count) {
        return FALSE;
    }
    for (guint i = 0; i < count; i++) {
        const Stock *entry = &type->entries[i];
        if (entry->rank != stocks[i].rank || entry->fits != stocks[i].fits ||
            entry->count != stocks[i].count) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Adds the LLC of the @count stocks, which are kept.
static void add_llc(GPtrArray *types, const Stock *stocks, guint count)
{
    Type *type = NULL;

    for (guint i = 0; type == NULL && i < types->len; i++) {
        if (are_alike(types->pdata[i], stocks, count)) {
            type = types->pdata[i];
        }
    }
    if (type == NULL) {
        type = g_new0(Type, 1);
        type->entries = stocks;
        type->entry_count = count;
        type->llcs = g_array_new(FALSE, FALSE, sizeof(guint));
        for (guint i = 0; i < count; i++) {
            type->seats += stocks[i].count;
        }
        g_ptr_array_add(types, type);
    }
    g_array_append_val(type->llcs, stocks[0].llc);
}

static int compare_types(gconstpointer a, gconstpointer b)
{
    const Type *first = *(Type *const *)a, *second = *(Type *const *)b;

    if (first->seats != second->seats) {
        return first->seats > second->seats ? -1 : 1;
    }
    return g_array_index(first->llcs, guint, 0) < g_array_index(second->llcs, guint, 0) ? -1 : 1;
}

/// The LLCs that have any seats for @demands.
static GPtrArray *find_types(const GArray *stocks, guint64 demands)
{
    GPtrArray *types = g_ptr_array_new_with_free_func(type_free);

    for (guint i = 0, count; i < stocks->len; i += count) {
        const Stock *first = &g_array_index(stocks, Stock, i);
        guint64 fits = 0;
        for (count = 0; i + count < stocks->len && first[count].llc == first->llc; count++) {
            fits |= first[count].fits;
        }
        if ((fits & demands) != 0) {
            add_llc(types, first, count);
        }
    }
    g_ptr_array_sort(types, compare_types);
    return types;
}

/// The class of @stock; as many as there are: a new one.
static guint find_class(const GArray *classes, const Stock *stock)
{
    guint i = 0;

    for (; i < classes->len; i++) {
        const Stock *other = &g_array_index(classes, Stock, i);
        if (other->rank == stock->rank && other->fits == stock->fits) {
            break;
        }
    }
    return i;
}

static int compare_classes(gconstpointer a, gconstpointer b)
{
    const Stock *first = a, *second = b;

    return first->rank < second->rank ? -1 : first->rank > second->rank;
}

static void add_classes(GArray *classes, const Type *type)
{
    for (guint i = 0; i < type->entry_count; i++) {
        if (find_class(classes, &type->entries[i]) == classes->len) {
            g_array_append_vals(classes, &type->entries[i], 1);
        }
    }
}

static void set_classes(const GArray *classes, Type *type)
{
    type->classes = g_new(guint, type->entry_count);
    for (guint i = 0; i < type->entry_count; i++) {
        type->classes[i] = find_class(classes, &type->entries[i]);
    }
}

static void find_classes(Search *search)
{
    GArray *classes = g_array_new(FALSE, FALSE, sizeof(Stock));

    for (guint i = 0; i < search->types->len; i++) {
        add_classes(classes, search->types->pdata[i]);
    }
    g_array_sort(classes, compare_classes);
    for (guint i = 0; i < search->types->len; i++) {
        set_classes(classes, search->types->pdata[i]);
    }
    search->classes = classes;
    search->supplies = g_new(guint64, classes->len);
    search->given = g_new(guint64, (gsize)classes->len * search->demand_count);
    search->fits = g_new(guint64, classes->len);
    for (guint i = 0; i < classes->len; i++) {
        search->fits[i] = g_array_index(classes, Stock, i).fits;
    }
}

static void clear_classes(Search *search)
{
    g_array_unref(search->classes);
    g_free(search->fits);
    g_free(search->supplies);
    g_free(search->given);
}

/// Whether the LLCs taken have the seats, and how unsafe those are that must be used.
static gboolean meets_needs(const Search *search, guint64 *unsafe)
{
    guint classes = search->classes->len;

    memset(search->supplies, 0, sizeof(*search->supplies) * classes);
    for (guint i = 0; i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        for (guint j = 0; type->taken > 0 && j < type->entry_count; j++) {
            search->supplies[type->classes[j]] += (guint64)type->entries[j].count * type->taken;
        }
    }
    if (!matching_find(search->supplies, classes, search->needs, search->demand_count, stock_fits,
            search->fits, search->given)) {
        return FALSE;
    }
    *unsafe = 0;
    for (guint i = 0; i < classes * search->demand_count; i++) {
        const Stock *class = &g_array_index(search->classes, Stock, i / search->demand_count);
        *unsafe += search->given[i] * weight_of(class->rank);
    }
    return TRUE;
}

/// Whether the lowest LLC that is in one choice only is in the one at hand.
static gboolean is_lower(const Search *search)
{
    guint lowest = G_MAXUINT;
    gboolean ours = FALSE;

    for (guint i = 0; i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        guint common = MIN(type->taken, search->best[i]);
        if (type->taken != search->best[i] && g_array_index(type->llcs, guint, common) < lowest) {
            lowest = g_array_index(type->llcs, guint, common);
            ours = type->taken > search->best[i];
        }
    }
    return ours;
}

static gboolean is_better(const Search *search, guint64 unsafe, guint64 seats)
{
    if (search->best == NULL) {
        return TRUE;
    }
    if (unsafe != search->best_unsafe) {
        return unsafe < search->best_unsafe;
    }
    return seats != search->best_seats ? seats < search->best_seats : is_lower(search);
}

static void consider(Search *search, guint64 seats)
{
    guint64 unsafe;

    if (!meets_needs(search, &unsafe) || !is_better(search, unsafe, seats)) {
        return;
    }
    if (search->best == NULL) {
        search->best = g_new(guint, search->types->len);
    }
    for (guint i = 0; i < search->types->len; i++) {
        search->best[i] = ((const Type *)search->types->pdata[i])->taken;
    }
    search->best_unsafe = unsafe;
    search->best_seats = seats;
}

/// The most seats that @count LLCs of the types from @at on have.
static guint64 most_seats(const Search *search, guint at, guint count)
{
    guint64 seats = 0;

    for (; at < search->types->len && count > 0; at++) {
        const Type *type = search->types->pdata[at];
        guint taken = MIN(count, type->llcs->len);
        seats += (guint64)taken * type->seats;
        count -= taken;
    }
    return seats;
}

/// The fewest, of at least one.
static guint64 fewest_seats(const Search *search, guint at, guint count)
{
    guint64 seats = 0;

    for (guint i = search->types->len; i > at && count > 0; i--) {
        const Type *type = search->types->pdata[i - 1];
        guint taken = MIN(count, type->llcs->len);
        seats += (guint64)taken * type->seats;
        count -= taken;
    }
    return seats;
}

/// Whether @count more LLCs of the types from @at on, beside @seats, can be a better choice.
static gboolean is_hopeless(const Search *search, guint at, guint count, guint64 seats)
{
    if (seats + most_seats(search, at, count) < search->wanted) {
        return TRUE;
    }
    return search->best != NULL && search->best_unsafe == 0 &&
           seats + fewest_seats(search, at, count) > search->best_seats;
}

/// Tries every choice of @count LLCs of the types from @at on, beside those that are taken.
static void try_types(Search *search, guint at, guint count, guint64 seats)
{
    if (*search->steps == 0) {
        return;
    }
    --*search->steps;
    if (is_hopeless(search, at, count, seats)) {
        return;
    }
    if (count == 0) {
        consider(search, seats);
        return;
    }
    if (at == search->types->len) {
        return;
    }
    Type *type = search->types->pdata[at];
    for (guint taken = MIN(count, type->llcs->len) + 1; taken-- > 0;) {
        type->taken = taken;
        try_types(search, at + 1, count - taken, seats + (guint64)taken * type->seats);
    }
    type->taken = 0;
}

/// Where the search was cut short: the LLCs with the most seats, until they suffice.
static void take_largest(Search *search)
{
    guint64 seats = 0;

    for (guint i = 0; i < search->types->len && search->best == NULL; i++) {
        Type *type = search->types->pdata[i];
        while (type->taken < type->llcs->len && search->best == NULL) {
            type->taken++;
            seats += type->seats;
            if (seats >= search->wanted) {
                consider(search, seats);
            }
        }
    }
}

static guint count_llcs(const Search *search)
{
    guint count = 0;

    for (guint i = 0; i < search->types->len; i++) {
        count += ((const Type *)search->types->pdata[i])->llcs->len;
    }
    return count;
}

static void find_best(Search *search)
{
    guint all = count_llcs(search), count = 1;

    while (count < all && most_seats(search, 0, count) < search->wanted) {
        count++;
    }
    for (; search->best == NULL && count <= all && *search->steps > 0; count++) {
        try_types(search, 0, count, 0);
    }
    take_largest(search);
}

static void add_best(const Search *search, CacheChoice *choice)
{
    for (guint i = 0; search->best != NULL && i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        for (guint j = 0; j < search->best[i]; j++) {
            hwloc_bitmap_set(choice->llcs, g_array_index(type->llcs, guint, j));
        }
        choice->count += search->best[i];
    }
    choice->unsafe += search->best_unsafe;
    choice->seats += search->best_seats;
}

/// The best LLCs for @demands (bits), which share no LLC with others.
static void choose_part(const GArray *stocks, const guint64 *needs, guint demand_count,
    guint64 demands, guint *steps, CacheChoice *choice)
{
    g_autofree guint64 *needs_of_part = g_new0(guint64, demand_count);
    g_autoptr(GPtrArray) types = find_types(stocks, demands);
    Search search = {
        .needs = needs_of_part, .demand_count = demand_count, .types = types, .steps = steps
    };

    for (guint i = 0; i < demand_count; i++) {
        needs_of_part[i] = (demands >> i & 1) != 0 ? needs[i] : 0;
        search.wanted += needs_of_part[i];
    }
    find_classes(&search);
    find_best(&search);
    add_best(&search, choice);
    clear_classes(&search);
    g_free(search.best);
}

/// All demands that want seats of the same LLCs as demand @first, directly or by way of others.
static guint64 demands_linked_to(const GArray *stocks, guint first)
{
    guint64 linked = G_GUINT64_CONSTANT(1) << first, before = 0;

    while (linked != before) {
        before = linked;
        for (guint i = 0; i < stocks->len;) {
            guint llc = g_array_index(stocks, Stock, i).llc;
            guint64 fits = 0;
            for (; i < stocks->len && g_array_index(stocks, Stock, i).llc == llc; i++) {
                fits |= g_array_index(stocks, Stock, i).fits;
            }
            linked |= (fits & linked) != 0 ? fits : 0;
        }
    }
    return linked;
}

void caches_choose(const GArray *stocks, const guint64 *needs, guint demand_count, guint *steps,
    CacheChoice *choice)
{
    guint64 done = 0;

    *choice = (CacheChoice){ .llcs = cpuset_new() };
    for (guint i = 0; i < demand_count; i++) {
        if ((done >> i & 1) != 0) {
            continue;
        }
        guint64 part = demand_count > 1 ? demands_linked_to(stocks, i) : 1;
        choose_part(stocks, needs, demand_count, part, steps, choice);
        done |= part;
    }
}

gboolean stocks_suffice(const GArray *stocks, const guint64 *needs, guint demand_count)
{
    g_autofree guint64 *supplies = g_new(guint64, stocks->len + 1);
    g_autofree guint64 *fits = g_new(guint64, stocks->len + 1);
    guint64 total = 0, wanted = 0;

    for (guint i = 0; i < stocks->len; i++) {
        supplies[i] = g_array_index(stocks, Stock, i).count;
        fits[i] = g_array_index(stocks, Stock, i).fits;
        total += supplies[i];
    }
    for (guint i = 0; i < demand_count; i++) {
        wanted += needs[i];
    }
    return total >= wanted && (demand_count == 1 || matching_find(supplies, stocks->len, needs,
                                                        demand_count, stock_fits, fits, NULL));
}
