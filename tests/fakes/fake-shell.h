// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake-root.h"

/// Pastes a command into a shell, with @fake in place of "/" for paths below /etc, /proc and /sys,
/// and its bin in front of $PATH. FALSE: it failed.
gboolean fake_shell_run(const FakeRoot *fake, const char *command);

/// `qm`, which changes the configs in the fake root, and calls that would come before or after it:
/// `qm clone` with `pvesh get`, and `systemctl enable --now UNIT`, which fails where there is no such
/// unit.
void fake_shell_add_qm(FakeRoot *fake);

/// What qm was called with since the last time, a line each, and no more. The caller frees it.
char *fake_shell_take_qm_log(FakeRoot *fake);

/// What a command that isolates CPUs changes and calls: /etc/default/grub and /etc/kernel/cmdline
/// as Proxmox installs them, with @parameters; update-grub and proxmox-boot-tool.
void fake_shell_add_boot(FakeRoot *fake, const char *parameters);

/// The kernel command line that the host boots with next. NULL: no boot loader has been told
/// anything. The caller frees it.
char *fake_shell_next_cmdline(const FakeRoot *fake);

/// `pct reboot`: each container in the fake root then runs where its config has it.
void fake_shell_add_pct(FakeRoot *fake);
