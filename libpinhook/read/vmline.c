// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmline.h"

#include <string.h>

/// What `\s` is to Perl.
#define BLANKS " \t\n\r\f\v"

#define LETTERS G_CSET_A_2_Z G_CSET_a_2_z

static gboolean is_blank(const char *text)
{
    return text[strspn(text, BLANKS)] == '\0';
}

/// `[…]`, and nothing but blanks behind it. Of a name that is none Proxmox skips the section.
static gboolean is_section(const char *line)
{
    const char *end = line[0] == '[' ? strchr(line, ']') : NULL;

    return end != NULL && is_blank(end + 1);
}

/// How long the key before a colon is: [a-z][a-z_-]*[0-9]*. 0: there is none.
static gsize key_length(const char *line)
{
    gsize end = g_ascii_islower(line[0]) ? strspn(line, G_CSET_a_2_z "_-") : 0;

    end += strspn(line + end, G_CSET_DIGITS);
    return g_ascii_islower(line[0]) && line[end] == ':' ? end : 0;
}

/// What `\s*(.+?)\s*$` leaves of @text, which is not empty: of blanks alone the last.
static char *trim(const char *text)
{
    const char *start = text + strspn(text, BLANKS);

    return *start == '\0' ? g_strdup(start - 1) : g_strchomp(g_strdup(start));
}

VmLineKind vmline_parse(const char *line, char **key, char **value)
{
    if (is_blank(line) || line[0] == '#') {
        return VMLINE_NOTHING;
    }
    if (is_section(line)) {
        return VMLINE_SECTION;
    }
    gsize length = key_length(line);
    if (length == 0 || line[length + 1] == '\0') {
        return VMLINE_BROKEN;
    }
    *key = g_strndup(line, length);
    *value = trim(line + length + 1);
    return VMLINE_SETTING;
}

const char *vmline_key_number(const char *key)
{
    return key + strcspn(key, G_CSET_DIGITS);
}

/* Values. */

static gboolean is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (g_ascii_strcasecmp(text, *words) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

gboolean vmline_boolean(const char *text, gboolean *value)
{
    static const char *const yes[] = { "1", "on", "yes", "true", NULL };
    static const char *const no[] = { "0", "off", "no", "false", NULL };

    if (!is_one_of(text, yes) && !is_one_of(text, no)) {
        return FALSE;
    }
    *value = is_one_of(text, yes);
    return TRUE;
}

static gboolean skip_digits(const char **at)
{
    gsize digits = strspn(*at, G_CSET_DIGITS);

    *at += digits;
    return digits > 0;
}

static gboolean skip_char(const char **at, const char *of)
{
    gboolean there = **at != '\0' && strchr(of, **at) != NULL;

    *at += there;
    return there;
}

gboolean vmline_integer(const char *text, guint64 *value)
{
    const char *at = text;

    if (!skip_digits(&at) || *at != '\0') {
        return FALSE;
    }
    *value = g_ascii_strtoull(text, NULL, 10);
    return TRUE;
}

gboolean vmline_number(const char *text, double *value)
{
    const char *at = text;

    if (!skip_digits(&at) || (skip_char(&at, ".") && !skip_digits(&at)) || *at != '\0') {
        return FALSE;
    }
    *value = g_ascii_strtod(text, NULL);
    return TRUE;
}

static gboolean skip_exponent(const char **at)
{
    if (!skip_char(at, "eE")) {
        return TRUE;
    }
    skip_char(at, "+-");
    return skip_digits(at);
}

gboolean vmline_property_number(const char *text, double *value)
{
    const char *at = text;

    skip_char(&at, "+-");
    gboolean before = skip_digits(&at);
    gboolean behind = skip_char(&at, ".") && skip_digits(&at);
    if ((!before && !behind) || !skip_exponent(&at) || *at != '\0') {
        return FALSE;
    }
    *value = g_ascii_strtod(text, NULL);
    return TRUE;
}

gboolean vmline_is_volume(const char *text)
{
    gsize storage = strspn(text, LETTERS G_CSET_DIGITS "-_.");

    return storage >= 2 && g_ascii_isalpha(text[0]) && g_ascii_isalnum(text[storage - 1]) &&
           text[storage] == ':' && text[storage + 1] != '\0';
}

gboolean vmline_is_id_list(const char *text)
{
    const char *at = text;

    do {
        if (!skip_digits(&at) || (skip_char(&at, "-") && !skip_digits(&at))) {
            return FALSE;
        }
    } while (skip_char(&at, ";"));
    return *at == '\0';
}

char *vmline_unquote(const char *text)
{
    gsize length = strlen(text);
    gboolean quoted = length >= 2 && text[0] == '"' && text[length - 1] == '"';
    g_autofree char *bare = quoted ? g_strndup(text + 1, length - 2) : g_strdup(text);

    return *bare != '\0' && strcmp(bare, "0") != 0 ? g_steal_pointer(&bare) : NULL;
}

static gboolean take_part(
    char *part, const char *bare_key, GHashTable *seen, VmLineProperty take, gpointer into)
{
    char *equals = strchr(part, '=');
    const char *key = equals != NULL ? part : bare_key;
    const char *value = equals != NULL ? equals + 1 : part;

    if (equals != NULL) {
        *equals = '\0';
    }
    return key != NULL && *key != '\0' && *value != '\0' && g_hash_table_add(seen, (gpointer)key) &&
           take(into, key, value);
}

gboolean vmline_properties(
    const char *text, const char *bare_key, VmLineProperty take, gpointer into)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; parts[i] != NULL; i++) {
        if (!is_blank(parts[i]) && !take_part(parts[i], bare_key, seen, take, into)) {
            return FALSE;
        }
    }
    return TRUE;
}
