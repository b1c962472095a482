// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whatever the text, a policy is within its ranges; it is the same with the line ends of Windows;
 * what the VM's own group says last wins, and another VM's group changes nothing. */
#include "read/policy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void assert_in_range(const Policy *policy)
{
    g_assert((guint)policy->mode <= POLICY_OFF && (guint)policy->smt <= POLICY_SMT_PAIR);
    g_assert((guint)policy->kind <= POLICY_KIND_ANY && (guint)policy->llc <= POLICY_LLC_LARGEST);
    g_assert((guint)policy->memory <= POLICY_IGNORE && (guint)policy->unproven <= POLICY_STOP);
    g_assert((guint)policy->emulator <= POLICY_EMULATOR_CPUS);
    g_assert((policy->emulator == POLICY_EMULATOR_CPUS) == (policy->emulator_cpus != NULL));
    g_assert(policy->emulator_cpus == NULL || !hwloc_bitmap_iszero(policy->emulator_cpus));
    g_assert(policy->cpus == NULL || !hwloc_bitmap_iszero(policy->cpus));
    g_assert(policy->memory_local_percent <= 100);
    g_assert(policy->deadline_ms >= 1 && policy->deadline_ms <= 600000);
    for (guint i = 0; i < FINDING_COUNT; i++) {
        g_assert((guint)policy->severities[i] <= SEVERITY_ERROR);
    }
}

static void assert_problems(const Policy *policy, const char *text)
{
    guint line = 1, lines = 1;

    for (; *text != '\0'; text++) {
        lines += *text == '\n';
    }
    for (guint i = 0; i < policy->problems->len; i++) {
        const PolicyProblem *problem = policy->problems->pdata[i];
        g_assert(problem->line >= line && problem->line <= lines);
        g_assert(problem->message != NULL && *problem->message != '\0');
        line = problem->line;
    }
}

/// All of a policy but its problems as text.
static char *dump(const Policy *policy)
{
    GString *text = g_string_new(NULL);
    g_autofree char *cpus = policy->cpus != NULL ? cpuset_to_list(policy->cpus) : NULL;
    g_autofree char *emulator = policy->emulator_cpus != NULL
                                    ? cpuset_to_list(policy->emulator_cpus)
                                    : NULL;

    g_string_append_printf(text, "%d %s %d %d %d %d %s %d %u %d %u", policy->mode, cpus,
        policy->kind, policy->llc, policy->smt, policy->emulator, emulator, policy->memory,
        policy->memory_local_percent, policy->unproven, policy->deadline_ms);
    for (guint i = 0; i < FINDING_COUNT; i++) {
        g_string_append_printf(text, " %d", policy->severities[i]);
    }
    return g_string_free(text, FALSE);
}

static void assert_windows_reads_as(const char *text, const Policy *policy, const char *wanted)
{
    g_autoptr(GString) windows = g_string_new(text);

    g_string_replace(windows, "\n", "\r\n", 0);
    g_autoptr(Policy) same = policy_parse(windows->str, "alpha", 100);
    g_autofree char *have = dump(same);

    g_assert_cmpstr(have, ==, wanted);
    g_assert_cmpuint(same->problems->len, ==, policy->problems->len);
    for (guint i = 0; i < same->problems->len; i++) {
        const PolicyProblem *a = policy->problems->pdata[i], *b = same->problems->pdata[i];
        g_assert_cmpuint(a->line, ==, b->line);
        g_assert_cmpint(a->applies, ==, b->applies);
        g_assert_cmpstr(a->message, ==, b->message);
    }
}

static void assert_own_group_wins(const char *text)
{
    g_autofree char *longer = g_strconcat(
        text, "\n[vm 100]\nmode = off\ndeadline = 7\ncheck.cpu-taken = off\n", NULL);
    g_autoptr(Policy) policy = policy_parse(longer, "alpha", 100);

    g_assert(policy->mode == POLICY_OFF && policy->deadline_ms == 7);
    g_assert(policy->severities[FINDING_CPU_TAKEN] == SEVERITY_OFF);
}

static guint count_applying(const Policy *policy)
{
    guint count = 0;

    for (guint i = 0; i < policy->problems->len; i++) {
        count += ((const PolicyProblem *)policy->problems->pdata[i])->applies ? 1 : 0;
    }
    return count;
}

static void assert_other_group_changes_nothing(
    const char *text, const Policy *policy, const char *wanted)
{
    g_autofree char *longer = g_strconcat(text, "\n[vm 101]\nmode = off\nsmt = x\ny\n", NULL);
    g_autoptr(Policy) with = policy_parse(longer, "alpha", 100);
    g_autofree char *have = dump(with);

    g_assert_cmpstr(have, ==, wanted);
    g_assert_cmpuint(count_applying(with), ==, count_applying(policy));
    g_assert(with->problems->len > count_applying(with));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *text = g_strndup(size > 0 ? (const char *)data : "", size);
    g_autoptr(Policy) policy = policy_parse(text, "alpha", 100);
    g_autofree char *wanted = dump(policy);

    assert_in_range(policy);
    assert_problems(policy, text);
    assert_windows_reads_as(text, policy, wanted);
    assert_own_group_wins(text);
    assert_other_group_changes_nothing(text, policy, wanted);
    return 0;
}
