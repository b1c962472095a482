// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/* What came from outside - a file, a process, QEMU - goes out through one of these two. */

/// @text as it may stand in a line on a terminal or in a log: control bytes, what is not UTF-8, and
/// what reorders or hides other characters become `\n`, `\x1b`, `\u202e`. All else stays as it is.
/// The caller frees it.
char *text_show(const char *text);

/// Likewise, what of it fits into @most bytes, in whole characters.
char *text_show_start(const char *text, gsize most);

/// Whether text_show() changes nothing.
gboolean text_is_plain(const char *text);

/// @word as one word of a shell command: as it is where the shell takes it so, else in quotes. The
/// caller frees it.
char *text_quote(const char *word);
