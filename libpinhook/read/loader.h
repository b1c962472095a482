// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cmdline.h"
#include "base/root.h"

/// What the host boots with, if both can be looked for: by the file that there is of the two, else
/// by what each leaves on the kernel's command line: GRUB `BOOT_IMAGE=`, systemd-boot
/// `initrd=\EFI\…`, for which Proxmox writes its entries (proxmox-boot-tool, zz-proxmox-boot).
Loader loader_look(const Root *root);
