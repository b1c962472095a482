// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/large-text.h"

/* ASan's strstr measures all that is left of the text each time, which makes the GLib functions
 * that split texts quadratic: minutes in place of milliseconds. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "intercept_strstr=0";
}

GString *large_text_new(const char *start, const char *more)
{
    GString *text = g_string_new(start);

    while (text->len < 1024 * 1024) {
        g_string_append(text, more);
    }
    return text;
}

void assert_read_in_time(clock_t before)
{
    /* A second is for the product; sanitizers on a busy machine take their time. */
    g_assert_cmpint(clock() - before, <, 10 * CLOCKS_PER_SEC);
}
