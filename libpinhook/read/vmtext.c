// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmtext.h"

#include "read/vmline.h"

#include <string.h>

/// Whether @line is @text, but for blanks at its end.
static gboolean is_line(const char *line, const char *text)
{
    gsize length = strlen(text);

    return strncmp(line, text, length) == 0 &&
           line[length + strspn(line + length, " \t\r\f\v")] == '\0';
}

/// The line after @fix, which sets @key (NULL: none); NULL: it is gone.
static char *change_line(const char *line, const char *key, const Fix *fix)
{
    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        gboolean option = change->kind == CHANGE_OPTION || change->kind == CHANGE_UNKNOWN;
        if (option && g_strcmp0(key, change->key) == 0) {
            return NULL;
        }
        if (change->kind == CHANGE_LINE && is_line(line, change->value)) {
            return g_strconcat("#", line, NULL);
        }
    }
    return g_strdup(line);
}

static void insert_options(GString *after, const Fix *fix)
{
    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_OPTION && change->value != NULL) {
            g_string_append_printf(after, "%s: %s\n", change->key, change->value);
        }
    }
}

char *vmtext_change(const char *text, const Fix *fix)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GString) after = g_string_new(NULL);
    gboolean own = TRUE;

    insert_options(after, fix);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_autofree char *key = NULL, *value = NULL;
        own &= vmline_parse(lines[i], &key, &value) != VMLINE_SECTION;
        g_autofree char *line = own ? change_line(lines[i], key, fix) : g_strdup(lines[i]);
        if (line != NULL) {
            g_string_append_printf(after, "%s%s", line, lines[i + 1] != NULL ? "\n" : "");
        }
    }
    return g_string_free(g_steal_pointer(&after), FALSE);
}
