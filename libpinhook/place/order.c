// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/order.h"

void choice_free(Choice *choice)
{
    if (choice != NULL) {
        cache_choice_clear(&choice->caches);
        offer_free(choice->offer);
        g_free(choice);
    }
}

/* 1. CPUs that are not safe. */

static guint64 cores_held(const Look *look)
{
    return offer_count_rank(look->offer, RANK_SHARED_WITH_OTHER);
}

static guint64 cpus_awake(const Look *look)
{
    return offer_count_rank(look->offer, RANK_AWAKE);
}

static guint64 siblings_awake(const Look *look)
{
    return offer_count_rank(look->offer, RANK_SIBLING_AWAKE);
}

/* 2. Kinds of cores. */

static guint64 kind(const Look *look)
{
    return look->kind;
}

static guint64 vcpus_stacked(const Look *look)
{
    guint64 count = 0;

    for (guint i = 0; i < GRADE_COUNT; i++) {
        count += i % GRADES_OF_RANK >= GRADE_KINDS ? look->offer->graded[i] : 0;
    }
    return count;
}

/// Those of the last kind weigh more than all of those before it, and so on.
static guint64 cores_slow(const Look *look)
{
    guint64 weight = 0;

    for (guint i = 0; i < GRADE_COUNT; i++) {
        guint place = i % GRADE_KINDS;
        weight += place > 0 ? look->offer->graded[i] << (13 * (place - 1)) : 0;
    }
    return weight;
}

/* 3. Nodes. */

static guint64 memory_lacking(const Look *look)
{
    return (guint64)look->lacks_memory;
}

static guint64 nodes(const Look *look)
{
    return MAX(look->nodes, look->cells);
}

static guint64 cell_nodes(const Look *look)
{
    return look->cell_nodes;
}

static guint64 nodes_spared(const Look *look)
{
    return look->cells - MIN(look->nodes, look->cells);
}

static guint64 memory_short(const Look *look)
{
    return look->short_mib;
}

static guint64 devices_remote(const Look *look)
{
    return nodeset_remote_devices(look->set);
}

static guint64 distance(const Look *look)
{
    return nodeset_distance(look->set);
}

/* 4. The cache. */

static guint64 cache_lost(const Look *look)
{
    if (!look->largest || look->caches == NULL) {
        return 0;
    }
    const Caches *caches = look->set->nodes->caches;
    guint64 kib = look->caches->count == 1
                      ? caches->sizes_kib[hwloc_bitmap_first(look->caches->llcs)] + 1
                      : 0;
    return caches->largest_kib + 1 - kib;
}

static guint64 siblings(const Look *look)
{
    return (guint64)look->shares;
}

/* 5. LLCs, and what is left of them and of the nodes. */

static guint64 llcs(const Look *look)
{
    return look->caches != NULL ? look->caches->count : nodeset_llcs(look->set);
}

static guint64 llc_left(const Look *look)
{
    return look->caches != NULL ? look->caches->seats - look->offer->wanted
                                : nodeset_llc_left(look->set);
}

static guint64 node_left(const Look *look)
{
    return nodeset_node_left(look->set);
}

/* 8. What the host itself works on. */

static guint64 first_core(const Look *look)
{
    return look->caches != NULL ? (guint64)look->caches->first_core : 0;
}

static guint64 host_llcs(const Look *look)
{
    return look->caches != NULL ? look->caches->host : nodeset_host_llcs(look->set);
}

static guint64 (*const order[MEASURES])(const Look *look) = {
    /* 1. The fewest CPUs that are not safe: */
    [CORES_HELD] = cores_held,         // on a core that another guest shares,
    [CPUS_AWAKE] = cpus_awake,         // not isolated,
    [SIBLINGS_AWAKE] = siblings_awake, // or with a sibling that is not.
    /* 2. One kind of core before a mix, the fastest. In a mix: */
    [KIND] = kind,
    [VCPUS_STACKED] = vcpus_stacked, // no vCPU shares a core while others are free,
    [CORES_SLOW] = cores_slow,       // and the fewest are slow.
    /* 3. The fewest nodes that have the memory for each cell. */
    [MEMORY_LACKING] = memory_lacking,
    [NODES] = nodes,               // As many as cells cost nothing,
    [CELL_NODES] = cell_nodes,     // each cell on the fewest,
    [NODES_SPARED] = nodes_spared, // on one of its own where that is enough.
    [MEMORY_SHORT] = memory_short, // Where none have the memory: the most of it.
    [DEVICES_REMOTE] = devices_remote,
    [DISTANCE] = distance,
    /* 4. With `llc = largest` the most cache, on siblings if it must be. */
    [CACHE_LOST] = cache_lost,
    [SIBLINGS] = siblings,
    /* 5. The fewest LLCs; 7. best fit: the LLCs, then the nodes, with the least to spare. */
    [LLCS] = llcs,
    [LLC_LEFT] = llc_left,
    [NODE_LEFT] = node_left,
    /* 8. Not the first core, not the LLC that the host works in. */
    [FIRST_CORE] = first_core,
    [HOST_LLCS] = host_llcs,
};

guint64 order_measure(const Look *look, Measure measure)
{
    return order[measure](look);
}

int order_look(const Look *look, const Choice *best, Measure from)
{
    for (guint i = from; best != NULL && i < MEASURES; i++) {
        guint64 measure = order[i](look);
        if (measure != best->measures[i]) {
            return measure < best->measures[i] ? -1 : 1;
        }
    }
    return best == NULL ? -1 : 0;
}

int order_compare(const Choice *choice, const Choice *than)
{
    for (guint i = 0; i < MEASURES; i++) {
        if (choice->measures[i] != than->measures[i]) {
            return choice->measures[i] < than->measures[i] ? -1 : 1;
        }
    }
    return 0;
}
