// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cmdline.h"

#define PARAMETERS "(isolcpus|nohz_full|rcu_nocbs)"

/// With a blank behind, as they go in front of what stands there: the end of the line may be inside
/// quotes, or a comment.
static char *parameters_for(const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    return *list != '\0'
               ? g_strdup_printf(
                     "isolcpus=domain,managed_irq,%s nohz_full=%s rcu_nocbs=%s ", list, list, list)
               : g_strdup("");
}

/* In sed's regular expressions \x27 is the quote ', which would end the shell's. */

static char *for_grub(const char *parameters)
{
    return g_strdup_printf("sed -i -E '/^GRUB_CMDLINE_LINUX/s/" PARAMETERS "=[^ \"\\x27]* *//g; "
                           "/^GRUB_CMDLINE_LINUX_DEFAULT=/{s/=([^ \"\\x27]*)$/=\"\\1\"/; "
                           "s/=[\"\\x27]/&%s/}' /etc/default/grub && update-grub # then reboot",
        parameters);
}

static char *for_systemd_boot(const char *parameters)
{
    return g_strdup_printf("sed -i -E '1{s/" PARAMETERS "=[^ ]* *//g; s/^/%s/}' "
                           "/etc/kernel/cmdline && proxmox-boot-tool refresh # then reboot; where "
                           "systemd-boot is in use: root on ZFS, UEFI, no Secure Boot",
        parameters);
}

char *cmdline_isolate(const CpuSet *cpus)
{
    g_autofree char *parameters = parameters_for(cpus);
    g_autofree char *grub = for_grub(parameters);
    g_autofree char *systemd_boot = for_systemd_boot(parameters);

    return g_strdup_printf("%s\n%s", grub, systemd_boot);
}
