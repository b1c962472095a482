// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"

/// pinhook-repair.timer, which binds what is plugged while a VM runs.
typedef enum {
    TIMER_ABSENT,   // systemd does not know it
    TIMER_DISABLED, // it could be enabled
    TIMER_ENABLED,
} Timer;

/// Whether systemd starts the timer at boot: systemctl enable makes a link in
/// timers.target.wants, for its [Install] names that target (systemd.unit(5)).
Timer timer_look(const Root *root);
