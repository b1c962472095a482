// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// The option that counts for placement and that @key, which has none of its own, is like: misspelt
/// (`afinity`), or about pinning (`cpupin`: "affinity"). NULL: Proxmox knows @key, or nothing is
/// like it.
const char *vmoption_like(const char *key);
