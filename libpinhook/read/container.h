// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/root.h"

/// A container that runs on this node.
typedef struct {
    guint vmid;
    CpuSet *bound;   // what its config binds it to (`lxc.cgroup2.cpuset.cpus`); NULL: nothing
    CpuSet *allowed; // where its processes may run, by its cgroup; NULL: cannot be read
} Container;

/// The containers that run on this node, by vmid, as a list of Container; none where there are
/// none. One runs while its cgroup is there: `lxc/<vmid>` with its processes in `ns` beneath it
/// (PVE::LXC, update_lxc_config: lxc.cgroup.dir.container and .inner). Those that their config does
/// not bind pvestatd spreads over all CPUs of the host, isolated ones too, and again every 10 s
/// (PVE::Service::pvestatd, rebalance_lxc_containers). NULL with @error: which run, or what their
/// config binds them to, cannot be told. The caller frees it with g_ptr_array_unref().
GPtrArray *container_list(const Root *root, GError **error);
