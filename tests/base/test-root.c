// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "fakes/fake-root.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECRET "what lies outside"

/// A file beside the root, that no path given with it may reach.
static char *write_outside(void)
{
    g_autoptr(GError) error = NULL;
    char *path = NULL;
    int fd = g_file_open_tmp("pinhook-outside-XXXXXX", &path, &error);

    g_assert_no_error(error);
    g_assert_cmpint(write(fd, SECRET, strlen(SECRET)), ==, strlen(SECRET));
    close(fd);
    return path;
}

static void assert_unread(const FakeRoot *fake, const char *path, PinhookError code)
{
    g_autoptr(GError) error = NULL;
    gsize length = 4711;
    g_autofree char *text = root_read(fake->root, path, &length, &error);

    g_assert_null(text);
    g_assert_error(error, PINHOOK_ERROR, (int)code);
    g_assert_nonnull(strstr(error->message, path));
    g_assert_cmpuint(length, ==, 4711);
}

static void assert_reads(const FakeRoot *fake, const char *path, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = root_read(fake->root, path, &length, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, wanted);
    g_assert_cmpuint(length, ==, strlen(wanted));
}

static void test_absent_directory_is_not_found(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Root) root = root_open("/nowhere/at/all", &error);

    g_assert_null(root);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND);
}

static void test_file_is_no_root(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = write_outside();
    g_autoptr(Root) root = root_open(path, &error);

    g_assert_null(root);
    g_assert_nonnull(error);
    g_unlink(path);
}

static void test_root_without_proc_and_sys_opens(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;

    fake_root_remove(fake, "proc");
    fake_root_remove(fake, "sys");
    g_autoptr(Root) root = root_open(fake->path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(root_path(root), ==, fake->path);
    g_assert_false(root_exists(root, "proc/cmdline"));
    g_assert_false(root_is_live(root));
    g_assert_null(root_read(root, "proc/cmdline", NULL, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND);
}

/// A loop of links stands for all that is not "there is none".
static void test_proc_and_sys_that_cannot_be_opened_are_not_missing(void)
{
    static const char *const parts[] = { "proc", "sys" };

    for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_autofree char *file = g_strdup_printf("%s/some", parts[i]);
        g_autoptr(GError) error = NULL;
        gboolean exists;

        fake_root_remove(fake, parts[i]);
        fake_root_link(fake, parts[i], parts[i]);
        g_autoptr(Root) root = root_open(fake->path, NULL);
        g_assert_false(root_look(root, file, &exists, &error));
        g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED);
        g_assert_nonnull(strstr(error->message, g_strerror(ELOOP)));
    }
}

static void test_file_is_read_whole(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "etc/some", "two\nlines\n");
    fake_root_write(fake, "etc/empty", "");
    assert_reads(fake, "etc/some", "two\nlines\n");
    assert_reads(fake, "etc/empty", "");
}

static void test_nul_bytes_are_counted(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;
    gsize length;

    fake_root_write_bytes(fake, "etc/some", "a\0b\0", 4);
    g_autofree char *text = root_read(fake->root, "etc/some", &length, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(text, length + 1, "a\0b\0\0", 5);
}

static void test_absolute_link_starts_at_the_root(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "etc/pve/nodes/pve1/some", "inside");
    fake_root_link(fake, "etc/pve/local", "/etc/pve/nodes/pve1");
    assert_reads(fake, "etc/pve/local/some", "inside");
}

static void test_relative_link_is_followed(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "etc/pve/nodes/pve1/some", "inside");
    fake_root_link(fake, "etc/pve/local", "nodes/pve1");
    assert_reads(fake, "etc/pve/local/some", "inside");
}

static void test_absolute_link_cannot_lead_out(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = write_outside();

    fake_root_link(fake, "etc/some", outside);
    assert_unread(fake, "etc/some", PINHOOK_ERROR_NOT_FOUND);
    g_assert_false(root_exists(fake->root, "etc/some"));
    g_unlink(outside);
}

static void test_dots_cannot_lead_out(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = write_outside();
    g_autofree char *name = g_path_get_basename(outside);
    g_autofree char *beside = g_build_filename("..", name, NULL);
    g_autofree char *above = g_build_filename("etc/../../../../../..", outside, NULL);
    g_autofree char *link = g_build_filename("../../..", outside, NULL);

    fake_root_link(fake, "etc/some", link);
    assert_unread(fake, beside, PINHOOK_ERROR_NOT_FOUND);
    assert_unread(fake, above, PINHOOK_ERROR_NOT_FOUND);
    assert_unread(fake, "etc/some", PINHOOK_ERROR_NOT_FOUND);
    g_unlink(outside);
}

static void test_dots_cannot_lead_out_of_proc(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();

    g_assert_true(root_exists(fake->root, "proc/version"));
    g_assert_false(root_exists(fake->root, "proc/../etc/passwd"));
    g_assert_false(root_exists(fake->root, "sys/../../../../etc/passwd"));
}

static void test_link_of_proc_cannot_lead_out(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();

    g_assert_true(root_exists(fake->root, "proc/stat"));
    g_assert_false(root_exists(fake->root, "proc/self/root/etc/passwd"));
    g_assert_false(root_exists(fake->root, "proc/self/cwd/."));
}

static void test_new_file_cannot_be_made_outside(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = write_outside();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    fake_root_link(fake, "run/some", outside);
    g_assert_cmpint(
        root_openat(fake->root, "run/some", O_WRONLY | O_CREAT | O_TRUNC, 0600, &error), ==, -1);
    g_assert_nonnull(error);
    g_assert_true(g_file_get_contents(outside, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, SECRET);
    g_unlink(outside);
}

static void test_links_in_a_circle_end(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_link(fake, "etc/one", "two");
    fake_root_link(fake, "etc/two", "one");
    assert_unread(fake, "etc/one", PINHOOK_ERROR_FAILED);
}

static void test_proc_and_sys_may_be_links(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();
    g_autofree char *version = root_read_value(fake->root, "proc/version");
    g_autofree char *online = root_read_value(fake->root, "sys/devices/system/cpu/online");

    g_assert_true(g_str_has_prefix(version, "Linux version"));
    g_assert_nonnull(online);
    g_assert_cmpint(online[strlen(online) - 1], !=, '\n');
}

static void test_descriptor_is_not_inherited(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "etc/some", "");
    int fd = root_openat(fake->root, "etc/some", O_RDONLY, 0, NULL);
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
    close(fd);
}

static void test_fifo_is_refused_at_once(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = fake_root_outside(fake, "etc/some");

    g_assert_cmpint(mkfifo(outside, 0600), ==, 0);
    assert_unread(fake, "etc/some", PINHOOK_ERROR_FAILED);
}

static void test_directory_is_refused(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    assert_unread(fake, "etc/pve", PINHOOK_ERROR_FAILED);
}

static void test_device_is_refused(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = fake_root_outside(fake, "etc/some");

    if (mknod(outside, S_IFCHR | 0600, makedev(1, 5)) < 0) { // /dev/zero
        g_test_skip("no device can be made here");
        return;
    }
    assert_unread(fake, "etc/some", PINHOOK_ERROR_FAILED);
}

static void test_socket_is_refused(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *outside = fake_root_outside(fake, "etc/some");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, outside, sizeof(address.sun_path));
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
    assert_unread(fake, "etc/some", PINHOOK_ERROR_FAILED);
    close(fd);
}

static void test_file_of_a_mebibyte_is_read(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *bytes = g_strnfill(ROOT_FILE_LIMIT, 'x');

    fake_root_write(fake, "etc/some", bytes);
    assert_reads(fake, "etc/some", bytes);
}

static void test_larger_file_is_refused(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autofree char *bytes = g_strnfill(ROOT_FILE_LIMIT + 1, 'x');

    fake_root_write(fake, "etc/some", bytes);
    assert_unread(fake, "etc/some", PINHOOK_ERROR_FAILED);
}

static void test_file_below_a_file_is_not_found(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "etc/some", "");
    assert_unread(fake, "etc/some/more", PINHOOK_ERROR_NOT_FOUND);
}

static void test_value_has_no_blanks_around(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "sys/some", " 0-3 \n");
    fake_root_write(fake, "sys/empty", "\n");
    g_autofree char *some = root_read_value(fake->root, "sys/some");
    g_autofree char *empty = root_read_value(fake->root, "sys/empty");
    g_assert_cmpstr(some, ==, "0-3");
    g_assert_cmpstr(empty, ==, "");
    g_assert_null(root_read_value(fake->root, "sys/absent"));
}

static void test_names_are_sorted(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) error = NULL;

    fake_root_write(fake, "some/b", "");
    fake_root_write(fake, "some/.hidden", "");
    fake_root_write(fake, "some/a", "");
    g_auto(GStrv) names = root_list(fake->root, "some", &error);
    g_autofree char *joined = g_strjoinv(" ", names);
    g_assert_cmpstr(joined, ==, ".hidden a b");
}

static void test_what_is_no_directory_is_not_listed(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(GError) of_file = NULL;
    g_autoptr(GError) of_nothing = NULL;

    fake_root_write(fake, "some", "");
    g_assert_null(root_list(fake->root, "some", &of_file));
    g_assert_error(of_file, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND);
    g_assert_null(root_list(fake->root, "absent", &of_nothing));
    g_assert_error(of_nothing, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND);
}

static void test_only_this_kernels_proc_is_live(void)
{
    g_autoptr(FakeRoot) live = fake_root_new_live();
    g_autoptr(FakeRoot) copy = fake_root_new();
    g_autoptr(Root) real = root_open("/", NULL);

    g_assert_true(root_is_live(live->root));
    g_assert_true(root_is_live(real));
    g_assert_false(root_is_live(copy->root));
}

static void test_part_of_proc_is_not_live(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_remove(fake, "proc");
    fake_root_link(fake, "proc", "/proc/sys");
    g_autoptr(Root) root = root_open(fake->path, NULL);
    g_assert_false(root_is_live(root));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/root/absent-directory-is-not-found", test_absent_directory_is_not_found);
    g_test_add_func("/root/file-is-no-root", test_file_is_no_root);
    g_test_add_func("/root/without-proc-and-sys-opens", test_root_without_proc_and_sys_opens);
    g_test_add_func("/root/proc-and-sys-that-cannot-be-opened-are-not-missing",
        test_proc_and_sys_that_cannot_be_opened_are_not_missing);
    g_test_add_func("/root/file-is-read-whole", test_file_is_read_whole);
    g_test_add_func("/root/nul-bytes-are-counted", test_nul_bytes_are_counted);
    g_test_add_func(
        "/root/absolute-link-starts-at-the-root", test_absolute_link_starts_at_the_root);
    g_test_add_func("/root/relative-link-is-followed", test_relative_link_is_followed);
    g_test_add_func("/root/absolute-link-cannot-lead-out", test_absolute_link_cannot_lead_out);
    g_test_add_func("/root/dots-cannot-lead-out", test_dots_cannot_lead_out);
    g_test_add_func("/root/dots-cannot-lead-out-of-proc", test_dots_cannot_lead_out_of_proc);
    g_test_add_func("/root/link-of-proc-cannot-lead-out", test_link_of_proc_cannot_lead_out);
    g_test_add_func("/root/new-file-cannot-be-made-outside", test_new_file_cannot_be_made_outside);
    g_test_add_func("/root/links-in-a-circle-end", test_links_in_a_circle_end);
    g_test_add_func("/root/proc-and-sys-may-be-links", test_proc_and_sys_may_be_links);
    g_test_add_func("/root/descriptor-is-not-inherited", test_descriptor_is_not_inherited);
    g_test_add_func("/root/fifo-is-refused-at-once", test_fifo_is_refused_at_once);
    g_test_add_func("/root/directory-is-refused", test_directory_is_refused);
    g_test_add_func("/root/device-is-refused", test_device_is_refused);
    g_test_add_func("/root/socket-is-refused", test_socket_is_refused);
    g_test_add_func("/root/file-of-a-mebibyte-is-read", test_file_of_a_mebibyte_is_read);
    g_test_add_func("/root/larger-file-is-refused", test_larger_file_is_refused);
    g_test_add_func("/root/file-below-a-file-is-not-found", test_file_below_a_file_is_not_found);
    g_test_add_func("/root/value-has-no-blanks-around", test_value_has_no_blanks_around);
    g_test_add_func("/root/names-are-sorted", test_names_are_sorted);
    g_test_add_func(
        "/root/what-is-no-directory-is-not-listed", test_what_is_no_directory_is_not_listed);
    g_test_add_func("/root/only-this-kernels-proc-is-live", test_only_this_kernels_proc_is_live);
    g_test_add_func("/root/part-of-proc-is-not-live", test_part_of_proc_is_not_live);
    return g_test_run();
}
