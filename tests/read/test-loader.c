// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/loader.h"

#include "fakes/fake-root.h"

#define GRUB "BOOT_IMAGE=/boot/vmlinuz-6.8.12-pve root=/dev/mapper/pve-root ro quiet\n"
#define SYSTEMD_BOOT                                                                               \
    "initrd=\\EFI\\proxmox\\6.8.12-pve\\initrd.img-6.8.12-pve root=ZFS=rpool boot=zfs\n"

static const struct {
    const char *name;
    gboolean grub, kernel;
    const char *cmdline;
    Loader loader;
} cases[] = {
    { "none", FALSE, FALSE, GRUB, LOADER_UNKNOWN },
    { "grub-alone", TRUE, FALSE, NULL, LOADER_GRUB },
    { "systemd-boot-alone", FALSE, TRUE, NULL, LOADER_SYSTEMD_BOOT },
    { "both-and-grub", TRUE, TRUE, GRUB, LOADER_GRUB },
    { "both-and-systemd-boot", TRUE, TRUE, SYSTEMD_BOOT, LOADER_SYSTEMD_BOOT },
    { "both-and-another", TRUE, TRUE, "root=/dev/sda1\n", LOADER_UNKNOWN },
    { "both-and-not-known", TRUE, TRUE, NULL, LOADER_UNKNOWN },
};

static void test_loader(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_autoptr(FakeRoot) fake = fake_root_new();

    if (cases[i].grub) {
        fake_root_write(fake, "etc/default/grub", "GRUB_CMDLINE_LINUX=\n");
    }
    if (cases[i].kernel) {
        fake_root_write(fake, "etc/kernel/cmdline", "root=x\n");
    }
    if (cases[i].cmdline != NULL) {
        fake_root_write(fake, "proc/cmdline", cases[i].cmdline);
    }
    g_assert_cmpint(loader_look(fake->root), ==, cases[i].loader);
}

/// A loop of links is not "there is none".
static void test_file_that_cannot_be_looked_at(void)
{
    static const char *const paths[][2] = { { "etc/default/grub", "etc/kernel/cmdline" },
        { "etc/kernel/cmdline", "etc/default/grub" } };

    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(FakeRoot) fake = fake_root_new();
        g_autofree char *name = g_path_get_basename(paths[i][0]);
        fake_root_link(fake, paths[i][0], name);
        fake_root_write(fake, paths[i][1], "root=x\n");
        g_assert_cmpint(loader_look(fake->root), ==, LOADER_UNKNOWN);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/loader/%s", cases[i].name);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_loader);
    }
    g_test_add_func("/loader/cannot-be-looked-at", test_file_that_cannot_be_looked_at);
    return g_test_run();
}
