// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/policy.h"

#include "fakes/assertions.h"
#include "fakes/large-text.h"

#include <string.h>

/// The policy of VM 100 on node "alpha".
static Policy *parse(const char *text)
{
    g_test_message("%s", text);
    return policy_parse(text, "alpha", 100);
}

static Policy *parse_clean(const char *text)
{
    Policy *policy = parse(text);

    if (policy->problems->len > 0) {
        g_test_message("%s", ((const PolicyProblem *)policy->problems->pdata[0])->message);
    }
    g_assert_cmpuint(policy->problems->len, ==, 0);
    return policy;
}

/// A policy whose only rule is `<rule>` in [defaults], without problems.
static Policy *parse_rule(const char *rule)
{
    g_autofree char *text = g_strdup_printf("[defaults]\n%s\n", rule);

    return parse_clean(text);
}

static void assert_defaults(const Policy *policy)
{
    g_assert_cmpint(policy->mode, ==, POLICY_ENFORCE);
    assert_set(policy->cpus, NULL);
    g_assert_cmpint(policy->kind, ==, POLICY_KIND_FAST);
    g_assert_cmpint(policy->llc, ==, POLICY_LLC_FIT);
    g_assert_cmpint(policy->smt, ==, POLICY_SMT_AUTO);
    g_assert_cmpint(policy->emulator, ==, POLICY_HOUSEKEEPING);
    assert_set(policy->emulator_cpus, NULL);
    g_assert_cmpint(policy->memory, ==, POLICY_VERIFY);
    g_assert_cmpuint(policy->memory_local_percent, ==, 95);
    g_assert_cmpint(policy->unproven, ==, POLICY_FAIL);
    g_assert_cmpuint(policy->deadline_ms, ==, 5000);
    for (guint i = 0; i < FINDING_COUNT; i++) {
        g_assert_cmpint(policy->severities[i], ==, finding_kind((FindingCode)i)->severity);
    }
}

/// The one problem of @policy, in @line, whose message names @word.
static void assert_problem(const Policy *policy, guint line, gboolean applies, const char *word)
{
    g_assert_cmpuint(policy->problems->len, ==, 1);
    const PolicyProblem *problem = policy->problems->pdata[0];

    g_test_message("%s", problem->message);
    g_assert_cmpuint(problem->line, ==, line);
    g_assert_cmpint(problem->applies, ==, applies);
    g_assert_nonnull(strstr(problem->message, word));
}

/* The keys. */

static void test_no_file_is_all_defaults(void)
{
    static const char *const texts[] = { "", "\n\n", "# nothing\n; nothing\n", "[defaults]\n" };
    g_autoptr(Policy) absent = policy_parse(NULL, "alpha", 100);

    g_assert_cmpuint(absent->problems->len, ==, 0);
    assert_defaults(absent);
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(Policy) policy = parse_clean(texts[i]);
        assert_defaults(policy);
    }
}

static void test_every_word_of_every_key_is_taken(void)
{
    static const struct {
        const char *rule;
        gsize offset;
        int value;
    } cases[] = {
        { "mode = enforce", G_STRUCT_OFFSET(Policy, mode), POLICY_ENFORCE },
        { "mode = warn", G_STRUCT_OFFSET(Policy, mode), POLICY_WARN },
        { "mode = off", G_STRUCT_OFFSET(Policy, mode), POLICY_OFF },
        { "kind = fast", G_STRUCT_OFFSET(Policy, kind), POLICY_KIND_FAST },
        { "kind = slow", G_STRUCT_OFFSET(Policy, kind), POLICY_KIND_SLOW },
        { "kind = any", G_STRUCT_OFFSET(Policy, kind), POLICY_KIND_ANY },
        { "llc = fit", G_STRUCT_OFFSET(Policy, llc), POLICY_LLC_FIT },
        { "llc = largest", G_STRUCT_OFFSET(Policy, llc), POLICY_LLC_LARGEST },
        { "smt = auto", G_STRUCT_OFFSET(Policy, smt), POLICY_SMT_AUTO },
        { "smt = isolate", G_STRUCT_OFFSET(Policy, smt), POLICY_SMT_ISOLATE },
        { "smt = pair", G_STRUCT_OFFSET(Policy, smt), POLICY_SMT_PAIR },
        { "emulator = housekeeping", G_STRUCT_OFFSET(Policy, emulator), POLICY_HOUSEKEEPING },
        { "emulator = spare", G_STRUCT_OFFSET(Policy, emulator), POLICY_SPARE },
        { "emulator = 0-1", G_STRUCT_OFFSET(Policy, emulator), POLICY_EMULATOR_CPUS },
        { "memory = verify", G_STRUCT_OFFSET(Policy, memory), POLICY_VERIFY },
        { "memory = migrate", G_STRUCT_OFFSET(Policy, memory), POLICY_MIGRATE },
        { "memory = ignore", G_STRUCT_OFFSET(Policy, memory), POLICY_IGNORE },
        { "memory-local = 0", G_STRUCT_OFFSET(Policy, memory_local_percent), 0 },
        { "memory-local = 100", G_STRUCT_OFFSET(Policy, memory_local_percent), 100 },
        { "unproven = fail", G_STRUCT_OFFSET(Policy, unproven), POLICY_FAIL },
        { "unproven = run", G_STRUCT_OFFSET(Policy, unproven), POLICY_RUN },
        { "unproven = stop", G_STRUCT_OFFSET(Policy, unproven), POLICY_STOP },
        { "deadline = 1", G_STRUCT_OFFSET(Policy, deadline_ms), 1 },
        { "deadline = 600000", G_STRUCT_OFFSET(Policy, deadline_ms), 600000 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Policy) policy = parse_rule(cases[i].rule);
        g_assert_cmpint(G_STRUCT_MEMBER(int, policy, cases[i].offset), ==, cases[i].value);
    }
}

static void test_cpus_are_a_list(void)
{
    g_autoptr(Policy) pool = parse_rule("cpus = 2-5,8");
    g_autoptr(Policy) emulator = parse_rule("emulator = 0, 1");

    assert_set(pool->cpus, "2-5,8");
    assert_set(emulator->emulator_cpus, "0-1");
}

static void test_every_finding_takes_every_severity(void)
{
    static const struct {
        const char *word;
        Severity severity;
    } severities[] = { { "error", SEVERITY_ERROR }, { "warning", SEVERITY_WARNING },
        { "off", SEVERITY_OFF } };

    for (guint code = 0; code < FINDING_COUNT; code++) {
        for (gsize i = 0; i < G_N_ELEMENTS(severities); i++) {
            g_autofree char *rule = g_strdup_printf(
                "check.%s = %s", finding_kind((FindingCode)code)->name, severities[i].word);
            g_autoptr(Policy) policy = parse_rule(rule);
            g_assert_cmpint(policy->severities[code], ==, severities[i].severity);
            policy->severities[code] = finding_kind((FindingCode)code)->severity;
            assert_defaults(policy);
        }
    }
}

static void test_an_emulator_that_is_no_list_forgets_the_list_before(void)
{
    g_autoptr(Policy)
        policy = parse_clean("[defaults]\nemulator = 0-1\n[vm 100]\nemulator=spare\n");

    g_assert_cmpint(policy->emulator, ==, POLICY_SPARE);
    assert_set(policy->emulator_cpus, NULL);
}

/* The groups. */

static void test_the_narrower_group_wins_wherever_it_stands(void)
{
    static const char *const groups[] = { "[defaults]\ndeadline = 1\nsmt = pair\nmode = warn\n",
        "[node alpha]\ndeadline = 2\nsmt = isolate\n", "[vm 100]\ndeadline = 3\n" };
    static const guint orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
        { 2, 0, 1 }, { 2, 1, 0 } };

    for (gsize i = 0; i < G_N_ELEMENTS(orders); i++) {
        g_autofree char *text = g_strconcat(
            groups[orders[i][0]], groups[orders[i][1]], groups[orders[i][2]], NULL);
        g_autoptr(Policy) policy = parse_clean(text);
        g_assert_cmpuint(policy->deadline_ms, ==, 3);
        g_assert_cmpint(policy->smt, ==, POLICY_SMT_ISOLATE);
        g_assert_cmpint(policy->mode, ==, POLICY_WARN);
    }
}

static void test_a_severity_is_narrowed_as_any_key(void)
{
    g_autoptr(Policy) policy = parse_clean("[vm 100]\ncheck.cpu-taken = warning\n"
                                           "[defaults]\ncheck.cpu-taken = off\n");
    FindingCode code;

    g_assert_true(finding_lookup("cpu-taken", &code));
    g_assert_cmpint(policy->severities[code], ==, SEVERITY_WARNING);
}

static void test_in_one_group_the_last_wins(void)
{
    g_autoptr(Policy) policy = parse_clean("[defaults]\nmode = warn\nmode = off\ncpus = 1\n"
                                           "[vm 200]\nmode = warn\n[defaults]\ncpus = 2-3\n");

    g_assert_cmpint(policy->mode, ==, POLICY_OFF);
    assert_set(policy->cpus, "2-3");
}

static void test_groups_of_others_do_not_count(void)
{
    g_autoptr(Policy) policy = parse_clean(
        "[vm 101]\nmode = off\n[vm 1000]\nmode = off\n[node beta]\nmode = off\n"
        "[node alphabet]\nmode = off\n[node Alpha]\nmode = off\n"
        "[vm 101]\ncpus = 1\ncheck.cpu-taken = off\n");

    assert_defaults(policy);
}

static void test_a_node_without_a_name_has_no_group(void)
{
    g_autoptr(Policy) policy = policy_parse("[node alpha]\nmode = off\n", NULL, 100);

    assert_defaults(policy);
    g_assert_cmpuint(policy->problems->len, ==, 0);
}

/* What is not understood. */

static void test_an_unknown_key_names_line_and_key(void)
{
    static const char *const keys[] = { "cpu", "Mode", "affinity", "check.", "check.no-such",
        "check.CPU-taken", "check", "checkcpu-taken", "memory_local", "" };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *text = g_strdup_printf("# a\n[defaults]\n%s = warn\n", keys[i]);
        g_autofree char *quoted = g_strdup_printf("'%s'", keys[i]);
        g_autoptr(Policy) policy = parse(text);
        assert_problem(policy, 3, TRUE, quoted);
        assert_defaults(policy);
    }
}

static void test_an_unknown_value_names_line_and_key_and_leaves_the_default(void)
{
    static const char *const rules[][2] = { { "mode", "on" }, { "mode", "Warn" }, { "mode", "" },
        { "mode", "warn off" }, { "cpus", "all" }, { "cpus", "" }, { "cpus", "5-2" },
        { "cpus", "2;3" }, { "cpus", "2-99999" }, { "smt", "on" }, { "emulator", "none" },
        { "emulator", "" }, { "emulator", "0-" }, { "memory", "move" }, { "memory-local", "101" },
        { "memory-local", "-1" }, { "memory-local", "95%" }, { "memory-local", "9.5" },
        { "unproven", "kill" }, { "deadline", "0" }, { "deadline", "-5" }, { "deadline", "5s" },
        { "deadline", "600001" }, { "deadline", "18446744073709551617" },
        { "check.cpu-taken", "ignore" }, { "check.cpu-taken", "" }, { "check.cpu-taken", "warn" } };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autofree char *text = g_strdup_printf(
            "[defaults]\n\n%s = %s\n", rules[i][0], rules[i][1]);
        g_autofree char *quoted = g_strdup_printf("'%s'", rules[i][1]);
        g_autoptr(Policy) policy = parse(text);
        assert_problem(policy, 3, TRUE, rules[i][0]);
        assert_problem(policy, 3, TRUE, quoted);
        assert_defaults(policy);
    }
}

static void test_a_bad_value_leaves_what_the_wider_group_says(void)
{
    g_autoptr(Policy) policy = parse("[defaults]\nmode = warn\ncpus = 2\n[vm 100]\nmode = on\n"
                                     "cpus = x\n");

    g_assert_cmpuint(policy->problems->len, ==, 2);
    g_assert_cmpint(policy->mode, ==, POLICY_WARN);
    assert_set(policy->cpus, "2");
}

static void test_an_unknown_group_names_its_line_and_takes_nothing(void)
{
    static const char *const groups[] = { "[]", "[default]", "[Defaults]", "[vm]", "[vm ]",
        "[vm all]", "[vm 99]", "[vm 1000000000]", "[vm 100", "[vm100]", "[vm 100]x", "[node]",
        "[node ]", "[100]", "[", "[vm -100]", "[vm 0x64]" };

    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        g_autofree char *text = g_strdup_printf("\n%s\nmode = off\n", groups[i]);
        g_autoptr(Policy) policy = parse(text);
        assert_problem(policy, 2, TRUE, groups[i]);
        assert_defaults(policy);
    }
}

static void test_a_line_that_is_no_rule_is_named(void)
{
    static const char *const lines[] = { "mode", "mode: warn", "rubbish", "mode warn" };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text = g_strdup_printf("[defaults]\n%s\n", lines[i]);
        g_autoptr(Policy) policy = parse(text);
        assert_problem(policy, 2, TRUE, lines[i]);
        assert_defaults(policy);
    }
}

static void test_a_rule_before_the_first_group_is_named(void)
{
    g_autoptr(Policy) policy = parse("mode = off\n[defaults]\n");

    assert_problem(policy, 1, TRUE, "mode");
    assert_defaults(policy);
}

static void test_mistakes_for_others_are_seen_but_do_not_apply(void)
{
    static const char *const groups[] = { "[vm 101]", "[node beta]" };
    static const char *const lines[] = { "mode = on", "colour = red", "cpus = x",
        "check.cpu-taken = x", "check.no-such = off", "rubbish" };

    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(lines); j++) {
            g_autofree char *text = g_strdup_printf(
                "[defaults]\n%s\n%s\n[vm 100]\n", groups[i], lines[j]);
            g_auto(GStrv) words = g_strsplit(lines[j], " ", 2);
            g_autoptr(Policy) policy = parse(text);
            assert_problem(policy, 3, FALSE, words[0]);
            assert_defaults(policy);
        }
    }
}

static void test_mistakes_for_this_vm_apply_in_each_of_its_groups(void)
{
    static const char *const groups[] = { "[defaults]", "[node alpha]", "[vm 100]" };

    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        g_autofree char *text = g_strdup_printf("%s\nmode = on\n", groups[i]);
        g_autoptr(Policy) policy = parse(text);
        assert_problem(policy, 2, TRUE, groups[i]);
    }
}

static void test_a_mistake_that_a_narrower_group_replaces_is_still_named(void)
{
    g_autoptr(Policy) policy = parse("[defaults]\nmode = on\n[vm 100]\nmode = warn\n");

    assert_problem(policy, 2, TRUE, "mode");
    g_assert_cmpint(policy->mode, ==, POLICY_WARN);
}

static void test_problems_come_in_the_order_of_the_file(void)
{
    g_autoptr(Policy) policy = parse(
        "rubbish\n[vm 100]\na = 1\n[defaults]\nb = 2\n[vm 200]\nc = 3\n[x]\n[node alpha]\n"
        "mode = y\n");
    static const guint lines[] = { 1, 3, 5, 7, 8, 10 };

    g_assert_cmpuint(policy->problems->len, ==, G_N_ELEMENTS(lines));
    for (guint i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_assert_cmpuint(((const PolicyProblem *)policy->problems->pdata[i])->line, ==, lines[i]);
    }
}

static void test_a_message_is_one_line_that_can_be_printed(void)
{
    static const char *const texts[] = { "[defaults]\nmode = \x1b[31m\n",
        "[defaults]\nmo\rde = 1\n", "[defaults]\n\xff\xfe = 1\n", "[\x07]\n", "[defaults]\n\x1b\n",
        "\x1b = 1\n",
        "[vm 100]\nmode = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(Policy) policy = policy_parse(texts[i], "alpha", 100);
        g_assert_cmpuint(policy->problems->len, ==, 1);
        assert_printable(((const PolicyProblem *)policy->problems->pdata[0])->message);
    }
}

/* The text. */

static void test_blanks_and_comments_do_not_matter(void)
{
    g_autoptr(Policy)
        policy = parse_clean("  # a\n\t; b\n  [vm 100]  \n\n mode=warn\ndeadline  =\t7  \n");

    g_assert_cmpint(policy->mode, ==, POLICY_WARN);
    g_assert_cmpuint(policy->deadline_ms, ==, 7);
}

static void test_a_file_from_windows_reads_the_same(void)
{
    g_autoptr(Policy) policy = parse("# a\r\n\r\n[defaults]\r\nmode = warn\r\n[vm 100]\r\n"
                                     "cpus = 2-3\r\ndeadline = x\r\n[node alpha]\r\nsmt = pair");

    assert_problem(policy, 7, TRUE, "deadline");
    g_assert_cmpint(policy->mode, ==, POLICY_WARN);
    assert_set(policy->cpus, "2-3");
    g_assert_cmpint(policy->smt, ==, POLICY_SMT_PAIR);
}

static void test_what_could_not_be_read_is_a_problem_that_applies(void)
{
    g_autoptr(Policy) policy = policy_unreadable("it is a directory");

    assert_problem(policy, 0, TRUE, "it is a directory");
    assert_defaults(policy);
}

static void test_a_mebibyte_is_read_in_time(gconstpointer data)
{
    g_autoptr(GString) text = large_text_new("[defaults]\nmode = warn\n", data);

    clock_t before = clock();
    g_autoptr(Policy) policy = policy_parse(text->str, "alpha", 100);
    assert_read_in_time(before);
    g_assert_cmpint(policy->mode, ==, POLICY_WARN);
}

/// Values of an older pinhook do not refuse, and are no reason to pass over what does.
static void test_older_values_do_not_crowd_out_a_bad_rule(void)
{
    g_autoptr(GString) text = g_string_new("[vm 100]\n");
    gboolean found = FALSE;

    for (guint i = 0; i < 1000; i++) {
        g_string_append(text, "unproven = keep\n");
    }
    g_string_append(text, "mode = sure\n");
    g_autoptr(Policy) policy = policy_parse(text->str, "alpha", 100);
    for (guint i = 0; i < policy->problems->len; i++) {
        found |= ((const PolicyProblem *)policy->problems->pdata[i])->line == 1002;
    }
    g_assert_true(found);
}

static void test_a_file_of_rubbish_has_few_problems(void)
{
    g_autoptr(GString) text = g_string_new("[vm 101]\n");

    for (guint i = 0; i < 10000; i++) {
        g_string_append(text, "mode = on\n");
    }
    g_string_append(text, "[vm 100]\nmode = sure\n");
    g_autoptr(Policy) policy = policy_parse(text->str, "alpha", 100);
    const PolicyProblem *last = policy->problems->pdata[policy->problems->len - 1];

    g_assert_cmpuint(policy->problems->len, <, 1000);
    g_assert_cmpuint(last->line, ==, 10003);
    g_assert_true(last->applies);
}

static void add_keys_and_groups(void)
{
    g_test_add_func("/policy/older-values", test_older_values_do_not_crowd_out_a_bad_rule);
    g_test_add_func("/policy/defaults", test_no_file_is_all_defaults);
    g_test_add_func("/policy/words", test_every_word_of_every_key_is_taken);
    g_test_add_func("/policy/lists", test_cpus_are_a_list);
    g_test_add_func("/policy/severities", test_every_finding_takes_every_severity);
    g_test_add_func(
        "/policy/emulator-forgets", test_an_emulator_that_is_no_list_forgets_the_list_before);
    g_test_add_func("/policy/narrower-wins", test_the_narrower_group_wins_wherever_it_stands);
    g_test_add_func("/policy/severity-narrowed", test_a_severity_is_narrowed_as_any_key);
    g_test_add_func("/policy/last-wins", test_in_one_group_the_last_wins);
    g_test_add_func("/policy/others", test_groups_of_others_do_not_count);
    g_test_add_func("/policy/nameless-node", test_a_node_without_a_name_has_no_group);
}

static void add_problems(void)
{
    g_test_add_func("/policy/unknown-key", test_an_unknown_key_names_line_and_key);
    g_test_add_func(
        "/policy/unknown-value", test_an_unknown_value_names_line_and_key_and_leaves_the_default);
    g_test_add_func(
        "/policy/bad-value-and-wider", test_a_bad_value_leaves_what_the_wider_group_says);
    g_test_add_func(
        "/policy/unknown-group", test_an_unknown_group_names_its_line_and_takes_nothing);
    g_test_add_func("/policy/bad-line", test_a_line_that_is_no_rule_is_named);
    g_test_add_func("/policy/before-the-first-group", test_a_rule_before_the_first_group_is_named);
    g_test_add_func(
        "/policy/mistakes-of-others", test_mistakes_for_others_are_seen_but_do_not_apply);
    g_test_add_func(
        "/policy/mistakes-of-its-own", test_mistakes_for_this_vm_apply_in_each_of_its_groups);
    g_test_add_func(
        "/policy/replaced-mistake", test_a_mistake_that_a_narrower_group_replaces_is_still_named);
    g_test_add_func("/policy/problems-in-order", test_problems_come_in_the_order_of_the_file);
    g_test_add_func("/policy/few-problems", test_a_file_of_rubbish_has_few_problems);
    g_test_add_func("/policy/printable", test_a_message_is_one_line_that_can_be_printed);
}

static void test_older_value_is_taken_and_told(void)
{
    g_autoptr(Policy) policy = parse("[vm 100]\nunproven = keep\n");
    const PolicyProblem *problem = policy->problems->pdata[0];

    g_assert_cmpint(policy->unproven, ==, POLICY_RUN);
    g_assert_cmpuint(policy->problems->len, ==, 1);
    g_assert_cmpstr(problem->now, ==, "run");
    g_assert_cmpstr(
        problem->message, ==, "[vm 100] unproven: 'keep' is called 'run' now, and taken as that");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_keys_and_groups();
    add_problems();
    g_test_add_func("/policy/blanks-and-comments", test_blanks_and_comments_do_not_matter);
    g_test_add_func("/policy/crlf", test_a_file_from_windows_reads_the_same);
    g_test_add_func("/policy/unreadable", test_what_could_not_be_read_is_a_problem_that_applies);
    g_test_add_data_func("/policy/quick/rules", "cpus = 2-5\n", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/policy/quick/groups", "[vm 101]\n", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/policy/quick/rubbish", "?\n", test_a_mebibyte_is_read_in_time);
    g_test_add_data_func("/policy/quick/newlines", "\n", test_a_mebibyte_is_read_in_time);
    g_test_add_func("/policy/older-value-is-taken-and-told", test_older_value_is_taken_and_told);
    return g_test_run();
}
