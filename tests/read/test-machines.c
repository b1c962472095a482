// SPDX-License-Identifier: LGPL-2.1-or-later
/* Real machines: each gives a plan that holds the rules, or says why not, for small and large VMs,
 * whatever is isolated; and each is drawn. */
#include "judge/mend.h"
#include "judge/verdict.h"
#include "tell/map.h"
#include "fakes/fake-fix.h"
#include "fakes/fake-host.h"
#include "fakes/planner-case.h"

#include <string.h>

typedef enum { ISOLATED_NONE, ISOLATED_ALL_BUT_A_CORE, ISOLATED_ONE_NODE, ISOLATED_COUNT } Isolated;

/// The first node that has CPUs.
static const CpuSet *first_node(const Host *host)
{
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        if (!hwloc_bitmap_iszero(node->cpus)) {
            return node->cpus;
        }
    }
    g_assert_not_reached();
}

static void isolate(Host *host, Isolated isolated)
{
    g_autoptr(CpuSet) cpus = cpuset_new();

    if (isolated == ISOLATED_ALL_BUT_A_CORE) {
        const HostCore *core = host->cores->pdata[0];
        hwloc_bitmap_andnot(cpus, host->online, core->cpus);
    } else if (isolated == ISOLATED_ONE_NODE) {
        hwloc_bitmap_copy(cpus, first_node(host));
    }
    g_autofree char *list = cpuset_to_list(cpus);
    fake_host_set_isolation(host, list, NULL);
}

/// Plans and checks a VM of @vcpus; each refusal must say why.
static void assert_planned_or_refused(Host **host, guint vcpus, const char *rules)
{
    g_autofree char *config = g_strdup_printf("cores: %u\nfreeze: 1\n", vcpus);
    g_autoptr(Case) c = case_new(g_steal_pointer(host), config, rules, "");
    Request request = case_request(c);
    g_autoptr(Verdict) verdict = verdict_of_start(&request, c->plan);

    g_assert_true(c->plan == NULL || case_find_broken_rule(c) == NULL);
    g_assert_true(c->plan != NULL || verdict->result == VERDICT_REFUSE);
    g_autoptr(GPtrArray) mended = mend_findings(&request, c->plan);
    for (guint i = 0; i < mended->len; i++) {
        const Finding *finding = mended->pdata[i];
        g_assert_cmpstr(finding->message, !=, "");
        g_assert_true(finding->severity != SEVERITY_ERROR || finding->with != NULL ||
                      fix_of(finding) != NULL);
    }
    *host = g_steal_pointer(&c->host);
}

static void assert_drawn(const Host *host)
{
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *map = map_draw(host, taken, MAP_PLAIN);
    g_auto(GStrv) lines = g_strsplit(map, "\n", -1);

    g_assert_true(g_str_has_prefix(map, "node "));
    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_cmpuint(strlen(lines[i]), <=, 80);
    }
}

/// @data: the archive.
static void test_machine(gconstpointer data)
{
    static const char *const rules[] = { "", "smt = isolate\n", "smt = pair\n" };
    g_autoptr(Host) host = fake_host_new_of_machine(data);
    const guint cores = host->cores->len, counts[] = { 1, MAX(cores / 2, 1), cores };

    for (guint isolated = 0; isolated < ISOLATED_COUNT; isolated++) {
        isolate(host, (Isolated)isolated);
        assert_drawn(host);
        for (gsize i = 0; i < G_N_ELEMENTS(counts) * G_N_ELEMENTS(rules); i++) {
            assert_planned_or_refused(
                &host, counts[i / G_N_ELEMENTS(rules)], rules[i % G_N_ELEMENTS(rules)]);
        }
    }
}

/// What is isolated is planned on: one vCPU always fits where a core is.
static void test_a_vcpu_fits(gconstpointer data)
{
    Host *host = fake_host_new_of_machine(data);

    isolate(host, ISOLATED_ONE_NODE);
    g_autoptr(Case) c = case_new(host, "cores: 1\n", "", "");
    g_assert_nonnull(c->plan);
    g_assert_null(case_find_broken_rule(c));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_auto(GStrv) archives = fake_host_list_machines();
    for (guint i = 0; archives != NULL && archives[i] != NULL; i++) {
        g_autofree char *name = g_path_get_basename(archives[i]);
        g_autofree char *sizes = g_strdup_printf("/machines/sizes/%s", name);
        g_autofree char *one = g_strdup_printf("/machines/one-vcpu/%s", name);
        g_test_add_data_func_full(sizes, g_strdup(archives[i]), test_machine, g_free);
        g_test_add_data_func_full(one, g_strdup(archives[i]), test_a_vcpu_fits, g_free);
    }
    if (archives == NULL) {
        g_test_message("PINHOOK_DATA is not set");
    }
    return g_test_run();
}
