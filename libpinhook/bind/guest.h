// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/vmconfig.h"
#include "bind/qmp.h"

/// What became of a VM's guest at post-start.
typedef enum {
    GUEST_UNTOUCHED, // it is not pinhook's to let run
    GUEST_UNKNOWN,   // it may be frozen: QEMU was not asked, or did not answer
    GUEST_FROZEN,    // it waits at its first instruction, for the proof
    GUEST_RELEASED,  // it was frozen, and now runs
    GUEST_ENDED,     // its QEMU was ended
    GUEST_GONE,      // its QEMU has ended by itself
} GuestState;

/// Whether the guest is frozen: of a VM that vmconfig_may_be_frozen(), in the state "prelaunch".
/// One that waits for a migration, or for somebody else's reason, is in another state.
gboolean guest_look(Qmp *qmp, const VmConfig *vm, GuestState *state, GError **error);

/// Lets a frozen guest run.
gboolean guest_release(Qmp *qmp, GuestState *state, GError **error);
