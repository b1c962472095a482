// SPDX-License-Identifier: LGPL-2.1-or-later
/* Guest memory comes in whole pages, ascending and apart, and is the same when it is read again. */
#include "bind/memory.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { LEAST_PAGES = 4096 }; // 16 MiB

/// As the kernel would print these mappings.
static char *print(const GArray *mappings)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < mappings->len; i++) {
        const MemoryMapping *mapping = &g_array_index(mappings, MemoryMapping, i);
        g_string_append_printf(text,
            "%08" G_GINT64_MODIFIER "x-%08" G_GINT64_MODIFIER "x rw-p 00000000 00:00 0 \n",
            mapping->start, mapping->start + mapping->pages * MEMORY_PAGE);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void assert_sound(const GArray *mappings)
{
    guint64 end = 0;

    for (guint i = 0; i < mappings->len; i++) {
        const MemoryMapping *mapping = &g_array_index(mappings, MemoryMapping, i);
        g_assert(mapping->start % MEMORY_PAGE == 0 && mapping->start >= end);
        g_assert(mapping->pages >= LEAST_PAGES);
        g_assert(mapping->pages <= (G_MAXUINT64 - mapping->start) / MEMORY_PAGE);
        end = mapping->start + mapping->pages * MEMORY_PAGE;
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_malloc(size + 1);

    memcpy(text, size > 0 ? (const char *)data : "", size);
    text[size] = '\0';
    g_autoptr(GArray) mappings = memory_parse_maps(text);
    assert_sound(mappings);
    g_autofree char *printed = print(mappings);
    g_autoptr(GArray) again = memory_parse_maps(printed);
    g_assert(again->len == mappings->len);
    g_assert(mappings->len == 0 ||
             memcmp(again->data, mappings->data, mappings->len * sizeof(MemoryMapping)) == 0);
    return 0;
}
