// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"
#include "read/vmconfig.h"

/// A device of the host that a VM gets, or the part of it that lies on one node.
typedef struct {
    char *option;  // "hostpci0"
    char *address; // the first one there, as the config has it; of a mapping its name
    int node;      // the kernel's number; -1: not known
    char *unknown; // why it is not known, a short phrase; NULL: it is, or the kernel says that the
                   // device is of no node
} Device;

/// The devices that @vm gets on the cluster's node @node_name, and the node that the kernel says
/// each is of (Documentation/ABI/testing/sysfs-bus-pci, numa_node): an array of Device in the order
/// of the options. Each option has one, or, where its addresses lie on several nodes, one for each
/// of these. A mapping with several devices on @node_name, of which Proxmox takes a free one, has a
/// node where all of them lie on it.
GPtrArray *device_find(const Root *root, const VmConfig *vm, const char *node_name);
