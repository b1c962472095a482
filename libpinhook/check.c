// SPDX-License-Identifier: LGPL-2.1-or-later
#include "check.h"

#include "advice.h"
#include "planner.h"

/// A check under way. Each check_… below looks at one thing and adds its findings.
typedef struct {
    const Request *request; // what is looked at, and what fixes are made from
    const Plan *plan;
    GPtrArray *findings;
} Check;

void verdict_free(Verdict *verdict)
{
    if (verdict == NULL) {
        return;
    }
    g_ptr_array_unref(verdict->findings);
    g_free(verdict);
}

/// Takes @fix and @message, unless the policy turns the finding off.
static void add_as(Check *check, FindingCode code, Severity severity, char *fix, char *message)
{
    if (severity == SEVERITY_OFF) {
        g_free(fix);
        g_free(message);
        return;
    }
    g_ptr_array_add(check->findings, finding_new(code, severity, message, fix));
}

/// Takes @fix.
static void G_GNUC_PRINTF(4, 5)
    add(Check *check, FindingCode code, char *fix, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_as(
        check, code, check->request->policy->severities[code], fix, g_strdup_vprintf(format, args));
    va_end(args);
}

/* The files. */

/// A comment loses nothing, and Proxmox takes it for the VM's description.
static char *comment_out(guint vmid, guint line)
{
    return g_strdup_printf("sed -i '%us/^/#/' /etc/pve/qemu-server/%u.conf", line, vmid);
}

/// The CPUs that a wrongly named option asks for, if they are isolated; else others that are; else
/// these all the same, if the host has them.
static char *fix_unknown_option(const Check *check, const VmConfigProblem *problem)
{
    const Host *host = check->request->host;
    g_autoptr(CpuSet) wanted = cpuset_parse_list(problem->value, ',', NULL);
    char *fix = NULL;

    /* Where the policy names the CPUs, no affinity is to take the option's place. */
    if (host == NULL || wanted == NULL || check->request->pool->source == POOL_POLICY) {
        return comment_out(check->request->vmid, problem->line);
    }
    if (!hwloc_bitmap_isincluded(wanted, host->isolation->isolated)) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && hwloc_bitmap_isincluded(wanted, host->online)) {
        fix = advice_these_cpus(check->request, wanted);
    }
    return fix != NULL ? fix : comment_out(check->request->vmid, problem->line);
}

static char *fix_for_problem(const Check *check, const VmConfigProblem *problem)
{
    guint vmid = check->request->vmid;
    char *fix = NULL;

    if (problem->kind == VMCONFIG_UNKNOWN_OPTION) {
        return fix_unknown_option(check, problem);
    }
    if (problem->kind == VMCONFIG_BAD_AFFINITY && check->request->host != NULL &&
        check->request->pool->source != POOL_POLICY) {
        fix = advice_other_cpus(check->request);
    }
    if (fix == NULL && problem->key != NULL) {
        fix = g_strdup_printf("qm set %u --delete %s", vmid, problem->key);
    }
    if (fix == NULL && problem->line > 0) {
        fix = comment_out(vmid, problem->line);
    }
    return fix != NULL ? fix : g_strdup_printf("qm config %u", vmid);
}

static void check_config(Check *check)
{
    static const FindingCode codes[] = {
        [VMCONFIG_UNREADABLE] = FINDING_CONFIG_UNREADABLE,
        [VMCONFIG_UNKNOWN_OPTION] = FINDING_UNKNOWN_OPTION,
        [VMCONFIG_BAD_AFFINITY] = FINDING_AFFINITY_INVALID,
    };
    const GPtrArray *problems = check->request->vm->problems;

    for (guint i = 0; i < problems->len; i++) {
        const VmConfigProblem *problem = problems->pdata[i];
        g_autofree char *where = problem->line > 0 ? g_strdup_printf("line %u: ", problem->line)
                                                   : g_strdup("");
        add(check, codes[problem->kind], fix_for_problem(check, problem), "%s%s", where,
            problem->message);
    }
}

/// A comment loses nothing. The rules of a group that is none would fall to the group above it.
static char *fix_policy(const PolicyProblem *problem)
{
    if (problem->line == 0) {
        return g_strdup("ls -l /" POLICY_PATH);
    }
    g_autofree char *rest = problem->last_line > problem->line
                                ? g_strdup_printf(",%u", problem->last_line)
                                : g_strdup("");
    return g_strdup_printf("sed -i '%u%ss/^/#/' /" POLICY_PATH, problem->line, rest);
}

static void check_policy(Check *check)
{
    const GPtrArray *problems = check->request->policy->problems;
    Severity severity = check->request->policy->severities[FINDING_POLICY_INVALID];

    for (guint i = 0; i < problems->len; i++) {
        const PolicyProblem *problem = problems->pdata[i];
        add_as(check, FINDING_POLICY_INVALID,
            problem->applies ? severity : MIN(severity, SEVERITY_WARNING), fix_policy(problem),
            problem->line > 0
                ? g_strdup_printf("/" POLICY_PATH " line %u: %s", problem->line, problem->message)
                : g_strdup(problem->message));
    }
}

/* The cells. */

static void check_cell_vcpus(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autoptr(CpuSet) all = cpuset_new(), seen = cpuset_new(), doubled = cpuset_new();

    hwloc_bitmap_set_range(all, 0, (int)vm->vcpus_most - 1);
    g_autofree char *have = cpuset_to_list(all);
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->cpus == NULL) {
            add(check, FINDING_CELL_CPUS, advice_cells(check->request),
                "numa%u has no cpus=", cell->index);
            return;
        }
        g_autoptr(CpuSet) beyond = cpuset_minus(cell->cpus, all);
        if (!hwloc_bitmap_iszero(beyond)) {
            g_autofree char *ids = cpuset_to_list(cell->cpus);
            add(check, FINDING_CELL_CPUS, advice_cells(check->request),
                "numa%u: cpus=%s are ids of vCPUs, and this VM has vCPU %s", cell->index, ids,
                have);
            return;
        }
        g_autoptr(CpuSet) again = cpuset_and(seen, cell->cpus);
        hwloc_bitmap_or(doubled, doubled, again);
        hwloc_bitmap_or(seen, seen, cell->cpus);
    }
    g_autoptr(CpuSet) missing = cpuset_minus(all, seen);
    const CpuSet *wrong = hwloc_bitmap_iszero(doubled) ? missing : doubled;
    if (!hwloc_bitmap_iszero(wrong)) {
        g_autofree char *ids = cpuset_to_list(wrong);
        add(check, FINDING_CELL_CPUS, advice_cells(check->request), "vCPU %s is in %s", ids,
            wrong == missing ? "no cell" : "several cells");
    }
}

static void check_cell_memory(Check *check)
{
    const VmConfig *vm = check->request->vm;
    guint64 sum = 0;

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->hostnodes != NULL && cell->policy == NULL) {
            add(check, FINDING_CELL_MEMORY, advice_cells(check->request),
                "numa%u has hostnodes but no policy", cell->index);
            return;
        }
        if (cell->memory_mib == 0) {
            add(check, FINDING_CELL_MEMORY, advice_cells(check->request), "numa%u has no memory",
                cell->index);
            return;
        }
        sum += cell->memory_mib;
    }
    if (sum != vm->memory_mib) {
        add(check, FINDING_CELL_MEMORY, advice_cells(check->request),
            "the cells have %" G_GUINT64_FORMAT " MiB, the VM %" G_GUINT64_FORMAT, sum,
            vm->memory_mib);
    }
}

/// Whether the host has all the nodes that are named.
static gboolean check_cell_nodes(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autoptr(CpuSet) missing = cpuset_new();

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        unsigned node;
        if (cell->hostnodes == NULL) {
            continue;
        }
        hwloc_bitmap_foreach_begin (node, cell->hostnodes) {
            if (host_node(check->request->host, node) == NULL) {
                hwloc_bitmap_set(missing, node);
            }
        }
        hwloc_bitmap_foreach_end();
    }
    if (!hwloc_bitmap_iszero(missing)) {
        g_autofree char *nodes = cpuset_to_list(missing);
        add(check, FINDING_NODE_MISSING, advice_cells(check->request),
            "hostnodes names node %s, which this host does not have", nodes);
    }
    return hwloc_bitmap_iszero(missing);
}

/// Each cell takes what it needs from its nodes, in order; what is left is for the next.
static guint64 take_memory(
    guint64 *left_mib, const Host *host, const CpuSet *nodes, guint64 needed_mib)
{
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (hwloc_bitmap_isset(nodes, node->index)) {
            guint64 taken = MIN(left_mib[i], needed_mib);
            left_mib[i] -= taken;
            needed_mib -= taken;
        }
    }
    return needed_mib;
}

/// Another node with room for the cell; where there is none, whatever memory is left.
static char *fix_node_memory(const Check *check, const guint64 *left_mib, const VmCell *cell)
{
    const Host *host = check->request->host;
    g_autoptr(CpuSet) roomy = cpuset_new();

    for (guint i = 0; i < host->nodes->len && hwloc_bitmap_iszero(roomy); i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (left_mib[i] >= cell->memory_mib && !hwloc_bitmap_iszero(node->cpus)) {
            hwloc_bitmap_set(roomy, node->index);
        }
    }
    return hwloc_bitmap_iszero(roomy) ? advice_preferred_cell(check->request, cell)
                                      : advice_move_cell(check->request, cell, roomy);
}

static void check_memory_of_cell(Check *check, guint64 *left_mib, const VmCell *cell)
{
    guint64 short_mib = take_memory(
        left_mib, check->request->host, cell->hostnodes, cell->memory_mib);

    if (short_mib > 0) {
        g_autofree char *nodes = cpuset_to_list(cell->hostnodes);
        add(check, FINDING_NODE_MEMORY, fix_node_memory(check, left_mib, cell),
            "numa%u binds %" G_GUINT64_FORMAT " MiB to node %s, where %" G_GUINT64_FORMAT
            " MiB are free",
            cell->index, cell->memory_mib, nodes, cell->memory_mib - short_mib);
    }
}

/// Cells with fewer nodes to take from come first.
static void check_node_memory(Check *check)
{
    const VmConfig *vm = check->request->vm;
    const Host *host = check->request->host;
    g_autofree guint64 *left_mib = g_new0(guint64, MAX(host->nodes->len, 1));

    for (guint i = 0; i < host->nodes->len; i++) {
        left_mib[i] = host_node_available_mib(host->nodes->pdata[i], vm->hugepages);
    }
    for (guint nodes = 1; nodes <= host->nodes->len; nodes++) {
        for (guint i = 0; i < vm->guest_cells->len; i++) {
            const VmCell *cell = vm->guest_cells->pdata[i];
            if (cell->hostnodes != NULL && g_strcmp0(cell->policy, "bind") == 0 &&
                cpuset_count(cell->hostnodes) == nodes) {
                check_memory_of_cell(check, left_mib, cell);
            }
        }
    }
}

static void check_cells(Check *check)
{
    /* Without `numa: 1` Proxmox passes over the lines. */
    if (!check->request->vm->numa || check->request->vm->cells->len == 0) {
        return;
    }
    check_cell_vcpus(check);
    check_cell_memory(check);
    if (check_cell_nodes(check)) {
        check_node_memory(check);
    }
}

/* The pool, and why there is no plan. */

static const char *pool_name(const Pool *pool)
{
    switch (pool->source) {
    case POOL_POLICY:
        return "cpus of the policy";
    case POOL_AFFINITY:
        return "affinity";
    case POOL_ISOLATED:
        return "isolated CPUs";
    }
    g_assert_not_reached();
}

/// Why the VM cannot have them: "; online here: 0-7", or "; 2-3 are isolated in a cgroup that VMs
/// are not in, left: 0-1".
static char *explain_missing(const Host *host, const CpuSet *missing)
{
    g_autoptr(CpuSet) elsewhere = cpuset_and(missing, host->isolation->elsewhere);
    g_autofree char *kept = cpuset_to_list(elsewhere);
    g_autofree char *online = cpuset_to_list(host->online);

    return *kept != '\0'
               ? g_strdup_printf("; %s %s isolated in a cgroup that VMs are not in, left: %s", kept,
                     cpuset_count(elsewhere) > 1 ? "are" : "is", online)
               : g_strdup_printf("; online here: %s", online);
}

static void check_pool(Check *check)
{
    const Pool *pool = check->request->pool;

    if (hwloc_bitmap_iszero(pool->missing)) {
        return;
    }
    g_autofree char *missing = cpuset_to_list(pool->missing);
    g_autofree char *why = explain_missing(check->request->host, pool->missing);
    char *fix = advice_other_cpus(check->request);
    if (fix == NULL) {
        fix = advice_these_cpus(check->request, pool->online);
    }
    add(check, FINDING_CPU_MISSING, fix != NULL ? fix : advice_any_cpus(check->request),
        "%s names CPU %s%s", pool_name(pool), missing, why);
}

static void explain_misaligned(Check *check)
{
    const VmConfig *vm = check->request->vm;
    g_autoptr(CpuSet) pool_nodes = host_nodes_of(check->request->host, check->request->pool->free);
    g_autoptr(CpuSet) cell_nodes = cpuset_new();

    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes != NULL) {
            hwloc_bitmap_or(cell_nodes, cell_nodes, cell->hostnodes);
        }
    }

    g_autofree char *pool_list = cpuset_to_list(check->request->pool->free);
    g_autofree char *pool_node_list = cpuset_to_list(pool_nodes);
    g_autofree char *cell_node_list = cpuset_to_list(cell_nodes);
    static const Advise tries[] = { advice_other_cpus, advice_cells_of_pool, NULL };
    add(check, FINDING_NUMA_MISALIGNED, advice_first(check->request, tries),
        "memory is bound to node %s, but the %s with enough room (CPU %s) lie on node %s",
        cell_node_list, pool_name(check->request->pool), pool_list, pool_node_list);
}

/// The end of a guest that holds any of @cpus.
static char *name_holder(const Request *request, const CpuSet *cpus)
{
    for (guint i = 0; i < request->taken->holdings->len; i++) {
        const Holding *holding = request->taken->holdings->pdata[i];
        if (hwloc_bitmap_intersects(holding->cpus, cpus)) {
            return g_strdup_printf(
                "%s shutdown %u", holding->container ? "pct" : "qm", holding->vmid);
        }
    }
    return NULL;
}

static char *fix_taken(const Check *check, const CpuSet *cpus)
{
    char *fix = advice_other_cpus(check->request);

    return fix != NULL ? fix : name_holder(check->request, cpus);
}

static void explain_taken(Check *check)
{
    const Request *request = check->request;
    g_autofree char *holders = taken_name_holders(request->taken, request->pool->online);

    add(check, FINDING_CPU_TAKEN, fix_taken(check, request->pool->online),
        "held by %s; left of %s: %u for %u vCPUs", holders, pool_name(request->pool),
        cpuset_count(request->pool->free), request->vm->vcpus_most);
}

static char *fix_too_few(const Request *request)
{
    static const Advise for_isolated[] = { advice_other_cpus, advice_plainer_policy, advice_isolate,
        advice_fewer_vcpus, advice_any_cpus, advice_default_policy, NULL };
    static const Advise for_given[] = { advice_other_cpus, advice_plainer_policy,
        advice_fewer_vcpus, advice_any_cpus, advice_default_policy, NULL };

    char *fix = advice_first(
        request, request->pool->source == POOL_ISOLATED ? for_isolated : for_given);

    return fix != NULL ? fix : name_holder(request, request->host->online);
}

/// What one vCPU takes, or a core of the guest.
static char *describe_need(const Request *request)
{
    guint unit = planner_unit(request->vm, request->policy);

    if (unit > 1) {
        return g_strdup_printf("%u CPUs of one core for each %u", unit, unit);
    }
    return g_strdup_printf("a %s%s", request->policy->smt == POLICY_SMT_ISOLATE ? "core" : "CPU",
        request->vm->vcpus_most > 1 ? " each" : "");
}

static void explain_too_few(Check *check)
{
    const Request *request = check->request;
    const VmConfig *vm = request->vm;
    g_autofree char *list = cpuset_to_list(request->pool->free);
    g_autofree char *need = describe_need(request);
    g_autofree char *vcpus = vm->vcpus_present < vm->vcpus_most
                                 ? g_strdup_printf("%u vCPUs (%u at start) need", vm->vcpus_most,
                                       vm->vcpus_present)
                             : vm->vcpus_most > 1 ? g_strdup_printf("%u vCPUs need", vm->vcpus_most)
                                                  : g_strdup("1 vCPU needs");

    add(check, FINDING_TOO_FEW_CPUS, fix_too_few(request), "%s %s%s; usable %s: %s", vcpus, need,
        request->policy->emulator == POLICY_SPARE ? ", and QEMU's other threads a core" : "",
        pool_name(request->pool), *list != '\0' ? list : "none");
}

static void explain_no_plan(Check *check)
{
    if (advice_fits_unbound(check->request)) {
        explain_misaligned(check);
    } else if (advice_fits_alone(check->request)) {
        explain_taken(check);
    } else {
        explain_too_few(check);
    }
}

/* The plan. */

static char *fix_isolation(const Check *check, FindingCode code)
{
    static const Advise tries[] = { advice_other_cpus, advice_isolate, NULL };
    char *fix = advice_first(check->request, tries);

    return fix != NULL ? fix : advice_accept(check->request, code);
}

static void check_isolation(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;
    g_autoptr(CpuSet) awake = cpuset_minus(check->plan->cpus, isolation->isolated);
    g_autoptr(CpuSet) awake_cores = cpuset_minus(check->plan->cores, isolation->isolated);
    g_autoptr(CpuSet) siblings = cpuset_minus(awake_cores, check->plan->cpus);
    g_autofree char *isolated = cpuset_to_list(isolation->isolated);

    if (!hwloc_bitmap_iszero(awake)) {
        g_autofree char *list = cpuset_to_list(awake);
        add(check, FINDING_NOT_ISOLATED, fix_isolation(check, FINDING_NOT_ISOLATED),
            "CPU %s, chosen for vCPUs, is not isolated; isolated here: %s", list,
            *isolated != '\0' ? isolated : "none");
    }
    if (!hwloc_bitmap_iszero(siblings) && hwloc_bitmap_iszero(awake)) {
        g_autofree char *list = cpuset_to_list(siblings);
        add(check, FINDING_SIBLING_NOT_ISOLATED, fix_isolation(check, FINDING_SIBLING_NOT_ISOLATED),
            "CPU %s, sibling of a vCPU's CPU, is not isolated; isolated here: %s", list, isolated);
    }
}

static void check_shared_cores(Check *check)
{
    g_autoptr(CpuSet) shared = cpuset_and(check->plan->cores, check->request->taken->cpus);

    if (!hwloc_bitmap_iszero(shared)) {
        g_autofree char *holders = taken_name_holders(check->request->taken, shared);
        add(check, FINDING_CORE_TAKEN, fix_taken(check, shared),
            "siblings of this VM's CPUs are held by %s", holders);
    }
}

static char *fix_others(const Check *check)
{
    static const Advise tries[] = { advice_housekeeping, advice_fewer_vcpus, NULL };
    const Request *request = check->request;
    g_autoptr(CpuSet)
        awake = cpuset_minus(request->host->online, request->host->isolation->isolated);
    char *fix = advice_first(request, tries);

    if (fix == NULL && hwloc_bitmap_intersects(awake, request->taken->cpus)) {
        fix = name_holder(request, awake);
    }
    return fix != NULL ? fix : advice_accept(request, FINDING_NO_HOUSEKEEPING);
}

static void check_others(Check *check)
{
    if (check->plan->others_share) {
        g_autofree char *others = cpuset_to_list(check->plan->others);
        add(check, FINDING_NO_HOUSEKEEPING, fix_others(check),
            "no CPU is left for QEMU's other threads; they would share CPU %s", others);
    }
}

static void check_plan(Check *check)
{
    if (check->plan == NULL) {
        explain_no_plan(check);
        return;
    }
    check_isolation(check);
    check_shared_cores(check);
    check_others(check);
}

/* The host, and habits of the VM. */

static void check_isolcpus(Check *check)
{
    const Isolation *isolation = check->request->host->isolation;

    if (isolation->cmdline_isolcpus_text == NULL) {
        return;
    }
    g_autoptr(CpuSet)
        online = isolation->cmdline_isolcpus != NULL
                     ? cpuset_and(isolation->cmdline_isolcpus, check->request->host->online)
                     : cpuset_new();
    if (isolation->cmdline_domain && hwloc_bitmap_isincluded(online, isolation->isolated)) {
        return;
    }
    g_autofree char *wanted = cpuset_to_list(online);
    g_autofree char *isolated = cpuset_to_list(isolation->isolated);
    add(check, FINDING_ISOLCPUS_IGNORED,
        *wanted != '\0' ? g_strdup_printf("on the kernel command line, then reboot: "
                                          "isolcpus=domain,managed_irq,%s",
                              wanted)
                        : NULL,
        "isolcpus=%.40s is on the kernel command line, isolated are: %s",
        isolation->cmdline_isolcpus_text, *isolated != '\0' ? isolated : "none");
}

static guint count_memory_nodes(const Host *host)
{
    guint count = 0;

    for (guint i = 0; i < host->nodes->len; i++) {
        count += ((const HostNode *)host->nodes->pdata[i])->total_mib > 0;
    }
    return count;
}

static gboolean memory_is_bound(const VmConfig *vm)
{
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes == NULL || g_strcmp0(cell->policy, "bind") != 0) {
            return FALSE;
        }
    }
    return vm->guest_cells->len > 0;
}

static void check_memory_binding(Check *check)
{
    const VmConfig *vm = check->request->vm;
    guint nodes = count_memory_nodes(check->request->host);

    if (nodes < 2 || memory_is_bound(vm)) {
        return;
    }
    g_autoptr(CpuSet) nodes_of_cpus = host_nodes_of(check->request->host,
        check->plan != NULL ? check->plan->cpus : check->request->pool->online);
    char *fix = advice_bind_memory(check->request, nodes_of_cpus);
    if (fix == NULL && !vm->numa && vm->cells->len > 0) {
        fix = g_strdup_printf("qm set %u --numa 1", check->request->vmid);
    }
    add(check, FINDING_MEMORY_UNBOUND, fix, "%s, and this host has %u nodes",
        !vm->numa && vm->cells->len > 0 ? "without 'numa: 1' the numa lines bind nothing"
                                        : "the memory is bound to no node",
        nodes);
}

static void check_freeze(Check *check)
{
    if (!check->request->vm->freeze && !check->request->vm->incoming) {
        add(check, FINDING_NOT_FROZEN,
            g_strdup_printf("qm set %u --freeze 1", check->request->vmid),
            "the guest runs before its vCPUs are bound");
    }
}

static VerdictResult weigh(const Check *check)
{
    gboolean enforced = check->request->policy->mode == POLICY_ENFORCE;

    if (enforced && finding_list_count(check->findings, SEVERITY_ERROR) > 0) {
        return VERDICT_REFUSE;
    }
    return check->findings->len > 0 ? VERDICT_WARN : VERDICT_PASS;
}

Verdict *check_start(const Request *request, const Plan *plan)
{
    Check check = { .request = request, .plan = plan, .findings = finding_list_new() };

    check_config(&check);
    check_policy(&check);
    if (request->vm->readable) {
        check_cells(&check);
        check_pool(&check);
        check_plan(&check);
        check_isolcpus(&check);
        check_memory_binding(&check);
        check_freeze(&check);
    }

    Verdict *verdict = g_new(Verdict, 1);
    verdict->result = weigh(&check);
    verdict->findings = check.findings;
    return verdict;
}
