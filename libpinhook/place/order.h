// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/nodeset.h"

/// What plans are judged by, the first first; of each the least is the best. order.c says what each
/// means.
typedef enum {
    CORES_HELD,
    CPUS_AWAKE,
    SIBLINGS_AWAKE,
    KIND,
    VCPUS_STACKED,
    CORES_SLOW,
    MEMORY_LACKING,
    NODES,
    CELL_NODES,
    NODES_SPARED,
    MEMORY_SHORT,
    DEVICES_REMOTE,
    DISTANCE,
    CACHE_LOST,
    SIBLINGS,
    LLCS,
    LLC_LEFT,
    NODE_LEFT,
    FIRST_CORE,
    HOST_LLCS,
    MEASURES,
} Measure;

/// Where the vCPUs may be put: the seats of an offer on some nodes, and there in some LLCs.
typedef struct {
    guint64 measures[MEASURES];
    guint64 on_node[NODE_LIMIT]; // demands, as in Seat, that lie on the node
    guint nodes[NODE_LIMIT];     // the kernel's numbers
    guint count;                 // of nodes
    gboolean one_node_each;      // whether each cell has one node
    gboolean torn;               // whether one has nodes of several packages
    CacheChoice caches;
    Offer *offer; // whose seats they are; NULL: not set yet
} Choice;

void choice_free(Choice *choice);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Choice, choice_free)

/// A choice that is being made. What is not known of it yet is taken for the best that it can be.
typedef struct {
    const Offer *offer;
    guint64 kind;    // how far the kind is from the one that is preferred
    gboolean shares; // vCPUs share cores though the guest does not know of it
    gboolean largest;
    guint cells;               // of the guest
    guint nodes;               // that all of them have together
    guint cell_nodes;          // that each has, summed up
    gboolean lacks_memory;     // in which some cell has too little memory
    guint64 short_mib;         // how much; 0 where it is not known yet
    const NodeSet *set;        // NULL: none yet
    const CacheChoice *caches; // NULL: not chosen yet
} Look;

/// What @look comes to by @measure, at least.
guint64 order_measure(const Look *look, Measure measure);

/// Whether @look comes before @best (NULL: there is none) by the measures from @from on: negative;
/// behind it: positive; or is as good: 0.
int order_look(const Look *look, const Choice *best, Measure from);

/// Likewise, of two that are made.
int order_compare(const Choice *choice, const Choice *than);
