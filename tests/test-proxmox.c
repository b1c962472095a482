// SPDX-License-Identifier: LGPL-2.1-or-later
/* What Proxmox and QEMU make of a VM's config, and what pinhook does: row by row with the source of
 * the first, and file by file with Proxmox's own test data. */
#include "fakes/assertions.h"
#include "fakes/fake-host.h"
#include "judge/verdict.h"
#include "place/planner.h"

#include <string.h>

static VmConfig *parse(const char *text)
{
    return vmconfig_parse(text, strlen(text));
}

/* Row by row. */

static void append_cells(GString *text, const VmConfig *vm)
{
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        g_autofree char *cpus = cpuset_to_list(cell->cpus);
        g_autofree char *nodes = cell->hostnodes != NULL ? cpuset_to_list(cell->hostnodes) : NULL;
        g_string_append_printf(text, "; cell %u: vCPU %s, %g MiB", cell->index, cpus, cell->memory);
        if (nodes != NULL) {
            g_string_append_printf(text, " on %s, %s", nodes, cell->policy);
        }
    }
}

/// "<sockets>x<cores>x<threads> <present>/<most> <MiB>", and what else there is.
static char *describe(const VmConfig *vm)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *affinity = vm->affinity != NULL ? cpuset_to_list(vm->affinity) : NULL;

    g_string_printf(text, "%ux%ux%u %u/%u %" G_GUINT64_FORMAT, vm->sockets, vm->cores, vm->threads,
        vm->vcpus_present, vm->vcpus_most, vm->memory_mib);
    g_string_append_printf(text, "%s%s%s%s%s%s", vm->freeze ? ", frozen" : "",
        vm->kvm ? "" : ", emulated", vm->template ? ", template" : "",
        vm->cpu_hotplug ? ", plugs CPUs" : "", vm->memory_hotplug ? ", plugs memory" : "",
        vm->resumes ? ", resumes" : "");
    if (affinity != NULL) {
        g_string_append_printf(text, ", on %s", affinity);
    }
    if (vm->hugepages != NULL) {
        g_string_append_printf(text, ", pages %s", vm->hugepages);
    }
    if (vm->cpulimit > 0) {
        g_string_append_printf(text, ", limit %g", vm->cpulimit);
    }
    if (vm->lock != NULL) {
        g_string_append_printf(text, ", lock %s", vm->lock);
    }
    append_cells(text, vm);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/// What is found that is of the config alone, whatever the host.
static gboolean is_of_config(FindingCode code)
{
    static const FindingCode codes[] = { FINDING_CONFIG_UNREADABLE, FINDING_UNKNOWN_OPTION,
        FINDING_OPTION_IGNORED, FINDING_AFFINITY_INVALID, FINDING_CELL_CPUS, FINDING_CELL_MEMORY,
        FINDING_CELL_GAP, FINDING_HOSTNODES_LIST, FINDING_HUGEPAGES, FINDING_HOTPLUG_MEMORY };

    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (codes[i] == code) {
            return TRUE;
        }
    }
    return FALSE;
}

/// Their names, with an exclamation mark behind an error: for these a start is refused.
static char *name_findings(const VmConfig *vm)
{
    g_autoptr(Host) host = fake_host_new("numa:4 core:4 pu:1", "1-15");
    g_autoptr(Policy) policy = policy_parse(NULL, NULL, 100);
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(Pool) pool = pool_new(vm, policy, host, taken);
    const Request request = {
        .vmid = 100, .vm = vm, .policy = policy, .host = host, .taken = taken, .pool = pool
    };
    g_autoptr(Plan) plan = planner_place(&request);
    g_autoptr(Verdict) verdict = verdict_of_start(&request, plan);
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < verdict->findings->len; i++) {
        const Finding *finding = verdict->findings->pdata[i];
        if (is_of_config(finding->code)) {
            g_string_append_printf(names, "%s%s%s", names->len > 0 ? " " : "",
                finding_kind(finding->code)->name, finding->severity == SEVERITY_ERROR ? "!" : "");
        }
    }
    return g_string_free(g_steal_pointer(&names), FALSE);
}

typedef struct {
    const char *source; // of what Proxmox makes of it
    const char *config;
    const char *reads; // see describe()
    const char *found; // see name_findings()
} Row;

#define CHECK_TYPE "PVE::QemuServer, check_type"
#define LINES "PVE::QemuServer, parse_vm_config"
#define COMMAND "PVE::QemuServer, config_to_command"
#define PROPERTY "PVE::JSONSchema, parse_property_string"
#define MEMORY "PVE::QemuServer::Memory, config"
#define PAGES "PVE::QemuServer::Memory, hugepages_size"
#define QEMU "QEMU 7.2, tried"
#define IGNORED "option-ignored"
#define ENDS "config-unreadable!"

static const Row rows[] = {
    { "case 01", "cores: 2\nmemory: 2048\nargs: \ntags: \nboot: \n", "1x2x1 2/2 2048", "" },
    { "case 02", "cores: 4\nnuma: 1\nnuma0: cpus=0-3,hostnodes=0;2,memory=512,policy=bind\n",
        "1x4x1 4/4 512; cell 0: vCPU 0-3, 512 MiB on 2, bind", "hostnodes-list!" },
    { "case 03", "cores: 4\nnuma: 1\nnuma0: cpus=0-3,hostnodes=1;3,memory=512,policy=bind\n",
        "1x4x1 4/4 512; cell 0: vCPU 0-3, 512 MiB on 1,3, bind", "hostnodes-list!" },
    { "case 04", "affinity: 2, 4\n", "1x1x1 1/1 512, on 2,4", "affinity-invalid!" },
    { "case 05", "cores: 2\nhotplug: network,disk,usb,cpu\nargs: -smp 2\n",
        "1x2x1 2/2 512, plugs CPUs", ENDS },
    { "case 06", "memory: 2048\nhugepages: 2\n", "1x1x1 1/1 2048, pages 2", "hugepages!" },
    { "case 07", "cores: 2\nmemory: 2048\nnuma: 1\nhugepages: 2\nnuma0: cpus=0-1,memory=2048\n",
        "1x2x1 2/2 2048, pages 2; cell 0: vCPU 0-1, 2048 MiB", "hugepages!" },
    { "case 08",
        "cores: 2\nmemory: 2048\nnuma: 1\nhugepages: 2\n"
        "numa0: cpus=0-1,hostnodes=0-1,memory=2048,policy=bind\n",
        "1x2x1 2/2 2048, pages 2; cell 0: vCPU 0-1, 2048 MiB on 0-1, bind", "hugepages!" },
    { "case 09",
        "cores: 2\nmemory: 1536\nnuma: 1\nhugepages: 1024\n"
        "numa0: cpus=0-1,hostnodes=0,memory=1536,policy=bind\n",
        "1x2x1 2/2 1536, pages 1024; cell 0: vCPU 0-1, 1536 MiB on 0, bind", "hugepages!" },
    { "case 10", "memory: 2048\nhotplug: network,disk,usb,memory\n", "1x1x1 1/1 2048, plugs memory",
        "hotplug-memory!" },
    { "case 11",
        "cores: 2\nmemory: 2048\nnuma: 1\nhotplug: memory\n"
        "numa0: cpus=0-1,hostnodes=0,memory=2048,policy=bind\n",
        "1x2x1 2/2 2048, plugs memory; cell 0: vCPU 0-1, 2048 MiB on 0, bind", "hotplug-memory!" },
    { "FACTS, 2: a gap is QEMU's 'Node ID missing'",
        "cores: 2\nnuma: 1\nnuma2: cpus=0-1,memory=512\n",
        "1x2x1 2/2 512; cell 2: vCPU 0-1, 512 MiB", "cell-gap!" },
    { "case 13", "sockets: 3\nnuma: 1\n",
        "3x1x1 3/3 512; cell 0: vCPU 0, 170.667 MiB; cell 1: vCPU 1, 170.667 MiB; cell 2: vCPU 2, "
        "170.667 MiB",
        "cell-memory!" },
    { "case 14", "cores: 2\n[snap1\ncores: 4\n", "1x4x1 4/4 512", IGNORED },
    { "case 15", "memory: current=2048,max=4096\n", "1x1x1 1/1 512", IGNORED },
    { "case 16", "cores: 2\nmemory: 2048\nnuma: 1\nnuma0: cpus=0-1,memory=2048.0\n",
        "1x2x1 2/2 2048; cell 0: vCPU 0-1, 2048 MiB", "" },
    { "case 18", "affinity: 0\n", "1x1x1 1/1 512", IGNORED },
    { "case 19", "cores: 2\ncpulimit: .5\n", "1x2x1 2/2 512", IGNORED },
    { "FACTS, 2: the last valid one wins", "cores: 2\ncores: 4\ncores: lots\n", "1x4x1 4/4 512",
        IGNORED },
    { "case 21", "cores: 0\nsockets: 0\nvcpus: 0\n", "1x1x1 1/1 512", "" },
    { "case 22", "cores: 4\nargs: -smp 0x4\n", "1x4x1 4/4 512", "" },
    { "case 22, '4,'", "cores: 4\nargs: -smp 4,\n", "1x4x1 4/4 512", "" },
    { "case 22, '+2'", "cores: 4\nargs: -smp +2\n", "1x4x1 2/4 512", "" },
    { "case 22, 'cores= 4'", "cores: 4\nargs: -smp 'cores= 4'\n", "1x4x1 4/4 512", "" },
    { "case 22, cpus=0", "cores: 4\nargs: -smp cpus=0\n", "1x4x1 4/4 512", IGNORED },
    { "case 22, threads=0", "cores: 4\nargs: -smp threads=0\n", "1x4x1 4/4 512", IGNORED },

    { CHECK_TYPE ": boolean", "numa: yes\nfreeze: ON\nkvm: off\ntemplate: False\n",
        "1x1x1 1/1 512, frozen, emulated; cell 0: vCPU 0, 512 MiB", "" },
    { CHECK_TYPE ": boolean", "numa: \nfreeze: 2\nkvm: no!\n", "1x1x1 1/1 512",
        IGNORED " " IGNORED " " IGNORED },
    { CHECK_TYPE ": integer", "cores: 04\nsockets: 0x2\nvcpus: -1\nsmp: 1.0\n", "1x4x1 4/4 512",
        IGNORED " " IGNORED " " IGNORED },
    { CHECK_TYPE ": number", "cpulimit: 1.50\n", "1x1x1 1/1 512, limit 1.5", "" },
    { CHECK_TYPE ": number", "cpulimit: 1e1\n", "1x1x1 1/1 512", IGNORED },
    { CHECK_TYPE ": no minimum, no maximum", "cpulimit: 200.0\nballoon: 0\n",
        "1x1x1 1/1 512, limit 200", "" },
    { CHECK_TYPE ": a string loses its quotes", "numa: 1\nhugepages: \"2\"\nlock: \"backup\"\n",
        "1x1x1 1/1 512, pages 2, lock backup; cell 0: vCPU 0, 512 MiB", "" },
    { CHECK_TYPE ": no enum without a format", "numa: 1\nhugepages: 3\n",
        "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB", ENDS },
    { CHECK_TYPE ": property contains a line feed", "cores: 2\nname: a\rb\nargs: \r\n",
        "1x2x1 2/2 512", IGNORED " " IGNORED },
    { LINES ": blanks", "cores:\t 2 \t\r\nmemory:1024\n", "1x2x1 2/2 1024", "" },
    { LINES ": no line",
        "cores:\n cores: 2\nCores: 2\ncores = 2\n\xef\xbb\xbf"
        "cores: 2\nmemory: 1024\n",
        "1x1x1 1/1 1024", IGNORED " " IGNORED " " IGNORED " " IGNORED },
    { LINES ": sections", "cores: 2\n[PENDING]\ncores: 4\n[snap]\ncores: 8\n", "1x2x1 2/2 512",
        "" },
    { LINES ": an unknown section is skipped", "cores: 2\n[no name]\ncores: 4\n", "1x2x1 2/2 512",
        "" },
    { LINES ": unknown settings", "cores: 2\nafinity: 4\nfuture: 1\nkeephugepages: 1\n",
        "1x2x1 2/2 512", IGNORED },
    { COMMAND ": smp, sockets", "smp: 2\nsockets: 0\ncores: 2\n", "2x2x1 4/4 512", "" },
    { COMMAND ": vcpus", "cores: 4\nvcpus: 2\n", "1x4x1 2/4 512", "" },
    { COMMAND ": vcpus, and QEMU's maxcpus", "cores: 4\nvcpus: 5\n", "1x4x1 4/4 512", ENDS },
    { COMMAND ": CPUs are plugged into what -smp leaves",
        "cores: 4\nvcpus: 3\nhotplug: cpu\nargs: -smp 1\n", "1x4x1 3/4 512, plugs CPUs", "" },
    { COMMAND ": affinity", "affinity: 0-0\n", "1x1x1 1/1 512, on 0", "" },
    { COMMAND ": affinity", "affinity: 00\n", "1x1x1 1/1 512, on 0", "" },
    { "taskset of util-linux 2.38, tried", "affinity: 2,4,\n", "1x1x1 1/1 512, on 2,4",
        "affinity-invalid!" },
    { COMMAND ": vmstate", "vmstate: local:100/vm-100-state.raw\nlock: suspended\n",
        "1x1x1 1/1 512, resumes, lock suspended", "" },
    { "PVE::QemuServer, parse_hotplug_features", "cores: 2\nhotplug: disk; cpu\nmemory: 1024\n",
        "1x2x1 2/2 1024, plugs CPUs", "" },
    { "PVE::QemuServer, parse_hotplug_features", "cores: 2\nhotplug: cpu,numa\n", "1x2x1 2/2 512",
        IGNORED },
    { PROPERTY, "memory: ,current=1024, ,\n", "1x1x1 1/1 1024", "" },
    { PROPERTY ": twice", "memory: 1024,current=1024\n", "1x1x1 1/1 512", IGNORED },
    { PROPERTY ": twice", "numa: 1\nnuma0: cpus=0,memory=512,memory=512\n",
        "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB", IGNORED },
    { "PVE::JSONSchema, check_prop: minimum", "memory: 15\n", "1x1x1 1/1 512", IGNORED },
    { "PVE::JSONSchema, check_prop: pattern", "numa: 1\nnuma0: cpus= 0,memory=512\n",
        "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB", IGNORED },
    { "PVE::JSONSchema, check_prop: not optional", "numa: 1\nnuma0: memory=512\n",
        "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB", IGNORED },
    { "PVE::JSONSchema, check_prop: enum", "numa: 1\nnuma0: cpus=0,memory=512,policy=Bind\n",
        "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB", IGNORED },
    { "PVE::QemuServer::Helpers, parse_number_sets", "cores: 4\nnuma: 1\nnuma0: cpus=3-0\n",
        "1x4x1 4/4 512; cell 0: vCPU 0-3, 512 MiB", ENDS },
    { MEMORY, "cores: 2\nnuma0: cpus=0,hostnodes=0;2,memory=5\n", "1x2x1 2/2 512", "" },
    { MEMORY, "numa: 1\nnuma0: cpus=0\n", "1x1x1 1/1 512; cell 0: vCPU 0, 0 MiB", "cell-memory!" },
    { MEMORY, "numa: 1\nnuma0: cpus=0,memory=512,hostnodes=1\n",
        "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB on 1, (null)", "cell-memory!" },
    { MEMORY ": hotplug", "memory: 512\nnuma: 1\nhotplug: memory\n",
        "1x1x1 1/1 512, plugs memory; cell 0: vCPU 0, 512 MiB", "hotplug-memory!" },
    { "memory-hotplug.conf.cmd", "sockets: 2\ncores: 2\nmemory: 66560\nnuma: 1\nhotplug: memory\n",
        "2x2x1 4/4 66560, plugs memory; cell 0: vCPU 0-1, 33280 MiB; cell 1: vCPU 2-3, 33280 MiB",
        "" },
    { PAGES, "memory: 514\nsockets: 2\nnuma: 1\nhugepages: any\n",
        "2x1x1 2/2 514, pages any; cell 0: vCPU 0, 257 MiB; cell 1: vCPU 1, 257 MiB",
        "hugepages!" },
    { "memory-hugepages-2m.conf.cmd", "cores: 2\nmemory: 8192\nnuma: 1\nhugepages: 2\n",
        "1x2x1 2/2 8192, pages 2; cell 0: vCPU 0-1, 8192 MiB", "" },
    { QEMU ": halves of a mebibyte", "sockets: 2\nmemory: 513\nnuma: 1\n",
        "2x1x1 2/2 513; cell 0: vCPU 0, 256.5 MiB; cell 1: vCPU 1, 256.5 MiB", "" },
    { "Perl's Text::ParseWords", "cores: 4\nargs: -smp \"2\n", "1x4x1 4/4 512", IGNORED },
    { "Perl's Text::ParseWords", "cores: 4\nargs: -smp '2\\'\n", "1x4x1 4/4 512", IGNORED },
    { "Perl's Text::ParseWords", "cores: 4\nargs: #x -smp \"\\2\"\n", "1x4x1 2/4 512", "" },
    { QEMU, "cores: 4\nargs: -smp\n", "1x4x1 4/4 512", ENDS },
    { QEMU, "cores: 4\nargs: -smp cores=2,threads=2\n", "1x2x2 4/4 512", "" },
    { QEMU, "cores: 4\nargs: -smp ,4\n", "1x4x1 4/4 512", ENDS },
    { QEMU, "cores: 4\nargs: -smp 'cores=4 '\n", "1x4x1 4/4 512", ENDS },
    { QEMU, "cores: 4\nargs: -smp 010\n", "1x4x1 4/4 512", ENDS },
    { QEMU, "numa: 1\nnuma0: cpus=0,memory=5e2\n", "1x1x1 1/1 512; cell 0: vCPU 0, 512 MiB", ENDS },
};

static void test_row(gconstpointer data)
{
    const Row *row = data;
    g_autoptr(VmConfig) vm = parse(row->config);
    g_autofree char *reads = describe(vm);
    g_autofree char *found = name_findings(vm);

    g_test_message("%s\n%s", row->source, row->config);
    g_assert_cmpstr(reads, ==, row->reads);
    g_assert_cmpstr(found, ==, row->found);
}

/* File by file: Proxmox's own configs and the command lines that it makes of them. */

/// The command line's arguments, which stand one option to a line with a backslash behind.
static char **read_command(const char *path)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    char **argv = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_assert_no_error(error);
    g_assert_true(g_shell_parse_argv(text, NULL, &argv, &error));
    g_assert_no_error(error);
    return argv;
}

/// The value of @key in `bare,key=value,…`, NULL: none; @key NULL: the first, whatever its key.
static char *find_value(const char *text, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        const char *equals = strchr(parts[i], '=');
        if (key == NULL) {
            return g_strdup(equals != NULL ? equals + 1 : parts[i]);
        }
        if (equals != NULL && strlen(key) == (gsize)(equals - parts[i]) &&
            g_str_has_prefix(parts[i], key)) {
            return g_strdup(equals + 1);
        }
    }
    return NULL;
}

static guint64 find_number(const char *text, const char *key)
{
    g_autofree char *value = find_value(text, key);

    return value != NULL ? g_ascii_strtoull(value, NULL, 10) : 0;
}

/// The `-object memory-backend-…` called @id.
static const char *find_backend(char **argv, const char *id)
{
    for (guint i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (strcmp(argv[i], "-object") != 0 || !g_str_has_prefix(argv[i + 1], "memory-backend-")) {
            continue;
        }
        g_autofree char *have = find_value(argv[i + 1], "id");
        if (g_strcmp0(have, id) == 0) {
            return argv[i + 1];
        }
    }
    return NULL;
}

static guint64 find_backend_mib(char **argv, const char *id)
{
    const char *backend = find_backend(argv, id);

    g_assert_nonnull(backend);
    return find_number(backend, "size");
}

static void compare_smp(const VmConfig *vm, const char *smp)
{
    g_assert_cmpuint(vm->sockets, ==, find_number(smp, "sockets"));
    g_assert_cmpuint(vm->cores, ==, find_number(smp, "cores"));
    g_assert_cmpuint(vm->threads, ==, 1);
    g_assert_cmpuint(vm->vcpus_most, ==, find_number(smp, "maxcpus"));
    g_assert_true(vm->vcpus_present == find_number(smp, NULL) || vm->cpu_hotplug);
}

/// With CPU hotplug `-smp` names one vCPU, and the others are devices.
static guint64 count_present(char **argv, const char *smp)
{
    guint64 count = find_number(smp, NULL);

    for (guint i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        count += strcmp(argv[i], "-device") == 0 && strstr(argv[i + 1], "-cpu,") != NULL;
    }
    return count;
}

/// The base memory and that of every DIMM.
static guint64 sum_memory(char **argv, const char *m)
{
    guint64 sum = find_number(m, NULL);

    for (guint i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (strcmp(argv[i], "-device") == 0 && g_str_has_prefix(argv[i + 1], "pc-dimm,")) {
            g_autofree char *id = find_value(argv[i + 1], "memdev");
            sum += find_backend_mib(argv, id);
        }
    }
    return sum;
}

static void compare_binding(const VmCell *cell, const char *backend)
{
    g_autofree char *nodes = find_value(backend, "host-nodes");
    g_autofree char *policy = find_value(backend, "policy");

    assert_set(cell->hostnodes, nodes);
    g_assert_cmpstr(cell->policy, ==, policy);
}

static void compare_cell(const VmConfig *vm, guint at, char **argv, const char *numa)
{
    g_autofree char *cpus = find_value(numa, "cpus");
    g_autofree char *id = find_value(numa, "memdev");

    g_assert_cmpuint(at, <, vm->guest_cells->len);
    const VmCell *cell = vm->guest_cells->pdata[at];
    g_assert_cmpuint(cell->index, ==, find_number(numa, "nodeid"));
    assert_set(cell->cpus, cpus);
    compare_binding(cell, find_backend(argv, id));
    if (find_backend(argv, "mem-dimm0") == NULL) {
        g_assert_cmpuint(cell->memory_mib, ==, find_backend_mib(argv, id));
    }
}

static void compare_cells(const VmConfig *vm, char **argv)
{
    guint count = 0;

    for (guint i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (strcmp(argv[i], "-numa") == 0) {
            compare_cell(vm, count++, argv, argv[i + 1]);
        }
    }
    g_assert_cmpuint(vm->guest_cells->len, ==, count);
}

/// Whether a `-device vfio-pci,host=…` is that option's.
static gboolean is_device_of(const VmHostpci *hostpci, const char *device)
{
    g_autofree char *host = find_value(device, "host");
    g_autofree char *id = find_value(device, "id");
    g_autofree char *option = g_strdup_printf("hostpci%u", hostpci->index);

    return g_str_has_prefix(host, hostpci->addresses[0]) && strlen(option) == strcspn(id, ".") &&
           g_str_has_prefix(id, option);
}

/// Every function that QEMU gets is of an option, and every option has one there.
static void compare_hostpci(const VmConfig *vm, char **argv)
{
    guint32 seen = 0;

    for (guint i = 0; argv[i] != NULL; i++) {
        gboolean found = !g_str_has_prefix(argv[i], "vfio-pci,");
        for (guint j = 0; !found && j < vm->hostpci->len; j++) {
            found = is_device_of(vm->hostpci->pdata[j], argv[i]);
            seen |= found ? 1U << j : 0;
        }
        g_assert_true(found);
    }
    g_assert_cmphex(seen, ==, (1U << vm->hostpci->len) - 1);
}

/// What stands behind @option; NULL: it is not there. "" where nothing does.
static const char *find_argument(char **argv, const char *option)
{
    for (guint i = 0; argv[i] != NULL; i++) {
        if (strcmp(argv[i], option) == 0) {
            return argv[i + 1] != NULL ? argv[i + 1] : "";
        }
    }
    return NULL;
}

static gboolean has_device(char **argv, const char *prefix)
{
    for (guint i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (strcmp(argv[i], "-device") == 0 && g_str_has_prefix(argv[i + 1], prefix)) {
            return TRUE;
        }
    }
    return FALSE;
}

/// `taskset --cpu-list --all-tasks LIST kvm …`
static void compare_affinity(const VmConfig *vm, char **argv)
{
    const char *list = g_str_has_suffix(argv[0], "/taskset") ? find_argument(argv, "--all-tasks")
                                                             : NULL;

    assert_set(vm->affinity, list);
}

/// Pages of the VM's size, or of any.
static void compare_pages(const VmConfig *vm, char **argv)
{
    for (guint i = 0; argv[i] != NULL; i++) {
        if (!g_str_has_prefix(argv[i], "memory-backend-")) {
            continue;
        }
        g_autofree char *path = find_value(argv[i], "mem-path");
        const char *size = path != NULL ? strrchr(path, '/') + 1 : NULL;
        const char *wanted = g_strcmp0(vm->hugepages, "2") == 0      ? "2048kB"
                             : g_strcmp0(vm->hugepages, "1024") == 0 ? "1048576kB"
                             : vm->hugepages != NULL                 ? size
                                                                     : NULL;
        g_assert_cmpstr(size, ==, wanted);
        g_assert_true(vm->hugepages == NULL || size != NULL);
    }
}

static void compare_switches(const VmConfig *vm, char **argv)
{
    const char *machine = find_argument(argv, "-machine");
    g_auto(GStrv) flags = g_strsplit(machine, ",", -1);
    gboolean tcg = g_strv_contains((const char *const *)flags, "accel=tcg");

    g_assert_cmpint(vm->kvm, ==, !tcg);
    g_assert_cmpint(vm->freeze, ==, find_argument(argv, "-S") != NULL);
    g_assert_cmpint(vm->resumes, ==, find_argument(argv, "-loadstate") != NULL);
    g_assert_cmpint(vm->balloon_mib != 0, ==, has_device(argv, "virtio-balloon-pci"));
    g_assert_cmpint(vm->memory_hotplug, ==, strstr(find_argument(argv, "-m"), "slots=") != NULL);
}

static void compare_command(const VmConfig *vm, char **argv)
{
    guint seen = 0;

    for (guint i = 0; argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (strcmp(argv[i], "-smp") == 0) {
            compare_smp(vm, argv[i + 1]);
            g_assert_cmpuint(vm->vcpus_present, ==, count_present(argv, argv[i + 1]));
            seen++;
        } else if (strcmp(argv[i], "-m") == 0) {
            g_assert_cmpuint(vm->memory_mib, ==, sum_memory(argv, argv[i + 1]));
            seen++;
        }
    }
    g_assert_cmpuint(seen, ==, 2);
    compare_cells(vm, argv);
    compare_hostpci(vm, argv);
    compare_affinity(vm, argv);
    compare_pages(vm, argv);
    compare_switches(vm, argv);
}

static void compare_file(const char *config, const char *command)
{
    g_autofree char *text = NULL;
    gsize length;

    g_test_message("%s", config);
    g_assert_true(g_file_get_contents(config, &text, &length, NULL));
    g_autoptr(VmConfig) vm = vmconfig_parse(text, length);
    g_auto(GStrv) argv = read_command(command);

    g_assert_true(vm->readable);
    g_assert_cmpuint(vm->problems->len, ==, 0);
    if (vm->template) {
        /* Proxmox starts a template, for its backup alone, as the smallest machine there is. */
        g_assert_true(g_strv_contains((const char *const *)argv, "1,sockets=1,cores=1,maxcpus=1"));
        return;
    }
    compare_command(vm, argv);
}

static void test_proxmoxs_own_configs_read_as_its_command_lines_say(void)
{
    const char *data = g_getenv("PINHOOK_DATA");
    guint count = 0;

    if (data == NULL) {
        g_test_skip("PINHOOK_DATA names no directory with vmconfs");
        return;
    }
    g_autofree char *path = g_build_filename(data, "vmconfs", NULL);
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    g_assert_nonnull(directory);
    for (const char *name = g_dir_read_name(directory); name != NULL;
         name = g_dir_read_name(directory)) {
        g_autofree char *config = g_build_filename(path, name, NULL);
        g_autofree char *command = g_strconcat(config, ".cmd", NULL);
        if (g_str_has_suffix(name, ".conf") && g_file_test(command, G_FILE_TEST_EXISTS)) {
            compare_file(config, command);
            count++;
        }
    }
    g_assert_cmpuint(count, >, 30);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strdup_printf("/proxmox/row/%" G_GSIZE_FORMAT, i + 1);
        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/proxmox/its-own", test_proxmoxs_own_configs_read_as_its_command_lines_say);
    return g_test_run();
}
