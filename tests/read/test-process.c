// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "read/process.h"
#include "fakes/fake-root.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIDFILE "run/qemu-server/100.pid"
#define KVM "/usr/bin/kvm -id 100 -pidfile /run/qemu-server/100.pid -daemonize"

static void write_stat(FakeRoot *fake, int pid, const char *name, char state, guint64 start_time)
{
    g_autofree char *path = g_strdup_printf("proc/%d/stat", pid);
    g_autofree char *text = g_strdup_printf("%d (%s) %c 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 "
                                            "%" G_GUINT64_FORMAT
                                            " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 7 0 0\n",
        pid, name, state, start_time);

    fake_root_write(fake, path, text);
}

static gboolean is_alive(const Root *root, const Process *process)
{
    g_autoptr(GError) error = NULL;
    gboolean alive;

    g_assert_true(process_look(root, process, &alive, &error));
    g_assert_no_error(error);
    return alive;
}

static void test_stat_is_read(void)
{
    static const char *const names[] = { "kvm", "CPU 0/KVM", "a) S 1 (b", "()", ")", "", "(((",
        "two\nlines" };
    g_autoptr(FakeRoot) fake = fake_root_new();

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;
        ProcessStat stat;
        write_stat(fake, 4711, names[i], 'R', 123456789012345);
        process_read_stat(fake->root, "proc/4711/stat", &stat, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(stat.name, ==, names[i]);
        g_assert_cmpint(stat.state, ==, 'R');
        g_assert_cmpuint(stat.start_time, ==, 123456789012345);
        g_assert_cmpint(stat.last_cpu, ==, 7);
        g_free(stat.name);
    }
}

static void test_rubbish_is_no_stat(void)
{
    static const char *const texts[] = {
        "", "\n", "4711", "4711 (kvm", "4711 kvm) S 1", "4711 )kvm( S", "4711 (kvm)",
        "4711 (kvm) S 1 2 3\n",
        "4711 (kvm) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 -5 "
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 7 0 0\n",
        "4711 (kvm) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 "
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 99999999999 0 0\n",
        "4711 (kvm)  1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 7\n"
    };
    g_autoptr(FakeRoot) fake = fake_root_new();

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        ProcessStat stat;
        fake_root_write(fake, "proc/4711/stat", texts[i]);
        g_assert_false(process_read_stat(fake->root, "proc/4711/stat", &stat, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
    }
}

static void test_this_process_is_identified(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();
    g_autoptr(GError) error = NULL;
    int pid = (int)getpid();
    Process process;

    g_assert_true(process_identify(fake->root, pid, &process, &error));
    g_assert_cmpint(process.pid, ==, pid);
    g_assert_true(is_alive(fake->root, &process));
}

static void test_ended_process_is_gone(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    Process process = { .pid = 7, .start_time = 8 };

    for (int pid = -1; pid <= 1; pid++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(process_identify(fake->root, pid, &process, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
    }
    g_assert_cmpint(process.pid, ==, 7);
    g_assert_cmpuint(process.start_time, ==, 8);
}

static void test_zombie_is_gone(void)
{
    static const char states[] = { 'Z', 'X' };
    g_autoptr(FakeRoot) fake = fake_root_new();

    for (gsize i = 0; i < G_N_ELEMENTS(states); i++) {
        g_autoptr(GError) error = NULL;
        Process process;
        write_stat(fake, 4711, "kvm", states[i], 5);
        g_assert_false(process_identify(fake->root, 4711, &process, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
        process = (Process){ .pid = 4711, .start_time = 5 };
        g_assert_false(is_alive(fake->root, &process));
    }
}

static void test_later_process_with_the_pid_is_another(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    Process process;

    fake_root_add_process(fake, 4711, 100, "kvm");
    g_assert_true(process_identify(fake->root, 4711, &process, NULL));
    g_assert_cmpuint(process.start_time, ==, 100);
    g_assert_true(is_alive(fake->root, &process));
    fake_root_add_process(fake, 4711, 101, "kvm");
    g_assert_false(is_alive(fake->root, &process));
}

static void test_nobody_does_not_live(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    Process nobody = { 0 };

    write_stat(fake, 0, "swapper", 'R', 0);
    g_assert_false(is_alive(fake->root, &nobody));
}

/// A root where process 4711 has this command line and 100.pid names it.
static FakeRoot *new_with_process(const char *cmdline)
{
    FakeRoot *fake = fake_root_new();

    fake_root_write(fake, PIDFILE, "4711\n");
    fake_root_add_process(fake, 4711, 100, cmdline);
    return fake;
}

static void assert_is_vm(const FakeRoot *fake)
{
    g_autoptr(GError) error = NULL;
    Process process;

    process_of_vm(fake->root, 100, &process, &error);
    g_assert_no_error(error);
    g_assert_cmpint(process.pid, ==, 4711);
    g_assert_cmpuint(process.start_time, ==, 100);
}

static void assert_no_vm(const FakeRoot *fake, PinhookError code)
{
    g_autoptr(GError) error = NULL;
    Process process = { .pid = 5 };

    g_assert_false(process_of_vm(fake->root, 100, &process, &error));
    g_assert_error(error, PINHOOK_ERROR, (int)code);
    g_assert_cmpint(process.pid, ==, 5);
}

static void test_command_lines_of_a_vm(void)
{
    static const char *const cmdlines[] = {
        KVM,
        "/usr/bin/kvm --pidfile /run/qemu-server/100.pid",
        "kvm -pidfile /run/qemu-server/100.pid",
        "/usr/bin/qemu-kvm -pidfile /run/qemu-server/100.pid",
        "/usr/bin/qemu-system-x86_64 -pidfile /run/qemu-server/100.pid",
        "/usr/bin/kvm -pidfile /run/qemu-server/../qemu-server/100.pid",
        "/usr/bin/kvm -pidfile /var/run/qemu-server/100.pid",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cmdlines); i++) {
        g_autoptr(FakeRoot) fake = new_with_process(cmdlines[i]);
        fake_root_link(fake, "var/run", "/run");
        assert_is_vm(fake);
    }
}

static void test_command_lines_of_others(void)
{
    static const char *const cmdlines[] = {
        "/usr/bin/kvm",
        "/usr/bin/kvm -pidfile",
        "/usr/bin/kvm -id 100 -pidfile /run/qemu-server/101.pid",
        "/usr/bin/kvm -id 100 /run/qemu-server/100.pid",
        "/usr/bin/kvm -name -pidfile -id /run/qemu-server/100.pid",
        "/usr/bin/kvm -pidfile=/run/qemu-server/100.pid",
        "/usr/bin/vim -pidfile /run/qemu-server/100.pid",
        "/usr/bin/kvm-qemu -pidfile /run/qemu-server/100.pid",
        "/opt/qemu-9/bin/daemon -pidfile /run/qemu-server/100.pid",
        "",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cmdlines); i++) {
        g_autoptr(FakeRoot) fake = new_with_process(cmdlines[i]);
        fake_root_write(fake, "run/qemu-server/101.pid", "4711\n");
        assert_no_vm(fake, PINHOOK_ERROR_GONE);
    }
}

/// With --root a real QEMU, which knows nothing of the root, has its pid file's path from outside.
static void test_pidfile_may_be_named_from_outside(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = fake_root_outside(fake, PIDFILE);
    g_autofree char *cmdline = g_strdup_printf("/usr/bin/kvm -pidfile %s", outside);

    fake_root_write(fake, PIDFILE, "4711\n");
    fake_root_add_process(fake, 4711, 100, cmdline);
    assert_is_vm(fake);
}

static void test_absent_pidfile_is_a_vm_that_does_not_run(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    assert_no_vm(fake, PINHOOK_ERROR_GONE);
}

static void test_rubbish_is_no_pidfile(void)
{
    static const char *const texts[] = { "", "\n", "abc", "4711 12", "-4711", "0", "1", "4711x",
        "0x1267", "99999999999", "47114711471147114711471147114711471147114711" };
    g_autoptr(FakeRoot) fake = new_with_process(KVM);

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        fake_root_write(fake, PIDFILE, texts[i]);
        assert_no_vm(fake, PINHOOK_ERROR_FAILED);
    }
}

/// A text that is longer than any pid must not be taken for the pid that it starts with.
static void test_cut_number_is_no_pid(void)
{
    g_autoptr(FakeRoot) fake = new_with_process(KVM);

    fake_root_write(fake, PIDFILE,
        "                           4711"
        "99999\n");
    assert_no_vm(fake, PINHOOK_ERROR_FAILED);
}

static void test_blanks_around_a_pid_are_fine(void)
{
    g_autoptr(FakeRoot) fake = new_with_process(KVM);

    fake_root_write(fake, PIDFILE, " 4711 \n");
    assert_is_vm(fake);
}

static void test_directory_and_fifo_are_no_pidfiles(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = fake_root_outside(fake, PIDFILE);

    g_assert_cmpint(g_mkdir(outside, 0755), ==, 0);
    assert_no_vm(fake, PINHOOK_ERROR_FAILED);
    fake_root_remove(fake, PIDFILE);
    g_assert_cmpint(mkfifo(outside, 0600), ==, 0);
    assert_no_vm(fake, PINHOOK_ERROR_FAILED);
}

static void test_pidfile_cannot_be_a_link_out_of_the_root(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(FakeRoot) other = fake_root_new();
    g_autofree char *outside = fake_root_outside(other, "100.pid");
    g_autofree char *cmdline = g_strdup_printf("/usr/bin/kvm -pidfile %s", outside);

    fake_root_write(other, "100.pid", "4711\n");
    fake_root_link(fake, PIDFILE, outside);
    fake_root_add_process(fake, 4711, 100, cmdline);
    assert_no_vm(fake, PINHOOK_ERROR_GONE);
}

static void test_ended_qemu_is_gone(void)
{
    g_autoptr(FakeRoot) fake = new_with_process(KVM);

    write_stat(fake, 4711, "kvm", 'Z', 100);
    assert_no_vm(fake, PINHOOK_ERROR_GONE);
    fake_root_remove_tree(fake, "proc/4711");
    assert_no_vm(fake, PINHOOK_ERROR_GONE);
}

static void test_a_process_is_itself_alone(void)
{
    const Process one = { .pid = 4711, .start_time = 77 }, nobody = { 0 };
    const Process later = { .pid = 4711, .start_time = 78 },
                  other = { .pid = 4712, .start_time = 77 };

    g_assert_true(process_is(&one, &one));
    g_assert_false(process_is(&one, &later));
    g_assert_false(process_is(&one, &other));
    g_assert_false(process_is(&one, &nobody));
    g_assert_false(process_is(&nobody, &nobody));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process/stat-is-read", test_stat_is_read);
    g_test_add_func("/process/rubbish-is-no-stat", test_rubbish_is_no_stat);
    g_test_add_func("/process/this-process-is-identified", test_this_process_is_identified);
    g_test_add_func("/process/ended-process-is-gone", test_ended_process_is_gone);
    g_test_add_func("/process/a-process-is-itself-alone", test_a_process_is_itself_alone);
    g_test_add_func("/process/zombie-is-gone", test_zombie_is_gone);
    g_test_add_func("/process/later-process-with-the-pid-is-another",
        test_later_process_with_the_pid_is_another);
    g_test_add_func("/process/nobody-does-not-live", test_nobody_does_not_live);
    g_test_add_func("/process/command-lines-of-a-vm", test_command_lines_of_a_vm);
    g_test_add_func("/process/command-lines-of-others", test_command_lines_of_others);
    g_test_add_func(
        "/process/pidfile-may-be-named-from-outside", test_pidfile_may_be_named_from_outside);
    g_test_add_func("/process/absent-pidfile-is-a-vm-that-does-not-run",
        test_absent_pidfile_is_a_vm_that_does_not_run);
    g_test_add_func("/process/rubbish-is-no-pidfile", test_rubbish_is_no_pidfile);
    g_test_add_func("/process/cut-number-is-no-pid", test_cut_number_is_no_pid);
    g_test_add_func("/process/blanks-around-a-pid-are-fine", test_blanks_around_a_pid_are_fine);
    g_test_add_func(
        "/process/directory-and-fifo-are-no-pidfiles", test_directory_and_fifo_are_no_pidfiles);
    g_test_add_func("/process/pidfile-cannot-be-a-link-out-of-the-root",
        test_pidfile_cannot_be_a_link_out_of_the_root);
    g_test_add_func("/process/ended-qemu-is-gone", test_ended_qemu_is_gone);
    return g_test_run();
}
