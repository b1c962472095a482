// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/process.h"
#include "place/plan.h"
#include "place/taken.h"

/// Where the ledger lies: on a tmpfs, one file a VM, `<vmid>.json`, and a file to lock.
#define LEDGER_PATH "run/pinhook"

/// What a VM on this node holds. It counts while its owner lives: before post-start the process
/// that called the hook, after it the VM's QEMU.
typedef struct {
    guint vmid;
    Process owner; // nobody: the entry counts for nothing
    gboolean owner_is_qemu;
    Plan *plan;
} LedgerEntry;

void ledger_entry_free(LedgerEntry *entry);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LedgerEntry, ledger_entry_free)

/// The ledger, locked against every other pinhook on this node until it is freed.
typedef struct Ledger Ledger;

/// Makes the ledger's directory where it is missing, locks it, waiting for at most @deadline_ms,
/// and removes every entry whose owner is gone, that is of another boot, or that cannot be read.
Ledger *ledger_lock(const Root *root, guint deadline_ms, GError **error);
void ledger_free(Ledger *ledger);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ledger, ledger_free)

/// Replaces the entry of @vmid, whole or not at all. @owner: see LedgerEntry. @hold (NULL: not
/// wanted): a handle that marks the entry as at work on until the caller closes it, or ends; -1
/// from the caller, and still so where the file could not be made.
gboolean ledger_write(Ledger *ledger, guint vmid, const Process *owner, gboolean owner_is_qemu,
    const Plan *plan, int *hold, GError **error);

/// Removes the entry of @vmid, if there is one.
gboolean ledger_remove(Ledger *ledger, guint vmid, GError **error);

/* Reading takes no lock: an entry is replaced whole. */

/// The entry of @vmid if its owner lives; NULL: there is none.
LedgerEntry *ledger_read(const Root *root, guint vmid);

/// Whether somebody holds the entry of @vmid: see ledger_write().
gboolean ledger_is_held(const Root *root, guint vmid);

/// The vmids that have a file in the ledger, ascending; the caller frees the array of guint.
GArray *ledger_list(const Root *root);

/// What every guest on this node but @vmid holds: by the ledger, and of running VMs and containers
/// that have no entry what their config binds them to (`affinity`, `lxc.cgroup2.cpuset.cpus`).
Taken *ledger_taken(const Root *root, guint vmid);
