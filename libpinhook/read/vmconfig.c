// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmconfig.h"

#include "base/text.h"
#include "read/smp.h"
#include "read/vmargs.h"
#include "read/vmline.h"
#include "read/vmtext.h"
#include "read/vmconfig-setting.h"

#include <string.h>

static void problem_free(gpointer data)
{
    VmConfigProblem *problem = data;

    if (problem == NULL) {
        return;
    }
    g_free(problem->text);
    g_free(problem->key);
    g_free(problem->value);
    g_free(problem->message);
    g_free(problem);
}

static VmConfig *vmconfig_new(void)
{
    VmConfig *vm = g_new0(VmConfig, 1);

    vm->readable = TRUE;
    vm->sockets = 1;
    vm->cores = 1;
    vm->threads = 1;
    vm->vcpus_present = 1;
    vm->vcpus_most = 1;
    vm->vcpus_own = 1;
    vm->memory_mib = 512;
    vm->balloon_mib = -1;
    vm->kvm = TRUE;
    vm->cells = g_ptr_array_new_with_free_func((GDestroyNotify)vmsetting_free_cell);
    vm->guest_cells = g_ptr_array_new_with_free_func((GDestroyNotify)vmsetting_free_cell);
    vm->hostpci = g_ptr_array_new_with_free_func((GDestroyNotify)vmsetting_free_hostpci);
    vm->problems = g_ptr_array_new_with_free_func(problem_free);
    return vm;
}

void vmconfig_free(VmConfig *vm)
{
    if (vm == NULL) {
        return;
    }
    g_ptr_array_unref(vm->cells);
    g_ptr_array_unref(vm->guest_cells);
    g_ptr_array_unref(vm->hostpci);
    g_ptr_array_unref(vm->problems);
    hwloc_bitmap_free(vm->affinity);
    hwloc_bitmap_free(vm->bound_to);
    g_free(vm->text);
    g_free(vm->hugepages);
    g_free(vm->hookscript);
    g_free(vm->lock);
    g_free(vm->name);
    g_free(vm->cpu);
    g_free(vm->tags);
    g_free(vm->args);
    g_free(vm->hotplug);
    g_free(vm);
}

gboolean vmconfig_is_attached(const VmConfig *vm)
{
    g_autofree char *name = vm->hookscript != NULL ? g_path_get_basename(vm->hookscript) : NULL;

    return name != NULL && g_str_has_prefix(name, "pinhook");
}

guint64 vmconfig_memory_unit_mib(const VmConfig *vm)
{
    return vm->hugepages == NULL ? 1 : strcmp(vm->hugepages, "1024") == 0 ? 1024 : 2;
}

gboolean vmconfig_may_be_frozen(const VmConfig *vm)
{
    return vm->freeze || !vm->readable;
}

gboolean vmconfig_is_under_backup(const VmConfig *vm)
{
    return g_strcmp0(vm->lock, "backup") == 0;
}

VmConfig *vmconfig_unreadable(const char *message)
{
    VmConfig *vm = vmconfig_new();

    vm->readable = FALSE;
    vmsetting_add_problem(vm, VMCONFIG_UNREADABLE, NULL, g_strdup(message));
    return vm;
}

/* Lines. */

static void add_broken(VmReading *reading, guint line, const char *text)
{
    g_autofree char *shown = text_show_start(text, 40);

    if (reading->rubbish++ < VMSETTING_RUBBISH_LIMIT) {
        VmConfigProblem *problem = vmsetting_add_problem(reading->vm, VMCONFIG_DROPPED, NULL,
            g_strdup_printf("'%s' is no 'key: value': Proxmox drops the line", shown));
        problem->line = line;
        problem->text = g_strdup(text);
    }
}

/// What stands before the first section. Comes back: whether there is any setting.
static gboolean read_lines(VmReading *reading, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    gboolean any = FALSE;

    for (guint i = 0; lines[i] != NULL; i++) {
        char *key = NULL, *value = NULL;
        VmLineKind kind = vmline_parse(lines[i], &key, &value);
        if (kind == VMLINE_SECTION) {
            break;
        }
        if (kind == VMLINE_BROKEN) {
            add_broken(reading, i + 1, g_strchomp(lines[i]));
        }
        if (kind == VMLINE_SETTING) {
            VmSetting *setting = g_new(VmSetting, 1);
            *setting = (VmSetting){
                .line = i + 1, .text = g_strdup(g_strchomp(lines[i])), .key = key, .value = value
            };
            vmsetting_take(reading, setting);
            any = TRUE;
        }
    }
    return any;
}

/// Of a key the last problem alone, and none where a later line was taken.
static void drop_what_was_replaced(VmReading *reading)
{
    g_autoptr(GPtrArray) all = g_steal_pointer(&reading->vm->problems);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    reading->vm->problems = g_ptr_array_new_with_free_func(problem_free);
    for (guint i = all->len; i-- > 0;) {
        VmConfigProblem *problem = all->pdata[i];
        const VmSetting *taken = problem->key != NULL
                                     ? g_hash_table_lookup(reading->taken, problem->key)
                                     : NULL;
        if (problem->key == NULL || ((taken == NULL || taken->line <= problem->line) &&
                                        g_hash_table_add(seen, problem->key))) {
            all->pdata[i] = NULL;
            g_ptr_array_add(reading->vm->problems, problem);
        }
    }
}

/* What follows from several settings. */

/// QEMU takes one dash or two.
static gboolean is_option(const char *argument, const char *name)
{
    return argument[0] == '-' && strcmp(argument + 1 + (argument[1] == '-'), name) == 0;
}

static void overlay_args(VmReading *reading, Smp *smp)
{
    g_auto(GStrv) argv = vmconfig_argv(reading->vm);

    for (guint i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (!is_option(argv[i], "smp")) {
            continue;
        }
        const char *value = argv[i + 1] != NULL ? argv[++i] : NULL;
        if (value == NULL || !smp_overlay(smp, value)) {
            g_autofree char *shown = text_show_start(value != NULL ? value : "", 60);
            vmsetting_add_problem(reading->vm, VMCONFIG_UNREADABLE, reading->args,
                g_strdup_printf("args: '-smp %s' is not what QEMU takes", shown));
            return;
        }
    }
}

static void add_too_many(VmReading *reading, guint64 vcpus, guint64 most, const VmSetting *blamed)
{
    vmsetting_add_problem(reading->vm, VMCONFIG_UNREADABLE, blamed,
        g_strdup_printf("%" G_GUINT64_FORMAT " vCPUs, where the VM can have %" G_GUINT64_FORMAT
                        " and QEMU at most %d",
            vcpus, most, VMCONFIG_VCPU_LIMIT));
}

/// Whether each vCPU that Proxmox plugs, as the first thread of the next of its cores, comes right
/// behind those of `-smp` (PVE::QemuServer, print_cpu_device).
static gboolean can_plug(const Smp *smp, guint64 cores, guint64 count)
{
    for (guint64 i = 1; i <= count; i++) {
        guint64 socket = i / cores, core = i % cores;
        guint64 place = (socket * smp->cores + core) * smp->threads;
        if (core >= smp->cores || socket >= smp->sockets || place != smp->cpus + i - 1) {
            return FALSE;
        }
    }
    return smp_cores_per_socket(smp) == smp->cores;
}

/// What Proxmox and args have made of `-smp`; @plugged vCPUs come beside. FALSE: it is a problem.
static gboolean check_smp(VmReading *reading, Smp *smp, guint64 plugged)
{
    gboolean whole = smp_complete(smp);

    if (plugged > 0 && whole && vmconfig_has_smp(reading->vm) &&
        !can_plug(smp, reading->vm->cores, plugged)) {
        vmsetting_add_problem(reading->vm, VMCONFIG_SMP_HOTPLUG, reading->args,
            g_strdup("args: with hotplug of CPUs Proxmox plugs them in itself, and -smp takes "
                     "their place"));
        return FALSE;
    }
    if (smp->cpus + plugged > smp->maxcpus || smp->maxcpus > VMCONFIG_VCPU_LIMIT) {
        add_too_many(reading, smp->cpus + plugged, smp->maxcpus,
            vmconfig_has_smp(reading->vm) ? reading->args : reading->vcpus_setting);
        return FALSE;
    }
    if (!whole) {
        vmsetting_add_problem(reading->vm, VMCONFIG_UNREADABLE, reading->args,
            g_strdup_printf(
                "args: sockets, cores and threads of -smp do not multiply to %" G_GUINT64_FORMAT
                " vCPUs",
                smp->maxcpus));
        return FALSE;
    }
    if (smp->zeros != 0) {
        vmsetting_add_problem(reading->vm, VMCONFIG_SMP_ZERO, reading->args,
            g_strdup("args: QEMU refuses a 0 in -smp from 9.0 on"));
    }
    return TRUE;
}

static guint64 count_sockets(const VmReading *reading)
{
    return reading->sockets != 0 ? reading->sockets : MAX(reading->smp, 1);
}

/// Proxmox's `-smp <vcpus>,sockets=…,cores=…,maxcpus=…`, in which <vcpus> is 1 where the others are
/// plugged, and what `args`, which stands behind, makes of it.
static gboolean derive_vcpus(VmReading *reading)
{
    VmConfig *vm = reading->vm;
    guint64 sockets = count_sockets(reading), cores = MAX(reading->cores, 1);
    guint64 most = sockets * cores;
    guint64 vcpus = reading->vcpus != 0 ? reading->vcpus : most;
    guint64 plugged = vm->cpu_hotplug ? vcpus - 1 : 0;
    Smp smp = { .cpus = vcpus - plugged, .sockets = sockets, .cores = cores, .maxcpus = most };

    /* So that what does not fit together leads to no more than its own finding. */
    vm->sockets = most <= VMCONFIG_VCPU_LIMIT ? (guint)sockets : 1;
    vm->cores = (guint)MIN(cores, VMCONFIG_VCPU_LIMIT);
    vm->vcpus_most = (guint)MIN(most, VMCONFIG_VCPU_LIMIT);
    vm->vcpus_present = vm->vcpus_own = vm->vcpus_most;
    vm->vcpus_given = reading->vcpus != 0;
    if (most > VMCONFIG_VCPU_LIMIT) {
        add_too_many(reading, vcpus, most, reading->count_setting);
        return FALSE;
    }
    overlay_args(reading, &smp);
    if (!check_smp(reading, &smp, plugged)) {
        return FALSE;
    }
    vm->sockets = (guint)smp.sockets;
    vm->cores = (guint)smp_cores_per_socket(&smp);
    vm->threads = (guint)smp.threads;
    vm->vcpus_present = (guint)(smp.cpus + plugged);
    vm->vcpus_most = (guint)smp.maxcpus;
    return TRUE;
}

static VmCell *cell_copy(const VmCell *cell)
{
    VmCell *copy = g_new(VmCell, 1);

    *copy = *cell;
    copy->cpus = cpuset_copy(cell->cpus);
    copy->hostnodes = cell->hostnodes != NULL ? cpuset_copy(cell->hostnodes) : NULL;
    copy->node_list = g_strdup(cell->node_list);
    copy->policy = g_strdup(cell->policy);
    return copy;
}

/// PVE::QemuServer::Memory::config: numa<i> count with `numa: 1` alone; without any the vCPUs and
/// the memory are split by socket.
static void derive_guest_cells(VmConfig *vm, guint sockets, guint cores)
{
    if (!vm->numa) {
        return;
    }
    for (guint i = 0; i < vm->cells->len; i++) {
        g_ptr_array_add(vm->guest_cells, cell_copy(vm->cells->pdata[i]));
    }
    for (guint i = 0; vm->cells->len == 0 && i < sockets; i++) {
        VmCell *cell = g_new0(VmCell, 1);
        cell->index = i;
        cell->cpus = cpuset_new();
        hwloc_bitmap_set_range(cell->cpus, i * cores, (int)((i + 1) * cores) - 1);
        vmsetting_set_memory(cell, (double)vm->memory_mib / sockets);
        g_ptr_array_add(vm->guest_cells, cell);
    }
}

/// The places that are taken, in their order.
static void gather(GPtrArray *list, gpointer *places, guint count)
{
    for (guint i = 0; i < count; i++) {
        if (places[i] != NULL) {
            g_ptr_array_add(list, places[i]);
        }
    }
}

static int compare_problems(gconstpointer a, gconstpointer b)
{
    const VmConfigProblem *first = *(VmConfigProblem *const *)a;
    const VmConfigProblem *second = *(VmConfigProblem *const *)b;

    return first->line < second->line ? -1 : first->line > second->line;
}

static void derive(VmReading *reading)
{
    VmConfig *vm = reading->vm;

    gather(vm->cells, (gpointer *)reading->cells, VMCONFIG_CELL_LIMIT);
    gather(vm->hostpci, (gpointer *)reading->hostpci, VMCONFIG_HOSTPCI_LIMIT);
    if (derive_vcpus(reading)) {
        derive_guest_cells(vm, (guint)count_sockets(reading), (guint)MAX(reading->cores, 1));
    }
}

VmConfig *vmconfig_parse(const char *text, gsize length)
{
    const char *nul = memchr(text, '\0', length);
    if (nul != NULL) {
        return vmconfig_unreadable("the file holds NUL bytes: it is no text");
    }

    VmConfig *vm = vmconfig_new();
    g_autoptr(GHashTable) taken = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)vmsetting_free);
    VmReading reading = { .vm = vm, .taken = taken };

    vm->text = g_strndup(text, length);
    if (!read_lines(&reading, vm->text)) {
        vm->readable = FALSE;
        vmsetting_add_problem(
            vm, VMCONFIG_UNREADABLE, NULL, g_strdup("the file holds no settings"));
    }
    drop_what_was_replaced(&reading);
    derive(&reading);
    g_ptr_array_sort(vm->problems, compare_problems);
    return vm;
}

/* `args`. */

char **vmconfig_argv(const VmConfig *vm)
{
    return vm->args != NULL ? vmargs_split(vm->args) : NULL;
}

gboolean vmconfig_has_smp(const VmConfig *vm)
{
    g_auto(GStrv) argv = vmconfig_argv(vm);

    for (guint i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (is_option(argv[i], "smp")) {
            return TRUE;
        }
    }
    return FALSE;
}

char *vmconfig_args_with_smp(const VmConfig *vm, const char *smp)
{
    g_auto(GStrv) argv = vmconfig_argv(vm);
    g_autoptr(GString) args = g_string_new(NULL);

    for (guint i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (!is_option(argv[i], "smp")) {
            vmargs_append(args, argv[i]);
        } else if (argv[i + 1] != NULL) {
            i++;
        }
    }
    if (smp != NULL) {
        vmargs_append(args, "-smp");
        vmargs_append(args, smp);
    }
    return args->len > 0 ? g_string_free(g_steal_pointer(&args), FALSE) : NULL;
}

gboolean vmconfig_has_one_thread(const VmConfig *vm)
{
    g_auto(GStrv) argv = vmconfig_argv(vm);

    for (guint i = 0; argv != NULL && argv[i] != NULL && argv[i + 1] != NULL; i++) {
        g_auto(GStrv) parts = g_strsplit(argv[i + 1], ",", -1);
        if (is_option(argv[i], "accel") &&
            g_strv_contains((const char *const *)parts, "thread=single")) {
            return TRUE;
        }
    }
    return FALSE;
}

/* What if. */

static gboolean changes_cells(const Fix *fix)
{
    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_OPTION && g_str_has_prefix(change->key, "numa")) {
            return TRUE;
        }
    }
    return FALSE;
}

VmConfig *vmconfig_change(const VmConfig *vm, const Fix *fix)
{
    g_autofree char *text = vmtext_change(vm->text, fix);
    VmConfig *changed = vmconfig_parse(text, strlen(text));

    changed->incoming = vm->incoming;
    if (vm->bound_to != NULL && !changes_cells(fix)) {
        vmconfig_bind(changed, vm->bound_to);
    }
    return changed;
}

Fix *vmconfig_give_vcpus(const VmConfig *vm, guint vcpus)
{
    guint threads = vcpus % vm->threads == 0 ? vm->threads : 1;
    g_autofree char *smp = g_strdup_printf(
        "%u,sockets=1,cores=%u,threads=%u", vcpus, vcpus / threads, threads);
    g_autofree char *args = vmconfig_args_with_smp(vm, smp);
    Fix *fix = fix_set_number(fix_set(fix_new(), "sockets", "1"), "cores", vcpus);

    if (vmconfig_has_smp(vm)) {
        fix_set(fix, "args", args);
    }
    fix_set(fix_set(fix, "vcpus", NULL), "numa", NULL);
    for (guint i = 0; i < vm->cells->len; i++) {
        g_autofree char *key = g_strdup_printf("numa%u", ((VmCell *)vm->cells->pdata[i])->index);
        fix_set(fix, key, NULL);
    }
    return fix;
}

void vmconfig_bind(VmConfig *vm, const CpuSet *nodes)
{
    VmCell *cell = g_new0(VmCell, 1);
    g_autofree char *ids = cpuset_to_ids(nodes);

    vm->bound_to = cpuset_copy(nodes);
    cell->cpus = cpuset_new();
    hwloc_bitmap_set_range(cell->cpus, 0, (int)vm->vcpus_most - 1);
    cell->hostnodes = cpuset_copy(nodes);
    cell->node_list = strchr(ids, ';') != NULL ? g_steal_pointer(&ids) : NULL;
    cell->policy = g_strdup("bind");
    vmsetting_set_memory(cell, (double)vm->memory_mib);
    vm->numa = TRUE;
    g_ptr_array_set_size(vm->cells, 0);
    g_ptr_array_set_size(vm->guest_cells, 0);
    g_ptr_array_add(vm->guest_cells, cell_copy(cell));
    g_ptr_array_add(vm->cells, cell);
}
