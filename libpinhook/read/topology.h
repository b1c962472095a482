// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"

#include <hwloc.h>

typedef struct hwloc_topology HwlocTopology;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HwlocTopology, hwloc_topology_destroy)

/// A described machine may have so many CPUs, and so many of one thing in another: hwloc's time
/// grows with the square of it (Debian 12's 2.9: 6 s for 4096 cores in one package).
#define TOPOLOGY_CPUS 4096
#define TOPOLOGY_CHILDREN 1024

/// The topology of the machine that @root stands for. Never changes the caller's binding and loads
/// none of hwloc's plugins. Not to be called by two threads at once: hwloc takes a root from the
/// environment alone.
HwlocTopology *topology_load(const Root *root, GError **error);

/// A topology that somebody describes: @text is the path of a file with hwloc's XML (lstopo
/// machine.xml), or hwloc's synthetic syntax ("numa:2 l3:1 core:4 pu:2"). PINHOOK_ERROR_INVALID or
/// NOT_FOUND where it is neither, or has more than TOPOLOGY_CPUS CPUs.
HwlocTopology *topology_describe(const char *text, GError **error);

/// Whether topology_describe() takes @text for the path of a file.
gboolean topology_names_file(const char *text);

/// A topology of hwloc's XML, see topology_xml_rewrite().
HwlocTopology *topology_describe_xml(const char *xml, gsize length, GError **error);
