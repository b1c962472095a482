// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/check.h"

#include "judge/checks.h"
#include "judge/disturbance.h"

void verdict_free(Verdict *verdict)
{
    if (verdict == NULL) {
        return;
    }
    g_ptr_array_unref(verdict->findings);
    g_free(verdict);
}

void check_add_as(Check *check, FindingCode code, Severity severity, char *fix, char *message)
{
    if (severity == SEVERITY_OFF) {
        g_free(fix);
        g_free(message);
        return;
    }
    g_ptr_array_add(check->findings, finding_new(code, severity, message, fix));
}

void check_add(Check *check, FindingCode code, char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    check_add_as(
        check, code, check->request->policy->severities[code], fix, g_strdup_vprintf(format, args));
    va_end(args);
}

static void check_disturbance(Check *check, const CpuSet *cpus)
{
    const Request *request = check->request;

    if (request->interrupts != NULL && request->tuning != NULL) {
        g_autoptr(GPtrArray) found = disturbance_find(request->host, request->interrupts,
            request->tuning, cpus, request->taken->vm_cpus, request->policy->severities);
        g_ptr_array_extend_and_steal(check->findings, g_steal_pointer(&found));
    }
}

static VerdictResult weigh(const Check *check)
{
    gboolean enforced = check->request->policy->mode == POLICY_ENFORCE;

    if (enforced && finding_list_count(check->findings, SEVERITY_ERROR) > 0) {
        return VERDICT_REFUSE;
    }
    return check->findings->len > 0 ? VERDICT_WARN : VERDICT_PASS;
}

Verdict *check_start(const Request *request, const Plan *plan)
{
    Check check = { .request = request, .plan = plan, .findings = finding_list_new() };

    check_config(&check);
    check_policy(&check);
    if (request->vm->readable) {
        check_cells(&check);
        check_pool(&check);
        check_plan(&check);
        check_isolcpus(&check);
        check_lists(&check);
        check_tick(&check);
        check_callbacks(&check);
        check_first_core(&check);
        check_containers(&check);
        check_memory_binding(&check);
        check_freeze(&check);
        check_unpinnable(&check);
        check_cpu_limit(&check);
        check_balloon(&check);
        check_hotplug(&check);
        if (plan != NULL) {
            check_disturbance(&check, plan->cpus);
        }
    }

    Verdict *verdict = g_new(Verdict, 1);
    verdict->result = weigh(&check);
    verdict->findings = check.findings;
    return verdict;
}

GPtrArray *check_machine(const Request *request)
{
    const Host *host = request->host;
    Check check = { .request = request, .findings = finding_list_new() };
    g_autoptr(CpuSet) isolated = cpuset_and(host->isolation->isolated, host->online);

    check_isolcpus(&check);
    check_lists(&check);
    /* Where nothing is isolated, nothing is promised that could be disturbed. */
    if (!hwloc_bitmap_iszero(isolated)) {
        check_disturbance(&check, isolated);
    }
    return check.findings;
}
