// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

/* The files. */

/// A comment loses nothing, and Proxmox takes it for the VM's description.
static char *comment_out(guint vmid, guint line)
{
    return g_strdup_printf("sed -i '%us/^/#/' /etc/pve/qemu-server/%u.conf", line, vmid);
}

/// The CPUs that a wrongly named option asks for, if they are isolated; else others that are; else
/// these all the same, if the host has them.
static char *fix_unknown_option(const Check *check, const VmConfigProblem *problem)
{
    const Host *host = check->request->host;
    g_autoptr(CpuSet) wanted = cpuset_parse_list(problem->value, ',', NULL);
    char *fix = NULL;

    /* Where the policy names the CPUs, no affinity is to take the option's place. */
    if (host == NULL || wanted == NULL || check->request->pool->source == POOL_POLICY) {
        return comment_out(check->request->vmid, problem->line);
    }
    if (!hwloc_bitmap_isincluded(wanted, host->isolation->isolated)) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && hwloc_bitmap_isincluded(wanted, host->online)) {
        fix = advice_these_cpus(check->request, wanted);
    }
    return fix != NULL ? fix : comment_out(check->request->vmid, problem->line);
}

static char *fix_for_problem(const Check *check, const VmConfigProblem *problem)
{
    guint vmid = check->request->vmid;
    char *fix = NULL;

    if (problem->kind == VMCONFIG_UNKNOWN_OPTION) {
        return fix_unknown_option(check, problem);
    }
    if (problem->kind == VMCONFIG_BAD_AFFINITY && check->request->host != NULL &&
        check->request->pool->source != POOL_POLICY) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && problem->key != NULL) {
        fix = g_strdup_printf("qm set %u --delete %s", vmid, problem->key);
    }
    if (fix == NULL && problem->line > 0) {
        fix = comment_out(vmid, problem->line);
    }
    return fix != NULL ? fix : g_strdup_printf("qm config %u", vmid);
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
        check_add(check, codes[problem->kind], fix_for_problem(check, problem), "%s%s", where,
            problem->message);
    }
}

/// A comment loses nothing. The rules of a group that is none would fall to the group above it.
static char *fix_policy(const PolicyProblem *problem)
{
    if (problem->line == 0) {
        return g_strdup("ls -l /" POLICY_PATH);
    }
    if (problem->now != NULL) {
        return g_strdup_printf("sed -i '%us/=.*/= %s/' /" POLICY_PATH, problem->line, problem->now);
    }
    g_autofree char *rest = problem->last_line > problem->line
                                ? g_strdup_printf(",%u", problem->last_line)
                                : g_strdup("");
    return g_strdup_printf("sed -i '%u%ss/^/#/' /" POLICY_PATH, problem->line, rest);
}

static void check_policy(Check *check)
{
    const GPtrArray *problems = check->request->policy->problems;
    Severity severity = check->request->policy->severities[FINDING_POLICY_INVALID];

    for (guint i = 0; i < problems->len; i++) {
        const PolicyProblem *problem = problems->pdata[i];
        check_add_as(check, FINDING_POLICY_INVALID,
            problem->applies && problem->now == NULL ? severity : MIN(severity, SEVERITY_WARNING),
            fix_policy(problem),
            problem->line > 0
                ? g_strdup_printf("/" POLICY_PATH " line %u: %s", problem->line, problem->message)
                : g_strdup(problem->message));
    }
}

const CheckRow checks_of_config[] = {
    { check_config, OF_VM },
    { check_policy, OF_VM },
    { NULL },
};
