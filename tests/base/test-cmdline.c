// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/cmdline.h"

#include "fakes/fake-shell.h"

#include <string.h>

#define WANTED                                                                                     \
    "isolcpus=domain,managed_irq,2-3,6 nohz_full=2-3,6 rcu_nocbs=2-3,6 irqaffinity=0-1,4-5,7"

enum { FOR_GRUB, FOR_SYSTEMD_BOOT };

static char *command_for(const char *list, guint way)
{
    g_autoptr(CpuSet) cpus = *list != '\0' ? cpuset_parse_list(list, ',', NULL) : cpuset_new();
    g_autoptr(CpuSet) all = cpuset_parse_list("0-7", ',', NULL);
    g_autoptr(CpuSet) rest = cpuset_minus(all, cpus);
    g_auto(GStrv) ways = cmdline_isolate(cpus, rest, LOADER_UNKNOWN);

    g_assert_cmpuint(g_strv_length(ways), ==, 2);
    return g_strdup(ways[way]);
}

static void test_each_way_is_one_line(void)
{
    g_autofree char *grub = command_for("2-3,6", FOR_GRUB);
    g_autofree char *systemd_boot = command_for("2-3,6", FOR_SYSTEMD_BOOT);

    g_assert_cmpstr(grub, ==,
        "sed -i -E '/^GRUB_CMDLINE_LINUX/s/(isolcpus|nohz_full|rcu_nocbs|irqaffinity)=[^ \"\\x27]* "
        "*//g; "
        "/^GRUB_CMDLINE_LINUX_DEFAULT=/{s/=([^ \"\\x27]*)$/=\"\\1\"/; s/=[\"\\x27]/&" WANTED
        " /}' /etc/default/grub && update-grub # then reboot");
    g_assert_cmpstr(systemd_boot, ==,
        "sed -i -E '1{s/(isolcpus|nohz_full|rcu_nocbs|irqaffinity)=[^ ]* *//g; s/^/" WANTED
        " /}' /etc/kernel/cmdline && proxmox-boot-tool refresh # then reboot; where systemd-boot "
        "is in use: root on ZFS, UEFI, no Secure Boot");
}

/// Pastes the command twice, as somebody may, and looks at the parameters of the next boot.
static void assert_next(FakeRoot *fake, const char *list, guint way, const char *wanted)
{
    g_autofree char *command = command_for(list, way);

    for (guint times = 0; times < 2; times++) {
        g_assert_true(fake_shell_run(fake, command));
        g_autofree char *cmdline = fake_shell_next_cmdline(fake);
        g_auto(GStrv) words = g_strsplit(cmdline, " ", -1);
        g_autoptr(GString) next = g_string_new(NULL);
        for (guint i = 0; words[i] != NULL; i++) {
            g_string_append_printf(
                next, "%s%s", next->len > 0 && *words[i] != '\0' ? " " : "", words[i]);
        }
        g_assert_cmpstr(next->str, ==, wanted);
    }
}

#define ROOT "root=/dev/mapper/pve-root ro "

static void test_grub(void)
{
    static const struct {
        const char *file, *cmdline;
    } cases[] = {
        { "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n", ROOT WANTED " quiet" },
        { "GRUB_CMDLINE_LINUX_DEFAULT='quiet'\nGRUB_CMDLINE_LINUX=''\n", ROOT WANTED " quiet" },
        { "GRUB_CMDLINE_LINUX_DEFAULT=quiet\nGRUB_CMDLINE_LINUX=\n", ROOT WANTED " quiet" },
        { "GRUB_CMDLINE_LINUX_DEFAULT=\nGRUB_CMDLINE_LINUX=\n", ROOT WANTED },
        { "GRUB_CMDLINE_LINUX_DEFAULT=\"\" # ours\nGRUB_CMDLINE_LINUX=\n", ROOT WANTED },
        { "#GRUB_CMDLINE_LINUX_DEFAULT=\"splash\"\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"\n"
          "GRUB_CMDLINE_LINUX=\"console=ttyS0\"\n",
            ROOT "console=ttyS0 " WANTED " quiet" },
        { "GRUB_CMDLINE_LINUX_DEFAULT=\"isolcpus=1 quiet nohz_full=1\"\nGRUB_CMDLINE_LINUX=\"\"\n",
            ROOT WANTED " quiet" },
        { "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet isolcpus=nohz,1,4-N iommu=pt rcu_nocbs=all\"\n"
          "GRUB_CMDLINE_LINUX='nohz_full=4 irqaffinity=0 nosmt'\n",
            ROOT "nosmt " WANTED " quiet iommu=pt" },
        { "GRUB_CMDLINE_LINUX_DEFAULT=\"dyndbg=\\\"file a.c\\\" quiet\"\nGRUB_CMDLINE_LINUX=\"\"\n",
            ROOT WANTED " dyndbg=\"file a.c\" quiet" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_test_message("%s", cases[i].file);
        fake_shell_add_boot(fake, "");
        fake_root_write(fake, "etc/default/grub", cases[i].file);
        assert_next(fake, "2-3,6", FOR_GRUB, cases[i].cmdline);
    }
}

static void test_systemd_boot(void)
{
    static const struct {
        const char *file, *cmdline;
    } cases[] = {
        { "root=ZFS=rpool/ROOT/pve-1 boot=zfs\n", WANTED " root=ZFS=rpool/ROOT/pve-1 boot=zfs" },
        { "root=ZFS=rpool/ROOT/pve-1 boot=zfs", WANTED " root=ZFS=rpool/ROOT/pve-1 boot=zfs" },
        { "isolcpus=1 root=x rcu_nocbs=1 nohz_full=1 quiet\n", WANTED " root=x quiet" },
        { "root=x isolcpus=domain,1\n", WANTED " root=x" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_test_message("%s", cases[i].file);
        fake_shell_add_boot(fake, "");
        fake_root_write(fake, "etc/kernel/cmdline", cases[i].file);
        assert_next(fake, "2-3,6", FOR_SYSTEMD_BOOT, cases[i].cmdline);
    }
}

static void test_nothing_isolated_takes_all_away(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_shell_add_boot(fake, "isolcpus=1 nohz_full=1 rcu_nocbs=1 irqaffinity=0");
    assert_next(fake, "", FOR_GRUB, ROOT "quiet");
    assert_next(fake, "", FOR_SYSTEMD_BOOT, "root=ZFS=rpool/ROOT/pve-1 boot=zfs");
}

/// A host has one of the two files, or its boot loader passes over the other.
static void test_a_file_that_is_not_there_is_not_made(void)
{
    static const char *const files[] = { "etc/default/grub", "etc/kernel/cmdline" };

    for (guint way = 0; way < G_N_ELEMENTS(files); way++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_autofree char *command = command_for("2-3", way);
        fake_shell_add_boot(fake, "");
        fake_root_remove(fake, files[way]);
        g_assert_false(fake_shell_run(fake, command));
        g_assert_false(root_exists(fake->root, files[way]));
        g_autofree char *next = fake_shell_next_cmdline(fake);
        g_assert_null(next);
    }
}

static void test_the_one_way_of_a_loader_that_is_known(void)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list("2", ',', NULL);
    g_autoptr(CpuSet) rest = cpuset_parse_list("0-1", ',', NULL);
    g_auto(GStrv) grub = cmdline_isolate(cpus, rest, LOADER_GRUB);
    g_auto(GStrv) systemd_boot = cmdline_isolate(cpus, rest, LOADER_SYSTEMD_BOOT);

    g_assert_cmpuint(g_strv_length(grub), ==, 1);
    g_assert_true(g_str_has_suffix(grub[0], " && update-grub # then reboot"));
    g_assert_cmpuint(g_strv_length(systemd_boot), ==, 1);
    g_assert_true(g_str_has_suffix(systemd_boot[0], " && proxmox-boot-tool refresh # then reboot"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cmdline/one-line-each", test_each_way_is_one_line);
    g_test_add_func("/cmdline/grub", test_grub);
    g_test_add_func("/cmdline/systemd-boot", test_systemd_boot);
    g_test_add_func("/cmdline/nothing", test_nothing_isolated_takes_all_away);
    g_test_add_func("/cmdline/no-file", test_a_file_that_is_not_there_is_not_made);
    g_test_add_func("/cmdline/loader", test_the_one_way_of_a_loader_that_is_known);
    return g_test_run();
}
