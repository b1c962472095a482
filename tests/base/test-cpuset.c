// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cpuset.h"
#include "base/error.h"

#include <json-c/json.h>
#include <string.h>
#include <time.h>

static void assert_set(CpuSet *set, const char *list)
{
    g_assert_nonnull(set);
    g_autofree char *have = cpuset_to_list(set);
    g_assert_cmpstr(have, ==, list);
}

static void assert_kernel(const char *text, guint count, const char *list)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_kernel(text, count, &error);

    g_test_message("'%s' of %u CPUs is %s", text, count, list);
    g_assert_no_error(error);
    assert_set(set, list);
}

static void refute_kernel(const char *text, guint count)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_kernel(text, count, &error);

    g_test_message("'%s' of %u CPUs is refused", text, count);
    g_assert_null(set);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID);
}

static void assert_list(const char *text, char separator, const char *list)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_list(text, separator, &error);

    g_test_message("'%s' is %s", text, list);
    g_assert_no_error(error);
    assert_set(set, list);
}

static void refute_list(const char *text, char separator)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CpuSet) set = cpuset_parse_list(text, separator, &error);

    g_test_message("'%s' is refused", text);
    g_assert_null(set);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID);
}

/* What boot parameters and sysfs write. */

static void test_kernel_takes_regions(void)
{
    assert_kernel("0-3,8", 16, "0-3,8");
    assert_kernel("8,0-3", 16, "0-3,8");
    assert_kernel("0-3,2-5", 16, "0-5");
    assert_kernel("007", 16, "7");
    assert_kernel("0-3\n", 16, "0-3");
    assert_kernel("", 16, "");
    assert_kernel("\n", 16, "");
}

static void test_kernel_parts_by_commas_and_blanks(void)
{
    assert_kernel("0 2 4", 8, "0,2,4");
    assert_kernel("0\t2\r4", 8, "0,2,4");
    assert_kernel(" ,, 0-1 ,, 4 ", 8, "0-1,4");
    assert_kernel(" , ", 8, "");
}

static void test_kernel_ends_at_the_newline(void)
{
    assert_kernel("0-3\n4", 8, "0-3");
    assert_kernel("0-3\nrubbish", 8, "0-3");
}

static void test_kernel_takes_patterns(void)
{
    assert_kernel("0-7:1/2", 8, "0,2,4,6");
    assert_kernel("1-7:1/2", 8, "1,3,5,7");
    assert_kernel("0-7:2/4", 8, "0-1,4-5");
    assert_kernel("0-6:3/4", 8, "0-2,4-6");
    assert_kernel("0-7:0/3", 8, "");
    assert_kernel("0-7:3/100", 8, "0-2");
}

static void test_kernel_knows_the_last_cpu_and_all(void)
{
    assert_kernel("N", 8, "7");
    assert_kernel("4-N", 8, "4-7");
    assert_kernel("0,N", 1, "0");
    assert_kernel("all", 4, "0-3");
    assert_kernel("ALL", 4, "0-3");
    assert_kernel("all:1/2", 4, "0,2");
}

static void test_kernel_refuses_what_the_kernel_refuses(void)
{
    static const char *const texts[] = { "-1", "0-", "3-1", "a", "0-a", "0x1", "+1", "1.5", "^1",
        "0-3,^1", "0;1", "0--1", "0 - 3", "0-3:", "0-3:1", "0-3:1/", "0-3:1/0", "0-3:3/2",
        "0-3:a/2", "0-3:1/2x", "0:1/2", "al", "alll", "all-3", "all3", "n", "N1", "(null)" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        refute_kernel(texts[i], 8);
    }
}

static void test_kernel_refuses_cpus_that_it_cannot_have(void)
{
    assert_kernel("7", 8, "7");
    refute_kernel("8", 8);
    refute_kernel("0-8", 8);
    refute_kernel("0-4294967295", 8);
    refute_kernel("4294967296", 8);
    refute_kernel("0-18446744073709551616", 8);
    refute_kernel("0-7:1/2,8", 8);
}

static void test_kernel_reaches_the_limit(void)
{
    assert_kernel("N", CPUSET_LIMIT, "65535");
    assert_kernel("all", CPUSET_LIMIT, "0-65535");
    assert_kernel("0-N:1/32768", CPUSET_LIMIT, "0,32768");
    refute_kernel("65536", CPUSET_LIMIT);
}

/* What Proxmox writes. */

static void test_list_takes_numbers_and_ranges(void)
{
    assert_list("0", ',', "0");
    assert_list("0,5,8-11", ',', "0,5,8-11");
    assert_list("8-11,5,0", ',', "0,5,8-11");
    assert_list("3-3", ',', "3");
    assert_list("0-3,2-5", ',', "0-5");
    assert_list("00,01", ',', "0-1");
}

static void test_list_takes_blanks_around_a_part(void)
{
    assert_list(" 0 , 5 ", ',', "0,5");
    assert_list("0,\t8-11", ',', "0,8-11");
}

static void test_list_parts_by_its_separator_alone(void)
{
    assert_list("0-3;8-11", ';', "0-3,8-11");
    refute_list("0-3,8-11", ';');
    refute_list("0-3;8-11", ',');
    refute_list("0 1", ',');
}

static void test_list_refuses_what_proxmox_refuses(void)
{
    static const char *const texts[] = { "", " ", ",", "0,", ",0", "0,,1", "-1", "0-", "3-1",
        "0 - 3", "0 -3", "0--3", "0-3-5", "a", "0-a", "0x1", "+1", "^1", "all", "N", "0-3:1/2",
        "0\v1" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        refute_list(texts[i], ',');
    }
}

static void test_list_has_a_limit(void)
{
    assert_list("65535", ',', "65535");
    refute_list("65536", ',');
    refute_list("0-65536", ',');
    refute_list("4294967296", ',');
    refute_list("18446744073709551616", ',');
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

/* A large file of rubbish must not hold up a start. */
static void test_a_mebibyte_is_read_in_time(gconstpointer data)
{
    g_autoptr(GString) text = g_string_new(NULL);

    while (text->len < 1024 * 1024) {
        g_string_append(text, data);
    }
    gint64 before = clock();
    g_autoptr(CpuSet) kernel = cpuset_parse_kernel(text->str, CPUSET_LIMIT, NULL);
    g_autoptr(CpuSet) list = cpuset_parse_list(text->str, ',', NULL);
    /* A second is for the product; sanitizers on a busy machine take their time. */
    g_assert_cmpint(clock() - before, <, 10 * CLOCKS_PER_SEC);
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

static void test_the_kernels_own_valid_cases(void)
{
    json_object *kernel = load_kernel_cases(), *valid = NULL;

    if (kernel == NULL) {
        return;
    }
    g_assert_true(json_object_object_get_ex(kernel, "valid", &valid));
    g_assert_cmpuint(json_object_array_length(valid), >, 10);
    for (gsize i = 0; i < json_object_array_length(valid); i++) {
        json_object *row = json_object_array_get_idx(valid, i);
        guint count = (guint)json_object_get_int(json_object_array_get_idx(row, 1));
        assert_kernel(column_string(row, 0), count, column_string(row, 2));
    }
    json_object_put(kernel);
}

static void test_the_kernels_own_invalid_cases(void)
{
    json_object *kernel = load_kernel_cases(), *invalid = NULL;

    if (kernel == NULL) {
        return;
    }
    g_assert_true(json_object_object_get_ex(kernel, "invalid", &invalid));
    g_assert_cmpuint(json_object_array_length(invalid), >, 10);
    for (gsize i = 0; i < json_object_array_length(invalid); i++) {
        json_object *row = json_object_array_get_idx(invalid, i);
        refute_kernel(
            column_string(row, 0), (guint)json_object_get_int(json_object_array_get_idx(row, 1)));
    }
    json_object_put(kernel);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpuset/kernel/regions", test_kernel_takes_regions);
    g_test_add_func("/cpuset/kernel/commas-and-blanks", test_kernel_parts_by_commas_and_blanks);
    g_test_add_func("/cpuset/kernel/ends-at-the-newline", test_kernel_ends_at_the_newline);
    g_test_add_func("/cpuset/kernel/patterns", test_kernel_takes_patterns);
    g_test_add_func("/cpuset/kernel/last-and-all", test_kernel_knows_the_last_cpu_and_all);
    g_test_add_func("/cpuset/kernel/refuses", test_kernel_refuses_what_the_kernel_refuses);
    g_test_add_func(
        "/cpuset/kernel/refuses-cpus-beyond", test_kernel_refuses_cpus_that_it_cannot_have);
    g_test_add_func("/cpuset/kernel/limit", test_kernel_reaches_the_limit);
    g_test_add_func("/cpuset/kernel/own-valid-cases", test_the_kernels_own_valid_cases);
    g_test_add_func("/cpuset/kernel/own-invalid-cases", test_the_kernels_own_invalid_cases);
    g_test_add_func("/cpuset/list/numbers-and-ranges", test_list_takes_numbers_and_ranges);
    g_test_add_func("/cpuset/list/blanks", test_list_takes_blanks_around_a_part);
    g_test_add_func("/cpuset/list/separator", test_list_parts_by_its_separator_alone);
    g_test_add_func("/cpuset/list/refuses", test_list_refuses_what_proxmox_refuses);
    g_test_add_func("/cpuset/list/limit", test_list_has_a_limit);
    g_test_add_func("/cpuset/error-quotes-the-text", test_an_error_quotes_the_text);
    g_test_add_func("/cpuset/printed-is-read-back", test_printed_lists_are_read_back);
    g_test_add_func("/cpuset/ids", test_ids_are_parted_by_semicolons);
    g_test_add_func("/cpuset/empty", test_an_empty_set_prints_as_nothing);
    g_test_add_func("/cpuset/algebra", test_algebra_makes_new_sets);
    g_test_add_data_func("/cpuset/quick/ranges", "0-65535,", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/cpuset/quick/patterns", "0-N:1/2,", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/cpuset/quick/commas", ",", test_a_mebibyte_is_read_in_time);
    return g_test_run();
}
