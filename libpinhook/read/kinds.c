// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/kinds.h"

#include <string.h>

/// What tells one core from another. 0: cannot be told, or does not count.
typedef struct {
    guint core; // place in what is asked of
    const CpuSet *cpus;
    CoreType type;
    guint threads;
    guint64 l2_kib;
    gboolean l2_shared;  // with other cores
    guint64 speed;       // MHz, or the kernel's capacity
    guint64 class_speed; // of the fastest that is like it in all of the above but speed
} Traits;

#define TRAITS(cores, i) (&g_array_index((cores), Traits, (i)))

/* What hwloc says. */

/// The value of an info of the kind that hwloc counts @cpus to, or NULL.
static const char *find_info(HwlocTopology *topology, const CpuSet *cpus, const char *name)
{
    struct hwloc_info_s *infos = NULL;
    unsigned count = 0;
    int kind = hwloc_cpukinds_get_by_cpuset(topology, cpus, 0);

    if (kind < 0 ||
        hwloc_cpukinds_get_info(topology, (unsigned)kind, NULL, NULL, &count, &infos, 0) < 0) {
        return NULL;
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            return infos[i].value;
        }
    }
    return NULL;
}

static CoreType find_type(HwlocTopology *topology, const CpuSet *cpus)
{
    static const char *const values[] = {
        [CORE_LOW_POWER] = "IntelLowPower",
        [CORE_EFFICIENCY] = "IntelAtom",
        [CORE_PERFORMANCE] = "IntelCore",
    };
    const char *value = find_info(topology, cpus, "CoreType");

    for (guint i = CORE_LOW_POWER; value != NULL && i < G_N_ELEMENTS(values); i++) {
        if (strcmp(values[i], value) == 0) {
            return (CoreType)i;
        }
    }
    return CORE_ALIKE;
}

static GArray *look_at_cores(HwlocTopology *topology, const GPtrArray *asked)
{
    GArray *cores = g_array_new(FALSE, FALSE, sizeof(Traits));

    for (guint i = 0; i < asked->len; i++) {
        const CpuSet *cpus = asked->pdata[i];
        hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(topology, (unsigned)hwloc_bitmap_first(cpus));
        hwloc_obj_t l2 = hwloc_get_ancestor_obj_by_type(topology, HWLOC_OBJ_L2CACHE, pu);
        Traits traits = {
            .core = i,
            .cpus = cpus,
            .type = find_type(topology, pu->cpuset),
            .threads = cpuset_count(cpus),
            .l2_kib = l2 != NULL ? l2->attr->cache.size / 1024 : 0,
            .l2_shared = l2 != NULL && !hwloc_bitmap_isincluded(l2->cpuset, cpus),
        };
        g_array_append_val(cores, traits);
    }
    return cores;
}

/* What the kernel says, whatever the hwloc: before 2.12 it knows nothing of cpu_lowpower. */

static void take_types(GArray *cores, const CpuSet *cpus, CoreType type)
{
    for (guint i = 0; i < cores->len; i++) {
        if (hwloc_bitmap_intersects(cpus, TRAITS(cores, i)->cpus)) {
            TRAITS(cores, i)->type = type;
        }
    }
}

static void take_types_of_kernel(GArray *cores, const Root *root)
{
    static const char *const paths[] = {
        [CORE_LOW_POWER] = "sys/devices/cpu_lowpower/cpus",
        [CORE_EFFICIENCY] = "sys/devices/cpu_atom/cpus",
        [CORE_PERFORMANCE] = "sys/devices/cpu_core/cpus",
    };

    for (guint i = CORE_LOW_POWER; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *text = root_read_value(root, paths[i]);
        g_autoptr(CpuSet) cpus = text != NULL ? cpuset_parse_kernel(text, CPUSET_LIMIT, NULL)
                                              : NULL;
        if (cpus != NULL) {
            take_types(cores, cpus, (CoreType)i);
        }
    }
}

/* What of it counts. */

/// Whether all have a type, or those that have none can only be low-power cores: who lacks the type
/// of performance cores may lack just that of a file that could not be read.
static gboolean has_types(const GArray *cores)
{
    gboolean all = TRUE, performance = FALSE;

    for (guint i = 0; i < cores->len; i++) {
        all &= TRAITS(cores, i)->type != CORE_ALIKE;
        performance |= TRAITS(cores, i)->type == CORE_PERFORMANCE;
    }
    return all || performance;
}

/// Where others have a type, a core without is of the one that hwloc had no name for.
static void keep_types(GArray *cores)
{
    for (guint i = 0; i < cores->len; i++) {
        Traits *traits = TRAITS(cores, i);
        CoreType type = traits->type != CORE_ALIKE ? traits->type : CORE_LOW_POWER;
        *traits = (Traits){ .core = traits->core, .cpus = traits->cpus, .type = type };
    }
}

static gboolean knows_all_l2(const GArray *cores)
{
    gboolean all = TRUE;

    for (guint i = 0; i < cores->len; i++) {
        all &= TRAITS(cores, i)->l2_kib > 0;
    }
    return all;
}

/// A core whose sibling is offline is as the others are, and so is an L2 that loses its cores.
static gboolean has_offline_cpus(HwlocTopology *topology)
{
    return !hwloc_bitmap_isequal(
        hwloc_topology_get_complete_cpuset(topology), hwloc_topology_get_topology_cpuset(topology));
}

static void keep_shapes(GArray *cores, gboolean counts)
{
    gboolean l2 = knows_all_l2(cores);

    for (guint i = 0; i < cores->len; i++) {
        Traits *traits = TRAITS(cores, i);
        traits->type = CORE_ALIKE;
        traits->threads = counts ? traits->threads : 0;
        traits->l2_kib = l2 ? traits->l2_kib : 0;
        traits->l2_shared = l2 && counts && traits->l2_shared;
    }
}

/// Whether all have a speed, which is in @info.
static gboolean look_at_speeds(GArray *cores, HwlocTopology *topology, const char *info)
{
    gboolean all = TRUE;

    for (guint i = 0; i < cores->len; i++) {
        hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(
            topology, (unsigned)hwloc_bitmap_first(TRAITS(cores, i)->cpus));
        const char *value = find_info(topology, pu->cpuset, info);
        TRAITS(cores, i)->speed = value != NULL ? g_ascii_strtoull(value, NULL, 10) : 0;
        all &= TRAITS(cores, i)->speed > 0;
    }
    return all;
}

static void forget_speeds(GArray *cores)
{
    for (guint i = 0; i < cores->len; i++) {
        TRAITS(cores, i)->speed = 0;
    }
}

/* Order. */

static int compare(guint64 a, guint64 b)
{
    return a < b ? -1 : a > b;
}

/// The more a core has the faster it is, but for an L2 that it shares.
static int compare_classes(gconstpointer a, gconstpointer b)
{
    const Traits *first = a, *second = b;
    int order = compare(first->type, second->type);

    order = order != 0 ? order : compare(first->class_speed, second->class_speed);
    order = order != 0 ? order : compare(first->threads, second->threads);
    order = order != 0 ? order : compare(second->l2_shared, first->l2_shared);
    return order != 0 ? order : compare(first->l2_kib, second->l2_kib);
}

static int compare_traits(gconstpointer a, gconstpointer b)
{
    int order = compare_classes(a, b);

    return order != 0 ? order : compare(((const Traits *)a)->speed, ((const Traits *)b)->speed);
}

/// The end of the class that begins at @start.
static guint class_end(const GArray *cores, guint start)
{
    guint end = start + 1;

    while (end < cores->len && compare_classes(TRAITS(cores, start), TRAITS(cores, end)) == 0) {
        end++;
    }
    return end;
}

/// By class, the slowest first, then by speed.
static void sort_cores(GArray *cores)
{
    g_array_sort(cores, compare_traits);
    for (guint start = 0, end; start < cores->len; start = end) {
        end = class_end(cores, start);
        for (guint i = start; i < end; i++) {
            TRAITS(cores, i)->class_speed = TRAITS(cores, end - 1)->speed;
        }
    }
    g_array_sort(cores, compare_traits);
}

/* Kinds. */

/// @slower and @faster follow each other in the order.
static gboolean is_other_kind(const Traits *slower, const Traits *faster)
{
    return compare_classes(slower, faster) != 0 || slower->speed * 10 < faster->speed * 9;
}

static guint count_classes(const GArray *cores)
{
    guint classes = 0;

    for (guint start = 0; start < cores->len; start = class_end(cores, start)) {
        classes++;
    }
    return classes;
}

/// Where shapes alone tell classes apart the fastest was made for performance.
static void take_types_of_shapes(GArray *cores)
{
    guint left = count_classes(cores);

    if (left < 2 || TRAITS(cores, 0)->type != CORE_ALIKE) {
        return;
    }
    for (guint start = 0, end; start < cores->len; start = end) {
        end = class_end(cores, start);
        left--;
        for (guint i = start; i < end; i++) {
            TRAITS(cores, i)->type = (CoreType)(CORE_PERFORMANCE - MIN(left, 2));
        }
    }
}

/// The types of the kinds that the sorted cores make.
static GArray *number_kinds(const GArray *cores, guint *kind_of)
{
    GArray *types = g_array_new(FALSE, FALSE, sizeof(CoreType));

    for (guint i = 0; i < cores->len; i++) {
        const Traits *traits = TRAITS(cores, i);
        if (i == 0 || is_other_kind(TRAITS(cores, i - 1), traits)) {
            g_array_append_val(types, traits->type);
        }
        kind_of[traits->core] = types->len - 1;
    }
    return types;
}

GArray *kinds_find(
    HwlocTopology *topology, const Root *root, const GPtrArray *asked, guint *kind_of)
{
    g_autoptr(GArray) cores = look_at_cores(topology, asked);

    if (root != NULL) {
        take_types_of_kernel(cores, root);
    }
    if (has_types(cores)) {
        keep_types(cores);
    } else {
        keep_shapes(cores, !has_offline_cpus(topology));
    }
    /* Where not all have a frequency the kernel's own measure, of ARM, is as good. */
    if (!look_at_speeds(cores, topology, "FrequencyMaxMHz") &&
        !look_at_speeds(cores, topology, "LinuxCapacity")) {
        forget_speeds(cores);
    }
    sort_cores(cores);
    take_types_of_shapes(cores);

    g_autoptr(GArray) types = number_kinds(cores, kind_of);
    return kinds_name((const CoreType *)types->data, types->len);
}

/* Names. */

/// Of cores that only their speed tells apart, and of one kind.
static const CoreKind speeds[] = {
    { "slow", "slow" },
    { "medium", "medium" },
    { "fast", "fast" },
    { "", "" },
};

/// Of each type, and of slower cores of that type.
static const CoreKind types_of[][2] = {
    [CORE_LOW_POWER] = { { "low-power", "LP-E" }, { "slower low-power", "LP-E" } },
    /* To Linux before 6.15 all of these are cpu_atom. */
    [CORE_EFFICIENCY] = { { "efficiency", "E" }, { "low-power", "LP-E" } },
    [CORE_PERFORMANCE] = { { "performance", "P" }, { "slower performance", "P" } },
};

static const CoreKind *name_kind(const CoreType *types, guint count, guint i)
{
    gboolean fastest = i + 1 == count;

    if (count == 1) {
        return &speeds[3];
    }
    if (types[i] == CORE_ALIKE) {
        return &speeds[fastest ? 2 : MIN(i, 1)];
    }
    return &types_of[types[i]][!fastest && types[i] == types[i + 1]];
}

GArray *kinds_name(const CoreType *types, guint count)
{
    GArray *kinds = g_array_new(FALSE, FALSE, sizeof(CoreKind));

    for (guint i = 0; i < count; i++) {
        g_array_append_vals(kinds, name_kind(types, count, i), 1);
    }
    return kinds;
}

static const char *lookup(const CoreKind *kinds, gsize count, const char *name)
{
    for (gsize i = 0; i < count; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return kinds[i].name;
        }
    }
    return NULL;
}

const char *kinds_lookup(const char *name)
{
    const char *found = lookup(speeds, G_N_ELEMENTS(speeds), name);

    for (guint i = CORE_LOW_POWER; found == NULL && i < G_N_ELEMENTS(types_of); i++) {
        found = lookup(types_of[i], G_N_ELEMENTS(types_of[i]), name);
    }
    return found != NULL ? found : "";
}
