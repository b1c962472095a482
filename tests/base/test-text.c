// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/text.h"

#include <string.h>

static const struct {
    const char *text, *shown;
} shown[] = {
    { "", "" }, { "CPU 0/KVM", "CPU 0/KVM" },
    { "'quoted' \"and\" \\ so on", "'quoted' \"and\" \\ so on" },
    { "K\303\244se \342\202\254", "K\303\244se \342\202\254" }, { "a\nb\tc\rd", "a\\nb\\tc\\rd" },
    { "\033[2J\033]0;title\a", "\\x1b[2J\\x1b]0;title\\a" }, { "\177", "\\x7f" },
    { "\302\233"
      "31m",
        "\\x9b31m" },                                               // CSI as one character
    { "\23331m", "\\x9b31m" },                                      // and as one byte
    { "\342\200\256txt.exe\342\200\254", "\\u202etxt.exe\\u202c" }, // right to left
    { "\342\201\246a\342\201\251", "\\u2066a\\u2069" },
    { "a\342\200\213b", "a\\u200bb" }, // no width
    { "a\342\200\250b", "a\\u2028b" }, // a line's end
    { "\357\273\277a", "\\ufeffa" }, { "\363\240\200\201", "\\U000e0001" },
    { "cut \303", "cut \\xc3" }, { "\300\257", "\\xc0\\xaf" }, // overlong
    { "\355\240\200", "\\xed\\xa0\\x80" },                     // a surrogate
};

static void test_show(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(shown); i++) {
        g_autofree char *text = text_show(shown[i].text);
        g_assert_cmpstr(text, ==, shown[i].shown);
        g_assert_cmpint(
            text_is_plain(shown[i].text), ==, strcmp(shown[i].text, shown[i].shown) == 0);
        g_assert_true(text_is_plain(text));
    }
}

static void test_a_start_ends_with_a_whole_character(void)
{
    static const char text[] = "a\nK\303\244\342\200\256";
    static const char *const starts[] = { "", "a", "a", "a\\n", "a\\nK", "a\\nK", "a\\nK\303\244",
        "a\\nK\303\244", "a\\nK\303\244" };

    for (gsize most = 0; most < G_N_ELEMENTS(starts); most++) {
        g_autofree char *start = text_show_start(text, most);
        g_assert_cmpstr(start, ==, starts[most]);
    }
}

static void test_quote_plain_words_stay(void)
{
    static const char *const words[] = { "4-7", "cpus=0-3,hostnodes=0,memory=512,policy=bind",
        "/etc/pve/pinhook.conf", "local:snippets/pinhook", "50%" };

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autofree char *quoted = text_quote(words[i]);
        g_assert_cmpstr(quoted, ==, words[i]);
    }
}

/// As /bin/sh reads it.
static void assert_one_word(const char *word)
{
    g_autofree char *quoted = text_quote(word);
    g_autofree char *script = g_strdup_printf("printf '%%s:' %s", quoted);
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    g_autofree char *out = NULL, *wanted = g_strconcat(word, ":", NULL);
    g_autoptr(GError) error = NULL;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(out, ==, wanted);
}

static void test_quote_all_others_are_one_word(void)
{
    static const char *const words[] = { "", " ", "a b", "$(touch x)", "`touch x`", "a;b", "a&b|c",
        "<>", "'", "a'b", "''", "\"$HOME\"", "\\", "*", "?[a]", "~", "~root", "#", "!", "{a,b}",
        "cpus=0;2", "a\nb" };

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        assert_one_word(words[i]);
    }
    for (char c = 1; c < 127; c++) {
        const char word[] = { c, 'a', c, '\0' };
        assert_one_word(word);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/show", test_show);
    g_test_add_func("/text/show/start", test_a_start_ends_with_a_whole_character);
    g_test_add_func("/text/quote/plain", test_quote_plain_words_stay);
    g_test_add_func("/text/quote/all-others", test_quote_all_others_are_one_word);
    return g_test_run();
}
