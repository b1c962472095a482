// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/check.h"

gboolean check_add_as(Check *check, FindingCode code, Severity severity, char *message)
{
    if (severity == SEVERITY_OFF) {
        g_free(message);
        return FALSE;
    }
    g_ptr_array_add(check->findings, finding_new(code, severity, message));
    return check->mending;
}

gboolean check_add(Check *check, FindingCode code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    gboolean added = check_add_as(
        check, code, check->request->policy->severities[code], g_strdup_vprintf(format, args));
    va_end(args);
    return added;
}

void check_offer(Check *check, Fix *fix)
{
    finding_offer(check->findings->pdata[check->findings->len - 1], fix);
}

CpuSet *check_left_to_host(const Check *check, const CpuSet *own)
{
    const Request *request = check->request;
    CpuSet *left = cpuset_minus(request->host->online, request->host->isolation->isolated);

    hwloc_bitmap_andnot(left, left, request->taken->vm_cpus);
    hwloc_bitmap_andnot(left, left, own);
    return left;
}

CpuSet *check_refuge(const Check *check)
{
    CpuSet *refuge = check_left_to_host(check, check->cpus);

    if (hwloc_bitmap_iszero(refuge)) {
        hwloc_bitmap_andnot(refuge, check->request->host->online, check->cpus);
    }
    return refuge;
}

GArray *check_to_numbers(const CpuSet *set)
{
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(guint));
    unsigned number;

    hwloc_bitmap_foreach_begin (number, set) {
        g_array_append_val(numbers, number);
    }
    hwloc_bitmap_foreach_end();
    return numbers;
}
