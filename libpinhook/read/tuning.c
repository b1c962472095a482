// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/tuning.h"

#include <string.h>

#define SLICE "sys/fs/cgroup/system.slice"

static void frequency_free(gpointer data)
{
    TuningFrequency *frequency = data;

    g_free(frequency->governor);
    g_free(frequency->driver);
    g_free(frequency->preference);
    g_free(frequency);
}

void tuning_free(Tuning *tuning)
{
    if (tuning == NULL) {
        return;
    }
    hwloc_bitmap_free(tuning->irqbalance_banned);
    g_free(tuning->tuned_profile);
    hwloc_bitmap_free(tuning->new_interrupts.cpus);
    hwloc_bitmap_free(tuning->workqueues.cpus);
    hwloc_bitmap_free(tuning->watchdogs.cpus);
    g_ptr_array_unref(tuning->frequencies);
    g_array_unref(tuning->sleeps);
    g_free(tuning);
}

/// What a file says that gave no text: what it is about is off, if the file only is not in its
/// directory.
static TuningState state_without(const Root *root, const char *path, const char *directory)
{
    gboolean there = TRUE, could_be = FALSE;

    return root_look(root, path, &there, NULL) && !there &&
                   root_look(root, directory, &could_be, NULL) && could_be
               ? TUNING_OFF
               : TUNING_UNKNOWN;
}

/// The processes of @unit, one a line, in @pids; NULL: none.
static TuningState load_service(const Root *root, const char *unit, char **pids)
{
    g_autofree char *path = g_strdup_printf(SLICE "/%s.service/cgroup.procs", unit);
    g_autofree char *text = root_read_value(root, path);

    if (text == NULL) {
        return state_without(root, path, SLICE);
    }
    if (*text == '\0') {
        return TUNING_OFF;
    }
    *pids = g_steal_pointer(&text);
    return TUNING_ON;
}

/* irqbalance. */

/// One variable a line, as systemd's EnvironmentFile= has them; NULL: it cannot be read.
static char *read_environment(const Root *root, const char *pids)
{
    g_autofree char *path = g_strdup_printf(
        "proc/%" G_GUINT64_FORMAT "/environ", g_ascii_strtoull(pids, NULL, 10));
    gsize length = 0;
    char *text = root_read(root, path, &length, NULL);

    for (gsize i = 0; i < length; i++) {
        text[i] = text[i] != '\0' ? text[i] : '\n';
    }
    return text;
}

/// What @line gives the variable @name; NULL: nothing.
static char *find_assignment(char *line, const char *name)
{
    gsize length = strlen(name);
    char *at = g_strstrip(line);

    if (strncmp(at, name, length) != 0 || at[length] != '=') {
        return NULL;
    }
    at += length + 1;
    gsize rest = strlen(at);
    if (rest >= 2 && (*at == '"' || *at == '\'') && at[rest - 1] == *at) {
        at[rest - 1] = '\0';
        at++;
    }
    return at;
}

/// The last value of @name that is not taken back; NULL: none.
static char *find_variable(const char *text, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    const char *value = "";

    for (guint i = 0; lines[i] != NULL; i++) {
        const char *found = find_assignment(lines[i], name);
        value = found != NULL ? found : value;
    }
    return *value != '\0' ? g_strdup(value) : NULL;
}

static void parse_banned(Tuning *tuning, const char *environment)
{
    g_autofree char *mask = find_variable(environment, "IRQBALANCE_BANNED_CPUS");
    g_autofree char *list = find_variable(environment, "IRQBALANCE_BANNED_CPULIST");

    if (mask != NULL) {
        tuning->irqbalance_banned = cpuset_parse_mask(mask);
    } else if (list != NULL) {
        tuning->irqbalance_banned = cpuset_parse_list(list, ',', NULL);
    }
    tuning->irqbalance_banned_known = tuning->irqbalance_banned != NULL ||
                                      (mask == NULL && list == NULL);
}

static void load_irqbalance(Tuning *tuning, const Root *root)
{
    static const char file[] = "etc/default/irqbalance";
    g_autofree char *pids = NULL;

    tuning->irqbalance = load_service(root, "irqbalance", &pids);
    tuning->irqbalance_banned_known = TRUE;
    if (tuning->irqbalance != TUNING_ON) {
        return;
    }
    g_autofree char *environment = read_environment(root, pids);
    if (environment == NULL) {
        environment = root_read_value(root, file);
    }
    if (environment != NULL) {
        parse_banned(tuning, environment);
    } else {
        tuning->irqbalance_banned_known = !root_exists(root, file);
    }
}

CpuSet *tuning_irqbalance_spares(
    const Tuning *tuning, const CpuSet *isolated, const CpuSet *nohz_full)
{
    if (!tuning->irqbalance_banned_known) {
        return NULL;
    }
    return tuning->irqbalance_banned != NULL ? cpuset_copy(tuning->irqbalance_banned)
                                             : cpuset_or(isolated, nohz_full);
}

/* tuned. */

/// What profiles say of the scheduler plugin; NULL: nothing. What is read first stands: a profile
/// wins over those that it includes.
typedef struct {
    const Root *root;
    GHashTable *taken;   // files that were read
    gboolean incomplete; // a profile cannot be read
    char *isolated_cores;
    char *ps_blacklist;
    char *cgroup_ps_blacklist;
} Profiles;

/// An administrator's profile wins over the package's, and may include that by its own name: no
/// file is taken twice (tuned/profiles/locator.py, get_config). In `profiles` below since tuned
/// 2.24.
static char *read_profile(Profiles *profiles, const char *name)
{
    static const char *const directories[] = { "etc/tuned/profiles", "etc/tuned",
        "usr/lib/tuned/profiles", "usr/lib/tuned" };
    g_autofree char *base = g_path_get_basename(name);
    char *text = NULL;

    for (gsize i = 0; text == NULL && i < G_N_ELEMENTS(directories); i++) {
        char *path = g_strdup_printf("%s/%s/tuned.conf", directories[i], base);
        gboolean taken = g_hash_table_contains(profiles->taken, path);
        text = !taken ? root_read_value(profiles->root, path) : NULL;
        g_hash_table_add(profiles->taken, path);
    }
    return text;
}

static char **find_option(Profiles *profiles, const char *key)
{
    return strcmp(key, "isolated_cores") == 0        ? &profiles->isolated_cores
           : strcmp(key, "ps_blacklist") == 0        ? &profiles->ps_blacklist
           : strcmp(key, "cgroup_ps_blacklist") == 0 ? &profiles->cgroup_ps_blacklist
                                                     : NULL;
}

/// Takes the options out of @text; what it includes comes back, or NULL. A variable may have an
/// option's name, and an instance of the plugin any.
static char *take_options(Profiles *profiles, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    const char *section = "";
    char *include = NULL;

    for (guint i = 0; lines[i] != NULL; i++) {
        char *line = g_strstrip(lines[i]), *sign = strchr(line, '=');
        if (*line == '[') {
            section = line;
        } else if (sign != NULL && !g_str_has_prefix(section, "[variables]")) {
            *sign = '\0';
            g_strchomp(line);
            gboolean includes = g_str_has_prefix(section, "[main]") && strcmp(line, "include") == 0;
            char **option = includes ? &include : find_option(profiles, line);
            if (option != NULL && *option == NULL) {
                *option = g_strdup(g_strchug(sign + 1));
            }
        }
    }
    return include;
}

static void read_profiles(Profiles *profiles, const char *names)
{
    g_auto(GStrv) list = g_strsplit_set(names, " \t\n,;", -1);

    for (guint i = g_strv_length(list); i-- > 0;) {
        if (*list[i] == '\0') {
            continue;
        }
        g_autofree char *text = read_profile(profiles, list[i]);
        g_autofree char *include = text != NULL ? take_options(profiles, text) : NULL;
        profiles->incomplete |= text == NULL;
        if (include != NULL) {
            read_profiles(profiles, include);
        }
    }
}

/// @blacklist holds regular expressions parted by semicolons; NULL: none.
static gboolean is_listed(const char *blacklist, const char *text)
{
    g_autofree char *pattern = g_strdup(blacklist);

    return pattern != NULL && *pattern != '\0' &&
           g_regex_match_simple(g_strdelimit(pattern, ";", '|'), text, 0, 0);
}

static TuningState load_moves(const Root *root, const char *names)
{
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Profiles profiles = { .root = root, .taken = taken };

    read_profiles(&profiles, names);
    g_autofree char *isolated_cores = profiles.isolated_cores;
    g_autofree char *ps_blacklist = profiles.ps_blacklist;
    g_autofree char *cgroup_ps_blacklist = profiles.cgroup_ps_blacklist;
    if (isolated_cores == NULL) {
        return profiles.incomplete ? TUNING_UNKNOWN : TUNING_OFF;
    }
    return is_listed(ps_blacklist, "kvm") ||
                   is_listed(cgroup_ps_blacklist, "0::/qemu.slice/100.scope")
               ? TUNING_OFF
               : TUNING_ON;
}

static void load_tuned(Tuning *tuning, const Root *root)
{
    static const char file[] = "etc/tuned/active_profile";
    g_autofree char *pids = NULL;

    tuning->tuned = load_service(root, "tuned", &pids);
    tuning->tuned_own_directory = root_exists(root, "usr/lib/tuned/profiles")
                                      ? "/etc/tuned/profiles"
                                      : "/etc/tuned";
    tuning->tuned_profile = root_read_value(root, file);
    if (tuning->tuned_profile == NULL && !root_exists(root, file)) {
        tuning->tuned_profile = g_strdup("");
    }
    if (tuning->tuned != TUNING_ON) {
        tuning->tuned_moves_vms = tuning->tuned;
    } else if (tuning->tuned_profile == NULL) {
        tuning->tuned_moves_vms = TUNING_UNKNOWN;
    } else {
        tuning->tuned_moves_vms = load_moves(root, tuning->tuned_profile);
    }
}

/* The kernel. */

/// 1 and 2 are two kinds of it that may be in force together (Documentation/admin-guide/sysctl/
/// kernel.rst).
static TuningState load_numa_balancing(const Root *root)
{
    static const char file[] = "proc/sys/kernel/numa_balancing";
    g_autofree char *text = root_read_value(root, file);

    if (text == NULL) {
        return state_without(root, file, "proc/sys/kernel");
    }
    if (*text == '\0' || strspn(text, "0123456789") != strlen(text)) {
        return TUNING_UNKNOWN;
    }
    return g_ascii_strtoull(text, NULL, 10) != 0 ? TUNING_ON : TUNING_OFF;
}

/// Of the words in a file such as "always [madvise] never" the one in brackets. NULL: it cannot be
/// read, or has none.
static char *read_chosen(const Root *root, const char *path)
{
    g_autofree char *text = root_read_value(root, path);
    const char *open = text != NULL ? strchr(text, '[') : NULL;
    const char *close = open != NULL ? strchr(open, ']') : NULL;

    return close != NULL ? g_strndup(open + 1, (gsize)(close - open - 1)) : NULL;
}

/// 1 merges; 2 has taken apart what was merged (Documentation/admin-guide/mm/ksm.rst).
static TuningState load_ksm(const Root *root)
{
    static const char file[] = "sys/kernel/mm/ksm/run";
    g_autofree char *text = root_read_value(root, file);

    if (text == NULL) {
        return state_without(root, file, "sys/devices");
    }
    return strcmp(text, "1") == 0                             ? TUNING_ON
           : strcmp(text, "0") == 0 || strcmp(text, "2") == 0 ? TUNING_OFF
                                                              : TUNING_UNKNOWN;
}

/// Under `madvise` QEMU still asks for them for a guest's memory (qemu, system/physmem.c,
/// ram_block_add).
static TuningState load_huge_for_all(const Root *root)
{
    static const char file[] = "sys/kernel/mm/transparent_hugepage/enabled";
    g_autofree char *chosen = read_chosen(root, file);

    if (chosen == NULL) {
        return state_without(root, file, "sys/devices");
    }
    return strcmp(chosen, "always") == 0 ? TUNING_ON : TUNING_OFF;
}

/// The CPUs that a mask in a file names.
static TuningCpus load_mask(const Root *root, const char *file, const char *directory)
{
    g_autofree char *text = root_read_value(root, file);
    CpuSet *cpus = text != NULL ? cpuset_parse_mask(text) : NULL;

    if (text == NULL) {
        return (TuningCpus){ .state = state_without(root, file, directory) };
    }
    return (TuningCpus){ .state = cpus != NULL ? TUNING_ON : TUNING_UNKNOWN, .cpus = cpus };
}

/// `watchdog` is 0 where neither of the two runs (Documentation/admin-guide/sysctl/kernel.rst).
static TuningCpus load_watchdogs(const Root *root)
{
    static const char file[] = "proc/sys/kernel/watchdog";
    g_autofree char *runs = root_read_value(root, file);
    g_autofree char *list = root_read_value(root, "proc/sys/kernel/watchdog_cpumask");

    if (runs == NULL || strcmp(runs, "0") == 0) {
        return (TuningCpus){ .state = runs != NULL ? TUNING_OFF
                                                   : state_without(root, file, "proc/sys/kernel") };
    }
    CpuSet *cpus = list != NULL ? cpuset_parse_kernel(list, CPUSET_LIMIT, NULL) : NULL;
    return (TuningCpus){ .state = cpus != NULL ? TUNING_ON : TUNING_UNKNOWN, .cpus = cpus };
}

/// The one word in a file; NULL: it cannot be read, or holds something else.
static char *read_word(const Root *root, const char *directory, const char *file)
{
    g_autofree char *path = g_strdup_printf("%s/%s", directory, file);
    g_autofree char *text = root_read_value(root, path);

    return text != NULL && *text != '\0' && strpbrk(text, " \t\n") == NULL ? g_steal_pointer(&text)
                                                                           : NULL;
}

static GPtrArray *load_frequencies(const Root *root, const CpuSet *cpus)
{
    GPtrArray *frequencies = g_ptr_array_new_with_free_func(frequency_free);
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        g_autofree char *directory = g_strdup_printf("sys/devices/system/cpu/cpu%u/cpufreq", cpu);
        if (!root_exists(root, directory)) {
            continue;
        }
        TuningFrequency *frequency = g_new0(TuningFrequency, 1);
        frequency->cpu = cpu;
        frequency->governor = read_word(root, directory, "scaling_governor");
        if (g_strcmp0(frequency->governor, "powersave") == 0) {
            frequency->driver = read_word(root, directory, "scaling_driver");
            frequency->preference = read_word(root, directory, "energy_performance_preference");
        }
        g_ptr_array_add(frequencies, frequency);
    }
    hwloc_bitmap_foreach_end();
    return frequencies;
}

/// Under intel_cpufreq and acpi-cpufreq `powersave` is the lowest frequency, whatever is preferred.
static gboolean decides_itself(const char *driver)
{
    return g_strcmp0(driver, "intel_pstate") == 0 || g_strcmp0(driver, "amd-pstate-epp") == 0;
}

gboolean tuning_is_fast(const TuningFrequency *frequency)
{
    if (g_strcmp0(frequency->governor, "powersave") == 0) {
        return decides_itself(frequency->driver) &&
               (g_strcmp0(frequency->preference, "performance") == 0 ||
                   g_strcmp0(frequency->preference, "0") == 0);
    }
    return g_strcmp0(frequency->governor, "performance") == 0;
}

Tuning *tuning_load(const Root *root, const CpuSet *cpus)
{
    Tuning *tuning = g_new0(Tuning, 1);

    load_irqbalance(tuning, root);
    load_tuned(tuning, root);
    tuning->numa_balancing = load_numa_balancing(root);
    tuning->ksm = load_ksm(root);
    tuning->huge_for_all = load_huge_for_all(root);
    tuning->new_interrupts = load_mask(root, "proc/irq/default_smp_affinity", "proc");
    tuning->workqueues = load_mask(root, "sys/devices/virtual/workqueue/cpumask", "sys/devices");
    tuning->watchdogs = load_watchdogs(root);
    tuning->frequencies = load_frequencies(root, cpus);
    tuning->sleeps = idle_load(root, cpus);
    return tuning;
}
