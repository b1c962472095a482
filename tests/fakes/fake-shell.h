// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake-root.h"

/// Pastes a command into a shell, with @fake in place of "/" for paths below /etc, /proc and /sys,
/// and its bin in front of $PATH. FALSE: it failed.
gboolean fake_shell_run(const FakeRoot *fake, const char *command);

/// What a command that isolates CPUs changes and calls: /etc/default/grub and /etc/kernel/cmdline
/// as Proxmox installs them, with @parameters; update-grub and proxmox-boot-tool.
void fake_shell_add_boot(FakeRoot *fake, const char *parameters);

/// The kernel command line that the host boots with next. NULL: no boot loader has been told
/// anything. The caller frees it.
char *fake_shell_next_cmdline(const FakeRoot *fake);

/// `pct reboot`: each container in the fake root then runs where its config has it.
void fake_shell_add_pct(FakeRoot *fake);
