// SPDX-License-Identifier: LGPL-2.1-or-later
/* What other systems choose, held against what the planner does: Kubernetes' CPU manager, Nova,
 * KubeVirt. The cases stand in $PINHOOK_DATA/placement_cases.json, which says of each how far it
 * binds us: `adopt`, the very CPUs; `property`, the same shape; `reject`, right for that system
 * and wrong for VMs whose vCPUs have CPUs of their own. */
#include "fakes/assertions.h"
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

#include <string.h>

#define REFUSED "refused"

/* What the file does not say, and where we differ from it. */

/// A verdict for a case that the file gives none. Of KubeVirt's orders of CPUs none is ours: it
/// puts guest cores that know nothing of each other on siblings, the next beside the last.
static const struct {
    const char *id, *verdict;
} unjudged[] = {
    { "S01", "adopt" },
    { "S03", "adopt" },
    { "S05", "adopt" },
    { "S07", "adopt" },
    { "S09", "reject" },
    { "S11", "property" },
    { "S13", "property" },
    { "V01", "property" },
    { "V03", "reject" },
    { "V05", "property" },
    { "V07", "reject" },
    { "V09", "reject" },
    { "V11", "reject" },
    { "V13", "property" },
    { "V15", "property" },
};

typedef struct {
    const char *id, *ours, *why;
} Difference;

#define FIRST_CORE "theirs has the host's first core; ours another where that is as good"

/// To be adopted, and yet not the same: it is to be known when either side changes.
static const Difference differs[] = {
    { "K05", "1,5", FIRST_CORE },
    { "K09", "20-39,60-79", FIRST_CORE },
    { "K15", "1-3,5,7-9,11", FIRST_CORE },
    { "K19", "4-7", FIRST_CORE },
    { "K29", "1-5,7,9,11", FIRST_CORE },
    { "K41", "26 CPUs, 13 cores, 13 whole, 2 LLCs, 2 nodes, 1 sockets, 0 for the emulator",
        "13 CPUs on each of two nodes cut a core on each; whole cores are not cut" },
    { "K43", "62 CPUs, 31 cores, 31 whole, 4 LLCs, 4 nodes, 2 sockets, 0 for the emulator",
        "15 CPUs on a node cut a core on each of two nodes; whole cores are not cut" },
    { "K45", "62 CPUs, 31 cores, 31 whole, 4 LLCs, 4 nodes, 2 sockets, 0 for the emulator",
        "15 CPUs on a node cut a core on each of two nodes; whole cores are not cut" },
    { NULL },
};

/// Not to be adopted: what we give instead, and what of the host the VM then holds.
static const Difference rejects[] = {
    { "K03", "1 of 1,5", "the sibling goes to the next guest; ours is held with its core" },
    { "K25", "1-3 of 1-3,5-7", "the siblings go to the next guest; ours are held with the cores" },
    { "K27", "1,3,5 of 1,3,5,7,9,11",
        "the siblings go to the next guest; ours are held with the cores" },
    { "K31", "10-17 of 10-17,50-57",
        "the siblings go to the next guest; ours are held with the cores" },
    { "K39", "2 of 2,8",
        "one CPU of a node that is all free, its sibling for the next guest; ours is on the node "
        "with the fewest free cores, and holds the whole core" },
    { "S09", "21-22 of 21-22,61-62", "two nodes, where one of the two has room for both" },
    { "N17", REFUSED,
        "three cores shared with another guest while one is free; to us that one is too few" },
    { "N19", REFUSED, "four cores shared with another guest; to us there is none" },
    { "V03", REFUSED, "the guest takes pairs of cores for siblings" },
    { "V07", REFUSED, "the last two guest cores have their threads on two cores each" },
    { "V09", REFUSED, "the guest takes three cores for siblings, the last ones on three nodes" },
    { "V11", REFUSED, "the last two guest cores have their threads on two cores each" },
    { NULL },
};

static const Difference *find_difference(const Difference *differences, const char *id)
{
    for (; differences->id != NULL; differences++) {
        if (strcmp(differences->id, id) == 0) {
            return differences;
        }
    }
    return NULL;
}

/* Reading the file. */

static JsonObject *get(JsonObject *json, const char *name)
{
    JsonObject *member = NULL;

    g_assert_true(json_object_object_get_ex(json, name, &member));
    return member;
}

static JsonObject *get_at(JsonObject *json, gsize i)
{
    return json_object_array_get_idx(json, i);
}

static gsize length_of(JsonObject *json)
{
    return json_object_array_length(json);
}

static const char *get_text(JsonObject *json, const char *name)
{
    return json_object_get_string(get(json, name));
}

static guint get_number(JsonObject *json, const char *name)
{
    return (guint)json_object_get_int64(get(json, name));
}

static gboolean is_text(JsonObject *json, const char *name, const char *text)
{
    return g_strcmp0(get_text(json, name), text) == 0;
}

/// A list that may be empty.
static CpuSet *parse_set(const char *list)
{
    return *list != '\0' ? cpuset_parse_list(list, ',', NULL) : cpuset_new();
}

static CpuSet *get_set(JsonObject *json, const char *name)
{
    return parse_set(get_text(json, name));
}

/* Hosts. */

/// A CPU of a host; cores are told apart by any number that ascends with their CPUs.
typedef struct {
    guint cpu, core, socket, node, llc;
} Row;

static int compare_rows(gconstpointer a, gconstpointer b)
{
    const Row *first = a, *second = b;
    const guint keys[][2] = { { first->node, second->node }, { first->llc, second->llc },
        { first->core, second->core }, { first->cpu, second->cpu } };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i][0] != keys[i][1]) {
            return keys[i][0] < keys[i][1] ? -1 : 1;
        }
    }
    return 0;
}

/// The core that begins at row @at, which is moved behind it. An LLC ends where its node does.
static FakeCore take_core(const GArray *rows, guint *at, guint llc)
{
    const Row *first = &g_array_index(rows, Row, *at);
    g_autoptr(CpuSet) cpus = cpuset_new();

    for (; *at < rows->len; ++*at) {
        const Row *row = &g_array_index(rows, Row, *at);
        if (row->node != first->node || row->llc != first->llc || row->core != first->core) {
            break;
        }
        hwloc_bitmap_set(cpus, row->cpu);
    }
    return (FakeCore){ .cpus = cpuset_to_list(cpus), .node = first->node, .llc = llc };
}

/// Sockets are known by their distance, and to those who count them.
static void set_sockets(Host *host, const GArray *rows)
{
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        ((HostCore *)host->cores->pdata[host_core_of(host, row->cpu)])->package = row->socket;
    }
    for (guint i = 0; i < host->cores->len; i++) {
        for (guint j = 0; j < i; j++) {
            const HostCore *a = host->cores->pdata[i], *b = host->cores->pdata[j];
            if (a->node != b->node) {
                fake_host_set_distance(host, a->node, b->node, a->package == b->package ? 12 : 32);
            }
        }
    }
}

static void clear_core(gpointer data)
{
    g_free((char *)((FakeCore *)data)->cpus);
}

/// Sorts @rows.
static Host *host_of_rows(GArray *rows, const CpuSet *isolated)
{
    g_autoptr(GArray) cores = g_array_new(TRUE, TRUE, sizeof(FakeCore));
    g_autofree char *list = cpuset_to_list(isolated);
    guint llc = 0;

    g_array_set_clear_func(cores, clear_core);
    g_array_sort(rows, compare_rows);
    for (guint at = 0; at < rows->len;) {
        const Row *row = &g_array_index(rows, Row, at);
        llc += at > 0 && (row[-1].node != row->node || row[-1].llc != row->llc);
        FakeCore core = take_core(rows, &at, llc);
        g_array_append_val(cores, core);
    }
    Host *host = fake_host_new_of_cores((const FakeCore *)(gpointer)cores->data, list);
    set_sockets(host, rows);
    return host;
}

static CpuSet *cpus_of_rows(const GArray *rows)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < rows->len; i++) {
        hwloc_bitmap_set(cpus, g_array_index(rows, Row, i).cpu);
    }
    return cpus;
}

static gboolean has_siblings(const GArray *rows, const CpuSet *cpus)
{
    for (guint i = 0; i < rows->len; i++) {
        for (guint j = 0; j < i; j++) {
            const Row *a = &g_array_index(rows, Row, i), *b = &g_array_index(rows, Row, j);
            if (a->core == b->core && hwloc_bitmap_isset(cpus, a->cpu) &&
                hwloc_bitmap_isset(cpus, b->cpu)) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static void add_core(GArray *rows, const CpuSet *cpus, guint node)
{
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        Row row = { .cpu = cpu,
            .core = (guint)hwloc_bitmap_first(cpus),
            .socket = node,
            .node = node,
            .llc = node };
        g_array_append_val(rows, row);
    }
    hwloc_bitmap_foreach_end();
}

/* Asking the planner. */

static Case *ask(Host *host, const char *config, const char *rules, const CpuSet *held)
{
    g_autofree char *list = cpuset_to_list(held);

    return case_new(host, config, rules, list);
}

/// Rows of cpu, core, socket, node, LLC.
static GArray *rows_of_topology(JsonObject *cases, const char *name)
{
    JsonObject *from = get(get(get(cases, "topologies"), name), "rows");
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

    for (gsize i = 0; i < length_of(from); i++) {
        guint numbers[5];
        for (gsize j = 0; j < G_N_ELEMENTS(numbers); j++) {
            numbers[j] = (guint)json_object_get_int64(get_at(get_at(from, i), j));
        }
        Row row = { numbers[0], numbers[1], numbers[2], numbers[3], numbers[4] };
        g_array_append_val(rows, row);
    }
    return rows;
}

/// Whole cores, as `packed` prefers, are pairs where siblings are free. `spread` takes a core for
/// each while there are any, and so does `auto`.
static const char *smt_of_strategy(const GArray *rows, const CpuSet *free_cpus, gboolean packed)
{
    return packed && has_siblings(rows, free_cpus) ? "smt = pair\n" : "smt = auto\n";
}

static Case *ask_k8s(JsonObject *cases, JsonObject *of)
{
    g_autoptr(GArray) rows = rows_of_topology(cases, get_text(of, "topology"));
    g_autoptr(CpuSet) all = cpus_of_rows(rows);
    g_autoptr(CpuSet) free_cpus = get_set(of, "free");
    g_autoptr(CpuSet) held = cpuset_minus(all, free_cpus);
    g_autofree char *config = g_strdup_printf("cores: %u\n", get_number(of, "request"));
    gboolean packed = is_text(get(of, "options"), "strategy", "packed");

    return ask(host_of_rows(rows, all), config, smt_of_strategy(rows, free_cpus, packed), held);
}

/// The hinted nodes are those of a cell with all vCPUs.
static char *cell_of_hint(JsonObject *of)
{
    JsonObject *hint = NULL;
    guint last = get_number(of, "request") - 1;

    if (!json_object_object_get_ex(of, "topology_hint", &hint) || hint == NULL) {
        return g_strdup("");
    }
    g_autoptr(CpuSet) nodes = cpuset_new();
    for (gsize i = 0; i < length_of(get(hint, "numa")); i++) {
        hwloc_bitmap_set(nodes, (unsigned)json_object_get_int64(get_at(get(hint, "numa"), i)));
    }
    g_autofree char *ids = cpuset_to_ids(nodes);
    return g_strdup_printf("memory: 64\nnuma: 1\n"
                           "numa0: cpus=0-%u,hostnodes=%s,memory=64,policy=bind\n",
        last, ids);
}

/// Reserved CPUs are for housekeeping; assigned ones are another guest's.
static Case *ask_k8s_static_policy(JsonObject *cases, JsonObject *of)
{
    g_autoptr(GArray) rows = rows_of_topology(cases, get_text(of, "topology"));
    g_autoptr(CpuSet) all = cpus_of_rows(rows);
    g_autoptr(CpuSet) reserved = get_set(of, "reserved");
    g_autoptr(CpuSet) isolated = cpuset_minus(all, reserved);
    g_autoptr(CpuSet) held = get_set(of, "already_assigned");
    g_autoptr(CpuSet) free_cpus = get_set(of, "free");
    g_autofree char *cell = cell_of_hint(of);
    g_autofree char *config = g_strdup_printf(
        "cores: %u\naffinity: %s\n%s", get_number(of, "request"), get_text(of, "free"), cell);

    return ask(host_of_rows(rows, isolated), config, smt_of_strategy(rows, free_cpus, TRUE), held);
}

/* Nova. */

/// The host's cells, whose dedicated CPUs are @isolated, and those that are pinned @held.
static GArray *rows_of_host_cells(JsonObject *cells, CpuSet *isolated, CpuSet *held)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

    for (gsize i = 0; i < length_of(cells); i++) {
        JsonObject *cell = get_at(cells, i), *siblings = get(cell, "siblings");
        g_autoptr(CpuSet) dedicated = get_set(cell, "dedicated");
        g_autoptr(CpuSet) pinned = get_set(cell, "pinned");
        hwloc_bitmap_or(isolated, isolated, dedicated);
        hwloc_bitmap_or(held, held, pinned);
        for (gsize j = 0; j < length_of(siblings); j++) {
            g_autoptr(CpuSet) cpus = parse_set(json_object_get_string(get_at(siblings, j)));
            add_core(rows, cpus, get_number(cell, "id"));
        }
    }
    return rows;
}

static void set_memory_of_host_cells(Host *host, JsonObject *cells)
{
    for (gsize i = 0; i < length_of(cells); i++) {
        JsonObject *cell = get_at(cells, i);
        fake_host_set_free_mib(host, get_number(cell, "id"),
            get_number(cell, "memory_mb") - get_number(cell, "memory_used_mb"));
    }
}

/// Nova looks for a host cell for each cell of the guest. We are told: the one that Nova found, or
/// the one of the same number.
static guint find_host_cell(JsonObject *of, gsize cell)
{
    JsonObject *found = get(get(of, "expected"), "cells");

    return found != NULL ? get_number(get_at(found, cell), "host_cell") : (guint)cell;
}

/// Only vCPUs with a CPU of their own are vCPUs to us.
static char *config_of_cells(JsonObject *of)
{
    JsonObject *cells = get(get(of, "request"), "cells");
    g_autoptr(GString) lines = g_string_new(length_of(cells) > 1 ? "numa: 1\n" : "");
    guint vcpus = 0, memory_mib = 0;

    for (gsize i = 0; i < length_of(cells); i++) {
        JsonObject *cell = get_at(cells, i);
        g_autoptr(CpuSet) dedicated = get_set(cell, "vcpus_dedicated");
        vcpus += cpuset_count(dedicated);
        memory_mib += get_number(cell, "memory_mb");
        if (length_of(cells) > 1) {
            g_autofree char *ids = cpuset_to_ids(dedicated);
            g_string_append_printf(lines, "numa%u: cpus=%s,hostnodes=%u,memory=%u,policy=bind\n",
                (guint)i, ids, find_host_cell(of, i), get_number(cell, "memory_mb"));
        }
    }
    return g_strdup_printf("cores: %u\nmemory: %u\n%s", vcpus, memory_mib, lines->str);
}

static char *rules_of_request(JsonObject *request)
{
    JsonObject *cell = get_at(get(request, "cells"), 0);
    gboolean spare = is_text(request, "emulator_threads_policy", "isolate");
    const char *smt = is_text(cell, "cpu_thread_policy", "require")   ? "pair"
                      : is_text(cell, "cpu_thread_policy", "isolate") ? "isolate"
                                                                      : "auto";

    return g_strdup_printf("smt = %s\nemulator = %s\n", smt, spare ? "spare" : "housekeeping");
}

static Case *ask_nova(JsonObject *cases, JsonObject *of)
{
    JsonObject *cells = get(of, "host_cells");
    g_autoptr(CpuSet) isolated = cpuset_new();
    g_autoptr(CpuSet) held = cpuset_new();
    g_autoptr(GArray) rows = rows_of_host_cells(cells, isolated, held);
    g_autofree char *config = config_of_cells(of);
    g_autofree char *rules = rules_of_request(get(of, "request"));
    Host *host = host_of_rows(rows, isolated);

    set_memory_of_host_cells(host, cells);
    return ask(host, config, rules, held);
}

/// vCPUs that share CPUs run, to us, where the other threads do: these then need CPUs.
static gboolean needs_housekeeping(JsonObject *of)
{
    JsonObject *cells = NULL;

    if (!json_object_object_get_ex(get(of, "request"), "cells", &cells)) {
        return FALSE;
    }
    for (gsize i = 0; i < length_of(cells); i++) {
        if (!is_text(get_at(cells, i), "vcpus_shared", "")) {
            return TRUE;
        }
    }
    return FALSE;
}

/* KubeVirt. */

/// By node, core and CPU.
static GArray *rows_of_host_cells_cores(JsonObject *cells)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(Row));

    for (gsize i = 0; i < length_of(cells); i++) {
        for (gsize j = 0; j < length_of(get_at(cells, i)); j++) {
            JsonObject *core = get_at(get_at(cells, i), j);
            g_autoptr(CpuSet) cpus = cpuset_new();
            for (gsize k = 0; k < length_of(core); k++) {
                hwloc_bitmap_set(cpus, (unsigned)json_object_get_int64(get_at(core, k)));
            }
            add_core(rows, cpus, (guint)i);
        }
    }
    return rows;
}

static Case *ask_kubevirt(JsonObject *cases, JsonObject *of)
{
    JsonObject *request = get(of, "request");
    g_autoptr(GArray) rows = rows_of_host_cells_cores(get(of, "host_cells_cores"));
    g_autoptr(CpuSet) isolated = get_set(of, "cpuset");
    g_autoptr(CpuSet) held = cpuset_new();
    guint cores = get_number(request, "guest_cores");
    guint threads = get_number(request, "guest_threads_per_core");
    g_autofree char *config = g_strdup_printf("cores: %u\nargs: -smp %u,cores=%u,threads=%u\n",
        cores * threads, cores * threads, cores, threads);

    return ask(host_of_rows(rows, isolated), config, "", held);
}

/* What they choose; NULL: they refuse. */

static CpuSet *find_theirs_in_list(JsonObject *of)
{
    return get(of, "expected") != NULL ? get_set(of, "expected") : NULL;
}

static CpuSet *find_theirs_in_pinning(JsonObject *of)
{
    JsonObject *cells = get(get(of, "expected"), "cells");
    CpuSet *cpus = cells != NULL ? cpuset_new() : NULL;

    for (gsize i = 0; cells != NULL && i < length_of(cells); i++) {
        json_object_object_foreach(get(get_at(cells, i), "pinning"), vcpu, cpu)
        {
            g_assert_nonnull(vcpu);
            hwloc_bitmap_set(cpus, (unsigned)json_object_get_int64(cpu));
        }
    }
    return cpus;
}

static CpuSet *find_theirs_in_order(JsonObject *of)
{
    JsonObject *order = get(of, "expected_order");
    CpuSet *cpus = order != NULL ? cpuset_new() : NULL;

    for (gsize i = 0; order != NULL && i < length_of(order); i++) {
        hwloc_bitmap_set(cpus, (unsigned)json_object_get_int64(get_at(order, i)));
    }
    return cpus;
}

/// CPUs that the emulator has to itself.
static guint count_their_emulator_cpus(JsonObject *of)
{
    JsonObject *expected = NULL, *cells = NULL;
    gsize count = 0;

    json_object_object_get_ex(of, "expected", &expected);
    if (json_object_is_type(expected, json_type_object)) {
        cells = get(expected, "cells");
    }
    for (gsize i = 0; cells != NULL && i < length_of(cells); i++) {
        count += length_of(get(get_at(cells, i), "emulator_cpus"));
    }
    return (guint)count;
}

/* Comparing. */

/// A plan that check.c refuses is none: one beside another guest on a core (core-taken), or one
/// without a CPU for what needs it (no-housekeeping).
static const CpuSet *find_ours(const Case *c, gboolean housekeeping)
{
    if (c->plan == NULL || hwloc_bitmap_intersects(c->plan->cores, c->taken->cpus) ||
        (housekeeping && c->plan->others_share)) {
        return NULL;
    }
    return c->plan->cpus;
}

static char *describe_cpus(const CpuSet *cpus)
{
    return cpus != NULL ? cpuset_to_list(cpus) : g_strdup(REFUSED);
}

/// How many CPUs, on how many of everything; cores are whole if all their siblings are among them.
static char *describe_shape(const Host *host, const CpuSet *cpus, guint emulator_cpus)
{
    g_autoptr(CpuSet) nodes = cpuset_new();
    g_autoptr(CpuSet) llcs = cpuset_new();
    g_autoptr(CpuSet) sockets = cpuset_new();
    guint cores = 0, whole = 0;

    if (cpus == NULL) {
        return g_strdup(REFUSED);
    }
    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (hwloc_bitmap_intersects(core->cpus, cpus)) {
            cores++;
            whole += hwloc_bitmap_isincluded(core->cpus, cpus) ? 1 : 0;
            hwloc_bitmap_set(nodes, core->node);
            hwloc_bitmap_set(llcs, core->llc);
            hwloc_bitmap_set(sockets, core->package);
        }
    }
    return g_strdup_printf("%u CPUs, %u cores, %u whole, %u LLCs, %u nodes, %u sockets, "
                           "%u for the emulator",
        cpuset_count(cpus), cores, whole, cpuset_count(llcs), cpuset_count(nodes),
        cpuset_count(sockets), emulator_cpus);
}

static void assert_same(const char *id, const char *theirs, const char *ours)
{
    const Difference *difference = find_difference(differs, id);

    if (difference == NULL) {
        g_assert_cmpstr(ours, ==, theirs);
        return;
    }
    g_test_message("%s: they choose %s, we %s: %s", id, theirs, ours, difference->why);
    g_assert_cmpstr(ours, !=, theirs);
    g_assert_cmpstr(ours, ==, difference->ours);
}

static void assert_rejected(const char *id, const char *theirs, const char *ours)
{
    const Difference *difference = find_difference(rejects, id);

    if (difference == NULL) {
        g_error("%s: they choose %s, we %s: why is not said", id, theirs, ours);
    }
    g_test_message("%s: they choose %s, we %s: %s", id, theirs, ours, difference->why);
    g_assert_cmpstr(ours, ==, difference->ours);
}

static const char *find_verdict(JsonObject *of)
{
    const char *verdict = NULL;

    if (json_get_string(of, "verdict", &verdict)) {
        return verdict;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(unjudged); i++) {
        if (is_text(of, "id", unjudged[i].id)) {
            return unjudged[i].verdict;
        }
    }
    g_error("%s has no verdict", get_text(of, "id"));
}

/// The cases of one system.
typedef struct {
    const char *name; // in the file
    Case *(*ask)(JsonObject *cases, JsonObject *of);
    CpuSet *(*find_theirs)(JsonObject *of);
} Group;

static const Group groups[] = {
    { "k8s", ask_k8s, find_theirs_in_list },
    { "k8s_static_policy", ask_k8s_static_policy, find_theirs_in_list },
    { "nova", ask_nova, find_theirs_in_pinning },
    { "kubevirt", ask_kubevirt, find_theirs_in_order },
};

typedef struct {
    const Group *group;
    JsonObject *cases;
    JsonObject *of;
} PlacementTest;

static void placement_test_free(gpointer data)
{
    PlacementTest *test = data;

    json_object_put(test->cases);
    g_free(test);
}

static void test_case(gconstpointer data)
{
    const PlacementTest *test = data;
    const char *id = get_text(test->of, "id"), *verdict = find_verdict(test->of);
    g_autoptr(Case) c = test->group->ask(test->cases, test->of);
    g_autoptr(CpuSet) theirs = test->group->find_theirs(test->of);
    const CpuSet *ours = find_ours(c, needs_housekeeping(test->of));
    g_autofree char *their_cpus = describe_cpus(theirs);
    g_autofree char *our_cpus = describe_cpus(ours);

    if (c->plan != NULL) {
        g_assert_cmpstr(case_find_broken_rule(c), ==, NULL);
    }
    if (strcmp(verdict, "adopt") == 0) {
        assert_same(id, their_cpus, our_cpus);
    } else if (strcmp(verdict, "property") == 0) {
        gboolean spare = c->policy->emulator == POLICY_SPARE && c->plan != NULL;
        g_autofree char *their_shape = describe_shape(
            c->host, theirs, count_their_emulator_cpus(test->of));
        g_autofree char *our_shape = describe_shape(
            c->host, ours, spare ? cpuset_count(c->plan->others) : 0);
        assert_same(id, their_shape, our_shape);
    } else {
        g_autofree char *holds = ours != NULL ? cpuset_to_list(c->plan->reserved) : NULL;
        g_autofree char *what = holds != NULL ? g_strdup_printf("%s of %s", our_cpus, holds) : NULL;
        g_assert_true(g_str_has_prefix(verdict, "reject"));
        assert_rejected(id, their_cpus, what != NULL ? what : our_cpus);
    }
}

/* Flaws of other systems that must not be ours. */

static void assert_plan(const Case *c, const char *cpus, const char *reserved)
{
    g_autofree char *chosen = case_cpus(c);

    g_assert_cmpstr(chosen, ==, cpus);
    g_assert_cmpstr(case_find_broken_rule(c), ==, NULL);
    assert_set(c->plan->reserved, reserved);
}

/// Spreading by CPU numbers puts both on one core.
static void test_flaw_x1(gconstpointer data)
{
    const PlacementTest *test = data;
    g_autoptr(GArray) rows = rows_of_topology(test->cases, get_text(test->of, "host"));
    g_autoptr(CpuSet) all = cpus_of_rows(rows);
    g_autofree char *config = g_strdup_printf(
        "cores: %u\naffinity: %s\n", get_number(test->of, "request"), get_text(test->of, "free"));

    g_autoptr(Case) c = case_new(host_of_rows(rows, all), config, "", "");
    assert_plan(c, "6 8", "6-9");
}

/// Half cores beside another guest, while a whole one is free.
static void test_flaw_x3(gconstpointer data)
{
    const PlacementTest *test = data;
    g_autofree char *config = g_strdup_printf("cores: %u\n", get_number(test->of, "request"));
    static const char *const rules[] = { "smt = isolate\n", "smt = pair\n", "smt = auto\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        g_autoptr(Case)
            c = case_new(fake_host_new("core:4 pu:2", "0-7"), config, rules[i], "0,2,5");
        g_assert_null(find_ours(c, FALSE));
        g_assert_true(c->plan == NULL || hwloc_bitmap_isset(c->plan->cpus, 6));
    }
}

/// The sibling that no vCPU takes goes to the next VM.
static void test_flaw_x4(gconstpointer data)
{
    static const FakeCore cores[] = { { "0,8", 0, 0, 0 }, { "1,9", 0, 0, 0 }, { "2,10", 0, 0, 0 },
        { "3,11", 0, 0, 0 }, { "4,12", 0, 0, 0 }, { "5,13", 0, 0, 0 }, { "6,14", 0, 0, 0 },
        { "7,15", 0, 0, 0 }, { NULL } };
    const PlacementTest *test = data;
    g_autofree char *config = g_strdup_printf(
        "cores: %u\naffinity: %s\n", get_number(test->of, "request"), get_text(test->of, "free"));

    g_autoptr(Case) spread = case_new(fake_host_new_of_cores(cores, "0-15"), config, "", "");
    assert_plan(spread, "1 2 3 4 5", "1-5,9-13");
    g_autoptr(Case)
        paired = case_new(fake_host_new_of_cores(cores, "0-15"), config, "smt = pair\n", "");
    assert_plan(paired, "1 9 2 10 3", "1-3,9-11");
}

/// The guest takes two cores for siblings.
static void test_flaw_x6(gconstpointer data)
{
    const PlacementTest *test = data;
    g_autofree char *config = g_strdup_printf(
        "cores: 4\nargs: -smp 4,cores=2,threads=2\naffinity: %s\n", get_text(test->of, "free"));

    g_autoptr(Case) c = case_new(fake_host_new("core:4 pu:1", "0-3"), config, "", "");
    g_assert_null(c->plan);
}

static const struct {
    const char *id;
    GTestDataFunc test;
} flaws[] = {
    { "X1", test_flaw_x1 },
    { "X3", test_flaw_x3 },
    { "X4", test_flaw_x4 },
    { "X6", test_flaw_x6 },
};

static GTestDataFunc find_flaw_test(JsonObject *of)
{
    for (gsize i = 0; i < G_N_ELEMENTS(flaws); i++) {
        if (is_text(of, "id", flaws[i].id)) {
            return flaws[i].test;
        }
    }
    g_error("the flaw %s has no test", get_text(of, "id"));
}

/* The tests are those of the file. */

static void add_test(const Group *group, const char *name, JsonObject *cases, JsonObject *of)
{
    g_autofree char *path = g_strdup_printf("/placement/%s/%s", name, get_text(of, "id"));
    PlacementTest *test = g_new(PlacementTest, 1);

    *test = (PlacementTest){ .group = group, .cases = json_object_get(cases), .of = of };
    g_test_add_data_func_full(
        path, test, group != NULL ? test_case : find_flaw_test(of), placement_test_free);
}

static void add_tests(JsonObject *cases)
{
    for (gsize i = 0; i < G_N_ELEMENTS(groups); i++) {
        JsonObject *all = get(cases, groups[i].name);
        for (gsize j = 0; j < length_of(all); j++) {
            add_test(&groups[i], groups[i].name, cases, get_at(all, j));
        }
    }
    for (gsize i = 0; i < length_of(get(cases, "known_flaws")); i++) {
        add_test(NULL, "known_flaws", cases, get_at(get(cases, "known_flaws"), i));
    }
}

static void test_without_data(void)
{
    g_test_skip("PINHOOK_DATA is not set");
}

int main(int argc, char **argv)
{
    const char *data = g_getenv("PINHOOK_DATA");

    g_test_init(&argc, &argv, NULL);
    if (data == NULL) {
        g_test_add_func("/placement/cases", test_without_data);
        return g_test_run();
    }
    g_autofree char *path = g_build_filename(data, "placement_cases.json", NULL);
    g_autoptr(JsonObject) cases = json_object_from_file(path);
    g_assert_nonnull(cases);
    add_tests(cases);
    return g_test_run();
}
