// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/loader.h"

#include <string.h>

Loader loader_look(const Root *root)
{
    gboolean grub, systemd_boot;

    if (!root_look(root, "etc/default/grub", &grub, NULL) ||
        !root_look(root, "etc/kernel/cmdline", &systemd_boot, NULL)) {
        return LOADER_UNKNOWN;
    }
    if (grub != systemd_boot) {
        return grub ? LOADER_GRUB : LOADER_SYSTEMD_BOOT;
    }
    g_autofree char *cmdline = grub ? root_read_value(root, "proc/cmdline") : NULL;
    if (cmdline == NULL) {
        return LOADER_UNKNOWN;
    }
    return strstr(cmdline, "BOOT_IMAGE=") != NULL      ? LOADER_GRUB
           : strstr(cmdline, "initrd=\\EFI\\") != NULL ? LOADER_SYSTEMD_BOOT
                                                       : LOADER_UNKNOWN;
}
