// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cpuset.h"

#include "base/error.h"
#include "base/text.h"

CpuSet *cpuset_new(void)
{
    CpuSet *set = hwloc_bitmap_alloc();

    g_assert(set != NULL);
    return set;
}

CpuSet *cpuset_copy(const CpuSet *set)
{
    CpuSet *copy = hwloc_bitmap_dup(set);

    g_assert(copy != NULL);
    return copy;
}

CpuSet *cpuset_and(const CpuSet *a, const CpuSet *b)
{
    CpuSet *set = cpuset_new();

    hwloc_bitmap_and(set, a, b);
    return set;
}

CpuSet *cpuset_or(const CpuSet *a, const CpuSet *b)
{
    CpuSet *set = cpuset_new();

    hwloc_bitmap_or(set, a, b);
    return set;
}

CpuSet *cpuset_minus(const CpuSet *a, const CpuSet *b)
{
    CpuSet *set = cpuset_new();

    hwloc_bitmap_andnot(set, a, b);
    return set;
}

guint cpuset_count(const CpuSet *set)
{
    int weight = hwloc_bitmap_weight(set);

    return weight < 0 ? 0 : (guint)weight;
}

/* The parsers below consume from *at and move it behind what they took; FALSE means that the text
 * is not of the rule. */

static gboolean parse_digits(const char **at, guint *number)
{
    guint64 value = 0;

    if (!g_ascii_isdigit(**at)) {
        return FALSE;
    }
    for (; g_ascii_isdigit(**at); (*at)++) {
        value = MIN(value * 10 + (guint64)(**at - '0'), G_MAXUINT);
    }
    *number = (guint)value;
    return TRUE;
}

static gboolean parse_char(const char **at, char wanted)
{
    if (**at != wanted) {
        return FALSE;
    }
    (*at)++;
    return TRUE;
}

typedef struct {
    guint first;
    guint last;
    guint used;  // of each group, the first so many
    guint group; // 0: no pattern
} Region;

static gboolean ends_text(char c)
{
    return c == '\0' || c == '\n';
}

static gboolean ends_region(char c)
{
    return ends_text(c) || c == ',' || g_ascii_isspace(c) || c == '\v';
}

static gboolean parse_number_or_last(const char **at, guint count, guint *number)
{
    if (parse_char(at, 'N')) {
        *number = count - 1;
        return TRUE;
    }
    return parse_digits(at, number);
}

static gboolean parse_bounds(const char **at, guint count, Region *region)
{
    if (g_ascii_strncasecmp(*at, "all", 3) == 0) {
        *at += 3;
        region->first = 0;
        region->last = count - 1;
        return TRUE;
    }
    if (!parse_number_or_last(at, count, &region->first)) {
        return FALSE;
    }
    if (!parse_char(at, '-')) {
        region->last = region->first;
        return ends_region(**at);
    }
    return parse_number_or_last(at, count, &region->last);
}

static gboolean parse_pattern(const char **at, guint count, Region *region)
{
    region->group = 0;
    if (ends_region(**at)) {
        return TRUE;
    }
    return parse_char(at, ':') && parse_number_or_last(at, count, &region->used) &&
           parse_char(at, '/') && parse_number_or_last(at, count, &region->group) &&
           region->group > 0 && region->used <= region->group && ends_region(**at);
}

static gboolean parse_region(const char **at, guint count, Region *region)
{
    return parse_bounds(at, count, region) && parse_pattern(at, count, region) &&
           region->first <= region->last && region->last < count;
}

/// More groups than that are no list that anybody wrote: they would only take time.
#define GROUP_LIMIT (8 * CPUSET_LIMIT)

/// FALSE: @groups, which counts those of the whole list, would go beyond GROUP_LIMIT.
static gboolean add_region(CpuSet *set, const Region *region, guint *groups)
{
    if (region->group == 0) {
        hwloc_bitmap_set_range(set, region->first, (int)region->last);
        return TRUE;
    }
    *groups += (region->last - region->first) / region->group + 1;
    if (*groups > GROUP_LIMIT) {
        return FALSE;
    }
    for (guint64 at = region->first; at <= region->last; at += region->group) {
        guint64 end = MIN(at + region->used, (guint64)region->last + 1);
        if (end > at) {
            hwloc_bitmap_set_range(set, (unsigned)at, (int)end - 1);
        }
    }
    return TRUE;
}

CpuSet *cpuset_parse_kernel(const char *text, guint count, GError **error)
{
    g_return_val_if_fail(count > 0 && count <= CPUSET_LIMIT, NULL);
    g_autoptr(CpuSet) set = cpuset_new();
    const char *at = text;
    guint groups = 0;

    for (;;) {
        while (ends_region(*at) && !ends_text(*at)) {
            at++;
        }
        if (ends_text(*at)) {
            return g_steal_pointer(&set);
        }

        Region region;
        if (!parse_region(&at, count, &region) || !add_region(set, &region, &groups)) {
            g_autofree char *shown = text_show_start(text, 60);
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
                "'%s' is no CPU list of the kernel for CPUs 0-%u", shown, count - 1);
            return NULL;
        }
    }
}

static void skip_blanks(const char **at)
{
    while (g_ascii_isspace(**at)) {
        (*at)++;
    }
}

static gboolean parse_part(const char **at, guint *first, guint *last)
{
    skip_blanks(at);
    if (!parse_digits(at, first)) {
        return FALSE;
    }
    *last = *first;
    if (parse_char(at, '-') && !parse_digits(at, last)) {
        return FALSE;
    }
    skip_blanks(at);
    return *first <= *last && *last < CPUSET_LIMIT;
}

CpuSet *cpuset_parse_list(const char *text, char separator, GError **error)
{
    g_autoptr(CpuSet) set = cpuset_new();
    const char *at = text;

    do {
        guint first, last;
        if (!parse_part(&at, &first, &last) || (*at != '\0' && *at != separator)) {
            g_autofree char *shown = text_show_start(text, 60);
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID, "'%s' is no list like 0-3%c8",
                shown, separator);
            return NULL;
        }
        hwloc_bitmap_set_range(set, first, (int)last);
    } while (parse_char(&at, separator));

    return g_steal_pointer(&set);
}

char *cpuset_to_list(const CpuSet *set)
{
    char *list = NULL;

    g_return_val_if_fail(hwloc_bitmap_weight(set) >= 0, NULL);
    /* hwloc allocates with malloc, which GLib's allocator has been since 2.46. */
    int length = hwloc_bitmap_list_asprintf(&list, set);
    g_assert(length >= 0);
    return list;
}

char *cpuset_to_ids(const CpuSet *set)
{
    return g_strdelimit(cpuset_to_list(set), ",", ';');
}

/* Masks. */

static gboolean parse_word(const char *text, guint first, CpuSet *set)
{
    gsize digits = strlen(text);

    if (digits < 1 || digits > 8 || strspn(text, "0123456789abcdefABCDEF") != digits ||
        first >= CPUSET_LIMIT) {
        return FALSE;
    }
    guint64 word = g_ascii_strtoull(text, NULL, 16);
    for (guint bit = 0; bit < 32; bit++) {
        if (word >> bit & 1) {
            hwloc_bitmap_set(set, first + bit);
        }
    }
    return TRUE;
}

CpuSet *cpuset_parse_mask(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    g_autoptr(CpuSet) set = cpuset_new();
    guint count = g_strv_length(words);

    for (guint i = 0; i < count; i++) {
        if (!parse_word(words[i], (count - 1 - i) * 32, set)) {
            return NULL;
        }
    }
    return count > 0 ? g_steal_pointer(&set) : NULL;
}

char *cpuset_to_mask(const CpuSet *set)
{
    GString *text = g_string_new(NULL);

    for (int word = MAX(hwloc_bitmap_last(set), 0) / 32; word >= 0; word--) {
        guint32 bits = 0;
        for (unsigned bit = 0; bit < 32; bit++) {
            bits |= (guint32)hwloc_bitmap_isset(set, (unsigned)word * 32 + bit) << bit;
        }
        g_string_append_printf(text, text->len > 0 ? ",%08x" : "%x", bits);
    }
    return g_string_free(text, FALSE);
}
