// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/isolation.h"

#include <string.h>

/// The last CPU that `possible` names, plus one: what "N" means in the kernel's lists.
static guint count_possible(const char *text)
{
    g_autoptr(CpuSet) set = text != NULL ? cpuset_parse_kernel(text, CPUSET_LIMIT, NULL) : NULL;

    return set != NULL && !hwloc_bitmap_iszero(set) ? (guint)hwloc_bitmap_last(set) + 1 : 8192;
}

/// Without nohz_full the kernel may print "(null)" there: no list, so nothing.
static CpuSet *parse_live(const char *text, guint possible)
{
    CpuSet *set = text != NULL ? cpuset_parse_kernel(text, possible, NULL) : NULL;

    return set != NULL ? set : cpuset_new();
}

/// What stands between @start and @end without the quotes around it.
static char *unquote(const char *start, const char *end)
{
    start += start < end && *start == '"';
    end -= start < end && end[-1] == '"';
    return g_strndup(start, (gsize)(end - start));
}

/// The value of the last parameter @name on the command line, or NULL. Quotes keep blanks inside,
/// and may stand around the value or around all of it (lib/cmdline.c, next_arg).
static char *find_parameter(const char *cmdline, const char *name)
{
    gsize length = strlen(name);
    char *value = NULL;
    const char *at = cmdline;

    while (*at != '\0') {
        gboolean quoted = FALSE;
        const char *start = at + (*at == '"');
        for (; *at != '\0' && (quoted || !g_ascii_isspace(*at)); at++) {
            quoted ^= *at == '"';
        }
        if (at > start && (gsize)(at - start) > length && strncmp(start, name, length) == 0 &&
            start[length] == '=') {
            g_free(value);
            value = unquote(start + length + 1, at);
        }
        while (g_ascii_isspace(*at)) {
            at++;
        }
    }
    return value;
}

static CpuSet *parse_parameter(const char *cmdline, const char *name, guint possible)
{
    g_autofree char *value = find_parameter(cmdline, name);

    return value != NULL ? cpuset_parse_kernel(value, possible, NULL) : NULL;
}

/// Moves behind one flag and its comma (kernel/sched/isolation.c, housekeeping_isolcpus_setup).
/// FALSE: not a flag that the kernel steps over; it then drops the whole parameter.
static gboolean skip_flag(const char **at)
{
    while (g_ascii_isalpha(**at) || **at == '_') {
        (*at)++;
    }
    if (**at != ',') {
        return FALSE;
    }
    (*at)++;
    return TRUE;
}

/// The CPUs of run-time partitions that are not in the cpuset of the VMs, if that is known.
static CpuSet *find_elsewhere(const Isolation *isolation, const char *cpuset)
{
    g_autoptr(CpuSet)
        reach = cpuset != NULL ? cpuset_parse_kernel(cpuset, isolation->possible, NULL) : NULL;

    if (reach == NULL || hwloc_bitmap_iszero(reach)) {
        return cpuset_new();
    }
    hwloc_bitmap_or(reach, reach, isolation->boot);
    return cpuset_minus(isolation->partition, reach);
}

static void parse_isolcpus(Isolation *isolation, const char *text)
{
    const char *at = text;
    gboolean domain = FALSE, other = FALSE;

    while (g_ascii_isalpha(*at)) {
        domain |= g_str_has_prefix(at, "domain,");
        other |= g_str_has_prefix(at, "nohz,") || g_str_has_prefix(at, "managed_irq,");
        if (!skip_flag(&at)) {
            return;
        }
    }
    isolation->cmdline_isolcpus = cpuset_parse_kernel(at, isolation->possible, NULL);
    isolation->cmdline_domain = isolation->cmdline_isolcpus != NULL && (domain || !other);
}

Isolation *isolation_parse(const IsolationFiles *files)
{
    Isolation *isolation = g_new0(Isolation, 1);
    const char *cmdline = files->cmdline != NULL ? files->cmdline : "";

    isolation->possible = count_possible(files->possible);
    isolation->boot = parse_live(files->isolated, isolation->possible);
    isolation->partition = parse_live(files->partition, isolation->possible);
    isolation->elsewhere = find_elsewhere(isolation, files->cpuset);
    isolation->isolated = cpuset_or(isolation->boot, isolation->partition);
    hwloc_bitmap_andnot(isolation->isolated, isolation->isolated, isolation->elsewhere);
    isolation->nohz_full = parse_live(files->nohz_full, isolation->possible);
    isolation->cmdline_known = files->cmdline != NULL;
    isolation->cmdline_nohz_full = parse_parameter(cmdline, "nohz_full", isolation->possible);
    isolation->cmdline_rcu_nocbs = parse_parameter(cmdline, "rcu_nocbs", isolation->possible);
    isolation->cmdline_isolcpus_text = find_parameter(cmdline, "isolcpus");
    if (isolation->cmdline_isolcpus_text != NULL) {
        parse_isolcpus(isolation, isolation->cmdline_isolcpus_text);
    }
    return isolation;
}

Isolation *isolation_after_boot(const Isolation *isolation, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);
    g_autofree char *possible = g_strdup_printf("0-%u", isolation->possible - 1);
    g_autofree char *cmdline = g_strdup_printf(
        "isolcpus=domain,managed_irq,%s nohz_full=%s rcu_nocbs=%s", list, list, list);

    return isolation_parse(&(IsolationFiles){ .possible = possible,
        .isolated = list,
        .nohz_full = list,
        .cmdline = *list != '\0' ? cmdline : "" });
}

void isolation_free(Isolation *isolation)
{
    if (isolation == NULL) {
        return;
    }
    hwloc_bitmap_free(isolation->boot);
    hwloc_bitmap_free(isolation->partition);
    hwloc_bitmap_free(isolation->elsewhere);
    hwloc_bitmap_free(isolation->isolated);
    hwloc_bitmap_free(isolation->nohz_full);
    hwloc_bitmap_free(isolation->cmdline_isolcpus);
    hwloc_bitmap_free(isolation->cmdline_nohz_full);
    hwloc_bitmap_free(isolation->cmdline_rcu_nocbs);
    g_free(isolation->cmdline_isolcpus_text);
    g_free(isolation);
}
