// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes a manual page from its .in: the line @FINDINGS@ becomes the table of finding.c and @KEYS@
 * that of policy.c, so that manual and program cannot say different things. */
#include "read/policy.h"

#include <stdio.h>
#include <string.h>

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

static void print_keys(void)
{
    const PolicyKey *key;

    for (guint i = 0; (key = policy_key(i)) != NULL; i++) {
        g_autofree char *head = g_strdup_printf("%s = %s", key->name, key->values);
        printf(".TP\n.B ");
        print_text(head);
        print_text(key->meaning);
        if (key->standard != NULL) {
            printf("Default:\n.BR ");
            g_autofree char *standard = g_strconcat(key->standard, " .", NULL);
            print_text(standard);
        }
    }
}

int main(int argc, char **argv)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (argc != 2 || !g_file_get_contents(argv[1], &text, NULL, &error)) {
        fprintf(stderr, "usage: manual PAGE.in: %s\n", error != NULL ? error->message : "");
        return 2;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        if (strcmp(lines[i], "@FINDINGS@") == 0) {
            print_findings();
        } else if (strcmp(lines[i], "@KEYS@") == 0) {
            print_keys();
        } else if (lines[i + 1] != NULL) {
            puts(lines[i]);
        }
    }
    return 0;
}
