// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cmdline.h"

#define PARAMETERS "(isolcpus|nohz_full|rcu_nocbs|irqaffinity)"

/// With a blank behind, as they go in front of what stands there: the end of the line may be inside
/// quotes, or a comment.
static char *parameters_for(const CpuSet *cpus, const CpuSet *rest)
{
    g_autofree char *list = cpuset_to_list(cpus);
    g_autofree char *others = cpuset_to_list(rest);
    g_autoptr(GString) parameters = g_string_new(NULL);

    if (*list != '\0') {
        g_string_printf(parameters, "isolcpus=domain,managed_irq,%s nohz_full=%s rcu_nocbs=%s ",
            list, list, list);
        if (*others != '\0') {
            g_string_append_printf(parameters, "irqaffinity=%s ", others);
        }
    }
    return g_string_free(g_steal_pointer(&parameters), FALSE);
}

/* In sed's regular expressions \x27 is the quote ', which would end the shell's. */

static char *for_grub(const char *parameters)
{
    return g_strdup_printf("sed -i -E '/^GRUB_CMDLINE_LINUX/s/" PARAMETERS "=[^ \"\\x27]* *//g; "
                           "/^GRUB_CMDLINE_LINUX_DEFAULT=/{s/=([^ \"\\x27]*)$/=\"\\1\"/; "
                           "s/=[\"\\x27]/&%s/}' /etc/default/grub && update-grub # then reboot",
        parameters);
}

static char *for_systemd_boot(const char *parameters, gboolean sure)
{
    return g_strdup_printf("sed -i -E '1{s/" PARAMETERS "=[^ ]* *//g; s/^/%s/}' "
                           "/etc/kernel/cmdline && proxmox-boot-tool refresh # then reboot%s",
        parameters,
        sure ? "" : "; where systemd-boot is in use: root on ZFS, UEFI, no Secure Boot");
}

char **cmdline_isolate(const CpuSet *cpus, const CpuSet *rest, Loader loader)
{
    g_autofree char *parameters = parameters_for(cpus, rest);
    char **ways = g_new0(char *, 3);
    guint count = 0;

    if (loader != LOADER_SYSTEMD_BOOT) {
        ways[count++] = for_grub(parameters);
    }
    if (loader != LOADER_GRUB) {
        ways[count++] = for_systemd_boot(parameters, loader == LOADER_SYSTEMD_BOOT);
    }
    return ways;
}
