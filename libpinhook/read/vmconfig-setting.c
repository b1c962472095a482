// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmconfig-setting.h"

#include "base/text.h"
#include "read/pci.h"
#include "read/vmargs.h"
#include "read/vmline.h"
#include "read/vmoption.h"

#include <string.h>

void vmsetting_free(VmSetting *setting)
{
    g_free(setting->text);
    g_free(setting->key);
    g_free(setting->value);
    g_free(setting);
}

void vmsetting_free_cell(VmCell *cell)
{
    if (cell == NULL) {
        return;
    }
    hwloc_bitmap_free(cell->cpus);
    hwloc_bitmap_free(cell->hostnodes);
    g_free(cell->node_list);
    g_free(cell->policy);
    g_free(cell);
}

void vmsetting_free_hostpci(VmHostpci *hostpci)
{
    if (hostpci == NULL) {
        return;
    }
    g_strfreev(hostpci->addresses);
    g_free(hostpci->mapping);
    g_free(hostpci);
}

VmConfigProblem *vmsetting_add_problem(
    VmConfig *vm, VmConfigProblemKind kind, const VmSetting *setting, char *message)
{
    VmConfigProblem *problem = g_new0(VmConfigProblem, 1);

    problem->kind = kind;
    problem->message = message;
    if (setting != NULL) {
        problem->line = setting->line;
        problem->text = g_strdup(setting->text);
        problem->key = g_strdup(setting->key);
        problem->value = g_strdup(setting->value);
    }
    g_ptr_array_add(vm->problems, problem);
    return problem;
}

/// "'<key>: <value>' <what>".
static void add_bad_value(
    VmConfig *vm, VmConfigProblemKind kind, const VmSetting *setting, const char *what)
{
    g_autofree char *shown = text_show_start(setting->value, 60);

    vmsetting_add_problem(
        vm, kind, setting, g_strdup_printf("'%s: %s' %s", setting->key, shown, what));
}

void vmsetting_set_memory(VmCell *cell, double mib)
{
    guint64 whole = (guint64)mib;

    cell->memory = mib;
    cell->memory_mib = whole + (mib > (double)whole);
}

/* Options. Each takes one setting into the config. FALSE: it is none to Proxmox, and nothing is
 * written. What Proxmox takes and then does not start with is a problem. */

/// More than any VM has is as bad as that, and can be multiplied.
static gboolean take_count(const VmSetting *setting, guint64 *count)
{
    guint64 value;

    if (!vmline_integer(setting->value, &value)) {
        return FALSE;
    }
    *count = MIN(value, G_MAXUINT32);
    return TRUE;
}

static gboolean take_text(const VmSetting *setting, char **text)
{
    g_free(*text);
    *text = *setting->value != '\0' && !g_ascii_isspace(*setting->value) ? g_strdup(setting->value)
                                                                         : NULL;
    return TRUE;
}

/// One of those that make up the most vCPUs.
static gboolean take_factor(VmReading *reading, const VmSetting *setting, guint64 *count)
{
    if (!take_count(setting, count)) {
        return FALSE;
    }
    reading->count_setting = setting;
    return TRUE;
}

static gboolean take_sockets(VmReading *reading, const VmSetting *setting)
{
    return take_factor(reading, setting, &reading->sockets);
}

/// Of old files.
static gboolean take_smp(VmReading *reading, const VmSetting *setting)
{
    return take_factor(reading, setting, &reading->smp);
}

static gboolean take_cores(VmReading *reading, const VmSetting *setting)
{
    return take_factor(reading, setting, &reading->cores);
}

static gboolean take_vcpus(VmReading *reading, const VmSetting *setting)
{
    if (!take_count(setting, &reading->vcpus)) {
        return FALSE;
    }
    reading->vcpus_setting = setting;
    return TRUE;
}

static gboolean take_current(gpointer into, const char *key, const char *value)
{
    double number;
    gboolean whole = value[strspn(value, "+" G_CSET_DIGITS)] == '\0';

    if (strcmp(key, "current") != 0 || !whole || !vmline_property_number(value, &number) ||
        number < 16) {
        return FALSE;
    }
    *(double *)into = number;
    return TRUE;
}

/// `16384`, or since Proxmox VE 8 also `current=16384`.
static gboolean take_memory(VmReading *reading, const VmSetting *setting)
{
    double mib = 0;

    if (!vmline_properties(setting->value, "current", take_current, &mib) || mib == 0) {
        return FALSE;
    }
    if (mib > G_MAXUINT32) {
        add_bad_value(reading->vm, VMCONFIG_UNREADABLE, setting, "is more than QEMU can give");
        return TRUE;
    }
    reading->vm->memory_mib = (guint64)mib;
    return TRUE;
}

static gboolean take_balloon(VmReading *reading, const VmSetting *setting)
{
    guint64 mib;

    if (!take_count(setting, &mib)) {
        return FALSE;
    }
    reading->vm->balloon_mib = (gint64)mib;
    return TRUE;
}

/// The schema names the sizes, but of a file Proxmox checks the type alone.
static gboolean take_hugepages(VmReading *reading, const VmSetting *setting)
{
    static const char *const sizes[] = { "any", "2", "1024", NULL };
    g_autofree char *size = vmline_unquote(setting->value);

    g_clear_pointer(&reading->vm->hugepages, g_free);
    if (size != NULL && !g_strv_contains(sizes, size)) {
        add_bad_value(reading->vm, VMCONFIG_UNREADABLE, setting, "is not any, 2 or 1024");
        return TRUE;
    }
    reading->vm->hugepages = g_steal_pointer(&size);
    return TRUE;
}

static gboolean take_numa(VmReading *reading, const VmSetting *setting)
{
    return vmline_boolean(setting->value, &reading->vm->numa);
}

static gboolean take_freeze(VmReading *reading, const VmSetting *setting)
{
    return vmline_boolean(setting->value, &reading->vm->freeze);
}

static gboolean take_kvm(VmReading *reading, const VmSetting *setting)
{
    return vmline_boolean(setting->value, &reading->vm->kvm);
}

static gboolean take_template(VmReading *reading, const VmSetting *setting)
{
    return vmline_boolean(setting->value, &reading->vm->template);
}

/// PVE::CpuSet, parse_cpuset, takes blanks around numbers and commas at the end, and taskset, which
/// gets it as it is, does not. Perl's false is no affinity: PVE::QemuServer, config_to_command.
static gboolean take_affinity(VmReading *reading, const VmSetting *setting)
{
    g_autofree char *list = g_strdup(setting->value);
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&reading->vm->affinity, hwloc_bitmap_free);
    if (strcmp(list, "0") == 0) {
        add_bad_value(reading->vm, VMCONFIG_NOT_GIVEN, setting, "is no affinity to Proxmox");
        return TRUE;
    }
    for (gsize end = strlen(list); end > 0 && list[end - 1] == ','; end--) {
        list[end - 1] = '\0';
    }
    reading->vm->affinity = cpuset_parse_list(list, ',', &error);
    if (error != NULL) {
        vmsetting_add_problem(reading->vm, VMCONFIG_BAD_AFFINITY, setting,
            g_strdup_printf("affinity: %s", error->message));
    } else if (setting->value[strspn(setting->value, G_CSET_DIGITS ",-")] != '\0' ||
               strcmp(list, setting->value) != 0) {
        add_bad_value(reading->vm, VMCONFIG_BAD_AFFINITY, setting, "is no list to taskset");
    }
    return TRUE;
}

/// A list of kinds of device, or 0, or 1 for the default list, which has neither CPUs nor memory.
/// It is parted as in PVE::Tools::split_list.
static gboolean take_hotplug(VmReading *reading, const VmSetting *setting)
{
    static const char *const known[] = { "cloudinit", "cpu", "disk", "memory", "network", "usb",
        NULL };
    g_auto(GStrv) kinds = g_strsplit_set(setting->value, ",; \t", -1);
    const char *const *each = (const char *const *)kinds;
    gboolean whole = strcmp(setting->value, "0") == 0 || strcmp(setting->value, "1") == 0;

    for (guint i = 0; !whole && kinds[i] != NULL; i++) {
        if (*kinds[i] != '\0' && !g_strv_contains(known, kinds[i])) {
            return FALSE;
        }
    }
    g_free(reading->vm->hotplug);
    reading->vm->hotplug = g_strdup(setting->value);
    reading->vm->cpu_hotplug = g_strv_contains(each, "cpu");
    reading->vm->memory_hotplug = g_strv_contains(each, "memory");
    return TRUE;
}

static gboolean take_cpulimit(VmReading *reading, const VmSetting *setting)
{
    double limit;

    if (!vmline_number(setting->value, &limit)) {
        return FALSE;
    }
    reading->vm->cpulimit = MIN(limit, G_MAXUINT32);
    return TRUE;
}

static gboolean take_lock(VmReading *reading, const VmSetting *setting)
{
    g_free(reading->vm->lock);
    reading->vm->lock = vmline_unquote(setting->value);
    return TRUE;
}

/// Until Proxmox has loaded it (PVE::QemuServer, vm_start_nolock).
static gboolean take_vmstate(VmReading *reading, const VmSetting *setting)
{
    reading->vm->resumes |= vmline_is_volume(setting->value);
    return vmline_is_volume(setting->value);
}

static gboolean take_hookscript(VmReading *reading, const VmSetting *setting)
{
    return vmline_is_volume(setting->value) && take_text(setting, &reading->vm->hookscript);
}

static gboolean take_name(VmReading *reading, const VmSetting *setting)
{
    return take_text(setting, &reading->vm->name);
}

static gboolean take_cpu(VmReading *reading, const VmSetting *setting)
{
    return take_text(setting, &reading->vm->cpu);
}

static gboolean take_tags(VmReading *reading, const VmSetting *setting)
{
    return take_text(setting, &reading->vm->tags);
}

static gboolean take_args(VmReading *reading, const VmSetting *setting)
{
    g_auto(GStrv) words = vmargs_split(setting->value);

    reading->args = setting;
    take_text(setting, &reading->vm->args);
    if (words == NULL) {
        g_clear_pointer(&reading->vm->args, g_free);
        add_bad_value(reading->vm, VMCONFIG_DROPPED, setting,
            "has a quote that is not closed: QEMU gets none of it");
    }
    return TRUE;
}

/* Cells. */

typedef struct {
    VmCell *cell;
    gboolean fatal; // Proxmox takes the line, and dies of it at the start
} CellReading;

static CpuSet *read_ids(CellReading *reading, const char *list)
{
    CpuSet *ids = cpuset_parse_list(list, ';', NULL);

    reading->fatal |= ids == NULL;
    return ids;
}

/// Of a list Proxmox makes what QEMU refuses, but of `0;<rest>`, where it forgets the comma: `02`
/// (PVE::QemuServer::Memory, print_numa_hostnodes).
static void take_nodes(CellReading *reading, const char *list)
{
    VmCell *cell = reading->cell;
    const char *rest = g_str_has_prefix(list, "0;") ? list + strlen("0;") : list;

    cell->node_list = strchr(list, ';') != NULL ? g_strdup(list) : NULL;
    cell->hostnodes = read_ids(reading, strchr(rest, ';') != NULL ? list : rest);
}

/// QEMU takes a sign and decimals, and no exponent.
static void take_cell_memory(CellReading *reading, const char *text, double mib)
{
    gboolean given = strpbrk(text, "-eE") == NULL && mib <= G_MAXUINT32;

    reading->fatal |= !given;
    vmsetting_set_memory(reading->cell, given ? mib : 0);
}

static gboolean take_cell_part(gpointer into, const char *key, const char *value)
{
    static const char *const policies[] = { "bind", "preferred", "interleave", NULL };
    CellReading *reading = into;
    VmCell *cell = reading->cell;
    double mib;

    if (strcmp(key, "cpus") == 0 && vmline_is_id_list(value)) {
        cell->cpus = read_ids(reading, value);
        return TRUE;
    }
    if (strcmp(key, "hostnodes") == 0 && vmline_is_id_list(value)) {
        take_nodes(reading, value);
        return TRUE;
    }
    if (strcmp(key, "memory") == 0 && vmline_property_number(value, &mib)) {
        take_cell_memory(reading, value, mib);
        return TRUE;
    }
    if (strcmp(key, "policy") == 0 && g_strv_contains(policies, value)) {
        cell->policy = g_strdup(value);
        return TRUE;
    }
    return FALSE;
}

static guint number_of(const VmSetting *setting)
{
    return (guint)g_ascii_strtoull(vmline_key_number(setting->key), NULL, 10);
}

/// A line without cpus= is none.
static gboolean take_cell(VmReading *reading, const VmSetting *setting)
{
    VmCell *cell = g_new0(VmCell, 1);
    CellReading parts = { .cell = cell };
    VmCell **place = &reading->cells[number_of(setting)];

    cell->index = number_of(setting);
    if (!vmline_properties(setting->value, NULL, take_cell_part, &parts) ||
        (cell->cpus == NULL && !parts.fatal)) {
        vmsetting_free_cell(cell);
        return FALSE;
    }
    vmsetting_free_cell(*place);
    *place = parts.fatal ? NULL : cell;
    if (parts.fatal) {
        add_bad_value(reading->vm, VMCONFIG_UNREADABLE, setting,
            "has a range that runs backwards, or a number that QEMU does not take");
        vmsetting_free_cell(cell);
    }
    return TRUE;
}

/* Passed-through devices. */

/// As PVE::JSONSchema::pve_verify_configid.
static gboolean is_config_id(const char *text)
{
    return g_ascii_isalpha(*text) && text[1] != '\0' &&
           text[strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-")] == '\0';
}

/// Other keys than these two, of which Proxmox gets new ones, are passed over.
static gboolean take_hostpci_part(gpointer into, const char *key, const char *value)
{
    VmHostpci *hostpci = into;

    if (strcmp(key, "host") == 0) {
        hostpci->addresses = pci_parse_addresses(value);
        return hostpci->addresses != NULL;
    }
    if (strcmp(key, "mapping") == 0) {
        hostpci->mapping = is_config_id(value) ? g_strdup(value) : NULL;
        return hostpci->mapping != NULL;
    }
    return TRUE;
}

/// `[host=]ADDRESS[;ADDRESS…]` or `mapping=NAME` (PVE::QemuServer::PCI, parse_hostpci).
static gboolean take_hostpci(VmReading *reading, const VmSetting *setting)
{
    VmHostpci *hostpci = g_new0(VmHostpci, 1);
    VmHostpci **place = &reading->hostpci[number_of(setting)];

    hostpci->index = number_of(setting);
    if (!vmline_properties(setting->value, "host", take_hostpci_part, hostpci)) {
        vmsetting_free_hostpci(hostpci);
        return FALSE;
    }
    gboolean one = (hostpci->addresses != NULL) != (hostpci->mapping != NULL);
    vmsetting_free_hostpci(*place);
    *place = one ? hostpci : NULL;
    if (!one) {
        add_bad_value(
            reading->vm, VMCONFIG_UNREADABLE, setting, "names not one of an address and a mapping");
        vmsetting_free_hostpci(hostpci);
    }
    return TRUE;
}

static gboolean take_mistaken(VmReading *reading, const VmSetting *setting)
{
    vmsetting_add_problem(reading->vm, VMCONFIG_UNKNOWN_OPTION, setting,
        g_strdup_printf("Proxmox has no option '%s'", setting->key));
    return TRUE;
}

typedef struct {
    const char *key;
    gboolean (*take)(VmReading *reading, const VmSetting *setting);
    const char *wanted;
    guint count; // not 0: the option is key0 to key<count - 1>
} Option;

#define BOOLEAN "0 or 1"
#define INTEGER "a number"
#define VOLUME "STORAGE:NAME"

static const Option options[] = {
    { "affinity", take_affinity },
    { "args", take_args },
    { "balloon", take_balloon, INTEGER },
    { "cores", take_cores, INTEGER },
    { "cpu", take_cpu },
    { "cpu-affinity", take_mistaken },
    { "cpu_affinity", take_mistaken },
    { "cpuaffinity", take_mistaken },
    { "cpulimit", take_cpulimit, "a number of CPUs such as 0.5" },
    { "cpuset", take_mistaken },
    { "freeze", take_freeze, BOOLEAN },
    { "hookscript", take_hookscript, VOLUME },
    { "hostpci", take_hostpci,
        "an address in lower case such as 0000:01:00.0, or mapping=NAME, each key once",
        VMCONFIG_HOSTPCI_LIMIT },
    { "hotplug", take_hotplug, "0, 1 or of network, disk, cpu, memory, usb and cloudinit" },
    { "hugepages", take_hugepages },
    { "kvm", take_kvm, BOOLEAN },
    { "lock", take_lock },
    { "memory", take_memory, "a number of MiB from 16 on" },
    { "name", take_name },
    { "numa", take_numa, BOOLEAN },
    { "numa", take_cell,
        "cpus=LIST with hostnodes=LIST, memory=MiB or policy=bind, each once (lists inside use "
        "';')",
        VMCONFIG_CELL_LIMIT },
    { "smp", take_smp, INTEGER },
    { "sockets", take_sockets, INTEGER },
    { "tags", take_tags },
    { "template", take_template, BOOLEAN },
    { "vcpus", take_vcpus, INTEGER },
    { "vmstate", take_vmstate, VOLUME },
};

/// Whether @number, the text behind a key's name, is one of its numbers as Proxmox writes them.
static gboolean has_number(const Option *option, const char *number)
{
    guint64 value;

    if (option->count == 0) {
        return *number == '\0';
    }
    return vmline_integer(number, &value) && value < option->count &&
           (number[0] != '0' || number[1] == '\0');
}

static const Option *find_option(const char *key)
{
    const char *number = vmline_key_number(key);
    gsize length = (gsize)(number - key);

    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        const Option *option = &options[i];
        if (strlen(option->key) == length && strncmp(option->key, key, length) == 0 &&
            has_number(option, number)) {
            return option;
        }
    }
    return NULL;
}

static void add_like(VmReading *reading, const VmSetting *setting)
{
    const char *like = vmoption_like(setting->key);

    if (like != NULL && reading->rubbish++ < VMSETTING_RUBBISH_LIMIT) {
        vmsetting_add_problem(reading->vm, VMCONFIG_LIKE_AN_OPTION, setting,
            g_strdup_printf("Proxmox has no option '%.40s', which is like '%s', and drops the line",
                setting->key, like));
    }
}

/// PVE::QemuServer, check_type, takes no line feed, and of these a line can have the one.
void vmsetting_take(VmReading *reading, VmSetting *setting)
{
    const Option *option = find_option(setting->key);

    if (option == NULL) {
        add_like(reading, setting);
    } else if (strchr(setting->value, '\r') != NULL || !option->take(reading, setting)) {
        g_autofree char *what = g_strdup_printf("is not %s: Proxmox drops the line",
            option->wanted != NULL ? option->wanted : "one line");
        add_bad_value(reading->vm, VMCONFIG_DROPPED, setting, what);
    } else {
        g_hash_table_replace(reading->taken, setting->key, setting);
        return;
    }
    vmsetting_free(setting);
}
