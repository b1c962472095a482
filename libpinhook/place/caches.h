// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/stocks.h"

/// What there is to know of a host's last-level caches, by their place in Host's `llcs`.
typedef struct {
    guint64 *sizes_kib; // 0: not known
    gboolean *host;     // whether the host works in it: on its first core, or on CPUs not isolated
    guint64 largest_kib;
} Caches;

Caches *caches_of(const Host *host);
void caches_free(Caches *caches);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Caches, caches_free)

/// What LLCs are chosen for.
typedef struct {
    const Caches *caches;
    const GArray *stocks; // Stock
    const guint64 *needs; // units by demand, which the stocks have the seats for
    guint demand_count;
    gboolean largest; // where one LLC has all the seats: the one with the most cache
    guint *steps;     // counted down: at 0 the search ends
} CacheWish;

/// The LLCs that were chosen, and what is to be said of them.
typedef struct {
    CpuSet *llcs;        // places in Host's `llcs`
    guint count;         // of them
    guint host;          // of these, in how many the host works
    gboolean first_core; // whether the host's first core cannot be spared
    guint64 seats;       // that they have, taken or not
} CacheChoice;

void cache_choice_clear(CacheChoice *choice);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CacheChoice, cache_choice_clear)

/// Chooses the LLCs that have as many seats of each grade as all together have for these needs: the
/// fewest; of these those with the fewest seats; then those that can spare the first core; then
/// those that the host works in the least; then the lowest. Exact unless the steps come to 0: then
/// what was found by then.
void caches_choose(const CacheWish *wish, CacheChoice *choice);
