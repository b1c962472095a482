// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// Reads `ADDRESS[;ADDRESS…]`, where ADDRESS is `[domain:]bus:device[.function]` in hex digits, as
/// PVE::QemuServer::PCI has it ($PCIRE): lower case alone, since Proxmox compares them with the
/// names in sysfs. Each comes back with its domain, 0000 by default (PVE::SysFSTools,
/// normalize_pci_id); one without function stands for all functions of the device. NULL: it is no
/// such list. Freed with g_strfreev().
char **pci_parse_addresses(const char *text);
