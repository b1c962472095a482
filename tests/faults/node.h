// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/real-qemu.h"
#include "faults/fake-vm.h"

/// A Proxmox node that has live processes and CPUs beyond those of this machine, VM 100, and
/// neighbours. All of these CPUs are isolated and better than the one that is left for VM 100: a
/// plan that has one of them gives a CPU twice.
typedef struct {
    FakeRoot *fake;
    Installed *hook;
    int locks[2];         // Proxmox's, on VM 100 and 101
    char *own;            // the CPU that is VM 100's, of those of this machine
    char *spare;          // another that nobody holds; not of this machine
    char *reserved;       // the entry of VM 101, which starts
    FakeVm *neighbour;    // VM 103, which has no entry and an `affinity`
    FakeVm *vm;           // VM 100; NULL: it does not run
    gboolean is_incoming; // VM 100 comes from another node
} FaultNode;

/// FALSE: this machine has too few CPUs for one.
gboolean fault_node_fits(void);

FaultNode *fault_node_new(void);
void fault_node_free(FaultNode *node);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FaultNode, fault_node_free)

/// The config of VM 100 with these lines more, on this node or on the one that it comes from.
void fault_node_configure(FaultNode *node, gboolean incoming, const char *more);

/// "program --root <node> <arguments…>".
GStrv fault_node_argv(const FaultNode *node, const char *const *arguments);

/// The environment that a call has.
GStrv fault_node_env(const FaultNode *node);

/// A call without a fault; its exit status, and what it said in @said.
int fault_node_call(const FaultNode *node, char **said, ...) G_GNUC_NULL_TERMINATED;

/// The ledger's entry of VM @vmid; NULL: there is none. The caller frees it.
char *fault_node_read_entry(const FaultNode *node, guint vmid);

/// NULL: none.
void fault_node_set_entry(FaultNode *node, guint vmid, const char *text);

/// Starts VM 100; @status as of fake_vm_new().
void fault_node_start_vm(FaultNode *node, const char *status);
void fault_node_end_vm(FaultNode *node);

/// All threads of VM 100 may run everywhere again.
void fault_node_unbind(FaultNode *node);

/// Whether /proc has the vCPU of VM 100 on its CPU alone, and no other thread there.
gboolean fault_node_is_bound(const FaultNode *node);
