// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/description.h"

#include "base/error.h"
#include "base/text.h"
#include "read/topology-xml.h"

#include <string.h>

/// There is no such CPU.
#define NONE (-1)

/// Of a core; what hwloc calls it.
typedef struct {
    const char *mark, *type;
    gboolean has_siblings;
} Kind;

static const Kind known_kinds[] = { { "P", "IntelCore", TRUE }, { "E", "IntelAtom", FALSE },
    { "LP-E", "IntelLowPower", FALSE } };

struct Description {
    HwlocTopology *text;
    GArray *numbers; // int, of each PU of the text by its place; NONE: it is not there
    GArray *kinds;   // const Kind *, of each core by its place; empty: nothing is said
    GArray *sizes;   // guint64, in bytes, of each last-level cache by its place; likewise
    gboolean split;
    CpuSet *offline;
};

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean refuse(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID, reason);
    return FALSE;
}

static gboolean refuse_word(GError **error, const char *word, const char *want)
{
    g_autofree char *shown = text_show_start(word, 60);

    return refuse(error, "'%s' is no %s", shown, want);
}

/* What hwloc makes of the text. */

static guint count(const Description *description, hwloc_obj_type_t type)
{
    return (guint)hwloc_get_nbobjs_by_type(description->text, type);
}

static hwloc_obj_t pu_at(const Description *description, guint place)
{
    return hwloc_get_obj_by_type(description->text, HWLOC_OBJ_PU, place);
}

/// NULL: the text has no cores.
static hwloc_obj_t core_of(const Description *description, hwloc_obj_t pu)
{
    return hwloc_get_ancestor_obj_by_type(description->text, HWLOC_OBJ_CORE, pu);
}

/// Which sibling of its core it is, from 0 on.
static guint thread_of(const Description *description, hwloc_obj_t pu)
{
    hwloc_obj_t core = core_of(description, pu), first = core != NULL ? core : pu;

    while (first->first_child != NULL) {
        first = first->first_child;
    }
    return pu->logical_index - first->logical_index;
}

static gboolean is_last_level(hwloc_obj_t object)
{
    gboolean last = hwloc_obj_type_is_dcache(object->type);

    for (hwloc_obj_t at = object->parent; at != NULL; at = at->parent) {
        last &= !hwloc_obj_type_is_dcache(at->type);
    }
    return last;
}

static guint count_llcs(hwloc_obj_t object)
{
    guint llcs = is_last_level(object);

    for (guint i = 0; i < object->arity; i++) {
        llcs += count_llcs(object->children[i]);
    }
    return llcs;
}

/* Numbers. */

static const Kind *kind_of(const Description *description, hwloc_obj_t pu)
{
    return description->kinds->len > 0 ? g_array_index(description->kinds, const Kind *,
                                             core_of(description, pu)->logical_index)
                                       : NULL;
}

static gboolean is_there(const Description *description, hwloc_obj_t pu)
{
    const Kind *kind = kind_of(description, pu);

    return kind == NULL || kind->has_siblings || thread_of(description, pu) == 0;
}

/// What comes before what: by the text's own number, or by the thread and then the core.
static guint64 rank_of(const Description *description, hwloc_obj_t pu)
{
    return description->split ? ((guint64)thread_of(description, pu) << 32) | pu->logical_index
                              : pu->os_index;
}

typedef struct {
    guint64 rank;
    guint place;
} Ranked;

static int compare_ranks(gconstpointer a, gconstpointer b)
{
    const Ranked *first = a, *second = b;

    return first->rank < second->rank ? -1 : first->rank > second->rank;
}

static GArray *rank_all(const Description *description)
{
    GArray *ranked = g_array_new(FALSE, FALSE, sizeof(Ranked));

    for (guint i = 0; i < count(description, HWLOC_OBJ_PU); i++) {
        hwloc_obj_t pu = pu_at(description, i);
        Ranked one = { rank_of(description, pu), i };
        if (is_there(description, pu)) {
            g_array_append_val(ranked, one);
        }
    }
    g_array_sort(ranked, compare_ranks);
    return ranked;
}

static void number_all(Description *description)
{
    g_autoptr(GArray) ranked = rank_all(description);
    guint all = count(description, HWLOC_OBJ_PU);
    gboolean as_it_is = ranked->len == all && !description->split;

    g_array_set_size(description->numbers, all);
    for (guint i = 0; i < all; i++) {
        g_array_index(description->numbers, int, i) = NONE;
    }
    for (guint i = 0; i < ranked->len; i++) {
        const Ranked *one = &g_array_index(ranked, Ranked, i);
        g_array_index(description->numbers, int, one->place) = (int)(as_it_is ? one->rank : i);
    }
}

static int number_of(const Description *description, hwloc_obj_t pu)
{
    return g_array_index(description->numbers, int, pu->logical_index);
}

/* What is said. */

Description *description_new(const char *text, GError **error)
{
    HwlocTopology *topology = topology_describe(text, error);
    if (topology == NULL) {
        return NULL;
    }
    Description *description = g_new0(Description, 1);
    *description = (Description){ .text = topology,
        .numbers = g_array_new(FALSE, FALSE, sizeof(int)),
        .kinds = g_array_new(FALSE, FALSE, sizeof(const Kind *)),
        .sizes = g_array_new(FALSE, FALSE, sizeof(guint64)),
        .offline = cpuset_new() };
    number_all(description);
    return description;
}

void description_free(Description *description)
{
    if (description == NULL) {
        return;
    }
    hwloc_topology_destroy(description->text);
    g_array_unref(description->numbers);
    g_array_unref(description->kinds);
    g_array_unref(description->sizes);
    hwloc_bitmap_free(description->offline);
    g_free(description);
}

/// "8P": the kind and how many cores; NULL: it is none.
static const Kind *parse_kind(const char *word, guint64 *cores)
{
    gsize digits = strspn(word, "0123456789");
    g_autofree char *number = g_strndup(word, digits);

    for (guint i = 0; i < G_N_ELEMENTS(known_kinds); i++) {
        if (g_str_equal(word + digits, known_kinds[i].mark) &&
            g_ascii_string_to_unsigned(number, 10, 1, TOPOLOGY_CPUS, cores, NULL)) {
            return &known_kinds[i];
        }
    }
    return NULL;
}

static gboolean parse_kinds(const char *text, GArray *kinds, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, "+", -1);

    for (guint i = 0; words[i] != NULL; i++) {
        guint64 cores = 0;
        const Kind *kind = parse_kind(words[i], &cores);
        if (kind == NULL || kinds->len + cores > TOPOLOGY_CPUS) {
            return refuse_word(error, words[i], "number of cores such as 8P, 16E or 2LP-E");
        }
        for (guint64 core = 0; core < cores; core++) {
            g_array_append_val(kinds, kind);
        }
    }
    return kinds->len > 0 || refuse_word(error, text, "list such as 8P+16E");
}

gboolean description_set_kinds(Description *description, const char *text, GError **error)
{
    g_autoptr(GArray) kinds = g_array_new(FALSE, FALSE, sizeof(const Kind *));
    guint cores = count(description, HWLOC_OBJ_CORE);

    if (!parse_kinds(text, kinds, error)) {
        return FALSE;
    }
    if (kinds->len != cores) {
        return refuse(error, "it names %u cores, and the topology has %u", kinds->len, cores);
    }
    g_array_append_vals(description->kinds, kinds->data, kinds->len);
    number_all(description);
    return TRUE;
}

/// "96M" in bytes; FALSE: it is no size.
static gboolean parse_size(const char *word, guint64 *size)
{
    static const char units[] = "KMG";
    gsize digits = strspn(word, "0123456789");
    const char *unit = word[digits] != '\0' ? strchr(units, word[digits]) : NULL;
    g_autofree char *number = g_strndup(word, digits);

    if (unit == NULL || word[digits + 1] != '\0' ||
        !g_ascii_string_to_unsigned(number, 10, 1, 1 << 20, size, NULL)) {
        return FALSE;
    }
    *size <<= 10 * (unit - units + 1);
    return TRUE;
}

gboolean description_set_llc_sizes(Description *description, const char *text, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    guint said = g_strv_length(words);
    guint llcs = count_llcs(hwloc_get_root_obj(description->text));

    if (said != llcs) {
        return refuse(error, "it names %u, and the topology has %u last-level caches", said, llcs);
    }
    for (guint i = 0; i < said; i++) {
        guint64 size;
        if (!parse_size(words[i], &size)) {
            g_array_set_size(description->sizes, 0);
            return refuse_word(error, words[i], "size such as 96M");
        }
        g_array_append_val(description->sizes, size);
    }
    return TRUE;
}

gboolean description_set_siblings(Description *description, const char *how, GError **error)
{
    if (!g_str_equal(how, "split")) {
        g_autofree char *shown = text_show_start(how, 60);
        return refuse(error, "'%s' is not 'split'", shown);
    }
    description->split = TRUE;
    number_all(description);
    return TRUE;
}

CpuSet *description_cpus(const Description *description)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < description->numbers->len; i++) {
        int number = g_array_index(description->numbers, int, i);
        if (number != NONE) {
            hwloc_bitmap_set(cpus, (unsigned)number);
        }
    }
    return cpus;
}

gboolean description_set_offline(Description *description, const CpuSet *cpus, GError **error)
{
    g_autoptr(CpuSet) all = description_cpus(description);

    if (hwloc_bitmap_isincluded(all, cpus)) {
        return refuse(error, "no CPU is left");
    }
    hwloc_bitmap_copy(description->offline, cpus);
    return TRUE;
}

/* The whole, as a file says it. */

typedef struct {
    const Description *description;
    GString *text;
    guint llcs; // so far
} Writing;

static void collect(const Description *description, hwloc_obj_t object, CpuSet *cpus)
{
    if (object->type == HWLOC_OBJ_PU && number_of(description, object) != NONE) {
        hwloc_bitmap_set(cpus, (unsigned)number_of(description, object));
    }
    for (guint i = 0; i < object->arity; i++) {
        collect(description, object->children[i], cpus);
    }
}

/// With those that are offline; of memory those that it hangs on.
static CpuSet *all_cpus_of(const Description *description, hwloc_obj_t object)
{
    CpuSet *cpus = cpuset_new();

    while (hwloc_obj_type_is_memory(object->type)) {
        object = object->parent;
    }
    collect(description, object, cpus);
    return cpus;
}

static void append_attributes(Writing *writing, hwloc_obj_t object)
{
    const Description *description = writing->description;
    g_autoptr(CpuSet) all = all_cpus_of(description, object);
    g_autoptr(CpuSet) cpus = cpuset_minus(all, description->offline);

    topology_xml_append_set(writing->text, "cpuset", cpus);
    topology_xml_append_set(writing->text, "complete_cpuset", all);
    topology_xml_append_set(writing->text, "nodeset", object->nodeset);
    topology_xml_append_set(writing->text, "complete_nodeset", object->nodeset);
    if (object->type == HWLOC_OBJ_PU) {
        g_string_append_printf(writing->text, " os_index=\"%d\"", number_of(description, object));
    } else if (object->os_index != HWLOC_UNKNOWN_INDEX) {
        g_string_append_printf(writing->text, " os_index=\"%u\"", object->os_index);
    }
    if (object->type == HWLOC_OBJ_NUMANODE) {
        g_string_append_printf(writing->text, " local_memory=\"%" G_GUINT64_FORMAT "\"",
            (guint64)object->attr->numanode.local_memory);
    }
}

static void append_size(Writing *writing, hwloc_obj_t cache)
{
    const GArray *sizes = writing->description->sizes;
    guint64 size = cache->attr->cache.size;

    if (sizes->len > 0 && is_last_level(cache)) {
        size = g_array_index(sizes, guint64, writing->llcs++);
    }
    g_string_append_printf(writing->text, " cache_size=\"%" G_GUINT64_FORMAT "\"", size);
}

static gboolean is_left_out(const Description *description, hwloc_obj_t object)
{
    return object->type == HWLOC_OBJ_PU &&
           (number_of(description, object) == NONE ||
               hwloc_bitmap_isset(description->offline, (unsigned)number_of(description, object)));
}

static void append_object(Writing *writing, hwloc_obj_t object)
{
    if (is_left_out(writing->description, object)) {
        return;
    }
    g_string_append_printf(
        writing->text, "<object type=\"%s\"", hwloc_obj_type_string(object->type));
    append_attributes(writing, object);
    if (hwloc_obj_type_is_cache(object->type)) {
        append_size(writing, object);
    }
    g_string_append(writing->text, ">\n");
    for (hwloc_obj_t at = object->memory_first_child; at != NULL; at = at->next_sibling) {
        append_object(writing, at);
    }
    for (hwloc_obj_t at = object->first_child; at != NULL; at = at->next_sibling) {
        append_object(writing, at);
    }
    g_string_append(writing->text, "</object>\n");
}

static void append_kind(Writing *writing, const Kind *kind)
{
    const Description *description = writing->description;
    g_autoptr(CpuSet) cpus = cpuset_new();

    for (guint i = 0; i < description->numbers->len; i++) {
        hwloc_obj_t pu = pu_at(description, i);
        if (kind_of(description, pu) == kind && number_of(description, pu) != NONE) {
            hwloc_bitmap_set(cpus, (unsigned)number_of(description, pu));
        }
    }
    if (!hwloc_bitmap_iszero(cpus)) {
        g_string_append(writing->text, "<cpukind");
        topology_xml_append_set(writing->text, "cpuset", cpus);
        g_string_append_printf(
            writing->text, "><info name=\"CoreType\" value=\"%s\"/></cpukind>\n", kind->type);
    }
}

HwlocTopology *description_topology(const Description *description, GError **error)
{
    g_autoptr(GString) text = g_string_new("<topology version=\"2.0\">\n");
    Writing writing = { .description = description, .text = text };

    append_object(&writing, hwloc_get_root_obj(description->text));
    for (guint i = 0; i < G_N_ELEMENTS(known_kinds); i++) {
        append_kind(&writing, &known_kinds[i]);
    }
    g_string_append(text, "</topology>\n");
    return topology_describe_xml(text->str, text->len, error);
}
