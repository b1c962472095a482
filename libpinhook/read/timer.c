// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/timer.h"

#define UNIT "pinhook-repair.timer"

Timer timer_look(const Root *root)
{
    /* Where the administrator and where packages put units, in systemd's order. */
    static const char *const units[] = { "etc/systemd/system/" UNIT,
        "usr/local/lib/systemd/system/" UNIT, "usr/lib/systemd/system/" UNIT,
        "lib/systemd/system/" UNIT };

    if (root_exists(root, "etc/systemd/system/timers.target.wants/" UNIT)) {
        return TIMER_ENABLED;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(units); i++) {
        if (root_exists(root, units[i])) {
            return TIMER_DISABLED;
        }
    }
    return TIMER_ABSENT;
}
