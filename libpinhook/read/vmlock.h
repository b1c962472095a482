// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/process.h"

/// The process that holds Proxmox's lock on the VM: /run/lock/qemu-server/lock-<vmid>.conf, which
/// its tasks have for as long as they work on it (PVE::AbstractConfig, lock_config_full), by
/// /proc/locks. PINHOOK_ERROR_GONE: nobody holds it; any other error: it cannot be told, as of one
/// in another pid namespace.
gboolean vmlock_holder(const Root *root, guint vmid, Process *holder, GError **error);
