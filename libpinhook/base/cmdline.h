// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"

/// What gives the kernel its command line. Proxmox installs systemd-boot on UEFI with the root on
/// ZFS and without Secure Boot, else GRUB (pve-docs, system-booting.adoc).
typedef enum {
    LOADER_UNKNOWN,
    LOADER_GRUB,         // /etc/default/grub
    LOADER_SYSTEMD_BOOT, // /etc/kernel/cmdline, which is one line
} Loader;

/// What to paste so that the next boot isolates @cpus and no others (none: nothing at all): from
/// the scheduler and managed interrupts (isolcpus=), from the tick (nohz_full=) and from RCU's
/// callbacks (rcu_nocbs=); and has all other interrupts begin on @rest (irqaffinity=; none: not
/// said). It takes the place of what stands there of the four.
///
/// One line, for @loader; two alternatives where that is not known. The caller frees it with
/// g_strfreev().
char **cmdline_isolate(const CpuSet *cpus, const CpuSet *rest, Loader loader);
