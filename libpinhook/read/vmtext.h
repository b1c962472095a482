// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/fix.h"

/// The text of a VM's config after what @fix changes in it, as `qm set` or an editor writes it; all
/// else that the fix changes is passed over. The caller frees it.
char *vmtext_change(const char *text, const Fix *fix);
