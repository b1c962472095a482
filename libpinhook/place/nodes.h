// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/caches.h"
#include "place/offer.h"
#include "place/request.h"

/// Nodes are told apart by the bits of a number: by their place among those that have seats. Those
/// beyond the limit are passed over.
#define NODE_LIMIT 64

typedef guint64 NodeMask;

#define NODE_BIT(place) (G_GUINT64_CONSTANT(1) << (place))

/// A number for each node, to be summed up, and the order in which they are the most or the least.
typedef struct {
    guint64 of[NODE_LIMIT];
    guint8 order[NODE_LIMIT];
} NodeSum;

/// A node that has seats.
typedef struct {
    guint index; // the kernel's number
    guint package;
    guint64 memory_mib;
    char *like;  // what it has but memory, in words
    guint alike; // the first node that could change places with it, and nothing else would change
} Node;

/// The nodes that have seats of an offer, ascending, and what they have.
typedef struct {
    const Offer *offer;
    const Request *request;
    const Caches *caches;
    Node all[NODE_LIMIT];
    guint count;
    guint64 devices;  // of the VM, on all of these
    GArray *sizes;    // of LLCs: see nodes.c
    guint64 llc_size; // what the bound of LLCs is found with

    /* The most, or the least, that nodes have together. */
    NodeSum most_seats, most_devices, most_over; // over: seats of LLCs beyond `llc_size` of each
    NodeSum least_seats, least_of_llc;           // of_llc: on the node, of its smallest LLC
    NodeSum least_of_host;                       // 1 where the host works in all of its LLCs
    NodeSum least_memory;                        // no more than the VM's

    guint64 distances[NODE_LIMIT][NODE_LIMIT]; // there and back; of a node to itself once
    guint8 near[NODE_LIMIT][NODE_LIMIT];       // [i]: all others, the nearest to i first
} Nodes;

Nodes *nodes_of(const Offer *offer, const Request *request, const Caches *caches);
void nodes_free(Nodes *nodes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Nodes, nodes_free)

/// The place of the node with the kernel's number @index; -1: it has no seats.
int nodes_place(const Nodes *nodes, guint index);

/// All of them.
NodeMask nodes_all(const Nodes *nodes);

/// Finds the order: with @most the largest first, else the least.
void node_sum_sort(NodeSum *sum, guint count, gboolean most);

/// Finds what tells most of sets of @count nodes: the bound of LLCs, and which nodes are alike.
void nodes_aim(Nodes *nodes, guint count);

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
NodeSet node_set_new(const Nodes *nodes, guint count);

/// @set and the node at @place.
NodeSet node_set_with(const NodeSet *set, guint place);

/// The most, or the least, that the whole set can have of it.
guint64 node_set_sum(const NodeSet *set, const NodeSum *sum);

/// Closes the nodes with which the set cannot come to @wanted of @sum, and adds to @needed those
/// without which it cannot. FALSE: it cannot whatever comes.
gboolean node_set_narrow(NodeSet *set, const NodeSum *sum, guint64 wanted, NodeMask *needed);

/* What the whole set comes to at least; exactly where nothing is to come. */

/// Of the devices on nodes with seats, how many are on none of the set's.
guint64 node_set_remote_devices(const NodeSet *set);

/// The distances between all of the set's nodes, there and back.
guint64 node_set_distance(const NodeSet *set);

/// How many LLCs it takes.
guint64 node_set_llcs(const NodeSet *set);

/// What is left of these LLCs, and of the nodes.
guint64 node_set_llc_left(const NodeSet *set);
guint64 node_set_node_left(const NodeSet *set);

/// In how many of these LLCs the host works.
guint64 node_set_host_llcs(const NodeSet *set);
