// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/planner-case.h"

#include "place/planner.h"
#include "fakes/fake-host.h"

#include <string.h>

void case_free(Case *c)
{
    if (c == NULL) {
        return;
    }
    vmconfig_free(c->vm);
    policy_free(c->policy);
    host_free(c->host);
    taken_free(c->taken);
    g_clear_pointer(&c->devices, g_ptr_array_unref);
    pool_free(c->pool);
    plan_free(c->plan);
    g_free(c);
}

Request case_request(const Case *c)
{
    return (Request){ .vmid = 100,
        .vm = c->vm,
        .policy = c->policy,
        .host = c->host,
        .devices = c->devices,
        .taken = c->taken,
        .pool = c->pool };
}

Plan *case_place(const Case *c)
{
    Request request = case_request(c);

    return planner_place(&request);
}

Case *case_new(Host *host, const char *config, const char *rules, const char *taken)
{
    g_autofree char *policy = g_strconcat("[defaults]\n", rules, NULL);
    Case *c = g_new0(Case, 1);

    c->host = host;
    c->vm = vmconfig_parse(config, strlen(config));
    c->policy = policy_parse(policy, NULL, 100);
    c->taken = taken_new();
    if (*taken != '\0') {
        g_autoptr(CpuSet) cpus = cpuset_parse_list(taken, ',', NULL);
        taken_add(c->taken, 101, cpus);
    }
    g_assert_cmpuint(c->vm->problems->len, ==, 0);
    g_assert_cmpuint(c->policy->problems->len, ==, 0);
    c->pool = pool_new(c->vm, c->policy, c->host, c->taken);
    c->plan = case_place(c);
    return c;
}

char *case_cpus(const Case *c)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (c->plan == NULL) {
        return g_strdup("none");
    }
    for (guint i = 0; i < c->plan->vcpus->len; i++) {
        g_string_append_printf(text, "%s%u", i > 0 ? " " : "", plan_vcpu(c->plan, i)->cpu);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The hard rules. */

static CpuSet *cpus_of_vcpus(const Plan *plan)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        hwloc_bitmap_set(cpus, plan_vcpu(plan, i)->cpu);
    }
    return cpus;
}

static const char *find_broken_vcpu(const Case *c)
{
    const Plan *plan = c->plan;
    g_autoptr(CpuSet) cpus = cpus_of_vcpus(plan);

    if (plan->vcpus->len != c->vm->vcpus_most || plan->present != c->vm->vcpus_present) {
        return "not all vCPUs are planned";
    }
    if (cpuset_count(cpus) != plan->vcpus->len || !hwloc_bitmap_isequal(cpus, plan->cpus)) {
        return "a CPU goes to several vCPUs";
    }
    if (!hwloc_bitmap_isincluded(cpus, c->pool->free) ||
        hwloc_bitmap_intersects(cpus, c->taken->cpus)) {
        return "a CPU is not in the pool, or held by another guest";
    }
    if (!hwloc_bitmap_isincluded(cpus, c->host->online)) {
        return "a CPU is offline";
    }
    for (guint i = 0; i < plan->vcpus->len; i++) {
        const PlanVcpu *vcpu = plan_vcpu(plan, i);
        int place = host_core_of(c->host, vcpu->cpu);
        const HostCore *core = c->host->cores->pdata[place];
        if (vcpu->vcpu != i || (int)vcpu->core != place || vcpu->node != core->node ||
            vcpu->llc != core->llc) {
            return "a vCPU's core, node or LLC is not that of its CPU";
        }
    }
    return NULL;
}

const CpuSet *case_nodes_for_vcpu(const Case *c, guint vcpu)
{
    for (guint i = 0; i < c->vm->guest_cells->len; i++) {
        const VmCell *cell = c->vm->guest_cells->pdata[i];
        if (cell->hostnodes != NULL && hwloc_bitmap_isset(cell->cpus, vcpu)) {
            return cell->hostnodes;
        }
    }
    return NULL;
}

static const char *find_broken_cell(const Case *c)
{
    for (guint i = 0; i < c->plan->vcpus->len; i++) {
        const PlanVcpu *vcpu = plan_vcpu(c->plan, i);
        const CpuSet *nodes = case_nodes_for_vcpu(c, i);
        if (nodes != NULL && !hwloc_bitmap_isset(nodes, vcpu->node)) {
            return "a vCPU lies off its cell's hostnodes";
        }
        if (!hwloc_bitmap_isset(c->plan->nodes, vcpu->node) ||
            (nodes != NULL && !hwloc_bitmap_isincluded(nodes, c->plan->nodes))) {
            return "a node of the VM is missing from the plan's nodes";
        }
    }
    return NULL;
}

static const char *find_broken_reservation(const Case *c)
{
    const Plan *plan = c->plan;
    g_autoptr(CpuSet) cores = host_whole_cores(c->host, plan->cpus);
    g_autoptr(CpuSet) spare = cpuset_minus(plan->reserved, plan->cores);
    g_autoptr(CpuSet) spare_core = host_whole_cores(c->host, plan->others);

    if (!hwloc_bitmap_isequal(plan->cores, cores) ||
        !hwloc_bitmap_isincluded(cores, plan->reserved)) {
        return "the vCPUs' cores are not reserved whole";
    }
    if (c->policy->emulator != POLICY_SPARE) {
        return hwloc_bitmap_iszero(spare) ? NULL : "more is reserved than the vCPUs' cores";
    }
    if (!hwloc_bitmap_isequal(spare, spare_core) || cpuset_count(plan->others) != 1 ||
        !hwloc_bitmap_isincluded(plan->others, c->pool->free)) {
        return "the spare core is not one whole core of the pool";
    }
    return NULL;
}

static const char *find_broken_others(const Case *c)
{
    const Plan *plan = c->plan;

    if (hwloc_bitmap_iszero(plan->others) ||
        !hwloc_bitmap_isincluded(plan->others, c->host->online)) {
        return "the other threads have no CPU";
    }
    if (!plan->others_share && (hwloc_bitmap_intersects(plan->others, plan->cores) ||
                                   hwloc_bitmap_intersects(plan->others, c->taken->cpus))) {
        return "the other threads share a vCPU's core, or another guest's, and nobody is told";
    }
    if (cpuset_count(plan->others) > 1 &&
        hwloc_bitmap_intersects(plan->others, c->host->isolation->isolated)) {
        return "the other threads would pile up on one of several isolated CPUs";
    }
    return NULL;
}

guint case_unit(const Case *c)
{
    if (c->policy->smt == POLICY_SMT_ISOLATE) {
        return 1;
    }
    return c->policy->smt == POLICY_SMT_PAIR ? MAX(c->vm->threads, 2) : c->vm->threads;
}

gboolean case_may_share(const Case *c, guint a, guint b, gboolean together)
{
    guint unit = case_unit(c);

    if (unit == 1) {
        return !together || c->policy->smt == POLICY_SMT_AUTO;
    }
    return together == (a / unit == b / unit);
}

static const char *find_broken_sharing(const Case *c)
{
    for (guint a = 0; a < c->plan->vcpus->len; a++) {
        for (guint b = a + 1; b < c->plan->vcpus->len; b++) {
            gboolean together = plan_vcpu(c->plan, a)->core == plan_vcpu(c->plan, b)->core;
            if (!case_may_share(c, a, b, together)) {
                return together ? "vCPUs that were promised cores of their own share one"
                                : "siblings of the guest are none of the host";
            }
        }
    }
    return NULL;
}

static const char *find_broken_repetition(const Case *c)
{
    g_autoptr(Plan) again = case_place(c);
    g_autoptr(JsonObject) first = plan_to_json(c->plan), second = plan_to_json(again);

    return json_object_equal(first, second) ? NULL : "the same input gives another plan";
}

const char *case_find_broken_rule(const Case *c)
{
    static const char *(*const rules[])(const Case *c) = { find_broken_vcpu, find_broken_cell,
        find_broken_reservation, find_broken_others, find_broken_sharing, find_broken_repetition };
    const char *broken = NULL;

    for (gsize i = 0; broken == NULL && i < G_N_ELEMENTS(rules); i++) {
        broken = rules[i](c);
    }
    return broken;
}

char *case_describe(const Case *c, const char *host, const char *config, const char *rules)
{
    g_autofree char *isolated = cpuset_to_list(c->host->isolation->isolated);
    g_autofree char *taken = cpuset_to_list(c->taken->cpus);
    g_autofree char *cpus = case_cpus(c);

    return g_strdup_printf(
        "host %s, isolated %s, held %s, plan %s\n%s%s", host, isolated, taken, cpus, config, rules);
}

/* Cases by chance, always the same ones. */

static const FakeCore scattered[] = {
    { "0,8", 0, 0, 0 },
    { "2,10", 0, 0, 0 },
    { "4,12", 0, 1, 0 },
    { "6,14", 0, 1, 0 },
    { "1,9", 1, 2, 0 },
    { "3,11", 1, 2, 0 },
    { "5,13", 1, 3, 0 },
    { "7,15", 1, 3, 0 },
    { NULL },
};

static const FakeCore lopsided[] = {
    { "0", 0, 0, 0 },
    { "1-2", 0, 1, 0 },
    { "3-6", 0, 1, 0 },
    { "7", 1, 2, 0 },
    { "9-10", 2, 3, 0 },
    { "12,14", 2, 3, 0 },
    { NULL },
};

static const FakeCore four_ways[] = {
    { "0-3", 0, 0, 0 },
    { "4-7", 0, 0, 0 },
    { NULL },
};

static const struct {
    const char *name;
    const char *shape;
    const FakeCore *cores;
} hosts[SOME_HOSTS] = {
    { "one core", "numa:1 core:1 pu:1", NULL },
    { "one core of two", "numa:1 core:1 pu:2", NULL },
    { "small", "numa:1 l3:1 core:4 pu:2", NULL },
    { "without siblings", "numa:1 l3:2 core:4 pu:1", NULL },
    { "two nodes", "numa:2 l3:1 core:4 pu:2", NULL },
    { "many LLCs", "numa:2 l3:4 core:2 pu:2", NULL },
    { "four nodes", "numa:4 l3:1 core:2 pu:1", NULL },
    { "eight nodes", "numa:8 l3:1 core:1 pu:2", NULL },
    { "scattered", NULL, scattered },
    { "hybrid", NULL, fake_hybrid },
    { "lopsided", NULL, lopsided },
    { "four ways", NULL, four_ways },
};

Host *some_host(guint i)
{
    return hosts[i].cores != NULL ? fake_host_new_of_cores(hosts[i].cores, "")
                                  : fake_host_new(hosts[i].shape, "");
}

const char *some_host_name(guint i)
{
    return hosts[i].name;
}

CpuSet *some_of(GRand *rand, const Host *host, const CpuSet *set)
{
    double share = g_rand_double(rand);
    gboolean whole = g_rand_boolean(rand);
    g_autoptr(CpuSet) some = cpuset_new();
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, set) {
        if (g_rand_double(rand) < share) {
            hwloc_bitmap_set(some, cpu);
        }
    }
    hwloc_bitmap_foreach_end();
    return whole ? host_whole_cores(host, some) : g_steal_pointer(&some);
}

char *some_list(GRand *rand, const Host *host)
{
    g_autoptr(CpuSet) some = some_of(rand, host, host->online);

    return cpuset_to_list(some);
}

/// The nodes of a cell, one or several; CPU-less ones too.
static char *some_nodes(GRand *rand, const Host *host)
{
    g_autoptr(CpuSet) nodes = cpuset_new();

    for (int count = g_rand_int_range(rand, 1, 3); count > 0; count--) {
        gint32 place = g_rand_int_range(rand, 0, (gint32)host->nodes->len);
        hwloc_bitmap_set(nodes, ((const HostNode *)host->nodes->pdata[place])->index);
    }
    return cpuset_to_ids(nodes);
}

/// Cells of two vCPUs or more, the last with what is left, most of them bound to nodes.
static void add_cells(GRand *rand, GString *config, const Host *host, guint vcpus)
{
    guint first = 0;

    g_string_append(config, "numa: 1\n");
    for (guint i = 0; i < 4 && first < vcpus; i++) {
        guint last = first + (guint)g_rand_int_range(rand, 0, 3) * 2 + 1;
        last = i == 3 || last >= vcpus ? vcpus - 1 : last;
        g_autofree char *nodes = some_nodes(rand, host);
        g_string_append_printf(config, "numa%u: cpus=%u-%u,memory=512", i, first, last);
        if (g_rand_int_range(rand, 0, 4) > 0) {
            g_string_append_printf(config, ",hostnodes=%s;%s,policy=bind", nodes, nodes);
        }
        g_string_append_c(config, '\n');
        first = last + 1;
    }
}

char *some_config(GRand *rand, const Host *host, guint most)
{
    g_autoptr(GString) config = g_string_new("memory: 4096\n");
    guint vcpus = (guint)g_rand_int_range(rand, 1, (gint32)most + 1);
    gboolean threads = g_rand_int_range(rand, 0, 4) == 0 && vcpus % 2 == 0;

    g_string_append_printf(config, "cores: %u\n", vcpus);
    if (threads) {
        g_string_append_printf(config, "args: -smp %u,cores=%u,threads=2\n", vcpus, vcpus / 2);
    } else if (g_rand_int_range(rand, 0, 3) == 0) {
        g_string_append_printf(
            config, "vcpus: %u\n", (guint)g_rand_int_range(rand, 1, (gint32)vcpus + 1));
    }
    if (g_rand_int_range(rand, 0, 3) == 0) {
        add_cells(rand, config, host, vcpus);
    }
    if (g_rand_boolean(rand)) {
        g_autofree char *list = some_list(rand, host);
        if (*list != '\0') {
            g_string_append_printf(config, "affinity: %s,%s\n", list, list);
        }
    }
    return g_string_free(g_steal_pointer(&config), FALSE);
}

char *some_rules(GRand *rand, const Host *host)
{
    static const char *const smts[] = { "auto", "auto", "isolate", "pair" };
    static const char *const kinds[] = { "fast", "fast", "slow", "any" };
    static const char *const llcs[] = { "fit", "fit", "largest" };
    g_autofree char *list = some_list(rand, host);
    gint32 emulator = g_rand_int_range(rand, 0, 6);

    return g_strdup_printf("smt = %s\nkind = %s\nllc = %s\nemulator = %s\n",
        smts[g_rand_int_range(rand, 0, 4)], kinds[g_rand_int_range(rand, 0, 4)],
        llcs[g_rand_int_range(rand, 0, 3)],
        emulator == 0                    ? "spare"
        : emulator == 1 && *list != '\0' ? list
                                         : "housekeeping");
}
