// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"
#include "place/demand.h"
#include "place/taken.h"

/// How many vCPUs go on a core.
typedef enum {
    SHARE_NONE,     // one; the siblings stay idle
    SHARE_UNIT,     // those of one core of the guest
    SHARE_SIBLINGS, // as many as it has CPUs
} Share;

/// How far a core is from a safe one; the findings of checks.h say the same in words.
typedef enum {
    RANK_SAFE,              // isolated with all its siblings
    RANK_SIBLING_AWAKE,     // isolated, a sibling is not
    RANK_AWAKE,             // not isolated
    RANK_SHARED_WITH_OTHER, // another guest holds a sibling
    RANK_COUNT,
} Rank;

/// A core that has CPUs for this VM.
typedef struct {
    guint core; // place in Host's `cores`
    Rank rank;
    guint node;
    guint llc;
    guint kind;
    guint *cpus; // those that a vCPU may take, the isolated ones first
    guint count;
    guint isolated; // how many of these are isolated
} Candidate;

/// The cores that have any CPU of @pool, in the order of Host's. The caller unrefs the array.
GPtrArray *candidates_find(const Host *host, const CpuSet *pool, const Taken *taken);

/// How many of its CPUs count where cores above @worst are left out.
guint candidate_usable(const Candidate *candidate, Rank worst);

/// A place for one unit of a demand. Demands are told apart by the bits of a number.
typedef struct {
    const Candidate *candidate;
    guint first;  // place in its `cpus` of the unit's first
    guint64 fits; // bit d: demand d
} Seat;

/// More demands than this are not told apart.
#define SEAT_DEMANDS 64

/// Every seat for @demands (at most SEAT_DEMANDS) on cores of no higher rank than @worst, but for
/// @left_out (NULL: none), in the order of the cores. The caller unrefs the array.
GArray *seats_find(const GPtrArray *candidates, const GPtrArray *demands, Share share, Rank worst,
    const Candidate *left_out);
