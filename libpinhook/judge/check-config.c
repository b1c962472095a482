// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

/* The files. */

/// The CPUs that a wrongly named option asks for, if they are isolated; else others that are; else
/// these all the same, if the host has them.
static Fix *fix_unknown_option(const Check *check, const VmConfigProblem *problem)
{
    const Host *host = check->request->host;
    g_autoptr(CpuSet) wanted = cpuset_parse_list(problem->value, ',', NULL);
    Fix *fix = NULL;

    /* Where the policy names the CPUs, no affinity is to take the option's place. */
    if (host == NULL || wanted == NULL || check->request->pool->source == POOL_POLICY) {
        return fix_comment_out(fix_new(), problem->line);
    }
    if (!hwloc_bitmap_isincluded(wanted, host->isolation->isolated)) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && hwloc_bitmap_isincluded(wanted, host->online)) {
        fix = advice_these_cpus(check->request, wanted);
    }
    return fix != NULL ? fix_drop_unknown(fix, problem->key)
                       : fix_comment_out(fix_new(), problem->line);
}

static Fix *fix_for_problem(const Check *check, const VmConfigProblem *problem)
{
    Fix *fix = NULL;

    if (problem->kind == VMCONFIG_UNKNOWN_OPTION) {
        return fix_unknown_option(check, problem);
    }
    if (problem->kind == VMCONFIG_BAD_AFFINITY && check->request->host != NULL &&
        check->request->pool->source != POOL_POLICY) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && problem->key != NULL) {
        fix = fix_set(fix_new(), problem->key, NULL);
    }
    if (fix == NULL && problem->line > 0) {
        fix = fix_comment_out(fix_new(), problem->line);
    }
    return fix;
}

static void check_config(Check *check)
{
    static const FindingCode codes[] = {
        [VMCONFIG_UNREADABLE] = FINDING_CONFIG_UNREADABLE,
        [VMCONFIG_UNKNOWN_OPTION] = FINDING_UNKNOWN_OPTION,
        [VMCONFIG_BAD_AFFINITY] = FINDING_AFFINITY_INVALID,
    };
    const GPtrArray *problems = check->request->vm->problems;

    for (guint i = 0; i < problems->len; i++) {
        const VmConfigProblem *problem = problems->pdata[i];
        g_autofree char *where = problem->line > 0 ? g_strdup_printf("line %u: ", problem->line)
                                                   : g_strdup("");
        if (check_add(check, codes[problem->kind], "%s%s", where, problem->message)) {
            check_offer(check, fix_for_problem(check, problem));
        }
    }
}

/// The rules of a group that is none would fall to the group above it.
static Fix *fix_policy(const PolicyProblem *problem)
{
    return problem->line > 0
               ? fix_rule_lines(fix_new(), problem->line, problem->last_line, problem->now)
               : fix_run(fix_new(), "ls -l {}", "/" POLICY_PATH);
}

static void check_policy(Check *check)
{
    const GPtrArray *problems = check->request->policy->problems;
    Severity severity = check->request->policy->severities[FINDING_POLICY_INVALID];

    for (guint i = 0; i < problems->len; i++) {
        const PolicyProblem *problem = problems->pdata[i];
        gboolean refuses = problem->applies && problem->now == NULL;
        char *message = problem->line > 0 ? g_strdup_printf("/" POLICY_PATH " line %u: %s",
                                                problem->line, problem->message)
                                          : g_strdup(problem->message);
        if (check_add_as(check, FINDING_POLICY_INVALID,
                refuses ? severity : MIN(severity, SEVERITY_WARNING), message)) {
            check_offer(check, fix_policy(problem));
        }
    }
}

const CheckRow checks_of_config[] = {
    { check_config, OF_VM },
    { check_policy, OF_VM },
    { NULL },
};
