// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

/// In front of the first line: what stands behind a snapshot's header is not the container's own.
static Fix *bind_containers(const Check *check, const GArray *vmids)
{
    g_autoptr(CpuSet) left = check_left_to_host(check, check->plan->reserved);
    g_autofree char *list = cpuset_to_list(left);
    g_autofree char *insert = g_strdup_printf("1i lxc.cgroup2.cpuset.cpus: %s", list);

    if (*list == '\0') {
        return NULL;
    }
    return fix_run_for_each(
        fix_new(), vmids, "sed -i {} /etc/pve/lxc/$i.conf && pct reboot $i", insert);
}

static void check_unread(Check *check, const Holding *visitor)
{
    g_autofree char *path = g_strdup_printf(
        "/sys/fs/cgroup/lxc/%u/cpuset.cpus.effective", visitor->vmid);

    if (check_add(check, FINDING_CONTAINER_ON_CPUS,
            "where CT %u may run cannot be told: the cpuset of its cgroup cannot be read",
            visitor->vmid)) {
        check_offer(check, fix_run(fix_new(), "cat {}", path));
    }
}

static void check_containers(Check *check)
{
    const GPtrArray *visitors = check->request->taken->visitors;
    g_autoptr(GArray) vmids = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < visitors->len; i++) {
        const Holding *visitor = visitors->pdata[i];
        if (visitor->cpus == NULL) {
            check_unread(check, visitor);
        } else if (hwloc_bitmap_intersects(visitor->cpus, check->plan->cores)) {
            g_autoptr(CpuSet) shared = cpuset_and(visitor->cpus, check->plan->cores);
            g_autofree char *list = cpuset_to_list(shared);
            g_string_append_printf(
                names, "%sCT %u (CPU %s)", names->len > 0 ? ", " : "", visitor->vmid, list);
            g_array_append_val(vmids, visitor->vmid);
        }
    }
    if (vmids->len > 0) {
        if (check_add(
                check, FINDING_CONTAINER_ON_CPUS, "may run on the vCPUs' cores: %s", names->str)) {
            check_offer(check, bind_containers(check, vmids));
        }
    }
}

const CheckRow checks_of_containers[] = {
    { check_containers, OF_PLAN },
    { NULL },
};
