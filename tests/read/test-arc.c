// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/arc.h"

#include "fakes/fake-root.h"

#include <string.h>

#define ARCSTATS "proc/spl/kstat/zfs/arcstats"

enum { MIB = 1 << 20 };

/// As the kstats of SPL are written, in MiB.
static char *make_arcstats(
    guint64 size, guint64 least, guint64 mru_data, guint64 mfu_data, guint64 metadata)
{
    return g_strdup_printf("9 1 0x01 147 39984 3821482741 882134823123\n"
                           "name                            type data\n"
                           "hits                            4    2006648\n"
                           "c                               4    %" G_GUINT64_FORMAT "\n"
                           "c_min                           4    %" G_GUINT64_FORMAT "\n"
                           "c_max                           4    %" G_GUINT64_FORMAT "\n"
                           "size                            4    %" G_GUINT64_FORMAT "\n"
                           "compressed_size                 4    1\n"
                           "mru_size                        4    1\n"
                           "mru_evictable_data              4    %" G_GUINT64_FORMAT "\n"
                           "mru_evictable_metadata          4    %" G_GUINT64_FORMAT "\n"
                           "mru_ghost_evictable_data        4    1234567890123\n"
                           "mfu_evictable_data              4    %" G_GUINT64_FORMAT "\n"
                           "mfu_evictable_metadata          4    0\n",
        size * MIB, least * MIB, size * 2 * MIB, size * MIB, mru_data * MIB, metadata * MIB,
        mfu_data * MIB);
}

static void assert_given_back(const char *arcstats, guint64 wanted)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;
    guint64 mib;

    if (arcstats != NULL) {
        fake_root_write(fake, ARCSTATS, arcstats);
    }
    g_assert_true(arc_look(fake->root, &mib, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(mib, ==, wanted);
}

static void test_what_can_be_given_back(void)
{
    static const struct {
        guint64 size, least, mru_data, mfu_data, metadata, wanted;
    } rows[] = {
        { 30000, 2000, 20000, 9000, 500, 28000 }, // all but the least
        { 30000, 2000, 10000, 4000, 500, 14500 }, // what is clean
        { 2000, 2000, 2000, 0, 0, 0 },
        { 1000, 2000, 1000, 0, 0, 0 },
        { 30000, 2000, 0, 0, 0, 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = make_arcstats(
            rows[i].size, rows[i].least, rows[i].mru_data, rows[i].mfu_data, rows[i].metadata);
        assert_given_back(text, rows[i].wanted);
    }
}

static void test_without_zfs_there_is_none(void)
{
    assert_given_back(NULL, 0);
}

static void assert_unread(const FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    guint64 mib = 7;

    g_assert_false(arc_look(fake->root, &mib, &error));
    g_assert_nonnull(strstr(error->message, "/" ARCSTATS));
    g_assert_cmpuint(mib, ==, 7);
}

static void test_what_cannot_be_read_is_not_none(void)
{
    static const char *const texts[] = { "", "size 4 5\n", "size 4 lots\nc_min 4 1\n",
        "size 4 9\nc_min 4 1\nmru_evictable_data 4 1\n" };
    g_autoptr(FakeRoot) fake = fake_root_new();

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        fake_root_write(fake, ARCSTATS, texts[i]);
        assert_unread(fake);
    }
    fake_root_remove(fake, ARCSTATS);
    fake_root_write(fake, ARCSTATS "/no-file", "");
    assert_unread(fake);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arc/given-back", test_what_can_be_given_back);
    g_test_add_func("/arc/without-zfs", test_without_zfs_there_is_none);
    g_test_add_func("/arc/unread", test_what_cannot_be_read_is_not_none);
    return g_test_run();
}
