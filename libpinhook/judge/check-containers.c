// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/checks.h"

/// In front of the first line: what stands behind a snapshot's header is not the container's own.
static char *bind_containers(const Check *check, const GArray *vmids)
{
    g_autoptr(CpuSet) left = check_left_to_host(check, check->plan->reserved);
    g_autofree char *list = cpuset_to_list(left);
    g_autoptr(GString) names = g_string_new(NULL);

    if (*list == '\0') {
        return NULL;
    }
    if (vmids->len == 1) {
        guint vmid = g_array_index(vmids, guint, 0);
        return g_strdup_printf(
            "sed -i '1i lxc.cgroup2.cpuset.cpus: %s' /etc/pve/lxc/%u.conf && pct reboot %u", list,
            vmid, vmid);
    }
    for (guint i = 0; i < vmids->len; i++) {
        g_string_append_printf(names, "%s%u", i > 0 ? " " : "", g_array_index(vmids, guint, i));
    }
    return g_strdup_printf("for i in %s; do sed -i '1i lxc.cgroup2.cpuset.cpus: %s' "
                           "/etc/pve/lxc/$i.conf && pct reboot $i; done",
        names->str, list);
}

static void check_unread(Check *check, const Holding *visitor)
{
    check_add(check, FINDING_CONTAINER_ON_CPUS,
        g_strdup_printf("cat /sys/fs/cgroup/lxc/%u/cpuset.cpus.effective", visitor->vmid),
        "where CT %u may run cannot be told: the cpuset of its cgroup cannot be read",
        visitor->vmid);
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
        check_add(check, FINDING_CONTAINER_ON_CPUS, bind_containers(check, vmids),
            "may run on the vCPUs' cores: %s", names->str);
    }
}

const CheckRow checks_of_containers[] = {
    { check_containers, OF_PLAN },
    { NULL },
};
