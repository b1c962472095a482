// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whatever the text, a mapping gives addresses that name nothing but devices; it is the same each
 * time and with the line ends of Windows; the section at the end wins, and another node's line
 * changes nothing. */
#include "read/mapping.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static gboolean is_address(const char *text)
{
    static GRegex *regex;

    if (regex == NULL) {
        regex = g_regex_new(
            "\\A[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}(\\.[0-9a-f])?\\z", G_REGEX_OPTIMIZE, 0, NULL);
    }
    return g_regex_match(regex, text, 0, NULL);
}

static void assert_addresses(const GPtrArray *candidates)
{
    for (guint i = 0; i < candidates->len; i++) {
        char **addresses = candidates->pdata[i];
        g_assert(addresses[0] != NULL);
        for (guint j = 0; addresses[j] != NULL; j++) {
            g_assert(is_address(addresses[j]));
        }
    }
}

/// The candidates as text: equal texts, equal candidates.
static char *find(const char *text)
{
    g_autoptr(GPtrArray) candidates = mapping_find(text, "gpu", "alpha");
    GString *found = g_string_new(NULL);

    assert_addresses(candidates);
    for (guint i = 0; i < candidates->len; i++) {
        g_autofree char *addresses = g_strjoinv(";", candidates->pdata[i]);
        g_string_append_printf(found, "%s\n", addresses);
    }
    return g_string_free(found, FALSE);
}

static void assert_reads_as(const char *text, const char *wanted)
{
    g_autofree char *have = find(text);

    g_assert_cmpstr(have, ==, wanted);
}

static void assert_windows_reads_as(const char *text, const char *wanted)
{
    g_autoptr(GString) windows = g_string_new(text);

    g_string_replace(windows, "\n", "\r\n", 0);
    assert_reads_as(windows->str, wanted);
}

static void assert_last_section_wins(const char *text)
{
    g_autofree char *longer = g_strconcat(
        text, "\n\ngpu\n\tmap node=alpha,path=0000:7f:1f.7\n", NULL);

    assert_reads_as(longer, "0000:7f:1f.7\n");
}

static void assert_other_node_changes_nothing(const char *text, const char *wanted)
{
    g_autofree char *longer = g_strconcat(text, "\n\tmap node=beta,path=0000:7f:1f.7\n", NULL);

    assert_reads_as(longer, wanted);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup(size > 0 ? (const char *)data : "", size);
    g_autofree char *wanted = find(text);

    assert_reads_as(text, wanted);
    assert_windows_reads_as(text, wanted);
    assert_last_section_wins(text);
    assert_other_node_changes_nothing(text, wanted);
    return 0;
}
