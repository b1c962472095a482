// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/memory.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-root.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { QEMU = 4711, MIB_PAGES = 256, START_GIB = 0x10 };

#define GIB G_GUINT64_CONSTANT(0x40000000)
#define START (START_GIB * GIB)

/// A process with its maps.
static FakeRoot *new_root(const char *maps)
{
    FakeRoot *fake = fake_root_new();

    fake_root_add_process(fake, QEMU, 88, "/usr/bin/kvm -id 100");
    fake_root_write(fake, "proc/4711/maps", maps);
    fake_kernel_reset("0-7");
    return fake;
}

/// One mapping of @mib MiB from START on.
static FakeRoot *new_root_of(guint mib)
{
    g_autofree char *maps = g_strdup_printf("%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER
                                            "x rw-p 00000000 00:00 0 \n",
        START, START + (guint64)mib * 1024 * 1024);

    return new_root(maps);
}

static const Process qemu = { .pid = QEMU, .start_time = 88 };

static Memory *look(const FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    Memory *memory = memory_look(fake->root, &fake_kernel, &qemu, &error);

    g_assert_no_error(error);
    return memory;
}

static Memory *migrate(const FakeRoot *fake, const char *nodes, guint deadline_ms)
{
    g_autoptr(CpuSet) set = cpuset_parse_kernel(nodes, 64, NULL);
    g_autoptr(GError) error = NULL;
    Memory *memory = memory_migrate(fake->root, &fake_kernel, &qemu, set, deadline_ms, &error);

    g_assert_no_error(error);
    return memory;
}

static void assert_describes(const Memory *memory, const char *nodes, const char *wanted)
{
    g_autoptr(CpuSet) set = nodes != NULL ? cpuset_parse_kernel(nodes, 64, NULL) : NULL;
    g_autofree char *text = memory_describe(memory, set);

    g_assert_cmpstr(text, ==, wanted);
}

static guint percent_on(const Memory *memory, const char *nodes)
{
    g_autoptr(CpuSet) set = cpuset_parse_kernel(nodes, 64, NULL);

    return memory_percent_on(memory, set);
}

/* What of a process is guest memory. */

static const struct {
    const char *line; // from 40000000 on, of 256 MiB where it does not say otherwise
    gboolean is_memory;
} lines[] = {
    { "40000000-50000000 rw-p 00000000 00:00 0 ", TRUE },
    { "40000000-50000000 rw-p 00000000 00:00 0", TRUE },
    { "40000000-50000000 rw-s 00000000 00:01 7      /memfd:memory-backend-memfd (deleted)", TRUE },
    { "40000000-50000000 rw-s 00000000 00:01 7      /dev/zero (deleted)", TRUE },
    { "40000000-50000000 rw-s 00000000 00:19 7      /dev/shm/vm-100", TRUE },
    { "40000000-50000000 rw-s 00000000 00:19 7      /dev/hugepages/pc.ram", TRUE },
    { "40000000-50000000 rw-p 00000000 00:19 7      /run/hugepages/kvm/1048576kB/x (deleted)",
        TRUE },
    { "40000000-50000000 rw-s 00000000 08:01 7      /srv/a file with - blanks", TRUE },
    { "40000000-50000000 rw-s 00000000 08:01 7      /srv/40000000-50000000 r--p [heap]", TRUE },
    { "40000000-50000000 rw-s 00000000 08:01 7      /srv/line\\012break", TRUE },
    { "40000000-50000000 rw-p 00000000 00:00 0      [anon:guest]", TRUE },
    { "40000000-50000000 rw-s 00000000 00:01 7      [anon_shmem:guest]", TRUE },
    { "40000000-41000000 rw-p 00000000 00:00 0 ", TRUE }, // 16 MiB
    { "40000000-40fff000 rw-p 00000000 00:00 0 ", FALSE },
    { "40000000-50000000 rw-p 00000000 00:00 0      [heap]", FALSE },
    { "40000000-50000000 rw-p 00000000 00:00 0      [stack]", FALSE },
    { "40000000-50000000 rw-p 00000000 00:00 0      [stack:4712]", FALSE },
    { "40000000-50000000 rwxp 00000000 00:00 0 ", FALSE }, // code that was translated
    { "40000000-50000000 r--p 00000000 00:00 0 ", FALSE },
    { "40000000-50000000 ---p 00000000 00:00 0 ", FALSE },
    { "40000000-50000000 -w-p 00000000 00:00 0 ", FALSE },
    { "40000000-50000000 rw-s 00000000 00:0e 7      anon_inode:[io_uring]", FALSE },
    { "40000000-50000000 rw-s 00000000 00:0e 7      anon_inode:[vfio-device]", FALSE },
    { "40000000-50000000 rw-s 00000000 00:06 7      /dev/vfio/12", FALSE },
    { "40000000-50000000 rw-s 00000000 00:06 7      /dev/dri/renderD128", FALSE },
    { "40000000-50000000 rw-s 00000000 00:06 7      /dev/shmem", FALSE },
    { "40000000-50000000 rw-s 00000000 00:06 7      socket:[7]", FALSE },
    { "\n", FALSE },
    { "40000000", FALSE },
    { "40000000-50000000", FALSE },
    { "40000000-50000000 rw-p", FALSE },
    { "40000000-50000000 rw-p 00000000 00:00", FALSE },
    { "50000000-40000000 rw-p 00000000 00:00 0 ", FALSE },
    { "40000000-40000000 rw-p 00000000 00:00 0 ", FALSE },
    { "40000001-50000000 rw-p 00000000 00:00 0 ", FALSE },
    { "40000000-50000001 rw-p 00000000 00:00 0 ", FALSE },
    { "-40000000-50000000 rw-p 00000000 00:00 0 ", FALSE },
    { "0x40000000-0x50000000 rw-p 00000000 00:00 0 ", FALSE },
    { "40000000-10000000000000000 rw-p 00000000 00:00 0 ", FALSE }, // 2^64
    { "4000000g-50000000 rw-p 00000000 00:00 0 ", FALSE },
    { "\xff\xfe-50000000 rw-p 00000000 00:00 0 ", FALSE },
    { " 40000000-50000000 rw-p 00000000 00:00 0 ", FALSE },
};

static void test_lines_of_maps(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(FakeRoot) fake = new_root(lines[i].line);
        g_autoptr(GError) error = NULL;
        g_autofree char *shown = g_strescape(lines[i].line, NULL);
        g_test_message("%s", shown);
        g_autoptr(Memory) memory = memory_look(fake->root, &fake_kernel, &qemu, &error);
        if (lines[i].is_memory) {
            g_assert_no_error(error);
            g_assert_cmpuint(memory->sampled, ==, MEMORY_SAMPLE);
        } else {
            g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
            g_assert_nonnull(strstr(error->message, "/proc/4711/maps shows no guest memory"));
        }
    }
}

/// Each mapping gets its share of the sample, and what lies between them none.
static void test_several_mappings(void)
{
    g_autoptr(FakeRoot)
        fake = new_root("10000000-20000000 rw-p 00000000 00:00 0 \n" // 256 MiB
                        "20000000-30000000 r--p 00000000 08:01 9      /usr/lib/locale\n"
                        "30000000-38000000 rw-s 00000000 00:01 7      /memfd:ram (deleted)\n"
                        "50000000-80000000 rw-p 00000000 00:00 0      [heap]\n"
                        "80000000-88000000 rw-p 00000000 00:00 0 \n");

    fake_kernel_lay(0x10000000, 0x10000, 0);
    fake_kernel_lay(0x20000000, 0x10000, 5);
    fake_kernel_lay(0x30000000, 0x8000, 1);
    fake_kernel_lay(0x38000000, 0x48000, 5);
    fake_kernel_lay(0x80000000, 0x8000, 2);
    g_autoptr(Memory) memory = look(fake);
    g_assert_cmpuint(memory->touched, ==, MEMORY_SAMPLE);
    assert_describes(memory, NULL, "50 % on node 0, 25 % on node 1, 25 % on node 2");
}

static void test_mappings_that_overlap_count_once(void)
{
    g_autoptr(FakeRoot) fake = new_root("10000000-20000000 rw-p 00000000 00:00 0 \n"
                                        "10000000-20000000 rw-p 00000000 00:00 0 \n"
                                        "1f000000-ffffffffff000 rw-p 00000000 00:00 0 \n"
                                        "0-ffffffffff000 rw-p 00000000 00:00 0 \n");

    fake_kernel_lay(0x10000000, 0x10000, 3);
    g_autoptr(Memory) memory = look(fake);
    g_assert_cmpuint(memory->touched, ==, MEMORY_SAMPLE);
}

static void test_all_of_the_address_space(void)
{
    g_autoptr(FakeRoot) fake = new_root("0-fffffffffffff000 rw-p 00000000 00:00 0 \n");
    g_autoptr(Memory) memory = look(fake);

    g_assert_cmpuint(memory->sampled, ==, MEMORY_SAMPLE_MOST);
    g_assert_cmpuint(memory->touched, ==, 0);
}

/* A look. */

static void test_untouched_memory_is_not_judged(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_lay(START, 4 * MIB_PAGES, -EFAULT); // zero pages
    g_autoptr(Memory) memory = look(fake);
    g_assert_cmpuint(memory->sampled, ==, MEMORY_SAMPLE);
    g_assert_cmpuint(memory->touched, ==, 0);
    g_assert_false(memory_is_judged(memory));
    g_assert_cmpuint(percent_on(memory, "0"), ==, 100);
    assert_describes(memory, "0", "");
    assert_describes(memory, NULL, "");
}

/// 8 pages a part of 64 MiB: of 63 parts no more than 63 pages are seen, of 64 all.
static void test_few_touched_pages_are_not_judged(void)
{
    for (guint touched = 63; touched <= 64; touched++) {
        g_autoptr(FakeRoot) fake = new_root_of(64);
        fake_kernel_lay(START, touched * 8, 1);
        g_autoptr(Memory) memory = look(fake);
        g_assert_cmpuint(memory->touched, ==, touched);
        g_assert_cmpint(memory_is_judged(memory), ==, touched == 64);
    }
}

/// A large VM that uses little of its memory is looked at in more places.
static void test_little_of_much_memory_is_judged(void)
{
    enum { GIB_PAGES = 1024 * MIB_PAGES };
    g_autoptr(FakeRoot) fake = new_root_of(512 * 1024);

    fake_kernel_lay(START, GIB_PAGES, 1);
    fake_kernel_lay(START + 300 * GIB, GIB_PAGES, 0);
    g_autoptr(Memory) memory = look(fake);
    g_assert_cmpuint(memory->sampled, ==, 512 * 32);
    g_assert_cmpuint(fake_kernel_looks(), ==, 1);
    g_assert_cmpuint(memory->touched, ==, 64);
    g_assert_true(memory_is_judged(memory));
    assert_describes(memory, NULL, "50 % on node 0, 50 % on node 1");
}

static void test_look_is_bounded_and_repeats_itself(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(1024);

    for (guint i = 0; i < 1024; i++) {
        fake_kernel_lay(START + i * 0x100000, MIB_PAGES, (int)(i * 7 % 5) % 2);
    }
    g_autoptr(Memory) first = look(fake);
    g_assert_cmpuint(fake_kernel_looks(), ==, 1);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
    g_assert_cmpuint(fake_kernel_most_pages(), ==, MEMORY_SAMPLE);
    g_autoptr(Memory) second = look(fake);
    g_assert_cmpmem(first->nodes->data, first->nodes->len * sizeof(guint), second->nodes->data,
        second->nodes->len * sizeof(guint));
    g_assert_false(first->migrated);
}

/// Within 3 points of what is true.
static void assert_near(const Memory *memory, const guint64 *truth, guint nodes)
{
    guint64 total = 0;

    for (guint node = 0; node < nodes; node++) {
        total += truth[node];
    }
    for (guint node = 0; node < nodes; node++) {
        double share = 100.0 * (double)truth[node] / (double)total;
        double seen = node < memory->nodes->len
                          ? 100.0 * g_array_index(memory->nodes, guint, node) / memory->touched
                          : 0;
        g_test_message("node %u: %.2f %%, seen %.2f %%", node, share, seen);
        g_assert_cmpfloat(ABS(share - seen), <=, 3);
    }
}

/// Pages one by one, in hugepages, and in large parts: on two nodes in turn, as interleaving lays
/// them, or on three at random.
static void test_sample_agrees_with_the_truth(void)
{
    static const guint runs[] = { 1, 2, 3, 4, 8, 16, 64, 512, 1000, 4096 };
    enum { NODES = 3, PAGES = 128 * MIB_PAGES };

    for (guint seed = 0; seed < 2 * G_N_ELEMENTS(runs); seed++) {
        g_autoptr(FakeRoot) fake = new_root_of(128);
        g_autoptr(GRand) random = g_rand_new_with_seed(seed);
        guint run = runs[seed / 2];
        guint64 truth[NODES] = { 0 };
        fake_kernel_lay(START, PAGES, 0);
        for (guint first = 0; first < PAGES; first += run) {
            guint count = MIN(run, PAGES - first);
            int node = seed % 2 == 0 ? (int)(first / run % 2) : g_rand_int_range(random, 0, 3);
            fake_kernel_lay(START + (guint64)first * MEMORY_PAGE, count, node);
            truth[node] += count;
        }
        g_autoptr(Memory) memory = look(fake);
        assert_near(memory, truth, NODES);
    }
}

static void test_shares_are_rounded_for_the_reader(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_lay(START, 64 * MIB_PAGES, 1);
    fake_kernel_lay(START, 8, 0); // 1 of 2048
    g_autoptr(Memory) memory = look(fake);
    g_assert_cmpuint(percent_on(memory, "1"), ==, 99);
    g_assert_cmpuint(percent_on(memory, "0-1"), ==, 100);
    assert_describes(memory, "1", "99 % on node 1, 1 % on node 0");
    assert_describes(memory, "0-1", "100 % on node 0-1");
    assert_describes(memory, "7", "0 % on node 7, 1 % on node 0, 100 % on node 1");
    assert_describes(memory, "", "0 % on node , 1 % on node 0, 100 % on node 1");
}

static void test_sizes(void)
{
    static const struct {
        guint64 kib;
        const char *text;
    } sizes[] = { { 0, "0 KiB" }, { 80, "80 KiB" }, { 1023, "1023 KiB" }, { 1024, "1 MiB" },
        { 524288, "512 MiB" }, { 16777216, "16384 MiB" } };

    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = memory_size(sizes[i].kib);
        g_assert_cmpstr(text, ==, sizes[i].text);
    }
}

/* Processes that end, and what cannot be read. */

static void assert_fails(const FakeRoot *fake, PinhookError code)
{
    g_autoptr(CpuSet) nodes = cpuset_parse_kernel("1", 64, NULL);
    g_autoptr(GError) looked = NULL, moved = NULL;

    g_assert_null(memory_look(fake->root, &fake_kernel, &qemu, &looked));
    g_assert_error(looked, PINHOOK_ERROR, (gint)code);
    g_assert_null(memory_migrate(fake->root, &fake_kernel, &qemu, nodes, 60000, &moved));
    g_assert_error(moved, PINHOOK_ERROR, (gint)code);
}

static void test_process_that_is_gone(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_end(QEMU);
    assert_fails(fake, PINHOOK_ERROR_GONE);
    fake_kernel_reset("0-7");
    fake_root_add_process(fake, QEMU, 99, "sshd"); // another has come to its pid
    assert_fails(fake, PINHOOK_ERROR_GONE);
    fake_root_remove_tree(fake, "proc/4711");
    assert_fails(fake, PINHOOK_ERROR_GONE);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
}

/// It is still there, and its memory is not.
static void let_end(int pid, gpointer data)
{
    FakeRoot *fake = data;

    fake_root_write(fake, "proc/4711/maps", "");
    fake_kernel_refuse(pid);
    fake_kernel_hide(pid);
}

static void test_process_that_is_ending(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    fake_kernel_on_look(let_end, fake);
    assert_fails(fake, PINHOOK_ERROR_GONE); // while it is looked at, then before
}

static void test_memory_that_cannot_be_read(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_hide(QEMU);
    assert_fails(fake, PINHOOK_ERROR_FAILED);
    fake_kernel_reset("0-7");
    fake_root_remove(fake, "proc/4711/maps");
    assert_fails(fake, PINHOOK_ERROR_NOT_FOUND);
}

static void end_it(int pid, gpointer data)
{
    fake_kernel_end(pid);
}

static void replace_it(int pid, gpointer data)
{
    fake_root_add_process(data, pid, 99, "sshd");
}

/// What was seen then may be another's.
static void test_process_that_is_replaced_while_looked_at(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);
    g_autoptr(GError) error = NULL;

    fake_kernel_on_look(replace_it, fake);
    g_assert_null(memory_look(fake->root, &fake_kernel, &qemu, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
}

static void test_process_that_ends_while_moved(void)
{
    static void (*const hooks[])(int pid, gpointer data) = { end_it, replace_it, let_end };

    for (gsize i = 0; i < G_N_ELEMENTS(hooks); i++) {
        g_autoptr(FakeRoot) fake = new_root_of(64);
        g_autoptr(CpuSet) nodes = cpuset_parse_kernel("1", 64, NULL);
        g_autoptr(GError) error = NULL;
        fake_kernel_lay(START, 64 * MIB_PAGES, 0);
        fake_kernel_on_move(hooks[i], fake);
        g_assert_null(memory_migrate(fake->root, &fake_kernel, &qemu, nodes, 60000, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
        g_assert_cmpuint(fake_kernel_moves(), ==, 1); // and nothing of a stranger's
    }
}

/* Moving. */

static void assert_moved(const Memory *memory, guint moved_mib, guint stuck_kib)
{
    g_assert_true(memory->migrated);
    g_assert_cmpuint(memory->moved_kib, ==, moved_mib * 1024);
    g_assert_cmpuint(memory->stuck_kib, ==, stuck_kib);
}

static void test_remote_memory_is_moved(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(72);

    fake_kernel_lay(START, 32 * MIB_PAGES, 0);
    fake_kernel_lay(START + 0x2000000, 8 * MIB_PAGES, 1);
    fake_kernel_lay(START + 0x3000000, 24 * MIB_PAGES, 2); // 8 MiB between are not touched
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 56, 0);
    g_assert_false(memory->out_of_time);
    g_assert_null(memory->refusal);
    g_assert_cmpuint(percent_on(memory, "1"), ==, 100);
    g_assert_cmpuint(fake_kernel_moves(), ==, 4); // batches of 16 MiB, one of which has 8
    g_assert_cmpuint(fake_kernel_most_pages(), ==, 4096);
    g_assert_cmpint(fake_kernel_node_of(START + 72 * 0x100000 - MEMORY_PAGE), ==, 1);
    g_assert_cmpint(fake_kernel_node_of(START + 0x2800000), <, 0);
}

static void test_memory_in_place_is_not_moved(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_lay(START, 64 * MIB_PAGES, 1);
    g_autoptr(Memory) memory = migrate(fake, "1-2", 60000);
    assert_moved(memory, 0, 0);
    g_assert_cmpuint(fake_kernel_moves(), ==, 0);
}

static void test_only_guest_memory_is_moved(void)
{
    g_autoptr(FakeRoot) fake = new_root("10000000-11000000 rw-p 00000000 00:00 0      [heap]\n"
                                        "11000000-12000000 rw-p 00000000 00:00 0 \n"
                                        "12000000-12800000 rw-p 00000000 00:00 0 \n");

    fake_kernel_lay(0x10000000, 40 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 16, 0);
    g_assert_cmpint(fake_kernel_node_of(0x10fff000), ==, 0);
    g_assert_cmpint(fake_kernel_node_of(0x11000000), ==, 1);
    g_assert_cmpint(fake_kernel_node_of(0x11fff000), ==, 1);
    g_assert_cmpint(fake_kernel_node_of(0x12000000), ==, 0);
}

static void test_several_nodes_take_turns(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(128);

    fake_kernel_lay(START, 128 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1,3", 60000);
    assert_moved(memory, 128, 0);
    assert_describes(memory, NULL, "50 % on node 1, 50 % on node 3");
}

/// Of a hugepage all pages but the first are reported busy, and move all the same.
static void test_hugepages_move_whole(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_use_hugepages();
    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 64, 0);
    g_assert_cmpuint(percent_on(memory, "1"), ==, 100);
}

/// Wherever the memory begins, no hugepage is counted in part.
static void test_hugepages_count_whole(void)
{
    g_autoptr(FakeRoot) fake = new_root("10300000-14300000 rw-p 00000000 00:00 0 \n");

    fake_kernel_use_hugepages();
    fake_kernel_lay(0x10300000, 64 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 64, 0);
}

static void test_kernel_that_pretends_is_seen_through(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_pretend_to_move();
    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 0, 64 * 1024);
    g_assert_cmpuint(percent_on(memory, "1"), ==, 0);
}

static void test_kernel_that_refuses_is_quoted(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_refuse(QEMU);
    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 0, 64 * 1024);
    g_assert_nonnull(strstr(memory->refusal, "Cannot allocate memory"));
}

/// A page that is held, as for a passed-through device, ends the kernel's walk: what lies behind it
/// moves all the same, but for its own 2 MiB.
static void test_stuck_pages_hold_up_only_their_block(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    fake_kernel_stick(START);
    fake_kernel_stick(START + 0x1000000 + 0x1ff000); // the last of the ninth block
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    g_assert_cmpuint(memory->stuck_kib, ==, 2048 + 4);
    g_assert_cmpuint(memory->moved_kib, ==, 64 * 1024 - 2048 - 4);
    g_assert_cmpint(fake_kernel_node_of(START), ==, 0);
    g_assert_cmpint(fake_kernel_node_of(START + 0x200000), ==, 1);
}

static void test_moving_is_given_up_when_nothing_moves(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(256);

    fake_kernel_lay(START, 256 * MIB_PAGES, 0);
    fake_kernel_pretend_to_move();
    g_autoptr(Memory) memory = migrate(fake, "1", 60000);
    assert_moved(memory, 0, 64 * 1024);
    g_assert_true(memory->given_up);
    g_assert_false(memory->out_of_time);
}

static void test_no_time_moves_nothing(void)
{
    g_autoptr(FakeRoot) fake = new_root_of(64);

    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    g_autoptr(Memory) memory = migrate(fake, "1", 0);
    assert_moved(memory, 0, 0);
    g_assert_true(memory->out_of_time);
    g_assert_cmpuint(percent_on(memory, "1"), ==, 0); // it was looked at all the same
}

/// Takes all of the time that a test gives.
static void take_long(int pid, gpointer data)
{
    g_usleep(*(const gulong *)data);
}

static void test_deadline_stops_between_batches(void)
{
    enum { DEADLINE_MS = 200 };
    g_autoptr(FakeRoot) fake = new_root_of(64);
    gulong all_us = DEADLINE_MS * 1000;

    fake_kernel_lay(START, 64 * MIB_PAGES, 0);
    fake_kernel_on_move(take_long, &all_us);
    g_autoptr(Memory) memory = migrate(fake, "1", DEADLINE_MS);
    assert_moved(memory, 16, 0);
    g_assert_true(memory->out_of_time);
    g_assert_cmpuint(percent_on(memory, "1"), ==, 25);
}

/* The running kernel. */

/// TRUE: the test is skipped, in a container that may not ask.
static gboolean may_not_ask(const GError *error)
{
    gboolean refused = error != NULL && strstr(error->message, "Operation not permitted") != NULL;

    if (refused) {
        g_test_skip(error->message);
    }
    return refused;
}

static void test_pages_on_the_running_kernel(void)
{
    g_autoptr(GError) error = NULL;
    char *memory = mmap(
        NULL, 2 * MEMORY_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    gpointer pages[] = { memory, memory + MEMORY_PAGE };
    int nodes[] = { -1, 7 };

    g_assert_true(memory != MAP_FAILED);
    *memory = 1;
    gboolean seen = kernel_running.move_pages(getpid(), 2, pages, NULL, nodes, &error);
    munmap(memory, 2 * MEMORY_PAGE);
    if (!may_not_ask(error)) {
        g_assert_no_error(error);
        g_assert_true(seen);
        g_assert_cmpint(nodes[0], >=, 0);
        g_assert_cmpint(nodes[1], <, 0);
    }
}

/// Under a sanitizer most of it is shadow that is not touched.
static void test_own_memory_on_the_running_kernel(void)
{
    enum { BYTES = 32 * 1024 * 1024 };
    g_autoptr(FakeRoot) fake = fake_root_new_live();
    g_autoptr(GError) error = NULL;
    Process self;
    char *pages = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    g_assert_true(pages != MAP_FAILED);
    g_assert_true(process_identify(fake->root, getpid(), &self, NULL));
    g_autoptr(Memory) memory = memory_look(fake->root, &kernel_running, &self, &error);
    munmap(pages, BYTES);
    if (!may_not_ask(error)) {
        g_assert_no_error(error);
        g_assert_cmpuint(memory->sampled, >=, MEMORY_SAMPLE);
        g_assert_cmpuint(memory->sampled, <=, MEMORY_SAMPLE_MOST);
    }
}

static void test_no_process_on_the_running_kernel(void)
{
    void *page = NULL;
    int node;
    g_autoptr(GError) error = NULL;

    g_assert_false(kernel_running.move_pages(G_MAXINT, 1, &page, NULL, &node, &error));
    if (!may_not_ask(error)) {
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
    }
}

static void test_freeing_none(void)
{
    memory_free(NULL);
}

static void add_looks(void)
{
    g_test_add_func("/memory/lines-of-maps", test_lines_of_maps);
    g_test_add_func("/memory/several-mappings", test_several_mappings);
    g_test_add_func(
        "/memory/mappings-that-overlap-count-once", test_mappings_that_overlap_count_once);
    g_test_add_func("/memory/all-of-the-address-space", test_all_of_the_address_space);
    g_test_add_func("/memory/untouched-is-not-judged", test_untouched_memory_is_not_judged);
    g_test_add_func(
        "/memory/few-touched-pages-are-not-judged", test_few_touched_pages_are_not_judged);
    g_test_add_func(
        "/memory/look-is-bounded-and-repeats-itself", test_look_is_bounded_and_repeats_itself);
    g_test_add_func("/memory/sample-agrees-with-the-truth", test_sample_agrees_with_the_truth);
    g_test_add_func(
        "/memory/shares-are-rounded-for-the-reader", test_shares_are_rounded_for_the_reader);
    g_test_add_func("/memory/little-of-much-is-judged", test_little_of_much_memory_is_judged);
    g_test_add_func("/memory/sizes", test_sizes);
    g_test_add_func("/memory/process-that-is-ending", test_process_that_is_ending);
    g_test_add_func("/memory/process-that-is-gone", test_process_that_is_gone);
    g_test_add_func("/memory/process-that-is-replaced-while-looked-at",
        test_process_that_is_replaced_while_looked_at);
    g_test_add_func("/memory/memory-that-cannot-be-read", test_memory_that_cannot_be_read);
    g_test_add_func("/memory/freeing-none", test_freeing_none);
}

static void add_moves(void)
{
    g_test_add_func("/memory/remote-memory-is-moved", test_remote_memory_is_moved);
    g_test_add_func("/memory/memory-in-place-is-not-moved", test_memory_in_place_is_not_moved);
    g_test_add_func("/memory/only-guest-memory-is-moved", test_only_guest_memory_is_moved);
    g_test_add_func("/memory/several-nodes-take-turns", test_several_nodes_take_turns);
    g_test_add_func("/memory/hugepages-move-whole", test_hugepages_move_whole);
    g_test_add_func("/memory/hugepages-count-whole", test_hugepages_count_whole);
    g_test_add_func(
        "/memory/kernel-that-pretends-is-seen-through", test_kernel_that_pretends_is_seen_through);
    g_test_add_func("/memory/kernel-that-refuses-is-quoted", test_kernel_that_refuses_is_quoted);
    g_test_add_func(
        "/memory/stuck-pages-hold-up-only-their-block", test_stuck_pages_hold_up_only_their_block);
    g_test_add_func(
        "/memory/given-up-when-nothing-moves", test_moving_is_given_up_when_nothing_moves);
    g_test_add_func("/memory/no-time-moves-nothing", test_no_time_moves_nothing);
    g_test_add_func("/memory/deadline-stops-between-batches", test_deadline_stops_between_batches);
    g_test_add_func("/memory/process-that-ends-while-moved", test_process_that_ends_while_moved);
    g_test_add_func("/memory/pages-on-the-running-kernel", test_pages_on_the_running_kernel);
    g_test_add_func(
        "/memory/own-memory-on-the-running-kernel", test_own_memory_on_the_running_kernel);
    g_test_add_func(
        "/memory/no-process-on-the-running-kernel", test_no_process_on_the_running_kernel);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_looks();
    add_moves();
    return g_test_run();
}
