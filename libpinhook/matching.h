// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// Whether @guest may have @seat.
typedef gboolean (*MatchingFits)(guint guest, guint seat, gpointer data);

/// Gives each of @guests a seat of its own that fits, moving earlier ones where that helps (Kuhn's
/// algorithm): finds a way if there is one. @seat_of gets the seat of each guest. FALSE: there is
/// no way.
gboolean matching_find(guint guests, guint seats, MatchingFits fits, gpointer data, guint *seat_of);
