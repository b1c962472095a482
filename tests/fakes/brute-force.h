// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/planner-case.h"

/// The pool of a case may have so many CPUs, and its host so many nodes.
#define BRUTE_CPUS 16
#define BRUTE_NODES 8

/// What was done.
typedef struct {
    guint64 sets;         // of CPUs that were looked at
    guint64 layouts;      // which nodes each cell has
    gboolean passed_over; // there are too many layouts, or several that are as good
} BruteForce;

/// Tries every set of CPUs of the pool that the VM of @c could be given, on every layout of its
/// cells on nodes, judged by the order of planner.h in words of its own. Says what is better than
/// the plan of @c, which the caller frees; NULL: nothing is.
char *brute_force_find_fault(const Case *c, BruteForce *done);
