// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/caches.h"

#include <string.h>

/* What there is to know of the caches. */

/// The CPUs that the host has for itself: those not isolated. Where that tells nothing apart it is
/// the first core, which the kernel keeps for work of its own.
static CpuSet *cpus_of_host(const Host *host)
{
    CpuSet *awake = cpuset_minus(host->online, host->isolation->isolated);
    g_autoptr(CpuSet) first = host_first_core(host);

    if (hwloc_bitmap_isequal(awake, host->online)) {
        hwloc_bitmap_zero(awake);
    }
    hwloc_bitmap_or(awake, awake, first);
    return awake;
}

Caches *caches_of(const Host *host)
{
    Caches *caches = g_new0(Caches, 1);
    g_autoptr(CpuSet) own = cpus_of_host(host);

    caches->sizes_kib = g_new(guint64, host->llcs->len);
    caches->host = g_new(gboolean, host->llcs->len);
    for (guint i = 0; i < host->llcs->len; i++) {
        const HostLlc *llc = host->llcs->pdata[i];
        caches->sizes_kib[i] = llc->size_kib;
        caches->largest_kib = MAX(caches->largest_kib, llc->size_kib);
        caches->host[i] = hwloc_bitmap_intersects(llc->cpus, own);
    }
    return caches;
}

void caches_free(Caches *caches)
{
    if (caches != NULL) {
        g_free(caches->sizes_kib);
        g_free(caches->host);
        g_free(caches);
    }
}

void cache_choice_clear(CacheChoice *choice)
{
    g_clear_pointer(&choice->llcs, hwloc_bitmap_free);
}

/* The search. LLCs that are alike are of one type: of these the lowest are taken. */

typedef struct {
    const Stock *entries; // of the first of its LLCs
    guint entry_count;
    guint64 size_kib;
    gboolean host;
    gboolean first_core;
    gboolean forced; // all of them have to be taken
    GArray *llcs;    // guint, ascending
    guint seats;     // of each of them
    guint taken;     // of them, in the choice at hand
} Type;

/// What a choice is judged by, the first first; of each the least is the best.
enum { CACHE_LOST, SEATS, FIRST_CORE, HOST, WORTHS };

typedef struct {
    const CacheWish *wish;
    guint64 *needs; // of the part that is looked at
    guint64 wanted; // of all its demands
    gboolean largest;
    guint64 graded[GRADE_COUNT]; // what is to be taken of each grade
    GPtrArray *types;            // Type, the forced ones first, then those with the most seats
    GArray *stocks;              // of the choice at hand

    /* The best so far. */
    guint *best; // by type: how many; NULL: none yet
    guint64 best_worth[WORTHS];
} Search;

static void type_free(gpointer data)
{
    Type *type = data;

    g_array_unref(type->llcs);
    g_free(type);
}

static gboolean are_like_entries(const Stock *a, const Stock *b)
{
    return a->grade == b->grade && a->fits == b->fits && a->count == b->count &&
           a->first_core == b->first_core;
}

/// Whether @other has as many seats of each grade for the same demands; nodes do not count.
static gboolean are_alike(const Type *type, const Type *other)
{
    if (type->entry_count != other->entry_count || type->size_kib != other->size_kib ||
        type->host != other->host) {
        return FALSE;
    }
    for (guint i = 0; i < type->entry_count; i++) {
        if (!are_like_entries(&type->entries[i], &other->entries[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Adds the LLC of the @count stocks, which are kept.
static void add_llc(const Search *search, const Stock *stocks, guint count)
{
    const Caches *caches = search->wish->caches;
    guint llc = stocks[0].llc, at = 0;
    Type one = { .entries = stocks,
        .entry_count = count,
        .size_kib = search->largest ? caches->sizes_kib[llc] : 0,
        .host = caches->host[llc] };

    while (at < search->types->len && !are_alike(search->types->pdata[at], &one)) {
        at++;
    }
    if (at == search->types->len) {
        one.llcs = g_array_new(FALSE, FALSE, sizeof(guint));
        for (guint i = 0; i < count; i++) {
            one.seats += stocks[i].count;
            one.first_core |= stocks[i].first_core;
        }
        g_ptr_array_add(search->types, g_memdup2(&one, sizeof(one)));
    }
    g_array_append_val(((Type *)search->types->pdata[at])->llcs, llc);
}

static int compare_types(gconstpointer a, gconstpointer b)
{
    const Type *first = *(Type *const *)a, *second = *(Type *const *)b;

    if (first->forced != second->forced) {
        return first->forced ? -1 : 1;
    }
    if (first->seats != second->seats) {
        return first->seats > second->seats ? -1 : 1;
    }
    return g_array_index(first->llcs, guint, 0) < g_array_index(second->llcs, guint, 0) ? -1 : 1;
}

/// The LLCs that have any seats for @demands (bits).
static void find_types(Search *search, guint64 demands)
{
    const GArray *stocks = search->wish->stocks;

    for (guint i = 0, count; i < stocks->len; i += count) {
        const Stock *first = &g_array_index(stocks, Stock, i);
        guint64 fits = 0;
        count = stocks_of_llc(stocks, i);
        for (guint j = 0; j < count; j++) {
            fits |= first[j].fits;
        }
        if ((fits & demands) != 0) {
            add_llc(search, first, count);
        }
    }
}

static void gather_type(Search *search, const Type *type, guint llcs, gboolean first_core)
{
    for (guint i = 0; llcs > 0 && i < type->entry_count; i++) {
        Stock stock = type->entries[i];
        stock.count *= llcs;
        if (first_core || !stock.first_core) {
            g_array_append_val(search->stocks, stock);
        }
    }
}

/// Whether the LLCs taken have the seats, of the grades that are to be taken.
static gboolean meets_needs(Search *search, gboolean first_core)
{
    guint64 graded[GRADE_COUNT];

    g_array_set_size(search->stocks, 0);
    for (guint i = 0; i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        gather_type(search, type, type->taken, first_core);
    }
    return stocks_take(search->stocks, search->needs, search->wish->demand_count, graded) &&
           memcmp(graded, search->graded, sizeof(graded)) == 0;
}

static gboolean has_first_core(const Search *search)
{
    for (guint i = 0; i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        if (type->taken > 0 && type->first_core) {
            return TRUE;
        }
    }
    return FALSE;
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

/// What is known of the choice at hand without another look for seats.
static void weigh(const Search *search, guint64 seats, guint64 worth[WORTHS])
{
    memset(worth, 0, sizeof(*worth) * WORTHS);
    worth[SEATS] = seats;
    for (guint i = 0; i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        worth[HOST] += type->host ? type->taken : 0;
        if (type->taken > 0 && search->largest) {
            worth[CACHE_LOST] = search->wish->caches->largest_kib - type->size_kib;
        }
    }
}

static gboolean is_better(const Search *search, const guint64 worth[WORTHS])
{
    if (search->best == NULL) {
        return TRUE;
    }
    for (guint i = 0; i < WORTHS; i++) {
        if (worth[i] != search->best_worth[i]) {
            return worth[i] < search->best_worth[i];
        }
    }
    return is_lower(search);
}

static void consider(Search *search, guint64 seats)
{
    guint64 worth[WORTHS];

    weigh(search, seats, worth);
    if (!is_better(search, worth) || !meets_needs(search, TRUE)) {
        return;
    }
    worth[FIRST_CORE] = has_first_core(search) && !meets_needs(search, FALSE);
    if (!is_better(search, worth)) {
        return;
    }
    if (search->best == NULL) {
        search->best = g_new(guint, search->types->len);
    }
    for (guint i = 0; i < search->types->len; i++) {
        search->best[i] = ((const Type *)search->types->pdata[i])->taken;
    }
    memcpy(search->best_worth, worth, sizeof(search->best_worth));
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
    return search->best != NULL && search->best_worth[CACHE_LOST] == 0 &&
           seats + fewest_seats(search, at, count) > search->best_worth[SEATS];
}

/// Tries every choice of @count LLCs of the types from @at on, beside those that are taken.
static void try_types(Search *search, guint at, guint count, guint64 seats)
{
    if (*search->wish->steps == 0) {
        return;
    }
    --*search->wish->steps;
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
    guint fewest = type->forced ? type->llcs->len : 0;
    for (guint taken = MIN(count, type->llcs->len) + 1; taken-- > fewest;) {
        type->taken = taken;
        try_types(search, at + 1, count - taken, seats + (guint64)taken * type->seats);
    }
    type->taken = 0;
}

/// Where the search was cut short: the LLCs with the most seats, until they suffice.
static void take_most_seats(Search *search)
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

/// The cache counts where one LLC is enough.
static void find_best(Search *search)
{
    guint all = count_llcs(search), count = 1;

    while (count < all && most_seats(search, 0, count) < search->wanted) {
        count++;
    }
    for (; search->best == NULL && count <= all && *search->wish->steps > 0; count++) {
        search->largest = search->largest && count == 1;
        try_types(search, 0, count, 0);
    }
    take_most_seats(search);
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
    choice->seats += search->best_worth[SEATS];
    choice->first_core |= search->best_worth[FIRST_CORE] > 0;
    choice->host += (guint)search->best_worth[HOST];
}

/// Takes all LLCs that have seats up to @grade.
static void force_types(Search *search, guint grade)
{
    for (guint i = 0; i < search->types->len; i++) {
        Type *type = search->types->pdata[i];
        for (guint j = 0; j < type->entry_count; j++) {
            type->forced |= type->entries[j].grade <= grade;
        }
    }
}

/// What the types have at best, of each grade; and which LLCs that takes, for every seat of their
/// grades is taken.
static void find_grades(Search *search)
{
    guint64 seats[GRADE_COUNT] = { 0 }, left = 0;

    for (guint i = 0; i < search->types->len; i++) {
        const Type *type = search->types->pdata[i];
        gather_type(search, type, type->llcs->len, TRUE);
    }
    gboolean suffice = stocks_take(
        search->stocks, search->needs, search->wish->demand_count, search->graded);
    g_assert(suffice);
    for (guint i = 0; i < search->stocks->len; i++) {
        const Stock *stock = &g_array_index(search->stocks, Stock, i);
        seats[stock->grade] += stock->count;
    }
    for (guint i = 0; i < GRADE_COUNT; i++) {
        left += seats[i] - search->graded[i];
        if (left == 0 && seats[i] > 0) {
            force_types(search, i);
        }
    }
}

/// The best LLCs for @demands (bits), which share no LLC with others.
static void choose_part(const CacheWish *wish, guint64 demands, gboolean all, CacheChoice *choice)
{
    g_autofree guint64 *needs = g_new0(guint64, wish->demand_count);
    g_autoptr(GPtrArray) types = g_ptr_array_new_with_free_func(type_free);
    g_autoptr(GArray) stocks = g_array_new(FALSE, FALSE, sizeof(Stock));
    Search search = { .wish = wish,
        .needs = needs,
        .largest = wish->largest && all,
        .types = types,
        .stocks = stocks };

    for (guint i = 0; i < wish->demand_count; i++) {
        needs[i] = (demands >> i & 1) != 0 ? wish->needs[i] : 0;
        search.wanted += needs[i];
    }
    find_types(&search, demands);
    find_grades(&search);
    g_ptr_array_sort(types, compare_types);
    find_best(&search);
    add_best(&search, choice);
    g_free(search.best);
}

/// All demands that want seats of the same LLCs as demand @first, directly or by way of others.
static guint64 demands_linked_to(const GArray *stocks, guint first)
{
    guint64 linked = G_GUINT64_CONSTANT(1) << first, before = 0;

    while (linked != before) {
        before = linked;
        for (guint i = 0, count; i < stocks->len; i += count) {
            guint64 fits = 0;
            count = stocks_of_llc(stocks, i);
            for (guint j = 0; j < count; j++) {
                fits |= g_array_index(stocks, Stock, i + j).fits;
            }
            linked |= (fits & linked) != 0 ? fits : 0;
        }
    }
    return linked;
}

static guint64 all_demands(guint count)
{
    return count < SEAT_DEMANDS ? (G_GUINT64_CONSTANT(1) << count) - 1 : G_MAXUINT64;
}

void caches_choose(const CacheWish *wish, CacheChoice *choice)
{
    guint64 done = 0, all = all_demands(wish->demand_count);

    *choice = (CacheChoice){ .llcs = cpuset_new() };
    for (guint i = 0; i < wish->demand_count; i++) {
        if ((done >> i & 1) == 0) {
            guint64 part = demands_linked_to(wish->stocks, i);
            choose_part(wish, part, part == all, choice);
            done |= part;
        }
    }
}
