// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/nodes.h"

/// Nodes that are chosen, of a set that is to have more yet.
typedef struct {
    const Nodes *nodes;
    NodeMask chosen;
    NodeMask open; // those that may still come,
    guint left;    // and how many of them are to come
    guint64 distance;
    guint64 to_each[NODE_LIMIT]; // from those chosen to each node, there and back
} NodeSet;

/// @count nodes, whichever.
NodeSet nodeset_new(const Nodes *nodes, guint count);

/// @set and the node at @place.
NodeSet nodeset_with(const NodeSet *set, guint place);

/// The most, or the least, that the whole set can have of it.
guint64 nodeset_sum(const NodeSet *set, const NodeSum *sum);

/// Closes the nodes with which the set cannot come to @wanted of @sum, and adds to @needed those
/// without which it cannot. FALSE: it cannot whatever comes.
gboolean nodeset_narrow(NodeSet *set, const NodeSum *sum, guint64 wanted, NodeMask *needed);

/* What the whole set comes to at least; exactly where nothing is to come. */

/// Of the devices on nodes with seats, how many are on none of the set's.
guint64 nodeset_remote_devices(const NodeSet *set);

/// The distances between all of the set's nodes, there and back.
guint64 nodeset_distance(const NodeSet *set);

/// How many LLCs it takes.
guint64 nodeset_llcs(const NodeSet *set);

/// What is left of these LLCs, and of the nodes.
guint64 nodeset_llc_left(const NodeSet *set);
guint64 nodeset_node_left(const NodeSet *set);

/// In how many of these LLCs the host works.
guint64 nodeset_host_llcs(const NodeSet *set);
