// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/order.h"

/// What nodes are chosen for.
typedef struct {
    const Offer *offer;
    const Request *request;
    const Caches *caches;
    guint64 kind;           // of Look
    gboolean shares;        // likewise
    gboolean one_node_each; // a cell that needs several nodes is none
    guint *steps;           // counted down: at 0 the search ends
} LayoutWish;

/// Which nodes each cell of the guest gets, and which LLCs there: the best by order.h; of several
/// that are as good the one with the lowest nodes, those of the first cell before those of the
/// next. NULL: there is none, or the steps came to 0 before one was found.
///
/// It is exact unless the steps come to 0; then it is the best that was met.
Choice *layout_find(const LayoutWish *wish);
