// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/policy.h"

/// What becomes of a guest after a post-start or a repair.
typedef enum {
    FATE_GOES_ON,  // as it is
    FATE_RELEASED, // it waits at its first instruction, and is let run
    FATE_ENDED,    // it waits there, and its QEMU is ended: no instruction was executed
} Fate;

/// What decides on it. Neither proven nor refuted: it is not known.
typedef struct {
    gboolean frozen;   // QEMU calls the guest `prelaunch`
    gboolean proven;   // every thread is where the plan wants it
    gboolean refuted;  // one is not
    gboolean first;    // no post-start of this start has come to its end before
    gboolean locked;   // somebody else is at work on the VM, and lets it run
    gboolean incoming; // it waits for the state of a migration
    gboolean resumed;  // it goes on from hibernation: ended, it would lose its memory
    PolicyMode mode;
    PolicyUnproven unproven;
} Circumstances;

/// No guest is left frozen that nobody else lets run. Only one that is frozen is ever ended, and
/// only at the first post-start, as `unproven` says.
Fate fate_of(const Circumstances *circumstances);
