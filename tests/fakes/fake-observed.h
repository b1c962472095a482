// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "bind/bind.h"

/// What was seen of a QEMU, without a thread so far.
Observed *fake_observed_new(void);

/// One more thread, which may run on @allowed ("0-3"); no plan knows it so far. It belongs to
/// @observed.
ObservedThread *fake_observed_add(Observed *observed, int tid, ThreadRole role, guint vcpu,
    const char *name, const char *allowed);
