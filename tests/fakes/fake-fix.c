// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-fix.h"

static const FixPlace place = { .vmid = 100 };

const char *fix_of(const Finding *finding)
{
    if (finding->with != NULL && !finding->later) {
        return fix_of(finding->with);
    }
    if (finding->fixes->len == 0) {
        return NULL;
    }
    g_auto(GStrv) lines = fix_lines(finding->fixes->pdata[0], &place);
    g_autofree char *joined = g_strjoinv("\n", lines);
    return *lines != NULL ? g_intern_string(joined) : NULL;
}

const char *lines_of(const GPtrArray *fixes)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; fixes != NULL && i < fixes->len; i++) {
        g_auto(GStrv) lines = fix_lines(fixes->pdata[i], &place);
        g_autofree char *joined = g_strjoinv("\n", lines);
        g_string_append_printf(text, "%s\n", joined);
    }
    return fixes != NULL ? g_intern_string(text->str) : NULL;
}

Finding *finding_mended_by(
    FindingCode code, Severity severity, const char *message, const char *command)
{
    Finding *finding = finding_new(code, severity, g_strdup(message));

    finding_offer(finding, command != NULL ? fix_run(fix_new(), command) : NULL);
    return finding;
}
