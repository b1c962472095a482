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

/// LLCs that have so many seats.
typedef struct {
    guint64 seats;
    guint llcs[NODE_LIMIT]; // by node; one of several nodes counts on each, with all its seats
} LlcSize;

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
    GArray *sizes;    // LlcSize, those with the most seats first
    guint64 llc_size; // what the fewest LLCs are found with

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

/// Finds the order of @sum: with @most the largest first, else the least.
void nodes_sort(NodeSum *sum, guint count, gboolean most);

/// How many LLCs it takes at least if none had more than `llc_size` seats, but for @over that the
/// larger ones have beyond that.
guint64 nodes_fewest_llcs(const Nodes *nodes, guint64 over);

/// Finds what tells most of sets of @count nodes: the bound of LLCs, and which nodes are alike.
void nodes_aim(Nodes *nodes, guint count);
