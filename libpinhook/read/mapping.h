// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// The cluster's PCI mappings, beneath a root.
#define MAPPING_PATH "etc/pve/mapping/pci.cfg"

/// The devices that the mapping @name stands for on the cluster's node @node_name, by @text of
/// MAPPING_PATH (PVE::Mapping::PCI, get_node_mapping, and PVE::SectionConfig, parse_config). An
/// array of GStrv, one for each `map` line of that node, in the order of the file: the addresses,
/// as pci_parse_addresses() gives them, that the VM gets together. Of several Proxmox takes the
/// first that no other VM holds (PVE::QemuServer::PCI, choose_hostpci_devices). Empty: there is no
/// such mapping, or it has nothing on that node. Never fails: a line that is none is passed over.
GPtrArray *mapping_find(const char *text, const char *name, const char *node_name);
