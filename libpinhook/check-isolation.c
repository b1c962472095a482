// SPDX-License-Identifier: LGPL-2.1-or-later
#include "checks.h"

void check_isolcpus(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;

    if (isolation->cmdline_isolcpus_text == NULL) {
        return;
    }
    g_autoptr(CpuSet)
        online = isolation->cmdline_isolcpus != NULL
                     ? cpuset_and(isolation->cmdline_isolcpus, check->request->host->online)
                     : cpuset_new();
    if (isolation->cmdline_domain && hwloc_bitmap_isincluded(online, isolation->isolated)) {
        return;
    }
    g_autofree char *wanted = cpuset_to_list(online);
    g_autofree char *isolated = cpuset_to_list(isolation->isolated);
    check_add(check, FINDING_ISOLCPUS_IGNORED,
        *wanted != '\0' ? g_strdup_printf("on the kernel command line, then reboot: "
                                          "isolcpus=domain,managed_irq,%s",
                              wanted)
                        : NULL,
        "isolcpus=%.40s is on the kernel command line, isolated are: %s",
        isolation->cmdline_isolcpus_text, *isolated != '\0' ? isolated : "none");
}
