// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/check.h"

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

CpuSet *check_left_to_host(const Check *check, const CpuSet *own)
{
    const Request *request = check->request;
    CpuSet *left = cpuset_minus(request->host->online, request->host->isolation->isolated);

    hwloc_bitmap_andnot(left, left, request->taken->vm_cpus);
    hwloc_bitmap_andnot(left, left, own);
    return left;
}
