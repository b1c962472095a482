// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// Whether what @supply has is of use to @demand.
typedef gboolean (*MatchingFits)(guint supply, guint demand, gpointer data);

/// Meets every one of @demands from @supplies that fit, moving what was given before where that
/// helps (augmenting paths): finds a way if there is one. A supply is drawn on only where those
/// before it cannot do without it: of all ways it is the one that takes the most of the first, of
/// these the most of the second, and so on. @given (NULL: not wanted) gets how much supply s gives
/// to demand d at [s * @demand_count + d]. FALSE: there is no way; @given is then the most that can
/// be met.
gboolean matching_find(const guint64 *supplies, guint supply_count, const guint64 *demands,
    guint demand_count, MatchingFits fits, gpointer data, guint64 *given);
