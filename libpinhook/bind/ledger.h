// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/process.h"
#include "place/plan.h"
#include "place/taken.h"

/// Where the ledger lies: on a tmpfs, one file a VM, `<vmid>.json`, and a file to lock.
#define LEDGER_PATH "run/pinhook"

/// Whose an entry is, for as long as that process lives.
typedef enum {
    LEDGER_HOOK, // of who starts the VM: the holder of Proxmox's lock on it, or who called the hook
    LEDGER_START, // the VM's QEMU, whose first post-start has not come to its end
    LEDGER_QEMU,  // the VM's QEMU
} LedgerOwner;

/// What a VM on this node holds.
typedef struct {
    guint vmid;
    Process owner;
    LedgerOwner owner_kind;
    CpuSet *reserved;
    gboolean yields; // see Plan
    Plan *plan;      // NULL: of another version of pinhook, which keeps it in its own way
} LedgerEntry;

void ledger_entry_free(LedgerEntry *entry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerEntry, ledger_entry_free)

/// The ledger, locked against every other pinhook on this node until it is freed.
typedef struct Ledger Ledger;

/// Makes the ledger's directory where it is missing, for root alone, locks it, waiting for at most
/// @deadline_ms, and removes every entry that is proven to be dead.
Ledger *ledger_lock(const Root *root, guint deadline_ms, GError **error);
void ledger_free(Ledger *ledger);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ledger, ledger_free)

/// Replaces the entry of @vmid, whole or not at all. @hold (NULL: not
/// wanted): a handle that marks the entry as at work on until the caller closes it, or ends; -1
/// from the caller, and still so where the file could not be made.
gboolean ledger_write(Ledger *ledger, guint vmid, const Process *owner, LedgerOwner owner_kind,
    const Plan *plan, int *hold, GError **error);

/// Removes the entry of @vmid, if there is one.
gboolean ledger_remove(Ledger *ledger, guint vmid, GError **error);

/// Whether @text was what was last told of VM @vmid while it runs, and keeps it as that; "" forgets
/// it. For a timer, which is to say things once. What cannot be kept was not told.
gboolean ledger_told_before(const Root *root, guint vmid, const char *text);

/* Reading takes no lock: an entry is replaced whole. */

/// In @entry the entry of @vmid whose owner lives; NULL: there is none, or it is proven to be dead:
/// its owner is gone, it is of another boot, or it cannot be read and its VM does not run, nor does
/// anybody hold Proxmox's lock on it.
/// FALSE with @error: that cannot be told, and what it holds must be taken for held; in @entry is
/// then what could be read of it, which need not be anything (NULL).
gboolean ledger_read(const Root *root, guint vmid, LedgerEntry **entry, GError **error);

/// In @held: whether somebody holds the entry of @vmid, see ledger_write(). FALSE with @error: that
/// cannot be told.
gboolean ledger_look_held(const Root *root, guint vmid, gboolean *held, GError **error);

/// The vmids that have a file in the ledger, ascending; the caller frees the array of guint. NULL
/// with @error: it cannot be listed.
GArray *ledger_list(const Root *root, GError **error);

/// What every guest on this node but @vmid holds: by the ledger, and of running VMs and containers
/// that have no entry what their config binds them to (`affinity`, `lxc.cgroup2.cpuset.cpus`); of a
/// VM that comes from another node, in that node's config. What yields to any start counts for
/// nothing: see ledger_yielding(). What cannot be told counts as held. NULL
/// with @error: not even which CPUs it would be; the message says what stands in the way.
Taken *ledger_taken(const Root *root, guint vmid, GError **error);

/// The VMs whose entry yields to a start that takes any of @cpus, ascending; NULL with @error. The
/// caller frees the array of guint.
GArray *ledger_yielding(const Root *root, const CpuSet *cpus, GError **error);
