// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"
#include "place/taken.h"
#include "call.h"

/// What is to be taken in place of what this machine has; NULL, or 0: what it has. Lists are as
/// typed, such as "0-3,8"; "" for none.
typedef struct {
    const char *config;   // file: a VM's config
    const char *policy;   // file: pinhook.conf
    const char *topology; // as topology_describe() takes it
    /* Beside such a text, see Description. */
    const char *kinds, *llc_sizes, *offline, *siblings;
    const char *isolated; // CPUs
    const char *pool;     // CPUs for the vCPUs
    const char *taken;    // CPUs that other guests hold
    const char *nodes;    // for the VM's vCPUs and memory
    const char *smt;      // as in the policy
    guint vcpus;
} WhatIf;

/* The stages before a plan. What is typed wrong, or names what the machine lacks, is an error that
 * names the option. The caller frees what comes back. */

Host *whatif_host(const WhatIf *what_if, const Call *call, GError **error);

/// Without a VMID (0) and a config: a VM of one vCPU with the defaults of Proxmox.
VmConfig *whatif_vm(const WhatIf *what_if, const Call *call, const Host *host, GError **error);

Policy *whatif_policy(const WhatIf *what_if, const Call *call, const Host *host, GError **error);

/// On a machine that is only described nobody holds anything.
Taken *whatif_taken(const WhatIf *what_if, const Call *call, const Host *host, GError **error);
