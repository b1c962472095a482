// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/cpumodel.h"

#include <string.h>

#define TYPE_SUFFIX "-x86_64-cpu"

/// Calls @look with the value of each `-@option` of the VM's args, in order.
static void each_argument(const VmConfig *vm, const char *option,
    void (*look)(const char *value, gpointer data), gpointer data)
{
    g_auto(GStrv) argv = vmconfig_argv(vm);

    for (guint i = 0; argv != NULL && argv[i] != NULL && argv[i + 1] != NULL; i++) {
        /* QEMU takes one dash or two. */
        if (argv[i][0] == '-' && strcmp(argv[i] + 1 + (argv[i][1] == '-'), option) == 0) {
            look(argv[++i], data);
        }
    }
}

/// Whether @part sets topoext, in @on.
static gboolean sets_topoext(const char *part, gboolean *on)
{
    static const char *const yes[] = { "topoext", "+topoext", "topoext=on", "topoext=yes",
        "topoext=true", "topoext=y", NULL };

    *on = g_strv_contains(yes, part);
    return *on || g_str_has_prefix(part, "topoext=") || strcmp(part, "-topoext") == 0;
}

/* The model. */

/// A model as it is put together.
typedef struct {
    char *name; // as QEMU calls it; NULL: not known
    gboolean topoext;
} Model;

static void model_clear(Model *model)
{
    g_free(model->name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Model, model_clear)

/// What is no name, which may be a custom model's, is not known.
static void take_name(Model *model, const char *name)
{
    gboolean plain = *name != '\0' &&
                     name[strspn(name, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-_.")] == '\0';

    g_free(model->name);
    model->name = plain && !g_str_has_prefix(name, "custom-") ? g_strdup(name) : NULL;
    model->topoext = g_str_has_prefix(name, "EPYC");
}

/// `cpu: [cputype=]NAME[,…]`. Proxmox makes the levels of the x86-64 ABI out of qemu64, and keeps
/// custom models in a file of their own (PVE::QemuServer::CPUConfig).
static void look_at_option(Model *model, const char *cpu)
{
    g_auto(GStrv) parts = g_strsplit(cpu, ",", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        const char *name = g_str_has_prefix(parts[i], "cputype=") ? parts[i] + strlen("cputype=")
                           : strchr(parts[i], '=') == NULL        ? parts[i]
                                                                  : NULL;
        if (name != NULL) {
            take_name(model, g_str_has_prefix(name, "x86-64-v") ? "qemu64" : name);
        }
    }
}

/// A `-cpu` in args takes the place of Proxmox's, flags and all.
static void look_at_cpu(const char *value, gpointer data)
{
    Model *model = data;
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    gboolean on;

    take_name(model, parts[0] != NULL ? parts[0] : "");
    for (guint i = 1; parts[0] != NULL && parts[i] != NULL; i++) {
        if (sets_topoext(parts[i], &on)) {
            model->topoext = on;
        }
    }
}

/// `TYPE.topoext=on`, of the model's own type or of that of all.
static void look_at_global(const char *value, gpointer data)
{
    Model *model = data;
    const char *dot = strchr(value, '.');
    gsize length = dot != NULL ? (gsize)(dot - value) : 0;
    g_autofree char *type = g_strconcat(model->name != NULL ? model->name : "", TYPE_SUFFIX, NULL);
    g_autofree char *driver = g_strndup(value, length);
    gboolean on;

    if (dot != NULL && (strcmp(driver, type) == 0 || strcmp(driver, &TYPE_SUFFIX[1]) == 0) &&
        sets_topoext(dot + 1, &on)) {
        model->topoext = on;
    }
}

static Model model_of(const VmConfig *vm)
{
    Model model = { 0 };

    take_name(&model, "kvm64");
    look_at_option(&model, vm->cpu != NULL ? vm->cpu : "");
    each_argument(vm, "cpu", look_at_cpu, &model);
    each_argument(vm, "global", look_at_global, &model);
    return model;
}

char *cpumodel_type(const VmConfig *vm)
{
    g_auto(Model) model = model_of(vm);

    return model.name != NULL ? g_strconcat(model.name, TYPE_SUFFIX, NULL) : NULL;
}

gboolean cpumodel_has_topoext(const VmConfig *vm)
{
    g_auto(Model) model = model_of(vm);

    return model.topoext || !vm->kvm;
}

char *cpumodel_add_topoext(const VmConfig *vm, const char *args)
{
    g_autofree char *type = cpumodel_type(vm);

    return type != NULL ? g_strconcat(args != NULL ? args : "", args != NULL ? " " : "", "-global ",
                              type, ".topoext=on", NULL)
                        : NULL;
}
