// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/request.h"

/// A request for the same VM if its cells were bound to no nodes. It shares all else with the first
/// one, which must stay.
typedef struct {
    Request request;
    VmConfig vm; // not freed
    GPtrArray *no_cells;
} Unbound;

void unbound_init(Unbound *unbound, const Request *request);
void unbound_clear(Unbound *unbound);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Unbound, unbound_clear)
