// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/assertions.h"

void assert_set(const CpuSet *set, const char *list)
{
    g_autofree char *have = set != NULL ? cpuset_to_list(set) : NULL;

    g_assert_cmpstr(have, ==, list);
}

void assert_printable(const char *message)
{
    g_test_message("%s", message);
    g_assert_true(g_utf8_validate(message, -1, NULL));
    for (const char *at = message; *at != '\0'; at++) {
        g_assert_false(g_ascii_iscntrl(*at));
    }
}

void assert_ended_by(gint64 before, guint deadline_ms)
{
    g_assert_cmpint((g_get_monotonic_time() - before) / 1000, <, deadline_ms + 10000);
}
