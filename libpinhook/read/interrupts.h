// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/root.h"

/// A device interrupt that somebody handles.
typedef struct {
    guint irq;
    char *name;   // of its handlers, parted by commas
    CpuSet *cpus; // that it is delivered to; empty: it is shut off
} Interrupt;

/// The device interrupts of a machine. Those without a handler disturb nobody and are left out.
typedef struct {
    gboolean known;  // FALSE: /proc/irq, or something in it, cannot be read; the list may lack some
    GPtrArray *list; // Interrupt, ascending
} Interrupts;

/// Reads below /proc/irq which interrupts are delivered to any of @cpus (NULL: to any or none).
/// One small read for each interrupt of the machine, and a look at the names of those only: there
/// may be thousands. Where they go is in `effective_affinity_list`, or, on kernels without it, in
/// `smp_affinity_list`; a handler is a directory beside these files (kernel/irq/proc.c).
Interrupts *interrupts_load(const Root *root, const CpuSet *cpus);
void interrupts_free(Interrupts *interrupts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Interrupts, interrupts_free)
