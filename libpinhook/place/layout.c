// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/layout.h"

#include "place/cells.h"

#include <string.h>

typedef struct {
    const LayoutWish *wish;
    Nodes *nodes;
    Cells *cells;
    Look look;
    NodeMask *of_cell; // by cell: the nodes it has in the layout at hand

    Choice *best;      // NULL: none yet
    gboolean is_guess; // it was not met in the order of the search: others as good come first
} Search;

/* A choice that is complete. */

/// Whether what is known of the choice at hand leaves hope that it comes before the best.
static gboolean may_be_better(Search *search, const NodeSet *set)
{
    search->look.set = set;
    int order = order_look(&search->look, search->best, MEMORY_SHORT);

    return search->is_guess ? order <= 0 : order < 0;
}

static gboolean is_torn(const Search *search)
{
    for (guint i = 0; i < search->cells->count; i++) {
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
    choice->one_node_each = search->look.cell_nodes == search->cells->count;
    choice->torn = is_torn(search);
    choice->caches = *caches;
    caches->llcs = NULL;
    choice_free(search->best);
    search->best = choice;
    search->is_guess = FALSE;
}

static void choose_caches(Search *search, const guint64 on_node[NODE_LIMIT])
{
    const Offer *offer = search->nodes->offer;
    g_autoptr(GArray) stocks = cells_stocks_on(search->cells, offer->stocks, on_node);
    CacheWish wish = { .caches = search->nodes->caches,
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
    guint64 missing_mib = cells_missing_mib(search->cells, search->of_cell);
    guint64 on_node[NODE_LIMIT];

    if (missing_mib > 0 && !search->look.lacks_memory) {
        return;
    }
    search->look.short_mib = missing_mib;
    if (may_be_better(search, set)) {
        cells_find_demands(search->cells, search->of_cell, search->cells->count, on_node);
        if (cells_have_seats(search->cells, on_node)) {
            choose_caches(search, on_node);
        }
    }
    search->look.short_mib = 0;
}

/* Nodes for one cell, or one for each of cells that are alike. */

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
    if (!cells_narrow(search->cells, set, needed)) {
        return FALSE;
    }
    if (best != NULL && best->measures[MEMORY_SHORT] == 0) {
        guint64 local = nodes->devices - best->measures[DEVICES_REMOTE];
        return nodeset_narrow(set, &nodes->most_devices, local, needed);
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
            *set = nodeset_with(set, (guint)__builtin_ctzll(rest));
        }
    } while (needed != 0 && set->left > 0);
    return (needed & ~set->chosen) == 0;
}

static void share_out(Search *search, NodeMask nodes)
{
    search->of_cell[0] = nodes;
    for (guint i = 0; i + 1 < search->cells->count; i++) {
        NodeMask rest = search->of_cell[i] & (search->of_cell[i] - 1);
        search->of_cell[i] &= ~rest;
        search->of_cell[i + 1] = rest;
    }
}

/// Tries every set that @set may become, in ascending order.
static void fill_set(Search *search, const NodeSet *set)
{
    if (set->left == 0) {
        share_out(search, set->chosen);
        consider(search, set);
        return;
    }
    for (NodeMask rest = set->open; rest != 0 && *search->wish->steps > 0; rest &= rest - 1) {
        guint place = (guint)__builtin_ctzll(rest);
        NodeSet with = nodeset_with(set, place);
        with.open = rest & (rest - 1);
        --*search->wish->steps;
        if (!has_twin_before(search, set, place) && complete(search, &with) &&
            may_be_better(search, &with)) {
            fill_set(search, &with);
        }
    }
}

/* Nodes for each of several cells, one after the other. */

/// Whether it is a node that is chosen, or one of those to come.
static gboolean may_take(const Search *search, const NodeSet *set, guint place)
{
    return (set->chosen & NODE_BIT(place)) != 0 ||
           (set->left > 0 && (set->open & NODE_BIT(place)) != 0 &&
               !has_twin_before(search, set, place));
}

/// @set with the node for the cell at @at. Of cells that are alike the first has the lowest nodes.
static NodeSet take_node(const Search *search, guint at, const NodeSet *set, guint place)
{
    NodeSet with = (set->chosen & NODE_BIT(place)) != 0 ? *set : nodeset_with(set, place);

    if (search->cells->all[at].like_rest && search->of_cell[at] == 0) {
        with.open &= ~(NODE_BIT(place) - 1);
    }
    return with;
}

/// Whether @set, to which @most nodes can be added, may become a better one.
static gboolean has_hope(Search *search, NodeSet *set, guint most)
{
    NodeMask needed;

    return set->left <= most && find_needed(search, set, &needed) &&
           (guint)__builtin_popcountll(set->open) >= set->left && may_be_better(search, set);
}

static void go_on(Search *search, guint at, const NodeSet *set, guint left);

/// Tries every @count nodes of @may for the cell at @at; @left: for those behind it.
static void fill_cell(
    Search *search, guint at, const NodeSet *set, NodeMask may, guint count, guint left)
{
    if (count == 0) {
        if (cells_is_content(search->cells, at, search->of_cell)) {
            go_on(search, at + 1, set, left);
        }
        return;
    }
    for (; may != 0 && *search->wish->steps > 0; may &= may - 1) {
        guint place = (guint)__builtin_ctzll(may);
        if (!may_take(search, set, place)) {
            continue;
        }
        NodeSet with = take_node(search, at, set, place);
        --*search->wish->steps;
        if (has_hope(search, &with, count - 1 + left)) {
            search->of_cell[at] |= NODE_BIT(place);
            fill_cell(search, at, &with, may & (may - 1), count - 1, left);
            search->of_cell[at] &= ~NODE_BIT(place);
        }
    }
}

/// Where the cell at @at may lie on @count nodes.
static NodeMask find_ground(const Search *search, guint at, guint count)
{
    const Cell *cell = &search->cells->all[at];
    NodeMask ground = count == 1 ? cell->alone : cell->allowed;

    if (at > 0 && cell->like_last) {
        ground &= ~((search->of_cell[at - 1] & -search->of_cell[at - 1]) - 1);
    }
    return ground;
}

/// The cells from @at on are to have @left nodes, each counted for each cell.
static void go_on(Search *search, guint at, const NodeSet *set, guint left)
{
    if (at == search->cells->count) {
        consider(search, set);
        return;
    }
    guint behind = cells_fewest_from(search->cells, at + 1);
    guint count = at + 1 == search->cells->count ? left : search->cells->all[at].fewest;
    for (; count + behind <= left; count++) {
        search->of_cell[at] = 0;
        fill_cell(search, at, set, find_ground(search, at, count), count, left - count);
    }
}

/// Where all cells may lie that have @cell_nodes nodes in all.
static NodeMask find_all_ground(const Search *search, guint cell_nodes)
{
    NodeMask ground = 0;

    for (guint i = 0; i < search->cells->count; i++) {
        ground |= cell_nodes == search->cells->count ? search->cells->all[i].alone
                                                     : search->cells->all[i].allowed;
    }
    return ground;
}

/* Guesses: what lies near to one node. They are held against each other and against what the search
 * meets, and spare it most of its way. */

static gboolean would_do(const Search *search, const NodeSet *set, guint place)
{
    NodeSet with = nodeset_with(set, place);

    return cells_may_have(search->cells, &with);
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
        if ((set->chosen & NODE_BIT(i)) != 0 ||
            (search->cells->all[at].allowed & NODE_BIT(i)) == 0) {
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
    NodeSet set = nodeset_new(search->nodes, count);
    int place = (int)start;

    for (guint i = 0; i < search->cells->count; i++) {
        search->of_cell[i] = 0;
        guint wanted = i + 1 == search->cells->count ? set.left
                                                     : MIN(search->cells->all[i].fewest, set.left);
        for (; wanted > 0; wanted--) {
            place = set.chosen == 0 ? place : find_nearest(search, i, &set);
            if (place < 0 || (search->cells->all[i].allowed & NODE_BIT(place)) == 0) {
                return;
            }
            set = nodeset_with(&set, (guint)place);
            search->of_cell[i] |= NODE_BIT(place);
        }
        if (search->of_cell[i] == 0 || !cells_is_content(search->cells, i, search->of_cell)) {
            return;
        }
    }
    consider(search, &set);
}

/// How many ways there are about to choose @count nodes.
static double count_ways(const Search *search, guint count)
{
    double ways = 1;

    for (guint i = 0; i < count && search->cells->count == 1; i++) {
        ways *= (double)(search->nodes->count - i) / (i + 1);
    }
    for (guint i = 0; i < search->cells->count && search->cells->count > 1; i++) {
        ways *= __builtin_popcountll(search->cells->all[i].allowed);
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

/// Whether it does not matter which cell has which of the nodes.
static gboolean is_one_set(const Search *search, guint count, guint cell_nodes)
{
    guint cells = search->cells->count;

    return cells == 1 || (count == cells && cell_nodes == cells && search->cells->all[0].like_rest);
}

/// The best choice that has just @count nodes, and @cell_nodes when each is counted for each cell.
static void try_count(Search *search, guint count, guint cell_nodes)
{
    NodeSet none = nodeset_new(search->nodes, count);

    if (!cells_may_have(search->cells, &none)) {
        return;
    }
    search->look.nodes = count;
    search->look.cell_nodes = cell_nodes;
    nodes_aim(search->nodes, count);
    if (count == cell_nodes && count_ways(search, count) > GUESS_WAYS) {
        guess(search, count);
    }
    none.open = find_all_ground(search, cell_nodes);
    if (!is_one_set(search, count, cell_nodes)) {
        go_on(search, 0, &none, cell_nodes);
    } else if (complete(search, &none)) {
        fill_set(search, &none);
    }
    search->is_guess = FALSE;
}

static guint most_cell_nodes(const Search *search, guint nodes)
{
    guint most = 0;

    for (guint i = 0; i < search->cells->count; i++) {
        most += MIN(nodes, (guint)__builtin_popcountll(search->cells->all[i].allowed));
    }
    return search->wish->one_node_each ? MIN(most, search->cells->count) : most;
}

/// Up to a node a cell they cost nothing, and the more the better; beyond that each costs.
static void try_cost(Search *search, guint cost)
{
    guint highest = MIN(cost, search->nodes->count);
    guint lowest = cost > search->cells->count ? cost : 1;
    guint fewest = MAX(cells_fewest_from(search->cells, 0), lowest);

    for (guint i = fewest; search->best == NULL && i <= most_cell_nodes(search, highest); i++) {
        for (guint j = MIN(highest, i); search->best == NULL && j >= lowest; j--) {
            try_count(search, j, i);
        }
    }
}

/// Whether no cell takes more nodes than it may have.
static gboolean are_few(const Search *search)
{
    return !search->wish->one_node_each ||
           cells_fewest_from(search->cells, 0) == search->cells->count;
}

static void try_all(Search *search, gboolean memory)
{
    guint most = search->wish->one_node_each ? search->cells->count
                                             : MAX(search->nodes->count, search->cells->count);

    if (!cells_find_needs(search->cells, memory) || !are_few(search)) {
        return;
    }
    search->look.lacks_memory = !memory;
    for (guint cost = search->cells->count; search->best == NULL && cost <= most; cost++) {
        try_cost(search, cost);
    }
}

Choice *layout_find(const LayoutWish *wish)
{
    g_autoptr(Nodes) nodes = nodes_of(wish->offer, wish->request, wish->caches);
    g_autoptr(Cells) cells = cells_of(nodes);
    g_autofree NodeMask *of_cell = g_new0(NodeMask, cells->count);
    Search search = { .wish = wish, .nodes = nodes, .cells = cells, .of_cell = of_cell };

    search.look = (Look){ .offer = wish->offer,
        .kind = wish->kind,
        .shares = wish->shares,
        .largest = wish->request->policy->llc == POLICY_LLC_LARGEST,
        .cells = cells->count };
    try_all(&search, TRUE);
    if (search.best == NULL) {
        try_all(&search, FALSE);
    }
    return search.best;
}
