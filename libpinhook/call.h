// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/policy.h"
#include "read/vmconfig.h"
#include "bind/kernel.h"

/// What a door is called with, and the files that it names.
typedef struct {
    const Root *root;
    guint vmid;                // 100 to 999999999
    const char *migrated_from; // the source node, where this one is a migration's target; else NULL
    gboolean by_name;          // somebody asked for this very VM
    int caller;                // pid of who called the hook; it owns what pre-start reserves
    const Kernel *kernel;
} Call;

/// The VM's config; what cannot be read is a problem of it.
VmConfig *call_read_vm(const Call *call);

/// The policy for the VM on this node by the @length bytes of a file called @name.
Policy *call_parse_policy(const Call *call, const char *name, const char *text, gsize length);

/// The policy for the VM on this node; what cannot be read is a problem of it.
Policy *call_read_policy(const Call *call);

/// The name of this node of the cluster (PVE::INotify::nodename): the hostname up to its first dot.
/// NULL: it cannot be read. The caller frees it.
char *call_node_name(const Call *call);

/// Whether the vmid is a container's: Proxmox calls its hook with the same arguments.
gboolean call_is_for_container(const Call *call);

/// Only in the running kernel's own /proc is a thread that is found there a thread here; in any
/// other nothing may be bound.
gboolean call_can_bind(const Call *call, GError **error);
