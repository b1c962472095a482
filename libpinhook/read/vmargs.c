// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmargs.h"

#include "base/text.h"

#include <string.h>

static gboolean is_blank(char c)
{
    return c != '\0' && strchr(" \t\n\r\f\v", c) != NULL;
}

/// Takes what stands at **@at, a backslash, and what is behind it: both, or that alone.
static gboolean take_escaped(const char **at, GString *word, gboolean both)
{
    if ((*at)[1] == '\0') {
        return FALSE;
    }
    g_string_append_len(word, both ? *at : *at + 1, both ? 2 : 1);
    *at += 2;
    return TRUE;
}

/// From behind a quote to behind the next.
static gboolean take_quoted(const char **at, GString *word, char quote)
{
    while (**at != quote) {
        if (**at == '\0' || (**at == '\\' && !take_escaped(at, word, quote == '\''))) {
            return FALSE;
        }
        gsize plain = strcspn(*at, quote == '"' ? "\\\"" : "\\'");
        g_string_append_len(word, *at, (gssize)plain);
        *at += plain;
    }
    (*at)++;
    return TRUE;
}

/// Up to the next blank that is not quoted.
static gboolean take_word(const char **at, GString *word)
{
    gboolean good = TRUE;

    while (good && **at != '\0' && !is_blank(**at)) {
        char c = **at;
        if (c == '"' || c == '\'') {
            (*at)++;
            good = take_quoted(at, word, c);
        } else if (c == '\\') {
            good = take_escaped(at, word, FALSE);
        } else {
            g_string_append_c(word, *(*at)++);
        }
    }
    return good;
}

static void skip_blanks(const char **at)
{
    while (is_blank(**at)) {
        (*at)++;
    }
}

char **vmargs_split(const char *args)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    const char *at = args;

    for (skip_blanks(&at); *at != '\0'; skip_blanks(&at)) {
        g_autoptr(GString) word = g_string_new(NULL);
        if (!take_word(&at, word)) {
            return NULL;
        }
        g_ptr_array_add(words, g_string_free(g_steal_pointer(&word), FALSE));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/// A backslash in single quotes might keep them open.
static char *quote_twice(const char *word)
{
    g_autoptr(GString) quoted = g_string_new("\"");

    for (; *word != '\0'; word++) {
        if (*word == '"' || *word == '\\') {
            g_string_append_c(quoted, '\\');
        }
        g_string_append_c(quoted, *word);
    }
    g_string_append_c(quoted, '"');
    return g_string_free(g_steal_pointer(&quoted), FALSE);
}

void vmargs_append(GString *args, const char *word)
{
    g_autofree char *quoted = strchr(word, '\\') != NULL ? quote_twice(word) : text_quote(word);

    g_string_append_printf(args, "%s%s", args->len > 0 ? " " : "", quoted);
}
