// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/cells.h"

#include "place/room.h"

#include <string.h>

/// A cell of the guest that has vCPUs; those that are in none are one, too.
typedef struct {
    guint place;        // in the VM's `guest_cells`; as many as there are: in none
    guint64 demands;    // as in Seat
    guint64 units;      // of these
    guint64 memory_mib; // that has to be on its nodes
    guint64 seats[NODE_LIMIT];
    NodeMask allowed; // nodes with any
    guint fewest;     // nodes that it takes at least
    gboolean like_last;
} Cell;

/// What the nodes that are chosen must have together.
typedef struct {
    NodeSum sum;
    guint64 wanted;
} Need;

typedef struct {
    const CellWish *wish;
    Nodes *nodes;
    Cell *cells;
    guint count;
    GPtrArray *needs; // Need
    GArray *by_node;  // Stock: those of the offer, whatever the LLC
    Look look;
    NodeMask *of_cell; // by cell: the nodes it has in the choice at hand

    Choice *best;      // NULL: none yet
    gboolean is_guess; // it was not met in the order of the search: others as good come first
} Search;

/* Cells. */

static Cell *cell_at(Search *search, guint place)
{
    for (guint i = 0; i < search->count; i++) {
        if (search->cells[i].place == place) {
            return &search->cells[i];
        }
    }
    search->cells[search->count] = (Cell){ .place = place };
    return &search->cells[search->count++];
}

static void count_seats(const Search *search, Cell *cell)
{
    const GArray *stocks = search->wish->offer->stocks;

    for (guint i = 0; i < stocks->len; i++) {
        const Stock *stock = &g_array_index(stocks, Stock, i);
        int place = nodes_place(search->nodes, stock->node);
        if (place >= 0 && (stock->fits & cell->demands) != 0) {
            cell->seats[place] += stock->count;
            cell->allowed |= NODE_BIT(place);
        }
    }
}

static void find_memory(const Search *search, Cell *cell)
{
    const VmConfig *vm = search->wish->request->vm;

    if (vm->guest_cells->len == 0) {
        cell->memory_mib = vm->memory_mib;
    } else if (cell->place < vm->guest_cells->len) {
        const VmCell *of = vm->guest_cells->pdata[cell->place];
        cell->memory_mib = of->hostnodes == NULL ? of->memory_mib : 0;
    }
}

static int compare_down(gconstpointer a, gconstpointer b)
{
    guint64 first = *(const guint64 *)a, second = *(const guint64 *)b;

    return first > second ? -1 : first < second;
}

/// How many of @have, the most first, it takes for @wanted; G_MAXUINT: all are too few.
static guint count_fewest(const guint64 *have, guint count, guint64 wanted)
{
    guint64 sorted[NODE_LIMIT];
    guint taken = 0;

    memcpy(sorted, have, sizeof(*have) * count);
    qsort(sorted, count, sizeof(*sorted), compare_down);
    for (; taken < count && wanted > 0; taken++) {
        wanted -= MIN(wanted, sorted[taken]);
    }
    return wanted > 0 ? G_MAXUINT : MAX(taken, 1);
}

/// With @memory it must lie there, too.
static guint fewest_nodes(const Search *search, const Cell *cell, gboolean memory)
{
    guint64 mib[NODE_LIMIT] = { 0 };
    guint fewest = count_fewest(cell->seats, search->nodes->count, cell->units);

    for (guint i = 0; i < search->nodes->count; i++) {
        mib[i] = (cell->allowed & NODE_BIT(i)) != 0 ? search->nodes->all[i].memory_mib : 0;
    }
    return memory ? MAX(fewest, count_fewest(mib, search->nodes->count, cell->memory_mib)) : fewest;
}

static gboolean are_alike(const Search *search, const Cell *a, const Cell *b)
{
    const Offer *offer = search->wish->offer;
    guint first = (guint)__builtin_ctzll(a->demands), second = (guint)__builtin_ctzll(b->demands);

    return (a->demands & (a->demands - 1)) == 0 && (b->demands & (b->demands - 1)) == 0 &&
           a->units == b->units && a->memory_mib == b->memory_mib && a->allowed == b->allowed &&
           ((const Demand *)offer->demands->pdata[first])->size ==
               ((const Demand *)offer->demands->pdata[second])->size &&
           memcmp(a->seats, b->seats, sizeof(a->seats)) == 0;
}

static void find_cells(Search *search)
{
    const Offer *offer = search->wish->offer;

    search->cells = g_new(Cell, offer->demands->len);
    for (guint i = 0; i < offer->demands->len; i++) {
        const Demand *demand = offer->demands->pdata[i];
        Cell *cell = cell_at(search, demand->cell);
        cell->demands |= G_GUINT64_CONSTANT(1) << i;
        cell->units += offer->needs[i];
    }
    for (guint i = 0; i < search->count; i++) {
        Cell *cell = &search->cells[i];
        count_seats(search, cell);
        find_memory(search, cell);
        cell->like_last = i > 0 && are_alike(search, cell - 1, cell);
    }
}

static void find_by_node(Search *search)
{
    const GArray *stocks = search->wish->offer->stocks;

    search->by_node = g_array_new(FALSE, FALSE, sizeof(Stock));
    for (guint i = 0; i < stocks->len; i++) {
        const Stock *stock = &g_array_index(stocks, Stock, i);
        guint at = 0;
        for (; at < search->by_node->len; at++) {
            const Stock *other = &g_array_index(search->by_node, Stock, at);
            if (other->node == stock->node && other->grade == stock->grade &&
                other->fits == stock->fits) {
                break;
            }
        }
        if (at == search->by_node->len) {
            g_array_append_vals(search->by_node, stock, 1);
        } else {
            g_array_index(search->by_node, Stock, at).count += stock->count;
        }
    }
}

/* What all cells together need of their nodes. */

static void need_free(gpointer need)
{
    g_free(need);
}

static Need *add_need(Search *search, guint64 wanted)
{
    Need *need = g_new0(Need, 1);

    need->wanted = wanted;
    g_ptr_array_add(search->needs, need);
    return need;
}

/// As many seats up to @grade as there are taken in all.
static void add_need_of_grade(Search *search, guint grade)
{
    const Offer *offer = search->wish->offer;
    Need *need = add_need(search, 0);

    for (guint i = 0; i <= grade; i++) {
        need->wanted += offer->graded[i];
    }
    for (guint i = 0; i < offer->stocks->len; i++) {
        const Stock *stock = &g_array_index(offer->stocks, Stock, i);
        int place = nodes_place(search->nodes, stock->node);
        if (place >= 0 && stock->grade <= grade) {
            need->sum.of[place] += stock->count;
        }
    }
    node_sum_sort(&need->sum, search->nodes->count, TRUE);
}

static void add_need_of_memory(Search *search, guint64 wanted)
{
    Need *need = add_need(search, wanted);

    for (guint i = 0; i < search->nodes->count; i++) {
        need->sum.of[i] = MIN(search->nodes->all[i].memory_mib, wanted);
    }
    node_sum_sort(&need->sum, search->nodes->count, TRUE);
}

static void find_needs(Search *search)
{
    g_ptr_array_set_size(search->needs, 0);
    for (guint i = 0; i < GRADE_COUNT; i++) {
        if (search->wish->offer->graded[i] > 0) {
            add_need_of_grade(search, i);
        }
    }
    if (!search->look.lacks_memory && search->count == 1) {
        add_need_of_memory(search, search->cells[0].memory_mib);
    }
}

static gboolean meets_needs(const Search *search, const NodeSet *set)
{
    for (guint i = 0; i < search->needs->len; i++) {
        const Need *need = search->needs->pdata[i];
        if (node_set_sum(set, &need->sum) < need->wanted) {
            return FALSE;
        }
    }
    return TRUE;
}

/* A choice that is complete. */

/// Whether what is known of the choice at hand leaves hope that it comes before the best.
static gboolean may_be_better(Search *search, const NodeSet *set)
{
    search->look.set = set;
    int order = order_look(&search->look, search->best, MEMORY_SHORT);

    return search->is_guess ? order <= 0 : order < 0;
}

static guint64 missing_memory(const Search *search, NodeMask all)
{
    guint count = search->wish->request->vm->guest_cells->len;
    g_autofree NodeMask *of_cell = g_new(NodeMask, count + 1);

    for (guint i = 0; i < count; i++) {
        of_cell[i] = all;
    }
    for (guint i = 0; i < search->count; i++) {
        of_cell[search->cells[i].place] = search->of_cell[i];
    }
    return room_missing_mib(search->nodes, of_cell, all);
}

/// The cells from @known on may yet lie on any node.
static void find_demands_on(const Search *search, guint known, guint64 on_node[NODE_LIMIT])
{
    memset(on_node, 0, sizeof(*on_node) * NODE_LIMIT);
    for (guint i = 0; i < search->count; i++) {
        NodeMask rest = i < known ? search->of_cell[i] : search->cells[i].allowed;
        for (; rest != 0; rest &= rest - 1) {
            on_node[__builtin_ctzll(rest)] |= search->cells[i].demands;
        }
    }
}

/// Those of @stocks for the demands that lie on each node.
static GArray *stocks_on(
    const Search *search, const GArray *stocks, const guint64 on_node[NODE_LIMIT])
{
    GArray *on = g_array_sized_new(FALSE, FALSE, sizeof(Stock), stocks->len);
    guint last_node = G_MAXUINT;
    int place = -1;

    for (guint i = 0; i < stocks->len; i++) {
        Stock stock = g_array_index(stocks, Stock, i);
        if (stock.node != last_node) {
            last_node = stock.node;
            place = nodes_place(search->nodes, last_node);
        }
        stock.fits &= place >= 0 ? on_node[place] : 0;
        if (stock.fits != 0) {
            g_array_append_val(on, stock);
        }
    }
    return on;
}

/// Whether each grade has the seats there that are to be taken of it.
static gboolean have_seats(const Search *search, const guint64 on_node[NODE_LIMIT])
{
    const Offer *offer = search->wish->offer;
    g_autoptr(GArray) stocks = stocks_on(search, search->by_node, on_node);
    guint64 graded[GRADE_COUNT];

    return stocks_take(stocks, offer->needs, offer->demands->len, graded) &&
           memcmp(graded, offer->graded, sizeof(graded)) == 0;
}

static gboolean is_torn(const Search *search)
{
    for (guint i = 0; i < search->count; i++) {
        guint package = search->nodes->all[__builtin_ctzll(search->of_cell[i])].package;
        for (NodeMask rest = search->of_cell[i]; rest != 0; rest &= rest - 1) {
            if (search->nodes->all[__builtin_ctzll(rest)].package != package) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static void keep(Search *search, const guint64 on_node[NODE_LIMIT], CacheChoice *caches)
{
    Choice *choice = g_new0(Choice, 1);

    for (guint i = 0; i < MEASURES; i++) {
        choice->measures[i] = order_measure(&search->look, i);
    }
    for (guint i = 0; i < search->nodes->count; i++) {
        if ((search->look.set->chosen & NODE_BIT(i)) != 0) {
            choice->nodes[choice->count] = search->nodes->all[i].index;
            choice->on_node[choice->count++] = on_node[i];
        }
    }
    choice->one_node_each = search->look.cell_nodes == search->count;
    choice->torn = is_torn(search);
    choice->caches = *caches;
    caches->llcs = NULL;
    choice_free(search->best);
    search->best = choice;
    search->is_guess = FALSE;
}

static void choose_caches(Search *search, const guint64 on_node[NODE_LIMIT])
{
    const Offer *offer = search->wish->offer;
    g_autoptr(GArray) stocks = stocks_on(search, offer->stocks, on_node);
    CacheWish wish = { .caches = search->wish->caches,
        .stocks = stocks,
        .needs = offer->needs,
        .demand_count = offer->demands->len,
        .largest = search->look.largest,
        .steps = search->wish->steps };
    g_auto(CacheChoice) caches = { 0 };

    caches_choose(&wish, &caches);
    search->look.caches = &caches;
    if (caches.count > 0 && may_be_better(search, search->look.set)) {
        keep(search, on_node, &caches);
    }
    search->look.caches = NULL;
}

/// Puts what is at hand in the place of the best if it is better.
static void consider(Search *search, const NodeSet *set)
{
    guint64 missing_mib = missing_memory(search, set->chosen);
    guint64 on_node[NODE_LIMIT];

    if (missing_mib > 0 && !search->look.lacks_memory) {
        return;
    }
    search->look.short_mib = missing_mib;
    if (may_be_better(search, set)) {
        find_demands_on(search, search->count, on_node);
        if (have_seats(search, on_node)) {
            choose_caches(search, on_node);
        }
    }
    search->look.short_mib = 0;
}

/* Nodes for one cell. */

/// Whether a node that could change places with the one at @place comes before it.
static gboolean has_twin_before(const Search *search, const NodeSet *set, guint place)
{
    const Node *all = search->nodes->all;

    for (guint i = all[place].alike; i < place; i++) {
        if (all[i].alike == all[place].alike && (set->chosen & NODE_BIT(i)) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/// Closes the nodes that are of no use, and finds those that are needed. FALSE: no set is of use.
static gboolean find_needed(const Search *search, NodeSet *set, NodeMask *needed)
{
    const Nodes *nodes = search->nodes;
    const Choice *best = search->best;

    *needed = 0;
    for (guint i = 0; i < search->needs->len; i++) {
        const Need *need = search->needs->pdata[i];
        if (!node_set_narrow(set, &need->sum, need->wanted, needed)) {
            return FALSE;
        }
    }
    if (best != NULL && best->measures[MEMORY_SHORT] == 0) {
        guint64 local = nodes->devices - best->measures[DEVICES_REMOTE];
        return node_set_narrow(set, &nodes->most_devices, local, needed);
    }
    return TRUE;
}

/// Adds the nodes without which the set cannot be better than the best. FALSE: nor with them.
static gboolean complete(const Search *search, NodeSet *set)
{
    NodeMask needed;

    do {
        if ((guint)__builtin_popcountll(set->open) < set->left ||
            !find_needed(search, set, &needed) || (guint)__builtin_popcountll(needed) > set->left) {
            return FALSE;
        }
        for (NodeMask rest = needed & set->open; rest != 0; rest &= rest - 1) {
            *set = node_set_with(set, (guint)__builtin_ctzll(rest));
        }
    } while (needed != 0 && set->left > 0);
    return (needed & ~set->chosen) == 0;
}

/// Tries every set that @set may become, in ascending order.
static void fill_only_cell(Search *search, const NodeSet *set)
{
    if (set->left == 0) {
        search->of_cell[0] = set->chosen;
        consider(search, set);
        return;
    }
    for (NodeMask rest = set->open; rest != 0 && *search->wish->steps > 0; rest &= rest - 1) {
        guint place = (guint)__builtin_ctzll(rest);
        NodeSet with = node_set_with(set, place);
        with.open = rest & (rest - 1);
        --*search->wish->steps;
        if (!has_twin_before(search, set, place) && complete(search, &with) &&
            may_be_better(search, &with)) {
            fill_only_cell(search, &with);
        }
    }
}

/* Nodes for each of several cells, one after the other. */

/// Whether the cells up to @at have their seats on their nodes together. It is so where none of
/// them has a node of another, and where no seat is better than another.
static gboolean fit_together(const Search *search, guint at)
{
    const Offer *offer = search->wish->offer;
    guint64 on_node[NODE_LIMIT];
    NodeMask before = 0;

    for (guint i = 0; i < at; i++) {
        before |= search->of_cell[i];
    }
    if ((before & search->of_cell[at]) == 0 && offer->graded[0] == offer->wanted) {
        return TRUE;
    }
    find_demands_on(search, at + 1, on_node);
    return have_seats(search, on_node);
}

/// Whether the cell has what it needs, as far as can be told without the cells behind it.
static gboolean is_content(const Search *search, guint at)
{
    const Cell *cell = &search->cells[at];
    guint64 seats = 0, mib = 0;

    for (NodeMask rest = search->of_cell[at]; rest != 0; rest &= rest - 1) {
        guint place = (guint)__builtin_ctzll(rest);
        seats += cell->seats[place];
        mib += MIN(search->nodes->all[place].memory_mib, cell->memory_mib);
    }
    if (seats < cell->units || (mib < cell->memory_mib && !search->look.lacks_memory)) {
        return FALSE;
    }
    return fit_together(search, at);
}

static gboolean may_take(const Search *search, guint at, const NodeSet *set, guint place)
{
    if ((search->cells[at].allowed & NODE_BIT(place)) == 0) {
        return FALSE;
    }
    return (set->chosen & NODE_BIT(place)) != 0 ||
           (set->left > 0 && !has_twin_before(search, set, place));
}

static void go_on(Search *search, guint at, const NodeSet *set, guint left);

/// Tries every @count nodes from place @from on for the cell at @at; @left: for those behind it.
static void fill_cell(
    Search *search, guint at, const NodeSet *set, guint from, guint count, guint left)
{
    if (count == 0) {
        if (is_content(search, at)) {
            go_on(search, at + 1, set, left);
        }
        return;
    }
    for (guint i = from; i + count <= search->nodes->count && *search->wish->steps > 0; i++) {
        if (!may_take(search, at, set, i)) {
            continue;
        }
        NodeSet with = (set->chosen & NODE_BIT(i)) != 0 ? *set : node_set_with(set, i);
        --*search->wish->steps;
        if (with.left <= count - 1 + left && meets_needs(search, &with) &&
            may_be_better(search, &with)) {
            search->of_cell[at] |= NODE_BIT(i);
            fill_cell(search, at, &with, i + 1, count - 1, left);
            search->of_cell[at] &= ~NODE_BIT(i);
        }
    }
}

/// How many nodes the cells from @at on take at least.
static guint fewest_from(const Search *search, guint at)
{
    guint fewest = 0;

    for (; at < search->count; at++) {
        fewest += search->cells[at].fewest;
    }
    return fewest;
}

/// The cells from @at on are to have @left nodes, each counted for each cell.
static void go_on(Search *search, guint at, const NodeSet *set, guint left)
{
    if (at == search->count) {
        consider(search, set);
        return;
    }
    guint behind = fewest_from(search, at + 1);
    guint from = at > 0 && search->cells[at].like_last
                     ? (guint)__builtin_ctzll(search->of_cell[at - 1])
                     : 0;
    guint count = at + 1 == search->count ? left : search->cells[at].fewest;
    for (; count + behind <= left; count++) {
        search->of_cell[at] = 0;
        fill_cell(search, at, set, from, count, left - count);
    }
}

/* Guesses: what lies near to one node. They are held against each other and against what the search
 * meets, and spare it most of its way. */

static gboolean would_do(const Search *search, const NodeSet *set, guint place)
{
    NodeSet with = node_set_with(set, place);

    return meets_needs(search, &with);
}

/// The best node to go on with by itself; -1: there is none.
static int find_nearest(const Search *search, guint at, const NodeSet *set)
{
    const Nodes *nodes = search->nodes;
    guint64 best[4] = { 0 };
    int found = -1;

    for (guint i = 0; i < nodes->count; i++) {
        const guint64 worth[4] = { G_MAXUINT64 - nodes->most_devices.of[i],
            set->to_each[i] + nodes->distances[i][i], nodes->least_of_host.of[i],
            G_MAXUINT64 - nodes->most_over.of[i] };
        if ((set->chosen & NODE_BIT(i)) != 0 || (search->cells[at].allowed & NODE_BIT(i)) == 0) {
            continue;
        }
        guint j = 0;
        while (j < 3 && worth[j] == best[j]) {
            j++;
        }
        if ((found < 0 || worth[j] < best[j]) && would_do(search, set, i)) {
            memcpy(best, worth, sizeof(best));
            found = (int)i;
        }
    }
    return found;
}

/// Each cell takes its fewest nodes, the last what is left, and none that another has.
static void guess_from(Search *search, guint start, guint count)
{
    NodeSet set = node_set_new(search->nodes, count);
    int place = (int)start;

    for (guint i = 0; i < search->count; i++) {
        search->of_cell[i] = 0;
        guint wanted = i + 1 == search->count ? set.left : MIN(search->cells[i].fewest, set.left);
        for (; wanted > 0; wanted--) {
            place = set.chosen == 0 ? place : find_nearest(search, i, &set);
            if (place < 0 || (search->cells[i].allowed & NODE_BIT(place)) == 0) {
                return;
            }
            set = node_set_with(&set, (guint)place);
            search->of_cell[i] |= NODE_BIT(place);
        }
        if (search->of_cell[i] == 0 || !is_content(search, i)) {
            return;
        }
    }
    consider(search, &set);
}

/// How many ways there are about to choose @count nodes.
static double count_ways(const Search *search, guint count)
{
    double ways = 1;

    for (guint i = 0; i < count && search->count == 1; i++) {
        ways *= (double)(search->nodes->count - i) / (i + 1);
    }
    for (guint i = 0; i < search->count && search->count > 1; i++) {
        ways *= __builtin_popcountll(search->cells[i].allowed);
    }
    return ways;
}

/// Where there are fewer ways the search is short anyway.
#define GUESS_WAYS 5000

static void guess(Search *search, guint count)
{
    for (guint i = 0; i < search->nodes->count; i++) {
        guess_from(search, i, count);
    }
    search->is_guess = search->best != NULL;
}

/* How many nodes, and how many for each cell. */

/// The best choice that has just @count nodes, and @cell_nodes when each is counted for each cell.
static void try_count(Search *search, guint count, guint cell_nodes)
{
    NodeSet none = node_set_new(search->nodes, count);

    if (!meets_needs(search, &none)) {
        return;
    }
    search->look.nodes = count;
    search->look.cell_nodes = cell_nodes;
    nodes_aim(search->nodes, count);
    if (count == cell_nodes && count_ways(search, count) > GUESS_WAYS) {
        guess(search, count);
    }
    if (search->count > 1) {
        go_on(search, 0, &none, cell_nodes);
    } else if (complete(search, &none)) {
        fill_only_cell(search, &none);
    }
    search->is_guess = FALSE;
}

static guint most_cell_nodes(const Search *search, guint nodes)
{
    guint most = 0;

    for (guint i = 0; i < search->count; i++) {
        most += MIN(nodes, (guint)__builtin_popcountll(search->cells[i].allowed));
    }
    return search->wish->one_node_each ? MIN(most, search->count) : most;
}

/// Up to a node a cell they cost nothing, and the more the better; beyond that each costs.
static void try_cost(Search *search, guint cost)
{
    guint highest = MIN(cost, search->nodes->count);
    guint lowest = cost > search->count ? cost : 1;
    guint fewest = MAX(fewest_from(search, 0), lowest);

    for (guint i = fewest; search->best == NULL && i <= most_cell_nodes(search, highest); i++) {
        for (guint j = MIN(highest, i); search->best == NULL && j >= lowest; j--) {
            try_count(search, j, i);
        }
    }
}

/// Whether it could be if each cell had all nodes.
static gboolean is_possible(Search *search, gboolean memory)
{
    gboolean possible = TRUE;

    for (guint i = 0; i < search->count; i++) {
        search->cells[i].fewest = fewest_nodes(search, &search->cells[i], memory);
        search->of_cell[i] = search->cells[i].allowed;
        possible &= search->cells[i].fewest <= search->nodes->count &&
                    (search->cells[i].fewest == 1 || !search->wish->one_node_each);
    }
    return possible && (!memory || missing_memory(search, nodes_all(search->nodes)) == 0);
}

static void try_all(Search *search, gboolean memory)
{
    guint most = search->wish->one_node_each ? search->count
                                             : MAX(search->nodes->count, search->count);

    if (!is_possible(search, memory)) {
        return;
    }
    search->look.lacks_memory = !memory;
    find_needs(search);
    for (guint cost = search->count; search->best == NULL && cost <= most; cost++) {
        try_cost(search, cost);
    }
}

Choice *cells_place(const CellWish *wish)
{
    g_autoptr(Nodes) nodes = nodes_of(wish->offer, wish->request, wish->caches);
    g_autoptr(GPtrArray) needs = g_ptr_array_new_with_free_func(need_free);
    g_autofree NodeMask *of_cell = g_new0(NodeMask, wish->offer->demands->len);
    Search search = { .wish = wish, .nodes = nodes, .needs = needs, .of_cell = of_cell };

    find_cells(&search);
    find_by_node(&search);
    search.look = (Look){ .offer = wish->offer,
        .kind = wish->kind,
        .shares = wish->shares,
        .largest = wish->request->policy->llc == POLICY_LLC_LARGEST,
        .cells = search.count };
    try_all(&search, TRUE);
    if (search.best == NULL) {
        try_all(&search, FALSE);
    }
    g_free(search.cells);
    g_array_unref(search.by_node);
    return search.best;
}
