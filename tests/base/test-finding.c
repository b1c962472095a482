// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/finding.h"

#include "fakes/fake-fix.h"

#include <string.h>

static gboolean is_name(const char *name)
{
    return name[0] != '\0' && name[0] != '-' && strstr(name, "--") == NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name) &&
           !g_str_has_suffix(name, "-");
}

static gboolean is_sentence(const char *text)
{
    return text != NULL && *text != '\0' && strpbrk(text, "\n\t") == NULL &&
           strstr(text, "  ") == NULL && g_utf8_validate(text, -1, NULL);
}

static void test_every_code_has_name_and_texts(void)
{
    for (guint code = 0; code < FINDING_COUNT; code++) {
        const FindingKind *kind = finding_kind((FindingCode)code);

        g_assert_nonnull(kind);
        g_test_message("%u: %s", code, kind->name);
        g_assert_nonnull(kind->name);
        g_assert_true(is_name(kind->name));
        g_assert_true(is_sentence(kind->means));
        g_assert_true(g_str_has_suffix(kind->means, "."));
        g_assert_true(is_sentence(kind->matters));
        g_assert_true(g_str_has_suffix(kind->matters, "."));
        g_assert_true(is_sentence(kind->fix));
        g_assert_cmpint(kind->severity, >, SEVERITY_OFF);
    }
}

static void test_every_name_leads_back_to_its_code(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint code = 0; code < FINDING_COUNT; code++) {
        const char *name = finding_kind((FindingCode)code)->name;
        FindingCode found = FINDING_COUNT;

        g_assert_true(g_hash_table_add(seen, (gpointer)name));
        g_assert_true(finding_lookup(name, &found));
        g_assert_cmpuint(found, ==, code);
    }
}

static void test_an_unknown_name_is_no_code(void)
{
    static const char *const names[] = { "", "no-such-thing", "Cpu-Taken", "cpu-taken ", "cpu-take",
        "cpu_taken" };

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        FindingCode code = FINDING_VM_GONE;
        g_assert_false(finding_lookup(names[i], &code));
        g_assert_cmpuint(code, ==, FINDING_VM_GONE);
    }
}

/* Scripts and policies use the names and count on their severities. */
static void test_the_promised_findings_are_there(void)
{
    static const struct {
        const char *name;
        Severity severity;
    } promised[] = {
        { "config-unreadable", SEVERITY_ERROR },
        { "unknown-option", SEVERITY_ERROR },
        { "affinity-invalid", SEVERITY_ERROR },
        { "cpu-missing", SEVERITY_ERROR },
        { "too-few-cpus", SEVERITY_ERROR },
        { "cell-cpus", SEVERITY_ERROR },
        { "cell-memory", SEVERITY_ERROR },
        { "node-missing", SEVERITY_ERROR },
        { "not-isolated", SEVERITY_ERROR },
        { "sibling-not-isolated", SEVERITY_ERROR },
        { "numa-misaligned", SEVERITY_ERROR },
        { "node-memory", SEVERITY_ERROR },
        { "cpu-taken", SEVERITY_ERROR },
        { "core-taken", SEVERITY_ERROR },
        { "no-housekeeping", SEVERITY_ERROR },
        { "policy-invalid", SEVERITY_ERROR },
        { "memory-remote", SEVERITY_ERROR },
        { "memory-unbound", SEVERITY_WARNING },
        { "isolcpus-ignored", SEVERITY_WARNING },
        { "not-frozen", SEVERITY_WARNING },
        { "nohz-full-missing", SEVERITY_WARNING },
        { "rcu-nocbs-missing", SEVERITY_WARNING },
        { "isolation-lists-differ", SEVERITY_WARNING },
        { "cpu0-used", SEVERITY_WARNING },
        { "container-on-cpus", SEVERITY_WARNING },
        { "irq-on-cpus", SEVERITY_WARNING },
        { "irqbalance", SEVERITY_WARNING },
        { "tuned", SEVERITY_WARNING },
        { "numa-balancing", SEVERITY_WARNING },
        { "governor", SEVERITY_WARNING },
        { "host-starved", SEVERITY_WARNING },
        { "guest-smt", SEVERITY_ERROR },
        { "smt-exposed", SEVERITY_WARNING },
        { "llc-split", SEVERITY_WARNING },
        { "node-split", SEVERITY_WARNING },
        { "kind-mixed", SEVERITY_WARNING },
        { "cpu-limit", SEVERITY_WARNING },
        { "balloon", SEVERITY_WARNING },
        { "hotplug-cpu", SEVERITY_WARNING },
        { "device-remote", SEVERITY_WARNING },
        { "unpinnable", SEVERITY_ERROR },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(promised); i++) {
        FindingCode code;
        g_test_message("%s", promised[i].name);
        g_assert_true(finding_lookup(promised[i].name, &code));
        g_assert_cmpint(finding_kind(code)->severity, ==, promised[i].severity);
    }
}

static void test_a_list_counts_by_severity(void)
{
    g_autoptr(GPtrArray) list = finding_list_new();

    g_assert_cmpuint(finding_list_count(list, SEVERITY_ERROR), ==, 0);
    g_ptr_array_add(list, finding_mended_by(FINDING_CPU_TAKEN, SEVERITY_ERROR, "a", "b"));
    g_ptr_array_add(list, finding_mended_by(FINDING_NOT_FROZEN, SEVERITY_WARNING, "c", NULL));
    g_ptr_array_add(list, finding_mended_by(FINDING_CELL_CPUS, SEVERITY_WARNING, "d", NULL));
    g_assert_cmpuint(finding_list_count(list, SEVERITY_ERROR), ==, 1);
    g_assert_cmpuint(finding_list_count(list, SEVERITY_WARNING), ==, 2);
}

static void add(GPtrArray *list, FindingCode code, Severity severity, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_ptr_array_add(list, finding_new(code, severity, g_strdup_printf("%u", i)));
    }
}

/// Whatever is there more of, and whichever comes first.
static void test_errors_are_told_first_and_of_each_code_ten(void)
{
    g_autoptr(GPtrArray) list = finding_list_new();

    add(list, FINDING_POLICY_INVALID, SEVERITY_WARNING, 12);
    add(list, FINDING_NOT_BOUND, SEVERITY_ERROR, FINDING_TOLD);
    add(list, FINDING_POLICY_INVALID, SEVERITY_ERROR, 1);
    add(list, FINDING_VCPU_MISSING, SEVERITY_ERROR, 60000);
    g_autoptr(GArray) told = finding_list_told(list, SEVERITY_NOTE);
    g_autoptr(GString) text = g_string_new(NULL);
    for (guint i = 0; i < told->len; i++) {
        const FindingTold *one = &g_array_index(told, FindingTold, i);
        g_string_append_printf(text, "%s%s%s", finding_kind(one->finding->code)->name,
            one->finding->severity == SEVERITY_ERROR ? "!" : "", one->finding->message);
        g_string_append_printf(text, one->more > 0 ? "+%u " : " ", one->more);
    }
    g_assert_cmpuint(told->len, ==, 31);
    g_assert_true(g_str_has_prefix(text->str, "not-bound!0 "));
    g_assert_nonnull(strstr(text->str, "not-bound!9 policy-invalid!0 vcpu-missing!0 "));
    g_assert_nonnull(strstr(text->str, "vcpu-missing!9+59990 policy-invalid0 "));
    g_assert_true(g_str_has_suffix(text->str, "policy-invalid9+2 "));
}

static void test_notes_are_told_where_they_are_wanted(void)
{
    g_autoptr(GPtrArray) list = finding_list_new();

    add(list, FINDING_POLICY_INVALID, SEVERITY_NOTE, 1);
    add(list, FINDING_POLICY_INVALID, SEVERITY_WARNING, 1);
    g_autoptr(GArray) all = finding_list_told(list, SEVERITY_NOTE);
    g_autoptr(GArray) graver = finding_list_told(list, SEVERITY_WARNING);
    g_assert_cmpuint(all->len, ==, 2);
    g_assert_cmpint(g_array_index(all, FindingTold, 1).finding->severity, ==, SEVERITY_NOTE);
    g_assert_cmpuint(graver->len, ==, 1);
}

static void test_a_finding_keeps_what_it_was_given(void)
{
    g_autoptr(Finding) finding = finding_mended_by(FINDING_CPU_TAKEN, SEVERITY_WARNING, "m", "f");

    g_assert_cmpint(finding->code, ==, FINDING_CPU_TAKEN);
    g_assert_cmpint(finding->severity, ==, SEVERITY_WARNING);
    g_assert_cmpstr(finding->message, ==, "m");
    g_assert_cmpstr(fix_of(finding), ==, "f");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/finding/name-and-texts", test_every_code_has_name_and_texts);
    g_test_add_func("/finding/names-lead-back", test_every_name_leads_back_to_its_code);
    g_test_add_func("/finding/unknown-name", test_an_unknown_name_is_no_code);
    g_test_add_func("/finding/promised", test_the_promised_findings_are_there);
    g_test_add_func("/finding/list-counts", test_a_list_counts_by_severity);
    g_test_add_func("/finding/told", test_errors_are_told_first_and_of_each_code_ten);
    g_test_add_func("/finding/notes", test_notes_are_told_where_they_are_wanted);
    g_test_add_func("/finding/keeps", test_a_finding_keeps_what_it_was_given);
    return g_test_run();
}
