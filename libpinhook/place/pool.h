// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/host.h"
#include "read/policy.h"
#include "read/vmconfig.h"
#include "place/taken.h"

typedef enum {
    POOL_POLICY,   // `cpus` of the policy
    POOL_AFFINITY, // `affinity` of the VM
    POOL_ISOLATED, // neither: any isolated CPU
} PoolSource;

/// The CPUs that a VM's vCPUs may be given.
typedef struct {
    PoolSource source;
    CpuSet *asked;   // as written
    CpuSet *missing; // of these, not online here
    CpuSet *online;  // of these, online and not set apart for QEMU's other threads
    CpuSet *free;    // of these, held by no other guest
} Pool;

Pool *pool_new(const VmConfig *vm, const Policy *policy, const Host *host, const Taken *taken);

/// The pool of a VM that names no CPUs: every isolated one.
Pool *pool_of_isolated(const Policy *policy, const Host *host, const Taken *taken);

void pool_free(Pool *pool);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Pool, pool_free)
