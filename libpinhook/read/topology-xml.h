// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"

/// What hwloc may be handed of a file that it is said to have written: the same machine, written
/// anew from what was understood of it, without devices and what else nobody here asks for.
///
/// hwloc believes such a file: 2.9 crashes where an object lacks one of its sets, and does not come
/// back from an `<info>` among distances (open-mpi/hwloc#783 and #800 are of this kind). So here
/// each object has its four sets, within those of its parent; siblings share no CPU; each CPU and
/// each node of the machine is one object; and nothing is larger than topology.h says. The time is
/// linear.
///
/// NULL and PINHOOK_ERROR_INVALID: the message is the reason alone, with the line. The caller frees
/// what comes back.
char *topology_xml_rewrite(const char *xml, gsize length, GError **error);

/// Appends the attribute @name, as hwloc writes a set.
void topology_xml_append_set(GString *text, const char *name, const CpuSet *set);
