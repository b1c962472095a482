// SPDX-License-Identifier: LGPL-2.1-or-later
#include "whatif.h"

#include "base/error.h"
#include "base/text.h"
#include "bind/ledger.h"
#include "read/description.h"

#include <string.h>

/* Lists. */

/// The numbers of @list, all of which must be in @known; NULL with @error.
static CpuSet *read_list(
    const char *option, const char *list, const CpuSet *known, const char *noun, GError **error)
{
    g_autoptr(CpuSet) set = *list != '\0' ? cpuset_parse_list(list, ',', error) : cpuset_new();
    if (set == NULL) {
        g_prefix_error(error, "--%s: ", option);
        return NULL;
    }
    g_autoptr(CpuSet) beyond = cpuset_minus(set, known);
    if (!hwloc_bitmap_iszero(beyond)) {
        g_autofree char *list_beyond = cpuset_to_list(beyond);
        g_autofree char *missing = text_show_start(list_beyond, 60);
        g_autofree char *there = cpuset_to_list(known);
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
            "--%s: this machine has no %s %s; it has %s", option, noun, missing, there);
        return NULL;
    }
    return g_steal_pointer(&set);
}

static CpuSet *read_nodes(const char *list, const Host *host, GError **error)
{
    g_autoptr(CpuSet) known = host_node_numbers(host);

    return read_list("nodes", list, known, "node", error);
}

/* Host. */

static Isolation *isolate(const char *list)
{
    return isolation_parse(&(IsolationFiles){ .isolated = list, .nohz_full = list });
}

/// What @set makes of @value, which is not given (NULL) or was typed.
static gboolean describe_more(Description *description, const char *option, const char *value,
    gboolean (*set)(Description *description, const char *value, GError **error), GError **error)
{
    if (value == NULL || set(description, value, error)) {
        return TRUE;
    }
    g_prefix_error(error, "--%s: ", option);
    return FALSE;
}

static gboolean describe_offline(Description *description, const char *list, GError **error)
{
    g_autoptr(CpuSet) known = description_cpus(description);
    g_autoptr(CpuSet) cpus = list != NULL ? read_list("offline", list, known, "CPU", error) : NULL;

    if (cpus != NULL && !description_set_offline(description, cpus, error)) {
        g_prefix_error(error, "--offline: ");
        return FALSE;
    }
    return list == NULL || cpus != NULL;
}

/// The first option that says more of a machine than a text can; NULL: none is given.
static const char *find_more(const WhatIf *what_if)
{
    return what_if->kinds != NULL       ? "kinds"
           : what_if->llc_sizes != NULL ? "llc-sizes"
           : what_if->siblings != NULL  ? "siblings"
           : what_if->offline != NULL   ? "offline"
                                        : NULL;
}

static HwlocTopology *describe_with_more(const WhatIf *what_if, const char *more, GError **error)
{
    if (what_if->topology == NULL || topology_names_file(what_if->topology)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
            "--%s: it goes with a text in --topology", more);
        return NULL;
    }
    g_autoptr(Description) description = description_new(what_if->topology, error);
    if (description == NULL) {
        g_prefix_error(error, "--topology: ");
        return NULL;
    }
    return describe_more(description, "kinds", what_if->kinds, description_set_kinds, error) &&
                   describe_more(description, "llc-sizes", what_if->llc_sizes,
                       description_set_llc_sizes, error) &&
                   describe_more(description, "siblings", what_if->siblings,
                       description_set_siblings, error) &&
                   describe_offline(description, what_if->offline, error)
               ? description_topology(description, error)
               : NULL;
}

static HwlocTopology *describe(const WhatIf *what_if, GError **error)
{
    const char *more = find_more(what_if);

    if (more != NULL) {
        return describe_with_more(what_if, more, error);
    }
    HwlocTopology *topology = topology_describe(what_if->topology, error);
    if (topology == NULL) {
        g_prefix_error(error, "--topology: ");
    }
    return topology;
}

static Host *load_host(const WhatIf *what_if, const Call *call, GError **error)
{
    if (what_if->topology == NULL && find_more(what_if) == NULL) {
        return host_load(call->root, error);
    }
    g_autoptr(HwlocTopology) topology = describe(what_if, error);
    return topology != NULL ? host_from_topology(topology, isolate("")) : NULL;
}

Host *whatif_host(const WhatIf *what_if, const Call *call, GError **error)
{
    g_autoptr(Host) host = load_host(what_if, call, error);
    if (host == NULL || what_if->isolated == NULL) {
        return g_steal_pointer(&host);
    }
    g_autoptr(CpuSet)
        isolated = read_list("isolated", what_if->isolated, host->online, "CPU", error);
    if (isolated == NULL) {
        return NULL;
    }
    g_autofree char *list = cpuset_to_list(isolated);
    isolation_free(host->isolation);
    host->isolation = isolate(list);
    return g_steal_pointer(&host);
}

/* VM. */

static VmConfig *read_config(const char *path, GError **error)
{
    gsize length;
    g_autofree char *text = root_read_named(path, ROOT_FILE_LIMIT, &length, error);
    if (text == NULL) {
        g_prefix_error(error, "--config: ");
        return NULL;
    }
    return vmconfig_parse(text, length);
}

/// It is nobody's fault yet that it is not frozen.
static const char nobody[] = "freeze: 1\n";

static VmConfig *find_vm(const WhatIf *what_if, const Call *call, GError **error)
{
    if (what_if->config != NULL) {
        return read_config(what_if->config, error);
    }
    return call->vmid != 0 ? call_read_vm(call) : vmconfig_parse(nobody, strlen(nobody));
}

VmConfig *whatif_vm(const WhatIf *what_if, const Call *call, const Host *host, GError **error)
{
    g_autoptr(VmConfig) vm = find_vm(what_if, call, error);
    if (vm == NULL) {
        return NULL;
    }
    if (what_if->vcpus != 0 && vm->text != NULL) {
        g_autoptr(Fix) fix = vmconfig_give_vcpus(vm, what_if->vcpus);
        g_autoptr(VmConfig) before = g_steal_pointer(&vm);
        vm = vmconfig_change(before, fix);
    }
    if (what_if->nodes != NULL) {
        g_autoptr(CpuSet) nodes = read_nodes(what_if->nodes, host, error);
        if (nodes == NULL) {
            return NULL;
        }
        vmconfig_bind(vm, nodes);
    }
    return g_steal_pointer(&vm);
}

/* Policy. */

static Policy *find_policy(const WhatIf *what_if, const Call *call, GError **error)
{
    gsize length;

    if (what_if->policy == NULL) {
        return call_read_policy(call);
    }
    g_autofree char *text = root_read_named(what_if->policy, ROOT_FILE_LIMIT, &length, error);
    if (text == NULL) {
        g_prefix_error(error, "--policy: ");
        return NULL;
    }
    return call_parse_policy(call, what_if->policy, text, length);
}

Policy *whatif_policy(const WhatIf *what_if, const Call *call, const Host *host, GError **error)
{
    g_autoptr(Policy) policy = find_policy(what_if, call, error);
    if (policy == NULL) {
        return NULL;
    }
    if (what_if->smt != NULL && !policy_take(policy, "smt", what_if->smt, error)) {
        g_prefix_error(error, "--smt: ");
        return NULL;
    }
    if (what_if->pool != NULL) {
        g_autoptr(CpuSet) pool = read_list("pool", what_if->pool, host->online, "CPU", error);
        if (pool == NULL || !policy_take(policy, "cpus", what_if->pool, error)) {
            g_prefix_error(error, "%s", pool != NULL ? "--pool: " : "");
            return NULL;
        }
    }
    return g_steal_pointer(&policy);
}

/* Other guests. */

Taken *whatif_taken(const WhatIf *what_if, const Call *call, const Host *host, GError **error)
{
    if (what_if->taken == NULL) {
        return what_if->topology != NULL ? taken_new()
                                         : ledger_taken(call->root, call->vmid, error);
    }
    g_autoptr(CpuSet) cpus = read_list("taken", what_if->taken, host->online, "CPU", error);
    if (cpus == NULL) {
        return NULL;
    }
    Taken *taken = taken_new();
    if (!hwloc_bitmap_iszero(cpus)) {
        taken_add(taken, 0, cpus);
    }
    return taken;
}
