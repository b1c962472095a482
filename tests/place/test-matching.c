// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/matching.h"

#include <string.h>

/// @data: one string a supply, an 'x' for each demand that it fits.
static gboolean fits(guint supply, guint demand, gpointer data)
{
    const char *const *rows = data;

    return rows[supply][demand] == 'x';
}

static void test_moves_an_earlier_supply(void)
{
    static const char *const rows[] = { "xx", "x-" };
    static const guint64 one_each[] = { 1, 1 };
    guint64 given[4];

    g_assert_true(matching_find(one_each, 2, one_each, 2, fits, (gpointer)rows, given));
    g_assert_cmpmem(given, sizeof(given), ((const guint64[]){ 0, 1, 1, 0 }), sizeof(given));
}

static void test_moves_a_whole_row_of_them(void)
{
    static const char *const rows[] = { "xx--", "-xx-", "--xx", "x---" };
    static const guint64 one_each[] = { 1, 1, 1, 1 };
    static const guint64 expected[] = { 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0 };
    guint64 given[16];

    g_assert_true(matching_find(one_each, 4, one_each, 4, fits, (gpointer)rows, given));
    g_assert_cmpmem(given, sizeof(given), expected, sizeof(expected));
}

static void test_moves_only_as_much_as_is_needed(void)
{
    static const char *const rows[] = { "xx", "x-" };
    static const guint64 supplies[] = { 5, 4 }, demands[] = { 6, 3 };
    guint64 given[4];

    g_assert_true(matching_find(supplies, 2, demands, 2, fits, (gpointer)rows, given));
    g_assert_cmpmem(given, sizeof(given), ((const guint64[]){ 2, 3, 4, 0 }), sizeof(given));
}

static void test_draws_on_the_first_ones(void)
{
    static const char *const rows[] = { "x", "x", "x" };
    static const guint64 supplies[] = { 2, 3, 9 }, demands[] = { 4 };
    guint64 given[3];

    g_assert_true(matching_find(supplies, 3, demands, 1, fits, (gpointer)rows, given));
    g_assert_cmpmem(given, sizeof(given), ((const guint64[]){ 2, 2, 0 }), sizeof(given));
}

static void test_says_when_there_is_no_way(void)
{
    static const char *const two_want_one[] = { "x-", "x-" };
    static const char *const too_many[] = { "xx" };
    static const guint64 one_each[] = { 1, 1 };

    g_assert_false(matching_find(one_each, 2, one_each, 2, fits, (gpointer)two_want_one, NULL));
    g_assert_false(matching_find(one_each, 1, one_each, 2, fits, (gpointer)too_many, NULL));
}

static void test_nobody_needs_nothing(void)
{
    g_assert_true(matching_find(NULL, 0, NULL, 0, fits, NULL, NULL));
}

/* An oracle: Hall's condition. Every set of demands must find enough in all that fits any of it. */

static gboolean can_be(const guint64 *supplies, const guint64 *demands, const char *const *rows)
{
    for (guint set = 0; set < 8; set++) {
        guint64 wanted = 0, found = 0;
        for (guint demand = 0; demand < 3; demand++) {
            wanted += (set >> demand & 1) != 0 ? demands[demand] : 0;
        }
        for (guint supply = 0; supply < 4; supply++) {
            gboolean fits_any = FALSE;
            for (guint demand = 0; demand < 3; demand++) {
                fits_any |= (set >> demand & 1) != 0 && rows[supply][demand] == 'x';
            }
            found += fits_any ? supplies[supply] : 0;
        }
        if (found < wanted) {
            return FALSE;
        }
    }
    return TRUE;
}

static void assert_sums(
    const guint64 *supplies, const guint64 *demands, const guint64 *given, const char *const *rows)
{
    guint64 met[3] = { 0 };

    for (guint supply = 0; supply < 4; supply++) {
        guint64 used = 0;
        for (guint demand = 0; demand < 3; demand++) {
            guint64 amount = given[supply * 3 + demand];
            g_assert_true(amount == 0 || rows[supply][demand] == 'x');
            used += amount;
            met[demand] += amount;
        }
        g_assert_cmpuint(used, <=, supplies[supply]);
    }
    g_assert_cmpmem(met, sizeof(met), demands, sizeof(met));
}

static void test_finds_a_way_where_there_is_one(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7);
    guint found = 0;

    for (guint i = 0; i < 4000; i++) {
        char texts[4][4] = { "---", "---", "---", "---" };
        const char *const rows[] = { texts[0], texts[1], texts[2], texts[3] };
        guint64 supplies[4], demands[3], given[12];
        for (guint supply = 0; supply < 4; supply++) {
            supplies[supply] = (guint64)g_rand_int_range(rand, 0, 5);
            for (guint demand = 0; demand < 3; demand++) {
                demands[demand] = (guint64)g_rand_int_range(rand, 0, 6);
                texts[supply][demand] = g_rand_boolean(rand) ? 'x' : '-';
            }
        }
        gboolean way = matching_find(supplies, 4, demands, 3, fits, (gpointer)rows, given);
        g_assert_cmpint(way, ==, can_be(supplies, demands, rows));
        if (way) {
            assert_sums(supplies, demands, given, rows);
        }
        found += way;
    }
    g_assert_cmpuint(found, >, 500);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/matching/moves-an-earlier-supply", test_moves_an_earlier_supply);
    g_test_add_func("/matching/moves-a-whole-row-of-them", test_moves_a_whole_row_of_them);
    g_test_add_func(
        "/matching/moves-only-as-much-as-is-needed", test_moves_only_as_much_as_is_needed);
    g_test_add_func("/matching/draws-on-the-first-ones", test_draws_on_the_first_ones);
    g_test_add_func("/matching/says-when-there-is-no-way", test_says_when_there_is_no_way);
    g_test_add_func("/matching/nobody-needs-nothing", test_nobody_needs_nothing);
    g_test_add_func(
        "/matching/finds-a-way-where-there-is-one", test_finds_a_way_where_there_is_one);
    return g_test_run();
}
