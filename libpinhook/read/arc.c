// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/arc.h"

#include "base/error.h"

#include <string.h>

#define ARCSTATS "proc/spl/kstat/zfs/arcstats"

/// The value on the line "@name type value".
static gboolean find_value(char **lines, const char *name, guint64 *value)
{
    for (guint i = 0; lines[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit_set(lines[i], " \t", -1);
        guint last = g_strv_length(words);
        if (last > 1 && strcmp(words[0], name) == 0) {
            return g_ascii_string_to_unsigned(words[last - 1], 10, 0, G_MAXINT64, value, NULL);
        }
    }
    return FALSE;
}

/// FALSE: a line is missing.
static gboolean find_clean(char **lines, guint64 *clean)
{
    static const char *const names[] = { "mru_evictable_data", "mru_evictable_metadata",
        "mfu_evictable_data", "mfu_evictable_metadata" };

    *clean = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        guint64 part;
        if (!find_value(lines, names[i], &part)) {
            return FALSE;
        }
        *clean += part;
    }
    return TRUE;
}

gboolean arc_look(const Root *root, guint64 *mib, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autofree char *text = root_read(root, ARCSTATS, NULL, &failed);
    guint64 size, least, clean;

    if (g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        *mib = 0;
        return TRUE;
    }
    if (text == NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    if (!find_value(lines, "size", &size) || !find_value(lines, "c_min", &least) ||
        !find_clean(lines, &clean)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "/" ARCSTATS " has not all lines");
        return FALSE;
    }
    *mib = size > least ? MIN(clean, size - least) >> 20 : 0;
    return TRUE;
}
