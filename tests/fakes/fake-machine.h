// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake-root.h"
#include "read/kinds.h"

/// Some cores that are alike, in a machine of one package and one node. The rows' CPUs follow each
/// other, core by core; at most 32 in all.
typedef struct {
    guint cores; // 0 ends the table
    guint threads;
    guint l2_kib; // 0: nothing is said of an L2
    guint l2_cores;
    guint mhz;     // the most; 0: not said
    CoreType type; // CORE_ALIKE: not said
    guint l3;      // which: rows that follow each other may share one
    guint l3_kib;  // 0: 32 MiB
} FakeRow;

/// The machine as /sys has it.
FakeRoot *fake_machine_root(const FakeRow *rows);

/// The same machine as hwloc's XML. The caller frees it.
char *fake_machine_xml(const FakeRow *rows);
