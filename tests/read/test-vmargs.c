// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmargs.h"

#include <string.h>

/// The words, each with a bar behind; "" where there are none, for Perl's shellwords does not tell
/// that from words that cannot be taken apart.
static char *split(const char *args)
{
    g_auto(GStrv) words = vmargs_split(args);
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; words != NULL && words[i] != NULL; i++) {
        g_string_append_printf(text, "%s|", words[i]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_words(void)
{
    static const struct {
        const char *args, *words;
    } cases[] = {
        { "", "" },
        { " \t ", "" },
        { "-smp 4", "-smp|4|" },
        { "  -smp\t\f4  ", "-smp|4|" },
        { "a'b c'd \"e f\"", "ab cd|e f|" },
        { "'' \"\"", "||" },
        { "a\\ b \\\\ \\\"", "a b|\\|\"|" },
        { "\"a\\b\\\"c\\\\\"", "ab\"c\\|" },
        { "'a\\b' 'it\\'s'", "a\\b|it\\'s|" },
        { "#a b #c", "#a|b|#c|" },
        { "$(id) `id` $x", "$(id)|`id`|$x|" },
        { "it's", "" },
        { "a \"b", "" },
        { "a\\", "" },
        { "'a\\'", "" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *words = split(cases[i].args);
        g_test_message("%s", cases[i].args);
        g_assert_cmpstr(words, ==, cases[i].words);
    }
}

static void test_none_where_a_quote_stays_open(void)
{
    g_auto(GStrv) nothing = vmargs_split("");

    g_assert_nonnull(nothing);
    g_assert_null(vmargs_split("it's"));
    g_assert_null(vmargs_split("a\\"));
}

static char *some_text(GRand *rand)
{
    static const char letters[] = "ab-  \t\\\\\"\"''#";
    g_autoptr(GString) text = g_string_new(NULL);

    for (int length = g_rand_int_range(rand, 0, 16); length > 0; length--) {
        g_string_append_c(
            text, letters[g_rand_int_range(rand, 0, (gint32)G_N_ELEMENTS(letters) - 1)]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void test_what_is_appended_is_split_again(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);

    for (guint i = 0; i < 5000; i++) {
        g_autofree char *first = some_text(rand);
        g_autofree char *second = some_text(rand);
        g_autoptr(GString) args = g_string_new(NULL);
        vmargs_append(args, first);
        vmargs_append(args, second);
        g_auto(GStrv) words = vmargs_split(args->str);
        g_test_message("%s", args->str);
        g_assert_nonnull(words);
        g_assert_cmpuint(g_strv_length(words), ==, 2);
        g_assert_cmpstr(words[0], ==, first);
        g_assert_cmpstr(words[1], ==, second);
    }
}

static void test_perl_says_the_same(void)
{
    static const char script[] = "use Text::ParseWords;"
                                 "print map({ \"$_|\" } shellwords($_)), \"\\n\" for @ARGV";
    g_autoptr(GRand) rand = g_rand_new_with_seed(6);
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *perl = g_find_program_in_path("perl");
    g_autofree char *output = NULL;
    g_autoptr(GError) error = NULL;

    if (perl == NULL) {
        g_test_skip("there is no perl");
        return;
    }
    g_ptr_array_add(argv, g_strdup(perl));
    g_ptr_array_add(argv, g_strdup("-e"));
    g_ptr_array_add(argv, g_strdup(script));
    g_ptr_array_add(argv, g_strdup("--"));
    for (guint i = 0; i < 5000; i++) {
        g_ptr_array_add(argv, some_text(rand));
    }
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(
        NULL, (char **)argv->pdata, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output, NULL, NULL, &error);
    g_assert_no_error(error);
    g_auto(GStrv) lines = g_strsplit(output, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 5001);
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *words = split(argv->pdata[4 + i]);
        g_test_message("%s", (const char *)argv->pdata[4 + i]);
        g_assert_cmpstr(words, ==, lines[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vmargs/words", test_words);
    g_test_add_func("/vmargs/open-quote", test_none_where_a_quote_stays_open);
    g_test_add_func("/vmargs/appended", test_what_is_appended_is_split_again);
    g_test_add_func("/vmargs/perl", test_perl_says_the_same);
    return g_test_run();
}
