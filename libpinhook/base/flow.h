// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// How wide text for a terminal may be, and how far a broken item hangs in.
enum { FLOW_COLUMNS = 80, FLOW_HANG = 4 };

/// The columns that @text takes: an escape sequence for a colour takes none. @text is ASCII.
guint flow_width(const char *text);

/// Appends @items (strings), parted by @between, in lines of at most FLOW_COLUMNS columns, of which
/// those after the first begin with @indent blanks. An item goes to the next line whole; only where
/// a line is too short for it is it broken, behind commas and blanks, and goes on FLOW_HANG blanks
/// farther in. Ends with a newline.
void flow_append(GString *out, guint indent, const char *between, const GPtrArray *items);
