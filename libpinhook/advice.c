// SPDX-License-Identifier: LGPL-2.1-or-later
#include "advice.h"

static Plan *place_in(const Advice *advice, const Pool *pool)
{
    return planner_place(advice->vm, advice->policy, advice->host, pool, advice->taken);
}

char *advice_these_cpus(const Advice *advice, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    if (*list == '\0') {
        return NULL;
    }
    if (advice->pool->source == POOL_POLICY) {
        return g_strdup_printf("in /" POLICY_PATH ", under [vm %u]: cpus = %s", advice->vmid, list);
    }
    return g_strdup_printf("qm set %u --affinity %s", advice->vmid, list);
}

char *advice_other_cpus(const Advice *advice)
{
    g_autoptr(Pool) isolated = pool_of_isolated(advice->policy, advice->host, advice->taken);
    g_autoptr(Plan) plan = place_in(advice, isolated);

    return plan != NULL ? advice_these_cpus(advice, plan->cpus) : NULL;
}

/// All that could be isolated: not the first core, nor what others hold, nor is isolated already.
static CpuSet *awake_cpus(const Advice *advice)
{
    const Host *host = advice->host;
    g_autoptr(CpuSet) first = cpuset_new();

    hwloc_bitmap_set(first, (unsigned)hwloc_bitmap_first(host->online));
    g_autoptr(CpuSet) first_core = host_whole_cores(host, first);
    g_autoptr(CpuSet) unheld = cpuset_minus(host->online, advice->taken->cpus);
    g_autoptr(CpuSet) awake = cpuset_minus(unheld, host->isolation->isolated);
    return cpuset_minus(awake, first_core);
}

char *advice_isolate(const Advice *advice)
{
    g_autoptr(CpuSet) awake = awake_cpus(advice);
    Pool pool = { .source = POOL_ISOLATED, .asked = awake, .online = awake, .free = awake };
    g_autoptr(Plan) plan = place_in(advice, &pool);

    if (plan == NULL) {
        return NULL;
    }
    g_autoptr(CpuSet) isolated = cpuset_or(advice->host->isolation->isolated, plan->reserved);
    g_autofree char *list = cpuset_to_list(isolated);
    return g_strdup_printf("on the kernel command line, then reboot: "
                           "isolcpus=domain,managed_irq,%s nohz_full=%s rcu_nocbs=%s",
        list, list, list);
}

static guint count_cores(const Advice *advice, const CpuSet *cpus)
{
    guint count = 0;

    for (guint i = 0; i < advice->host->cores->len; i++) {
        count += hwloc_bitmap_intersects(((HostCore *)advice->host->cores->pdata[i])->cpus, cpus);
    }
    return count;
}

char *advice_fewer_vcpus(const Advice *advice, guint most)
{
    g_autoptr(CpuSet) awake = awake_cpus(advice);
    guint fit = count_cores(advice, advice->pool->free);

    if (fit == 0) {
        fit = count_cores(advice, awake);
    }
    fit = MIN(fit, most);
    return fit > 0 ? g_strdup_printf("qm set %u --sockets 1 --cores %u", advice->vmid, fit) : NULL;
}

/* The numa lines. */

static gboolean vcpus_are_given_once(const VmConfig *vm)
{
    g_autoptr(CpuSet) given = cpuset_new();

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->cpus == NULL || hwloc_bitmap_intersects(given, cell->cpus)) {
            return FALSE;
        }
        hwloc_bitmap_or(given, given, cell->cpus);
    }
    return hwloc_bitmap_last(given) == (int)vm->vcpus_most - 1 &&
           cpuset_count(given) == vm->vcpus_most;
}

static gboolean memory_adds_up(const VmConfig *vm)
{
    guint64 sum = 0;

    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        if (cell->memory_mib == 0) {
            return FALSE;
        }
        sum += cell->memory_mib;
    }
    return sum == vm->memory_mib;
}

/// The @i'th of @count equal parts of @total begins here.
static guint64 part_start(guint64 total, guint i, guint count)
{
    return total * i / count;
}

static char *cell_vcpus(const VmConfig *vm, guint i, gboolean keep)
{
    g_autoptr(CpuSet) split = cpuset_new();
    guint64 first = part_start(vm->vcpus_most, i, vm->cells->len);
    guint64 end = part_start(vm->vcpus_most, i + 1, vm->cells->len);

    if (keep) {
        return cpuset_to_ids(((const VmCell *)vm->cells->pdata[i])->cpus);
    }
    if (end > first) {
        hwloc_bitmap_set_range(split, (unsigned)first, (int)end - 1);
    }
    return cpuset_to_ids(split);
}

static guint64 cell_memory(const VmConfig *vm, guint i, gboolean keep)
{
    if (keep) {
        return ((const VmCell *)vm->cells->pdata[i])->memory_mib;
    }
    return part_start(vm->memory_mib, i + 1, vm->cells->len) -
           part_start(vm->memory_mib, i, vm->cells->len);
}

/// The nodes that the cell keeps of @allowed, or the @i'th of @allowed, round and round.
static char *cell_nodes(const VmCell *cell, guint i, const CpuSet *allowed)
{
    g_autoptr(CpuSet) kept = cpuset_and(cell->hostnodes, allowed);
    int node = -1;

    if (hwloc_bitmap_iszero(kept)) {
        for (guint steps = i % cpuset_count(allowed) + 1; steps > 0; steps--) {
            node = hwloc_bitmap_next(allowed, node);
        }
        hwloc_bitmap_set(kept, (unsigned)node);
    }
    return cpuset_to_ids(kept);
}

static CpuSet *host_node_numbers(const Host *host)
{
    CpuSet *numbers = cpuset_new();

    for (guint i = 0; i < host->nodes->len; i++) {
        hwloc_bitmap_set(numbers, ((const HostNode *)host->nodes->pdata[i])->index);
    }
    return numbers;
}

char *advice_cells(const Advice *advice, const CpuSet *hostnodes)
{
    const VmConfig *vm = advice->vm;
    g_autoptr(GString) line = g_string_new(NULL);
    g_autoptr(CpuSet) all = host_node_numbers(advice->host);
    const CpuSet *allowed = hostnodes != NULL ? hostnodes : all;
    gboolean keep_vcpus = vcpus_are_given_once(vm), keep_memory = memory_adds_up(vm);

    if (vm->cells->len == 0 || vm->cells->len > vm->vcpus_most || hwloc_bitmap_iszero(allowed)) {
        return NULL;
    }
    g_string_printf(line, "qm set %u", advice->vmid);
    for (guint i = 0; i < vm->cells->len; i++) {
        const VmCell *cell = vm->cells->pdata[i];
        g_autofree char *vcpus = cell_vcpus(vm, i, keep_vcpus);
        g_autoptr(GString) value = g_string_new(NULL);

        g_string_printf(value, "cpus=%s", vcpus);
        if (cell->hostnodes != NULL) {
            g_autofree char *nodes = cell_nodes(cell, i, allowed);
            g_string_append_printf(value, ",hostnodes=%s", nodes);
        }
        g_string_append_printf(
            value, ",memory=%" G_GUINT64_FORMAT, cell_memory(vm, i, keep_memory));
        if (cell->hostnodes != NULL || cell->policy != NULL) {
            g_string_append_printf(
                value, ",policy=%s", cell->policy != NULL ? cell->policy : "bind");
        }
        const char *quote = strchr(value->str, ';') != NULL ? "'" : "";
        g_string_append_printf(line, " --numa%u %s%s%s", cell->index, quote, value->str, quote);
    }
    return g_string_free(g_steal_pointer(&line), FALSE);
}

char *advice_bind_memory(const Advice *advice, const CpuSet *nodes)
{
    const VmConfig *vm = advice->vm;
    g_autofree char *ids = cpuset_to_ids(nodes);
    const char *quote = strchr(ids, ';') != NULL ? "'" : "";

    if (vm->cells->len > 0 || *ids == '\0') {
        return NULL;
    }
    g_autofree char *vcpus = vm->vcpus_most > 1 ? g_strdup_printf("0-%u", vm->vcpus_most - 1)
                                                : g_strdup("0");
    return g_strdup_printf(
        "qm set %u --numa 1 --numa0 %scpus=%s,hostnodes=%s,memory=%" G_GUINT64_FORMAT
        ",policy=bind%s",
        advice->vmid, quote, vcpus, ids, vm->memory_mib, quote);
}

char *advice_accept(const Advice *advice, const char *name)
{
    return g_strdup_printf(
        "to accept it: printf '\\n[vm %u]\\ncheck.%s = warning\\n' >> /" POLICY_PATH, advice->vmid,
        name);
}

/* What would be if. */

gboolean advice_fits_unbound(const Advice *advice)
{
    g_autoptr(GPtrArray) no_cells = g_ptr_array_new();
    VmConfig unbound = *advice->vm; // shares all but the cells, and is not freed

    unbound.guest_cells = no_cells;
    g_autoptr(Plan)
        plan = planner_place(&unbound, advice->policy, advice->host, advice->pool, advice->taken);
    return plan != NULL;
}

gboolean advice_fits_alone(const Advice *advice)
{
    g_autoptr(Taken) nothing = taken_new();
    Pool pool = *advice->pool; // shares the sets, and is not freed

    pool.free = pool.online;
    g_autoptr(Plan) plan = planner_place(advice->vm, advice->policy, advice->host, &pool, nothing);
    return plan != NULL;
}
