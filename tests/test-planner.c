// SPDX-License-Identifier: LGPL-2.1-or-later
#include "planner.h"

#include "fake-host.h"

#include <string.h>

/* A case: a guest, a policy, a host, what others hold, and the plan made of them. */

typedef struct {
    VmConfig *vm;
    Policy *policy;
    Host *host;
    GPtrArray *devices; // Device
    Taken *taken;
    Pool *pool;
    Plan *plan; // NULL: there is none
} Case;

static void case_free(Case *c)
{
    if (c == NULL) {
        return;
    }
    vmconfig_free(c->vm);
    policy_free(c->policy);
    host_free(c->host);
    taken_free(c->taken);
    pool_free(c->pool);
    plan_free(c->plan);
    g_free(c);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Case, case_free)

static Plan *place(const Case *c)
{
    return planner_place(&(Request){ .vmid = 100,
        .vm = c->vm,
        .policy = c->policy,
        .host = c->host,
        .devices = c->devices,
        .taken = c->taken,
        .pool = c->pool });
}

/// Takes @host. @rules: lines of [defaults]. @taken: a list that VM 101 holds, "" for none.
static Case *plan_for(Host *host, const char *config, const char *rules, const char *taken)
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
    c->plan = place(c);
    return c;
}

/// The CPUs by vCPU, as "2 4 6"; "none" where there is no plan. The caller frees it.
static char *cpus_by_vcpu(const Case *c)
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

static void assert_set(const CpuSet *set, const char *expected)
{
    g_autofree char *list = cpuset_to_list(set);

    g_assert_cmpstr(list, ==, expected);
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

/// The nodes that the first cell naming the vCPU binds it to; NULL: it may lie anywhere.
static const CpuSet *nodes_for_vcpu(const VmConfig *vm, guint vcpu)
{
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->cpus != NULL && cell->hostnodes != NULL && hwloc_bitmap_isset(cell->cpus, vcpu)) {
            return cell->hostnodes;
        }
    }
    return NULL;
}

static const char *find_broken_cell(const Case *c)
{
    for (guint i = 0; i < c->plan->vcpus->len; i++) {
        const PlanVcpu *vcpu = plan_vcpu(c->plan, i);
        const CpuSet *nodes = nodes_for_vcpu(c->vm, i);
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

/// How many vCPUs the guest has been told share a core; 1: each has its own.
static guint unit_of(const Case *c)
{
    if (c->policy->smt == POLICY_SMT_ISOLATE) {
        return 1;
    }
    return c->policy->smt == POLICY_SMT_PAIR ? MAX(c->vm->threads, 2) : c->vm->threads;
}

/// Whether the vCPUs @a and @b may, and whether they must, lie on one core.
static gboolean may_share(const Case *c, guint a, guint b, gboolean together)
{
    guint unit = unit_of(c);

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
            if (!may_share(c, a, b, together)) {
                return together ? "vCPUs that were promised cores of their own share one"
                                : "siblings of the guest are none of the host";
            }
        }
    }
    return NULL;
}

static const char *find_broken_repetition(const Case *c)
{
    g_autoptr(Plan) again = place(c);
    g_autoptr(JsonObject) first = plan_to_json(c->plan), second = plan_to_json(again);

    return json_object_equal(first, second) ? NULL : "the same input gives another plan";
}

/// The first hard rule that the plan breaks; NULL: none.
static const char *find_broken_rule(const Case *c)
{
    static const char *(*const rules[])(const Case *c) = { find_broken_vcpu, find_broken_cell,
        find_broken_reservation, find_broken_others, find_broken_sharing, find_broken_repetition };
    const char *broken = NULL;

    for (gsize i = 0; broken == NULL && i < G_N_ELEMENTS(rules); i++) {
        broken = rules[i](c);
    }
    return broken;
}

/// What a failed assertion needs to say of a case. The caller frees it.
static char *describe(const Case *c, const char *host, const char *config, const char *rules)
{
    g_autofree char *isolated = cpuset_to_list(c->host->isolation->isolated);
    g_autofree char *taken = cpuset_to_list(c->taken->cpus);
    g_autofree char *cpus = cpus_by_vcpu(c);

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

static const FakeCore hybrid[] = {
    { "0-1", 0, 0, 1 },
    { "2-3", 0, 0, 1 },
    { "4-5", 0, 0, 1 },
    { "6", 0, 0, 0 },
    { "7", 0, 0, 0 },
    { "8", 0, 0, 0 },
    { "9", 0, 0, 0 },
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
} hosts[] = {
    { "one core", "numa:1 core:1 pu:1", NULL },
    { "one core of two", "numa:1 core:1 pu:2", NULL },
    { "small", "numa:1 l3:1 core:4 pu:2", NULL },
    { "without siblings", "numa:1 l3:2 core:4 pu:1", NULL },
    { "two nodes", "numa:2 l3:1 core:4 pu:2", NULL },
    { "many LLCs", "numa:2 l3:4 core:2 pu:2", NULL },
    { "four nodes", "numa:4 l3:1 core:2 pu:1", NULL },
    { "eight nodes", "numa:8 l3:1 core:1 pu:2", NULL },
    { "scattered", NULL, scattered },
    { "hybrid", NULL, hybrid },
    { "lopsided", NULL, lopsided },
    { "four ways", NULL, four_ways },
};

static Host *make_host(guint i)
{
    return hosts[i].cores != NULL ? fake_host_new_of_cores(hosts[i].cores, "")
                                  : fake_host_new(hosts[i].shape, "");
}

/// Some of @set: a random share of it. Whole cores half of the time.
static CpuSet *some_of(GRand *rand, const Host *host, const CpuSet *set)
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

static char *some_list(GRand *rand, const Host *host)
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
            g_string_append_printf(config, ",hostnodes=%s,policy=bind", nodes);
        }
        g_string_append_c(config, '\n');
        first = last + 1;
    }
}

static char *some_config(GRand *rand, const Host *host, guint most)
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
            g_string_append_printf(config, "affinity: %s\n", list);
        }
    }
    return g_string_free(g_steal_pointer(&config), FALSE);
}

static char *some_rules(GRand *rand, const Host *host)
{
    static const char *const smts[] = { "auto", "auto", "isolate", "pair" };
    g_autofree char *list = some_list(rand, host);
    gint32 emulator = g_rand_int_range(rand, 0, 6);

    return g_strdup_printf("smt = %s\nemulator = %s\n", smts[g_rand_int_range(rand, 0, 4)],
        emulator == 0                    ? "spare"
        : emulator == 1 && *list != '\0' ? list
                                         : "housekeeping");
}

static void test_no_case_breaks_a_hard_rule(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20240607);
    guint planned = 0;

    for (guint i = 0; i < 6000; i++) {
        guint which = i % G_N_ELEMENTS(hosts);
        Host *host = make_host(which);
        g_autofree char *isolated = some_list(rand, host);
        g_autofree char *held = some_list(rand, host);
        g_autofree char *config = some_config(rand, host, cpuset_count(host->online));
        g_autofree char *rules = some_rules(rand, host);

        fake_host_set_isolation(host, isolated, NULL);
        g_autoptr(Case) c = plan_for(host, config, rules, g_rand_boolean(rand) ? held : "");
        const char *broken = c->plan != NULL ? find_broken_rule(c) : NULL;
        if (broken != NULL) {
            g_autofree char *what = describe(c, hosts[which].name, config, rules);
            g_error("%s: %s", broken, what);
        }
        planned += c->plan != NULL;
    }
    g_assert_cmpuint(planned, >, 1500);
}

/* An oracle: every way to give CPUs to vCPUs, until one holds the hard rules. */

typedef struct {
    const Case *c;
    guint cpus[8];
    guint count;
} Search;

static gboolean can_take(const Search *search, guint cpu)
{
    const Case *c = search->c;
    int core = host_core_of(c->host, cpu);
    const CpuSet *nodes = nodes_for_vcpu(c->vm, search->count);

    if (nodes != NULL &&
        !hwloc_bitmap_isset(nodes, ((const HostCore *)c->host->cores->pdata[core])->node)) {
        return FALSE;
    }
    for (guint i = 0; i < search->count; i++) {
        gboolean together = host_core_of(c->host, search->cpus[i]) == core;
        if (search->cpus[i] == cpu || !may_share(c, i, search->count, together)) {
            return FALSE;
        }
    }
    return TRUE;
}

/// Whether a core of the pool is left for the other threads.
static gboolean leaves_spare(const Search *search)
{
    g_autoptr(CpuSet) used = cpuset_new();

    for (guint i = 0; i < search->count; i++) {
        hwloc_bitmap_set(used, search->cpus[i]);
    }
    g_autoptr(CpuSet) cores = host_whole_cores(search->c->host, used);
    return !hwloc_bitmap_isincluded(search->c->pool->free, cores);
}

static gboolean exists(Search *search)
{
    const Case *c = search->c;
    unsigned cpu;

    if (search->count == c->vm->vcpus_most) {
        return c->policy->emulator != POLICY_SPARE || leaves_spare(search);
    }
    hwloc_bitmap_foreach_begin (cpu, c->pool->free) {
        if (can_take(search, cpu)) {
            search->cpus[search->count++] = cpu;
            if (exists(search)) {
                return TRUE;
            }
            search->count--;
        }
    }
    hwloc_bitmap_foreach_end();
    return FALSE;
}

static const FakeCore crossed[] = {
    { "0,4", 0, 0, 0 },
    { "2,6", 0, 1, 0 },
    { "1,5", 1, 2, 0 },
    { "3,7", 1, 3, 0 },
    { NULL },
};

static const FakeCore three_nodes[] = {
    { "0", 0, 0, 0 },
    { "1-2", 0, 0, 0 },
    { "3", 1, 1, 0 },
    { "4-5", 1, 1, 0 },
    { "6-7", 2, 2, 1 },
    { NULL },
};

static void assert_finds_what_exists(
    GRand *rand, const FakeCore *cores, const char *rules, guint *planned)
{
    Host *host = fake_host_new_of_cores(cores, "");
    g_autofree char *isolated = some_list(rand, host);
    g_autofree char *held = some_list(rand, host);
    g_autofree char *config = some_config(rand, host, 5);

    fake_host_set_isolation(host, isolated, NULL);
    g_autoptr(Case) c = plan_for(host, config, rules, g_rand_boolean(rand) ? held : "");
    Search search = { .c = c };
    if (exists(&search) != (c->plan != NULL)) {
        g_autofree char *what = describe(
            c, cores == crossed ? "crossed" : "three nodes", config, rules);
        g_error("%s: %s", c->plan != NULL ? "a plan that cannot be" : "a plan was missed", what);
    }
    *planned += c->plan != NULL;
}

/// @data: the lines of [defaults].
static void test_finds_a_plan_where_one_exists(gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(42);
    guint planned = 0;

    for (guint i = 0; i < 1500; i++) {
        assert_finds_what_exists(rand, crossed, data, &planned);
        assert_finds_what_exists(rand, three_nodes, data, &planned);
    }
    g_assert_cmpuint(planned, >, 500);
}

/* Examples: one for each thing that the order of the planner says. */

typedef struct {
    const char *name;
    const char *shape;     // of the host, or
    const FakeCore *cores; // its cores
    const char *isolated;
    const char *config;
    const char *rules;
    const char *taken;
    const char *cpus; // by vCPU
} Example;

/* Nodes 0 and 1: slow cores on the first, fast ones on the second. */
static const FakeCore kinds_by_node[] = {
    { "0", 0, 0, 0 },
    { "1", 0, 0, 0 },
    { "2", 1, 1, 1 },
    { "3", 1, 1, 1 },
    { NULL },
};

/* Fast cores under two LLCs, slow ones under one. */
static const FakeCore kinds_by_llc[] = {
    { "0", 0, 0, 1 },
    { "1", 0, 1, 1 },
    { "2", 0, 2, 0 },
    { "3", 0, 2, 0 },
    { NULL },
};

/* Node 0: two cores with an LLC each. Node 1: four with one. */
static const FakeCore tight_but_split[] = {
    { "0", 0, 0, 0 },
    { "1", 0, 1, 0 },
    { "2", 1, 2, 0 },
    { "3", 1, 2, 0 },
    { "4", 1, 2, 0 },
    { "5", 1, 2, 0 },
    { NULL },
};

static const FakeCore sibling_after_eight[] = {
    { "0,8", 0, 0, 0 },
    { "1,9", 0, 0, 0 },
    { "2,10", 0, 0, 0 },
    { "3,11", 0, 0, 0 },
    { "4,12", 0, 0, 0 },
    { "5,13", 0, 0, 0 },
    { "6,14", 0, 0, 0 },
    { "7,15", 0, 0, 0 },
    { NULL },
};

static const Example examples[] = {
    { "fewest-nodes", "numa:2 l3:1 core:4 pu:1", NULL, "1-7", "cores: 4\n", "", "", "4 5 6 7" },
    { "fewest-nodes-even-if-llcs-are-split", "numa:2 l3:2 core:2 pu:1", NULL, "1-2,4-7",
        "cores: 3\n", "", "", "4 5 6" },
    { "fastest-kind", NULL, hybrid, "0-9", "cores: 3\n", "", "", "0 2 4" },
    { "slow-kind-alone-before-a-mix", NULL, hybrid, "0-9", "cores: 4\n", "", "", "6 7 8 9" },
    { "mix-of-kinds-when-none-suffices", NULL, hybrid, "0-9", "cores: 5\n", "smt = isolate\n", "",
        "0 2 4 6 7" },
    { "fastest-kind-of-several-nodes", NULL, kinds_by_node, "0-3", "cores: 2\n", "", "", "2 3" },
    { "kind-before-llcs", NULL, kinds_by_llc, "0-3", "cores: 2\n", "", "", "0 1" },
    { "fewest-llcs", "numa:1 l3:2 core:4 pu:1", NULL, "1-7", "cores: 4\n", "", "", "4 5 6 7" },
    { "llcs-before-best-fit", NULL, tight_but_split, "0-5", "cores: 2\n", "", "", "2 3" },
    { "best-fit-llc", "numa:1 l3:2 core:4 pu:1", NULL, "0-5", "cores: 2\n", "", "", "4 5" },
    { "best-fit-llc-for-what-is-left", "numa:1 l3:3 core:4 pu:1", NULL, "0-9", "cores: 6\n", "", "",
        "0 1 2 3 8 9" },
    { "best-fit-node", "numa:2 l3:2 core:2 pu:1", NULL, "0-5", "cores: 2\n", "", "", "4 5" },
    { "lowest-numbers", "numa:2 l3:1 core:4 pu:1", NULL, "0-7", "cores: 2\n", "", "", "0 1" },
    { "lowest-numbers-beside-another-guest", "numa:2 l3:1 core:4 pu:1", NULL, "1-3,5-7",
        "cores: 2\n", "", "1,5", "2 3" },

    { "isolated-cores-first", "numa:1 core:4 pu:1", NULL, "2-3", "cores: 2\naffinity: 0-3\n", "",
        "", "2 3" },
    { "whole-isolated-cores-first", "numa:1 core:3 pu:2", NULL, "2,4-5",
        "cores: 1\naffinity: 0-5\n", "", "", "4" },
    { "isolated-siblings-before-awake-cores", "numa:1 core:4 pu:2", NULL, "6-7",
        "cores: 2\naffinity: 0-7\n", "", "", "6 7" },
    { "the-isolated-one-of-two-siblings", "numa:1 core:2 pu:2", NULL, "3",
        "cores: 1\naffinity: 2-3\n", "", "", "3" },
    { "cores-of-its-own-before-shared-ones", "numa:1 core:4 pu:2", NULL, "0-7",
        "cores: 2\naffinity: 1,3-7\n", "", "0,2", "4 6" },
    { "a-core-shared-with-another-guest-at-last", "numa:1 core:2 pu:2", NULL, "0-3",
        "cores: 2\naffinity: 0-3\n", "smt = isolate\n", "0", "1 2" },

    { "auto-whole-cores", "numa:1 core:4 pu:2", NULL, "0-7", "cores: 4\n", "", "", "0 2 4 6" },
    { "auto-then-siblings-first-ones-first", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 5\n", "",
        "", "2 4 6 3 5" },
    { "auto-guest-threads-on-siblings", "numa:1 core:4 pu:2", NULL, "0-7",
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", "", "", "0 1 2 3" },
    { "auto-guest-threads-on-scattered-siblings", NULL, sibling_after_eight, "0-15",
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", "", "", "0 8 1 9" },
    { "auto-guest-threads-need-siblings", "numa:1 core:4 pu:1", NULL, "0-3",
        "cores: 4\nargs: -smp 4,cores=2,threads=2\n", "", "", "none" },
    { "isolate-whole-cores-or-none", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 4\n",
        "smt = isolate\n", "", "none" },
    { "isolate-whole-cores", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 3\n", "smt = isolate\n", "",
        "2 4 6" },
    { "pair", NULL, sibling_after_eight, "2-7,10-15", "cores: 4\n", "smt = pair\n", "",
        "2 10 3 11" },
    { "pair-leaves-an-odd-one-its-own-core", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 3\n",
        "smt = pair\n", "", "2 3 4" },
    { "pair-passes-over-half-cores", "numa:1 core:4 pu:2", NULL, "1-7", "cores: 2\naffinity: 1-7\n",
        "smt = pair\n", "", "2 3" },

    { "a-cell-on-its-node", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n", "",
        "", "4 5" },
    { "cells-crosswise", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 4\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=0;2,hostnodes=1,memory=32,policy=bind\n"
        "numa1: cpus=1;3,hostnodes=0,memory=32,policy=bind\n",
        "", "", "4 0 5 1" },
    { "a-cell-without-room-on-its-node", "numa:2 l3:1 core:4 pu:1", NULL, "0-4",
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n", "",
        "", "none" },
    { "cells-without-hostnodes-bind-nothing", "numa:2 l3:1 core:4 pu:1", NULL, "0-4",
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,memory=64\n", "", "", "0 1" },
    { "numa-lines-without-numa-bind-nothing", "numa:2 l3:1 core:4 pu:1", NULL, "0-4",
        "cores: 2\nmemory: 64\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n", "", "",
        "0 1" },
    { "unbound-vcpus-beside-the-bound-ones", "numa:2 l3:1 core:4 pu:1", NULL, "0-7",
        "cores: 3\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=0-1,hostnodes=1,memory=32,policy=bind\nnuma1: cpus=2,memory=32\n",
        "", "", "4 5 6" },
    { "a-guest-core-cut-by-cells", "numa:2 l3:1 core:2 pu:2", NULL, "0-7",
        "cores: 2\nmemory: 64\nnuma: 1\nargs: -smp 2,cores=1,threads=2\n"
        "numa0: cpus=0,hostnodes=0,memory=32,policy=bind\n"
        "numa1: cpus=1,hostnodes=1,memory=32,policy=bind\n",
        "", "", "none" },

    { "those-to-be-hot-plugged-too", "numa:1 core:8 pu:1", NULL, "2-7", "cores: 6\nvcpus: 2\n", "",
        "", "2 3 4 5 6 7" },
    { "no-room-for-those-to-be-hot-plugged", "numa:1 core:8 pu:1", NULL, "2-6",
        "cores: 6\nvcpus: 2\n", "", "", "none" },
    { "nothing-isolated", "numa:1 core:4 pu:2", NULL, "", "cores: 1\n", "", "", "none" },
    { "the-policys-cpus-before-the-affinity", "numa:1 core:4 pu:1", NULL, "1-3",
        "cores: 1\naffinity: 1\n", "cpus = 3\n", "", "3" },
    { "spare-needs-a-core-more", "numa:1 core:4 pu:1", NULL, "1-3", "cores: 3\n",
        "emulator = spare\n", "", "none" },
    { "the-emulators-cpus-are-no-vcpus", "numa:1 core:4 pu:1", NULL, "1-3", "cores: 2\n",
        "emulator = 1\n", "", "2 3" },
    { "not-the-siblings-of-the-emulators-cpus", "numa:1 core:4 pu:2", NULL, "2-7", "cores: 2\n",
        "emulator = 2\n", "", "4 6" },
};

static void test_example(gconstpointer data)
{
    const Example *example = data;
    Host *host = example->cores != NULL ? fake_host_new_of_cores(example->cores, example->isolated)
                                        : fake_host_new(example->shape, example->isolated);
    g_autoptr(Case) c = plan_for(host, example->config, example->rules, example->taken);
    g_autofree char *cpus = cpus_by_vcpu(c);

    g_assert_cmpstr(cpus, ==, example->cpus);
    if (c->plan != NULL) {
        g_assert_cmpstr(find_broken_rule(c), ==, NULL);
    }
}

/* What a line of text does not say of a host. */

static void assert_cpus(const Case *c, const char *expected)
{
    g_autofree char *cpus = cpus_by_vcpu(c);

    g_assert_cmpstr(cpus, ==, expected);
}

static void test_nearest_nodes(void)
{
    Host *host = fake_host_new("numa:4 l3:1 core:2 pu:1", "0-7");

    fake_host_set_distance(host, 0, 1, 32);
    fake_host_set_distance(host, 1, 3, 12);
    g_autoptr(Case) c = plan_for(host, "cores: 4\n", "", "");
    assert_cpus(c, "2 3 6 7");
    assert_set(c->plan->nodes, "1,3");
}

static void test_distance_before_memory(void)
{
    Host *host = fake_host_new("numa:4 l3:1 core:2 pu:1", "0-7");

    fake_host_set_distance(host, 1, 3, 12);
    fake_host_set_free_mib(host, 1, 0);
    fake_host_set_free_mib(host, 3, 0);
    g_autoptr(Case) c = plan_for(host, "cores: 4\nmemory: 4096\n", "", "");
    assert_cpus(c, "2 3 6 7");
}

static void test_node_with_memory(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 4095);
    fake_host_set_free_mib(host, 1, 4096);
    g_autoptr(Case) c = plan_for(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "4 5");
}

static void test_reclaimable_memory_counts(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 4000);
    ((HostNode *)host_node(host, 0))->reclaimable_mib = 96;
    g_autoptr(Case) c = plan_for(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "0 1");
}

static void test_fewest_nodes_before_memory(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 3000);
    fake_host_set_free_mib(host, 1, 3000);
    g_autoptr(Case) c = plan_for(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "0 1");
}

static void test_memory_before_kind(void)
{
    Host *host = fake_host_new_of_cores(kinds_by_node, "0-3");

    fake_host_set_free_mib(host, 1, 100);
    g_autoptr(Case) c = plan_for(host, "cores: 2\nmemory: 4096\n", "", "");
    assert_cpus(c, "0 1");
}

static void test_node_with_hugepages(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_set_free_mib(host, 0, 2048);
    fake_host_set_free_mib(host, 1, 2048);
    fake_host_add_hugepages(host, 1, 1024 * 1024, 4);
    g_autoptr(Case) c = plan_for(host, "cores: 2\nmemory: 4096\nhugepages: 1024\n", "", "");
    assert_cpus(c, "4 5");
}

static void test_memory_of_a_node_without_cpus(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_add_memory_node(host, 2, 65536);
    g_autoptr(Case) c = plan_for(host,
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1;2,memory=64,policy=bind\n", "",
        "");
    assert_cpus(c, "4 5");
    assert_set(c->plan->nodes, "1-2");
}

static void test_a_node_without_cpus_alone(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");

    fake_host_add_memory_node(host, 2, 65536);
    g_autoptr(Case) c = plan_for(host,
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=2,memory=64,policy=bind\n", "",
        "");
    assert_cpus(c, "none");
}

static void test_more_nodes_than_are_tried(void)
{
    Host *host = fake_host_new("numa:20 core:1 pu:1", "0-19");
    g_autoptr(Case) c = plan_for(host, "cores: 20\n", "", "");

    g_assert_nonnull(c->plan);
    g_assert_cmpstr(find_broken_rule(c), ==, NULL);
}

static void test_cells_with_nodes_in_common(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:2 pu:1", "0-3");
    g_autoptr(Case) c = plan_for(host,
        "cores: 4\nmemory: 64\nnuma: 1\n"
        "numa0: cpus=0-1,hostnodes=0-1,memory=32,policy=bind\n"
        "numa1: cpus=2-3,hostnodes=0,memory=32,policy=bind\n",
        "", "");

    g_assert_nonnull(c->plan);
    g_assert_cmpstr(find_broken_rule(c), ==, NULL);
}

/* The other threads. */

static void test_others_on_housekeeping_of_the_node(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "1-3,5-7");
    g_autoptr(Case) c = plan_for(host, "cores: 2\naffinity: 5-7\n", "", "");

    assert_set(c->plan->others, "4");
    assert_set(c->plan->reserved, "5-6");
    g_assert_false(c->plan->others_share);
}

/// Four cores of two siblings. All but the first core are in partitions, of which VMs are in one
/// that has one sibling of each.
static Host *make_host_of_halves(void)
{
    return fake_host_new_isolated("core:4 pu:2",
        &(IsolationFiles){ .possible = "0-7", .partition = "2-7", .cpuset = "0-2,4,6" });
}

static void test_siblings_in_a_partition_without_the_vms(void)
{
    g_autoptr(Case) three = plan_for(make_host_of_halves(), "cores: 3\n", "", "");
    g_autoptr(Case) four = plan_for(make_host_of_halves(), "cores: 4\n", "", "");
    g_autofree char *cpus = cpus_by_vcpu(three);

    g_assert_cmpstr(cpus, ==, "2 4 6");
    assert_set(three->plan->cores, "2-7");
    assert_set(three->plan->others, "0-1");
    g_assert_null(find_broken_rule(three));
    g_assert_null(four->plan);
}

static void test_others_on_housekeeping_elsewhere(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "2-7");
    g_autoptr(Case) c = plan_for(host, "cores: 2\naffinity: 4-7\n", "", "");

    assert_set(c->plan->others, "0-1");
    g_assert_false(c->plan->others_share);
}

static void test_others_off_other_guests(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:1", "2-3");
    g_autoptr(Case) c = plan_for(host, "cores: 2\n", "", "1");

    assert_set(c->plan->others, "0");
    g_assert_false(c->plan->others_share);
}

static void test_others_have_no_cpu_left(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:1", "");
    g_autoptr(Case) c = plan_for(host, "cores: 4\naffinity: 0-3\n", "", "");

    g_assert_true(c->plan->others_share);
    g_assert_cmpstr(find_broken_rule(c), ==, NULL);
}

static void test_others_share_one_isolated_cpu(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:1", "0-3");
    g_autoptr(Case) c = plan_for(host, "cores: 3\n", "", "");

    g_assert_true(c->plan->others_share);
    g_assert_cmpuint(cpuset_count(c->plan->others), ==, 1);
}

static void test_spare_core(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:2", "2-7");
    g_autoptr(Case) c = plan_for(host, "cores: 2\n", "emulator = spare\n", "");

    assert_cpus(c, "2 4");
    assert_set(c->plan->cores, "2-5");
    assert_set(c->plan->reserved, "2-7");
    assert_set(c->plan->others, "6");
}

static void test_spare_core_on_the_vcpus_node(void)
{
    Host *host = fake_host_new("numa:2 l3:1 core:4 pu:1", "0-7");
    g_autoptr(Case) c = plan_for(host,
        "cores: 2\nmemory: 64\nnuma: 1\nnuma0: cpus=0-1,hostnodes=1,memory=64,policy=bind\n",
        "emulator = spare\n", "");

    assert_cpus(c, "4 5");
    assert_set(c->plan->others, "6");
}

static void test_spare_core_beside_siblings(void)
{
    Host *host = fake_host_new("numa:1 core:4 pu:2", "2-7");
    g_autoptr(Case) c = plan_for(host, "cores: 3\n", "emulator = spare\n", "");

    assert_cpus(c, "2 4 3");
    assert_set(c->plan->others, "6");
}

static void test_emulator_cpus(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "3-5");
    g_autoptr(Case) c = plan_for(host, "cores: 2\n", "emulator = 1-2\n", "");

    assert_set(c->plan->others, "1-2");
    assert_set(c->plan->reserved, "3-4");
    g_assert_false(c->plan->others_share);
}

static void test_one_of_several_isolated_emulator_cpus(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "2-5");
    g_autoptr(Case) c = plan_for(host, "cores: 2\n", "emulator = 2-3\n", "");

    assert_cpus(c, "4 5");
    assert_set(c->plan->others, "2");
}

static void test_awake_emulator_cpus_before_isolated(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "2-5");
    g_autoptr(Case) c = plan_for(host, "cores: 2\n", "emulator = 1-3\n", "");

    assert_set(c->plan->others, "1");
}

static void test_emulator_cpus_that_another_guest_holds(void)
{
    Host *host = fake_host_new("numa:1 core:6 pu:1", "2-5");
    g_autoptr(Case) c = plan_for(host, "cores: 2\n", "emulator = 1,2\n", "1");

    assert_set(c->plan->others, "2");
    g_assert_false(c->plan->others_share);
}

/* Flaws of other systems that must not be this one's (placement_cases.json, known_flaws). */

static JsonObject *load_placement_cases(void)
{
    const char *data = g_getenv("PINHOOK_DATA");
    g_autofree char *path = g_build_filename(
        data != NULL ? data : "", "placement_cases.json", NULL);
    JsonObject *cases = data != NULL ? json_object_from_file(path) : NULL;

    if (data == NULL) {
        g_test_skip("PINHOOK_DATA is not set");
    }
    return cases;
}

static JsonObject *find_flaw(JsonObject *cases, const char *id)
{
    JsonObject *flaws = json_object_object_get(cases, "known_flaws");

    for (gsize i = 0; i < json_object_array_length(flaws); i++) {
        JsonObject *flaw = json_object_array_get_idx(flaws, i);
        if (strcmp(json_object_get_string(json_object_object_get(flaw, "id")), id) == 0) {
            return flaw;
        }
    }
    g_assert_not_reached();
}

static gint64 get_number(JsonObject *row, gsize column)
{
    return json_object_get_int64(json_object_array_get_idx(row, column));
}

/// Rows of cpu, core, socket, node, LLC, those of a core one after the other.
static Host *host_of_rows(JsonObject *rows, const char *isolated)
{
    g_autoptr(GArray) cores = g_array_new(TRUE, TRUE, sizeof(FakeCore));
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (gsize i = 0; i < json_object_array_length(rows); i += 2) {
        JsonObject *first = json_object_array_get_idx(rows, i);
        JsonObject *second = json_object_array_get_idx(rows, i + 1);
        g_assert_cmpint(get_number(first, 1), ==, get_number(second, 1));
        char *cpus = g_strdup_printf(
            "%d,%d", (int)get_number(first, 0), (int)get_number(second, 0));
        FakeCore core = { .cpus = cpus, .node = 0, .llc = (guint)get_number(first, 2) };
        g_ptr_array_add(texts, cpus);
        g_array_append_val(cores, core);
    }
    return fake_host_new_of_cores((const FakeCore *)(gpointer)cores->data, isolated);
}

static char *config_of(JsonObject *flaw)
{
    return g_strdup_printf("cores: %d\naffinity: %s\n",
        json_object_get_int(json_object_object_get(flaw, "request")),
        json_object_get_string(json_object_object_get(flaw, "free")));
}

static void test_flaw_x1_two_threads_of_one_core(void)
{
    g_autoptr(JsonObject) cases = load_placement_cases();
    if (cases == NULL) {
        return;
    }
    JsonObject *flaw = find_flaw(cases, "X1");
    JsonObject *topologies = json_object_object_get(cases, "topologies");
    JsonObject *topology = json_object_object_get(
        topologies, json_object_get_string(json_object_object_get(flaw, "host")));
    g_autofree char *config = config_of(flaw);

    g_autoptr(Case) c = plan_for(
        host_of_rows(json_object_object_get(topology, "rows"), "0-17"), config, "", "");
    g_assert_cmpstr(find_broken_rule(c), ==, NULL);
    g_assert_cmpuint(plan_vcpu(c->plan, 0)->core, !=, plan_vcpu(c->plan, 1)->core);
}

static void test_flaw_x4_orphan_sibling_sold_again(void)
{
    g_autoptr(JsonObject) cases = load_placement_cases();
    if (cases == NULL) {
        return;
    }
    g_autofree char *config = config_of(find_flaw(cases, "X4"));
    g_autoptr(Case)
        c = plan_for(fake_host_new_of_cores(sibling_after_eight, "0-15"), config, "", "");

    assert_cpus(c, "0 1 2 3 4");
    assert_set(c->plan->reserved, "0-4,8-12");
}

/* Real machines. */

/// @data: the archive.
static void test_real_machine(gconstpointer data)
{
    g_autoptr(Host) real = fake_host_new_of_machine(data);
    g_autofree char *online = cpuset_to_list(real->online);
    guint cores = real->cores->len;
    const guint counts[] = { 1, 2, cores / 2, cores };

    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        guint vcpus = CLAMP(counts[i], 1, cores);
        g_autofree char *config = g_strdup_printf("cores: %u\naffinity: %s\n", vcpus, online);
        g_autofree char *rules = g_strdup("smt = isolate\n");
        g_autoptr(Case) c = plan_for(g_steal_pointer(&real), config, rules, "");

        g_assert_nonnull(c->plan);
        g_assert_cmpstr(find_broken_rule(c), ==, NULL);
        real = g_steal_pointer(&c->host);
    }
}

static void add_machine_tests(void)
{
    g_auto(GStrv) archives = fake_host_list_machines();

    for (guint i = 0; archives != NULL && archives[i] != NULL; i++) {
        g_autofree char *name = g_path_get_basename(archives[i]);
        g_autofree char *path = g_strdup_printf("/planner/machine/%s", name);
        g_test_add_data_func_full(path, g_strdup(archives[i]), test_real_machine, g_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/planner/no-case-breaks-a-hard-rule", test_no_case_breaks_a_hard_rule);
    g_test_add_data_func("/planner/finds-a-plan-where-one-exists/isolate", "smt = isolate\n",
        test_finds_a_plan_where_one_exists);
    g_test_add_data_func(
        "/planner/finds-a-plan-where-one-exists/auto", "", test_finds_a_plan_where_one_exists);
    g_test_add_data_func("/planner/finds-a-plan-where-one-exists/pair", "smt = pair\n",
        test_finds_a_plan_where_one_exists);
    g_test_add_data_func("/planner/finds-a-plan-where-one-exists/spare", "emulator = spare\n",
        test_finds_a_plan_where_one_exists);
    for (gsize i = 0; i < G_N_ELEMENTS(examples); i++) {
        g_autofree char *path = g_strdup_printf("/planner/order/%s", examples[i].name);
        g_test_add_data_func(path, &examples[i], test_example);
    }
    g_test_add_func("/planner/order/nearest-nodes", test_nearest_nodes);
    g_test_add_func("/planner/order/distance-before-memory", test_distance_before_memory);
    g_test_add_func("/planner/order/node-with-memory", test_node_with_memory);
    g_test_add_func("/planner/order/reclaimable-memory-counts", test_reclaimable_memory_counts);
    g_test_add_func("/planner/order/fewest-nodes-before-memory", test_fewest_nodes_before_memory);
    g_test_add_func("/planner/order/memory-before-kind", test_memory_before_kind);
    g_test_add_func("/planner/order/node-with-hugepages", test_node_with_hugepages);
    g_test_add_func("/planner/nodes/memory-without-cpus", test_memory_of_a_node_without_cpus);
    g_test_add_func("/planner/nodes/none-with-cpus", test_a_node_without_cpus_alone);
    g_test_add_func("/planner/nodes/in-common", test_cells_with_nodes_in_common);
    g_test_add_func("/planner/nodes/more-than-are-tried", test_more_nodes_than_are_tried);
    g_test_add_func(
        "/planner/others/housekeeping-of-the-node", test_others_on_housekeeping_of_the_node);
    g_test_add_func("/planner/siblings-in-a-partition-without-the-vms",
        test_siblings_in_a_partition_without_the_vms);
    g_test_add_func(
        "/planner/others/housekeeping-elsewhere", test_others_on_housekeeping_elsewhere);
    g_test_add_func("/planner/others/off-other-guests", test_others_off_other_guests);
    g_test_add_func("/planner/others/no-cpu-left", test_others_have_no_cpu_left);
    g_test_add_func("/planner/others/one-isolated-cpu", test_others_share_one_isolated_cpu);
    g_test_add_func("/planner/others/spare-core", test_spare_core);
    g_test_add_func(
        "/planner/others/spare-core-on-the-vcpus-node", test_spare_core_on_the_vcpus_node);
    g_test_add_func("/planner/others/spare-core-beside-siblings", test_spare_core_beside_siblings);
    g_test_add_func("/planner/others/emulator-cpus", test_emulator_cpus);
    g_test_add_func(
        "/planner/others/one-of-several-isolated", test_one_of_several_isolated_emulator_cpus);
    g_test_add_func(
        "/planner/others/awake-before-isolated", test_awake_emulator_cpus_before_isolated);
    g_test_add_func(
        "/planner/others/held-by-another-guest", test_emulator_cpus_that_another_guest_holds);
    g_test_add_func(
        "/planner/flaw/x1-two-threads-of-one-core", test_flaw_x1_two_threads_of_one_core);
    g_test_add_func(
        "/planner/flaw/x4-orphan-sibling-sold-again", test_flaw_x4_orphan_sibling_sold_again);
    add_machine_tests();
    return g_test_run();
}
