// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/seed.h"

#include <glib.h>

#include <string.h>

/// The seed is 128 bits: g_test_init(), `--seed`.
enum { DIGITS = 32 };

/// The commit's first digits; without git one for all.
static char *find_digits(void)
{
    const char *tree = g_getenv("PINHOOK_SOURCE_DIR");
    const char *git[] = { "git", "-C", tree != NULL ? tree : ".", "rev-parse", "HEAD", NULL };
    g_autofree char *out = NULL;

    if (g_spawn_sync(NULL, (char **)git, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
            NULL, NULL, &out, NULL, NULL, NULL) &&
        strlen(out) > DIGITS) {
        return g_strndup(out, DIGITS);
    }
    return g_strnfill(DIGITS, '1');
}

static gboolean has_seed(char **argv)
{
    for (char **at = argv + 1; *at != NULL; at++) {
        if (g_str_has_prefix(*at, "--seed")) {
            return TRUE;
        }
    }
    return FALSE;
}

void seed_test_init(int *argc, char ***argv)
{
    static char **with_seed; // for as long as the program runs

    if (!has_seed(*argv)) {
        g_autofree char *digits = find_digits();
        with_seed = g_new0(char *, *argc + 2);
        memcpy(with_seed, *argv, sizeof(char *) * (gsize)*argc);
        with_seed[(*argc)++] = g_strconcat("--seed=R02S", digits, NULL);
        *argv = with_seed;
    }
    g_test_init(argc, argv, NULL);
}
