// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-root.h"

#include "base/cpuset.h"
#include "fakes/scratch.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void make_directory(const FakeRoot *fake, const char *path)
{
    g_autofree char *outside = fake_root_outside(fake, path);

    g_assert_cmpint(g_mkdir_with_parents(outside, 0755), ==, 0);
}

static void make_or_link(FakeRoot *fake, const char *path, gboolean live)
{
    g_autofree char *target = g_strconcat("/", path, NULL);

    if (live) {
        fake_root_link(fake, path, target);
    } else {
        make_directory(fake, path);
    }
}

static FakeRoot *make(gboolean live_proc, gboolean live_sys)
{
    g_autoptr(GError) error = NULL;
    FakeRoot *fake = g_new0(FakeRoot, 1);

    fake->path = scratch_new();
    make_directory(fake, "etc/pve/qemu-server");
    make_directory(fake, "run/qemu-server");
    make_or_link(fake, "proc", live_proc);
    make_or_link(fake, "sys", live_sys);
    fake->root = root_open(fake->path, &error);
    g_assert_no_error(error);
    return fake;
}

FakeRoot *fake_root_new(void)
{
    return make(FALSE, FALSE);
}

FakeRoot *fake_root_new_live(void)
{
    return make(TRUE, TRUE);
}

FakeRoot *fake_root_new_live_proc(void)
{
    return make(TRUE, FALSE);
}

void fake_root_remove_tree(FakeRoot *fake, const char *path)
{
    g_autofree char *outside = fake_root_outside(fake, path);

    scratch_remove(outside);
}

void fake_root_free(FakeRoot *fake)
{
    if (fake == NULL) {
        return;
    }
    root_free(fake->root);
    scratch_remove(fake->path);
    g_free(fake->path);
    g_free(fake);
}

char *fake_root_outside(const FakeRoot *fake, const char *path)
{
    return g_build_filename(fake->path, path, NULL);
}

void fake_root_write_bytes(FakeRoot *fake, const char *path, const char *bytes, gsize length)
{
    g_autofree char *outside = fake_root_outside(fake, path);
    FILE *file = fopen(outside, "we");

    if (file == NULL && errno == ENOENT) {
        g_autofree char *directory = g_path_get_dirname(path);
        make_directory(fake, directory);
        file = fopen(outside, "we");
    }
    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(bytes, 1, length, file), ==, length);
    g_assert_cmpint(fclose(file), ==, 0);
}

void fake_root_write(FakeRoot *fake, const char *path, const char *text)
{
    fake_root_write_bytes(fake, path, text, strlen(text));
}

void fake_root_link(FakeRoot *fake, const char *path, const char *target)
{
    g_autofree char *directory = g_path_get_dirname(path);
    g_autofree char *outside = fake_root_outside(fake, path);

    make_directory(fake, directory);
    g_assert_cmpint(symlink(target, outside), ==, 0);
}

void fake_root_remove(FakeRoot *fake, const char *path)
{
    g_autofree char *outside = fake_root_outside(fake, path);

    g_assert_cmpint(g_remove(outside), ==, 0);
}

/// The fields of proc(5) that are read: state, start time (22) and processor (39).
static char *stat_line(int pid, const char *name, guint64 start_time, int last_cpu)
{
    return g_strdup_printf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %" G_GUINT64_FORMAT
                           " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 %d 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
        pid, name, start_time, last_cpu);
}

void fake_root_add_process(FakeRoot *fake, int pid, guint64 start_time, const char *cmdline)
{
    g_autofree char *stat_path = g_strdup_printf("proc/%d/stat", pid);
    g_autofree char *cmdline_path = g_strdup_printf("proc/%d/cmdline", pid);
    g_autofree char *stat_text = stat_line(pid, "kvm", start_time, 0);
    g_autofree char *arguments = g_strdup(cmdline);
    gsize length = strlen(arguments) + 1;

    g_strdelimit(arguments, " ", '\0');
    fake_root_write(fake, stat_path, stat_text);
    fake_root_write_bytes(fake, cmdline_path, arguments, length);
    fake_root_add_thread(fake, pid, pid, "kvm", 0);
}

void fake_root_add_thread(FakeRoot *fake, int pid, int tid, const char *name, int last_cpu)
{
    g_autofree char *path = g_strdup_printf("proc/%d/task/%d/stat", pid, tid);
    g_autofree char *text = stat_line(tid, name, 1, last_cpu);

    fake_root_write(fake, path, text);
}

static void G_GNUC_PRINTF(3, 4)
    write_number(FakeRoot *fake, const char *value, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *path = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *line = g_strconcat(value, "\n", NULL);
    fake_root_write(fake, path, line);
}

#define CPU_PATH "sys/devices/system/cpu/"
#define NODE_PATH "sys/devices/system/node/"

static char *mask_of_all(guint cpus)
{
    g_autoptr(CpuSet) all = cpuset_new();

    hwloc_bitmap_set_range(all, 0, (int)cpus - 1);
    return cpuset_to_mask(all);
}

static void add_cpu(FakeRoot *fake, guint cpu, guint cores, guint threads)
{
    g_autoptr(CpuSet) siblings = cpuset_new();

    for (guint thread = 0; thread < threads; thread++) {
        hwloc_bitmap_set(siblings, cpu % cores + thread * cores);
    }
    g_autofree char *core_cpus = cpuset_to_mask(siblings);
    g_autofree char *all = mask_of_all(cores * threads);
    g_autofree char *core = g_strdup_printf("%u", cpu % cores);
    write_number(fake, core_cpus, CPU_PATH "cpu%u/topology/core_cpus", cpu);
    write_number(fake, all, CPU_PATH "cpu%u/topology/package_cpus", cpu);
    write_number(fake, core, CPU_PATH "cpu%u/topology/core_id", cpu);
    write_number(fake, "0", CPU_PATH "cpu%u/topology/physical_package_id", cpu);
}

static void add_node(FakeRoot *fake, guint cpus)
{
    g_autofree char *map = mask_of_all(cpus);

    write_number(fake, "0", NODE_PATH "online");
    write_number(fake, "0", NODE_PATH "possible");
    write_number(fake, "0", NODE_PATH "has_cpu");
    write_number(fake, "0", NODE_PATH "has_memory");
    write_number(fake, map, NODE_PATH "node0/cpumap");
    write_number(fake, "10", NODE_PATH "node0/distance");
    fake_root_write(fake, NODE_PATH "node0/meminfo",
        "Node 0 MemTotal:       67108864 kB\nNode 0 MemFree:        50331648 kB\n");
}

void fake_root_add_cpus(FakeRoot *fake, guint cores, guint threads, const char *isolated)
{
    guint cpus = cores * threads;
    g_autofree char *all = g_strdup_printf("0-%u", cpus - 1);

    write_number(fake, all, CPU_PATH "online");
    write_number(fake, all, CPU_PATH "possible");
    write_number(fake, isolated, CPU_PATH "isolated");
    write_number(fake, isolated, CPU_PATH "nohz_full");
    for (guint cpu = 0; cpu < cpus; cpu++) {
        add_cpu(fake, cpu, cores, threads);
    }
    add_node(fake, cpus);
    fake_root_write(fake, "sys/fs/cgroup/system.slice/cgroup.procs", "");
    fake_root_write(fake, "sys/kernel/mm/ksm/run", "0\n");
}

/// What the kernel does of itself stays where nothing is isolated.
static void keep_kernel_off(FakeRoot *fake, guint cpus, const char *isolated)
{
    g_autoptr(CpuSet) others = cpuset_new();
    g_autoptr(CpuSet) set = *isolated != '\0' ? cpuset_parse_list(isolated, ',', NULL)
                                              : cpuset_new();

    hwloc_bitmap_set_range(others, 0, (int)cpus - 1);
    hwloc_bitmap_andnot(others, others, set);
    g_autofree char *mask = cpuset_to_mask(others);
    fake_root_write(fake, "proc/irq/default_smp_affinity", mask);
    fake_root_write(fake, "proc/sys/kernel/watchdog", "0\n");
}

void fake_root_add_host(FakeRoot *fake, guint cores, guint threads, const char *isolated)
{
    fake_root_add_cpus(fake, cores, threads, isolated);
    keep_kernel_off(fake, cores * threads, isolated);
    fake_root_write(fake, "proc/sys/kernel/random/boot_id", "7d0c4b0e-fake\n");
    fake_root_write(fake, "proc/sys/kernel/hostname", "pve1.example.com\n");
}
