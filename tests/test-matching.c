// SPDX-License-Identifier: LGPL-2.1-or-later
#include "matching.h"

#include <string.h>

/// @data: one string a guest, an 'x' for each seat that fits.
static gboolean fits(guint guest, guint seat, gpointer data)
{
    const char *const *rows = data;

    return rows[guest][seat] == 'x';
}

static void test_moves_an_earlier_guest(void)
{
    static const char *const rows[] = { "xx", "x-" };
    guint seat_of[2];

    g_assert_true(matching_find(2, 2, fits, (gpointer)rows, seat_of));
    g_assert_cmpuint(seat_of[0], ==, 1);
    g_assert_cmpuint(seat_of[1], ==, 0);
}

static void test_moves_a_whole_row_of_them(void)
{
    static const char *const rows[] = { "xx--", "-xx-", "--xx", "x---" };
    guint seat_of[4];
    guint taken = 0;

    g_assert_true(matching_find(4, 4, fits, (gpointer)rows, seat_of));
    for (guint guest = 0; guest < 4; guest++) {
        g_assert_true(fits(guest, seat_of[guest], (gpointer)rows));
        taken |= 1u << seat_of[guest];
    }
    g_assert_cmpuint(taken, ==, 15);
}

static void test_says_when_there_is_no_way(void)
{
    static const char *const two_want_one[] = { "x-", "x-" };
    static const char *const too_many[] = { "x", "x" };
    guint seat_of[2];

    g_assert_false(matching_find(2, 2, fits, (gpointer)two_want_one, seat_of));
    g_assert_false(matching_find(2, 1, fits, (gpointer)too_many, seat_of));
}

static void test_nobody_needs_nothing(void)
{
    guint seat_of[1];

    g_assert_true(matching_find(0, 0, fits, NULL, seat_of));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/matching/moves-an-earlier-guest", test_moves_an_earlier_guest);
    g_test_add_func("/matching/moves-a-whole-row-of-them", test_moves_a_whole_row_of_them);
    g_test_add_func("/matching/says-when-there-is-no-way", test_says_when_there_is_no_way);
    g_test_add_func("/matching/nobody-needs-nothing", test_nobody_needs_nothing);
    return g_test_run();
}
