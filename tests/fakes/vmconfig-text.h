// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/vmconfig.h"

/// All of a config as text: equal texts, equal configs. The caller frees it.
char *vmconfig_to_text(const VmConfig *vm);
