// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cpuset.h"
#include "base/error.h"
#include "fakes/assertions.h"
#include "fakes/large-text.h"

#include <json-c/json.h>
#include <string.h>

/// What a text was read as. @list NULL: it is refused.
static void assert_read(const char *text, const CpuSet *set, const GError *error, const char *list)
{
    g_test_message("'%s' is %s", text, list != NULL ? list : "refused");
    if (list != NULL) {
        g_assert_no_error(error);
    } else {
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID);
    }
    assert_set(set, list);
}

static void assert_kernel(const char *text, guint count, const char *list)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_kernel(text, count, &error);

    g_test_message("of %u CPUs", count);
    assert_read(text, set, error, list);
}

static void assert_list(const char *text, char separator, const char *list)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_list(text, separator, &error);

    assert_read(text, set, error, list);
}

/* What boot parameters and sysfs write. */

typedef struct {
    const char *path;
    struct {
        const char *text;
        guint count;      // of CPUs
        const char *list; // NULL: the text is refused
    } cases[8];           // to the first without a text
} KernelTest;

static const KernelTest kernel_tests[] = {
    { "/cpuset/kernel/regions",
        { { "0-3,8", 16, "0-3,8" }, { "8,0-3", 16, "0-3,8" }, { "0-3,2-5", 16, "0-5" },
            { "007", 16, "7" }, { "0-3\n", 16, "0-3" }, { "", 16, "" }, { "\n", 16, "" } } },
    { "/cpuset/kernel/commas-and-blanks", { { "0 2 4", 8, "0,2,4" }, { "0\t2\r4", 8, "0,2,4" },
                                              { " ,, 0-1 ,, 4 ", 8, "0-1,4" }, { " , ", 8, "" } } },
    { "/cpuset/kernel/ends-at-the-newline",
        { { "0-3\n4", 8, "0-3" }, { "0-3\nrubbish", 8, "0-3" } } },
    { "/cpuset/kernel/patterns",
        { { "0-7:1/2", 8, "0,2,4,6" }, { "1-7:1/2", 8, "1,3,5,7" }, { "0-7:2/4", 8, "0-1,4-5" },
            { "0-6:3/4", 8, "0-2,4-6" }, { "0-7:0/3", 8, "" }, { "0-7:3/100", 8, "0-2" } } },
    { "/cpuset/kernel/last-and-all",
        { { "N", 8, "7" }, { "4-N", 8, "4-7" }, { "0,N", 1, "0" }, { "all", 4, "0-3" },
            { "ALL", 4, "0-3" }, { "all:1/2", 4, "0,2" } } },
    { "/cpuset/kernel/refuses-cpus-beyond",
        { { "7", 8, "7" }, { "8", 8, NULL }, { "0-8", 8, NULL }, { "0-4294967295", 8, NULL },
            { "4294967296", 8, NULL }, { "0-18446744073709551616", 8, NULL },
            { "0-7:1/2,8", 8, NULL } } },
    { "/cpuset/kernel/limit",
        { { "N", CPUSET_LIMIT, "65535" }, { "all", CPUSET_LIMIT, "0-65535" },
            { "0-N:1/32768", CPUSET_LIMIT, "0,32768" }, { "65536", CPUSET_LIMIT, NULL } } },
};

static void test_kernel(gconstpointer data)
{
    const KernelTest *test = data;

    for (guint i = 0; i < G_N_ELEMENTS(test->cases) && test->cases[i].text != NULL; i++) {
        assert_kernel(test->cases[i].text, test->cases[i].count, test->cases[i].list);
    }
}

static void test_kernel_refuses_what_the_kernel_refuses(void)
{
    static const char *const texts[] = { "-1", "0-", "3-1", "a", "0-a", "0x1", "+1", "1.5", "^1",
        "0-3,^1", "0;1", "0--1", "0 - 3", "0-3:", "0-3:1", "0-3:1/", "0-3:1/0", "0-3:3/2",
        "0-3:a/2", "0-3:1/2x", "0:1/2", "al", "alll", "all-3", "all3", "n", "N1", "(null)" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        assert_kernel(texts[i], 8, NULL);
    }
}

/* What Proxmox writes. */

typedef struct {
    const char *path;
    struct {
        const char *text;
        char separator;
        const char *list; // NULL: the text is refused
    } cases[8];           // to the first without a text
} ListTest;

static const ListTest list_tests[] = {
    { "/cpuset/list/numbers-and-ranges",
        { { "0", ',', "0" }, { "0,5,8-11", ',', "0,5,8-11" }, { "8-11,5,0", ',', "0,5,8-11" },
            { "3-3", ',', "3" }, { "0-3,2-5", ',', "0-5" }, { "00,01", ',', "0-1" } } },
    { "/cpuset/list/blanks", { { " 0 , 5 ", ',', "0,5" }, { "0,\t8-11", ',', "0,8-11" } } },
    { "/cpuset/list/separator", { { "0-3;8-11", ';', "0-3,8-11" }, { "0-3,8-11", ';', NULL },
                                    { "0-3;8-11", ',', NULL }, { "0 1", ',', NULL } } },
    { "/cpuset/list/limit",
        { { "65535", ',', "65535" }, { "65536", ',', NULL }, { "0-65536", ',', NULL },
            { "4294967296", ',', NULL }, { "18446744073709551616", ',', NULL } } },
};

static void test_list(gconstpointer data)
{
    const ListTest *test = data;

    for (guint i = 0; i < G_N_ELEMENTS(test->cases) && test->cases[i].text != NULL; i++) {
        assert_list(test->cases[i].text, test->cases[i].separator, test->cases[i].list);
    }
}

static void test_list_refuses_what_proxmox_refuses(void)
{
    static const char *const texts[] = { "", " ", ",", "0,", ",0", "0,,1", "-1", "0-", "3-1",
        "0 - 3", "0 -3", "0--3", "0-3-5", "a", "0-a", "0x1", "+1", "^1", "all", "N", "0-3:1/2",
        "0\v1" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        assert_list(texts[i], ',', NULL);
    }
}

static void test_an_error_quotes_the_text(void)
{
    g_autoptr(GError) kernel = NULL;
    g_autoptr(GError) list = NULL;

    g_assert_null(cpuset_parse_kernel("2-x", 8, &kernel));
    g_assert_nonnull(strstr(kernel->message, "2-x"));
    g_assert_nonnull(strstr(kernel->message, "0-7"));
    g_assert_null(cpuset_parse_list("2;x", ',', &list));
    g_assert_nonnull(strstr(list->message, "2;x"));
}

/* Sets. */

static void test_printed_lists_are_read_back(void)
{
    for (guint seed = 0; seed < 200; seed++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        g_autoptr(CpuSet) set = cpuset_new();
        for (guint i = 0; i < seed % 40 + 1; i++) {
            guint first = (guint)g_rand_int_range(rand, 0, 300);
            hwloc_bitmap_set_range(set, first, (int)(first + (guint)g_rand_int_range(rand, 0, 9)));
        }
        g_autofree char *list = cpuset_to_list(set);
        g_autofree char *ids = cpuset_to_ids(set);
        g_autoptr(CpuSet) kernel = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);
        g_autoptr(CpuSet) proxmox = cpuset_parse_list(list, ',', NULL);
        g_autoptr(CpuSet) cell = cpuset_parse_list(ids, ';', NULL);

        g_assert_true(hwloc_bitmap_isequal(set, kernel));
        g_assert_true(hwloc_bitmap_isequal(set, proxmox));
        g_assert_true(hwloc_bitmap_isequal(set, cell));
    }
}

static void test_ids_are_parted_by_semicolons(void)
{
    g_autoptr(CpuSet) set = cpuset_parse_list("0-3,8,10-11", ',', NULL);
    g_autofree char *ids = cpuset_to_ids(set);

    g_assert_cmpstr(ids, ==, "0-3;8;10-11");
}

static void test_an_empty_set_prints_as_nothing(void)
{
    g_autoptr(CpuSet) set = cpuset_new();
    g_autofree char *list = cpuset_to_list(set);
    g_autofree char *ids = cpuset_to_ids(set);

    g_assert_cmpstr(list, ==, "");
    g_assert_cmpstr(ids, ==, "");
    g_assert_cmpuint(cpuset_count(set), ==, 0);
}

static void test_algebra_makes_new_sets(void)
{
    g_autoptr(CpuSet) a = cpuset_parse_list("0-3", ',', NULL);
    g_autoptr(CpuSet) b = cpuset_parse_list("2-5", ',', NULL);
    g_autoptr(CpuSet) both = cpuset_and(a, b);
    g_autoptr(CpuSet) either = cpuset_or(a, b);
    g_autoptr(CpuSet) only = cpuset_minus(a, b);
    g_autoptr(CpuSet) copy = cpuset_copy(a);

    hwloc_bitmap_clr(copy, 0);
    assert_set(both, "2-3");
    assert_set(either, "0-5");
    assert_set(only, "0-1");
    assert_set(a, "0-3");
    assert_set(b, "2-5");
    g_assert_cmpuint(cpuset_count(either), ==, 6);
}

static void test_a_mebibyte_is_read_in_time(gconstpointer data)
{
    g_autoptr(GString) text = large_text_new("", data);

    clock_t before = clock();
    g_autoptr(CpuSet) kernel = cpuset_parse_kernel(text->str, CPUSET_LIMIT, NULL);
    g_autoptr(CpuSet) list = cpuset_parse_list(text->str, ',', NULL);
    assert_read_in_time(before);
    g_assert_true(kernel == NULL || hwloc_bitmap_last(kernel) < CPUSET_LIMIT);
    g_assert_null(list); // of its comma at the end
}

/* The tables of the kernel's own tests, where they are at hand. */

static json_object *load_kernel_cases(void)
{
    const char *data = g_getenv("PINHOOK_DATA");
    json_object *lists = NULL, *kernel = NULL;

    if (data == NULL) {
        g_test_skip("PINHOOK_DATA names no directory with placement_cases.json");
        return NULL;
    }
    g_autofree char *path = g_build_filename(data, "placement_cases.json", NULL);
    json_object *cases = json_object_from_file(path);
    g_assert_true(json_object_object_get_ex(cases, "cpulist", &lists));
    g_assert_true(json_object_object_get_ex(lists, "kernel", &kernel));
    json_object_get(kernel);
    json_object_put(cases);
    return kernel;
}

static const char *column_string(json_object *row, gsize column)
{
    return json_object_get_string(json_object_array_get_idx(row, column));
}

/// @data: "valid" or "invalid".
static void test_the_kernels_own_cases(gconstpointer data)
{
    json_object *kernel = load_kernel_cases(), *cases = NULL;

    if (kernel == NULL) {
        return;
    }
    g_assert_true(json_object_object_get_ex(kernel, data, &cases));
    g_assert_cmpuint(json_object_array_length(cases), >, 10);
    for (gsize i = 0; i < json_object_array_length(cases); i++) {
        json_object *row = json_object_array_get_idx(cases, i);
        guint count = (guint)json_object_get_int(json_object_array_get_idx(row, 1));
        assert_kernel(column_string(row, 0), count,
            g_str_equal(data, "valid") ? column_string(row, 2) : NULL); // an errno
    }
    json_object_put(kernel);
}

static void test_masks(void)
{
    static const struct {
        const char *list, *mask, *as_read;
    } rows[] = { { "0", "1", "00000001" }, { "0-3", "f", "0000000f" }, { "31", "80000000", NULL },
        { "32", "1,00000000", "00000001,00000000" }, { "0-3,40-47", "ff00,0000000f", NULL },
        { "95", "80000000,00000000,00000000", NULL } };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(CpuSet) set = cpuset_parse_list(rows[i].list, ',', NULL);
        g_autofree char *mask = cpuset_to_mask(set);
        g_autoptr(CpuSet)
            again = cpuset_parse_mask(rows[i].as_read != NULL ? rows[i].as_read : mask);
        g_assert_cmpstr(mask, ==, rows[i].mask);
        assert_set(again, rows[i].list);
    }
    g_autoptr(CpuSet) none = cpuset_new();
    g_autofree char *empty = cpuset_to_mask(none);
    g_assert_cmpstr(empty, ==, "0");
}

static void test_what_is_no_mask(void)
{
    static const char *const texts[] = { "", ",", "f,", ",f", "x", "0x1", "123456789", "1 2",
        "-1" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_assert_null(cpuset_parse_mask(texts[i]));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(kernel_tests); i++) {
        g_test_add_data_func(kernel_tests[i].path, &kernel_tests[i], test_kernel);
    }
    for (guint i = 0; i < G_N_ELEMENTS(list_tests); i++) {
        g_test_add_data_func(list_tests[i].path, &list_tests[i], test_list);
    }
    g_test_add_data_func("/cpuset/kernel/own-valid-cases", "valid", test_the_kernels_own_cases);
    g_test_add_data_func("/cpuset/kernel/own-invalid-cases", "invalid", test_the_kernels_own_cases);
    g_test_add_func("/cpuset/kernel/refuses", test_kernel_refuses_what_the_kernel_refuses);
    g_test_add_func("/cpuset/list/refuses", test_list_refuses_what_proxmox_refuses);
    g_test_add_func("/cpuset/error-quotes-the-text", test_an_error_quotes_the_text);
    g_test_add_func("/cpuset/printed-is-read-back", test_printed_lists_are_read_back);
    g_test_add_func("/cpuset/ids", test_ids_are_parted_by_semicolons);
    g_test_add_func("/cpuset/empty", test_an_empty_set_prints_as_nothing);
    g_test_add_func("/cpuset/algebra", test_algebra_makes_new_sets);
    g_test_add_data_func("/cpuset/quick/ranges", "0-65535,", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/cpuset/quick/patterns", "0-N:1/2,", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/cpuset/quick/commas", ",", test_a_mebibyte_is_read_in_time);
    g_test_add_func("/cpuset/masks", test_masks);
    g_test_add_func("/cpuset/no-mask", test_what_is_no_mask);
    return g_test_run();
}
