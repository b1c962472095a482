// SPDX-License-Identifier: LGPL-2.1-or-later
/* hwloc reads what was written anew, and finds the CPUs and nodes that are named there; what cannot
 * be written anew it is not given. Written anew once more it is the same. */
#include "read/host.h"
#include "read/topology-xml.h"
#include "read/topology.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static HwlocTopology *describe(const guint8 *data, gsize size)
{
    int fd = memfd_create("machine.xml", MFD_CLOEXEC);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);

    g_assert(fd >= 0 && write(fd, data, size) == (gssize)size);
    HwlocTopology *topology = topology_describe(path, NULL);
    close(fd);
    return topology;
}

static guint count(const char *text, const char *word)
{
    guint found = 0;

    for (const char *at = strstr(text, word); at != NULL; at = strstr(at + 1, word)) {
        found++;
    }
    return found;
}

static void assert_host(HwlocTopology *topology, const char *text)
{
    Isolation *isolation = isolation_parse(&(IsolationFiles){ .isolated = "" });
    g_autoptr(Host) host = host_from_topology(topology, isolation);

    g_assert(cpuset_count(host->online) == count(text, "<object type=\"PU\""));
    g_assert(host->nodes->len == count(text, "<object type=\"NUMANode\""));
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        g_assert(host_distance(host, node->index, node->index) <= G_MAXUINT16);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autofree char *anew = topology_xml_rewrite((const char *)data, size, NULL);
    g_autoptr(HwlocTopology) topology = describe(data, size);

    g_assert((anew == NULL) == (topology == NULL));
    if (anew != NULL) {
        g_autofree char *again = topology_xml_rewrite(anew, strlen(anew), NULL);
        g_assert_cmpstr(again, ==, anew);
        assert_host(topology, anew);
    }
    return 0;
}
