// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes pinhook.8 from pinhook.8.in: the line @FINDINGS@ becomes the table of finding.c, so that
 * the manual, `pinhook explain` and the checks cannot say different things. */
#include "base/finding.h"

#include <stdio.h>
#include <string.h>

static const char *severity_name(Severity severity)
{
    return severity == SEVERITY_ERROR ? "error" : "warning";
}

/// Text as troff takes it: no line may begin with a control character, and "-" is a minus.
static void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-') {
            fputs("\\-", stdout);
        } else if (*text == '\\') {
            fputs("\\e", stdout);
        } else if (g_str_has_prefix(text, "…")) {
            fputs("...", stdout);
            text += strlen("…") - 1;
        } else {
            putchar(*text);
        }
    }
    putchar('\n');
}

static void print_findings(void)
{
    for (guint i = 0; i < FINDING_COUNT; i++) {
        const FindingKind *kind = finding_kind((FindingCode)i);

        printf(".TP\n.BR ");
        print_text(kind->name);
        printf("(%s)\n", severity_name(kind->severity));
        print_text(kind->means);
        print_text(kind->matters);
        printf(".br\n.IR Fix :\n");
        print_text(kind->fix);
    }
}

int main(int argc, char **argv)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (argc != 2 || !g_file_get_contents(argv[1], &text, NULL, &error)) {
        fprintf(stderr, "usage: manual PINHOOK.8.IN: %s\n", error != NULL ? error->message : "");
        return 2;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (strcmp(lines[i], "@FINDINGS@") == 0) {
            print_findings();
        } else if (lines[i + 1] != NULL) {
            puts(lines[i]);
        }
    }
    return 0;
}
