// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.h"

#include <string.h>

/// Whether a terminal, or who reads it, takes @c for anything but a character in its place.
static gboolean is_hidden(gunichar c)
{
    switch (g_unichar_type(c)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT: // reorders (U+202E), joins, or has no width
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_UNASSIGNED:
        return TRUE;
    default:
        return FALSE;
    }
}

static void append_escaped(GString *shown, gunichar c)
{
    static const char names[] = "abtnvfr";

    if (c >= '\a' && c <= '\r') {
        g_string_append_printf(shown, "\\%c", names[c - '\a']);
    } else {
        g_string_append_printf(shown,
            c < 0x100     ? "\\x%02x"
            : c < 0x10000 ? "\\u%04x"
                          : "\\U%08x",
            c);
    }
}

/// Appends the first character of @text. What comes behind it.
static const char *append_character(GString *shown, const char *text)
{
    gunichar c = g_utf8_get_char_validated(text, -1);
    gboolean valid = c != (gunichar)-1 && c != (gunichar)-2;
    const char *next = valid ? g_utf8_next_char(text) : text + 1;

    if (valid && !is_hidden(c)) {
        g_string_append_len(shown, text, next - text);
    } else {
        append_escaped(shown, valid ? c : (guchar)*text);
    }
    return next;
}

char *text_show_start(const char *text, gsize most)
{
    g_autoptr(GString) shown = g_string_new(NULL);

    while (*text != '\0') {
        gsize before = shown->len;
        text = append_character(shown, text);
        if (shown->len > most) {
            g_string_truncate(shown, before);
            break;
        }
    }
    return g_string_free(g_steal_pointer(&shown), FALSE);
}

char *text_show(const char *text)
{
    return text_show_start(text, G_MAXSIZE);
}

gboolean text_is_plain(const char *text)
{
    g_autofree char *shown = text_show(text);

    return strcmp(shown, text) == 0;
}

char *text_quote(const char *word)
{
    static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_=,.:/+@%";
    gboolean bare = *word != '\0' && word[strspn(word, plain)] == '\0';

    return bare ? g_strdup(word) : g_shell_quote(word);
}
