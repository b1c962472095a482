// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"

static void test_takes_what_is_there(void)
{
    g_autoptr(JsonObject) json = json_tokener_parse("{\"n\": 7, \"b\": true, \"s\": \"text\"}");
    gint64 number;
    gboolean yes;
    const char *text;

    g_assert_true(json_get_integer(json, "n", 7, &number));
    g_assert_cmpint(number, ==, 7);
    g_assert_true(json_get_boolean(json, "b", &yes));
    g_assert_true(yes);
    g_assert_true(json_get_string(json, "s", &text));
    g_assert_cmpstr(text, ==, "text");
}

static void test_writes_nothing_otherwise(void)
{
    static const char *const others[] = { "{}", "{\"x\": null}", "{\"x\": []}", "{\"x\": -1}",
        "{\"x\": 8}", "{\"x\": 1.5}", "[]", "7" };

    for (gsize i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(JsonObject) json = json_tokener_parse(others[i]);
        gint64 number = 42;
        gboolean yes = 42;
        const char *text = "before";
        g_assert_false(json_get_integer(json, "x", 7, &number));
        g_assert_false(json_get_boolean(json, "x", &yes));
        g_assert_false(json_get_string(json, "x", &text));
        g_assert_cmpint(number, ==, 42);
        g_assert_cmpint(yes, ==, 42);
        g_assert_cmpstr(text, ==, "before");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/takes-what-is-there", test_takes_what_is_there);
    g_test_add_func("/json/writes-nothing-otherwise", test_writes_nothing_otherwise);
    return g_test_run();
}
