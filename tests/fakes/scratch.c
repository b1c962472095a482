// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/scratch.h"

#include <glib.h>

#include <ftw.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

/// A shell in a session of its own, which whoever ends the test does not meet, waits for the end of
/// the test, when nobody can write into its pipe any more.
static void set_guard(const char *path)
{
    const char *argv[] = { "setsid", "sh", "-c",
        "while read -r _; do :; done; rm -rf --one-file-system \"$1\"", "sh", path, NULL };
    g_autoptr(GError) error = NULL;
    int alive;

    g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
        G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN |
            G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
        NULL, NULL, NULL, &alive, NULL, NULL, &error);
    g_assert_no_error(error);
}

/// Where programs can be executed, too.
static gboolean has_memory(void)
{
    struct statvfs shm;

    return statvfs("/dev/shm", &shm) == 0 && (shm.f_flag & ST_NOEXEC) == 0 &&
           access("/dev/shm", W_OK) == 0 && shm.f_bavail * shm.f_frsize >= 512 << 20;
}

/// The directory of this test, in which it makes all others.
static const char *own_directory(void)
{
    static char *path;

    if (path == NULL) {
        gboolean in_memory = g_getenv("TMPDIR") == NULL && has_memory();
        path = g_build_filename(in_memory ? "/dev/shm" : g_get_tmp_dir(), "pinhook-XXXXXX", NULL);
        g_assert_nonnull(g_mkdtemp(path));
        set_guard(path);
    }
    return path;
}

char *scratch_new(void)
{
    char *path = g_build_filename(own_directory(), "XXXXXX", NULL);

    g_assert_nonnull(g_mkdtemp(path));
    return path;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    return remove(path);
}

void scratch_remove(const char *path)
{
    g_assert_cmpint(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT), ==, 0);
}
