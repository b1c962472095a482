// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/fix.h"

/// CPUs that a guest on this host holds.
typedef struct {
    guint vmid; // 0: nobody in particular
    gboolean container;
    gboolean by_affinity; // a VM that Proxmox put there, and pinhook does not
    CpuSet *cpus;
} Holding;

/// What the other guests on this host hold, one Holding each.
typedef struct {
    GPtrArray *holdings;
    CpuSet *cpus;    // of all of them
    CpuSet *vm_cpus; // of VMs: a container that is bound beside the host leaves the host its CPUs
    GPtrArray
        *visitors; // containers that hold nothing but may run on `cpus`; NULL: not known where
} Taken;

/// Nothing is held.
Taken *taken_new(void);
void taken_free(Taken *taken);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Taken, taken_free)

/// Copies @cpus.
void taken_add(Taken *taken, guint vmid, const CpuSet *cpus);
void taken_add_by_affinity(Taken *taken, guint vmid, const CpuSet *cpus);
void taken_add_container(Taken *taken, guint vmid, const CpuSet *cpus);

/// Likewise, of a container that holds nothing; @cpus NULL: where it may run cannot be read.
void taken_add_visitor(Taken *taken, guint vmid, const CpuSet *cpus);

/// What is held after what @fix changes of it. The caller frees it.
Taken *taken_change(const Taken *taken, const Fix *fix);

/// Who holds any of @cpus, as "VM 101 (CPU 2-3), CT 102 (CPU 4)"; "" for nobody. The caller frees.
char *taken_name_holders(const Taken *taken, const CpuSet *cpus);
