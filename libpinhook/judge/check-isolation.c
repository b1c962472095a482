// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

#include "base/text.h"

#include <string.h>

/* What isolation was asked for. */

/// @cpus (NULL: none) that are online.
static CpuSet *online_of(const Check *check, const CpuSet *cpus)
{
    return cpus != NULL ? cpuset_and(cpus, check->request->host->online) : cpuset_new();
}

static char *list_or_none(const CpuSet *cpus)
{
    return hwloc_bitmap_iszero(cpus) ? g_strdup("none") : cpuset_to_list(cpus);
}

static void check_isolcpus(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;

    if (isolation->cmdline_isolcpus_text == NULL) {
        return;
    }
    g_autoptr(CpuSet) online = online_of(check, isolation->cmdline_isolcpus);
    if (isolation->cmdline_domain && hwloc_bitmap_isincluded(online, isolation->isolated)) {
        return;
    }
    g_autofree char *isolated = list_or_none(isolation->isolated);
    g_autofree char *asked = text_show_start(isolation->cmdline_isolcpus_text, 40);
    if (check_add(check, FINDING_ISOLCPUS_IGNORED,
            "isolcpus=%s is on the kernel command line, isolated are: %s", asked, isolated)) {
        check_offer(check,
            hwloc_bitmap_iszero(online) ? NULL : advice_isolate_cpus(check->request, online));
    }
}

/// Whether nobody has thought of it yet: what was asked for in vain is told otherwise.
static gboolean is_untouched(const Isolation *isolation)
{
    return hwloc_bitmap_iszero(isolation->isolated) && isolation->cmdline_isolcpus_text == NULL &&
           isolation->cmdline_nohz_full == NULL && isolation->cmdline_rcu_nocbs == NULL;
}

/// How to begin. A VM is told what it lacks itself.
static void check_nothing(Check *check)
{
    const Request *request = check->request;
    gboolean bare = request->vm == NULL && is_untouched(request->host->isolation);
    g_autoptr(Fix) begin = bare ? advice_begin(request) : NULL;

    if (begin == NULL) {
        return;
    }
    const Change *change = begin->changes->pdata[0];
    g_autofree char *rest = cpuset_to_list(change->rest);
    if (check_add(check, FINDING_NOTHING_ISOLATED,
            "nothing is isolated: VMs share all CPUs with the host; to begin, leave it CPU %s",
            rest)) {
        check_offer(check, g_steal_pointer(&begin));
    }
}

/// Adds "nohz_full=4" to @names where the kernel command line has it, and its CPUs to @all.
static void name_if_there(GString *names, const char *name, const CpuSet *cpus, CpuSet *all)
{
    if (cpus != NULL) {
        g_autofree char *list = cpuset_to_list(cpus);
        g_string_append_printf(names, "%s%s=%s", names->len > 0 ? " and " : "", name, list);
        hwloc_bitmap_or(all, all, cpus);
    }
}

/// They take the tick and RCU's callbacks off CPUs, not the scheduler.
static void check_alone(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(GString) names = g_string_new(NULL);
    g_autoptr(CpuSet) all = cpuset_new();

    name_if_there(names, "nohz_full", isolation->cmdline_nohz_full, all);
    name_if_there(names, "rcu_nocbs", isolation->cmdline_rcu_nocbs, all);
    g_autoptr(CpuSet) online = online_of(check, all);
    if (isolation->cmdline_isolcpus_text != NULL || hwloc_bitmap_iszero(online) ||
        !hwloc_bitmap_iszero(isolation->isolated)) {
        return;
    }
    if (check_add(check, FINDING_ISOLCPUS_MISSING,
            "%s on the kernel command line isolate%s nothing: that takes isolcpus=", names->str,
            strstr(names->str, " and ") != NULL ? "" : "s")) {
        check_offer(check, advice_isolate_cpus(check->request, online));
    }
}

/// Adds "nohz_full=4" to @names if that list, online, is not @wanted.
static void name_if_other(
    const Check *check, GString *names, const char *name, const CpuSet *cpus, const CpuSet *wanted)
{
    g_autoptr(CpuSet) online = online_of(check, cpus);

    if (cpus != NULL && !hwloc_bitmap_isequal(online, wanted)) {
        g_autofree char *list = cpuset_to_list(cpus);
        g_string_append_printf(names, "%s%s=%s", names->len > 0 ? " and " : "", name, list);
    }
}

static void check_lists(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    gboolean has_isolcpus = isolation->cmdline_isolcpus != NULL;
    const CpuSet *first = has_isolcpus ? isolation->cmdline_isolcpus : isolation->cmdline_nohz_full;
    g_autoptr(CpuSet) wanted = online_of(check, first);
    g_autoptr(GString) others = g_string_new(NULL);

    if (first == NULL) {
        return;
    }
    name_if_other(check, others, "nohz_full", isolation->cmdline_nohz_full, wanted);
    name_if_other(check, others, "rcu_nocbs", isolation->cmdline_rcu_nocbs, wanted);
    if (others->len > 0) {
        g_autofree char *list = cpuset_to_list(first);
        if (check_add(check, FINDING_ISOLATION_LISTS_DIFFER,
                "%s=%s, but %s, on the kernel command line",
                has_isolcpus ? "isolcpus" : "nohz_full", list, others->str)) {
            check_offer(check, advice_isolate_cpus(check->request, wanted));
        }
    }
}

/* What isolation the vCPUs' CPUs lack. */

/// Takes out of @lacking what isolation-lists-differ tells of: CPUs that isolcpus= names and @list,
/// which is on the command line as well, does not.
static void drop_told(CpuSet *lacking, const Isolation *isolation, const CpuSet *list)
{
    if (isolation->cmdline_isolcpus != NULL && list != NULL) {
        g_autoptr(CpuSet) told = cpuset_minus(isolation->cmdline_isolcpus, list);
        hwloc_bitmap_andnot(lacking, lacking, told);
    }
}

/// The plan's CPUs that are isolated and keep their tick, but for those told of already.
static CpuSet *find_ticking(const Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) isolated = cpuset_and(check->plan->cpus, isolation->isolated);
    CpuSet *ticking = cpuset_minus(isolated, isolation->nohz_full);

    drop_told(ticking, isolation, isolation->cmdline_nohz_full);
    return ticking;
}

/// CPU 0's core cannot be isolated: NULL.
static Fix *fix_lacking(const Check *check, const CpuSet *lacking)
{
    g_autoptr(CpuSet) first_core = host_first_core(check->request->host);

    return hwloc_bitmap_intersects(lacking, first_core)
               ? NULL
               : advice_isolate_cpus(check->request, lacking);
}

static void check_tick(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) ticking = find_ticking(check);
    gboolean asked = isolation->cmdline_nohz_full != NULL &&
                     hwloc_bitmap_isincluded(ticking, isolation->cmdline_nohz_full);

    if (hwloc_bitmap_iszero(ticking)) {
        return;
    }
    g_autofree char *list = cpuset_to_list(ticking);
    g_autofree char *in_force = list_or_none(isolation->nohz_full);
    if (check_add(check, FINDING_NOHZ_FULL_MISSING,
            "CPU %s, isolated for vCPUs, keeps the timer tick; nohz_full here: %s%s", list,
            in_force, asked ? ", whatever the kernel command line says" : "")) {
        check_offer(check, asked ? NULL : fix_lacking(check, ticking));
    }
}

static void check_callbacks(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) lacking = find_ticking(check);

    if (isolation->cmdline_rcu_nocbs != NULL) {
        hwloc_bitmap_andnot(lacking, lacking, isolation->cmdline_rcu_nocbs);
    }
    drop_told(lacking, isolation, isolation->cmdline_rcu_nocbs);
    if (hwloc_bitmap_iszero(lacking)) {
        return;
    }
    g_autofree char *list = cpuset_to_list(lacking);
    if (!isolation->cmdline_known) {
        if (check_add(check, FINDING_RCU_NOCBS_MISSING,
                "whether rcu_nocbs names CPU %s cannot be told: /proc/cmdline cannot be read",
                list)) {
            check_offer(check, fix_run(fix_new(), "cat /proc/cmdline"));
        }
        return;
    }
    g_autofree char *asked = isolation->cmdline_rcu_nocbs != NULL
                                 ? cpuset_to_list(isolation->cmdline_rcu_nocbs)
                                 : g_strdup("none");
    if (check_add(check, FINDING_RCU_NOCBS_MISSING,
            "CPU %s, isolated for vCPUs, keeps RCU's callbacks; rcu_nocbs here: %s", list, asked)) {
        check_offer(check, fix_lacking(check, lacking));
    }
}

/* The host's first core. */

static guint count_on_first_core(const Request *request, const Plan *plan)
{
    g_autoptr(CpuSet) first_core = host_first_core(request->host);

    return hwloc_bitmap_intersects(plan->cores, first_core) ? 1 : 0;
}

/// CPUs that are not isolated only where those of now are not.
static void offer_other_cores(Check *check)
{
    static const Advise for_isolated[] = { advice_isolated_cpus, advice_isolate, NULL };
    static const Advise for_awake[] = { advice_isolated_cpus, advice_awake_cpus, NULL };
    const Isolation *isolation = check->request->host->isolation;
    gboolean isolated = hwloc_bitmap_isincluded(check->plan->cpus, isolation->isolated);
    Wish wish = { .measure = count_on_first_core };

    advice_offer(check, isolated ? for_isolated : for_awake);
    check_offer(check, advice_fewer_as_wished(check->request, check->plan, &wish));
}

static void check_first_core(Check *check)
{
    g_autoptr(CpuSet) first_core = host_first_core(check->request->host);

    if (!hwloc_bitmap_intersects(check->plan->cores, first_core)) {
        return;
    }
    g_autoptr(CpuSet) used = cpuset_and(check->plan->cpus, first_core);
    g_autofree char *list = cpuset_to_list(used);
    if (check_add(check, FINDING_CPU0_USED,
            "CPU %s, chosen for vCPUs, is of the core on which the kernel keeps work of its own",
            list)) {
        offer_other_cores(check);
    }
}

const CheckRow checks_of_isolation[] = {
    { check_nothing, OF_HOST },
    { check_isolcpus, OF_HOST },
    { check_alone, OF_HOST },
    { check_lists, OF_HOST },
    { check_tick, OF_PLAN },
    { check_callbacks, OF_PLAN },
    { check_first_core, OF_PLAN },
    { NULL },
};
