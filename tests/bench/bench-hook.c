// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the hook costs a start: wall and CPU time of pre-start and post-start through the installed
 * launcher against a real QEMU, in turn with a bare C program that only connects, asks and binds.
 * Medians; each run starts from an empty ledger and unbound threads. `repair` finds nothing to
 * bind. `pre-stop` does nothing: it is what loading the libraries costs; `true` is what starting
 * any program costs here.
 *
 *     meson setup --buildtype=release /tmp/bench
 *     TMPDIR=/dev/shm meson test -C /tmp/bench --benchmark -v
 *
 * on a machine that is otherwise idle; TMPDIR on a tmpfs, as /run is one. ROUNDS in the
 * environment: how many runs (50). */
#include "fakes/real-qemu.h"

#include <glib/gstdio.h>
#include <sched.h>

enum { VMID = 101 };

/// One program that is measured.
typedef struct {
    const char *name;
    GPtrArray *argv;
    GArray *wall_us, *cpu_us; // one a run
} Subject;

enum { PRE_START, POST_START, REPAIR, BARE, PRE_STOP, NOTHING, SUBJECTS };

typedef struct {
    FakeRoot *fake;
    Installed *hook;
    RealQemu *qemu;
    guint vcpus;
    Subject subjects[SUBJECTS];
} Bench;

/* The scene. */

static void add_subject(Bench *bench, guint which, const char *name, ...) G_GNUC_NULL_TERMINATED;

static void add_subject(Bench *bench, guint which, const char *name, ...)
{
    Subject *subject = &bench->subjects[which];
    const char *argument;
    va_list arguments;

    *subject = (Subject){ .name = name,
        .argv = g_ptr_array_new_with_free_func(g_free),
        .wall_us = g_array_new(FALSE, FALSE, sizeof(gint64)),
        .cpu_us = g_array_new(FALSE, FALSE, sizeof(gint64)) };
    va_start(arguments, name);
    while ((argument = va_arg(arguments, const char *)) != NULL) {
        g_ptr_array_add(subject->argv, g_strdup(argument));
    }
    va_end(arguments);
}

static void add_bare(Bench *bench)
{
    g_autofree char *socket = fake_root_outside(bench->fake, "run/qemu-server/101.qmp");
    g_autoptr(CpuSet) cpus = real_qemu_usable_cpus();
    int cpu = -1;

    add_subject(bench, BARE, "bare", g_getenv("PINHOOK_BARE"), socket, NULL);
    for (guint i = 0; i < bench->vcpus; i++) {
        cpu = hwloc_bitmap_next(cpus, cpu);
        g_ptr_array_add(bench->subjects[BARE].argv, g_strdup_printf("%d", cpu));
    }
}

static void add_subjects(Bench *bench)
{
    const char *program = bench->hook->program, *root = bench->fake->path;

    add_subject(bench, PRE_START, "pre-start", program, "--root", root, "101", "pre-start", NULL);
    add_subject(
        bench, POST_START, "post-start", program, "--root", root, "101", "post-start", NULL);
    add_subject(bench, REPAIR, "repair", program, "--root", root, "repair", "101", NULL);
    add_bare(bench);
    add_subject(bench, PRE_STOP, "pre-stop", program, "--root", root, "101", "pre-stop", NULL);
    add_subject(bench, NOTHING, "true", "/bin/true", NULL);
    for (guint i = 0; i < SUBJECTS; i++) {
        g_ptr_array_add(bench->subjects[i].argv, NULL);
    }
}

/// The guest is held by -S all the time, so that it takes no CPU from what is measured.
static void set_up(Bench *bench)
{
    g_autoptr(CpuSet) usable = real_qemu_usable_cpus();
    g_autofree char *cpus = NULL;

    bench->vcpus = MIN(cpuset_count(usable), 2);
    bench->fake = fake_root_new_live();
    bench->hook = installed_new();
    cpus = real_qemu_first_cpus(bench->vcpus);
    g_autofree char *config = g_strdup_printf(
        "cores: %u\nmemory: 64\naffinity: %s\n", bench->vcpus, cpus);
    fake_root_write(bench->fake, "etc/pve/pinhook.conf", REAL_QEMU_POLICY);
    fake_root_write(bench->fake, "etc/pve/qemu-server/101.conf", config);
    bench->qemu = real_qemu_new(bench->fake, VMID,
        &(RealQemuShape){
            .present = bench->vcpus, .most = bench->vcpus, .frozen = TRUE, .iothread = TRUE });
    add_subjects(bench);
}

static void tear_down(Bench *bench)
{
    for (guint i = 0; i < SUBJECTS; i++) {
        g_ptr_array_unref(bench->subjects[i].argv);
        g_array_unref(bench->subjects[i].wall_us);
        g_array_unref(bench->subjects[i].cpu_us);
    }
    real_qemu_free(bench->qemu);
    installed_free(bench->hook);
    fake_root_free(bench->fake);
}

/* The runs. */

/// All threads of QEMU where this program may run, and no ledger entry.
static void forget(const Bench *bench)
{
    g_autofree char *entry = fake_root_outside(bench->fake, "run/pinhook/101.json");
    g_autoptr(GArray) tids = real_qemu_tids(bench->qemu);
    cpu_set_t everywhere[8]; // 8192 CPUs

    g_assert_cmpint(sched_getaffinity(0, sizeof(everywhere), everywhere), ==, 0);
    for (guint i = 0; i < tids->len; i++) {
        int tid = g_array_index(tids, int, i);
        g_assert_cmpint(sched_setaffinity(tid, sizeof(everywhere), everywhere), ==, 0);
    }
    g_remove(entry);
}

static void run(const Subject *subject)
{
    g_autoptr(Ended) ended = run_program((const char *const *)subject->argv->pdata, NULL);

    if (ended->exit_status != 0) {
        g_error("%s: exit status %d: %s", subject->name, ended->exit_status, ended->err);
    }
    g_array_append_val(subject->wall_us, ended->wall_us);
    g_array_append_val(subject->cpu_us, ended->cpu_us);
}

static void run_round(const Bench *bench)
{
    forget(bench);
    run(&bench->subjects[PRE_START]);
    run(&bench->subjects[POST_START]);
    run(&bench->subjects[REPAIR]);
    forget(bench);
    run(&bench->subjects[BARE]);
    run(&bench->subjects[PRE_STOP]);
    run(&bench->subjects[NOTHING]);
}

/* The numbers. */

static int compare_times(gconstpointer a, gconstpointer b)
{
    const gint64 *first = a, *second = b;

    return *first < *second ? -1 : *first > *second;
}

/// In ms.
static double median(const GArray *times)
{
    g_autoptr(GArray) sorted = g_array_copy((GArray *)times);

    g_array_sort(sorted, compare_times);
    return (double)g_array_index(sorted, gint64, sorted->len / 2) / 1000;
}

/// The sum of two programs' times, run by run.
static GArray *add_times(const GArray *first, const GArray *second)
{
    GArray *sums = g_array_new(FALSE, FALSE, sizeof(gint64));

    for (guint i = 0; i < first->len; i++) {
        gint64 sum = g_array_index(first, gint64, i) + g_array_index(second, gint64, i);
        g_array_append_val(sums, sum);
    }
    return sums;
}

static void print_row(const char *name, double wall_ms, double cpu_ms, const Subject *bare)
{
    g_print("%-12s %8.2f %8.2f %9.2fx %8.2fx\n", name, wall_ms, cpu_ms,
        wall_ms / median(bare->wall_us), cpu_ms / median(bare->cpu_us));
}

static void print_times(const Bench *bench)
{
    const Subject *before = &bench->subjects[PRE_START], *after = &bench->subjects[POST_START];
    g_autoptr(GArray) wall_us = add_times(before->wall_us, after->wall_us);
    g_autoptr(GArray) cpu_us = add_times(before->cpu_us, after->cpu_us);

    g_print("%u runs, %u vCPUs, medians\n%-12s %8s %8s %10s %9s\n", wall_us->len, bench->vcpus, "",
        "wall ms", "CPU ms", "wall/bare", "CPU/bare");
    for (guint i = 0; i < SUBJECTS; i++) {
        const Subject *subject = &bench->subjects[i];
        print_row(subject->name, median(subject->wall_us), median(subject->cpu_us),
            &bench->subjects[BARE]);
    }
    print_row("both phases", median(wall_us), median(cpu_us), &bench->subjects[BARE]);
}

int main(void)
{
    const char *rounds = g_getenv("ROUNDS");
    guint64 count = rounds != NULL ? g_ascii_strtoull(rounds, NULL, 10) : 50;
    Bench bench = { 0 };

    if (!real_qemu_is_installed()) {
        g_print("there is no qemu-system-x86_64\n");
        return 77; // meson: skipped
    }
    set_up(&bench);
    for (guint64 i = 0; i < MAX(count, 1); i++) {
        run_round(&bench);
    }
    print_times(&bench);
    tear_down(&bench);
    return 0;
}
