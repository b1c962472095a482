// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"

/// What to paste so that the next boot isolates @cpus and no others (none: nothing at all): from
/// the scheduler and managed interrupts (isolcpus=), from the tick (nohz_full=) and from RCU's
/// callbacks (rcu_nocbs=). It takes the place of what stands there of the three.
///
/// Two alternatives, one a line: for GRUB, by /etc/default/grub; and for systemd-boot, by
/// /etc/kernel/cmdline, which is one line. Proxmox installs the second on UEFI with the root on ZFS
/// and without Secure Boot (pve-docs, system-booting.adoc). The caller frees it.
char *cmdline_isolate(const CpuSet *cpus);
