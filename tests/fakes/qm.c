// SPDX-License-Identifier: LGPL-2.1-or-later
/* A `qm` for a shell that stands in a fake root: `set` changes the config there; all else is
 * written down, a line each, in qm-log. */
#include "fakes/fake-qm.h"

#include <stdio.h>
#include <string.h>

static gboolean write_down(char **argv)
{
    g_autofree char *line = g_strjoinv(" ", argv + 1);
    FILE *log = fopen("qm-log", "a");

    return log != NULL && fprintf(log, "%s\n", line) > 0 && fclose(log) == 0;
}

/// fake_qm_set() is for VM 100.
static gboolean set(int argc, char **argv)
{
    g_autoptr(GString) command = g_string_new("qm set 100");
    g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%s.conf", argv[2]);
    g_autofree char *before = NULL;

    for (int i = 3; i < argc; i++) {
        g_autofree char *word = g_shell_quote(argv[i]);
        g_string_append_printf(command, " %s", word);
    }
    g_file_get_contents(path, &before, NULL, NULL);
    g_autofree char *after = fake_qm_set(before != NULL ? before : "", command->str);
    return after != NULL && g_file_set_contents(path, after, -1, NULL) && write_down(argv);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        return 1;
    }
    if (strcmp(argv[1], "set") == 0) {
        return set(argc, argv) ? 0 : 1;
    }
    return write_down(argv) ? 0 : 1;
}
