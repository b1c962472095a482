// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// What `qm set 100 …` makes of a config: options set or, by --delete, removed; and lines that
/// Proxmox does not know dropped, as at its every write. NULL: @command is none. The caller frees
/// it.
char *fake_qm_set(const char *config, const char *command);
