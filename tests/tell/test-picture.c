// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/picture.h"

#include "fakes/fake-machine.h"
#include "fakes/scratch.h"

#include <stdio.h>
#include <string.h>

static char *draw(const FakeRoot *fake, const Taken *taken)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HwlocTopology) topology = topology_load(fake->root, &error);
    g_assert_no_error(error);
    g_autoptr(Host) host = host_load(fake->root, &error);
    g_assert_no_error(error);

    picture_label(topology, host, taken);
    char *xml = picture_to_xml(topology, &error);
    g_assert_no_error(error);
    return xml;
}

static FakeRoot *new_root(guint cores, guint threads, const char *isolated)
{
    FakeRoot *fake = fake_root_new();

    fake_root_add_host(fake, cores, threads, isolated);
    return fake;
}

static void hold(Taken *taken, guint vmid, const char *list)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list(list, ',', NULL);

    taken_add(taken, vmid, cpus);
}

static void hold_by_container(Taken *taken, guint vmid, const char *list)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list(list, ',', NULL);

    taken_add_container(taken, vmid, cpus);
}

static HwlocTopology *read_back(const char *xml)
{
    HwlocTopology *topology = NULL;

    g_assert_cmpint(hwloc_topology_init(&topology), ==, 0);
    g_assert_cmpint(hwloc_topology_set_xmlbuffer(topology, xml, (int)strlen(xml) + 1), ==, 0);
    g_assert_cmpint(hwloc_topology_load(topology), ==, 0);
    return topology;
}

static void assert_pu(HwlocTopology *topology, unsigned cpu, const char *label, const char *style)
{
    hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, cpu);

    g_assert_nonnull(pu);
    g_assert_cmpstr(pu->subtype, ==, label);
    g_assert_cmpstr(hwloc_obj_get_info_by_name(pu, "PinhookUse"), ==, label);
    g_assert_cmpstr(hwloc_obj_get_info_by_name(pu, "lstopoStyle"), ==, style);
}

/// The lines of the legend, parted by newlines.
static char *legend_of(HwlocTopology *topology)
{
    hwloc_obj_t root = hwloc_get_root_obj(topology);
    g_autoptr(GString) legend = g_string_new(NULL);

    for (unsigned i = 0; i < root->infos_count; i++) {
        if (strcmp(root->infos[i].name, "lstopoLegend") == 0) {
            g_string_append_printf(legend, "%s\n", root->infos[i].value);
        }
    }
    return g_string_free(g_steal_pointer(&legend), FALSE);
}

static void test_each_pu_carries_its_use(void)
{
    g_autoptr(FakeRoot) fake = new_root(8, 1, "2-7");
    g_autoptr(Taken) taken = taken_new();

    hold(taken, 101, "2-3");
    hold(taken, 102, "4-5");
    hold(taken, 103, "5");
    hold_by_container(taken, 200, "1");
    g_autofree char *xml = draw(fake, taken);
    g_autoptr(HwlocTopology) topology = read_back(xml);
    assert_pu(topology, 0, "host", "Background=#ffffff;Text=#000000");
    assert_pu(topology, 1, "CT 200", "Background=#d8d8e8;Text=#000000");
    assert_pu(topology, 2, "VM 101", "Background=#9ecbff;Text=#000000");
    assert_pu(topology, 3, "VM 101", "Background=#9ecbff;Text=#000000");
    assert_pu(topology, 4, "VM 102", "Background=#ffcf8f;Text=#000000");
    assert_pu(topology, 5, "several", "Background=#ff7043;Text=#000000");
    assert_pu(topology, 6, "free", "Background=#d9f2d0;Text=#000000");

    g_autofree char *legend = legend_of(topology);
    g_assert_cmpstr(legend, ==,
        "VM 101: CPU 2-3\nVM 102: CPU 4-5\nVM 103: CPU 5\nCT 200: CPU 1\n"
        "host: housekeeping\nfree: isolated and held by nobody\nseveral: held by several\n");
}

static void test_an_awake_sibling_shows(void)
{
    g_autoptr(FakeRoot) fake = new_root(4, 2, "1-3,5-6");
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *xml = draw(fake, taken);
    g_autoptr(HwlocTopology) topology = read_back(xml);

    assert_pu(topology, 3, "exposed", "Background=#ff9d9d;Text=#000000");
    assert_pu(topology, 7, "host", "Background=#ffffff;Text=#000000");
    assert_pu(topology, 2, "free", "Background=#d9f2d0;Text=#000000");
}

static void test_a_core_carries_its_kind(void)
{
    const FakeRow hybrid[] = { { 2, 2, 2048, 1, 5500 }, { 4, 1, 4096, 4, 4300 }, { 0 } };
    g_autoptr(FakeRoot) fake = fake_machine_root(hybrid);
    g_autoptr(Taken) taken = taken_new();
    g_autofree char *xml = draw(fake, taken);
    g_autoptr(HwlocTopology) topology = read_back(xml);

    g_assert_cmpstr(hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, 1)->subtype, ==, "P-core");
    g_assert_cmpstr(hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, 2)->subtype, ==, "E-core");

    g_autoptr(FakeRoot) alike = new_root(2, 1, "");
    g_autofree char *other = draw(alike, taken);
    g_autoptr(HwlocTopology) without = read_back(other);
    g_assert_null(hwloc_get_obj_by_type(without, HWLOC_OBJ_CORE, 0)->subtype);
}

/* lstopo itself. */

static void assert_lstopo_draws(const char *xml, const char *wanted)
{
    g_autofree char *directory = scratch_new();
    g_autofree char *input = g_build_filename(directory, "host.xml", NULL);
    g_autofree char *output = g_build_filename(directory, "host.svg", NULL);
    const char *argv[] = { "lstopo-no-graphics", "--if", "xml", "-i", input, "-p", "--no-factorize",
        output, NULL };
    g_autoptr(GError) error = NULL;
    g_autofree char *svg = NULL;
    int status;

    g_file_set_contents(input, xml, -1, &error);
    g_assert_no_error(error);
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL,
        NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
    g_file_get_contents(output, &svg, NULL, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(svg, wanted));
    scratch_remove(directory);
}

static void test_lstopo_draws_it(void)
{
    g_autofree char *program = g_find_program_in_path("lstopo-no-graphics");
    if (program == NULL) {
        g_test_skip("lstopo is not installed (Debian package hwloc-nox)");
        return;
    }
    g_autoptr(FakeRoot) fake = new_root(8, 1, "2-7");
    g_autoptr(Taken) taken = taken_new();

    hold(taken, 101, "2-3");
    g_autofree char *xml = draw(fake, taken);
    assert_lstopo_draws(xml, "VM 101 P#2");
    assert_lstopo_draws(xml, "VM 101: CPU 2-3");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/picture/uses", test_each_pu_carries_its_use);
    g_test_add_func("/picture/awake-sibling", test_an_awake_sibling_shows);
    g_test_add_func("/picture/kinds", test_a_core_carries_its_kind);
    g_test_add_func("/picture/lstopo", test_lstopo_draws_it);
    return g_test_run();
}
