// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/memory.h"

#include "base/error.h"

#include <string.h>

/// Fewer touched pages in a sample tell nothing.
#define LEAST_TOUCHED 64

/// Of so many pages, 32 MiB, one is looked at.
#define SAMPLE_STEP (32 * 1024 * 1024 / MEMORY_PAGE)

/// Smaller mappings are stacks, heaps and the like.
#define LEAST_MAPPING_PAGES (16 * 1024 * 1024 / MEMORY_PAGE)

/// Pages that are moved at a time: 16 MiB.
#define BATCH 4096

/// Pages of a block, which a transparent hugepage fills: 2 MiB.
#define BLOCK 512

/// Batches in a row of which nothing moves before no more is tried: each makes every CPU work.
#define VAIN_BATCHES 4

void memory_free(Memory *memory)
{
    if (memory == NULL) {
        return;
    }
    g_array_unref(memory->nodes);
    g_free(memory->refusal);
    g_free(memory);
}

/* Where the guest's memory is mapped. */

static guint64 end_of(const MemoryMapping *mapping)
{
    return mapping->start + mapping->pages * MEMORY_PAGE;
}

/* QEMU has hundreds of mappings, of which a few are memory: most lines are left at their first
 * field, without a copy. */

/// A page's address at *@at, which moves behind it and @end.
static gboolean take_address(const char **at, char end, guint64 *address)
{
    gsize digits = strspn(*at, "0123456789abcdef");
    guint64 value = 0;

    for (gsize i = 0; i < digits; i++) {
        value = value * 16 + (guint64)g_ascii_xdigit_value((*at)[i]);
    }
    if (digits == 0 || digits > 16 || value % MEMORY_PAGE != 0 || (*at)[digits] != end) {
        return FALSE;
    }
    *at += digits + 1;
    *address = value;
    return TRUE;
}

/// "7f0000000000-7f0040000000 ", likewise.
static gboolean take_range(const char **at, MemoryMapping *mapping)
{
    guint64 start, end;

    if (!take_address(at, '-', &start) || !take_address(at, ' ', &end) || end <= start) {
        return FALSE;
    }
    *mapping = (MemoryMapping){ .start = start, .pages = (end - start) / MEMORY_PAGE };
    return TRUE;
}

/// Whether a mapping of this name may be memory. Of devices only those are that stand for it.
static gboolean is_memory(const char *name)
{
    static const char *const memories[] = { "/dev/shm/", "/dev/hugepages", "/dev/zero" };

    if (*name == '\0' || g_str_has_prefix(name, "[anon:") ||
        g_str_has_prefix(name, "[anon_shmem:")) {
        return TRUE;
    }
    for (guint i = 0; i < G_N_ELEMENTS(memories); i++) {
        if (g_str_has_prefix(name, memories[i])) {
            return TRUE;
        }
    }
    return *name == '/' && !g_str_has_prefix(name, "/dev/");
}

/// What of a line follows its range: "perms offset dev inode name" (proc_pid_maps(5)).
static gboolean is_of_memory(const char *rest, gsize length)
{
    enum { PERMISSIONS, INODE = 3, NAME, FIELDS };
    if (!g_str_has_prefix(rest, "rw-")) {
        return FALSE;
    }
    g_autofree char *line = g_strndup(rest, length);
    g_auto(GStrv) fields = g_strsplit(line, " ", FIELDS);
    guint count = g_strv_length(fields);

    return count > INODE && is_memory(count > NAME ? g_strchug(fields[NAME]) : "");
}

GArray *memory_parse_maps(const char *text)
{
    GArray *mappings = g_array_new(FALSE, FALSE, sizeof(MemoryMapping));
    guint64 end = 0; // of the last one: the kernel sorts them

    for (const char *line = text; *line != '\0';) {
        gsize length = strcspn(line, "\n");
        const char *rest = line;
        MemoryMapping mapping;
        if (take_range(&rest, &mapping) && mapping.pages >= LEAST_MAPPING_PAGES &&
            mapping.start >= end && is_of_memory(rest, length - (gsize)(rest - line))) {
            end = end_of(&mapping);
            g_array_append_val(mappings, mapping);
        }
        line += length + (line[length] == '\n');
    }
    return mappings;
}

static gboolean is_gone(const Process *process, GError **error)
{
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE, "process %d has ended", process->pid);
    return FALSE;
}

static gboolean is_there(const Root *root, const Process *process, GError **error)
{
    gboolean alive;

    return process_look(root, process, &alive, error) && (alive || is_gone(process, error));
}

static GArray *read_mappings(const Root *root, const Process *process, GError **error)
{
    g_autofree char *path = g_strdup_printf("proc/%d/maps", process->pid);
    g_autoptr(GError) failed = NULL;
    g_autofree char *text = root_read(root, path, NULL, &failed);

    if (!is_there(root, process, error)) {
        return NULL;
    }
    if (text == NULL) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }
    if (*text == '\0') {
        is_gone(process, error); // it ends: its memory goes before it does
        return NULL;
    }
    g_autoptr(GArray) mappings = memory_parse_maps(text);
    if (mappings->len == 0) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "/%s shows no guest memory", path);
        return NULL;
    }
    return g_steal_pointer(&mappings);
}

/// Takes @failed, which the kernel said of the pages of @process. While a process ends it says
/// other things than that it is gone.
static void pass_on(const Root *root, const Process *process, GError *failed, GError **error)
{
    g_autoptr(GArray) mappings = read_mappings(root, process, error);

    if (mappings != NULL) {
        g_propagate_error(error, failed);
    } else {
        g_error_free(failed);
    }
}

static guint64 count_pages(const GArray *mappings)
{
    guint64 pages = 0;

    for (guint i = 0; i < mappings->len; i++) {
        pages += g_array_index(mappings, MemoryMapping, i).pages;
    }
    return pages;
}

/* A look. */

static gpointer page_at(guint64 address)
{
    return (gpointer)(gsize)address; // of another process: never followed here
}

/// @total * @i / @count, where the product may not fit.
static guint64 part_of(guint64 total, guint64 i, guint64 count)
{
    return total / count * i + total % count * i / count;
}

/// The addresses to look at, ascending: a random one in each of equal parts.
static GPtrArray *choose_sample(const GArray *mappings)
{
    guint64 total = count_pages(mappings);
    guint64 wanted = CLAMP(total / SAMPLE_STEP, MEMORY_SAMPLE, MEMORY_SAMPLE_MOST);
    guint64 count = MIN(total, wanted);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    GPtrArray *pages = g_ptr_array_sized_new((guint)count);
    const MemoryMapping *mapping = &g_array_index(mappings, MemoryMapping, 0);
    guint64 before = 0; // pages in the mappings before this one

    for (guint64 i = 0; i < count; i++) {
        guint64 first = part_of(total, i, count), next = part_of(total, i + 1, count);
        guint64 place = first + (guint64)(g_rand_double(random) * (double)(next - first));
        for (; place - before >= mapping->pages; mapping++) {
            before += mapping->pages;
        }
        g_ptr_array_add(pages, page_at(mapping->start + (place - before) * MEMORY_PAGE));
    }
    return pages;
}

static Memory *count_nodes(const int *nodes, guint count)
{
    Memory *memory = g_new0(Memory, 1);

    memory->nodes = g_array_new(FALSE, TRUE, sizeof(guint));
    memory->sampled = count;
    for (guint i = 0; i < count; i++) {
        if (nodes[i] >= 0) {
            guint node = (guint)nodes[i];
            g_array_set_size(memory->nodes, MAX(memory->nodes->len, node + 1));
            g_array_index(memory->nodes, guint, node)++;
            memory->touched++;
        }
    }
    return memory;
}

static Memory *look_at(const Root *root, const Kernel *kernel, const Process *process,
    const GPtrArray *pages, GError **error)
{
    g_autofree int *nodes = g_new(int, pages->len);
    g_autoptr(GError) failed = NULL;

    if (!kernel->move_pages(process->pid, pages->len, pages->pdata, NULL, nodes, &failed)) {
        pass_on(root, process, g_steal_pointer(&failed), error);
        return NULL;
    }
    /* Alive before and after: what was seen is of this process and no later one. */
    return is_there(root, process, error) ? count_nodes(nodes, pages->len) : NULL;
}

Memory *memory_look(const Root *root, const Kernel *kernel, const Process *process, GError **error)
{
    g_autoptr(GArray) mappings = read_mappings(root, process, error);
    g_autoptr(GPtrArray) pages = mappings != NULL ? choose_sample(mappings) : NULL;

    return pages != NULL ? look_at(root, kernel, process, pages, error) : NULL;
}

/* Moving. */

typedef struct {
    const Kernel *kernel;
    int pid;
    const CpuSet *nodes;
    int target; // the node whose turn it is
    guint64 moved, stuck;
    guint vain; // batches in a row of which nothing moved
    gboolean out_of_time, given_up;
    char *refusal;
} Migration;

/// Leaves in @pages those that are touched and not on the nodes.
static gboolean keep_remote(const Migration *migration, GPtrArray *pages, GError **error)
{
    g_autofree int *nodes = g_new(int, pages->len);
    guint kept = 0;

    if (pages->len > 0 && !migration->kernel->move_pages(
                              migration->pid, pages->len, pages->pdata, NULL, nodes, error)) {
        return FALSE;
    }
    for (guint i = 0; i < pages->len; i++) {
        if (nodes[i] >= 0 && !hwloc_bitmap_isset(migration->nodes, (unsigned)nodes[i])) {
            pages->pdata[kept++] = pages->pdata[i];
        }
    }
    g_ptr_array_set_size(pages, (int)kept);
    return TRUE;
}

/// A refusal is noted and passed over; FALSE: the process is gone.
static gboolean ask(Migration *migration, gpointer *pages, guint count, GError **error)
{
    g_autofree int *targets = g_new(int, count);
    g_autofree int *ignored = g_new(int, count);
    g_autoptr(GError) failed = NULL;

    for (guint i = 0; i < count; i++) {
        targets[i] = migration->target;
    }
    if (count == 0 ||
        migration->kernel->move_pages(migration->pid, count, pages, targets, ignored, &failed)) {
        return TRUE;
    }
    if (g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (migration->refusal == NULL) {
        migration->refusal = g_strdup(failed->message);
    }
    return TRUE;
}

static gsize block_of(const GPtrArray *pages, guint index)
{
    return (gsize)pages->pdata[index] / MEMORY_PAGE / BLOCK;
}

static gboolean ask_by_blocks(Migration *migration, const GPtrArray *pages, GError **error)
{
    guint first = 0;

    for (guint i = 1; i <= pages->len; i++) {
        if (i == pages->len || block_of(pages, i) != block_of(pages, first)) {
            if (!ask(migration, pages->pdata + first, i - first, error)) {
                return FALSE;
            }
            first = i;
        }
    }
    return TRUE;
}

/// What became of a page the next look tells, not the call: a hugepage moves whole with its first
/// page, and the others are reported busy. A call may end at the first page that will not move
/// (Linux, mm/migrate.c, do_pages_move), so what is left is asked again, block by block.
static gboolean move_batch(Migration *migration, GPtrArray *pages, GError **error)
{
    if (!keep_remote(migration, pages, error)) {
        return FALSE;
    }
    guint remote = pages->len;
    if (!ask(migration, pages->pdata, pages->len, error) || !keep_remote(migration, pages, error) ||
        !ask_by_blocks(migration, pages, error) || !keep_remote(migration, pages, error)) {
        return FALSE;
    }
    migration->moved += remote - pages->len;
    migration->stuck += pages->len;
    if (remote > 0) {
        migration->vain = remote > pages->len ? 0 : migration->vain + 1;
        int next = hwloc_bitmap_next(migration->nodes, migration->target);
        migration->target = next >= 0 ? next : hwloc_bitmap_first(migration->nodes);
    }
    return TRUE;
}

/// The pages from @address on, to the end of @mapping or of a batch. Batches begin at multiples of
/// their size: no transparent hugepage is in two.
static GPtrArray *list_batch(const MemoryMapping *mapping, guint64 address)
{
    guint64 left = (end_of(mapping) - address) / MEMORY_PAGE;
    guint count = (guint)MIN(left, BATCH - address / MEMORY_PAGE % BATCH);
    GPtrArray *pages = g_ptr_array_sized_new(count);

    for (guint i = 0; i < count; i++) {
        g_ptr_array_add(pages, page_at(address + (guint64)i * MEMORY_PAGE));
    }
    return pages;
}

static gboolean move_mapping(Migration *migration, const Root *root, const Process *process,
    const MemoryMapping *mapping, gint64 deadline, GError **error)
{
    for (guint64 address = mapping->start; address < end_of(mapping);) {
        migration->given_up = migration->vain >= VAIN_BATCHES;
        migration->out_of_time = !migration->given_up && g_get_monotonic_time() >= deadline;
        if (migration->given_up || migration->out_of_time) {
            return TRUE;
        }
        g_autoptr(GPtrArray) pages = list_batch(mapping, address);
        address += (guint64)pages->len * MEMORY_PAGE;
        if (!is_there(root, process, error) || !move_batch(migration, pages, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static void migration_clear(Migration *migration)
{
    g_free(migration->refusal);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Migration, migration_clear)

Memory *memory_migrate(const Root *root, const Kernel *kernel, const Process *process,
    const CpuSet *nodes, guint deadline_ms, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)deadline_ms * 1000;
    g_auto(Migration) migration = {
        .kernel = kernel, .pid = process->pid, .nodes = nodes, .target = hwloc_bitmap_first(nodes)
    };

    g_autoptr(GArray) mappings = read_mappings(root, process, error);
    if (mappings == NULL) {
        return NULL;
    }
    for (guint i = 0; i < mappings->len; i++) {
        g_autoptr(GError) failed = NULL;
        if (!move_mapping(&migration, root, process, &g_array_index(mappings, MemoryMapping, i),
                deadline, &failed)) {
            pass_on(root, process, g_steal_pointer(&failed), error);
            return NULL;
        }
    }
    Memory *memory = memory_look(root, kernel, process, error);
    if (memory != NULL) {
        memory->migrated = TRUE;
        memory->moved_kib = migration.moved * (MEMORY_PAGE / 1024);
        memory->stuck_kib = migration.stuck * (MEMORY_PAGE / 1024);
        memory->refusal = g_steal_pointer(&migration.refusal);
        memory->out_of_time = migration.out_of_time;
        memory->given_up = migration.given_up;
    }
    return memory;
}

/* What a look says. */

gboolean memory_is_judged(const Memory *memory)
{
    return memory->touched >= LEAST_TOUCHED;
}

static guint count_on(const Memory *memory, const CpuSet *nodes)
{
    guint count = 0;

    for (guint i = 0; i < memory->nodes->len; i++) {
        count += hwloc_bitmap_isset(nodes, i) ? g_array_index(memory->nodes, guint, i) : 0;
    }
    return count;
}

guint memory_percent_on(const Memory *memory, const CpuSet *nodes)
{
    return memory->touched > 0 ? count_on(memory, nodes) * 100 / memory->touched : 100;
}

char *memory_describe(const Memory *memory, const CpuSet *nodes)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (nodes != NULL && memory->touched > 0) {
        g_autofree char *list = cpuset_to_list(nodes);
        g_string_append_printf(text, "%u %% on node %s", memory_percent_on(memory, nodes), list);
    }
    for (guint i = 0; i < memory->nodes->len; i++) {
        guint count = g_array_index(memory->nodes, guint, i);
        if (count > 0 && (nodes == NULL || !hwloc_bitmap_isset(nodes, i))) {
            /* Rounded up, so that it makes 100 with the wanted ones' share and is never 0. */
            g_string_append_printf(text, "%s%u %% on node %u", text->len > 0 ? ", " : "",
                (count * 100 + memory->touched - 1) / memory->touched, i);
        }
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

char *memory_size(guint64 kib)
{
    return kib >= 1024 ? g_strdup_printf("%" G_GUINT64_FORMAT " MiB", kib / 1024)
                       : g_strdup_printf("%" G_GUINT64_FORMAT " KiB", kib);
}
