// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/map.h"

#include "base/flow.h"

#include <string.h>

/// With more rows of cells than this a machine is drawn in strips.
#define MOST_ROWS_OF_CELLS 16

/// What a strip may take, so that the LLCs and CPUs before it fit too.
enum { STRIP_COLUMNS = 40, STRIP_CORES = 32, LIST_COLUMNS = 22 };

/// A map under way.
typedef struct {
    const Host *host;
    const Taken *taken;
    MapStyle style;
    gboolean shown[OCCUPANCY_COUNT];
} Map;

/// A line of the map: some cores of one node and one kind, in LLCs of one size.
typedef struct {
    guint node;
    char *llcs; // "LLC 0-3 P 36M"
    char *cpus; // "0-31,128-159"; of cells, which have their own, ""
    GString *body;
} Row;

static void row_free(gpointer data)
{
    Row *row = data;

    g_free(row->llcs);
    g_free(row->cpus);
    g_string_free(row->body, TRUE);
    g_free(row);
}

/* Marks. */

static const struct {
    char mark;
    const char *colour; // as of SGR
    const char *means;
} marks[OCCUPANCY_COUNT] = {
    [OCCUPANCY_HOUSEKEEPING] = { '.', "2", "housekeeping" },
    [OCCUPANCY_FREE] = { '-', "32", "isolated and free" },
    [OCCUPANCY_EXPOSED] = { '!', "1;31", "isolated, but a sibling is not" },
    [OCCUPANCY_VM] = { 0 },
    [OCCUPANCY_CONTAINER] = { 'c', "37", "container" },
    [OCCUPANCY_SEVERAL] = { '*', "1;31", "held by several" },
    [OCCUPANCY_ELSEWHERE] = { 'x', "2", "in a cgroup partition without VMs" },
};

/// Of VMs; without the marks above. VMs beyond them share MANY.
static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghijklmnopqrstuvwyz0123456789";
#define MANY '+'

static const char *const vm_colours[] = { "36", "33", "35", "94", "96", "93", "95", "34" };

static char mark_of(const Taken *taken, Occupancy occupancy)
{
    if (occupancy.kind != OCCUPANCY_VM) {
        return marks[occupancy.kind].mark;
    }
    guint rank = occupancy_rank(taken, occupancy.holder);
    return rank < strlen(letters) ? letters[rank] : MANY;
}

static const char *colour_of(const Taken *taken, Occupancy occupancy)
{
    return occupancy.kind == OCCUPANCY_VM
               ? vm_colours[occupancy_rank(taken, occupancy.holder) % G_N_ELEMENTS(vm_colours)]
               : marks[occupancy.kind].colour;
}

/// Appends @text in the colour of what is used so.
static void paint(const Map *map, GString *out, Occupancy occupancy, const char *text)
{
    if (map->style == MAP_COLOURED) {
        g_string_append_printf(out, "\033[%sm%s\033[0m", colour_of(map->taken, occupancy), text);
    } else {
        g_string_append(out, text);
    }
}

/* Cores. */

static const HostCore *core_at(const Map *map, guint place)
{
    return map->host->cores->pdata[place];
}

static Occupancy use_core(Map *map, guint place)
{
    Occupancy occupancy = occupancy_of(map->host, map->taken, core_at(map, place)->cpus);

    map->shown[occupancy.kind] = TRUE;
    return occupancy;
}

/// A list that is too long for the map loses its middle: "0,2,...,126".
static char *short_list(const CpuSet *cpus)
{
    char *list = cpuset_to_list(cpus);

    if (strlen(list) <= LIST_COLUMNS) {
        return list;
    }
    g_free(list);
    int first = hwloc_bitmap_first(cpus);
    return g_strdup_printf(
        "%d,%d,...,%d", first, hwloc_bitmap_next(cpus, first), hwloc_bitmap_last(cpus));
}

/// " P 36M": the kind of the core, and the size of its LLC.
static char *traits_label(const Map *map, const HostCore *core)
{
    const CoreKind *kind = host_kind(map->host, core->kind);
    guint64 kib = host_llc(map->host, core->llc)->size_kib;
    g_autofree char *size = kib == 0 ? g_strdup("")
                            : kib % 1024 == 0
                                ? g_strdup_printf(" %" G_GUINT64_FORMAT "M", kib / 1024)
                                : g_strdup_printf(" %" G_GUINT64_FORMAT "K", kib);

    return g_strconcat(*kind->mark != '\0' ? " " : "", kind->mark, size, NULL);
}

static char *llcs_label(const Map *map, const HostCore *first, const HostCore *last)
{
    g_autofree char *traits = traits_label(map, first);

    return first->llc == last->llc ? g_strdup_printf("LLC %u%s", first->llc, traits)
                                   : g_strdup_printf("LLC %u-%u%s", first->llc, last->llc, traits);
}

/// Whether the core at @place has its LLC for itself on its node.
static gboolean has_own_llc(const Map *map, guint place)
{
    const HostCore *core = core_at(map, place);
    const HostCore *before = place > 0 ? core_at(map, place - 1) : NULL;
    const HostCore *after = place + 1 < map->host->cores->len ? core_at(map, place + 1) : NULL;

    return (before == NULL || before->llc != core->llc || before->node != core->node) &&
           (after == NULL || after->llc != core->llc || after->node != core->node);
}

/// Whether their LLCs are of one size, too.
static gboolean is_same_kind(const Map *map, const HostCore *a, const HostCore *b)
{
    return a->node == b->node && a->kind == b->kind &&
           host_llc(map->host, a->llc)->size_kib == host_llc(map->host, b->llc)->size_kib;
}

static gboolean is_same_llc(const Map *map, const HostCore *a, const HostCore *b)
{
    return is_same_kind(map, a, b) && a->llc == b->llc;
}

/// Where the cores of the LLC end that the core at @first begins.
static guint end_of_llc(const Map *map, guint first)
{
    guint end = first + 1;

    while (
        end < map->host->cores->len && is_same_llc(map, core_at(map, first), core_at(map, end))) {
        end++;
    }
    return end;
}

/* Cells: "0,8 A". */

/// Where the cores end that may stand in rows together with the one at @first: those of its LLC;
/// where each core has its own, as many virtual machines say, all of these.
static guint end_of_section(const Map *map, guint first)
{
    guint end = end_of_llc(map, first);

    while (has_own_llc(map, first) && end < map->host->cores->len && has_own_llc(map, end) &&
           is_same_kind(map, core_at(map, first), core_at(map, end))) {
        end++;
    }
    return end;
}

static guint widest_list(const Map *map)
{
    gsize width = 0;

    for (guint i = 0; i < map->host->cores->len; i++) {
        g_autofree char *list = short_list(core_at(map, i)->cpus);
        width = MAX(width, strlen(list));
    }
    return (guint)width;
}

/// What stands before the cells of a row, at most.
static guint widest_label(const Map *map)
{
    guint last = MAX(map->host->llcs->len, 1) - 1;
    g_autofree char *label = last > 0 ? g_strdup_printf("  LLC %u-%u  ", last, last)
                                      : g_strdup("  LLC 0  ");
    gsize width = 0;

    for (guint i = 0; i < map->host->cores->len; i++) {
        g_autofree char *traits = traits_label(map, core_at(map, i));
        width = MAX(width, strlen(traits));
    }
    return (guint)(strlen(label) + width);
}

static Row *row_of_cells(Map *map, guint first, guint end, guint list_width)
{
    Row *row = g_new(Row, 1);

    *row = (Row){ .node = core_at(map, first)->node,
        .llcs = llcs_label(map, core_at(map, first), core_at(map, end - 1)),
        .cpus = g_strdup(""),
        .body = g_string_new(NULL) };
    for (guint i = first; i < end; i++) {
        Occupancy occupancy = use_core(map, i);
        g_autofree char *list = short_list(core_at(map, i)->cpus);
        g_autofree char *cell = g_strdup_printf("%s %c", list, mark_of(map->taken, occupancy));
        paint(map, row->body, occupancy, cell);
        if (i + 1 < end) {
            g_string_append_printf(row->body, "%*s", (int)(list_width + 4 - strlen(cell)), "");
        }
    }
    return row;
}

/// Rows of an LLC are of one length as far as that goes: 4 and 4 rather than 7 and 1.
static GPtrArray *make_cells(Map *map)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);
    guint list_width = widest_list(map);
    guint most = MAX((FLOW_COLUMNS - widest_label(map) + 2) / (list_width + 4), 1);

    for (guint first = 0; first < map->host->cores->len;) {
        guint end = end_of_section(map, first);
        guint count = (end - first + most - 1) / most;
        guint length = (end - first + count - 1) / count;
        for (; first < end; first = MIN(first + length, end)) {
            g_ptr_array_add(rows, row_of_cells(map, first, MIN(first + length, end), list_width));
        }
    }
    return rows;
}

/* Strips: "........ AAAA----". */

/// Whether the core at @place goes on in the strip that has @columns and began with @first. An LLC
/// that can stand in one strip is not torn.
static gboolean fits_in_strip(const Map *map, guint first, guint place, guint columns)
{
    const HostCore *core = core_at(map, place);

    if (!is_same_kind(map, core_at(map, first), core) || place - first >= STRIP_CORES) {
        return FALSE;
    }
    if (is_same_llc(map, core_at(map, place - 1), core)) {
        return TRUE;
    }
    guint size = end_of_llc(map, place) - place;
    return columns + 1 + size <= STRIP_COLUMNS && place - first + size <= STRIP_CORES;
}

/// Draws a strip from the core at @first on and returns where it ends.
static guint draw_strip(Map *map, guint first, GPtrArray *rows)
{
    g_autoptr(CpuSet) cpus = cpuset_new();
    GString *body = g_string_new(NULL);
    guint columns = 0, place = first;

    do {
        Occupancy occupancy = use_core(map, place);
        const char mark[] = { mark_of(map->taken, occupancy), '\0' };
        if (place > first && !is_same_llc(map, core_at(map, place - 1), core_at(map, place))) {
            g_string_append_c(body, ' ');
            columns++;
        }
        paint(map, body, occupancy, mark);
        columns++;
        hwloc_bitmap_or(cpus, cpus, core_at(map, place)->cpus);
        place++;
    } while (place < map->host->cores->len && fits_in_strip(map, first, place, columns));

    Row *row = g_new(Row, 1);
    *row = (Row){ .node = core_at(map, first)->node,
        .llcs = llcs_label(map, core_at(map, first), core_at(map, place - 1)),
        .cpus = short_list(cpus),
        .body = body };
    g_ptr_array_add(rows, row);
    return place;
}

static GPtrArray *make_strips(Map *map)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func(row_free);

    for (guint first = 0; first < map->host->cores->len;) {
        first = draw_strip(map, first, rows);
    }
    return rows;
}

/// Makes the labels of one width, with a gap behind.
static void align(GPtrArray *rows)
{
    gsize llcs_width = 0, cpus_width = 0;

    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];
        llcs_width = MAX(llcs_width, strlen(row->llcs));
        cpus_width = MAX(cpus_width, strlen(row->cpus));
    }
    for (guint i = 0; i < rows->len; i++) {
        Row *row = rows->pdata[i];
        g_autofree char *llcs = row->llcs, *cpus = row->cpus;
        row->llcs = g_strdup_printf("%-*s  ", (int)llcs_width, llcs);
        row->cpus = cpus_width > 0 ? g_strdup_printf("%-*s  ", (int)cpus_width, cpus)
                                   : g_strdup("");
    }
}

/* Nodes. */

/// Less is not worth a word.
#define LEAST_RECLAIMABLE_MIB 100

static void add_memory(GPtrArray *items, const HostNode *node)
{
    if (!node->memory_known) {
        g_ptr_array_add(items, g_strdup("memory not known"));
        return;
    }
    g_ptr_array_add(items, g_strdup_printf("%.1f of %.1f GiB free", (double)node->free_mib / 1024,
                               (double)node->total_mib / 1024));
    if (node->reclaimable_mib >= LEAST_RECLAIMABLE_MIB) {
        g_ptr_array_add(
            items, g_strdup_printf("%.1f reclaimable", (double)node->reclaimable_mib / 1024));
    }
    if (node->arc_mib >= LEAST_RECLAIMABLE_MIB) {
        g_ptr_array_add(
            items, g_strdup_printf("%.1f in ZFS's cache", (double)node->arc_mib / 1024));
    }
}

/// "free hugepages: 8 of 1 GiB"
static void add_hugepages(GPtrArray *items, const HostNode *node)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < node->hugepages->len; i++) {
        const HostHugepages *pages = &g_array_index(node->hugepages, HostHugepages, i);
        gboolean gib = pages->size_kib >= 1024 * 1024;
        guint64 size = pages->size_kib / (gib ? 1024 * 1024 : 1024);
        if (pages->free > 0) {
            g_string_append_printf(text, "%s%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " %s",
                text->len > 0 ? " and " : "", pages->free, size, gib ? "GiB" : "MiB");
        }
    }
    if (text->len > 0) {
        g_ptr_array_add(items, g_strdup_printf("free hugepages: %s", text->str));
    }
}

static char *count_cpus(const HostNode *node)
{
    guint count = cpuset_count(node->cpus);

    return count == 0
               ? g_strdup_printf("node %u: no CPUs", node->index)
               : g_strdup_printf("node %u: %u CPU%s", node->index, count, count > 1 ? "s" : "");
}

static void draw_node(GString *out, const HostNode *node)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(items, count_cpus(node));
    add_memory(items, node);
    add_hugepages(items, node);
    flow_append(out, 4, ", ", items);
}

static void draw_rows(GString *out, const GPtrArray *rows, guint node)
{
    for (guint i = 0; i < rows->len; i++) {
        const Row *row = rows->pdata[i];
        if (row->node == node) {
            g_string_append_printf(out, "  %s%s%s\n", row->llcs, row->cpus, row->body->str);
        }
    }
}

static void draw_nodes(GString *out, const Host *host, const GPtrArray *rows)
{
    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        draw_node(out, node);
        draw_rows(out, rows, node->index);
    }
    if (host->nodes->len == 0) {
        g_string_append(out, "nodes and memory not known\n");
        draw_rows(out, rows, 0);
    }
}

/* What the marks mean. */

/// "A = VM 101 (CPU 4-7)"
static char *describe_holding(const Map *map, const Holding *holding)
{
    Occupancy occupancy = { holding->container ? OCCUPANCY_CONTAINER : OCCUPANCY_VM, holding };
    const char mark[] = { mark_of(map->taken, occupancy), '\0' };
    g_autofree char *list = cpuset_to_list(holding->cpus);
    g_autoptr(CpuSet) awake = occupancy_not_isolated(map->host, holding);
    g_autofree char *awake_list = cpuset_to_list(awake);
    gboolean told = !holding->container && *awake_list != '\0';
    g_autoptr(GString) text = g_string_new(NULL);

    paint(map, text, occupancy, mark);
    g_string_append_printf(text, " = %s %u (CPU %s%s%s)", holding->container ? "CT" : "VM",
        holding->vmid, list, told ? "; not isolated: " : "",
        !told                                        ? ""
        : hwloc_bitmap_isequal(awake, holding->cpus) ? "all"
                                                     : awake_list);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static int compare_holdings(gconstpointer a, gconstpointer b)
{
    const Holding *first = *(Holding *const *)a, *second = *(Holding *const *)b;

    if (first->container != second->container) {
        return first->container ? 1 : -1;
    }
    return first->vmid < second->vmid ? -1 : first->vmid > second->vmid;
}

static void describe_holdings(GString *out, const Map *map)
{
    g_autoptr(GPtrArray) sorted = g_ptr_array_copy(map->taken->holdings, NULL, NULL);
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_set_free_func(sorted, NULL); // they stay the holdings'
    g_ptr_array_sort(sorted, compare_holdings);
    for (guint i = 0; i < sorted->len; i++) {
        g_ptr_array_add(items, describe_holding(map, sorted->pdata[i]));
    }
    if (items->len > 0) {
        flow_append(out, 0, "   ", items);
    }
}

static void describe_marks(GString *out, const Map *map, gboolean in_strips)
{
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);

    for (guint kind = 0; kind < OCCUPANCY_COUNT; kind++) {
        if (map->shown[kind] && marks[kind].means != NULL && kind != OCCUPANCY_CONTAINER) {
            g_autoptr(GString) text = g_string_new(NULL);
            const char mark[] = { marks[kind].mark, '\0' };
            paint(map, text, (Occupancy){ (OccupancyKind)kind, NULL }, mark);
            g_string_append_printf(text, " = %s", marks[kind].means);
            g_ptr_array_add(items, g_string_free(g_steal_pointer(&text), FALSE));
        }
    }
    flow_append(out, 0, "   ", items);
    if (in_strips) {
        g_string_append(out, "Each mark is a core; gaps part the LLCs.\n");
    }
}

char *map_draw(const Host *host, const Taken *taken, MapStyle style)
{
    Map map = { .host = host, .taken = taken, .style = style };
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GPtrArray) rows = make_cells(&map);

    gboolean in_strips = rows->len > MOST_ROWS_OF_CELLS;
    if (in_strips) {
        g_clear_pointer(&rows, g_ptr_array_unref);
        rows = make_strips(&map);
    }
    align(rows);
    draw_nodes(out, host, rows);
    g_string_append_c(out, '\n');
    describe_holdings(out, &map);
    describe_marks(out, &map, in_strips);
    return g_string_free(g_steal_pointer(&out), FALSE);
}
