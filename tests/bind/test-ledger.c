// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/ledger.h"
#include "fakes/assertions.h"
#include "fakes/fake-kernel.h"
#include "fakes/fake-root.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEADLINE_MS 2000

static const Process task = { .pid = 500, .start_time = 77 };
static const Process qemu = { .pid = 4711, .start_time = 88 };

/// A root of some boot, where process 500 (a task of Proxmox) and 4711 (QEMU of VM 100) run.
static FakeRoot *new_root(void)
{
    FakeRoot *fake = fake_root_new();

    fake_root_write(fake, "proc/sys/kernel/random/boot_id", "this-boot\n");
    fake_root_add_process(fake, task.pid, task.start_time, "task UPID:pve1:qmstart:100");
    fake_root_add_process(
        fake, qemu.pid, qemu.start_time, "/usr/bin/kvm -pidfile /run/qemu-server/100.pid");
    fake_root_write(fake, "run/qemu-server/100.pid", "4711\n");
    return fake;
}

static Ledger *lock(const FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    Ledger *ledger = ledger_lock(fake->root, DEADLINE_MS, &error);

    g_assert_no_error(error);
    return ledger;
}

static void write_entry(const FakeRoot *fake, guint vmid, const Process *owner, const char *cpus)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Ledger) ledger = lock(fake);
    g_autoptr(Plan) plan = fake_plan_new(1, cpus, "0");

    ledger_write(ledger, vmid, owner, owner->pid == qemu.pid ? LEDGER_QEMU : LEDGER_HOOK, plan,
        NULL, &error);
    g_assert_no_error(error);
}

static void lock_once(const FakeRoot *fake)
{
    ledger_free(lock(fake));
}

typedef enum { NONE, HELD, UNKNOWN } Answer;

static Answer look(const FakeRoot *fake, guint vmid)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(LedgerEntry) entry = NULL;

    if (!ledger_read(fake->root, vmid, &entry, &error)) {
        g_test_message("%s", error->message);
        g_assert_nonnull(strstr(error->message, "cannot"));
        return UNKNOWN;
    }
    g_assert_no_error(error);
    return entry != NULL ? HELD : NONE;
}

static gboolean has_entry(const FakeRoot *fake, guint vmid)
{
    Answer answer = look(fake, vmid);

    g_assert_cmpint(answer, !=, UNKNOWN);
    return answer == HELD;
}

/// Of what can be told.
static LedgerEntry *read_entry(const Root *root, guint vmid)
{
    g_autoptr(GError) error = NULL;
    LedgerEntry *entry;

    g_assert_true(ledger_read(root, vmid, &entry, &error));
    g_assert_no_error(error);
    return entry;
}

static char *taken_list(const FakeRoot *fake, guint vmid)
{
    g_autoptr(Taken) taken = ledger_taken(fake->root, vmid, NULL);

    return cpuset_to_list(taken->cpus);
}

static void assert_taken(const FakeRoot *fake, guint vmid, const char *wanted)
{
    g_autofree char *list = taken_list(fake, vmid);

    g_assert_cmpstr(list, ==, wanted);
}

/* Entries. */

static void test_what_was_written_is_read(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 100, &qemu, "2-3");
    g_autoptr(LedgerEntry) entry = read_entry(fake->root, 100);
    g_assert_nonnull(entry);
    g_assert_cmpuint(entry->vmid, ==, 100);
    g_assert_cmpint(entry->owner.pid, ==, qemu.pid);
    g_assert_cmpuint(entry->owner.start_time, ==, qemu.start_time);
    g_assert_cmpint(entry->owner_kind, ==, LEDGER_QEMU);
    g_assert_cmpuint(entry->plan->vcpus->len, ==, 2);
    g_assert_cmpuint(plan_vcpu(entry->plan, 1)->cpu, ==, 3);
}

static void test_nothing_is_read_without_a_ledger(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(GArray) vmids = ledger_list(fake->root, NULL);

    g_assert_false(has_entry(fake, 100));
    g_assert_cmpuint(vmids->len, ==, 0);
    assert_taken(fake, 100, "");
}

static void test_entry_of_a_dead_task_counts_for_nothing(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 101, &task, "2");
    g_assert_true(has_entry(fake, 101));
    fake_root_remove_tree(fake, "proc/500");
    g_assert_false(has_entry(fake, 101));
    assert_taken(fake, 100, "");
}

static void test_pid_of_a_dead_task_given_again_counts_for_nothing(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 101, &task, "2");
    fake_root_add_process(fake, task.pid, task.start_time + 1, "sleep 1");
    g_assert_false(has_entry(fake, 101));
}

static void test_entry_of_nobody_counts_for_nothing(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    Process nobody = { 0 };

    write_entry(fake, 101, &nobody, "2");
    g_assert_false(has_entry(fake, 101));
    assert_taken(fake, 100, "");
}

/// Proxmox removes the pid file while QEMU still ends.
static void test_qemu_owns_for_as_long_as_it_lives(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 100, &qemu, "2");
    g_assert_true(has_entry(fake, 100));
    fake_root_remove(fake, "run/qemu-server/100.pid");
    g_assert_true(has_entry(fake, 100));
    fake_root_remove_tree(fake, "proc/4711");
    g_assert_false(has_entry(fake, 100));
}

static void test_entries_of_another_boot_do_not_count(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 100, &qemu, "2");
    fake_root_write(fake, "proc/sys/kernel/random/boot_id", "next-boot\n");
    g_assert_false(has_entry(fake, 100));
}

static char *replace(const char *text, const char *old, const char *new)
{
    g_auto(GStrv) parts = g_strsplit(text, old, 2);

    g_assert_nonnull(parts[1]);
    return g_strjoinv(new, parts);
}

/// A VM that runs: what cannot be told of its entry is held, if need be by failing.
static void test_spoilt_entries_hold(void)
{
    static const struct {
        const char *old, *new;
        Answer answer;
    } changes[] = {
        { "\"vmid\":100", "\"vmid\":101", HELD },
        { "\"boot\":\"this-boot\"", "\"boot\":1", UNKNOWN },
        { "\"boot\":\"this-boot\",", "", UNKNOWN },
        { "\"pid\":500", "\"pid\":-500", UNKNOWN },
        { "\"pid\":500", "\"pid\":4294967796", UNKNOWN }, // 500 modulo 2^32
        { "\"pid\":500", "\"pid\":500.0", UNKNOWN },
        { "\"pid\":500", "\"pid\":0", UNKNOWN },
        { "\"start_time\":77", "\"start_time\":\"77\"", UNKNOWN },
        { "\"start_time\":77,", "", UNKNOWN },
        { "\"plan\":{", "\"plan\":[], \"was\":{", HELD },
        { "\"plan\":{", "\"was\":{", HELD },
        { "\"cpu\":2", "\"cpu\":9999999", HELD },
        { "\"format\":1", "\"format\":2", HELD },
        { "\"owner\":\"hook\"", "\"owner\":\"somebody\"", HELD },
        { "\"reserved\":\"2\"", "\"reserved\":\"3-\"", HELD }, // it is in the plan, too
        { "{", "[", UNKNOWN },
        { "{", "", UNKNOWN },
    };
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 100, &task, "2");
    g_autofree char *good = root_read(fake->root, "run/pinhook/100.json", NULL, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(changes); i++) {
        g_autofree char *spoilt = replace(good, changes[i].old, changes[i].new);
        fake_root_write(fake, "run/pinhook/100.json", good);
        g_assert_true(has_entry(fake, 100));
        fake_root_write(fake, "run/pinhook/100.json", spoilt);
        g_test_message("%s -> %s", changes[i].old, changes[i].new);
        g_assert_cmpint(look(fake, 100), ==, changes[i].answer);
        lock_once(fake);
        g_assert_cmpint(look(fake, 100), ==, changes[i].answer); // and nobody has removed it
    }
}

/// Not one of them lets another VM onto its CPU.
static void test_entry_cut_anywhere_holds(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    gsize length;

    write_entry(fake, 100, &task, "2");
    g_autofree char *good = root_read(fake->root, "run/pinhook/100.json", &length, NULL);
    for (gsize cut = 0; cut < length; cut++) {
        g_autoptr(GError) error = NULL;
        fake_root_write_bytes(fake, "run/pinhook/100.json", good, cut);
        g_assert_cmpint(look(fake, 100), ==, UNKNOWN);
        g_assert_null(ledger_taken(fake->root, 999, &error));
        g_assert_nonnull(strstr(error->message, "rm /run/pinhook/100.json"));
    }
    /* Of a VM that does not run it is in nobody's way. */
    fake_root_remove(fake, "run/qemu-server/100.pid");
    g_assert_cmpint(look(fake, 100), ==, NONE);
    assert_taken(fake, 999, "");
}

/// What cannot be read of the world, one thing at a time: a directory in a file's place (EISDIR).
static void test_world_that_cannot_be_read_holds(void)
{
    static const char *const paths[] = { "run/pinhook/100.json", "proc/sys/kernel/random/boot_id",
        "proc/500/stat" };

    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(FakeRoot) fake = new_root();
        g_autofree char *inside = g_strconcat(paths[i], "/x", NULL);
        write_entry(fake, 100, &task, "2");
        g_assert_true(has_entry(fake, 100));
        fake_root_remove(fake, paths[i]);
        fake_root_write(fake, inside, "");
        g_assert_cmpint(look(fake, 100), ==, UNKNOWN);
        g_autoptr(Taken) taken = ledger_taken(fake->root, 999, NULL);
        g_assert_true(taken == NULL || hwloc_bitmap_isset(taken->cpus, 2));
    }
}

static void test_lock_removes_what_is_dead(void)
{
    static const char *const dead[] = { "101.json", "102.json", "103.json", "103.json.tmp",
        "104.tmp" };
    static const char *const kept[] = { "100.json", "notes", "7.json", "100.json.bak", "a.json" };
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 100, &qemu, "2");
    write_entry(fake, 101, &task, "3");
    fake_root_write(fake, "run/pinhook/102.json", "{\"vmid\":102");
    for (gsize i = 2; i < G_N_ELEMENTS(dead); i++) {
        g_autofree char *path = g_build_filename("run/pinhook", dead[i], NULL);
        fake_root_write(fake, path, "");
    }
    for (gsize i = 1; i < G_N_ELEMENTS(kept); i++) {
        g_autofree char *path = g_build_filename("run/pinhook", kept[i], NULL);
        fake_root_write(fake, path, "");
    }
    fake_root_remove_tree(fake, "proc/500");
    lock_once(fake);
    g_auto(GStrv) names = root_list(fake->root, "run/pinhook", NULL);
    g_assert_cmpuint(g_strv_length(names), ==, G_N_ELEMENTS(kept) + 1); // and the lock
    for (gsize i = 0; i < G_N_ELEMENTS(kept); i++) {
        g_assert_true(g_strv_contains((const char *const *)names, kept[i]));
    }
}

static void test_list_is_of_vmids_ascending(void)
{
    static const char *const names[] = { "1000.json", "101.json", "99.json", "abc.json", "102.txt",
        "103.json.tmp", "0104.json.json", "9999999999.json", "lock" };
    g_autoptr(FakeRoot) fake = new_root();

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename("run/pinhook", names[i], NULL);
        fake_root_write(fake, path, "");
    }
    g_autoptr(GArray) vmids = ledger_list(fake->root, NULL);
    g_assert_cmpuint(vmids->len, ==, 2);
    g_assert_cmpuint(g_array_index(vmids, guint, 0), ==, 101);
    g_assert_cmpuint(g_array_index(vmids, guint, 1), ==, 1000);
}

static void test_removed_entry_is_gone(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(GError) error = NULL;

    write_entry(fake, 100, &qemu, "2");
    g_autoptr(Ledger) ledger = lock(fake);
    g_assert_true(ledger_remove(ledger, 100, &error));
    g_assert_false(has_entry(fake, 100));
    g_assert_true(ledger_remove(ledger, 100, &error));
    g_assert_no_error(error);
}

/* A reader that has the old file open still reads it whole. */
static void test_entry_is_replaced_not_overwritten(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    char first[4096] = "", later[4096] = "";

    write_entry(fake, 100, &qemu, "2");
    int fd = root_openat(fake->root, "run/pinhook/100.json", O_RDONLY, 0, NULL);
    g_assert_cmpint(pread(fd, first, sizeof(first), 0), >, 0);
    write_entry(fake, 100, &qemu, "4-7");
    g_assert_cmpint(pread(fd, later, sizeof(later), 0), >, 0);
    close(fd);
    g_assert_cmpstr(first, ==, later);
    g_assert_false(root_exists(fake->root, "run/pinhook/100.json.tmp"));
}

/* The lock. */

static void assert_lock_times_out(const FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    gint64 before = g_get_monotonic_time();

    g_assert_null(ledger_lock(fake->root, 50, &error));
    assert_ended_by(before, 50);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "50 ms"));
    g_assert_nonnull(strstr(error->message, "/run/pinhook/lock"));
    g_assert_cmpint(g_get_monotonic_time() - before, >=, 50000);
}

static void test_second_lock_times_out(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(Ledger) ledger = lock(fake);

    g_assert_nonnull(ledger);
    assert_lock_times_out(fake);
}

static void test_lock_of_another_process_is_respected(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    int ready[2];
    char byte;

    g_assert_cmpint(pipe(ready), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        Ledger *held = lock(fake);
        _exit(held != NULL && write(ready[1], "", 1) == 1 && pause() ? 0 : 1);
    }
    g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
    assert_lock_times_out(fake);
    kill(child, SIGKILL);
    g_assert_cmpint(waitpid(child, NULL, 0), ==, child);
    lock_once(fake); // a dead holder holds nothing
    close(ready[0]);
    close(ready[1]);
}

static void test_freed_lock_can_be_had(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    lock_once(fake);
    lock_once(fake);
}

/* A ledger that cannot be used. */

static void assert_no_lock(const FakeRoot *fake, const char *named)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(ledger_lock(fake->root, DEADLINE_MS, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, named));
    assert_taken(fake, 100, "");
}

static void test_file_in_the_ledgers_place_is_said(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "run/pinhook", "");
    assert_no_lock(fake, "/run/pinhook");
}

static void test_link_out_in_the_ledgers_place_is_said(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(FakeRoot) other = fake_root_new();

    fake_root_link(fake, "run/pinhook", other->path);
    assert_no_lock(fake, "/run/pinhook");
    g_assert_false(root_exists(other->root, "lock"));
}

static void test_directory_in_the_locks_place_is_said(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "run/pinhook/lock/file", "");
    assert_no_lock(fake, "/run/pinhook/lock");
}

static void test_absent_run_is_said(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_remove_tree(fake, "run");
    assert_no_lock(fake, "/run");
}

static void assert_not_written(const FakeRoot *fake, Ledger *ledger)
{
    g_autoptr(Plan) plan = fake_plan_new(1, "5", "0");
    g_autoptr(GError) error = NULL;

    g_assert_false(ledger_write(ledger, 100, &qemu, LEDGER_QEMU, plan, NULL, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, "100.json"));
}

static void test_directory_in_an_entrys_place_is_said(void)
{
    static const char *const paths[] = { "run/pinhook/100.json/file",
        "run/pinhook/100.json.tmp/file" };

    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(FakeRoot) fake = new_root();
        fake_root_write(fake, paths[i], "");
        g_autoptr(Ledger) ledger = lock(fake);
        g_autoptr(GError) error = NULL;
        assert_not_written(fake, ledger);
        g_autoptr(Taken) taken = ledger_taken(fake->root, 101, &error);
        g_assert_true((taken == NULL) == (i == 0));
        g_assert_true(taken != NULL || strstr(error->message, "/run/pinhook/100.json") != NULL);
    }
}

/* A file size limit makes write() fail half way, as a full disk does. */
static void test_full_disk_leaves_the_old_entry(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    struct rlimit before, tiny;

    write_entry(fake, 100, &qemu, "2");
    g_autoptr(Ledger) ledger = lock(fake);
    getrlimit(RLIMIT_FSIZE, &before);
    tiny = (struct rlimit){ .rlim_cur = 10, .rlim_max = before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tiny);
    g_autoptr(Plan) plan = fake_plan_new(1, "5", "0");
    g_autoptr(GError) error = NULL;
    gboolean written = ledger_write(ledger, 100, &qemu, LEDGER_QEMU, plan, NULL, &error);
    setrlimit(RLIMIT_FSIZE, &before);

    g_assert_false(written);
    g_assert_nonnull(strstr(error->message, "100.json"));
    g_assert_false(root_exists(fake->root, "run/pinhook/100.json.tmp"));
    assert_taken(fake, 101, "2");
}

enum { CHILD_GOOD, CHILD_BAD, CHILD_SKIP };

static int lock_on_a_read_only_mount(const FakeRoot *fake)
{
    g_autofree char *run = fake_root_outside(fake, "run");
    g_autoptr(GError) error = NULL;

    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount(run, run, NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, run, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0) {
        return CHILD_SKIP;
    }
    g_autoptr(Root) root = root_open(fake->path, NULL);
    g_autoptr(Ledger) ledger = ledger_lock(root, DEADLINE_MS, &error);
    g_autoptr(LedgerEntry) entry = read_entry(root, 100);
    return ledger == NULL && error != NULL && entry != NULL ? CHILD_GOOD : CHILD_BAD;
}

static void test_read_only_ledger_is_said(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    int status;

    write_entry(fake, 100, &qemu, "2");
    pid_t child = fork();
    if (child == 0) {
        _exit(lock_on_a_read_only_mount(fake));
    }
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CHILD_SKIP) {
        g_test_skip("no file system can be mounted here");
        return;
    }
    g_assert_cmpint(WEXITSTATUS(status), ==, CHILD_GOOD);
}

/* What others hold. */

static void test_others_hold_what_they_reserved(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    write_entry(fake, 100, &qemu, "2");
    write_entry(fake, 101, &task, "3,5");
    assert_taken(fake, 100, "3,5");
    assert_taken(fake, 101, "2");
    assert_taken(fake, 102, "2-3,5");
}

static void test_spare_core_is_held_too(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(Ledger) ledger = lock(fake);
    g_autoptr(Plan) plan = fake_plan_new(1, "2", "6");

    hwloc_bitmap_set(plan->reserved, 6);
    g_assert_true(ledger_write(ledger, 100, &qemu, LEDGER_QEMU, plan, NULL, NULL));
    assert_taken(fake, 101, "2,6");
}

static void test_running_vm_holds_its_affinity(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "etc/pve/qemu-server/100.conf", "cores: 2\naffinity: 4-5\n");
    fake_root_write(fake, "etc/pve/qemu-server/101.conf", "cores: 2\naffinity: 6-7\n");
    assert_taken(fake, 102, "4-5"); // 101 does not run
    assert_taken(fake, 100, "");
}

static void test_reservation_counts_in_place_of_affinity(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "etc/pve/qemu-server/100.conf", "cores: 1\naffinity: 4-7\n");
    write_entry(fake, 100, &qemu, "4");
    assert_taken(fake, 102, "4");
}

static void test_running_container_holds_its_cpuset(void)
{
    static const struct {
        const char *config, *taken;
    } containers[] = {
        { "lxc.cgroup2.cpuset.cpus: 8-9\n", "8-9" },
        { "arch: amd64\nlxc.cgroup.cpuset.cpus: 8,10\n", "8,10" },
        { "lxc.cgroup2.cpuset.cpus = 8-9\n", "8-9" },
        { "lxc.cgroup2.cpuset.cpus: 8\nlxc.cgroup2.cpuset.cpus: 9\n", "9" },
        { "cores: 2\n[before]\nlxc.cgroup2.cpuset.cpus: 8-9\n", "" },
        { "#lxc.cgroup2.cpuset.cpus: 8-9\n", "" },
        { "lxc.cgroup2.cpuset.cpus: many\n", "" },
        { "", "" },
    };
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "sys/fs/cgroup/lxc/200/cgroup.procs", "");
    for (gsize i = 0; i < G_N_ELEMENTS(containers); i++) {
        g_test_message("%s", containers[i].config);
        fake_root_write(fake, "etc/pve/lxc/200.conf", containers[i].config);
        assert_taken(fake, 100, containers[i].taken);
    }
}

static void test_running_container_without_a_cpuset_only_visits(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "etc/pve/lxc/200.conf", "cores: 2\n");
    fake_root_write(fake, "etc/pve/lxc/201.conf", "lxc.cgroup2.cpuset.cpus: 8-9\n");
    fake_root_write(fake, "sys/fs/cgroup/lxc/200/ns/cpuset.cpus.effective", "2-3\n");
    fake_root_write(fake, "sys/fs/cgroup/lxc/201/ns/cpuset.cpus.effective", "8-9\n");
    assert_taken(fake, 100, "8-9");
    g_autoptr(Taken) taken = ledger_taken(fake->root, 100, NULL);
    g_assert_cmpuint(taken->visitors->len, ==, 1);
    const Holding *visitor = taken->visitors->pdata[0];
    g_autofree char *list = cpuset_to_list(visitor->cpus);
    g_assert_cmpuint(visitor->vmid, ==, 200);
    g_assert_cmpstr(list, ==, "2-3");
}

static void test_stopped_container_holds_nothing(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "etc/pve/lxc/200.conf", "lxc.cgroup2.cpuset.cpus: 8-9\n");
    assert_taken(fake, 100, "");
}

/* Many at once. */

enum { HOLDERS = 4, CPUS = 3, ROUNDS = 50 };

/// Takes a free CPU by the ledger, and proves by a file of its own that nobody else has it.
static gboolean take_and_give_back(const FakeRoot *fake, guint vmid, const Process *self)
{
    g_autoptr(Ledger) ledger = ledger_lock(fake->root, 20000, NULL);
    g_autoptr(Taken) taken = ledger_taken(fake->root, vmid, NULL);
    guint cpu = 0;

    while (cpu < CPUS && hwloc_bitmap_isset(taken->cpus, cpu)) {
        cpu++;
    }
    if (ledger == NULL || cpu == CPUS) {
        return ledger != NULL;
    }
    g_autofree char *list = g_strdup_printf("%u", cpu);
    g_autofree char *path = g_strdup_printf("run/cpu%u", cpu);
    g_autofree char *mark = fake_root_outside(fake, path);
    g_autoptr(Plan) plan = fake_plan_new(1, list, "0");
    gboolean good = ledger_write(ledger, vmid, self, LEDGER_HOOK, plan, NULL, NULL);
    g_clear_pointer(&ledger, ledger_free);
    int fd = open(mark, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    good = good && fd >= 0 && sched_yield() == 0 && unlink(mark) == 0 && close(fd) == 0;
    ledger = ledger_lock(fake->root, 20000, NULL);
    return good && ledger != NULL && ledger_remove(ledger, vmid, NULL);
}

static int hold_often(const FakeRoot *fake, guint vmid)
{
    Process self;
    gboolean good = process_identify(fake->root, (int)getpid(), &self, NULL);

    for (guint round = 0; good && round < ROUNDS; round++) {
        good = take_and_give_back(fake, vmid, &self);
    }
    return good ? 0 : 1;
}

static void test_no_cpu_has_two_holders(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();
    pid_t children[HOLDERS];

    for (guint i = 0; i < HOLDERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            _exit(hold_often(fake, 100 + i));
        }
    }
    for (guint i = 0; i < HOLDERS; i++) {
        int status;
        g_assert_cmpint(waitpid(children[i], &status, 0), ==, children[i]);
        g_assert_cmpint(status, ==, 0);
    }
    g_autoptr(GArray) left = ledger_list(fake->root, NULL);
    g_assert_cmpuint(left->len, ==, 0);
}

static void test_what_was_told_is_told_once(void)
{
    g_autoptr(FakeRoot) fake = new_root();

    g_assert_true(ledger_told_before(fake->root, 100, ""));
    g_assert_false(root_exists(fake->root, "run/pinhook"));
    g_assert_false(ledger_told_before(fake->root, 100, "not proven"));
    g_assert_true(ledger_told_before(fake->root, 100, "not proven"));
    lock_once(fake); // it runs
    g_assert_true(ledger_told_before(fake->root, 100, "not proven"));
    g_assert_false(ledger_told_before(fake->root, 100, "not proven for something else"));
    g_assert_false(ledger_told_before(fake->root, 100, ""));
    g_assert_false(ledger_told_before(fake->root, 100, "not proven"));
    fake_root_remove(fake, "run/qemu-server/100.pid");
    lock_once(fake);
    g_assert_false(root_exists(fake->root, "run/pinhook/100.told"));
}

/// None, free, held, and a loop of links, of which nothing can be told.
static void test_who_holds_an_entry_has_three_answers(void)
{
    g_autoptr(FakeRoot) fake = new_root();
    g_autoptr(GError) error = NULL;
    gboolean held = TRUE;

    g_assert_true(ledger_look_held(fake->root, 100, &held, &error));
    g_assert_false(held);
    held = TRUE;
    write_entry(fake, 100, &qemu, "2");
    g_assert_true(ledger_look_held(fake->root, 100, &held, &error));
    g_assert_false(held);
    int hold = root_openat(fake->root, "run/pinhook/100.json", O_RDONLY, 0, &error);
    g_assert_cmpint(flock(hold, LOCK_EX), ==, 0);
    g_assert_true(ledger_look_held(fake->root, 100, &held, &error));
    g_assert_true(held);
    close(hold);
    g_assert_no_error(error);
    fake_root_remove(fake, "run/pinhook/100.json");
    fake_root_link(fake, "run/pinhook/100.json", "100.json");
    g_assert_false(ledger_look_held(fake->root, 100, &held, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
}

static void test_ledger_is_roots_alone(void)
{
    static const char *const paths[] = { "run/pinhook", "run/pinhook/100.json",
        "run/pinhook/lock" };
    g_autoptr(FakeRoot) fake = new_root();

    fake_root_write(fake, "run/pinhook/old", ""); // as an older pinhook made the directory: 0755
    write_entry(fake, 100, &qemu, "2");
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *outside = fake_root_outside(fake, paths[i]);
        struct stat info;
        g_assert_cmpint(stat(outside, &info), ==, 0);
        g_assert_cmpuint(info.st_mode & 077, ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ledger/what-was-written-is-read", test_what_was_written_is_read);
    g_test_add_func(
        "/ledger/nothing-is-read-without-a-ledger", test_nothing_is_read_without_a_ledger);
    g_test_add_func("/ledger/entry-of-a-dead-task-counts-for-nothing",
        test_entry_of_a_dead_task_counts_for_nothing);
    g_test_add_func("/ledger/pid-of-a-dead-task-given-again-counts-for-nothing",
        test_pid_of_a_dead_task_given_again_counts_for_nothing);
    g_test_add_func(
        "/ledger/entry-of-nobody-counts-for-nothing", test_entry_of_nobody_counts_for_nothing);
    g_test_add_func(
        "/ledger/qemu-owns-for-as-long-as-it-lives", test_qemu_owns_for_as_long_as_it_lives);
    g_test_add_func(
        "/ledger/entries-of-another-boot-do-not-count", test_entries_of_another_boot_do_not_count);
    g_test_add_func("/ledger/spoilt-entries-hold", test_spoilt_entries_hold);
    g_test_add_func(
        "/ledger/world-that-cannot-be-read-holds", test_world_that_cannot_be_read_holds);
    g_test_add_func("/ledger/entry-cut-anywhere-holds", test_entry_cut_anywhere_holds);
    g_test_add_func("/ledger/lock-removes-what-is-dead", test_lock_removes_what_is_dead);
    g_test_add_func("/ledger/list-is-of-vmids-ascending", test_list_is_of_vmids_ascending);
    g_test_add_func("/ledger/removed-entry-is-gone", test_removed_entry_is_gone);
    g_test_add_func(
        "/ledger/entry-is-replaced-not-overwritten", test_entry_is_replaced_not_overwritten);
    g_test_add_func("/ledger/second-lock-times-out", test_second_lock_times_out);
    g_test_add_func(
        "/ledger/lock-of-another-process-is-respected", test_lock_of_another_process_is_respected);
    g_test_add_func("/ledger/freed-lock-can-be-had", test_freed_lock_can_be_had);
    g_test_add_func(
        "/ledger/file-in-the-ledgers-place-is-said", test_file_in_the_ledgers_place_is_said);
    g_test_add_func("/ledger/link-out-in-the-ledgers-place-is-said",
        test_link_out_in_the_ledgers_place_is_said);
    g_test_add_func(
        "/ledger/directory-in-the-locks-place-is-said", test_directory_in_the_locks_place_is_said);
    g_test_add_func("/ledger/absent-run-is-said", test_absent_run_is_said);
    g_test_add_func(
        "/ledger/directory-in-an-entrys-place-is-said", test_directory_in_an_entrys_place_is_said);
    g_test_add_func("/ledger/full-disk-leaves-the-old-entry", test_full_disk_leaves_the_old_entry);
    g_test_add_func("/ledger/read-only-ledger-is-said", test_read_only_ledger_is_said);
    g_test_add_func("/ledger/others-hold-what-they-reserved", test_others_hold_what_they_reserved);
    g_test_add_func("/ledger/spare-core-is-held-too", test_spare_core_is_held_too);
    g_test_add_func("/ledger/running-vm-holds-its-affinity", test_running_vm_holds_its_affinity);
    g_test_add_func("/ledger/reservation-counts-in-place-of-affinity",
        test_reservation_counts_in_place_of_affinity);
    g_test_add_func(
        "/ledger/running-container-holds-its-cpuset", test_running_container_holds_its_cpuset);
    g_test_add_func("/ledger/taken/visitor", test_running_container_without_a_cpuset_only_visits);
    g_test_add_func(
        "/ledger/stopped-container-holds-nothing", test_stopped_container_holds_nothing);
    g_test_add_func("/ledger/no-cpu-has-two-holders", test_no_cpu_has_two_holders);
    g_test_add_func("/ledger/what-was-told-is-told-once", test_what_was_told_is_told_once);
    g_test_add_func(
        "/ledger/who-holds-an-entry-has-three-answers", test_who_holds_an_entry_has_three_answers);
    g_test_add_func("/ledger/is-roots-alone", test_ledger_is_roots_alone);
    return g_test_run();
}
