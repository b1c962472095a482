// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/nodes.h"

/// How much memory the guest's cells lack, in MiB, where that of the VM's cell i (a place in its
/// `guest_cells`) may lie on @of_cell[i], unless it has hostnodes, and what is in no cell on @all.
guint64 room_missing_mib(const Nodes *nodes, const NodeMask *of_cell, NodeMask all);
