// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/fate.h"

/// Whether a guest that is not proven may be ended for that.
static gboolean may_end(const Circumstances *c)
{
    return c->first && !c->resumed && c->mode == POLICY_ENFORCE;
}

Fate fate_of(const Circumstances *c)
{
    if (!c->frozen || c->locked || c->incoming) {
        return FATE_GOES_ON;
    }
    if (c->proven || !may_end(c)) {
        return FATE_RELEASED;
    }
    switch (c->unproven) {
    case POLICY_FAIL:
        return c->refuted ? FATE_ENDED : FATE_RELEASED;
    case POLICY_RUN:
        return FATE_RELEASED;
    case POLICY_STOP:
        return FATE_ENDED;
    }
    g_assert_not_reached();
}
