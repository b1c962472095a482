// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/topology-xml.h"

#include "base/error.h"
#include "read/topology.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* hwloc knows of a dozen levels, and of groups. */
#define DEPTH 32

/* What is left out is remembered by GLib until it ends. */
#define DEPTH_LEFT_OUT 256

/* Distances are a square. */
#define DISTANCES 1024
#define MATRICES 16

/// A word of a set, 32 bits, is eleven bytes of its text.
#define SET_LENGTH (TOPOLOGY_CPUS / 32 * 11)

/* Objects. */

/// What may be in what: CPUs are leaves of the tree, and nodes hang on it.
typedef enum { MACHINE, INNER, CPU, MEMORY, NODE } Place;

#define CACHE(depth, type) " depth=\"" depth "\" cache_type=\"" type "\""

static const struct Type {
    const char *name;
    Place place;
    const char *attributes; // that hwloc wants beside the name; NULL: none
} types[] = {
    { "Machine", MACHINE },
    { "Package", INNER },
    { "Die", INNER },
    { "Group", INNER },
    { "L5Cache", INNER, CACHE("5", "0") },
    { "L4Cache", INNER, CACHE("4", "0") },
    { "L3Cache", INNER, CACHE("3", "0") },
    { "L2Cache", INNER, CACHE("2", "0") },
    { "L1Cache", INNER, CACHE("1", "1") },
    { "L3iCache", INNER, CACHE("3", "2") },
    { "L2iCache", INNER, CACHE("2", "2") },
    { "L1iCache", INNER, CACHE("1", "2") },
    { "Core", INNER },
    { "PU", CPU },
    { "MemCache", MEMORY },
    { "NUMANode", NODE },
};

/// They have neither CPUs nor nodes, nor has anything in them.
static const char *const devices[] = { "Bridge", "PCIDev", "OSDev", "Misc", NULL };

enum { CPUS, ALL_CPUS, NODES, ALL_NODES, SETS };

static const char *const set_names[SETS] = { "cpuset", "complete_cpuset", "nodeset",
    "complete_nodeset" };

enum { OS_INDEX, CACHE_SIZE, LOCAL_MEMORY, NUMBERS };

static const char *const number_names[NUMBERS] = { "os_index", "cache_size", "local_memory" };

typedef struct {
    const struct Type *type;
    CpuSet *sets[SETS];
    gboolean has_children;
    CpuSet *cpus, *nodes; // all that is in its children of the tree, and in those that hang on it
    int last;             // the first CPU of the last child of the tree; -1: there is none
} Object;

static void object_free(gpointer data)
{
    Object *object = data;

    for (guint i = 0; i < SETS; i++) {
        hwloc_bitmap_free(object->sets[i]);
    }
    hwloc_bitmap_free(object->cpus);
    hwloc_bitmap_free(object->nodes);
    g_free(object);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Object, object_free)

/* What is written. */

typedef struct {
    GMarkupParseContext *context;
    GString *text;
    guint left_out;  // elements around this one that are not written, and this one
    GPtrArray *open; // objects around this element, the machine first
    gboolean has_topology, has_machine;
    CpuSet *cpus, *nodes, *kinds; // of all PUs, of all nodes, of all kinds
    guint matrices;
    guint64 width;            // of a matrix
    GArray *indexes, *values; // of guint64
    GString *content;         // of an element
} Rewriting;

static void rewriting_init(Rewriting *rewriting)
{
    *rewriting = (Rewriting){ .text = g_string_new(NULL),
        .open = g_ptr_array_new_with_free_func(object_free),
        .cpus = cpuset_new(),
        .nodes = cpuset_new(),
        .kinds = cpuset_new(),
        .indexes = g_array_new(FALSE, FALSE, sizeof(guint64)),
        .values = g_array_new(FALSE, FALSE, sizeof(guint64)),
        .content = g_string_new(NULL) };
}

static void rewriting_clear(Rewriting *rewriting)
{
    g_string_free(rewriting->text, TRUE);
    g_ptr_array_unref(rewriting->open);
    hwloc_bitmap_free(rewriting->cpus);
    hwloc_bitmap_free(rewriting->nodes);
    hwloc_bitmap_free(rewriting->kinds);
    g_array_unref(rewriting->indexes);
    g_array_unref(rewriting->values);
    g_string_free(rewriting->content, TRUE);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rewriting, rewriting_clear)

static gboolean refuse(const Rewriting *rewriting, GError **error, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static gboolean refuse(const Rewriting *rewriting, GError **error, const char *format, ...)
{
    va_list arguments;
    int line, column;

    va_start(arguments, format);
    g_autofree char *reason = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_markup_parse_context_get_position(rewriting->context, &line, &column);
    /* GLib counts a newline to the line behind it. */
    line -= line > 1 && column == 1;
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
        "line %d: %s; one is made by: lstopo machine.xml", line, reason);
    return FALSE;
}

/// What hwloc's own parser takes for text, and writes.
static void append_escaped(GString *text, const char *value)
{
    for (const char *at = value; *at != '\0'; at++) {
        switch (*at) {
        case '&':
            g_string_append(text, "&amp;");
            break;
        case '<':
            g_string_append(text, "&lt;");
            break;
        case '>':
            g_string_append(text, "&gt;");
            break;
        case '"':
            g_string_append(text, "&quot;");
            break;
        default:
            g_string_append_c(text, *at);
        }
    }
}

static void append_text(GString *text, const char *name, const char *value)
{
    g_string_append_printf(text, " %s=\"", name);
    append_escaped(text, value);
    g_string_append_c(text, '"');
}

void topology_xml_append_set(GString *text, const char *name, const CpuSet *set)
{
    char *value = NULL;

    if (hwloc_bitmap_asprintf(&value, set) < 0) {
        g_error("out of memory");
    }
    append_text(text, name, value);
    free(value);
}

/* Attributes. */

typedef struct {
    const char **names, **values;
} Attributes;

/// The values of @names; NULL: it is not among the attributes. FALSE: one is twice among them.
static gboolean pick(
    const Attributes *attributes, const char *const *names, guint count, const char **values)
{
    memset(values, 0, count * sizeof(*values));
    for (guint i = 0; attributes->names[i] != NULL; i++) {
        for (guint j = 0; j < count; j++) {
            if (!g_str_equal(attributes->names[i], names[j])) {
                continue;
            }
            if (values[j] != NULL) {
                return FALSE;
            }
            values[j] = attributes->values[i];
        }
    }
    return TRUE;
}

static gboolean parse_number(const char *text, guint64 most, guint64 *number)
{
    return g_ascii_string_to_unsigned(text, 10, 0, most, number, NULL);
}

/// 32 numbers from @first on: "0x0000ffff", or "" for none.
static gboolean parse_word(const char *text, guint first, CpuSet *set)
{
    guint64 bits = 0;

    if (*text != '\0' && (!g_str_has_prefix(text, "0x") || !g_ascii_string_to_unsigned(text + 2, 16,
                                                               0, G_MAXUINT32, &bits, NULL))) {
        return FALSE;
    }
    for (guint i = 0; i < 32; i++) {
        if (bits & ((guint64)1 << i)) {
            hwloc_bitmap_set(set, first + i);
        }
    }
    return TRUE;
}

/// "0x00000003,,0x0000ffff": the last word is the first 32 numbers. NULL: it is none, or has too
/// much in it. (hwloc's own parser has an assertion on it.)
static CpuSet *parse_set(const char *text)
{
    g_autoptr(CpuSet) set = cpuset_new();
    gsize length = strnlen(text, SET_LENGTH + 1);

    if (length == 0 || length > SET_LENGTH || text[length - 1] == ',') {
        return NULL;
    }
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    guint count = g_strv_length(words);
    for (guint i = 0; i < count; i++) {
        if (count - i > TOPOLOGY_CPUS / 32 || !parse_word(words[i], (count - 1 - i) * 32, set)) {
            return NULL;
        }
    }
    return g_steal_pointer(&set);
}

/* An object. */

static Object *last_open(const Rewriting *rewriting)
{
    return rewriting->open->len > 0 ? rewriting->open->pdata[rewriting->open->len - 1] : NULL;
}

static const struct Type *find_type(const char *name)
{
    for (guint i = 0; name != NULL && i < G_N_ELEMENTS(types); i++) {
        if (g_str_equal(types[i].name, name)) {
            return &types[i];
        }
    }
    return NULL;
}

static gboolean read_sets(
    const Rewriting *rewriting, const Attributes *attributes, Object *object, GError **error)
{
    const char *values[SETS];

    if (!pick(attributes, set_names, SETS, values)) {
        return refuse(rewriting, error, "a %s has one of its sets twice", object->type->name);
    }
    for (guint i = 0; i < SETS; i++) {
        object->sets[i] = values[i] != NULL ? parse_set(values[i]) : NULL;
        if (object->sets[i] == NULL) {
            return refuse(rewriting, error, "a %s %s %s", object->type->name,
                values[i] == NULL ? "lacks its" : "has an impossible", set_names[i]);
        }
    }
    return TRUE;
}

static gboolean may_be_in(Place child, Place parent)
{
    switch (parent) {
    case MACHINE:
    case INNER:
        return child != MACHINE;
    case CPU:
    case MEMORY:
        return child == MEMORY || child == NODE;
    default:
        return FALSE;
    }
}

static gboolean is_of_tree(const Object *object)
{
    return object->type->place <= CPU;
}

/// What no sibling of its sort has.
static const CpuSet *own_set(const Object *object)
{
    return object->sets[is_of_tree(object) ? ALL_CPUS : ALL_NODES];
}

/// Those of all its siblings of its sort.
static CpuSet *taken_set(const Object *object, const Object *parent)
{
    return is_of_tree(object) ? parent->cpus : parent->nodes;
}

static gboolean fits_into(const Object *object, const Object *parent)
{
    for (guint i = 0; i < SETS; i++) {
        if (!hwloc_bitmap_isincluded(object->sets[i], parent->sets[i])) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_sets(const Rewriting *rewriting, const Object *object, GError **error)
{
    const char *name = object->type->name;

    if (!hwloc_bitmap_isincluded(object->sets[CPUS], object->sets[ALL_CPUS]) ||
        !hwloc_bitmap_isincluded(object->sets[NODES], object->sets[ALL_NODES])) {
        return refuse(rewriting, error, "the complete sets of a %s are not complete", name);
    }
    if (hwloc_bitmap_iszero(own_set(object))) {
        return refuse(rewriting, error, "there is nothing in a %s", name);
    }
    return TRUE;
}

static gboolean check_in(
    const Rewriting *rewriting, const Object *object, const Object *parent, GError **error)
{
    const char *name = object->type->name, *in = parent->type->name;

    if (!may_be_in(object->type->place, parent->type->place)) {
        return refuse(rewriting, error, "a %s is in a %s", name, in);
    }
    if (!fits_into(object, parent)) {
        return refuse(rewriting, error, "a %s has more than the %s that it is in", name, in);
    }
    if (hwloc_bitmap_intersects(own_set(object), taken_set(object, parent))) {
        return refuse(rewriting, error, "what is in a %s is also in another of its %s", name, in);
    }
    /* hwloc complains of another order on stderr. */
    if (is_of_tree(object) && hwloc_bitmap_first(own_set(object)) < parent->last) {
        return refuse(rewriting, error, "what is in a %s is out of order", in);
    }
    return TRUE;
}

/// Whether what has a number is just that number, in both sets from @which on, and the first one.
static gboolean is_itself(const Object *object, guint which, guint64 number, CpuSet *seen)
{
    const CpuSet *set = object->sets[which], *complete = object->sets[which + 1];

    if (number >= TOPOLOGY_CPUS || hwloc_bitmap_isset(seen, (unsigned)number)) {
        return FALSE;
    }
    hwloc_bitmap_set(seen, (unsigned)number);
    return hwloc_bitmap_first(set) == (int)number && hwloc_bitmap_weight(set) == 1 &&
           hwloc_bitmap_isequal(set, complete);
}

static gboolean check_number(
    const Rewriting *rewriting, const Object *object, guint64 number, GError **error)
{
    gboolean sound = object->type->place == CPU
                         ? is_itself(object, CPUS, number, rewriting->cpus)
                         : object->type->place != NODE ||
                               is_itself(object, NODES, number, rewriting->nodes);

    return sound || refuse(rewriting, error, "a %s has an impossible os_index, or sets of others",
                        object->type->name);
}

static void append_object(GString *text, const Object *object, const char *const *numbers)
{
    g_string_append(text, "<object");
    append_text(text, "type", object->type->name);
    g_string_append(text, object->type->attributes != NULL ? object->type->attributes : "");
    for (guint i = 0; i < SETS; i++) {
        topology_xml_append_set(text, set_names[i], object->sets[i]);
    }
    for (guint i = 0; i < NUMBERS; i++) {
        if (numbers[i] != NULL) {
            append_text(text, number_names[i], numbers[i]);
        }
    }
    g_string_append(text, ">\n");
}

/// Its numbers, as they are written, in @numbers; where it has none, NULL.
static gboolean read_numbers(const Rewriting *rewriting, const Attributes *attributes,
    const Object *object, const char **numbers, GError **error)
{
    guint64 os_index = G_MAXUINT64, number;

    if (!pick(attributes, number_names, NUMBERS, numbers)) {
        return refuse(rewriting, error, "a %s has a number twice", object->type->name);
    }
    for (guint i = 0; i < NUMBERS; i++) {
        if (numbers[i] != NULL &&
            !parse_number(numbers[i], i == OS_INDEX ? G_MAXUINT32 : G_MAXINT64, &number)) {
            return refuse(
                rewriting, error, "a %s has an impossible %s", object->type->name, number_names[i]);
        }
        os_index = i == OS_INDEX && numbers[i] != NULL ? number : os_index;
    }
    return check_number(rewriting, object, os_index, error);
}

static Object *new_object(const Rewriting *rewriting, const struct Type *type,
    const Attributes *attributes, GError **error)
{
    g_autoptr(Object) object = g_new0(Object, 1);

    object->type = type;
    object->cpus = cpuset_new();
    object->nodes = cpuset_new();
    object->last = -1;
    return read_sets(rewriting, attributes, object, error) && check_sets(rewriting, object, error)
               ? g_steal_pointer(&object)
               : NULL;
}

static void add_child(Object *parent, const Object *object)
{
    CpuSet *taken = taken_set(object, parent);

    hwloc_bitmap_or(taken, taken, own_set(object));
    parent->has_children = TRUE;
    if (is_of_tree(object)) {
        parent->last = hwloc_bitmap_first(own_set(object));
    }
}

/// A device is left out.
static const struct Type *read_type(
    Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    static const char *const name[] = { "type" };
    const char *value;
    gboolean once = pick(attributes, name, 1, &value);
    const struct Type *type = find_type(value);

    if (once && type == NULL && value != NULL && g_strv_contains(devices, value)) {
        rewriting->left_out = 1;
    } else if (!once || type == NULL) {
        refuse(rewriting, error, "an object of no type that hwloc 2 has");
    }
    return once ? type : NULL;
}

static gboolean open_object(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    Object *parent = last_open(rewriting);
    const struct Type *type = read_type(rewriting, attributes, error);
    const char *numbers[NUMBERS];

    if (type == NULL) {
        return rewriting->left_out > 0;
    }
    if (rewriting->open->len == DEPTH) {
        return refuse(rewriting, error, "more than %d objects in one another", DEPTH);
    }
    g_autoptr(Object) object = new_object(rewriting, type, attributes, error);
    if (object == NULL || (parent != NULL && !check_in(rewriting, object, parent, error)) ||
        !read_numbers(rewriting, attributes, object, numbers, error)) {
        return FALSE;
    }
    if (parent != NULL) {
        add_child(parent, object);
    }
    append_object(rewriting->text, object, numbers);
    g_ptr_array_add(rewriting->open, g_steal_pointer(&object));
    return TRUE;
}

static gboolean open_machine(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    gboolean first = !rewriting->has_machine;

    rewriting->has_machine = TRUE;
    if (!open_object(rewriting, attributes, error)) {
        return FALSE;
    }
    return (first && rewriting->left_out == 0 && last_open(rewriting)->type->place == MACHINE) ||
           refuse(rewriting, error, "not one Machine that all is in");
}

/// Of the whole machine: nothing is known of a CPU or a node that is no object.
static gboolean check_all(const Rewriting *rewriting, const Object *machine, GError **error)
{
    if (!hwloc_bitmap_isequal(rewriting->cpus, machine->sets[CPUS]) ||
        !hwloc_bitmap_isequal(rewriting->nodes, machine->sets[NODES]) ||
        hwloc_bitmap_iszero(rewriting->nodes)) {
        return refuse(rewriting, error, "not each CPU and each node is an object");
    }
    return TRUE;
}

static gboolean close_object(Rewriting *rewriting, GError **error)
{
    const Object *object = last_open(rewriting);

    if (object->type->place == MACHINE && !check_all(rewriting, object, error)) {
        return FALSE;
    }
    g_ptr_array_set_size(rewriting->open, (int)rewriting->open->len - 1);
    g_string_append(rewriting->text, "</object>\n");
    return TRUE;
}

/* What is said of an object or of a kind. */

static gboolean open_info(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    static const char *const names[] = { "name", "value" };
    const Object *object = last_open(rewriting);
    const char *values[2];

    /* hwloc wants it in front of what is in an object. */
    if (!pick(attributes, names, 2, values) || values[0] == NULL ||
        (object != NULL && object->has_children)) {
        return refuse(rewriting, error, "an <info> without name, or out of place");
    }
    g_string_append(rewriting->text, "<info");
    append_text(rewriting->text, "name", values[0]);
    append_text(rewriting->text, "value", values[1] != NULL ? values[1] : "");
    g_string_append(rewriting->text, "/>\n");
    return TRUE;
}

/* Kinds of CPUs. */

static gboolean open_kind(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    static const char *const names[] = { "cpuset", "forced_efficiency" };
    const char *values[2];
    guint64 number;
    gboolean once = pick(attributes, names, 2, values);
    g_autoptr(CpuSet) cpus = once && values[0] != NULL ? parse_set(values[0]) : NULL;
    gboolean is_forced = values[1] != NULL && !g_str_equal(values[1], "-1");

    if (cpus == NULL || hwloc_bitmap_iszero(cpus) ||
        hwloc_bitmap_intersects(cpus, rewriting->kinds) ||
        (is_forced && !parse_number(values[1], G_MAXUINT16, &number))) {
        return refuse(rewriting, error, "an impossible <cpukind>");
    }
    hwloc_bitmap_or(rewriting->kinds, rewriting->kinds, cpus);
    g_string_append(rewriting->text, "<cpukind");
    topology_xml_append_set(rewriting->text, "cpuset", cpus);
    if (is_forced) {
        append_text(rewriting->text, "forced_efficiency", values[1]);
    }
    g_string_append(rewriting->text, ">\n");
    return TRUE;
}

static gboolean close_kind(Rewriting *rewriting, GError **error)
{
    g_string_append(rewriting->text, "</cpukind>\n");
    return TRUE;
}

/* Distances: those between nodes. */

static gboolean open_distances(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    enum { TYPE, INDEXING, WIDTH, KIND, NAME, NAMES };
    static const char *const names[NAMES] = { "type", "indexing", "nbobjs", "kind", "name" };
    const char *values[NAMES];
    guint64 kind;

    if (!pick(attributes, names, NAMES, values)) {
        return refuse(rewriting, error, "distances have an attribute twice");
    }
    if (g_strcmp0(values[TYPE], "NUMANode") != 0 || g_strcmp0(values[INDEXING], "os") != 0 ||
        rewriting->matrices == MATRICES) {
        rewriting->left_out = 1;
        return TRUE;
    }
    if (values[WIDTH] == NULL || !parse_number(values[WIDTH], DISTANCES, &rewriting->width) ||
        values[KIND] == NULL || !parse_number(values[KIND], G_MAXUINT8, &kind) || kind == 0) {
        return refuse(rewriting, error, "distances between too many, or of no kind");
    }
    rewriting->matrices++;
    g_array_set_size(rewriting->indexes, 0);
    g_array_set_size(rewriting->values, 0);
    g_string_append(rewriting->text, "<distances2");
    for (guint i = 0; i < NAMES; i++) {
        if (values[i] != NULL) {
            append_text(rewriting->text, names[i], values[i]);
        }
    }
    g_string_append(rewriting->text, ">\n");
    return TRUE;
}

static gboolean begin_content(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    g_string_truncate(rewriting->content, 0);
    return TRUE;
}

/// Appends the numbers that the element has to @numbers.
static gboolean end_content(Rewriting *rewriting, GArray *numbers, GError **error)
{
    static const char blanks[] = " \t\r\n";
    char *at = rewriting->content->str;

    while (*(at += strspn(at, blanks)) != '\0') {
        char *end = at + strcspn(at, blanks);
        gboolean is_last = *end == '\0';
        guint64 number;
        *end = '\0';
        if (!parse_number(at, G_MAXUINT64, &number)) {
            return refuse(rewriting, error, "a distance is no number");
        }
        g_array_append_val(numbers, number);
        at = is_last ? end : end + 1;
    }
    return TRUE;
}

static gboolean end_indexes(Rewriting *rewriting, GError **error)
{
    return end_content(rewriting, rewriting->indexes, error);
}

static gboolean end_values(Rewriting *rewriting, GError **error)
{
    return end_content(rewriting, rewriting->values, error);
}

static gboolean are_nodes(const Rewriting *rewriting)
{
    g_autoptr(CpuSet) seen = cpuset_new();

    for (guint i = 0; i < rewriting->indexes->len; i++) {
        guint64 index = g_array_index(rewriting->indexes, guint64, i);
        if (index >= TOPOLOGY_CPUS || !hwloc_bitmap_isset(rewriting->nodes, (unsigned)index) ||
            hwloc_bitmap_isset(seen, (unsigned)index)) {
            return FALSE;
        }
        hwloc_bitmap_set(seen, (unsigned)index);
    }
    return TRUE;
}

static void append_numbers(GString *text, const char *name, const GArray *numbers)
{
    g_autoptr(GString) content = g_string_new(NULL);

    for (guint i = 0; i < numbers->len; i++) {
        g_string_append_printf(
            content, "%" G_GUINT64_FORMAT " ", g_array_index(numbers, guint64, i));
    }
    g_string_append_printf(text, "<%s length=\"%" G_GSIZE_FORMAT "\">%s</%s>\n", name, content->len,
        content->str, name);
}

static gboolean close_distances(Rewriting *rewriting, GError **error)
{
    guint64 width = rewriting->width;

    if (width == 0 || rewriting->indexes->len != width || rewriting->values->len != width * width ||
        !are_nodes(rewriting)) {
        return refuse(rewriting, error, "distances between other nodes than there are");
    }
    append_numbers(rewriting->text, "indexes", rewriting->indexes);
    append_numbers(rewriting->text, "u64values", rewriting->values);
    g_string_append(rewriting->text, "</distances2>\n");
    return TRUE;
}

/* The whole. */

/// hwloc 1 wrote no version, and 2 cannot read what 3 writes.
static gboolean refuse_version(const char *version, GError **error)
{
    g_autofree char *major = g_strndup(version, MIN(strspn(version, "0123456789"), 9));

    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
        "it is in the format of %s%s, not of hwloc 2; one is made by: lstopo %smachine.xml",
        *major != '\0' ? "hwloc " : "an unknown hwloc", major,
        g_str_equal(major, "1") ? "" : "--export-xml-flags v2 ");
    return FALSE;
}

static gboolean open_topology(Rewriting *rewriting, const Attributes *attributes, GError **error)
{
    static const char *const names[] = { "version" };
    const char *version;

    if (!pick(attributes, names, 1, &version) || rewriting->has_topology) {
        return refuse(rewriting, error, "more than one topology");
    }
    if (version == NULL || !g_str_has_prefix(version, "2.")) {
        return refuse_version(version != NULL ? version : "1", error);
    }
    rewriting->has_topology = TRUE;
    g_string_append(rewriting->text, "<topology version=\"2.0\">\n");
    return TRUE;
}

static gboolean close_topology(Rewriting *rewriting, GError **error)
{
    g_string_append(rewriting->text, "</topology>\n");
    return rewriting->has_machine || refuse(rewriting, error, "there is no machine in it");
}

/// What is not in this table is left out, with all that is in it.
static const struct Element {
    const char *name, *in;
    gboolean (*open)(Rewriting *rewriting, const Attributes *attributes, GError **error);
    gboolean (*close)(Rewriting *rewriting, GError **error); // NULL: nothing is to be done
} elements[] = {
    { "topology", NULL, open_topology, close_topology },
    { "object", "topology", open_machine, close_object },
    { "object", "object", open_object, close_object },
    { "info", "object", open_info, NULL },
    { "cpukind", "topology", open_kind, close_kind },
    { "info", "cpukind", open_info, NULL },
    { "distances2", "topology", open_distances, close_distances },
    { "indexes", "distances2", begin_content, end_indexes },
    { "u64values", "distances2", begin_content, end_values },
};

/// The one that @context is in.
static const struct Element *find_element(GMarkupParseContext *context)
{
    const GSList *stack = g_markup_parse_context_get_element_stack(context);
    const char *in = stack->next != NULL ? stack->next->data : NULL;

    for (guint i = 0; i < G_N_ELEMENTS(elements); i++) {
        if (g_str_equal(elements[i].name, stack->data) && g_strcmp0(elements[i].in, in) == 0) {
            return &elements[i];
        }
    }
    return NULL;
}

static void start_element(GMarkupParseContext *context, const char *name, const char **names,
    const char **values, gpointer data, GError **error)
{
    Rewriting *rewriting = data;
    const struct Element *element = rewriting->left_out == 0 ? find_element(context) : NULL;

    if (element != NULL) {
        element->open(rewriting, &(Attributes){ names, values }, error);
    } else if (++rewriting->left_out > DEPTH_LEFT_OUT) {
        refuse(rewriting, error, "more than %d elements in one another", DEPTH_LEFT_OUT);
    }
}

static void end_element(
    GMarkupParseContext *context, const char *name, gpointer data, GError **error)
{
    Rewriting *rewriting = data;
    const struct Element *element = rewriting->left_out == 0 ? find_element(context) : NULL;

    if (element == NULL) {
        rewriting->left_out--;
    } else if (element->close != NULL) {
        element->close(rewriting, error);
    }
}

static void add_text(
    GMarkupParseContext *context, const char *text, gsize length, gpointer data, GError **error)
{
    Rewriting *rewriting = data;

    if (rewriting->left_out == 0) {
        g_string_append_len(rewriting->content, text, (gssize)length);
    }
}

static const GMarkupParser parser = {
    .start_element = start_element, .end_element = end_element, .text = add_text
};

static gboolean rewrite(Rewriting *rewriting, const char *xml, gsize length, GError **error)
{
    g_autoptr(GError) failed = NULL;

    if (memchr(xml, '\0', length) == NULL &&
        g_markup_parse_context_parse(rewriting->context, xml, (gssize)length, &failed) &&
        g_markup_parse_context_end_parse(rewriting->context, &failed)) {
        return rewriting->has_topology || refuse(rewriting, error, "there is no topology in it");
    }
    /* GLib's own messages quote the file. */
    if (failed != NULL && failed->domain == PINHOOK_ERROR) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    return refuse(rewriting, error, "no well-formed XML");
}

char *topology_xml_rewrite(const char *xml, gsize length, GError **error)
{
    g_auto(Rewriting) rewriting;

    rewriting_init(&rewriting);
    g_autoptr(GMarkupParseContext)
        context = g_markup_parse_context_new(&parser, 0, &rewriting, NULL);
    rewriting.context = context;
    return rewrite(&rewriting, xml, length, error) ? g_strdup(rewriting.text->str) : NULL;
}
