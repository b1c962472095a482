// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-qm.h"

#include "read/vmconfig.h"

#include <string.h>

/// Whether Proxmox, which has read @line, writes it again.
static gboolean is_written(const VmConfig *vm, guint line)
{
    for (guint i = 0; i < vm->problems->len; i++) {
        const VmConfigProblem *problem = vm->problems->pdata[i];
        if (problem->line == line &&
            (problem->kind == VMCONFIG_UNKNOWN_OPTION || problem->kind == VMCONFIG_LIKE_AN_OPTION ||
                problem->kind == VMCONFIG_DROPPED)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean has_key(const char *line, const char *key)
{
    gsize length = strlen(key);

    return strncmp(line, key, length) == 0 && line[length] == ':';
}

/// @value NULL: removes it. Takes @config.
static char *set_option(char *config, const char *key, const char *value)
{
    g_auto(GStrv) lines = g_strsplit(config, "\n", -1);
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));
    g_autoptr(GString) after = g_string_new(NULL);

    for (guint i = 0; lines[i] != NULL; i++) {
        if (*lines[i] != '\0' && !has_key(lines[i], key) && is_written(vm, i + 1)) {
            g_string_append_printf(after, "%s\n", lines[i]);
        }
    }
    if (value != NULL) {
        g_string_append_printf(after, "%s: %s\n", key, value);
    }
    g_free(config);
    return g_string_free(g_steal_pointer(&after), FALSE);
}

char *fake_qm_set(const char *config, const char *command)
{
    g_auto(GStrv) argv = NULL;
    int argc = 0;

    if (!g_shell_parse_argv(command, &argc, &argv, NULL) || argc < 5 || argc % 2 == 0 ||
        strcmp(argv[0], "qm") != 0 || strcmp(argv[1], "set") != 0 || strcmp(argv[2], "100") != 0) {
        return NULL;
    }
    g_autofree char *after = g_strdup(config);
    for (int i = 3; i < argc; i += 2) {
        gboolean removes = strcmp(argv[i], "--delete") == 0;
        if (!g_str_has_prefix(argv[i], "--")) {
            return NULL;
        }
        g_auto(GStrv) keys = g_strsplit(removes ? argv[i + 1] : argv[i] + 2, ",", -1);
        for (guint j = 0; keys[j] != NULL; j++) {
            after = set_option(after, keys[j], removes ? NULL : argv[i + 1]);
        }
    }
    return g_steal_pointer(&after);
}
