// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/nodeset.h"

/// A cell of the guest that has vCPUs; those that are in none are one, too.
typedef struct {
    guint place;        // in the VM's `guest_cells`; as many as there are: in none
    guint64 demands;    // as in Seat
    guint64 units;      // of these
    guint64 memory_mib; // that has to be on its nodes
    guint64 seats[NODE_LIMIT];
    NodeMask allowed;              // nodes with any
    NodeMask alone;                // of these, those that have all it needs
    guint fewest;                  // nodes that it takes at least
    gboolean like_last, like_rest; // alike are the one before it, and all behind it
} Cell;

/// What the nodes that are chosen must have together.
typedef struct {
    NodeSum sum;
    guint64 wanted;
} Need;

/// The cells of a guest, and what they need of the nodes. Where nodes are given to each of them, it
/// is by their place among these.
typedef struct {
    const Nodes *nodes;
    Cell *all;
    guint count;
    gboolean memory;  // whether each must have its memory
    GPtrArray *needs; // Need: of all together
    GArray *by_node;  // Stock: those of the offer, whatever the LLC
} Cells;

Cells *cells_of(const Nodes *nodes);
void cells_free(Cells *cells);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cells, cells_free)

/// Finds what they need, each its memory too or not. FALSE: not even all nodes are enough.
gboolean cells_find_needs(Cells *cells, gboolean memory);

/// Whether a set may have what all of them need.
gboolean cells_may_have(const Cells *cells, const NodeSet *set);

/// Closes the nodes of @set that are of no use to the cells, and adds to @needed those that they
/// cannot do without. FALSE: no nodes are enough.
gboolean cells_narrow(const Cells *cells, NodeSet *set, NodeMask *needed);

/// How many nodes the cells from @at on take at least, each for itself.
guint cells_fewest_from(const Cells *cells, guint at);

/// How much memory there is too little on @of_cell, in MiB.
guint64 cells_missing_mib(const Cells *cells, const NodeMask *of_cell);

/// The demands, as in Seat, that lie on each node. The cells from @known on may yet lie on any.
void cells_find_demands(
    const Cells *cells, const NodeMask *of_cell, guint known, guint64 on_node[NODE_LIMIT]);

/// Those of @stocks for the demands that lie on each node. The caller unrefs the array.
GArray *cells_stocks_on(
    const Cells *cells, const GArray *stocks, const guint64 on_node[NODE_LIMIT]);

/// Whether each grade has the seats there that are to be taken of it.
gboolean cells_have_seats(const Cells *cells, const guint64 on_node[NODE_LIMIT]);

/// Whether the cell at @at has what it needs, as far as can be told without those behind it.
gboolean cells_is_content(const Cells *cells, guint at, const NodeMask *of_cell);
