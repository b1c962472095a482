// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "read/isolation.h"
#include "read/kinds.h"
#include "read/topology.h"

/// Hugepages of one size on one node.
typedef struct {
    guint64 size_kib;
    guint64 free;    // pages
    guint64 total;   // pages, free or not; 0: not known
    gboolean unread; // `free` could not be read, and is 0
} HostHugepages;

/// A NUMA node. It may lack CPUs (CXL, HBM) or memory.
typedef struct {
    guint index;           // the kernel's number
    CpuSet *cpus;          // online
    gboolean memory_known; // whether the memory below could be read
    guint64 total_mib;
    guint64 free_mib;
    guint64 reclaimable_mib; // page cache and slab that the kernel gives up for the asking
    guint64 arc_mib;         // of the host's, what certainly lies here
    GArray *hugepages;       // HostHugepages, smallest first
} HostNode;

/// A physical core. Its place in `cores` is its id: the kernel's core_id is not unique.
typedef struct {
    CpuSet *cpus;  // the online siblings
    guint package; // 0 up
    guint node;    // the kernel's number
    guint llc;     // place in `llcs`
    guint kind;    // place in `kinds`
} HostCore;

/// The CPUs that share a last-level cache.
typedef struct {
    CpuSet *cpus;
    guint64 size_kib; // 0: not known
} HostLlc;

/// Who made the CPUs, as far as it matters.
typedef enum {
    VENDOR_OTHER,
    VENDOR_AMD,
    VENDOR_UNKNOWN, // it could not be read
} HostVendor;

/// A machine: what it has and what its scheduler keeps off. Does not change once made.
typedef struct {
    CpuSet *online;   // without those that the kernel keeps from VMs (isolation->elsewhere)
    GPtrArray *nodes; // HostNode, ascending
    GPtrArray *llcs;  // HostLlc
    GArray *kinds;    // CoreKind, the slowest first
    GPtrArray *cores; // HostCore, by node, LLC, then CPU
    HostVendor vendor;
    gboolean described; // by a topology alone: what memory it has may be a guess
    guint64 arc_mib;    // what ZFS's cache can give back, see arc_look()
    char *arc_unread;   // why that cannot be told; NULL: it can
    Isolation *isolation;

    /* For host_core_of() and host_distance(). */
    GArray *core_of_cpu; // guint: place in `cores` plus one; 0: no such CPU
    GHashTable *distances;
} Host;

/// Looks at the machine that @root stands for, through hwloc: see topology_load().
Host *host_load(const Root *root, GError **error);

/// Likewise, of the topology that topology_load() gave for @root; it is left as it is.
Host *host_load_on(const Root *root, HwlocTopology *topology);

/// A host from a topology that the caller made, such as a synthetic one; memory is what hwloc
/// knows. Takes @isolation.
Host *host_from_topology(hwloc_topology_t topology, Isolation *isolation);

void host_free(Host *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Host, host_free)

/// The node, or NULL: there is none of that number.
const HostNode *host_node(const Host *host, guint index);

/// The numbers of all nodes. The caller frees it.
CpuSet *host_node_numbers(const Host *host);

/// The last-level cache at @place in `llcs`, and the kind at @place in `kinds`.
const HostLlc *host_llc(const Host *host, guint place);
const CoreKind *host_kind(const Host *host, guint place);

/// The CPUs of the cores of one kind. The caller frees them.
CpuSet *host_cpus_of_kind(const Host *host, guint kind);

/// Whether last-level caches are known to differ in size.
gboolean host_llcs_differ(const Host *host);

/// By /proc/cpuinfo; where there is none, VENDOR_OTHER.
HostVendor host_read_vendor(const Root *root);

/// How many nodes have memory.
guint host_count_memory_nodes(const Host *host);

/// What a VM can get of a node: free memory, what the kernel and ZFS give up for the asking, and
/// for a VM with @hugepages ("any", "2", "1024"; NULL: none) the free ones too. Those that lack
/// Proxmox makes at the start, of free memory (PVE::QemuServer::Memory, hugepages_allocate): for
/// them what ZFS gives up is not counted, which comes in small pieces. Without limit where it could
/// not be read.
guint64 host_node_available_mib(const HostNode *node, const char *hugepages);

/// The hugepages of @size_kib of a node; NULL: the host has none of that size.
const HostHugepages *host_node_hugepages(const HostNode *node, guint64 size_kib);

/// What ZFS's cache can give back beside what host_node_available_mib() counts: nobody knows of
/// which node.
guint64 host_arc_anywhere_mib(const Host *host, const char *hugepages);

/// The place in `cores` of the core of @cpu; -1: there is no such CPU online.
int host_core_of(const Host *host, guint cpu);

/// @cpus and all their online siblings. The caller frees it.
CpuSet *host_whole_cores(const Host *host, const CpuSet *cpus);

/// The core of the first CPU online, which is CPU 0 where a machine can be without it at all: the
/// kernel keeps it for work of its own. The caller frees it.
CpuSet *host_first_core(const Host *host);

/// The numbers of the nodes that @cpus lie on. The caller frees it.
CpuSet *host_nodes_of(const Host *host, const CpuSet *cpus);

/// The kernel's distance between two nodes, 10 for itself; 20 where the machine does not say.
guint host_distance(const Host *host, guint from, guint to);
