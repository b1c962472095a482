// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "place/request.h"

/// A guest, a policy, a host, what others hold, and the plan made of them.
typedef struct {
    VmConfig *vm;
    Policy *policy;
    Host *host;
    GPtrArray *devices; // Device
    Taken *taken;
    Pool *pool;
    Plan *plan; // NULL: there is none
} Case;

void case_free(Case *c);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Case, case_free)

/// Takes @host. @rules: lines of [defaults]. @taken: a list that VM 101 holds, "" for none.
Case *case_new(Host *host, const char *config, const char *rules, const char *taken);

/// All of it but the plan; nothing in it is owned.
Request case_request(const Case *c);

/// The plan for what is in the case; the caller frees it.
Plan *case_place(const Case *c);

/// The CPUs by vCPU, as "2 4 6"; "none" where there is no plan. The caller frees it.
char *case_cpus(const Case *c);

/// The nodes that the first cell naming the vCPU binds it to; NULL: it may lie anywhere.
const CpuSet *case_nodes_for_vcpu(const Case *c, guint vcpu);

/// How many vCPUs the guest has been told share a core; 1: each has its own.
guint case_unit(const Case *c);

/// Whether the vCPUs @a and @b may lie on one core (@together), or on two.
gboolean case_may_share(const Case *c, guint a, guint b, gboolean together);

/// The first hard rule that the plan breaks; NULL: none.
const char *case_find_broken_rule(const Case *c);

/// What a failed assertion needs to say of a case. The caller frees it.
char *case_describe(const Case *c, const char *host, const char *config, const char *rules);

/* By chance. All texts are freed by the caller. */

/// One of SOME_HOSTS, called some_host_name().
#define SOME_HOSTS 12
Host *some_host(guint i);
const char *some_host_name(guint i);

/// Some of @set: a random share of it. Whole cores half of the time.
CpuSet *some_of(GRand *rand, const Host *host, const CpuSet *set);
char *some_list(GRand *rand, const Host *host);

/// A VM's config with at most @most vCPUs; rules for it.
char *some_config(GRand *rand, const Host *host, guint most);
char *some_rules(GRand *rand, const Host *host);
