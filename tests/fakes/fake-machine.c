// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-machine.h"

static guint l3_kib(const FakeRow *row)
{
    return row->l3_kib > 0 ? row->l3_kib : 32768;
}

/// A core of a row: its CPUs and those of its L2.
typedef struct {
    const FakeRow *row;
    CpuSet *cpus;
    CpuSet *l2;
    CpuSet *l3;
} Core;

static void core_clear(gpointer data)
{
    Core *core = data;

    hwloc_bitmap_free(core->cpus);
    hwloc_bitmap_free(core->l2);
    hwloc_bitmap_free(core->l3);
}

static CpuSet *range(guint first, guint count)
{
    CpuSet *set = cpuset_new();

    hwloc_bitmap_set_range(set, first, (int)(first + count - 1));
    return set;
}

/// Those of the rows beside @row that are of its L3.
static CpuSet *cpus_of_l3(const FakeRow *rows, const FakeRow *row)
{
    CpuSet *cpus = cpuset_new();
    guint cpu = 0;

    for (; rows->cores > 0; cpu += rows->cores * rows->threads, rows++) {
        if (rows->l3 == row->l3) {
            hwloc_bitmap_set_range(cpus, cpu, (int)(cpu + rows->cores * rows->threads - 1));
        }
    }
    return cpus;
}

static GArray *list_cores(const FakeRow *rows)
{
    GArray *cores = g_array_new(FALSE, FALSE, sizeof(Core));
    guint cpu = 0;

    g_array_set_clear_func(cores, core_clear);
    for (const FakeRow *row = rows; row->cores > 0; row++) {
        guint first = cpu, l2_cpus = MAX(row->l2_cores, 1) * row->threads;
        for (guint i = 0; i < row->cores; i++, cpu += row->threads) {
            Core core = { .row = row,
                .cpus = range(cpu, row->threads),
                .l2 = range(first + (cpu - first) / l2_cpus * l2_cpus, l2_cpus),
                .l3 = cpus_of_l3(rows, row) };
            g_array_append_val(cores, core);
        }
    }
    return cores;
}

static CpuSet *all_cpus(const GArray *cores)
{
    CpuSet *all = cpuset_new();

    for (guint i = 0; i < cores->len; i++) {
        hwloc_bitmap_or(all, all, g_array_index(cores, Core, i).cpus);
    }
    return all;
}

static CpuSet *cpus_of_type(const GArray *cores, CoreType type)
{
    CpuSet *found = cpuset_new();

    for (guint i = 0; i < cores->len; i++) {
        const Core *core = &g_array_index(cores, Core, i);
        if (core->row->type == type) {
            hwloc_bitmap_or(found, found, core->cpus);
        }
    }
    return found;
}

/* As a root. */

static void write_cpu(FakeRoot *fake, guint cpu, const char *name, const char *format, ...)
    G_GNUC_PRINTF(4, 5);

static void write_cpu(FakeRoot *fake, guint cpu, const char *name, const char *format, ...)
{
    g_autofree char *path = g_strdup_printf("sys/devices/system/cpu/cpu%u/%s", cpu, name);
    va_list values;

    va_start(values, format);
    g_autofree char *text = g_strdup_vprintf(format, values);
    va_end(values);
    fake_root_write(fake, path, text);
}

static void write_cache(FakeRoot *fake, guint cpu, guint level, guint kib, const CpuSet *cpus)
{
    g_autofree char *directory = g_strdup_printf("cache/index%u", level);
    g_autofree char *levels = g_strconcat(directory, "/level", NULL);
    g_autofree char *types = g_strconcat(directory, "/type", NULL);
    g_autofree char *sizes = g_strconcat(directory, "/size", NULL);
    g_autofree char *maps = g_strconcat(directory, "/shared_cpu_map", NULL);

    write_cpu(fake, cpu, levels, "%u\n", level);
    write_cpu(fake, cpu, types, "Unified\n");
    write_cpu(fake, cpu, sizes, "%uK\n", kib);
    write_cpu(fake, cpu, maps, "%lx\n", hwloc_bitmap_to_ulong(cpus));
}

static void write_core(FakeRoot *fake, const Core *core, guint id, const CpuSet *all)
{
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, core->cpus) {
        write_cpu(fake, cpu, "topology/core_cpus", "%lx\n", hwloc_bitmap_to_ulong(core->cpus));
        write_cpu(fake, cpu, "topology/package_cpus", "%lx\n", hwloc_bitmap_to_ulong(all));
        write_cpu(fake, cpu, "topology/core_id", "%u\n", id);
        write_cpu(fake, cpu, "topology/physical_package_id", "0\n");
        write_cache(fake, cpu, 3, l3_kib(core->row), core->l3);
        if (core->row->l2_kib > 0) {
            write_cache(fake, cpu, 2, core->row->l2_kib, core->l2);
        }
        if (core->row->mhz > 0) {
            write_cpu(fake, cpu, "cpufreq/cpuinfo_max_freq", "%u000\n", core->row->mhz);
        }
    }
    hwloc_bitmap_foreach_end();
}

static void write_types(FakeRoot *fake, const GArray *cores)
{
    static const char *const pmus[] = {
        [CORE_LOW_POWER] = "lowpower", [CORE_EFFICIENCY] = "atom", [CORE_PERFORMANCE] = "core"
    };

    for (guint type = CORE_LOW_POWER; type <= CORE_PERFORMANCE; type++) {
        g_autoptr(CpuSet) cpus = cpus_of_type(cores, (CoreType)type);
        g_autofree char *path = g_strdup_printf("sys/devices/cpu_%s/cpus", pmus[type]);
        g_autofree char *list = cpuset_to_list(cpus);
        if (*list != '\0') {
            fake_root_write(fake, path, list);
        }
    }
}

static void write_all_cpus(FakeRoot *fake, const CpuSet *all)
{
    g_autofree char *list = cpuset_to_list(all);

    fake_root_write(fake, "sys/devices/system/cpu/online", list);
    fake_root_write(fake, "sys/devices/system/cpu/possible", list);
    fake_root_write(fake, "sys/devices/system/cpu/present", list);
}

FakeRoot *fake_machine_root(const FakeRow *rows)
{
    FakeRoot *fake = fake_root_new();
    g_autoptr(GArray) cores = list_cores(rows);
    g_autoptr(CpuSet) all = all_cpus(cores);

    for (guint i = 0; i < cores->len; i++) {
        write_core(fake, &g_array_index(cores, Core, i), i, all);
    }
    write_types(fake, cores);
    write_all_cpus(fake, all);
    return fake;
}

/* As XML. */

static guint objects; // that have a gp_index

static void add_object(GString *xml, const char *type, const CpuSet *cpus, const char *more)
{
    char *set = NULL;

    hwloc_bitmap_asprintf(&set, cpus);
    g_string_append_printf(xml,
        "<object type=\"%s\" cpuset=\"%s\" complete_cpuset=\"%s\" nodeset=\"0x1\" "
        "complete_nodeset=\"0x1\" gp_index=\"%u\"%s>",
        type, set, set, ++objects, more);
    free(set);
}

static void add_cache(GString *xml, guint level, guint kib, const CpuSet *cpus)
{
    g_autofree char *type = g_strdup_printf("L%uCache", level);
    g_autofree char *more = g_strdup_printf(" cache_size=\"%" G_GUINT64_FORMAT "\" depth=\"%u\" "
                                            "cache_linesize=\"64\" cache_associativity=\"8\" "
                                            "cache_type=\"0\"",
        (guint64)kib * 1024, level);

    add_object(xml, type, cpus, more);
}

static void add_core(GString *xml, const Core *core, guint id)
{
    g_autofree char *core_index = g_strdup_printf(" os_index=\"%u\"", id);
    unsigned cpu;

    add_object(xml, "Core", core->cpus, core_index);
    hwloc_bitmap_foreach_begin (cpu, core->cpus) {
        g_autoptr(CpuSet) one = range(cpu, 1);
        g_autofree char *index = g_strdup_printf(" os_index=\"%u\"", cpu);
        add_object(xml, "PU", one, index);
        g_string_append(xml, "</object>");
    }
    hwloc_bitmap_foreach_end();
    g_string_append(xml, "</object>");
}

static void add_cores(GString *xml, const GArray *cores)
{
    for (guint i = 0; i < cores->len; i++) {
        const Core *core = &g_array_index(cores, Core, i);
        gboolean has_l2 = core->row->l2_kib > 0;
        if (hwloc_bitmap_first(core->cpus) == hwloc_bitmap_first(core->l3)) {
            add_cache(xml, 3, l3_kib(core->row), core->l3);
        }
        if (has_l2 && hwloc_bitmap_first(core->cpus) == hwloc_bitmap_first(core->l2)) {
            add_cache(xml, 2, core->row->l2_kib, core->l2);
        }
        add_core(xml, core, i);
        if (has_l2 && hwloc_bitmap_last(core->cpus) == hwloc_bitmap_last(core->l2)) {
            g_string_append(xml, "</object>");
        }
        if (hwloc_bitmap_last(core->cpus) == hwloc_bitmap_last(core->l3)) {
            g_string_append(xml, "</object>");
        }
    }
}

/// Favoured cores are a kind of their own to hwloc.
static void add_kinds(GString *xml, const GArray *cores)
{
    static const char *const types[] = { [CORE_LOW_POWER] = "IntelLowPower",
        [CORE_EFFICIENCY] = "IntelAtom",
        [CORE_PERFORMANCE] = "IntelCore" };

    for (guint i = 0; i < cores->len; i++) {
        const Core *core = &g_array_index(cores, Core, i);
        char *set = NULL;
        hwloc_bitmap_asprintf(&set, core->cpus);
        g_string_append_printf(xml, "<cpukind cpuset=\"%s\">", set);
        free(set);
        if (core->row->mhz > 0) {
            g_string_append_printf(
                xml, "<info name=\"FrequencyMaxMHz\" value=\"%u\"/>", core->row->mhz);
        }
        if (core->row->type != CORE_ALIKE) {
            g_string_append_printf(
                xml, "<info name=\"CoreType\" value=\"%s\"/>", types[core->row->type]);
        }
        g_string_append(xml, "</cpukind>");
    }
}

char *fake_machine_xml(const FakeRow *rows)
{
    g_autoptr(GArray) cores = list_cores(rows);
    GString *xml = g_string_new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                                "<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
                                "<topology version=\"2.0\">\n");
    g_autoptr(CpuSet) all = all_cpus(cores);

    objects = 0;
    add_object(xml, "Machine", all,
        " os_index=\"0\" allowed_cpuset=\"0xffffffff\" "
        "allowed_nodeset=\"0x1\"");
    add_object(xml, "NUMANode", all, " os_index=\"0\" local_memory=\"1073741824\"");
    g_string_append(xml, "</object>");
    add_cores(xml, cores);
    g_string_append(xml, "</object>\n");
    add_kinds(xml, cores);
    g_string_append(xml, "\n</topology>\n");
    return g_string_free(xml, FALSE);
}
