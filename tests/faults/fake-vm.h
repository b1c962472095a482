// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake-root.h"

/// A process that /proc shows as a VM's QEMU: named kvm, with a pid file, a vCPU's thread, another
/// one, one that the vCPU makes when it is let run, and a monitor. It costs a few ms, where a real
/// QEMU costs a hundred.
typedef struct {
    FakeRoot *fake;
    guint vmid;
    int pid; // 0: it has ended
    struct FakeVmState *state;
} FakeVm;

/// The program that becomes one calls this first, and ends with what it returns; below 0: it is not
/// to be one.
int fake_vm_main(int argc, char **argv);

/// Starts this program anew as the QEMU of VM @vmid beneath @fake; @status is what QMP's
/// query-status tells, until somebody says `cont`.
FakeVm *fake_vm_new(FakeRoot *fake, guint vmid, const char *status);

/// Ends it, and removes pid file and socket, as Proxmox does.
void fake_vm_free(FakeVm *vm);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeVm, fake_vm_free)

/// Whether it lives, and nobody has ended it.
gboolean fake_vm_lives(FakeVm *vm);

/// Whether somebody said `cont`.
gboolean fake_vm_was_released(const FakeVm *vm);

/// As if nobody had.
void fake_vm_take_back(FakeVm *vm);

/// The host's thread of its only vCPU.
int fake_vm_vcpu_tid(const FakeVm *vm);
