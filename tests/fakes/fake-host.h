// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"

/// A host of a shape in hwloc's synthetic syntax ("numa:2 l3:1 core:4 pu:2"), with @isolated
/// isolated and without a tick ("" for none). Synthetic CPUs are numbered core by core: siblings
/// are 0,1 and 2,3.
Host *fake_host_new(const char *shape, const char *isolated);

/// Likewise, isolated as files say, and no more.
Host *fake_host_new_isolated(const char *shape, const IsolationFiles *files);

/// A core of a host made by hand.
typedef struct {
    const char *cpus; // "0,8"; NULL ends the table
    guint node;
    guint llc;
    guint kind;
} FakeCore;

/// Three performance cores of two threads and four efficiency cores, in one LLC.
extern const FakeCore fake_hybrid[];

/// A host of these cores, which stand in the order of Host's `cores`: by node, LLC, then CPU. The
/// nodes, from 0 to the highest named, have 1 TiB free each.
Host *fake_host_new_of_cores(const FakeCore *cores, const char *isolated);

/// A real machine: unpacks the tree of sysfs and procfs in @archive (*.tar.bz2), loads it as a
/// root, and removes it again.
Host *fake_host_new_of_machine(const char *archive);

/// The archives of real machines beneath $PINHOOK_DATA, by name; NULL where it is not set. Freed
/// with g_strfreev().
char **fake_host_list_machines(void);

/// Sets what is isolated and without a tick, and what stands on the kernel's command line (NULL:
/// nothing).
void fake_host_set_isolation(Host *host, const char *isolated, const char *cmdline);

/// Sets what a node has free, as if it had been read; the total stays.
void fake_host_set_free_mib(Host *host, guint node, guint64 free_mib);

/// Sets the size of a last-level cache.
void fake_host_set_llc_kib(Host *host, guint llc, guint64 size_kib);

/// Sets what ZFS's cache can give back, and what of it more certainly lies on node 0.
void fake_host_set_arc_mib(Host *host, guint64 anywhere, guint64 on_first);

/// Sets the distance between two nodes, both ways.
void fake_host_set_distance(Host *host, guint from, guint to, guint distance);

/// Adds a node that has memory and no CPUs; its number must be above all others'.
void fake_host_add_memory_node(Host *host, guint node, guint64 free_mib);

/// Adds free hugepages to a node.
void fake_host_add_hugepages(Host *host, guint node, guint64 size_kib, guint64 free);
