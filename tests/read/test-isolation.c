// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/isolation.h"

#include "fakes/assertions.h"

#include <json-c/json.h>

static Isolation *parse_cmdline(const char *cmdline)
{
    IsolationFiles files = { .possible = "0-7\n", .cmdline = cmdline };

    g_test_message("%s", cmdline);
    return isolation_parse(&files);
}

/* What is in force. */

static void test_nothing_there_is_nothing_isolated(void)
{
    IsolationFiles files = { NULL };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    g_assert_cmpuint(isolation->possible, >=, 1);
    assert_set(isolation->boot, "");
    assert_set(isolation->partition, "");
    assert_set(isolation->isolated, "");
    assert_set(isolation->nohz_full, "");
    g_assert_null(isolation->cmdline_isolcpus);
    g_assert_null(isolation->cmdline_isolcpus_text);
    g_assert_null(isolation->cmdline_nohz_full);
    g_assert_null(isolation->cmdline_rcu_nocbs);
    g_assert_false(isolation->cmdline_domain);
}

static void test_empty_files_are_nothing_isolated(void)
{
    IsolationFiles files = { "\n", "\n", "\n", "\n", "\n", "\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    g_assert_cmpuint(isolation->possible, >=, 1);
    assert_set(isolation->isolated, "");
    assert_set(isolation->nohz_full, "");
    g_assert_null(isolation->cmdline_isolcpus);
}

static void test_boot_and_partitions_are_in_force_together(void)
{
    IsolationFiles files = { .possible = "0-7\n", .isolated = "6-7\n", .partition = "2-3\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->boot, "6-7");
    assert_set(isolation->partition, "2-3");
    assert_set(isolation->elsewhere, "");
    assert_set(isolation->isolated, "2-3,6-7");
}

static void test_a_partition_without_the_vms_is_not_for_them(void)
{
    IsolationFiles files = {
        .possible = "0-7\n", .isolated = "6-7\n", .partition = "1-3,6-7\n", .cpuset = "0,3-5\n"
    };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->elsewhere, "1-2");
    assert_set(isolation->isolated, "3,6-7");
}

static void test_a_cpuset_that_is_rubbish_keeps_nothing_away(void)
{
    IsolationFiles files = { .possible = "0-7\n", .partition = "1-3\n", .cpuset = "(null)\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->elsewhere, "");
    assert_set(isolation->isolated, "1-3");
}

static void test_live_files_decide_over_the_command_line(void)
{
    IsolationFiles files = { .possible = "0-7\n",
        .isolated = "\n",
        .nohz_full = "4-5\n",
        .cmdline = "isolcpus=6-7 nohz_full=6-7\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->isolated, "");
    assert_set(isolation->nohz_full, "4-5");
    assert_set(isolation->cmdline_isolcpus, "6-7");
    assert_set(isolation->cmdline_nohz_full, "6-7");
}

static void test_a_null_text_is_no_list(void)
{
    IsolationFiles files = { .possible = "0-7\n",
        .isolated = "(null)\n",
        .partition = "(null)\n",
        .nohz_full = "  (null)\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->isolated, "");
    assert_set(isolation->nohz_full, "");
}

static void test_isolated_may_name_cpus_that_are_offline(void)
{
    IsolationFiles files = { .possible = "0-127\n", .isolated = "4-7,120\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->isolated, "4-7,120");
}

static void test_a_list_beyond_the_possible_cpus_counts_as_empty(void)
{
    IsolationFiles files = { .possible = "0-7\n", .isolated = "6-8\n", .partition = "2-3\n" };
    g_autoptr(Isolation) isolation = isolation_parse(&files);

    assert_set(isolation->boot, "");
    assert_set(isolation->isolated, "2-3");
}

static void test_possible_counts_up_to_its_last_cpu(void)
{
    static const struct {
        const char *text;
        guint count;
    } cases[] = { { "0\n", 1 }, { "0-7\n", 8 }, { "0-3,8-11\n", 12 }, { "0-8191", 8192 } };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        IsolationFiles files = { .possible = cases[i].text };
        g_autoptr(Isolation) isolation = isolation_parse(&files);
        g_assert_cmpuint(isolation->possible, ==, cases[i].count);
    }
}

/* What was asked for. */

typedef struct {
    const char *argument;
    const char *list; // NULL: the kernel drops the parameter
    gboolean domain;
} IsolcpusCase;

static void assert_isolcpus(const IsolcpusCase *wanted)
{
    g_autofree char *cmdline = g_strdup_printf("quiet isolcpus=%s splash\n", wanted->argument);
    g_autoptr(Isolation) isolation = parse_cmdline(cmdline);

    g_assert_cmpstr(isolation->cmdline_isolcpus_text, ==, wanted->argument);
    g_assert_cmpint(isolation->cmdline_domain, ==, wanted->domain);
    if (wanted->list != NULL) {
        assert_set(isolation->cmdline_isolcpus, wanted->list);
    } else {
        g_assert_null(isolation->cmdline_isolcpus);
    }
}

static void test_flags_say_whether_the_scheduler_stays_away(void)
{
    static const IsolcpusCase cases[] = {
        { "2-7", "2-7", TRUE },
        { "domain,2-7", "2-7", TRUE },
        { "domain,managed_irq,2-7", "2-7", TRUE },
        { "managed_irq,domain,2-7", "2-7", TRUE },
        { "nohz,domain,managed_irq,2-7", "2-7", TRUE },
        { "managed_irq,2-7", "2-7", FALSE },
        { "nohz,2-7", "2-7", FALSE },
        { "nohz,managed_irq,2,4-5", "2,4-5", FALSE },
        { "foo,2-7", "2-7", TRUE },
        { "foo,managed_irq,2-7", "2-7", FALSE },
        { "subdomain,2-7", "2-7", TRUE },
        { "2-N", "2-7", TRUE },
        { "0-N:1/2", "0,2,4,6", TRUE },
        { "domain,0-7:2/4", "0-1,4-5", TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_isolcpus(&cases[i]);
    }
}

static void test_what_the_kernel_drops_asks_for_nothing(void)
{
    static const IsolcpusCase cases[] = {
        { "managed-irq,2-7", NULL, FALSE },
        { "domain2,2-7", NULL, FALSE },
        { "domain:2-7", NULL, FALSE },
        { "domain,7-2", NULL, FALSE },
        { "2-8", NULL, FALSE },
        { "^2", NULL, FALSE },
        { "domain", NULL, FALSE },
        { "all", NULL, FALSE }, // read as a flag
        { "N", NULL, FALSE },   // the same
        { "domain,all", NULL, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_isolcpus(&cases[i]);
    }
}

static void test_each_parameter_is_a_list_of_its_own(void)
{
    g_autoptr(Isolation) isolation = parse_cmdline(
        "BOOT_IMAGE=/vmlinuz root=/dev/sda1 isolcpus=2-3 nohz_full=4-5 rcu_nocbs=6-N quiet\n");

    assert_set(isolation->cmdline_isolcpus, "2-3");
    assert_set(isolation->cmdline_nohz_full, "4-5");
    assert_set(isolation->cmdline_rcu_nocbs, "6-7");
    assert_set(isolation->isolated, "");
}

static void test_all_is_every_cpu_for_the_other_parameters(void)
{
    g_autoptr(Isolation) isolation = parse_cmdline("nohz_full=all rcu_nocbs=all");

    assert_set(isolation->cmdline_nohz_full, "0-7");
    assert_set(isolation->cmdline_rcu_nocbs, "0-7");
}

static void test_other_parameters_are_not_mistaken_for_isolcpus(void)
{
    static const char *const cmdlines[] = { "", "isolcpus", "xisolcpus=2-3", "isolcpusx=2-3",
        "foo.isolcpus=2-3", "foo=isolcpus=2-3", "foo=\"a isolcpus=2-3 b\"", "=isolcpus=2-3" };

    for (gsize i = 0; i < G_N_ELEMENTS(cmdlines); i++) {
        g_autoptr(Isolation) isolation = parse_cmdline(cmdlines[i]);
        g_assert_null(isolation->cmdline_isolcpus);
        g_assert_null(isolation->cmdline_isolcpus_text);
        g_assert_false(isolation->cmdline_domain);
    }
}

static void test_quotes_before_it_do_not_hide_a_parameter(void)
{
    g_autoptr(Isolation)
        isolation = parse_cmdline("dyndbg=\"file a.c +p; file b.c +p\" isolcpus=2-3\n");

    assert_set(isolation->cmdline_isolcpus, "2-3");
}

/* lib/cmdline.c, next_arg(): quotes around the value or around all of it are not part of it. */
static void test_quotes_are_not_part_of_a_value(void)
{
    static const char *const cmdlines[] = { "isolcpus=\"2-3\" quiet", "isolcpus=\"2-3, 6-7\" quiet",
        "\"isolcpus=2-3\" quiet", "\"isolcpus=2-3, 6-7\"\n" };
    static const char *const lists[] = { "2-3", "2-3,6-7", "2-3", "2-3,6-7" };

    for (gsize i = 0; i < G_N_ELEMENTS(cmdlines); i++) {
        g_autoptr(Isolation) isolation = parse_cmdline(cmdlines[i]);
        assert_set(isolation->cmdline_isolcpus, lists[i]);
        g_assert_true(isolation->cmdline_domain);
    }
}

static void test_an_open_quote_ends_with_the_line(void)
{
    g_autoptr(Isolation) isolation = parse_cmdline("foo=\"bar isolcpus=2-3");

    g_assert_null(isolation->cmdline_isolcpus);
}

static void test_the_isolcpus_cases_of_the_test_data(void)
{
    const char *data = g_getenv("PINHOOK_DATA");
    json_object *lists = NULL, *isolcpus = NULL, *cases = NULL;

    if (data == NULL) {
        g_test_skip("PINHOOK_DATA names no directory with placement_cases.json");
        return;
    }
    g_autofree char *path = g_build_filename(data, "placement_cases.json", NULL);
    json_object *all = json_object_from_file(path);
    g_assert_true(json_object_object_get_ex(all, "cpulist", &lists));
    g_assert_true(json_object_object_get_ex(lists, "isolcpus", &isolcpus));
    g_assert_true(json_object_object_get_ex(isolcpus, "cases", &cases));
    g_assert_cmpuint(json_object_array_length(cases), >, 5);
    for (gsize i = 0; i < json_object_array_length(cases); i++) {
        json_object *row = json_object_array_get_idx(cases, i);
        json_object *argument = json_object_object_get(row, "arg");
        g_autofree char *cmdline = g_strdup_printf("isolcpus=%s", json_object_get_string(argument));
        g_autoptr(Isolation) isolation = parse_cmdline(cmdline);
        g_assert_cmpint(isolation->cmdline_domain, ==,
            json_object_get_boolean(json_object_object_get(row, "domain")));
    }
    json_object_put(all);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/isolation/nothing-there", test_nothing_there_is_nothing_isolated);
    g_test_add_func("/isolation/empty-files", test_empty_files_are_nothing_isolated);
    g_test_add_func(
        "/isolation/boot-and-partition", test_boot_and_partitions_are_in_force_together);
    g_test_add_func("/isolation/live-files-decide", test_live_files_decide_over_the_command_line);
    g_test_add_func("/isolation/a-partition-without-the-vms-is-not-for-them",
        test_a_partition_without_the_vms_is_not_for_them);
    g_test_add_func("/isolation/a-cpuset-that-is-rubbish-keeps-nothing-away",
        test_a_cpuset_that_is_rubbish_keeps_nothing_away);
    g_test_add_func("/isolation/null-text", test_a_null_text_is_no_list);
    g_test_add_func("/isolation/offline", test_isolated_may_name_cpus_that_are_offline);
    g_test_add_func(
        "/isolation/beyond-possible", test_a_list_beyond_the_possible_cpus_counts_as_empty);
    g_test_add_func("/isolation/possible", test_possible_counts_up_to_its_last_cpu);
    g_test_add_func("/isolation/flags", test_flags_say_whether_the_scheduler_stays_away);
    g_test_add_func("/isolation/dropped", test_what_the_kernel_drops_asks_for_nothing);
    g_test_add_func("/isolation/each-its-own", test_each_parameter_is_a_list_of_its_own);
    g_test_add_func("/isolation/all", test_all_is_every_cpu_for_the_other_parameters);
    g_test_add_func("/isolation/others", test_other_parameters_are_not_mistaken_for_isolcpus);
    g_test_add_func("/isolation/quotes-before", test_quotes_before_it_do_not_hide_a_parameter);
    g_test_add_func("/isolation/quoted-value", test_quotes_are_not_part_of_a_value);
    g_test_add_func("/isolation/open-quote", test_an_open_quote_ends_with_the_line);
    g_test_add_func("/isolation/test-data", test_the_isolcpus_cases_of_the_test_data);
    return g_test_run();
}
