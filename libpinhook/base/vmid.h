// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"

/// The vmid that a file called `<vmid><suffix>` is named by. FALSE: it is no such file. Proxmox
/// gives vmids from 100 to 999999999.
gboolean vmid_of_file(const char *name, const char *suffix, guint *vmid);

/// The vmids of the files `<vmid><suffix>` in a directory, ascending; none where it is missing.
/// NULL with @error: it cannot be listed. The caller frees the array of guint.
GArray *vmid_list(const Root *root, const char *path, const char *suffix, GError **error);

/// Whether the array of guint has it.
gboolean vmid_is_listed(const GArray *vmids, guint vmid);
