// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/cpumodel.h"

#include <string.h>

static const struct {
    const char *name;
    const char *lines;
    const char *type; // NULL: not known
    gboolean topoext;
} cases[] = {
    { "default", "cores: 2\n", "kvm64-x86_64-cpu", FALSE },
    { "host", "cpu: host\n", "host-x86_64-cpu", FALSE },
    { "host-with-flags", "cpu: host,flags=+pdpe1gb,hidden=1\n", "host-x86_64-cpu", FALSE },
    { "cputype", "cpu: hidden=1,cputype=host\n", "host-x86_64-cpu", FALSE },
    { "abi-level", "cpu: x86-64-v2-AES\n", "qemu64-x86_64-cpu", FALSE },
    { "epyc", "cpu: EPYC-Rome-v2\n", "EPYC-Rome-v2-x86_64-cpu", TRUE },
    { "custom", "cpu: custom-mine\n", NULL, FALSE },
    { "global", "cpu: host\nargs: -global host-x86_64-cpu.topoext=on\n", "host-x86_64-cpu", TRUE },
    { "global-of-all-models", "args: --global x86_64-cpu.topoext=yes\n", "kvm64-x86_64-cpu", TRUE },
    { "global-of-another-model", "args: -global host-x86_64-cpu.topoext=on\n", "kvm64-x86_64-cpu",
        FALSE },
    { "global-of-another-flag", "cpu: host\nargs: -global host-x86_64-cpu.avx=on\n",
        "host-x86_64-cpu", FALSE },
    { "global-off", "cpu: EPYC\nargs: -global EPYC-x86_64-cpu.topoext=off\n", "EPYC-x86_64-cpu",
        FALSE },
    { "global-of-no-model", "cpu: host\nargs: -global virtio-net-pci.mq=on\n", "host-x86_64-cpu",
        FALSE },
    { "global-without-a-dot", "cpu: host\nargs: -global topoext=on\n", "host-x86_64-cpu", FALSE },
    { "cpu-in-args", "cpu: EPYC\nargs: -cpu host,hv_time\n", "host-x86_64-cpu", FALSE },
    { "cpu-in-args-with-topoext", "args: -cpu host,topoext=on,hv_time\n", "host-x86_64-cpu", TRUE },
    { "cpu-in-args-plus-topoext", "args: -cpu max,+topoext\n", "max-x86_64-cpu", TRUE },
    { "cpu-in-args-minus-topoext", "args: -cpu EPYC,-topoext\n", "EPYC-x86_64-cpu", FALSE },
    { "last-cpu-in-args", "args: -cpu host,topoext=on -cpu host\n", "host-x86_64-cpu", FALSE },
    { "cpu-without-value", "args: -cpu\n", "kvm64-x86_64-cpu", FALSE },
    { "cpu-that-is-empty", "args: -cpu ''\n", NULL, FALSE },
    { "cpu-that-is-no-name", "args: -cpu 'a b'\n", NULL, FALSE },
    { "empty", "cpu: \n", "kvm64-x86_64-cpu", FALSE },
    { "emulated", "kvm: 0\n", "kvm64-x86_64-cpu", TRUE },
};

static VmConfig *parse(const char *lines)
{
    return vmconfig_parse(lines, strlen(lines));
}

static void test_case(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(VmConfig) vm = parse(cases[i].lines);
    g_autofree char *type = cpumodel_type(vm);

    g_assert_cmpstr(type, ==, cases[i].type);
    g_assert_cmpint(cpumodel_has_topoext(vm), ==, cases[i].topoext);
}

/// What is added is found again.
static void test_adding_it(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(VmConfig) vm = parse(cases[i].lines);
    g_autofree char *args = cpumodel_add_topoext(vm, vm->args);

    if (g_str_has_suffix(cases[i].lines, "-cpu\n")) {
        g_test_skip("it takes what is added for its value");
        return;
    }
    if (cases[i].type == NULL) {
        g_assert_null(args);
        return;
    }
    g_assert_true(vm->args == NULL || g_str_has_prefix(args, vm->args));
    g_free(vm->args);
    vm->args = g_steal_pointer(&args);
    g_assert_true(cpumodel_has_topoext(vm));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/cpumodel/%s", cases[i].name);
        g_autofree char *adding = g_strdup_printf("/cpumodel/adding/%s", cases[i].name);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_case);
        g_test_add_data_func(adding, GSIZE_TO_POINTER(i), test_adding_it);
    }
    return g_test_run();
}
