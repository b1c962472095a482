// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/fix.h"

/// More vCPUs than QEMU can give a guest are refused.
#define VMCONFIG_VCPU_LIMIT 4096

/// Proxmox knows numa0 to numa7 (PVE::QemuServer::Memory, $MAX_NUMA).
#define VMCONFIG_CELL_LIMIT 8

/// With hugepages it knows node 0 to 9 (PVE::QemuServer::Memory, hugepages_topology).
#define VMCONFIG_HUGEPAGES_NODE_LIMIT 10

/// And hostpci0 to hostpci15 (PVE::QemuServer::PCI, $MAX_HOSTPCI_DEVICES).
#define VMCONFIG_HOSTPCI_LIMIT 16

/// What kind of thing is wrong in a config file.
typedef enum {
    VMCONFIG_UNREADABLE,     // the file, or a value on which Proxmox or QEMU ends the start
    VMCONFIG_UNKNOWN_OPTION, // an option that tutorials know and Proxmox does not
    VMCONFIG_LIKE_AN_OPTION, // one that is like an option that counts here
    VMCONFIG_BAD_AFFINITY,   // `affinity` is no list, or none that taskset takes
    VMCONFIG_DROPPED,        // Proxmox reads on without the line, and does not write it again
    VMCONFIG_NOT_GIVEN,      // Proxmox takes the value for none
    VMCONFIG_SMP_ZERO,       // `-smp` with a 0, which QEMU refuses from 9.0 on
    VMCONFIG_SMP_HOTPLUG,    // `-smp` that leaves Proxmox no place to plug vCPUs into
} VmConfigProblemKind;

typedef struct {
    VmConfigProblemKind kind;
    guint line;    // from 1; 0: the whole file
    char *text;    // the line; NULL: the whole file
    char *key;     // NULL: no key
    char *value;   // as written; NULL without a key
    char *message; // what is wrong, without the line
} VmConfigProblem;

/// A NUMA node of the guest.
typedef struct {
    guint index;        // the i of numa<i>
    CpuSet *cpus;       // vCPU ids, not CPUs of the host
    CpuSet *hostnodes;  // NULL: not bound
    char *node_list;    // hostnodes as written, where it is a list such as 0;2; else NULL
    char *policy;       // "bind", "preferred", "interleave"; NULL: not given
    double memory;      // MiB, as given, which need not be whole; 0: not given
    guint64 memory_mib; // the same, rounded up
} VmCell;

/// An option hostpci<i>: devices of the host that the VM gets. It has addresses or a mapping.
typedef struct {
    guint index;      // the i of hostpci<i>, 0 to 15
    char **addresses; // as pci_parse_addresses() gives them, at least one; NULL: a mapping
    char *mapping;    // the name of a mapping of the cluster; NULL: addresses
} VmHostpci;

/// What a VM's config file says: the part before the first section.
typedef struct {
    char *text;        // of the file; NULL: it could not be read
    gboolean readable; // FALSE: all else is default, and `problems` says why
    guint sockets;
    guint cores;          // per socket
    guint threads;        // per core of the guest: 1 but with `args: -smp …,threads=2`
    guint vcpus_present;  // at start
    guint vcpus_most;     // with all that may be hot-plugged
    gboolean vcpus_given; // by `vcpus`
    guint vcpus_own;      // the same without `args`
    guint64 memory_mib;
    gint64 balloon_mib; // -1: not given; 0: off
    char *hugepages;    // "any", "2" or "1024" (MiB); NULL: none
    gboolean numa;
    GPtrArray *cells;       // VmCell, as numa<i> write them, by index
    GPtrArray *guest_cells; // VmCell, as Proxmox gives them to QEMU: without `numa: 1` none,
                            // without numa<i> one per socket
    CpuSet *affinity;       // NULL: none, or no list
    gboolean freeze;
    gboolean incoming; // not in the file: it waits for the state of a migration
    CpuSet *bound_to;  // not in the file: of vmconfig_bind(); NULL: none
    gboolean kvm;
    gboolean template;
    gboolean cpu_hotplug;
    gboolean memory_hotplug;
    char *hotplug;      // as written; NULL: the default
    double cpulimit;    // host CPUs' worth of time; 0: none
    gboolean resumes;   // from hibernation: its state is in a file, of which `vmstate` has the name
    char *lock;         // "backup", "migrate", …; NULL: none
    char *hookscript;   // a volume such as local:snippets/pinhook; NULL: none
    char *name;         // NULL: none
    char *cpu;          // NULL: the default
    char *tags;         // NULL: none
    char *args;         // NULL: none
    GPtrArray *hostpci; // VmHostpci, by index; without those that could not be read
    GPtrArray *problems; // VmConfigProblem, in the order of the file
} VmConfig;

/// Reads @length bytes of a config file. Never fails: what cannot be taken is in `problems`, and
/// its default stands. As in Proxmox (PVE::QemuServer, parse_vm_config, config_to_command): of a
/// key given twice the last counts that has a value of its type; a count of 0 is none; other
/// options are passed over.
VmConfig *vmconfig_parse(const char *text, gsize length);

/// A config that could not be read at all, with @message as its one problem.
VmConfig *vmconfig_unreadable(const char *message);

/* What if. */

/// The VM's config after what @fix changes in it. The caller frees it.
VmConfig *vmconfig_change(const VmConfig *vm, const Fix *fix);

/// What gives the VM @vcpus (1 to VMCONFIG_VCPU_LIMIT), all present, and no cells: those that it has
/// are for another count. It keeps its threads per core where they divide that.
Fix *vmconfig_give_vcpus(const VmConfig *vm, guint vcpus);

/// Binds all of the VM's memory and vCPUs to @nodes, in one cell; for a config that nobody else has
/// yet. So they stay for as long as no numa line is changed.
void vmconfig_bind(VmConfig *vm, const CpuSet *nodes);

void vmconfig_free(VmConfig *vm);

/// The words of the VM's `args`, as Proxmox takes them apart; NULL: none. Freed with g_strfreev().
char **vmconfig_argv(const VmConfig *vm);

/// Whether the VM's `args` hold an `-smp`, which then counts in place of `cores` and `sockets`.
gboolean vmconfig_has_smp(const VmConfig *vm);

/// The VM's `args` with `-smp` @smp (NULL: none) in place of those that they hold. NULL: nothing is
/// left. The caller frees it.
char *vmconfig_args_with_smp(const VmConfig *vm, const char *smp);

/// Whether QEMU is told to emulate all vCPUs in one thread (`-accel tcg,thread=single`).
gboolean vmconfig_has_one_thread(const VmConfig *vm);

/// Whether Proxmox calls a hookscript for the VM that has pinhook's name. Another one may call it.
gboolean vmconfig_is_attached(const VmConfig *vm);

/// What the memory of a cell is a multiple of, in MiB: a hugepage, if the VM has these.
guint64 vmconfig_memory_unit_mib(const VmConfig *vm);

/// Whether Proxmox may have started the VM frozen for pinhook: with `freeze`, or nobody knows, for
/// the config cannot be read.
gboolean vmconfig_may_be_frozen(const VmConfig *vm);

/// Whether the VM is locked for a backup. One that is started so waits until Proxmox lets it run,
/// or ends it again; in stop mode it then goes on as it is, and no hook follows
/// (PVE::VZDump::QemuServer).
gboolean vmconfig_is_under_backup(const VmConfig *vm);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmConfig, vmconfig_free)
