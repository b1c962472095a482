// SPDX-License-Identifier: LGPL-2.1-or-later
/* Runs a fuzz target over every file of the directories named, without libFuzzer: a test that every
 * build can run. One TAP line a file. */
#include <glib.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static int compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *list_names(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) directory = g_dir_open(path, 0, &error);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    g_assert_no_error(error);
    for (const char *name = g_dir_read_name(directory); name != NULL;
         name = g_dir_read_name(directory)) {
        g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

static void replay_file(const char *directory, const char *name, guint number)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autofree char *bytes = NULL;
    g_autoptr(GError) error = NULL;
    gsize length = 0;

    g_print("# %s\n", path);
    g_file_get_contents(path, &bytes, &length, &error);
    g_assert_no_error(error);
    LLVMFuzzerTestOneInput((const guint8 *)bytes, length);
    g_print("ok %u - %s\n", number, name);
}

int main(int argc, char **argv)
{
    guint count = 0;

    /* What was printed must be there when a target aborts. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        g_autoptr(GPtrArray) names = list_names(argv[i]);
        for (guint j = 0; j < names->len; j++) {
            replay_file(argv[i], names->pdata[j], ++count);
        }
    }
    g_print("1..%u\n", count);
    return count > 0 ? 0 : 1;
}
