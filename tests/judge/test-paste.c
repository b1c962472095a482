// SPDX-License-Identifier: LGPL-2.1-or-later
/* Random VMs on random machines: what is told as a fix is pasted into a shell, one, some or all of
 * a report, and the VM is judged again. DESIGN: the findings are gone, no new one of their severity
 * or above has come, and no vCPU has less than before unless the fix says so.
 *
 *   PASTE_SCENES=10000   so many scenes in place of 300
 *   PASTE_SEED=N         the seed in place of one made of the commit; it is printed
 *   PASTE_ONLY=N         scene N alone, and all that happens in it */
#include "judge/verdict.h"

#include "place/planner.h"
#include "fakes/fake-scene.h"

#include <stdlib.h>
#include <string.h>

enum { SCENES = 300 };

/* Machines. */

typedef struct {
    Scene *scene;
    GArray *cores; // FakeCore, of a machine that is none of hwloc's shapes
    guint cpus;
} Machine;

static guint between(GRand *rand, guint least, guint most)
{
    return (guint)g_rand_int_range(rand, (gint32)least, (gint32)most + 1);
}

static gboolean one_in(GRand *rand, guint n)
{
    return between(rand, 1, n) == 1;
}

static const char *pick(GRand *rand, const char *const *list, gsize length)
{
    return list[between(rand, 0, (guint)length - 1)];
}

#define PICK(rand, list) pick(rand, list, G_N_ELEMENTS(list))

static void add_cores(GArray *cores, guint *cpu, guint count, guint threads, guint llc, guint kind)
{
    for (guint i = 0; i < count; i++, *cpu += threads) {
        g_autofree char *cpus = threads > 1 ? g_strdup_printf("%u-%u", *cpu, *cpu + threads - 1)
                                            : g_strdup_printf("%u", *cpu);
        FakeCore core = { .cpus = g_intern_string(cpus), .llc = llc, .kind = kind };
        g_array_append_val(cores, core);
    }
}

/// Performance cores of two threads, efficiency cores of one.
static GArray *some_hybrid(GRand *rand)
{
    GArray *cores = g_array_new(TRUE, TRUE, sizeof(FakeCore));
    guint cpu = 0;

    add_cores(cores, &cpu, between(rand, 2, 8), one_in(rand, 4) ? 1 : 2, 0, 1);
    add_cores(cores, &cpu, between(rand, 2, 12), 1, 0, 0);
    return cores;
}

static const char *const shapes[] = { "numa:1 core:2 pu:1", "numa:1 core:4 pu:1",
    "numa:1 core:6 pu:2", "numa:1 l3:4 core:2 pu:2", "numa:2 l3:1 core:4 pu:2",
    "numa:2 l3:2 core:4 pu:2", "pack:2 numa:1 l3:1 core:10 pu:2", "pack:2 numa:1 core:3 pu:2",
    "numa:4 l3:2 core:2 pu:2", "numa:8 l3:1 core:4 pu:2", "pack:2 numa:4 l3:2 core:2 pu:2",
    "numa:16 l3:1 core:2 pu:2" };

static const char *const x3d[] = { "96 32", "32 96", "96 32", "64 64" };

/// The CPUs of some cores; each with a chance of one in @n.
static CpuSet *some_cpus(GRand *rand, const Host *host, guint n)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        if (one_in(rand, n)) {
            hwloc_bitmap_or(cpus, cpus, core->cpus);
        }
    }
    if (one_in(rand, 8)) { // not all of a core
        hwloc_bitmap_clr(cpus, (unsigned)MAX(hwloc_bitmap_first(cpus), 0));
    }
    return cpus;
}

static CpuSet *some_isolated(GRand *rand, const Host *host)
{
    g_autoptr(CpuSet) first = host_first_core(host);
    const HostNode *node = host->nodes->pdata[between(rand, 0, host->nodes->len - 1)];

    switch (between(rand, 0, 6)) {
    case 0:
        return cpuset_new();
    case 1:
        return cpuset_copy(host->online);
    case 2:
        return cpuset_copy(node->cpus);
    case 3:
        return some_cpus(rand, host, 2);
    case 4:
        return some_cpus(rand, host, 3);
    default:
        return cpuset_minus(host->online, first);
    }
}

/// "101:4-7 900:2-3": nobody, or several that overlap with nobody.
static char *some_held(GRand *rand, const Host *host)
{
    g_autoptr(GString) held = g_string_new(NULL);
    g_autoptr(CpuSet) free = cpuset_copy(host->online);

    for (guint i = one_in(rand, 2) ? 0 : between(rand, 1, 3); i > 0; i--) {
        g_autoptr(CpuSet) some = some_cpus(rand, host, one_in(rand, 3) ? 2 : 5);
        hwloc_bitmap_and(some, some, free);
        hwloc_bitmap_andnot(free, free, some);
        g_autofree char *list = cpuset_to_list(some);
        if (*list != '\0') {
            g_string_append_printf(held, "%s%u:%s", held->len > 0 ? " " : "",
                one_in(rand, 3) ? 900 + i : 100 + i, list);
        }
    }
    return g_string_free(g_steal_pointer(&held), FALSE);
}

/* VMs. */

static void append_cells(GString *config, GRand *rand, guint vcpus, guint nodes, guint64 memory)
{
    guint cells = between(rand, 1, MIN(4, vcpus)), first = 0;

    g_string_append(config, "numa: 1\n");
    for (guint i = 0; i < cells; i++) {
        guint end = vcpus * (i + 1) / cells;
        guint64 part = memory * (i + 1) / cells - memory * i / cells;
        g_string_append_printf(config, "numa%u: cpus=%u-%u,memory=%" G_GUINT64_FORMAT, i, first,
            end - 1, part + (one_in(rand, 15) ? 1 : 0));
        if (!one_in(rand, 4)) {
            g_string_append_printf(config, ",hostnodes=%u,policy=%s",
                between(rand, 0, nodes - (one_in(rand, 15) ? 0 : 1)),
                one_in(rand, 6) ? "preferred" : "bind");
        }
        g_string_append_c(config, '\n');
        first = end;
    }
}

static const char *const memories[] = { "512", "2048", "4096", "16384", "100000", "300000" };

static char *some_config(GRand *rand, const Host *host)
{
    static const char *const lines[] = { "freeze: 0\n", "balloon: 100\n", "cpulimit: 1\n",
        "cpuaffinity: 4-7\n", "rubbish\n", "hotplug: cpu\n", "args: -vga none\n", "hugepages: 2\n",
        "affinity: 1-\n", "hotplug: network,disk,cpu,memory\n" };
    g_autoptr(GString) config = g_string_new("freeze: 1\n");
    guint cpus = cpuset_count(host->online), most = MIN(cpus + 1, one_in(rand, 4) ? cpus + 1 : 12);
    guint vcpus = between(rand, 1, most), sockets = vcpus % 2 == 0 && one_in(rand, 4) ? 2 : 1;
    const char *memory = PICK(rand, memories);

    g_string_append_printf(
        config, "sockets: %u\ncores: %u\nmemory: %s\n", sockets, vcpus / sockets, memory);
    if (one_in(rand, 6) && vcpus % 2 == 0) {
        g_string_append_printf(
            config, "args: -smp %u,sockets=1,cores=%u,threads=2\n", vcpus, vcpus / 2);
    } else if (one_in(rand, 8)) {
        g_string_append_printf(config, "vcpus: %u\n", between(rand, 1, vcpus));
    }
    if (one_in(rand, 3)) {
        g_autoptr(CpuSet) affinity = some_cpus(rand, host, 2);
        g_autofree char *list = cpuset_to_list(affinity);
        g_string_append_printf(config, "affinity: %s\n", *list != '\0' ? list : "1-2");
    }
    if (one_in(rand, 2)) {
        append_cells(config, rand, vcpus, host->nodes->len, g_ascii_strtoull(memory, NULL, 10));
    } else if (one_in(rand, 4)) {
        g_string_append(config, "numa: 1\n");
    }
    for (guint i = one_in(rand, 2) ? 1 : 0; i > 0; i--) {
        g_string_append(config, PICK(rand, lines));
    }
    return g_string_free(g_steal_pointer(&config), FALSE);
}

static const char *const policies[] = { "", "", "", "", "", "[vm 100]\nsmt = isolate\n",
    "[vm 100]\nsmt = pair\n", "[defaults]\nemulator = spare\n", "[vm 100]\nllc = largest\n",
    "[vm 100]\nkind = slow\n", "[vm 100]\nkind = any\n", "[vm 100]\ncheck.not-isolated = warning\n",
    "[defaults]\nmoed = 1\n", "[vm 100]\ncpus = 2-5\n", "[vm 100]\ncheck.core-taken = warning\n" };

static Scene *some_scene(GRand *rand, GArray **cores)
{
    Scene *scene = scene_new(PICK(rand, shapes), "", "freeze: 1\n");

    scene->possible = "0-255";
    *cores = one_in(rand, 3) ? some_hybrid(rand) : NULL;
    scene->cores = *cores != NULL ? (const FakeCore *)(*cores)->data : NULL;
    if (*cores == NULL && one_in(rand, 4)) {
        scene->shape = "numa:1 l3:2 core:8 pu:2";
        scene->llcs = PICK(rand, x3d);
    }
    scene->memory = g_ascii_strtoull(PICK(rand, memories), NULL, 10) * 2;
    scene->memory_of_first = one_in(rand, 3) ? scene->memory / 2 : scene->memory;
    g_autoptr(Host) host = scene_host(scene);
    g_autoptr(CpuSet) isolated = some_isolated(rand, host);
    g_autofree char *config = some_config(rand, host);
    g_free(scene->isolated);
    g_free(scene->nohz_full);
    scene->isolated = cpuset_to_list(isolated);
    scene->nohz_full = one_in(rand, 6) ? g_strdup("") : g_strdup(scene->isolated);
    if (one_in(rand, 2) && *scene->isolated != '\0') {
        scene->cmdline = g_strdup_printf("isolcpus=%s%s nohz_full=%s",
            one_in(rand, 8) ? "managed_irq," : "", scene->isolated, scene->nohz_full);
    }
    g_free(scene->held);
    scene->held = some_held(rand, host);
    scene->devices = host->nodes->len > 1 && one_in(rand, 5) ? "hostpci0 0000:41:00.0 1" : NULL;
    fake_root_write(scene->fake, SCENE_CONFIG, config);
    fake_root_write(scene->fake, POLICY_PATH, PICK(rand, policies));
    return scene;
}

/* What there is, before and after. */

typedef struct {
    VmConfig *vm;
    Policy *policy;
    Host *host;
    Taken *taken;
    GPtrArray *devices;
    Pool *pool;
    Plan *plan; // NULL: there is none
    Verdict *verdict;
} State;

static void state_clear(State *state)
{
    vmconfig_free(state->vm);
    policy_free(state->policy);
    host_free(state->host);
    taken_free(state->taken);
    g_ptr_array_unref(state->devices);
    pool_free(state->pool);
    plan_free(state->plan);
    verdict_free(state->verdict);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(State, state_clear)

static State look_at(const Scene *scene)
{
    g_autofree char *config = scene_read(scene, SCENE_CONFIG);
    g_autofree char *rules = scene_read(scene, POLICY_PATH);
    State state = { .vm = vmconfig_parse(config, strlen(config)),
        .policy = policy_parse(rules, "pve1", 100),
        .host = scene_host(scene),
        .taken = scene_taken(scene),
        .devices = scene_devices(scene),
        .verdict = scene_judge(scene) };

    state.pool = pool_new(state.vm, state.policy, state.host, state.taken);
    Request request = { .vmid = 100,
        .vm = state.vm,
        .policy = state.policy,
        .host = state.host,
        .taken = state.taken,
        .devices = state.devices,
        .pool = state.pool };
    state.plan = state.vm->readable ? planner_place(&request) : NULL;
    return state;
}

static guint count(const State *state, FindingCode code, Severity least)
{
    guint found = 0;

    for (guint i = 0; i < state->verdict->findings->len; i++) {
        const Finding *finding = state->verdict->findings->pdata[i];
        found += finding->code == code && finding->severity >= least;
    }
    return found;
}

/* What is pasted. */

typedef struct {
    const Finding *finding;
    const Fix *fix;
} Pasted;

static char *lines_of(const GArray *pasted, GRand *rand)
{
    static const FixPlace place = { .vmid = 100 };
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < pasted->len; i++) {
        const Pasted *one = &g_array_index(pasted, Pasted, i);
        g_auto(GStrv) lines = fix_lines(one->fix, &place);
        g_assert_nonnull(lines[0]);
        g_string_append_printf(text, "%s\n", lines[between(rand, 0, g_strv_length(lines) - 1)]);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean is_said(const GArray *pasted, const char *what)
{
    gboolean said = FALSE;

    for (guint i = 0; i < pasted->len; i++) {
        const char *remark = g_array_index(pasted, Pasted, i).fix->remark;
        said |= remark != NULL && strstr(remark, what) != NULL;
    }
    return said;
}

/* What must hold. */

typedef struct {
    guint scenes, pasted, stayed, violations;
} Figures;

typedef struct {
    const State *before, *after;
    const GArray *pasted;
    GString *wrong; // what does not hold, a line each
} Case;

static void G_GNUC_PRINTF(2, 3) wrong(Case *c, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_string_append(c->wrong, "wrong: ");
    g_string_append_vprintf(c->wrong, format, args);
    va_end(args);
    g_string_append_c(c->wrong, '\n');
}

static guint count_pasted(const Case *c, FindingCode code, Severity severity)
{
    guint found = 0;

    for (guint i = 0; i < c->pasted->len; i++) {
        const Finding *finding = g_array_index(c->pasted, Pasted, i).finding;
        found += finding->code == code && finding->severity == severity;
    }
    return found;
}

static void assert_gone(Case *c)
{
    for (guint i = 0; i < c->pasted->len; i++) {
        const Finding *finding = g_array_index(c->pasted, Pasted, i).finding;
        guint then = count(c->before, finding->code, finding->severity);
        guint now = count(c->after, finding->code, finding->severity);
        guint mended = count_pasted(c, finding->code, finding->severity);
        if (now + mended > then) {
            wrong(c, "%s is not gone: %u of %u", finding_kind(finding->code)->name, now, then);
        }
    }
}

/// What mends an error may lead to a warning, which was not looked for where there was no plan.
static void assert_nothing_new(Case *c)
{
    Severity least = SEVERITY_OFF;

    for (guint i = 0; i < c->pasted->len; i++) {
        least = MAX(least, g_array_index(c->pasted, Pasted, i).finding->severity);
    }
    for (guint code = 0; code < FINDING_COUNT; code++) {
        for (guint severity = least; severity <= SEVERITY_ERROR; severity++) {
            if (count(c->after, code, severity) > count(c->before, code, severity)) {
                wrong(c, "%s is new", finding_kind((FindingCode)code)->name);
            }
        }
    }
}

/// How many share the core of vCPU @i, other guests as one.
static guint sharers(const State *state, guint i)
{
    const PlanVcpu *vcpu = plan_vcpu(state->plan, i);
    const HostCore *core = state->host->cores->pdata[vcpu->core];
    guint found = hwloc_bitmap_intersects(core->cpus, state->taken->cpus) ? 1 : 0;

    for (guint j = 0; j < state->plan->vcpus->len; j++) {
        found += plan_vcpu(state->plan, j)->core == vcpu->core;
    }
    return found;
}

static guint kind_of(const State *state, guint i)
{
    return ((const HostCore *)state->host->cores->pdata[plan_vcpu(state->plan, i)->core])->kind;
}

static guint llcs_of(const State *state)
{
    g_autoptr(CpuSet) llcs = cpuset_new();

    for (guint i = 0; i < state->plan->vcpus->len; i++) {
        hwloc_bitmap_set(llcs, plan_vcpu(state->plan, i)->llc);
    }
    return cpuset_count(llcs);
}

static void assert_vcpus_keep_what_they_have(Case *c)
{
    guint common = MIN(c->before->plan->vcpus->len, c->after->plan->vcpus->len);

    for (guint i = 0; i < common; i++) {
        if (sharers(c->after, i) > sharers(c->before, i) && !is_said(c->pasted, "share")) {
            wrong(c, "vCPU %u has less of a core", i);
        }
        if (kind_of(c->after, i) < kind_of(c->before, i) && !is_said(c->pasted, "slower")) {
            wrong(c, "vCPU %u is on a slower core", i);
        }
    }
    if (cpuset_count(c->after->plan->nodes) > cpuset_count(c->before->plan->nodes) &&
        !is_said(c->pasted, "nodes")) {
        wrong(c, "it is on more nodes");
    } else if (llcs_of(c->after) > llcs_of(c->before) && !is_said(c->pasted, "nodes") &&
               !is_said(c->pasted, "caches")) {
        wrong(c, "it is in more caches");
    }
}

static void assert_no_vcpu_less(Case *c)
{
    if (c->after->vm->vcpus_most < c->before->vm->vcpus_most &&
        !is_said(c->pasted, "in place of")) {
        wrong(c, "%u vCPUs in place of %u", c->after->vm->vcpus_most, c->before->vm->vcpus_most);
    }
    if (c->before->plan != NULL && c->after->plan == NULL) {
        wrong(c, "there is no plan any more");
    }
    if (c->before->plan != NULL && c->after->plan != NULL) {
        assert_vcpus_keep_what_they_have(c);
    }
}

/// How many MiB more are bound to nodes than these have.
static guint64 lacking_mib(const State *state)
{
    guint64 lacking = 0;

    for (guint i = 0; i < state->host->nodes->len; i++) {
        const HostNode *node = state->host->nodes->pdata[i];
        guint64 bound = 0;
        for (guint j = 0; j < state->vm->guest_cells->len; j++) {
            const VmCell *cell = state->vm->guest_cells->pdata[j];
            gboolean here = cell->hostnodes != NULL && cpuset_count(cell->hostnodes) == 1 &&
                            hwloc_bitmap_isset(cell->hostnodes, node->index) &&
                            g_strcmp0(cell->policy, "bind") == 0;
            bound += here ? cell->memory_mib : 0;
        }
        guint64 there = host_node_available_mib(node, state->vm->hugepages);
        lacking += bound > there ? bound - there : 0;
    }
    return lacking;
}

static void assert_memory_fits(Case *c)
{
    if (lacking_mib(c->before) == 0 && lacking_mib(c->after) > 0) {
        wrong(c, "memory is bound to nodes that have not so much");
    }
}

static char *describe(const Scene *scene, const State *state)
{
    g_autofree char *config = scene_read(scene, SCENE_CONFIG);
    g_autofree char *rules = scene_read(scene, POLICY_PATH);
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_printf(text, "%s, isolated %s, held %s, llcs %s, memory %" G_GUINT64_FORMAT "\n%s%s",
        scene->cores != NULL ? "cores by hand" : scene->shape, scene->isolated, scene->held,
        scene->llcs != NULL ? scene->llcs : "-", scene->memory_of_first, config, rules);
    if (state->plan != NULL) {
        g_string_append(text, "plan:");
        for (guint i = 0; i < state->plan->vcpus->len; i++) {
            g_string_append_printf(text, " %u", plan_vcpu(state->plan, i)->cpu);
        }
        g_string_append_c(text, '\n');
    }
    for (guint i = 0; i < state->verdict->findings->len; i++) {
        const Finding *finding = state->verdict->findings->pdata[i];
        g_string_append_printf(text, "%u %s: %s\n", finding->severity,
            finding_kind(finding->code)->name, finding->message);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/// Pastes @pasted from the top, in one shell.
static void paste(
    const Scene *scene, const State *before, const GArray *pasted, GRand *rand, Figures *figures)
{
    g_autoptr(Scene) copy = scene_copy(scene);
    g_autofree char *lines = lines_of(pasted, rand);
    Case c = { .before = before, .pasted = pasted, .wrong = g_string_new(NULL) };

    if (!scene_paste(copy, lines)) {
        wrong(&c, "it cannot be pasted");
    }
    g_auto(State) after = look_at(copy);
    c.after = &after;
    assert_gone(&c);
    assert_nothing_new(&c);
    assert_no_vcpu_less(&c);
    assert_memory_fits(&c);
    figures->pasted += pasted->len;
    if (c.wrong->len > 0 || g_getenv("PASTE_ONLY") != NULL) {
        g_autofree char *then = describe(scene, before);
        g_autofree char *now = describe(copy, &after);
        figures->violations += c.wrong->len > 0;
        g_test_message("scene %u:\n%s--- pasted:\n%s--- then:\n%s%s", figures->scenes, then, lines,
            now, c.wrong->str);
    }
    g_string_free(c.wrong, TRUE);
}

/* Which. */

/// Whether @fix changes what is looked at here: not what commands do.
static gboolean can_be_seen(const Fix *fix)
{
    gboolean seen = fix->changes->len > 0;

    for (guint i = 0; i < fix->changes->len; i++) {
        seen &= ((const Change *)fix->changes->pdata[i])->kind != CHANGE_COMMAND;
    }
    return seen;
}

/// The findings as they are told, each with the first of its fixes, or with any.
static GArray *choose(const State *state, GRand *rand, gboolean any)
{
    g_autoptr(GArray) told = finding_list_told(state->verdict->findings, SEVERITY_NOTE);
    GArray *chosen = g_array_new(FALSE, FALSE, sizeof(Pasted));

    for (guint i = 0; i < told->len; i++) {
        Pasted one = { .finding = g_array_index(told, FindingTold, i).finding };
        const GPtrArray *fixes = one.finding->fixes;
        if (fixes->len > 0) {
            one.fix = fixes->pdata[any ? between(rand, 0, fixes->len - 1) : 0];
        }
        if (fixes->len > 0 && can_be_seen(one.fix)) {
            g_array_append_val(chosen, one);
        }
    }
    return chosen;
}

static void drop_some(GArray *chosen, GRand *rand, guint left)
{
    while (chosen->len > left) {
        g_array_remove_index(chosen, between(rand, 0, chosen->len - 1));
    }
}

static guint count_without_fix(const State *state)
{
    guint found = 0;

    for (guint i = 0; i < state->verdict->findings->len; i++) {
        const Finding *finding = state->verdict->findings->pdata[i];
        const Fix *first = finding->fixes->len > 0 ? finding->fixes->pdata[0] : NULL;
        found += finding->with == NULL && (first == NULL || first->accepts);
    }
    return found;
}

static void try_scene(GRand *rand, Figures *figures)
{
    g_autoptr(GArray) cores = NULL;
    g_autoptr(Scene) scene = some_scene(rand, &cores);
    g_auto(State) state = look_at(scene);
    g_autoptr(GArray) all = choose(&state, rand, FALSE);
    g_autoptr(GArray) one = choose(&state, rand, TRUE);
    g_autoptr(GArray) some = choose(&state, rand, one_in(rand, 2));

    figures->stayed += count_without_fix(&state);
    if (all->len == 0) {
        return;
    }
    paste(scene, &state, all, rand, figures);
    drop_some(one, rand, 1);
    paste(scene, &state, one, rand, figures);
    if (some->len > 2) {
        drop_some(some, rand, between(rand, 2, some->len - 1));
        paste(scene, &state, some, rand, figures);
    }
}

/* The seed. */

static guint32 seed_of_commit(void)
{
    const char *argv[] = { "git", "-C", g_getenv("PINHOOK_SOURCE_DIR"), "rev-parse", "HEAD", NULL };
    g_autofree char *out = NULL;

    if (argv[2] == NULL ||
        !g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL,
            NULL, NULL, &out, NULL, NULL, NULL)) {
        return 1;
    }
    out[MIN(strlen(out), 8)] = '\0';
    return (guint32)g_ascii_strtoull(out, NULL, 16);
}

static guint32 number_from(const char *name, guint32 otherwise)
{
    const char *text = g_getenv(name);

    return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : otherwise;
}

static void test_what_is_pasted_never_hurts(void)
{
    guint32 seed = number_from("PASTE_SEED", seed_of_commit());
    guint32 scenes = number_from("PASTE_SCENES", SCENES);
    guint32 only = number_from("PASTE_ONLY", G_MAXUINT32);
    Figures figures = { 0 };

    for (figures.scenes = 0; figures.scenes < scenes; figures.scenes++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed + figures.scenes);
        if (only == G_MAXUINT32 || only == figures.scenes) {
            try_scene(rand, &figures);
        }
    }
    g_test_message("seed %u: %u scenes, %u fixes pasted, %u findings without one, %u violations",
        seed, figures.scenes, figures.pasted, figures.stayed, figures.violations);
    g_assert_cmpuint(figures.violations, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/paste/never-hurts", test_what_is_pasted_never_hurts);
    return g_test_run();
}
