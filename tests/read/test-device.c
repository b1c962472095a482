// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/device.h"

#include "read/mapping.h"
#include "fakes/fake-root.h"

#include <string.h>

/// A device of the host as sysfs has it: a link into the tree of buses. @numa_node NULL: a kernel
/// without NUMA.
static void add_pci(FakeRoot *fake, const char *address, const char *numa_node)
{
    g_autofree char *link = g_strdup_printf("sys/bus/pci/devices/%s", address);
    g_autofree char *target = g_strdup_printf("../../../devices/pci0000:00/%s", address);
    g_autofree char *vendor = g_strdup_printf("sys/devices/pci0000:00/%s/vendor", address);
    g_autofree char *node = g_strdup_printf("sys/devices/pci0000:00/%s/numa_node", address);

    fake_root_link(fake, link, target);
    fake_root_write(fake, vendor, "0x10de\n");
    if (numa_node != NULL) {
        g_autofree char *line = g_strconcat(numa_node, "\n", NULL);
        fake_root_write(fake, node, line);
    }
}

/// A host with two nodes; 0000:05:00 has its first function hidden.
static FakeRoot *make_host(void)
{
    FakeRoot *fake = fake_root_new();

    add_pci(fake, "0000:01:00.0", "0");
    add_pci(fake, "0000:01:00.1", "0");
    add_pci(fake, "0000:02:00.0", "0");
    add_pci(fake, "0000:05:00.3", "1");
    add_pci(fake, "0000:81:00.0", "1");
    add_pci(fake, "0000:82:00.0", "1");
    add_pci(fake, "0000:03:00.0", "-1");
    add_pci(fake, "0000:04:00.0", "-1");
    add_pci(fake, "0000:06:00.0", NULL);
    add_pci(fake, "0000:07:00.0", "far");
    add_pci(fake, "0000:08:00.0", "99999");
    add_pci(fake, "10000:01:00.0", "1");
    return fake;
}

/// The devices as text: `option address node`, and the reason behind, each in a line.
static void assert_found(const FakeRoot *fake, const char *config, const char *wanted)
{
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));
    g_autoptr(GPtrArray) devices = device_find(fake->root, vm, "alpha");
    g_autoptr(GString) have = g_string_new(NULL);

    g_assert_cmpuint(vm->problems->len, ==, 0);
    for (guint i = 0; i < devices->len; i++) {
        const Device *device = devices->pdata[i];
        g_string_append_printf(have, "%s %s %d%s%s\n", device->option, device->address,
            device->node, device->unknown != NULL ? " " : "",
            device->unknown != NULL ? device->unknown : "");
    }
    g_test_message("%s", config);
    g_assert_cmpstr(have->str, ==, wanted);
}

/* By address. */

static void test_each_option_is_a_device_with_its_node(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "cores: 1\n", "");
    assert_found(fake, "hostpci0: 0000:01:00.0\n", "hostpci0 0000:01:00.0 0\n");
    assert_found(fake, "hostpci11: 81:00.0,pcie=1\nhostpci2: 10000:01:00.0\nhostpci1: 02:00.0\n",
        "hostpci1 0000:02:00.0 0\nhostpci2 10000:01:00.0 1\nhostpci11 0000:81:00.0 1\n");
}

static void test_without_function_the_first_there_counts(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "hostpci0: 81:00\n", "hostpci0 0000:81:00 1\n");
    assert_found(fake, "hostpci0: 05:00\n", "hostpci0 0000:05:00 1\n");
    add_pci(fake, "0000:09:00.7", "1");
    assert_found(fake, "hostpci0: 09:00\n", "hostpci0 0000:09:00 1\n");
}

static void test_the_kernel_may_say_that_it_is_of_no_node(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "hostpci0: 03:00.0\n", "hostpci0 0000:03:00.0 -1\n");
}

static void test_what_is_not_known_says_why(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "hostpci0: 01:00.2\nhostpci1: 0a:00\n",
        "hostpci0 0000:01:00.2 -1 the host has no such device\n"
        "hostpci1 0000:0a:00 -1 the host has no such device\n");
    assert_found(fake, "hostpci0: 06:00\nhostpci1: 07:00.0\nhostpci2: 08:00.0\n",
        "hostpci0 0000:06:00 -1 the kernel does not say\n"
        "hostpci1 0000:07:00.0 -1 the kernel does not say\n"
        "hostpci2 0000:08:00.0 -1 the kernel does not say\n");
}

static void test_functions_on_one_node_are_one_device(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "hostpci0: 01:00.0;01:00.1\n", "hostpci0 0000:01:00.0 0\n");
    assert_found(fake, "hostpci0: 01:00.5;01:00.1\n", "hostpci0 0000:01:00.1 0\n");
    assert_found(
        fake, "hostpci0: 0b:00;0c:00.0\n", "hostpci0 0000:0b:00 -1 the host has no such device\n");
}

static void test_addresses_on_several_nodes_are_a_device_each(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "hostpci0: 01:00.0;81:00.0;01:00.1;82:00.0\nhostpci1: 82:00.0\n",
        "hostpci0 0000:01:00.0 0\nhostpci0 0000:81:00.0 1\nhostpci1 0000:82:00.0 1\n");
}

/* By mapping. */

static void write_mapping(FakeRoot *fake, const char *lines)
{
    g_autofree char *text = g_strconcat(
        "nic\n\tmap node=alpha,path=0000:02:00.0\n\ngpu\n", lines, NULL);

    fake_root_write(fake, MAPPING_PATH, text);
}

static void test_a_mapping_is_looked_up_for_this_node_of_the_cluster(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    write_mapping(fake, "\tmap id=1:2,node=beta,path=0000:01:00.0\n"
                        "\tmap id=1:2,node=alpha,path=0000:81:00,iommugroup=3\n");
    assert_found(fake, "hostpci0: mapping=gpu,pcie=1\nhostpci1: mapping=nic\n",
        "hostpci0 gpu 1\nhostpci1 nic 0\n");
}

static void test_a_mappings_one_device_may_lie_on_several_nodes(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    write_mapping(fake, "\tmap node=alpha,path=0000:81:00.0;0000:01:00.0\n");
    assert_found(fake, "hostpci0: mapping=gpu\n", "hostpci0 gpu 1\nhostpci0 gpu 0\n");
}

static void test_candidates_have_a_node_where_they_agree(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    write_mapping(fake, "\tmap node=alpha,path=0000:81:00\n\tmap node=alpha,path=0000:82:00.0\n"
                        "\tmap node=beta,path=0000:01:00\n");
    assert_found(fake, "hostpci0: mapping=gpu\n", "hostpci0 gpu 1\n");
    write_mapping(fake, "\tmap node=alpha,path=0000:03:00\n\tmap node=alpha,path=0000:04:00\n");
    assert_found(fake, "hostpci0: mapping=gpu\n", "hostpci0 gpu -1\n");
}

static void test_candidates_that_differ_have_no_node(void)
{
    static const struct {
        const char *first, *second, *reason;
    } cases[] = {
        { "0000:81:00", "0000:01:00", "the mapping's devices lie on several nodes" },
        { "0000:01:00", "0000:82:00.0", "the mapping's devices lie on several nodes" },
        { "0000:01:00", "0000:02:00;0000:82:00", "the mapping's devices lie on several nodes" },
        { "0000:01:00", "0000:03:00", "the mapping's devices lie on several nodes" },
        { "0000:01:00", "0000:0a:00", "the host has no such device" },
        { "0000:0a:00", "0000:01:00", "the host has no such device" },
        { "0000:01:00", "0000:06:00", "the kernel does not say" },
        { "0000:03:00", "0000:06:00", "the kernel does not say" },
    };
    g_autoptr(FakeRoot) fake = make_host();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *lines = g_strdup_printf(
            "\tmap node=alpha,path=%s\n\tmap node=alpha,path=%s\n", cases[i].first,
            cases[i].second);
        g_autofree char *wanted = g_strdup_printf("hostpci3 gpu -1 %s\n", cases[i].reason);
        write_mapping(fake, lines);
        assert_found(fake, "hostpci3: mapping=gpu\n", wanted);
    }
}

static void test_a_mapping_that_leads_nowhere_says_why(void)
{
    g_autoptr(FakeRoot) fake = make_host();

    assert_found(fake, "hostpci0: mapping=gpu\n",
        "hostpci0 gpu -1 cannot open /etc/pve/mapping/pci.cfg: No such file or directory\n");
    write_mapping(fake, "\tmap node=beta,path=0000:01:00.0\n");
    assert_found(fake, "hostpci0: mapping=gpu\nhostpci1: mapping=fpga\n",
        "hostpci0 gpu -1 the mapping has no device on this host\n"
        "hostpci1 fpga -1 the mapping has no device on this host\n");
    write_mapping(fake, "\tmap node=alpha,path=0000:0a:00.0\n");
    assert_found(fake, "hostpci0: mapping=gpu\n", "hostpci0 gpu -1 the host has no such device\n");
    fake_root_write_bytes(fake, MAPPING_PATH, "gpu\n\0x\n", 7);
    assert_found(fake, "hostpci0: mapping=gpu\n",
        "hostpci0 gpu -1 /etc/pve/mapping/pci.cfg holds NUL bytes: it is no text\n");
}

static void test_without_a_name_of_this_node_no_mapping_is_found(void)
{
    static const char config[] = "hostpci0: mapping=nic\n";
    g_autoptr(FakeRoot) fake = make_host();
    g_autoptr(VmConfig) vm = vmconfig_parse(config, strlen(config));

    write_mapping(fake, "");
    g_autoptr(GPtrArray) devices = device_find(fake->root, vm, NULL);
    g_assert_cmpuint(devices->len, ==, 1);
    g_assert_cmpint(((const Device *)devices->pdata[0])->node, ==, -1);
    g_assert_nonnull(((const Device *)devices->pdata[0])->unknown);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/address", test_each_option_is_a_device_with_its_node);
    g_test_add_func("/device/whole", test_without_function_the_first_there_counts);
    g_test_add_func("/device/no-node", test_the_kernel_may_say_that_it_is_of_no_node);
    g_test_add_func("/device/unknown", test_what_is_not_known_says_why);
    g_test_add_func("/device/functions", test_functions_on_one_node_are_one_device);
    g_test_add_func("/device/several-nodes", test_addresses_on_several_nodes_are_a_device_each);
    g_test_add_func("/device/mapping", test_a_mapping_is_looked_up_for_this_node_of_the_cluster);
    g_test_add_func(
        "/device/mapping/several-nodes", test_a_mappings_one_device_may_lie_on_several_nodes);
    g_test_add_func(
        "/device/mapping/candidates-agree", test_candidates_have_a_node_where_they_agree);
    g_test_add_func("/device/mapping/candidates-differ", test_candidates_that_differ_have_no_node);
    g_test_add_func("/device/mapping/nowhere", test_a_mapping_that_leads_nowhere_says_why);
    g_test_add_func(
        "/device/mapping/no-node-name", test_without_a_name_of_this_node_no_mapping_is_found);
    return g_test_run();
}
