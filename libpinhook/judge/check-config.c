// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include <string.h>

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
        return fix_comment_out(fix_new(), problem->line, problem->text);
    }
    if (!hwloc_bitmap_isincluded(wanted, host->isolation->isolated)) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && hwloc_bitmap_isincluded(wanted, host->online)) {
        fix = advice_these_cpus(check->request, wanted);
    }
    return fix != NULL ? fix_drop_unknown(fix, problem->key)
                       : fix_comment_out(fix_new(), problem->line, problem->text);
}

/// The same CPUs, as taskset reads them; of what is no list, others.
static Fix *fix_affinity(const Request *request)
{
    Fix *fix = NULL;

    if (request->vm->affinity != NULL) {
        return advice_affinity(fix_new(), request->vm->affinity);
    }
    if (request->host != NULL && request->pool->source != POOL_POLICY) {
        fix = advice_other_cpus(request);
    }
    return fix != NULL ? fix : fix_set(fix_new(), "affinity", NULL);
}

/// Of a value on which the start ends.
static Fix *fix_value(const Request *request, const VmConfigProblem *problem)
{
    if (problem->key == NULL) {
        return NULL;
    }
    if (strcmp(problem->key, "args") == 0) {
        return advice_without_smp(request->vm);
    }
    if (strcmp(problem->key, "hugepages") == 0) {
        return advice_then(request, fix_set(fix_new(), "hugepages", "any"), advice_hugepages);
    }
    return fix_set(fix_new(), problem->key, NULL);
}

static Fix *fix_for_problem(const Check *check, const VmConfigProblem *problem)
{
    const Request *request = check->request;

    switch (problem->kind) {
    case VMCONFIG_UNKNOWN_OPTION:
        return fix_unknown_option(check, problem);
    case VMCONFIG_BAD_AFFINITY:
        return fix_affinity(request);
    case VMCONFIG_LIKE_AN_OPTION:
    case VMCONFIG_DROPPED:
        return fix_comment_out(fix_new(), problem->line, problem->text);
    case VMCONFIG_NOT_GIVEN:
        return fix_set(fix_new(), problem->key, NULL);
    case VMCONFIG_SMP_ZERO:
        return advice_whole_smp(request);
    case VMCONFIG_SMP_HOTPLUG:
        return advice_hotplug_without(request->vm, "cpu");
    case VMCONFIG_UNREADABLE:
    default:
        return fix_value(request, problem);
    }
}

static void check_config(Check *check)
{
    static const FindingCode codes[] = {
        [VMCONFIG_UNREADABLE] = FINDING_CONFIG_UNREADABLE,
        [VMCONFIG_UNKNOWN_OPTION] = FINDING_UNKNOWN_OPTION,
        [VMCONFIG_LIKE_AN_OPTION] = FINDING_OPTION_IGNORED,
        [VMCONFIG_BAD_AFFINITY] = FINDING_AFFINITY_INVALID,
        [VMCONFIG_DROPPED] = FINDING_OPTION_IGNORED,
        [VMCONFIG_NOT_GIVEN] = FINDING_OPTION_IGNORED,
        [VMCONFIG_SMP_ZERO] = FINDING_OPTION_IGNORED,
        [VMCONFIG_SMP_HOTPLUG] = FINDING_CONFIG_UNREADABLE,
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

static const char *file_of(const Policy *policy)
{
    return policy->file != NULL ? policy->file : "/" POLICY_PATH;
}

/// The rules of a group that is none would fall to the group above it.
static Fix *fix_policy(const Policy *policy, const PolicyProblem *problem)
{
    return problem->line > 0
               ? fix_rule_lines(fix_new(), problem->line, problem->last_line, problem->now)
               : fix_run(fix_new(), "ls -l {}", file_of(policy));
}

static void check_policy(Check *check)
{
    const Policy *policy = check->request->policy;
    Severity severity = policy->severities[FINDING_POLICY_INVALID];

    for (guint i = 0; i < policy->problems->len; i++) {
        const PolicyProblem *problem = policy->problems->pdata[i];
        gboolean refuses = problem->applies && problem->now == NULL;
        char *message = problem->line > 0 ? g_strdup_printf("%s line %u: %s", file_of(policy),
                                                problem->line, problem->message)
                                          : g_strdup(problem->message);
        if (check_add_as(check, FINDING_POLICY_INVALID,
                refuses ? severity : MIN(severity, SEVERITY_WARNING), message)) {
            check_offer(check, fix_policy(policy, problem));
        }
    }
}

const CheckRow checks_of_config[] = {
    { check_config, OF_VM },
    { check_policy, OF_VM },
    { NULL },
};
