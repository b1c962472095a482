// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/cells.h"

#include "place/room.h"

#include <string.h>

static Cell *cell_at(Cells *cells, guint place)
{
    for (guint i = 0; i < cells->count; i++) {
        if (cells->all[i].place == place) {
            return &cells->all[i];
        }
    }
    cells->all[cells->count] = (Cell){ .place = place };
    return &cells->all[cells->count++];
}

static void count_seats(const Cells *cells, Cell *cell)
{
    const GArray *stocks = cells->nodes->offer->stocks;

    for (guint i = 0; i < stocks->len; i++) {
        const Stock *stock = &g_array_index(stocks, Stock, i);
        int place = nodes_place(cells->nodes, stock->node);
        if (place >= 0 && (stock->fits & cell->demands) != 0) {
            cell->seats[place] += stock->count;
            cell->allowed |= NODE_BIT(place);
        }
    }
}

static void find_memory(const Cells *cells, Cell *cell)
{
    const VmConfig *vm = cells->nodes->request->vm;

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
static guint fewest_nodes(const Cells *cells, const Cell *cell, gboolean memory)
{
    guint64 mib[NODE_LIMIT] = { 0 };
    guint fewest = count_fewest(cell->seats, cells->nodes->count, cell->units);

    for (guint i = 0; i < cells->nodes->count; i++) {
        mib[i] = (cell->allowed & NODE_BIT(i)) != 0 ? cells->nodes->all[i].memory_mib : 0;
    }
    return memory ? MAX(fewest, count_fewest(mib, cells->nodes->count, cell->memory_mib)) : fewest;
}

static gboolean are_alike(const Cells *cells, const Cell *a, const Cell *b)
{
    const Offer *offer = cells->nodes->offer;
    guint first = (guint)__builtin_ctzll(a->demands), second = (guint)__builtin_ctzll(b->demands);

    return (a->demands & (a->demands - 1)) == 0 && (b->demands & (b->demands - 1)) == 0 &&
           a->units == b->units && a->memory_mib == b->memory_mib && a->allowed == b->allowed &&
           ((const Demand *)offer->demands->pdata[first])->size ==
               ((const Demand *)offer->demands->pdata[second])->size &&
           memcmp(a->seats, b->seats, sizeof(a->seats)) == 0;
}

static void find_cells(Cells *cells)
{
    const Offer *offer = cells->nodes->offer;

    cells->all = g_new(Cell, offer->demands->len);
    for (guint i = 0; i < offer->demands->len; i++) {
        const Demand *demand = offer->demands->pdata[i];
        Cell *cell = cell_at(cells, demand->cell);
        cell->demands |= G_GUINT64_CONSTANT(1) << i;
        cell->units += offer->needs[i];
    }
    for (guint i = 0; i < cells->count; i++) {
        Cell *cell = &cells->all[i];
        count_seats(cells, cell);
        find_memory(cells, cell);
        cell->like_last = i > 0 && are_alike(cells, cell - 1, cell);
    }
    for (guint i = cells->count; i-- > 0;) {
        cells->all[i].like_rest = i + 1 == cells->count ||
                                  (cells->all[i + 1].like_last && cells->all[i + 1].like_rest);
    }
}

static void find_by_node(Cells *cells)
{
    const GArray *stocks = cells->nodes->offer->stocks;

    cells->by_node = g_array_new(FALSE, FALSE, sizeof(Stock));
    for (guint i = 0; i < stocks->len; i++) {
        const Stock *stock = &g_array_index(stocks, Stock, i);
        guint at = 0;
        for (; at < cells->by_node->len; at++) {
            const Stock *other = &g_array_index(cells->by_node, Stock, at);
            if (other->node == stock->node && other->grade == stock->grade &&
                other->fits == stock->fits) {
                break;
            }
        }
        if (at == cells->by_node->len) {
            g_array_append_vals(cells->by_node, stock, 1);
        } else {
            g_array_index(cells->by_node, Stock, at).count += stock->count;
        }
    }
}

/* What all cells together need of their nodes. */

static Need *add_need(Cells *cells, guint64 wanted)
{
    Need *need = g_new0(Need, 1);

    need->wanted = wanted;
    g_ptr_array_add(cells->needs, need);
    return need;
}

/// As many seats up to @grade as there are taken in all.
static void add_need_of_grade(Cells *cells, guint grade)
{
    const Offer *offer = cells->nodes->offer;
    Need *need = add_need(cells, 0);

    for (guint i = 0; i <= grade; i++) {
        need->wanted += offer->graded[i];
    }
    for (guint i = 0; i < offer->stocks->len; i++) {
        const Stock *stock = &g_array_index(offer->stocks, Stock, i);
        int place = nodes_place(cells->nodes, stock->node);
        if (place >= 0 && stock->grade <= grade) {
            need->sum.of[place] += stock->count;
        }
    }
    nodes_sort(&need->sum, cells->nodes->count, TRUE);
}

static void add_need_of_memory(Cells *cells, guint64 wanted)
{
    Need *need = add_need(cells, wanted);

    for (guint i = 0; i < cells->nodes->count; i++) {
        need->sum.of[i] = MIN(cells->nodes->all[i].memory_mib, wanted);
    }
    nodes_sort(&need->sum, cells->nodes->count, TRUE);
}

static void find_needs(Cells *cells)
{
    g_ptr_array_set_size(cells->needs, 0);
    for (guint i = 0; i < GRADE_COUNT; i++) {
        if (cells->nodes->offer->graded[i] > 0) {
            add_need_of_grade(cells, i);
        }
    }
    if (cells->memory && cells->count == 1) {
        add_need_of_memory(cells, cells->all[0].memory_mib);
    }
}

gboolean cells_may_have(const Cells *cells, const NodeSet *set)
{
    for (guint i = 0; i < cells->needs->len; i++) {
        const Need *need = cells->needs->pdata[i];
        if (nodeset_sum(set, &need->sum) < need->wanted) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean cells_narrow(const Cells *cells, NodeSet *set, NodeMask *needed)
{
    for (guint i = 0; i < cells->needs->len; i++) {
        const Need *need = cells->needs->pdata[i];
        if (!nodeset_narrow(set, &need->sum, need->wanted, needed)) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Whether the cells could have what they need if each had all nodes that it may have.
static gboolean is_possible(const Cells *cells)
{
    g_autofree NodeMask *of_cell = g_new(NodeMask, cells->count);

    for (guint i = 0; i < cells->count; i++) {
        of_cell[i] = cells->all[i].allowed;
        if (cells->all[i].fewest > cells->nodes->count) {
            return FALSE;
        }
    }
    return !cells->memory || cells_missing_mib(cells, of_cell) == 0;
}

static NodeMask find_alone(const Cells *cells, const Cell *cell)
{
    NodeMask alone = 0;

    for (guint i = 0; i < cells->nodes->count; i++) {
        gboolean memory = !cells->memory || cells->nodes->all[i].memory_mib >= cell->memory_mib;
        alone |= cell->seats[i] >= cell->units && memory ? NODE_BIT(i) : 0;
    }
    return alone;
}

gboolean cells_find_needs(Cells *cells, gboolean memory)
{
    cells->memory = memory;
    for (guint i = 0; i < cells->count; i++) {
        cells->all[i].fewest = fewest_nodes(cells, &cells->all[i], memory);
        cells->all[i].alone = find_alone(cells, &cells->all[i]);
    }
    find_needs(cells);
    return is_possible(cells);
}

guint cells_fewest_from(const Cells *cells, guint at)
{
    guint fewest = 0;

    for (; at < cells->count; at++) {
        fewest += cells->all[at].fewest;
    }
    return fewest;
}

Cells *cells_of(const Nodes *nodes)
{
    Cells *cells = g_new0(Cells, 1);

    cells->nodes = nodes;
    cells->needs = g_ptr_array_new_with_free_func(g_free);
    find_cells(cells);
    find_by_node(cells);
    return cells;
}

void cells_free(Cells *cells)
{
    if (cells != NULL) {
        g_free(cells->all);
        g_ptr_array_unref(cells->needs);
        g_array_unref(cells->by_node);
        g_free(cells);
    }
}

/* Nodes for each of them. */

guint64 cells_missing_mib(const Cells *cells, const NodeMask *of_cell)
{
    guint count = cells->nodes->request->vm->guest_cells->len;
    g_autofree NodeMask *of_guest_cell = g_new(NodeMask, count + 1);
    NodeMask all = 0;

    for (guint i = 0; i < cells->count; i++) {
        all |= of_cell[i];
    }
    for (guint i = 0; i < count; i++) {
        of_guest_cell[i] = all;
    }
    for (guint i = 0; i < cells->count; i++) {
        of_guest_cell[cells->all[i].place] = of_cell[i];
    }
    return room_missing_mib(cells->nodes, of_guest_cell, all);
}

void cells_find_demands(
    const Cells *cells, const NodeMask *of_cell, guint known, guint64 on_node[NODE_LIMIT])
{
    memset(on_node, 0, sizeof(*on_node) * NODE_LIMIT);
    for (guint i = 0; i < cells->count; i++) {
        NodeMask rest = i < known ? of_cell[i] : cells->all[i].allowed;
        for (; rest != 0; rest &= rest - 1) {
            on_node[__builtin_ctzll(rest)] |= cells->all[i].demands;
        }
    }
}

GArray *cells_stocks_on(const Cells *cells, const GArray *stocks, const guint64 on_node[NODE_LIMIT])
{
    GArray *on = g_array_sized_new(FALSE, FALSE, sizeof(Stock), stocks->len);
    guint last_node = G_MAXUINT;
    int place = -1;

    for (guint i = 0; i < stocks->len; i++) {
        Stock stock = g_array_index(stocks, Stock, i);
        if (stock.node != last_node) {
            last_node = stock.node;
            place = nodes_place(cells->nodes, last_node);
        }
        stock.fits &= place >= 0 ? on_node[place] : 0;
        if (stock.fits != 0) {
            g_array_append_val(on, stock);
        }
    }
    return on;
}

gboolean cells_have_seats(const Cells *cells, const guint64 on_node[NODE_LIMIT])
{
    const Offer *offer = cells->nodes->offer;
    g_autoptr(GArray) stocks = cells_stocks_on(cells, cells->by_node, on_node);
    guint64 graded[GRADE_COUNT];

    return stocks_take(stocks, offer->needs, offer->demands->len, graded) &&
           memcmp(graded, offer->graded, sizeof(graded)) == 0;
}

/// Whether the cells up to @at have their seats on their nodes together. It is so where none of
/// them has a node of another, and where no seat is better than another.
static gboolean fit_together(const Cells *cells, guint at, const NodeMask *of_cell)
{
    const Offer *offer = cells->nodes->offer;
    guint64 on_node[NODE_LIMIT];
    NodeMask before = 0;

    for (guint i = 0; i < at; i++) {
        before |= of_cell[i];
    }
    if ((before & of_cell[at]) == 0 && offer->graded[0] == offer->wanted) {
        return TRUE;
    }
    cells_find_demands(cells, of_cell, at + 1, on_node);
    return cells_have_seats(cells, on_node);
}

gboolean cells_is_content(const Cells *cells, guint at, const NodeMask *of_cell)
{
    const Cell *cell = &cells->all[at];
    guint64 seats = 0, mib = 0;

    for (NodeMask rest = of_cell[at]; rest != 0; rest &= rest - 1) {
        guint place = (guint)__builtin_ctzll(rest);
        seats += cell->seats[place];
        mib += MIN(cells->nodes->all[place].memory_mib, cell->memory_mib);
    }
    return seats >= cell->units && (mib >= cell->memory_mib || !cells->memory) &&
           fit_together(cells, at, of_cell);
}
