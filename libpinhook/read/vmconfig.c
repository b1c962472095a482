// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmconfig.h"

#include "base/error.h"
#include "base/text.h"
#include "read/pci.h"

#include <string.h>

/// One line `key: value`; of a key given twice only the last is kept.
typedef struct {
    guint line;
    char *key;
    char *value;
} Setting;

static void setting_free(gpointer data)
{
    Setting *setting = data;

    g_free(setting->key);
    g_free(setting->value);
    g_free(setting);
}

static void problem_free(gpointer data)
{
    VmConfigProblem *problem = data;

    g_free(problem->key);
    g_free(problem->value);
    g_free(problem->message);
    g_free(problem);
}

static void cell_free(gpointer data)
{
    VmCell *cell = data;

    hwloc_bitmap_free(cell->cpus);
    hwloc_bitmap_free(cell->hostnodes);
    g_free(cell->policy);
    g_free(cell);
}

static void hostpci_free(gpointer data)
{
    VmHostpci *hostpci = data;

    g_strfreev(hostpci->addresses);
    g_free(hostpci->mapping);
    g_free(hostpci);
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
    vm->cells = g_ptr_array_new_with_free_func(cell_free);
    vm->guest_cells = g_ptr_array_new_with_free_func(cell_free);
    vm->hostpci = g_ptr_array_new_with_free_func(hostpci_free);
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

/// Takes @message. @setting is NULL for a problem of the file or of a whole line.
static void add_problem(
    VmConfig *vm, VmConfigProblemKind kind, guint line, const Setting *setting, char *message)
{
    VmConfigProblem *problem = g_new0(VmConfigProblem, 1);

    problem->kind = kind;
    problem->line = line;
    problem->key = setting != NULL ? g_strdup(setting->key) : NULL;
    problem->value = setting != NULL ? g_strdup(setting->value) : NULL;
    problem->message = message;
    g_ptr_array_add(vm->problems, problem);
}

static void bad_value(VmConfig *vm, const Setting *setting, const char *wanted)
{
    g_autofree char *shown = text_show_start(setting->value, 60);

    add_problem(vm, VMCONFIG_UNREADABLE, setting->line, setting,
        g_strdup_printf("'%s: %s' is not %s", setting->key, shown, wanted));
}

VmConfig *vmconfig_unreadable(const char *message)
{
    VmConfig *vm = vmconfig_new();

    vm->readable = FALSE;
    add_problem(vm, VMCONFIG_UNREADABLE, 0, NULL, g_strdup(message));
    return vm;
}

/* Values. */

static gboolean parse_count(const char *text, guint64 least, guint64 most, guint64 *number)
{
    return g_ascii_string_to_unsigned(text, 10, least, most, number, NULL);
}

static gboolean is_one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (g_ascii_strcasecmp(text, *words) == 0) {
            return TRUE;
        }
    }
    return FALSE;
}

/// As PVE::JSONSchema::parse_boolean.
static gboolean parse_boolean(const char *text, gboolean *value)
{
    static const char *const yes[] = { "1", "on", "yes", "true", NULL };
    static const char *const no[] = { "0", "off", "no", "false", NULL };

    if (!is_one_of(text, yes) && !is_one_of(text, no)) {
        return FALSE;
    }
    *value = is_one_of(text, yes);
    return TRUE;
}

/// The value of @key in a list `bare,key=value,…`; @key NULL: the bare first one. The caller frees
/// it; NULL: not there.
static char *find_property(const char *text, const char *key)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        const char *equals = strchr(parts[i], '=');
        if (key == NULL && i == 0 && equals == NULL) {
            return g_strdup(parts[i]);
        }
        if (key != NULL && equals != NULL && strlen(key) == (gsize)(equals - parts[i]) &&
            g_str_has_prefix(parts[i], key)) {
            return g_strdup(equals + 1);
        }
    }
    return NULL;
}

/* Options. Each takes one setting into the config; what it cannot take it adds as a problem. */

typedef struct {
    VmConfig *vm;
    guint64 vcpus; // `vcpus`; 0: not given

    /* Who is to blame where the counts do not fit together; NULL: not given. */
    const Setting *vcpus_setting, *count_setting;
    const Setting *args, *smp; // smp: args, if it holds -smp
} Reading;

static guint take_count(VmConfig *vm, const Setting *setting, guint most, guint fallback)
{
    guint64 number;

    if (!parse_count(setting->value, 1, most, &number)) {
        g_autofree char *wanted = g_strdup_printf("a number from 1 to %u", most);
        bad_value(vm, setting, wanted);
        return fallback;
    }
    return (guint)number;
}

static gboolean take_boolean(VmConfig *vm, const Setting *setting, gboolean fallback)
{
    gboolean value;

    if (!parse_boolean(setting->value, &value)) {
        bad_value(vm, setting, "0 or 1");
        return fallback;
    }
    return value;
}

static void take_sockets(Reading *reading, const Setting *setting)
{
    reading->vm->sockets = take_count(reading->vm, setting, VMCONFIG_VCPU_LIMIT, 1);
    reading->count_setting = setting;
}

static void take_cores(Reading *reading, const Setting *setting)
{
    reading->vm->cores = take_count(reading->vm, setting, VMCONFIG_VCPU_LIMIT, 1);
    reading->count_setting = setting;
}

static void take_vcpus(Reading *reading, const Setting *setting)
{
    reading->vcpus = take_count(reading->vm, setting, VMCONFIG_VCPU_LIMIT, 0);
    reading->vcpus_setting = setting;
    reading->vm->vcpus_given = TRUE;
}

/// `16384`, or since Proxmox VE 8 also `current=16384`.
static void take_memory(Reading *reading, const Setting *setting)
{
    g_autofree char *named = find_property(setting->value, "current");
    g_autofree char *bare = find_property(setting->value, NULL);
    const char *text = named != NULL ? named : bare;

    if (text == NULL || !parse_count(text, 1, G_MAXUINT32, &reading->vm->memory_mib)) {
        bad_value(reading->vm, setting, "a number of MiB");
    }
}

static void take_balloon(Reading *reading, const Setting *setting)
{
    guint64 number;

    if (!parse_count(setting->value, 0, G_MAXUINT32, &number)) {
        bad_value(reading->vm, setting, "a number of MiB");
        return;
    }
    reading->vm->balloon_mib = (gint64)number;
}

static void take_hugepages(Reading *reading, const Setting *setting)
{
    static const char *const sizes[] = { "any", "2", "1024", NULL };

    if (!is_one_of(setting->value, sizes)) {
        bad_value(reading->vm, setting, "any, 2 or 1024");
        return;
    }
    reading->vm->hugepages = g_strdup(setting->value);
}

static void take_numa(Reading *reading, const Setting *setting)
{
    reading->vm->numa = take_boolean(reading->vm, setting, FALSE);
}

static void take_freeze(Reading *reading, const Setting *setting)
{
    reading->vm->freeze = take_boolean(reading->vm, setting, FALSE);
}

static void take_kvm(Reading *reading, const Setting *setting)
{
    reading->vm->kvm = take_boolean(reading->vm, setting, TRUE);
}

static void take_template(Reading *reading, const Setting *setting)
{
    reading->vm->template = take_boolean(reading->vm, setting, FALSE);
}

static void take_affinity(Reading *reading, const Setting *setting)
{
    g_autoptr(GError) error = NULL;

    reading->vm->affinity = cpuset_parse_list(setting->value, ',', &error);
    if (error != NULL) {
        add_problem(reading->vm, VMCONFIG_BAD_AFFINITY, setting->line, setting,
            g_strdup_printf("affinity: %s", error->message));
    }
}

/// A list of kinds of device, or 0, or 1 for the default list, which lacks the CPUs. It is parted
/// as in PVE::Tools::split_list.
static void take_hotplug(Reading *reading, const Setting *setting)
{
    g_auto(GStrv) kinds = g_strsplit_set(setting->value, ",; \t", -1);

    g_free(reading->vm->hotplug);
    reading->vm->hotplug = g_strdup(setting->value);
    reading->vm->cpu_hotplug = g_strv_contains((const char *const *)kinds, "cpu");
}

static void take_cpulimit(Reading *reading, const Setting *setting)
{
    char *end = NULL;
    double limit = g_ascii_strtod(setting->value, &end);

    if (end == setting->value || *end != '\0' || !(limit >= 0 && limit <= VMCONFIG_VCPU_LIMIT)) {
        bad_value(reading->vm, setting, "a number of CPUs");
        return;
    }
    reading->vm->cpulimit = limit;
}

static void take_lock(Reading *reading, const Setting *setting)
{
    reading->vm->lock = g_strdup(setting->value);
}

/// Until Proxmox has loaded it (PVE::QemuServer, vm_start_nolock).
static void take_vmstate(Reading *reading, const Setting *setting)
{
    reading->vm->resumes = TRUE;
}

static void take_hookscript(Reading *reading, const Setting *setting)
{
    reading->vm->hookscript = g_strdup(setting->value);
}

static void take_name(Reading *reading, const Setting *setting)
{
    reading->vm->name = g_strdup(setting->value);
}

static void take_cpu(Reading *reading, const Setting *setting)
{
    reading->vm->cpu = g_strdup(setting->value);
}

static void take_tags(Reading *reading, const Setting *setting)
{
    reading->vm->tags = g_strdup(setting->value);
}

static void take_args(Reading *reading, const Setting *setting)
{
    reading->vm->args = g_strdup(setting->value);
    reading->args = setting;
}

static gboolean is_known_policy(const char *policy)
{
    static const char *const policies[] = { "bind", "preferred", "interleave", NULL };

    return g_strv_contains(policies, policy);
}

static gboolean parse_cell_part(VmCell *cell, const char *key, const char *value)
{
    if (strcmp(key, "cpus") == 0) {
        g_clear_pointer(&cell->cpus, hwloc_bitmap_free);
        cell->cpus = cpuset_parse_list(value, ';', NULL);
        return cell->cpus != NULL;
    }
    if (strcmp(key, "hostnodes") == 0) {
        g_clear_pointer(&cell->hostnodes, hwloc_bitmap_free);
        cell->hostnodes = cpuset_parse_list(value, ';', NULL);
        return cell->hostnodes != NULL;
    }
    if (strcmp(key, "memory") == 0) {
        return parse_count(value, 1, G_MAXUINT32, &cell->memory_mib);
    }
    if (strcmp(key, "policy") == 0 && is_known_policy(value)) {
        g_free(cell->policy);
        cell->policy = g_strdup(value);
        return TRUE;
    }
    return FALSE;
}

static void take_cell(Reading *reading, const Setting *setting)
{
    VmCell *cell = g_new0(VmCell, 1);
    g_auto(GStrv) parts = g_strsplit(setting->value, ",", -1);

    cell->index = (guint)(setting->key[strlen("numa")] - '0');
    for (guint i = 0; parts[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        if (g_strv_length(pair) != 2 || !parse_cell_part(cell, pair[0], pair[1])) {
            g_autofree char *shown = text_show_start(parts[i], 40);
            add_problem(reading->vm, VMCONFIG_UNREADABLE, setting->line, setting,
                g_strdup_printf("%s: '%s' is not cpus=LIST, hostnodes=LIST, memory=MiB or "
                                "policy=bind (lists inside use ';')",
                    setting->key, shown));
            cell_free(cell);
            return;
        }
    }
    g_ptr_array_add(reading->vm->cells, cell);
}

/// As PVE::JSONSchema::pve_verify_configid.
static gboolean is_config_id(const char *text)
{
    return g_ascii_isalpha(*text) && text[1] != '\0' &&
           text[strspn(text, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "_-")] == '\0';
}

/// `[host=]ADDRESS[;ADDRESS…]` or `mapping=NAME`, each once at most; other keys, of which Proxmox
/// gets new ones, are passed over.
static gboolean parse_hostpci_part(VmHostpci *hostpci, const char *part)
{
    gboolean bare = strchr(part, '=') == NULL;

    if (bare || g_str_has_prefix(part, "host=")) {
        if (hostpci->addresses != NULL) {
            return FALSE;
        }
        hostpci->addresses = pci_parse_addresses(bare ? part : part + strlen("host="));
        return hostpci->addresses != NULL;
    }
    if (g_str_has_prefix(part, "mapping=")) {
        const char *name = part + strlen("mapping=");
        if (hostpci->mapping != NULL || !is_config_id(name)) {
            return FALSE;
        }
        hostpci->mapping = g_strdup(name);
    }
    return TRUE;
}

/// PVE::QemuServer::PCI, parse_hostpci, and PVE::JSONSchema, parse_property_string, which takes the
/// bare part wherever it stands and passes over empty ones.
static gboolean parse_hostpci(VmHostpci *hostpci, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        if (*parts[i] != '\0' && !parse_hostpci_part(hostpci, parts[i])) {
            return FALSE;
        }
    }
    return (hostpci->addresses != NULL) != (hostpci->mapping != NULL);
}

static void take_hostpci(Reading *reading, const Setting *setting)
{
    VmHostpci *hostpci = g_new0(VmHostpci, 1);

    hostpci->index = (guint)g_ascii_strtoull(setting->key + strlen("hostpci"), NULL, 10);
    if (!parse_hostpci(hostpci, setting->value)) {
        bad_value(
            reading->vm, setting, "an address in lower case such as 0000:01:00.0, or mapping=NAME");
        hostpci_free(hostpci);
        return;
    }
    g_ptr_array_add(reading->vm->hostpci, hostpci);
}

static void take_mistaken(Reading *reading, const Setting *setting)
{
    add_problem(reading->vm, VMCONFIG_UNKNOWN_OPTION, setting->line, setting,
        g_strdup_printf("Proxmox has no option '%s'", setting->key));
}

typedef struct {
    const char *key;
    void (*take)(Reading *reading, const Setting *setting);
    guint count; // not 0: the option is key0 to key<count - 1>
} Option;

/* Proxmox knows hostpci0 to hostpci15. */
static const Option options[] = {
    { "affinity", take_affinity },
    { "args", take_args },
    { "balloon", take_balloon },
    { "cores", take_cores },
    { "cpu", take_cpu },
    { "cpu-affinity", take_mistaken },
    { "cpu_affinity", take_mistaken },
    { "cpuaffinity", take_mistaken },
    { "cpulimit", take_cpulimit },
    { "cpuset", take_mistaken },
    { "freeze", take_freeze },
    { "hookscript", take_hookscript },
    { "hostpci", take_hostpci, 16 },
    { "hotplug", take_hotplug },
    { "hugepages", take_hugepages },
    { "kvm", take_kvm },
    { "lock", take_lock },
    { "memory", take_memory },
    { "name", take_name },
    { "numa", take_numa },
    { "numa", take_cell, VMCONFIG_CELL_LIMIT },
    { "smp", take_sockets }, // before `sockets`, which replaces it
    { "sockets", take_sockets },
    { "tags", take_tags },
    { "template", take_template },
    { "vcpus", take_vcpus },
    { "vmstate", take_vmstate },
};

static void take_setting(
    Reading *reading, GHashTable *settings, const char *key, const Option *option)
{
    const Setting *setting = g_hash_table_lookup(settings, key);

    if (setting != NULL) {
        option->take(reading, setting);
    }
}

static void take_settings(Reading *reading, GHashTable *settings)
{
    for (gsize i = 0; i < G_N_ELEMENTS(options); i++) {
        const Option *option = &options[i];

        if (option->count == 0) {
            take_setting(reading, settings, option->key, option);
        }
        for (guint number = 0; number < option->count; number++) {
            g_autofree char *key = g_strdup_printf("%s%u", option->key, number);
            take_setting(reading, settings, key, option);
        }
    }
}

/* Lines. */

/// `key: value`, the key as PVE::QemuServer::parse_vm_config has it: [a-z][a-z_-]*[0-9]*
static Setting *parse_setting(const char *line, guint number)
{
    gsize end = strspn(line, "abcdefghijklmnopqrstuvwxyz_-");

    if (end == 0 || !g_ascii_islower(line[0])) {
        return NULL;
    }
    end += strspn(line + end, "0123456789");
    if (line[end] != ':') {
        return NULL;
    }

    g_autofree char *value = g_strstrip(g_strdup(line + end + 1));
    if (*value == '\0') {
        return NULL;
    }
    Setting *setting = g_new(Setting, 1);
    setting->line = number;
    setting->key = g_strndup(line, end);
    setting->value = g_steal_pointer(&value);
    return setting;
}

static gboolean is_blank(const char *line)
{
    return line[strspn(line, " \t\r\f\v")] == '\0';
}

/// Enough to find one's way in a file that is none.
#define PROBLEM_LIMIT 4

/// The settings before the first section, by key.
static GHashTable *read_settings(VmConfig *vm, const char *text)
{
    GHashTable *settings = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, setting_free);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL && lines[i][0] != '['; i++) {
        if (is_blank(lines[i]) || lines[i][0] == '#') {
            continue;
        }
        Setting *setting = parse_setting(lines[i], i + 1);
        if (setting != NULL) {
            g_hash_table_replace(settings, setting->key, setting);
        } else if (vm->problems->len < PROBLEM_LIMIT) {
            g_autofree char *escaped = text_show_start(g_strchomp(lines[i]), 40);
            add_problem(vm, VMCONFIG_UNREADABLE, i + 1, NULL,
                g_strdup_printf("'%s' is no 'key: value'", escaped));
        }
    }
    return settings;
}

/* What follows from several settings. */

/// `-smp` in `args` stands behind Proxmox's own and is merged into it, key by key: seen on
/// QEMU 7.2.
typedef struct {
    guint64 cpus, sockets, dies, clusters, modules, cores, threads, maxcpus;
} Smp;

static const struct {
    const char *key;
    gsize offset;
} smp_keys[] = {
    { "clusters", G_STRUCT_OFFSET(Smp, clusters) },
    { "cores", G_STRUCT_OFFSET(Smp, cores) },
    { "cpus", G_STRUCT_OFFSET(Smp, cpus) },
    { "dies", G_STRUCT_OFFSET(Smp, dies) },
    { "maxcpus", G_STRUCT_OFFSET(Smp, maxcpus) },
    { "modules", G_STRUCT_OFFSET(Smp, modules) },
    { "sockets", G_STRUCT_OFFSET(Smp, sockets) },
    { "threads", G_STRUCT_OFFSET(Smp, threads) },
};

static gboolean set_smp(Smp *smp, const char *key, const char *value)
{
    for (gsize i = 0; i < G_N_ELEMENTS(smp_keys); i++) {
        if (strcmp(smp_keys[i].key, key) == 0) {
            return parse_count(
                value, 1, VMCONFIG_VCPU_LIMIT, &G_STRUCT_MEMBER(guint64, smp, smp_keys[i].offset));
        }
    }
    return FALSE;
}

/// Only the first may be bare: it is `cpus`.
static gboolean overlay_smp(Smp *smp, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    Smp merged = *smp;

    for (guint i = 0; parts[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        guint length = g_strv_length(pair);
        gboolean bare = length == 1 && i == 0;

        if ((length != 2 && !bare) ||
            !set_smp(&merged, bare ? "cpus" : pair[0], bare ? pair[0] : pair[1])) {
            return FALSE;
        }
    }
    *smp = merged;
    return TRUE;
}

/// As PVE::Tools::split_args, to which `#` begins no comment. NULL: nothing.
static char **split_args(const char *args)
{
    g_autoptr(GString) text = g_string_new(args);
    char **argv = NULL;

    g_string_replace(text, " #", " \\#", 0);
    return g_shell_parse_argv(text->str, NULL, &argv, NULL) ? argv : NULL;
}

/// QEMU takes one dash or two.
static gboolean is_option(const char *argument, const char *name)
{
    return argument[0] == '-' && strcmp(argument + 1 + (argument[1] == '-'), name) == 0;
}

static void overlay_args(Reading *reading, Smp *smp)
{
    g_auto(GStrv) argv = reading->args != NULL ? split_args(reading->args->value) : NULL;

    for (guint i = 0; argv != NULL && argv[i] != NULL && argv[i + 1] != NULL; i++) {
        if (!is_option(argv[i], "smp")) {
            continue;
        }
        reading->smp = reading->args;
        if (!overlay_smp(smp, argv[i + 1])) {
            g_autofree char *shown = text_show_start(argv[i + 1], 60);
            add_problem(reading->vm, VMCONFIG_UNREADABLE, reading->args->line, reading->args,
                g_strdup_printf("args: '-smp %s' is not what QEMU takes", shown));
            return;
        }
    }
}

/// Proxmox's `-smp <vcpus>,sockets=…,cores=…,maxcpus=…` and what `args` makes of it. QEMU works out
/// the threads that nobody names (hw/core/machine-smp.c).
static gboolean derive_vcpus(Reading *reading)
{
    VmConfig *vm = reading->vm;
    guint64 most = (guint64)vm->sockets * vm->cores;
    Smp smp = { .cpus = reading->vcpus != 0 ? reading->vcpus : most,
        .sockets = vm->sockets,
        .dies = 1,
        .clusters = 1,
        .modules = 1,
        .cores = vm->cores,
        .maxcpus = most };

    /* So that what does not fit together leads to no more than its own finding. */
    vm->vcpus_most = (guint)MIN(most, VMCONFIG_VCPU_LIMIT);
    vm->vcpus_present = vm->vcpus_own = vm->vcpus_most;
    overlay_args(reading, &smp);
    guint64 cores = smp.dies * smp.clusters * smp.modules * smp.cores; // per socket
    guint64 whole = smp.sockets * cores;
    smp.threads = smp.threads != 0 ? smp.threads : smp.maxcpus / whole;
    if (MAX(most, smp.maxcpus) > VMCONFIG_VCPU_LIMIT || smp.cpus > smp.maxcpus) {
        const Setting *blamed = most > VMCONFIG_VCPU_LIMIT ? reading->count_setting
                                : reading->smp != NULL     ? reading->smp
                                                           : reading->vcpus_setting;
        add_problem(vm, VMCONFIG_UNREADABLE, blamed->line, blamed,
            g_strdup_printf("%" G_GUINT64_FORMAT " vCPUs, where the VM can have %" G_GUINT64_FORMAT
                            " and QEMU at most %d",
                smp.cpus, smp.maxcpus, VMCONFIG_VCPU_LIMIT));
        return FALSE;
    }
    if (whole > VMCONFIG_VCPU_LIMIT || whole * smp.threads != smp.maxcpus) {
        add_problem(vm, VMCONFIG_UNREADABLE, reading->args->line, reading->args,
            g_strdup_printf(
                "args: sockets, cores and threads of -smp do not multiply to %" G_GUINT64_FORMAT
                " vCPUs",
                smp.maxcpus));
        return FALSE;
    }
    vm->sockets = (guint)smp.sockets;
    vm->cores = (guint)cores;
    vm->threads = (guint)smp.threads;
    vm->vcpus_present = (guint)smp.cpus;
    vm->vcpus_most = (guint)smp.maxcpus;
    return TRUE;
}

static VmCell *cell_copy(const VmCell *cell)
{
    VmCell *copy = g_new(VmCell, 1);

    *copy = (VmCell){ .index = cell->index,
        .cpus = cell->cpus != NULL ? cpuset_copy(cell->cpus) : NULL,
        .hostnodes = cell->hostnodes != NULL ? cpuset_copy(cell->hostnodes) : NULL,
        .policy = g_strdup(cell->policy),
        .memory_mib = cell->memory_mib };
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
        cell->memory_mib = vm->memory_mib / sockets;
        g_ptr_array_add(vm->guest_cells, cell);
    }
}

static int compare_problems(gconstpointer a, gconstpointer b)
{
    const VmConfigProblem *first = *(VmConfigProblem *const *)a;
    const VmConfigProblem *second = *(VmConfigProblem *const *)b;

    return first->line < second->line ? -1 : first->line > second->line;
}

VmConfig *vmconfig_parse(const char *text, gsize length)
{
    const char *nul = memchr(text, '\0', length);
    if (nul != NULL) {
        return vmconfig_unreadable("the file holds NUL bytes: it is no text");
    }

    VmConfig *vm = vmconfig_new();
    Reading reading = { .vm = vm };
    g_autofree char *copy = g_strndup(text, length);
    g_autoptr(GHashTable) settings = read_settings(vm, copy);

    if (g_hash_table_size(settings) == 0) {
        vm->readable = FALSE;
        add_problem(vm, VMCONFIG_UNREADABLE, 0, NULL, g_strdup("the file holds no settings"));
    }
    take_settings(&reading, settings);

    guint sockets = vm->sockets, cores = vm->cores;
    if (derive_vcpus(&reading)) {
        derive_guest_cells(vm, sockets, cores);
    }
    g_ptr_array_sort(vm->problems, compare_problems);
    return vm;
}

/* `args`. */

/// As a shell reads it; PVE::Tools::split_args does likewise.
static void append_argument(GString *args, const char *argument)
{
    g_autofree char *quoted = text_quote(argument);

    g_string_append_printf(args, "%s%s", args->len > 0 ? " " : "", quoted);
}

gboolean vmconfig_has_smp(const VmConfig *vm)
{
    g_auto(GStrv) argv = vm->args != NULL ? split_args(vm->args) : NULL;

    for (guint i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (is_option(argv[i], "smp")) {
            return TRUE;
        }
    }
    return FALSE;
}

char *vmconfig_args_with_smp(const VmConfig *vm, const char *smp)
{
    g_auto(GStrv) argv = vm->args != NULL ? split_args(vm->args) : NULL;
    g_autoptr(GString) args = g_string_new(NULL);

    for (guint i = 0; argv != NULL && argv[i] != NULL; i++) {
        if (!is_option(argv[i], "smp")) {
            append_argument(args, argv[i]);
        } else if (argv[i + 1] != NULL) {
            i++;
        }
    }
    if (smp != NULL) {
        append_argument(args, "-smp");
        append_argument(args, smp);
    }
    return args->len > 0 ? g_string_free(g_steal_pointer(&args), FALSE) : NULL;
}

gboolean vmconfig_has_one_thread(const VmConfig *vm)
{
    g_auto(GStrv) argv = vm->args != NULL ? split_args(vm->args) : NULL;

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

void vmconfig_set_vcpus(VmConfig *vm, guint vcpus)
{
    vm->threads = vcpus % vm->threads == 0 ? vm->threads : 1;
    vm->sockets = 1;
    vm->cores = vcpus / vm->threads;
    vm->vcpus_present = vcpus;
    vm->vcpus_most = vcpus;
    vm->numa = FALSE;
    g_ptr_array_set_size(vm->cells, 0);
    g_ptr_array_set_size(vm->guest_cells, 0);
}

void vmconfig_bind(VmConfig *vm, const CpuSet *nodes)
{
    VmCell *cell = g_new0(VmCell, 1);

    cell->cpus = cpuset_new();
    hwloc_bitmap_set_range(cell->cpus, 0, (int)vm->vcpus_most - 1);
    cell->hostnodes = cpuset_copy(nodes);
    cell->policy = g_strdup("bind");
    cell->memory_mib = vm->memory_mib;
    vm->numa = TRUE;
    g_ptr_array_set_size(vm->cells, 0);
    g_ptr_array_set_size(vm->guest_cells, 0);
    g_ptr_array_add(vm->guest_cells, cell_copy(cell));
    g_ptr_array_add(vm->cells, cell);
}
