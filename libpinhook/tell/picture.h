// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tell/occupancy.h"

/// Writes into @topology, which is @host's, what each PU is used for: a label ("VM 101", in the
/// place of the type), a colour, and an info `PinhookUse` with the same words as the label; into
/// each core its kind ("P-core"), where there are several; and at its root a legend of who holds
/// what. lstopo draws all of it (lstopo(1), CUSTOM COLORS).
void picture_label(HwlocTopology *topology, const Host *host, const Taken *taken);

/// The topology as hwloc's XML. The caller frees it; NULL with @error.
char *picture_to_xml(HwlocTopology *topology, GError **error);
