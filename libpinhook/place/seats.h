// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"
#include "read/policy.h"
#include "place/demand.h"
#include "place/taken.h"

/// How many vCPUs go on a core.
typedef enum {
    SHARE_NONE,     // one; the siblings stay idle
    SHARE_UNIT,     // those of one core of the guest
    SHARE_SIBLINGS, // as many as it has CPUs
} Share;

/// How far a CPU is from a safe one; the findings of checks.h say the same in words.
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
    guint node;
    guint llc;
    guint kind;
    gboolean first_core; // the host's, which the kernel keeps for work of its own
    gboolean whole;      // isolated with all its siblings
    gboolean held;       // another guest has a sibling
    guint count;
    guint isolated; // how many of its CPUs are isolated
    guint cpus[];   // those that a vCPU may take, the isolated ones first
} Candidate;

/// The cores that have any CPU of @pool, in the order of Host's. The caller unrefs the array.
GPtrArray *candidates_find(const Host *host, const CpuSet *pool, const Taken *taken);

/// What a vCPU comes to lie on where it is given the core's first @cpus CPUs, or one of them.
Rank candidate_rank(const Candidate *candidate, guint cpus);

/* Grades: seats of a lower one are taken first. It is the rank, and in a mix of kinds then whether
 * a vCPU has the core already, then the kind. */
#define GRADE_KINDS 5
#define GRADES_OF_RANK (2 * GRADE_KINDS)
#define GRADE_COUNT (RANK_COUNT * GRADES_OF_RANK)

/// A place for one unit of a demand. Demands are told apart by the bits of a number.
typedef struct {
    const Candidate *candidate;
    guint first;  // place in its `cpus` of the unit's first
    guint64 fits; // bit d: demand d
    guint grade;
} Seat;

/// More demands than this are not told apart.
#define SEAT_DEMANDS 64

/// Seats of which kind of core are looked for.
#define SEAT_ANY_KIND (-1) // whichever
#define SEAT_MIX (-2)      // whichever, those that `order` prefers before the others

typedef struct {
    int kind; // of Host's kinds, or one of the above
    Share share;
    guint unit;                // vCPUs that go on one core, with SHARE_UNIT
    PolicyKind order;          // of a mix
    const Candidate *left_out; // NULL: none
} SeatWish;

/// Every seat for @demands (at most SEAT_DEMANDS) that is wished for, in the order of the cores.
/// The caller unrefs the array.
GArray *seats_find(const GPtrArray *candidates, const GPtrArray *demands, const SeatWish *wish);
