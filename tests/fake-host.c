// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake-host.h"

Host *fake_host_new(const char *shape, const char *isolated)
{
    HwlocTopology *topology = NULL;
    IsolationFiles files = { .isolated = isolated };

    g_assert_cmpint(hwloc_topology_init(&topology), ==, 0);
    g_assert_cmpint(hwloc_topology_set_synthetic(topology, shape), ==, 0);
    g_assert_cmpint(hwloc_topology_load(topology), ==, 0);
    Host *host = host_from_topology(topology, isolation_parse(&files));
    hwloc_topology_destroy(topology);
    return host;
}

void fake_host_set_free_mib(Host *host, guint node, guint64 free_mib)
{
    HostNode *found = (HostNode *)host_node(host, node);

    g_assert_nonnull(found);
    found->free_mib = free_mib;
    found->reclaimable_mib = 0;
}
