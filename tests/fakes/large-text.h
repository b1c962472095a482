// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>
#include <time.h>

/// @start, and @more again and again behind it until it is a mebibyte long.
GString *large_text_new(const char *start, const char *more);

/// A large file of rubbish must not hold up a start. @before: clock() before the text was read.
void assert_read_in_time(clock_t before);
