// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-shell.h"

#include <glib/gstdio.h>

/// Not forked off, which takes a program under sanitizers 30 ms: GLib spawns where nothing is to be
/// done between.
static gboolean run_shell(const char *script)
{
    const char *argv[] = { "/bin/sh", "-c", script, NULL };
    g_autoptr(GError) error = NULL;
    int status = 1;

    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, NULL, NULL,
        &status, &error);
    g_assert_no_error(error);
    return status == 0;
}

gboolean fake_shell_run(const FakeRoot *fake, const char *command)
{
    static const char *const paths[] = { "etc", "proc", "sys" };
    g_autoptr(GString) here = g_string_new(command);

    /* It runs in the root's directory. */
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autofree char *absolute = g_strdup_printf(" /%s/", paths[i]);
        g_autofree char *relative = g_strdup_printf(" ./%s/", paths[i]);
        g_string_replace(here, absolute, relative, 0);
    }
    g_autofree char *script = g_strdup_printf(
        "cd %s && PATH=$PWD/bin:$PATH && {\n%s\n}", fake->path, here->str);
    return run_shell(script);
}

static void add_program(FakeRoot *fake, const char *path, const char *text)
{
    g_autofree char *outside = fake_root_outside(fake, path);

    fake_root_write(fake, path, text);
    g_assert_cmpint(g_chmod(outside, 0755), ==, 0);
}

void fake_shell_add_qm(FakeRoot *fake)
{
    fake_root_link(fake, "bin/qm", g_getenv("PINHOOK_FAKE_QM"));
    add_program(fake, "bin/pvesh", "#!/bin/sh -eu\n[ \"$*\" = 'get /cluster/nextid' ]\necho 999\n");
    add_program(fake, "bin/systemctl",
        "#!/bin/sh -eu\n[ \"$1 $2\" = 'enable --now' ]\n[ -e \"./etc/systemd/system/$3\" ]\n"
        "mkdir -p ./etc/systemd/system/timers.target.wants\n"
        "ln -sf \"/etc/systemd/system/$3\" ./etc/systemd/system/timers.target.wants\n");
}

char *fake_shell_take_qm_log(FakeRoot *fake)
{
    char *log = root_read(fake->root, "qm-log", NULL, NULL);

    if (log == NULL) {
        return g_strdup("");
    }
    fake_root_remove(fake, "qm-log");
    return log;
}

void fake_shell_add_boot(FakeRoot *fake, const char *parameters)
{
    g_autofree char *grub = g_strdup_printf(
        "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet%s%s\"\n"
        "GRUB_CMDLINE_LINUX=\"\"\n",
        *parameters != '\0' ? " " : "", parameters);
    g_autofree char *cmdline = g_strdup_printf(
        "root=ZFS=rpool/ROOT/pve-1 boot=zfs%s%s\n", *parameters != '\0' ? " " : "", parameters);

    fake_root_write(fake, "etc/default/grub", grub);
    fake_root_write(fake, "etc/kernel/cmdline", cmdline);
    add_program(fake, "bin/update-grub",
        "#!/bin/sh -eu\n. ./etc/default/grub\n"
        "echo \"root=/dev/mapper/pve-root ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT\" "
        ">next-cmdline\n");
    add_program(fake, "bin/proxmox-boot-tool",
        "#!/bin/sh -eu\n[ \"$*\" = refresh ]\ncp ./etc/kernel/cmdline next-cmdline\n");
}

char *fake_shell_next_cmdline(const FakeRoot *fake)
{
    return root_read_value(fake->root, "next-cmdline");
}

void fake_shell_add_pct(FakeRoot *fake)
{
    add_program(fake, "bin/pct",
        "#!/bin/sh -eu\n[ $# -eq 2 ] && [ \"$1\" = reboot ]\n"
        "sed -n '/^\\[/q; s/^lxc.cgroup2.cpuset.cpus: //p' \"./etc/pve/lxc/$2.conf\" | tail -n 1 "
        ">\"./sys/fs/cgroup/lxc/$2/ns/cpuset.cpus.effective\"\n");
}
