// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "host.h"

/// A host of a shape in hwloc's synthetic syntax ("numa:2 l3:1 core:4 pu:2"), with @isolated in
/// force ("" for none). Synthetic CPUs are numbered core by core: siblings are 0,1 and 2,3.
Host *fake_host_new(const char *shape, const char *isolated);

/// Sets what a node has free; the total stays.
void fake_host_set_free_mib(Host *host, guint node, guint64 free_mib);
