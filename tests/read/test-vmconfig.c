// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmconfig.h"

#include "fakes/assertions.h"
#include "fakes/large-text.h"
#include "fakes/vmconfig-text.h"

#include <string.h>

static VmConfig *parse(const char *text)
{
    return vmconfig_parse(text, strlen(text));
}

/// A config without problems.
static VmConfig *parse_clean(const char *text)
{
    VmConfig *vm = parse(text);

    g_test_message("%s", text);
    if (vm->problems->len > 0) {
        g_test_message("%s", ((const VmConfigProblem *)vm->problems->pdata[0])->message);
    }
    g_assert_true(vm->readable);
    g_assert_cmpuint(vm->problems->len, ==, 0);
    return vm;
}

static void assert_topology(const VmConfig *vm, guint sockets, guint cores, guint threads)
{
    g_assert_cmpuint(vm->sockets, ==, sockets);
    g_assert_cmpuint(vm->cores, ==, cores);
    g_assert_cmpuint(vm->threads, ==, threads);
}

static void assert_cell(const GPtrArray *cells, guint at, const char *cpus, guint64 memory_mib)
{
    g_assert_cmpuint(cells->len, >, at);
    const VmCell *cell = cells->pdata[at];

    assert_set(cell->cpus, cpus);
    g_assert_cmpuint(cell->memory_mib, ==, memory_mib);
}

static void assert_binding(
    const GPtrArray *cells, guint at, const char *hostnodes, const char *policy)
{
    const VmCell *cell = cells->pdata[at];

    assert_set(cell->hostnodes, hostnodes);
    g_assert_cmpstr(cell->policy, ==, policy);
}

/// The one problem of @vm, which stands in @line with @key (NULL: no key).
static const VmConfigProblem *assert_problem(
    const VmConfig *vm, VmConfigProblemKind kind, guint line, const char *key)
{
    g_assert_cmpuint(vm->problems->len, ==, 1);
    const VmConfigProblem *problem = vm->problems->pdata[0];

    g_test_message("%s", problem->message);
    g_assert_cmpint(problem->kind, ==, kind);
    g_assert_cmpuint(problem->line, ==, line);
    g_assert_cmpstr(problem->key, ==, key);
    return problem;
}

static void assert_same(const char *a, const char *b)
{
    g_autoptr(VmConfig) first = parse(a);
    g_autoptr(VmConfig) second = parse(b);
    g_autofree char *wanted = vmconfig_to_text(first);
    g_autofree char *have = vmconfig_to_text(second);

    g_assert_cmpstr(have, ==, wanted);
}

/* Options. */

static void assert_defaults(const VmConfig *vm)
{
    g_assert_cmpuint(vm->sockets, ==, 1);
    g_assert_cmpuint(vm->cores, ==, 1);
    g_assert_cmpuint(vm->threads, ==, 1);
    g_assert_cmpuint(vm->vcpus_present, ==, 1);
    g_assert_cmpuint(vm->vcpus_most, ==, 1);
    g_assert_cmpuint(vm->memory_mib, ==, 512);
    g_assert_cmpint(vm->balloon_mib, ==, -1);
    g_assert_null(vm->hugepages);
    g_assert_false(vm->numa);
    g_assert_cmpuint(vm->cells->len, ==, 0);
    g_assert_cmpuint(vm->guest_cells->len, ==, 0);
    g_assert_null(vm->affinity);
    g_assert_false(vm->freeze);
    g_assert_true(vm->kvm);
    g_assert_false(vm->template);
    g_assert_false(vm->cpu_hotplug);
    g_assert_cmpfloat(vm->cpulimit, ==, 0);
    g_assert_null(vm->lock);
    g_assert_null(vm->args);
    g_assert_cmpuint(vm->hostpci->len, ==, 0);
}

static void test_what_is_not_given_is_as_proxmox_has_it(void)
{
    g_autoptr(VmConfig) vm = parse_clean("ostype: l26\n");

    assert_defaults(vm);
    g_assert_null(vm->name);
    g_assert_null(vm->cpu);
    g_assert_null(vm->tags);
}

static void test_vcpus_are_sockets_times_cores(void)
{
    static const struct {
        const char *text;
        guint sockets, cores, present, most;
    } cases[] = {
        { "cores: 4\n", 1, 4, 4, 4 },
        { "sockets: 2\ncores: 4\n", 2, 4, 8, 8 },
        { "cores: 4\nvcpus: 2\n", 1, 4, 2, 4 },
        { "sockets: 2\ncores: 4\nvcpus: 8\n", 2, 4, 8, 8 },
        { "smp: 2\n", 2, 1, 2, 2 },
        { "smp: 2\ncores: 2\n", 2, 2, 4, 4 },
        { "sockets: 3\nsmp: 2\n", 3, 1, 3, 3 },
        { "smp: 2\nsockets: 3\n", 3, 1, 3, 3 },
        { "smp: 2\nsockets: 0\n", 2, 1, 2, 2 },
        { "cores: 0\nsockets: 0\nvcpus: 0\nsmp: 0\n", 1, 1, 1, 1 },
        { "cores: 04\n", 1, 4, 4, 4 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(VmConfig) vm = parse_clean(cases[i].text);
        assert_topology(vm, cases[i].sockets, cases[i].cores, 1);
        g_assert_cmpuint(vm->vcpus_present, ==, cases[i].present);
        g_assert_cmpuint(vm->vcpus_most, ==, cases[i].most);
    }
}

static void test_memory_is_bare_or_current(void)
{
    g_autoptr(VmConfig) bare = parse_clean("memory: 16384\n");
    g_autoptr(VmConfig) named = parse_clean("memory: current=8192\n");
    g_autoptr(VmConfig) odd = parse_clean("memory: ,+0016, \n");

    g_assert_cmpuint(bare->memory_mib, ==, 16384);
    g_assert_cmpuint(named->memory_mib, ==, 8192);
    g_assert_cmpuint(odd->memory_mib, ==, 16);
}

static void test_balloon_knows_off_from_not_given(void)
{
    g_autoptr(VmConfig) off = parse_clean("balloon: 0\n");
    g_autoptr(VmConfig) on = parse_clean("balloon: 1024\n");

    g_assert_cmpint(off->balloon_mib, ==, 0);
    g_assert_cmpint(on->balloon_mib, ==, 1024);
}

static void test_hugepages_of_every_size(void)
{
    static const char *const sizes[] = { "any", "2", "1024" };

    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = g_strdup_printf("hugepages: %s\n", sizes[i]);
        g_autoptr(VmConfig) vm = parse_clean(text);
        g_assert_cmpstr(vm->hugepages, ==, sizes[i]);
    }
}

static void test_booleans_are_spelt_as_in_proxmox(void)
{
    static const char *const yes[] = { "1", "on", "yes", "true", "Yes", "TRUE" };
    static const char *const no[] = { "0", "off", "no", "false", "No", "OFF" };

    for (gsize i = 0; i < G_N_ELEMENTS(yes); i++) {
        g_autofree char *on = g_strdup_printf("numa: %s\nfreeze: %s\n", yes[i], yes[i]);
        g_autofree char *off = g_strdup_printf("kvm: %s\ntemplate: %s\n", no[i], no[i]);
        g_autoptr(VmConfig) with = parse_clean(on);
        g_autoptr(VmConfig) without = parse_clean(off);

        g_assert_true(with->numa && with->freeze);
        g_assert_false(without->kvm || without->template);
    }
}

static void test_affinity_is_a_list_of_host_cpus(void)
{
    g_autoptr(VmConfig) vm = parse_clean("affinity: 0,5,8-11\n");

    assert_set(vm->affinity, "0,5,8-11");
}

static void test_cpus_are_hotplugged_only_when_named(void)
{
    static const struct {
        const char *value;
        gboolean cpu;
    } cases[] = {
        { "0", FALSE },
        { "1", FALSE }, // network,disk,usb
        { "network,disk,usb", FALSE },
        { "cpu", TRUE },
        { "disk,cpu", TRUE },
        { "network,disk,cpu,memory,usb", TRUE },
        { "disk;cpu", TRUE }, // PVE::Tools::split_list parts by all three
        { "disk cpu", TRUE },
        { "disk, cpu", TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nhotplug: %s\n", cases[i].value);
        g_autoptr(VmConfig) vm = parse_clean(text);
        g_assert_cmpint(vm->cpu_hotplug, ==, cases[i].cpu);
    }
}

static void test_args_are_written_anew_with_another_smp(void)
{
    static const struct {
        const char *args, *without, *with;
    } cases[] = {
        { "-vga none", "-vga none", "-vga none -smp 4" },
        { "-smp 8,cores=4", NULL, "-smp 4" },
        { "-a -smp 8 -b --smp cores=2 -c", "-a -b -c", "-a -b -c -smp 4" },
        { "-name 'a b' -smp 2", "-name 'a b'", "-name 'a b' -smp 4" },
        { "-x \"it's\" -smp 2", "-x 'it'\\''s'", "-x 'it'\\''s' -smp 4" },
        { "-x a\\ b", "-x 'a b'", "-x 'a b' -smp 4" },
        { "-x #1 -smp 2", "-x '#1'", "-x '#1' -smp 4" },
        { "-x '' -smp", "-x ''", "-x '' -smp 4" },
        { "-append smp=2", "-append smp=2", "-append smp=2 -smp 4" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nargs: %s\n", cases[i].args);
        g_autoptr(VmConfig) vm = parse(text);
        g_autofree char *without = vmconfig_args_with_smp(vm, NULL);
        g_autofree char *with = vmconfig_args_with_smp(vm, "4");
        g_assert_cmpstr(without, ==, cases[i].without);
        g_assert_cmpstr(with, ==, cases[i].with);
        g_assert_cmpint(vmconfig_has_smp(vm), ==, strstr(cases[i].args, "-smp") != NULL);
        g_autofree char *written = g_strdup_printf("cores: 4\nargs: %s\n", with);
        g_autoptr(VmConfig) again = parse_clean(written);
        g_autofree char *same = vmconfig_args_with_smp(again, "4");
        g_assert_cmpstr(same, ==, with);
    }
}

static void test_args_may_be_missing(void)
{
    g_autoptr(VmConfig) vm = parse_clean("cores: 4\n");
    g_autofree char *with = vmconfig_args_with_smp(vm, "4");

    g_assert_null(vmconfig_args_with_smp(vm, NULL));
    g_assert_cmpstr(with, ==, "-smp 4");
    g_assert_false(vmconfig_has_smp(vm));
    g_assert_false(vmconfig_has_one_thread(vm));
}

static void test_emulation_in_one_thread(void)
{
    static const struct {
        const char *args;
        gboolean one;
    } cases[] = {
        { "-accel tcg,thread=single", TRUE },
        { "--accel thread=single,accel=tcg", TRUE },
        { "-accel tcg,thread=multi", FALSE },
        { "-accel tcg", FALSE },
        { "-accel kvm", FALSE },
        { "-append thread=single", FALSE },
        { "-accel tcg,thread=singles", FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nargs: %s\n", cases[i].args);
        g_autoptr(VmConfig) vm = parse_clean(text);
        g_assert_cmpint(vmconfig_has_one_thread(vm), ==, cases[i].one);
    }
}

static void test_own_vcpus_are_those_without_args(void)
{
    g_autoptr(VmConfig)
        vm = parse_clean("sockets: 2\ncores: 3\nargs: -smp 4,sockets=1,cores=4,maxcpus=4\n");
    g_autoptr(VmConfig) given = parse_clean("cores: 4\nvcpus: 2\nhotplug: disk,cpu\n");

    g_assert_cmpuint(vm->vcpus_most, ==, 4);
    g_assert_cmpuint(vm->vcpus_own, ==, 6);
    g_assert_false(vm->vcpus_given);
    g_assert_true(given->vcpus_given);
    g_assert_cmpstr(given->hotplug, ==, "disk,cpu");
    g_assert_null(vm->hotplug);
}

static void test_texts_are_kept_as_written(void)
{
    g_autoptr(VmConfig) vm = parse_clean("name: web-1\ncpu: host,flags=+aes\ntags: a;b\n"
                                         "lock: migrate\nargs: -device foo,x='a b'\n"
                                         "cpulimit: 1.5\n");

    g_assert_cmpstr(vm->name, ==, "web-1");
    g_assert_cmpstr(vm->cpu, ==, "host,flags=+aes");
    g_assert_cmpstr(vm->tags, ==, "a;b");
    g_assert_cmpstr(vm->lock, ==, "migrate");
    g_assert_cmpstr(vm->args, ==, "-device foo,x='a b'");
    g_assert_cmpfloat(vm->cpulimit, ==, 1.5);
}

static void test_passed_through_devices_come_by_index_whatever_their_lines(void)
{
    g_autoptr(VmConfig) vm = parse_clean("hostpci1: mapping=gpu\nhostpci15: 0000:03:00\n"
                                         "hostpci0: 0000:01:00.0;0000:01:00.1,pcie=1\n");
    static const guint indexes[] = { 0, 1, 15 };

    g_assert_cmpuint(vm->hostpci->len, ==, 3);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpuint(((const VmHostpci *)vm->hostpci->pdata[i])->index, ==, indexes[i]);
    }
}

static void test_a_passed_through_device_has_addresses_or_a_mapping(void)
{
    static const struct {
        const char *value, *addresses, *mapping;
    } cases[] = {
        { "0000:01:00.0", "0000:01:00.0", NULL },
        { "01:00.0", "0000:01:00.0", NULL },
        { "f0:43", "0000:f0:43", NULL },
        { "1234:f0:43", "1234:f0:43", NULL },
        { "10000:e1:00.0", "10000:e1:00.0", NULL }, // behind Intel's VMD
        { "host=01:00.0", "0000:01:00.0", NULL },
        { "01:00.0;01:00.1;0001:02:00", "0000:01:00.0;0000:01:00.1;0001:02:00", NULL },
        { "00:ff.1,driver=keep,sub-vendor-id=0x2233", "0000:00:ff.1", NULL },
        { "pcie=1,01:00.f", "0000:01:00.f", NULL },
        { "01:00,,pcie=1,", "0000:01:00", NULL },
        { "mapping=gpu", NULL, "gpu" },
        { "pcie=1,mapping=GPU_2-a,x-vga=1", NULL, "GPU_2-a" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("hostpci0: %s\n", cases[i].value);
        g_autoptr(VmConfig) vm = parse_clean(text);
        g_assert_cmpuint(vm->hostpci->len, ==, 1);
        const VmHostpci *hostpci = vm->hostpci->pdata[0];
        g_autofree char *addresses = hostpci->addresses != NULL
                                         ? g_strjoinv(";", hostpci->addresses)
                                         : NULL;
        g_assert_cmpstr(addresses, ==, cases[i].addresses);
        g_assert_cmpstr(hostpci->mapping, ==, cases[i].mapping);
    }
}

static void test_a_backup_is_told_from_other_locks(void)
{
    g_autoptr(VmConfig) backup = parse_clean("lock: backup\n");
    g_autoptr(VmConfig) template = parse_clean("template: 1\n");
    g_autoptr(VmConfig) migrate = parse_clean("lock: migrate\n");
    g_autoptr(VmConfig) plain = parse_clean("template: 0\n");

    g_assert_true(vmconfig_is_under_backup(backup));
    g_assert_false(vmconfig_is_under_backup(template));
    g_assert_false(vmconfig_is_under_backup(migrate));
    g_assert_false(vmconfig_is_under_backup(plain));
}

/* What tutorials write. */

static void test_options_that_tutorials_invent_are_named(void)
{
    static const char *const keys[] = { "cpuaffinity", "cpu_affinity", "cpu-affinity", "cpuset" };

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\n%s: 4-7\n", keys[i]);
        g_autoptr(VmConfig) vm = parse(text);
        const VmConfigProblem *problem = assert_problem(vm, VMCONFIG_UNKNOWN_OPTION, 2, keys[i]);
        g_assert_cmpstr(problem->value, ==, "4-7");
        g_assert_nonnull(strstr(problem->message, keys[i]));
        g_assert_null(vm->affinity);
        g_assert_cmpuint(vm->cores, ==, 4);
    }
}

static void test_options_like_ours_are_named(void)
{
    static const char *const lines[] = { "afinity: 4", "affinty: 4", "freez: 1", "cpupin: 0",
        "vcpupin0: 1", "numa8: cpus=0", "numa00: cpus=0", "cores2: 9", "hostpci16: 01:00",
        "hugepage: 2", "isolcpus: 4", "hotplugs: cpu", "core: 4", "socket: 2", "cpus: 4" };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text = g_strdup_printf("ostype: l26\n%s\n", lines[i]);
        g_autofree char *key = g_strndup(lines[i], strcspn(lines[i], ":"));
        g_autoptr(VmConfig) vm = parse(text);
        g_test_message("%s", lines[i]);
        assert_problem(vm, VMCONFIG_LIKE_AN_OPTION, 2, key);
        assert_defaults(vm);
    }
}

static void test_other_options_are_passed_over(void)
{
    g_autoptr(VmConfig) vm = parse_clean("boot: order=scsi0\nscsi0: local:100/a.qcow2,size=8G\n"
                                         "net0: virtio=AA:BB:CC:DD:EE:FF,bridge=vmbr0\n"
                                         "smbios1: uuid=7b10d7af\nunused0: local:x\ncpuunits: 100\n"
                                         "keephugepages: 1\nshares: 1000\nfuture: 1\nnet32: x\n");

    assert_defaults(vm);
}

/* Cells. */

static void test_a_cell_has_cpus_nodes_memory_and_policy(void)
{
    g_autoptr(VmConfig)
        vm = parse_clean("cores: 12\nmemory: 4096\nnuma: 1\n"
                         "numa0: cpus=0-3;8-11,hostnodes=0,memory=3072,policy=bind\n"
                         "numa1: cpus=4-7,memory=1024,hostnodes=1-3,policy=interleave\n");

    g_assert_cmpuint(vm->cells->len, ==, 2);
    assert_cell(vm->cells, 0, "0-3,8-11", 3072);
    assert_binding(vm->cells, 0, "0", "bind");
    assert_cell(vm->cells, 1, "4-7", 1024);
    assert_binding(vm->cells, 1, "1-3", "interleave");
}

static void test_a_cell_may_lack_all_but_its_cpus(void)
{
    g_autoptr(VmConfig) vm = parse_clean("numa0: cpus=0\nnuma1: ,cpus=1,,memory=512,\n"
                                         "numa2: cpus=2,hostnodes=0,policy=preferred\n");

    assert_cell(vm->cells, 0, "0", 0);
    assert_binding(vm->cells, 0, NULL, NULL);
    assert_cell(vm->cells, 1, "1", 512);
    assert_cell(vm->cells, 2, "2", 0);
    assert_binding(vm->cells, 2, "0", "preferred");
}

static void test_a_cells_memory_may_have_decimals(void)
{
    static const struct {
        const char *text;
        double memory;
        guint64 mib;
    } cases[] = {
        { "2048.0", 2048, 2048 },
        { "+2048", 2048, 2048 },
        { "2048.", 2048, 2048 },
        { ".5", .5, 1 },
        { "1023.25", 1023.25, 1024 },
        { "0", 0, 0 },
        { "0.0", 0, 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("numa0: cpus=0,memory=%s\n", cases[i].text);
        g_autoptr(VmConfig) vm = parse_clean(text);
        const VmCell *cell = vm->cells->pdata[0];
        g_assert_cmpfloat(cell->memory, ==, cases[i].memory);
        g_assert_cmpuint(cell->memory_mib, ==, cases[i].mib);
    }
}

/* Of 0;2 Proxmox makes 02, and QEMU refuses the others. */
static void test_a_list_of_nodes_is_kept_as_written(void)
{
    static const struct {
        const char *text, *nodes;
        gboolean list;
    } cases[] = {
        { "0", "0", FALSE },
        { "0-1", "0-1", FALSE },
        { "0;2", "2", TRUE },
        { "0;2-3", "2-3", TRUE },
        { "1;3", "1,3", TRUE },
        { "0;1;3", "0-1,3", TRUE },
        { "10;2", "2,10", TRUE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("numa0: cpus=0,hostnodes=%s\n", cases[i].text);
        g_autoptr(VmConfig) vm = parse_clean(text);
        const VmCell *cell = vm->cells->pdata[0];
        g_assert_cmpstr(cell->node_list, ==, cases[i].list ? cases[i].text : NULL);
        assert_set(cell->hostnodes, cases[i].nodes);
    }
}

static void test_cells_come_by_index_whatever_their_lines(void)
{
    g_autoptr(VmConfig) vm = parse_clean("numa7: cpus=3\nnuma0: cpus=1\nnuma3: cpus=2\n");
    static const guint indexes[] = { 0, 3, 7 };

    g_assert_cmpuint(vm->cells->len, ==, 3);
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpuint(((const VmCell *)vm->cells->pdata[i])->index, ==, indexes[i]);
    }
}

static void test_without_numa_1_the_guest_sees_no_cells(void)
{
    g_autoptr(VmConfig) vm = parse_clean("cores: 2\nnuma0: cpus=0-1,memory=512\n");

    g_assert_cmpuint(vm->cells->len, ==, 1);
    g_assert_cmpuint(vm->guest_cells->len, ==, 0);
}

static void test_written_cells_are_what_the_guest_sees(void)
{
    g_autoptr(VmConfig) vm = parse_clean("sockets: 2\ncores: 2\nmemory: 1024\nnuma: 1\n"
                                         "numa0: cpus=0-3,hostnodes=1,memory=1024,policy=bind\n");

    g_assert_cmpuint(vm->guest_cells->len, ==, 1);
    assert_cell(vm->guest_cells, 0, "0-3", 1024);
    assert_binding(vm->guest_cells, 0, "1", "bind");
}

static void test_without_written_cells_each_socket_is_one(void)
{
    g_autoptr(VmConfig) vm = parse_clean("sockets: 2\ncores: 3\nmemory: 2048\nnuma: 1\n");

    g_assert_cmpuint(vm->cells->len, ==, 0);
    g_assert_cmpuint(vm->guest_cells->len, ==, 2);
    assert_cell(vm->guest_cells, 0, "0-2", 1024);
    assert_cell(vm->guest_cells, 1, "3-5", 1024);
    assert_binding(vm->guest_cells, 0, NULL, NULL);
    assert_binding(vm->guest_cells, 1, NULL, NULL);
}

/* Proxmox splits by its own sockets and cores; what args says comes after. */
static void test_cells_by_socket_are_those_of_the_config(void)
{
    g_autoptr(VmConfig) vm = parse_clean("sockets: 2\ncores: 2\nmemory: 1024\nnuma: 1\n"
                                         "args: -smp 4,sockets=1,cores=2,threads=2\n");

    g_assert_cmpuint(vm->sockets, ==, 1);
    g_assert_cmpuint(vm->guest_cells->len, ==, 2);
    assert_cell(vm->guest_cells, 0, "0-1", 512);
    assert_cell(vm->guest_cells, 1, "2-3", 512);
}

/* `args: -smp …` */

static void test_smp_in_args_is_merged_key_by_key(void)
{
    static const struct {
        const char *args;
        guint sockets, cores, threads, present, most;
    } cases[] = {
        { "-smp threads=2,cores=2", 1, 2, 2, 4, 4 },
        { "-smp 4,sockets=1,cores=2,threads=2", 1, 2, 2, 4, 4 },
        { "-smp cpus=4,sockets=2,cores=2", 2, 2, 1, 4, 4 },
        { "-smp 2", 1, 4, 1, 2, 4 },
        { "-smp cpus=3", 1, 4, 1, 3, 4 },
        { "-smp 8,cores=8,maxcpus=8", 1, 8, 1, 8, 8 },
        { "-smp 2,cores=4,threads=2,maxcpus=8", 1, 4, 2, 2, 8 },
        { "--smp threads=2,cores=2", 1, 2, 2, 4, 4 },
        { "-cpu host -smp threads=2,cores=2 -device foo", 1, 2, 2, 4, 4 },
        { "'-smp' \"threads=2,cores=2\"", 1, 2, 2, 4, 4 },
        { "-smp threads=2 -smp cores=2", 1, 2, 2, 4, 4 },
        { "-smp threads=4,threads=2,cores=2", 1, 2, 2, 4, 4 },
        { "-device x,id=#1 -smp threads=2,cores=2", 1, 2, 2, 4, 4 },
        { "-append #1 -smp threads=2,cores=2", 1, 2, 2, 4, 4 }, // no comment: shellwords
        { "-smp cores=2", 1, 2, 2, 4, 4 }, // QEMU works out the threads that nobody names
        { "-smp 2,maxcpus=8", 1, 4, 2, 2, 8 },
        { "-append smp=2", 1, 4, 1, 4, 4 },
        { "-smp 0x4", 1, 4, 1, 4, 4 },
        { "-smp 02", 1, 4, 1, 2, 4 },
        { "-smp 4,", 1, 4, 1, 4, 4 },
        { "-smp +2", 1, 4, 1, 2, 4 },
        { "-smp 'cores= 2'", 1, 2, 2, 4, 4 },
        { "-smp ''", 1, 4, 1, 4, 4 },
        { "-smp 2,cores=1,cores=4", 1, 4, 1, 2, 4 },
        { "-smp cores=0 -smp cores=4", 1, 4, 1, 4, 4 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nargs: %s\n", cases[i].args);
        g_autoptr(VmConfig) vm = parse_clean(text);
        assert_topology(vm, cases[i].sockets, cases[i].cores, cases[i].threads);
        g_assert_cmpuint(vm->vcpus_present, ==, cases[i].present);
        g_assert_cmpuint(vm->vcpus_most, ==, cases[i].most);
    }
}

static void test_smp_that_qemu_refuses_is_a_problem_of_the_args_line(void)
{
    static const char *const values[] = { "lots", "-1", "4,5", "threads=two", "cores=4.0", "08",
        "threads=99999", "threads=2,lots", "4,threads=", "4,foo=2", ",4", "4,,", "4,,cores=4",
        "'4 '", "cores", "help", "" };

    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nargs: -smp %s\n", values[i]);
        g_autoptr(VmConfig) vm = parse(text);
        g_test_message("%s", text);
        assert_problem(vm, VMCONFIG_UNREADABLE, 2, "args");
        g_assert_cmpuint(vm->cores, ==, 4);
        g_assert_cmpuint(vm->threads, ==, 1);
        g_assert_cmpuint(vm->vcpus_present, ==, 4);
    }
}

static void test_more_vcpus_than_there_can_be_are_a_problem(void)
{
    static const char *const texts[] = { "cores: 4\nvcpus: 5\n", "sockets: 4096\ncores: 4096\n",
        "cores: 4097\n", "sockets: 99999999999999999999\ncores: 99999999999999999999\n",
        "cores: 4\nvcpus: 5\nhotplug: cpu\n", "smp: 4097\n", "sockets: 2\ncores: 4096\nvcpus: 1\n",
        "cores: 4\nargs: -smp 8\n", "cores: 4\nargs: -smp cpus=5,maxcpus=4\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(VmConfig) vm = parse(texts[i]);
        g_test_message("%s", texts[i]);
        g_assert_cmpuint(vm->problems->len, ==, 1);
        g_assert_cmpuint(vm->vcpus_present, >=, 1);
        g_assert_cmpuint(vm->vcpus_present, <=, vm->vcpus_most);
        g_assert_cmpuint(vm->vcpus_most, <=, VMCONFIG_VCPU_LIMIT);
    }
}

/* QEMU works it out from the others until 8.2, and refuses it from 9.0 on. */
static void test_a_count_of_0_in_smp_is_not_given_and_told_of(void)
{
    static const struct {
        const char *smp;
        guint sockets, cores, threads, present, most;
    } cases[] = {
        { "cpus=0", 1, 4, 1, 4, 4 },
        { "0", 1, 4, 1, 4, 4 },
        { "threads=0", 1, 4, 1, 4, 4 },
        { "cores=0", 1, 4, 1, 4, 4 },
        { "cores=0,threads=2", 1, 2, 2, 4, 4 },
        { "sockets=0,cores=2", 2, 2, 1, 4, 4 },
        { "maxcpus=0", 1, 4, 1, 4, 4 },
        { "2,maxcpus=0,cores=0", 1, 2, 1, 2, 2 },
        { "cpus=0,maxcpus=0,cores=0", 1, 1, 1, 1, 1 },
        { "dies=0,clusters=0,modules=0", 1, 4, 1, 4, 4 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nargs: -smp %s\n", cases[i].smp);
        g_autoptr(VmConfig) vm = parse(text);
        g_test_message("%s", text);
        assert_problem(vm, VMCONFIG_SMP_ZERO, 2, "args");
        assert_topology(vm, cases[i].sockets, cases[i].cores, cases[i].threads);
        g_assert_cmpuint(vm->vcpus_present, ==, cases[i].present);
        g_assert_cmpuint(vm->vcpus_most, ==, cases[i].most);
    }
}

static void test_smp_in_args_and_plugged_vcpus(void)
{
    static const struct {
        const char *args;
        guint present; // 0: QEMU has one of them already, or none of that number
    } cases[] = {
        { "-vga none", 3 },
        { "-smp 1", 3 },
        { "-smp 2", 0 },
        { "-smp maxcpus=8,cores=8", 3 },
        { "-smp cores=2,threads=2", 0 }, // the first threads of cores
        { "-smp cores=2,sockets=2", 0 },
        { "-smp dies=2,cores=2", 0 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf(
            "cores: 4\nvcpus: 3\nhotplug: cpu\nargs: %s\n", cases[i].args);
        g_autoptr(VmConfig) vm = parse(text);
        g_test_message("%s", text);
        if (cases[i].present == 0) {
            assert_problem(vm, VMCONFIG_SMP_HOTPLUG, 4, "args");
        } else {
            g_assert_cmpuint(vm->problems->len, ==, 0);
            g_assert_cmpuint(vm->vcpus_present, ==, cases[i].present);
        }
    }
}

/* QEMU: "product of the hierarchy must match maxcpus". */
static void test_a_topology_that_does_not_multiply_up_is_a_problem(void)
{
    static const char *const args[] = {
        "-smp threads=2", "-smp 4,cores=3", "-smp sockets=2", "-smp cores=8",
        "-smp 2,cores=4,threads=1,maxcpus=8",
        // 5 * 2^64 + 384 in all
        "-smp maxcpus=384,sockets=2939,dies=2942,clusters=3412,modules=3427,cores=2479,threads=368"
    };

    for (gsize i = 0; i < G_N_ELEMENTS(args); i++) {
        g_autofree char *text = g_strdup_printf("cores: 4\nargs: %s\n", args[i]);
        g_autoptr(VmConfig) vm = parse(text);
        g_test_message("%s", text);
        g_assert_cmpuint(vm->problems->len, ==, 1);
    }
}

static void test_the_largest_vm_is_taken(void)
{
    g_autoptr(VmConfig) vm = parse_clean("sockets: 4\ncores: 1024\nnuma: 1\nmemory: 4096\n");

    g_assert_cmpuint(vm->vcpus_most, ==, 4096);
    g_assert_cmpuint(vm->guest_cells->len, ==, 4);
    assert_cell(vm->guest_cells, 3, "3072-4095", 1024);
}

/* Bad values. */

static void test_a_bad_value_names_line_and_key_and_leaves_the_default(void)
{
    static const struct {
        const char *key;
        const char *values[8];
    } cases[] = {
        { "cores", { "lots", "-1", "1.5", "4 5", "0x4", "4,", "+4", "4\r5" } },
        { "sockets", { "lots", "-2", "+2" } },
        { "smp", { "two" } },
        { "vcpus", { "some", "-1" } },
        { "memory", { "much", "0", "15", "-16", "16.0", "4G", "current=x", "512,balloon=1" } },
        { "balloon", { "air", "-1", "0.5" } },
        { "hotplug", { "all", "cpu,net", "2", "1,cpu", "cpus" } },
        { "hookscript", { "pinhook", "local:", "/usr/bin/pinhook", "l:x", "local" } },
        { "vmstate", { "none" } },
        { "numa", { "2", "maybe", "yess", "1,2" } },
        { "freeze", { "2", "cold" } },
        { "kvm", { "2", "maybe" } },
        { "template", { "2", "y" } },
        { "cpulimit", { "half", "-1", "nan", "inf", "1x", "1e9", ".5", "1." } },
        { "numa0", { "x", "cpus=a", "cpus=0,1", "memory=512", "cpus=0,policy=strict",
                       "cpus=0,node=1", "cpus=0,cpus=1", "cpus=0,memory=1k" } },
        { "hostpci0", { "01:00.0;", ";01:00.0", "1:00.0", "01:0.0", "01:00.", "01:00.10",
                          "001:01:00.0", "123456789:01:00.0" } },
        { "hostpci1", { "0A:00.0", "01:00.g", "01:00.0,02:00.0", "01:00.0,host=02:00.0",
                          "host=", "0x01:00.0", "01-00.0", "01:00.0 ,pcie=1" } },
        { "hostpci15", { "mapping=", "mapping=a", "mapping=1a", "mapping=a.b",
                           "mapping=gpu,mapping=nic", "none" } },
        { "numa7", { "cpus=0,hostnodes=x", "cpus=0,hostnodes=0-", "cpus=", "=", "cpus=0;;1",
                       "cpus= 0", "cpus=0,memory=", "cpus=0 ;1" } },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (gsize j = 0; j < 8 && cases[i].values[j] != NULL; j++) {
            g_autofree char *text = g_strdup_printf(
                "# a\nostype: l26\n%s: %s\n", cases[i].key, cases[i].values[j]);
            g_autoptr(VmConfig) vm = parse(text);
            g_test_message("%s", text);
            const VmConfigProblem *problem = assert_problem(vm, VMCONFIG_DROPPED, 3, cases[i].key);
            g_assert_cmpstr(problem->value, ==, cases[i].values[j]);
            g_assert_nonnull(strstr(problem->message, cases[i].key));
            assert_defaults(vm);
        }
    }
}

/// What Proxmox takes, and then does not start with.
static void test_a_value_that_ends_the_start_is_told_of(void)
{
    static const struct {
        const char *key;
        const char *values[6];
    } cases[] = {
        { "memory", { "4294967296", "current=99999999999999999999" } },
        { "hugepages", { "1", "3", "yes", "1GB", "2048", "Any" } },
        { "numa0", { "cpus=3-1", "cpus=0,hostnodes=1-0", "cpus=0,memory=1e3", "cpus=0,memory=-1",
                       "cpus=99999999999", "cpus=0,memory=1e400" } },
        { "hostpci15", { "mapping=gpu,01:00.0", "pcie=1", " " } },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (gsize j = 0; j < 6 && cases[i].values[j] != NULL; j++) {
            g_autofree char *text = g_strdup_printf(
                "# a\nostype: l26\n%s: %s\n", cases[i].key, cases[i].values[j]);
            g_autoptr(VmConfig) vm = parse(text);
            g_test_message("%s", text);
            assert_problem(vm, VMCONFIG_UNREADABLE, 3, cases[i].key);
            assert_defaults(vm);
        }
    }
}

static void test_an_affinity_that_is_no_list_is_its_own_kind(void)
{
    static const char *const values[] = { "all", "0-", "3-1", "0;1", "^1", "0,,1", "0-99999",
        "host" };

    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *text = g_strdup_printf("cores: 2\naffinity: %s\n", values[i]);
        g_autoptr(VmConfig) vm = parse(text);
        const VmConfigProblem *problem = assert_problem(vm, VMCONFIG_BAD_AFFINITY, 2, "affinity");
        g_assert_nonnull(strstr(problem->message, values[i]));
        g_assert_null(vm->affinity);
    }
}

static void test_a_line_that_is_no_setting_is_named(void)
{
    static const char *const lines[] = { "rubbish", "cores", "cores:", " cores: 4", "Cores: 4",
        "cores : 4", "cores=4", "9cores: 4", ": 4", "co.res: 4", "\xff\xfe", "[snap1", " [snap1]",
        "[snap1] x", "-cores: 4" };

    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *text = g_strdup_printf("ostype: l26\n%s\n", lines[i]);
        g_autoptr(VmConfig) vm = parse(text);
        const VmConfigProblem *problem = assert_problem(vm, VMCONFIG_DROPPED, 2, NULL);
        g_assert_cmpstr(problem->text, ==, lines[i]);
        g_assert_cmpuint(vm->cores, ==, 1);
    }
}

static void test_problems_come_in_the_order_of_the_file(void)
{
    g_autoptr(VmConfig) vm = parse("vcpus: x\nrubbish\naffinity: y\ncores: z\ncpuset: 1\n");

    g_assert_cmpuint(vm->problems->len, ==, 5);
    for (guint i = 0; i < 5; i++) {
        g_assert_cmpuint(((const VmConfigProblem *)vm->problems->pdata[i])->line, ==, i + 1);
    }
}

static void test_a_message_is_one_line_that_can_be_printed(void)
{
    static const char *const values[] = { "4\x1b[31m", "4\r5", "\xff\xfe", "4\x07",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xa4" };
    static const char *const keys[] = { "cores", "memory", "affinity", "numa0", "hostpci0",
        "args: -smp" };

    for (gsize i = 0; i < G_N_ELEMENTS(values) * G_N_ELEMENTS(keys); i++) {
        const char *key = keys[i / G_N_ELEMENTS(values)];
        g_autofree char *text = g_strdup_printf("%s%s %s\n", key,
            strchr(key, ' ') != NULL ? "" : ":", values[i % G_N_ELEMENTS(values)]);
        g_autoptr(VmConfig) vm = parse(text);
        g_assert_cmpuint(vm->problems->len, ==, 1);
        assert_printable(((const VmConfigProblem *)vm->problems->pdata[0])->message);
    }
}

/* Lines and sections. */

static void test_of_a_key_given_twice_the_last_wins(void)
{
    g_autoptr(VmConfig) vm = parse_clean("cores: 2\nmemory: 1024\nnuma0: cpus=0\ncores: 4\n"
                                         "affinity: 1\nnuma0: cpus=1,memory=5\naffinity: 2-3\n");

    g_assert_cmpuint(vm->cores, ==, 4);
    assert_set(vm->affinity, "2-3");
    g_assert_cmpuint(vm->cells->len, ==, 1);
    assert_cell(vm->cells, 0, "1", 5);
}

static void test_a_bad_value_that_was_replaced_does_not_matter(void)
{
    g_autoptr(VmConfig) vm = parse_clean(
        "cores: lots\naffinity: x\nnuma0: y\ncores: 4\naffinity: 2\nnuma0: cpus=0\n");

    g_assert_cmpuint(vm->cores, ==, 4);
    assert_set(vm->affinity, "2");
}

static void test_only_what_stands_before_the_first_section_counts(void)
{
    static const char *const sections[] = { "[PENDING]", "[pending]", "[special:cloudinit]",
        "[before-update]", "[a_b]", "[PENDING]  ", "[snap]\r", "[]", "[a]", "[no name]", "[[x]" };

    for (gsize i = 0; i < G_N_ELEMENTS(sections); i++) {
        g_autofree char *text = g_strdup_printf("cores: 2\nname: a\n%s\ncores: 8\nmemory: lots\n"
                                                "affinity: 1\nrubbish\nlock: backup\n",
            sections[i]);
        g_test_message("%s", sections[i]);
        assert_same("cores: 2\nname: a\n", text);
    }
}

static void test_descriptions_and_empty_lines_are_no_settings(void)
{
    assert_same("#\n\n\n\ncores: 2\n", "# cores%3A 4\n#cores: 8\n  \n\t\ncores: 2\n");
}

static void test_a_file_from_windows_reads_the_same(void)
{
    assert_same("# a\n\ncores: 4\nname: web\nargs: -smp 4,cores=2,threads=2\naffinity: 0-3\n"
                "memory: x\nrubbish\nnuma0: cpus=0-3\nlock: backup\n[PENDING]\ncores: 2\n",
        "# a\r\n\r\ncores: 4\r\nname: web\r\nargs: -smp 4,cores=2,threads=2\r\naffinity: 0-3\r\n"
        "memory: x\r\nrubbish\r\nnuma0: cpus=0-3\r\nlock: backup\r\n[PENDING]\r\ncores: 2\r\n");
}

static void test_the_last_line_needs_no_newline(void)
{
    assert_same("cores: 2\nmemory: 1024\n", "cores: 2\nmemory: 1024");
}

static void test_blanks_around_a_value_do_not_matter(void)
{
    assert_same("cores: 2\nname: a b\n", "cores:2  \nname: \t a b \t\n");
}

/* Files that are none. */

static void assert_unreadable(const VmConfig *vm)
{
    g_assert_false(vm->readable);
    g_assert_cmpuint(vm->problems->len, >=, 1);
    assert_defaults(vm);
    for (guint i = 0; i < vm->problems->len; i++) {
        const VmConfigProblem *problem = vm->problems->pdata[i];
        g_assert_cmpint(
            problem->kind, ==, problem->line == 0 ? VMCONFIG_UNREADABLE : VMCONFIG_DROPPED);
    }
}

static void test_a_file_without_settings_is_not_readable(void)
{
    static const char *const texts[] = { "", "\n", "\n\n\r\n", "# only this\n",
        "[PENDING]\ncores: 2\n", "rubbish\n" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(VmConfig) vm = parse(texts[i]);
        assert_unreadable(vm);
    }
}

static void test_a_file_with_nuls_is_not_readable(void)
{
    static const char text[] = "cores: 4\n\0memory: 2048\n";
    g_autoptr(VmConfig) vm = vmconfig_parse(text, sizeof(text) - 1);
    g_autoptr(VmConfig) nul = vmconfig_parse("", 1);

    assert_unreadable(vm);
    assert_unreadable(nul);
}

static void test_nothing_behind_the_length_is_read(void)
{
    static const char text[] = "cores: 4\nmemory: 2048\n";
    g_autoptr(VmConfig) vm = vmconfig_parse(text, strlen("cores: 4\n"));

    g_assert_cmpuint(vm->cores, ==, 4);
    g_assert_cmpuint(vm->memory_mib, ==, 512);
}

static void test_a_binary_file_has_few_problems(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < 65536; i++) {
        g_string_append_c(text, (char)(i * 167 % 255 + 1));
    }
    g_autoptr(VmConfig) vm = vmconfig_parse(text->str, text->len);
    assert_unreadable(vm);
    g_assert_cmpuint(vm->problems->len, <, 10);
}

static void test_what_could_not_be_read_says_why(void)
{
    g_autoptr(VmConfig) vm = vmconfig_unreadable("it is a directory");

    assert_unreadable(vm);
    const VmConfigProblem *problem = assert_problem(vm, VMCONFIG_UNREADABLE, 0, NULL);
    g_assert_cmpstr(problem->message, ==, "it is a directory");
}

/* Size. */

static VmConfig *parse_in_time(const GString *text)
{
    clock_t before = clock();
    VmConfig *vm = vmconfig_parse(text->str, text->len);

    assert_read_in_time(before);
    g_assert_cmpuint(vm->problems->len, <, 10);
    return vm;
}

static void test_a_hundred_thousand_lines_are_read_in_time(void)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < 100000; i++) {
        g_string_append_printf(text, "cores: %u\n", i % 9 + 1);
    }
    g_autoptr(VmConfig) vm = parse_in_time(text);
    g_assert_cmpuint(vm->cores, ==, 99999 % 9 + 1);
    g_assert_cmpuint(vm->problems->len, ==, 0);
}

static void test_a_hundred_thousand_keys_are_read_in_time(void)
{
    g_autoptr(GString) text = g_string_new("cores: 2\n");

    for (guint i = 0; i < 100000; i++) {
        g_string_append_printf(text, "a%u: 1\n", i);
    }
    g_autoptr(VmConfig) vm = parse_in_time(text);
    g_assert_cmpuint(vm->cores, ==, 2);
}

static void test_a_mebibyte_in_one_line_is_read_in_time(gconstpointer data)
{
    const char *const *line = data;
    g_autofree char *start = g_strconcat("cores: 2\n", line[0], NULL);
    g_autoptr(GString) text = large_text_new(start, line[1]);

    g_autoptr(VmConfig) vm = parse_in_time(text);
    g_assert_cmpuint(vm->cores, ==, 2);
}

static void test_the_same_text_gives_the_same_config(void)
{
    const char *text = "sockets: 2\ncores: 4\nvcpus: 6\nmemory: 4096\nnuma: 1\nnuma1: cpus=4-7\n"
                       "numa0: cpus=0-3,memory=x\naffinity: y\nhostpci1: 01:00\nhostpci0: b\n"
                       "args: -smp threads=2,cores=2\ncpuset: 3\nrubbish\nlock: backup\n";

    for (guint i = 0; i < 20; i++) {
        assert_same(text, text);
    }
}

static void add_options(void)
{
    g_test_add_func("/vmconfig/defaults", test_what_is_not_given_is_as_proxmox_has_it);
    g_test_add_func("/vmconfig/vcpus", test_vcpus_are_sockets_times_cores);
    g_test_add_func("/vmconfig/memory", test_memory_is_bare_or_current);
    g_test_add_func("/vmconfig/balloon", test_balloon_knows_off_from_not_given);
    g_test_add_func("/vmconfig/hugepages", test_hugepages_of_every_size);
    g_test_add_func("/vmconfig/booleans", test_booleans_are_spelt_as_in_proxmox);
    g_test_add_func("/vmconfig/affinity", test_affinity_is_a_list_of_host_cpus);
    g_test_add_func("/vmconfig/args/other-smp", test_args_are_written_anew_with_another_smp);
    g_test_add_func("/vmconfig/args/missing", test_args_may_be_missing);
    g_test_add_func("/vmconfig/args/one-thread", test_emulation_in_one_thread);
    g_test_add_func("/vmconfig/args/own-vcpus", test_own_vcpus_are_those_without_args);
    g_test_add_func("/vmconfig/hotplug", test_cpus_are_hotplugged_only_when_named);
    g_test_add_func("/vmconfig/texts", test_texts_are_kept_as_written);
    g_test_add_func("/vmconfig/hostpci/by-index",
        test_passed_through_devices_come_by_index_whatever_their_lines);
    g_test_add_func("/vmconfig/hostpci/addresses-or-mapping",
        test_a_passed_through_device_has_addresses_or_a_mapping);
    g_test_add_func("/vmconfig/for-backup", test_a_backup_is_told_from_other_locks);
    g_test_add_func("/vmconfig/invented-options", test_options_that_tutorials_invent_are_named);
    g_test_add_func("/vmconfig/options-like-ours", test_options_like_ours_are_named);
    g_test_add_func("/vmconfig/other-options", test_other_options_are_passed_over);
}

static void add_cells(void)
{
    g_test_add_func("/vmconfig/cell/all", test_a_cell_has_cpus_nodes_memory_and_policy);
    g_test_add_func("/vmconfig/cell/lacks", test_a_cell_may_lack_all_but_its_cpus);
    g_test_add_func("/vmconfig/cell/decimals", test_a_cells_memory_may_have_decimals);
    g_test_add_func("/vmconfig/cell/list-of-nodes", test_a_list_of_nodes_is_kept_as_written);
    g_test_add_func("/vmconfig/cell/by-index", test_cells_come_by_index_whatever_their_lines);
    g_test_add_func("/vmconfig/cell/without-numa", test_without_numa_1_the_guest_sees_no_cells);
    g_test_add_func("/vmconfig/cell/written", test_written_cells_are_what_the_guest_sees);
    g_test_add_func("/vmconfig/cell/by-socket", test_without_written_cells_each_socket_is_one);
    g_test_add_func(
        "/vmconfig/cell/by-socket-of-config", test_cells_by_socket_are_those_of_the_config);
}

static void add_smp(void)
{
    g_test_add_func("/vmconfig/smp/merged", test_smp_in_args_is_merged_key_by_key);
    g_test_add_func(
        "/vmconfig/smp/refused", test_smp_that_qemu_refuses_is_a_problem_of_the_args_line);
    g_test_add_func("/vmconfig/smp/zero", test_a_count_of_0_in_smp_is_not_given_and_told_of);
    g_test_add_func("/vmconfig/smp/plugged", test_smp_in_args_and_plugged_vcpus);
    g_test_add_func("/vmconfig/smp/too-many", test_more_vcpus_than_there_can_be_are_a_problem);
    g_test_add_func(
        "/vmconfig/smp/product", test_a_topology_that_does_not_multiply_up_is_a_problem);
    g_test_add_func("/vmconfig/smp/largest", test_the_largest_vm_is_taken);
}

static void add_problems(void)
{
    g_test_add_func("/vmconfig/bad-value-leaves-the-default",
        test_a_bad_value_names_line_and_key_and_leaves_the_default);
    g_test_add_func("/vmconfig/ends-the-start", test_a_value_that_ends_the_start_is_told_of);
    g_test_add_func("/vmconfig/bad-affinity", test_an_affinity_that_is_no_list_is_its_own_kind);
    g_test_add_func("/vmconfig/bad-line", test_a_line_that_is_no_setting_is_named);
    g_test_add_func("/vmconfig/problems-in-order", test_problems_come_in_the_order_of_the_file);
    g_test_add_func("/vmconfig/printable", test_a_message_is_one_line_that_can_be_printed);
}

static void add_lines(void)
{
    g_test_add_func("/vmconfig/duplicate-key-last-wins", test_of_a_key_given_twice_the_last_wins);
    g_test_add_func(
        "/vmconfig/duplicate-key-bad-before", test_a_bad_value_that_was_replaced_does_not_matter);
    g_test_add_func("/vmconfig/sections", test_only_what_stands_before_the_first_section_counts);
    g_test_add_func("/vmconfig/comments", test_descriptions_and_empty_lines_are_no_settings);
    g_test_add_func("/vmconfig/crlf", test_a_file_from_windows_reads_the_same);
    g_test_add_func("/vmconfig/last-line", test_the_last_line_needs_no_newline);
    g_test_add_func("/vmconfig/blanks", test_blanks_around_a_value_do_not_matter);
    g_test_add_func("/vmconfig/same-text-same-config", test_the_same_text_gives_the_same_config);
}

static void add_files(void)
{
    static const char *const affinity[] = { "affinity: 0", ",1" };
    static const char *const cell[] = { "numa0: cpus=0", ";0-65535" };
    static const char *const addresses[] = { "hostpci0: 01:00.0", ";01:00.1" };
    static const char *const properties[] = { "hostpci0: mapping=gpu", ",pcie=1" };
    static const char *const commas[] = { "numa0: ", "," };
    static const char *const args[] = { "args: -x", " -smp" };
    static const char *const smp[] = { "args: -smp 2", ",cores=2" };
    static const char *const newlines[] = { "", "\n" };
    static const char *const rubbish[] = { "", "\x01\n" };

    g_test_add_func("/vmconfig/no-settings", test_a_file_without_settings_is_not_readable);
    g_test_add_func("/vmconfig/nuls", test_a_file_with_nuls_is_not_readable);
    g_test_add_func("/vmconfig/length", test_nothing_behind_the_length_is_read);
    g_test_add_func("/vmconfig/binary", test_a_binary_file_has_few_problems);
    g_test_add_func("/vmconfig/unreadable", test_what_could_not_be_read_says_why);
    g_test_add_func("/vmconfig/quick/lines", test_a_hundred_thousand_lines_are_read_in_time);
    g_test_add_func("/vmconfig/quick/keys", test_a_hundred_thousand_keys_are_read_in_time);
    g_test_add_data_func(
        "/vmconfig/quick/affinity", affinity, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func("/vmconfig/quick/cell", cell, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func(
        "/vmconfig/quick/addresses", addresses, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func(
        "/vmconfig/quick/properties", properties, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func(
        "/vmconfig/quick/commas", commas, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func("/vmconfig/quick/args", args, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func("/vmconfig/quick/smp", smp, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func(
        "/vmconfig/quick/newlines", newlines, test_a_mebibyte_in_one_line_is_read_in_time);
    g_test_add_data_func(
        "/vmconfig/quick/rubbish", rubbish, test_a_mebibyte_in_one_line_is_read_in_time);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_options();
    add_cells();
    add_smp();
    add_problems();
    add_lines();
    add_files();
    return g_test_run();
}
