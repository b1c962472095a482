// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmoption.h"

#include "read/vmline.h"

#include <string.h>

/// What a typing error may have been meant for.
static const char *const ours[] = { "affinity", "balloon", "cores", "cpulimit", "freeze",
    "hookscript", "hostpci", "hotplug", "hugepages", "memory", "numa", "sockets", "vcpus", NULL };

/// What else Proxmox knows, without numbers (PVE::QemuServer, $confdesc, of 9.2).
static const char *const others[] = { "acpi", "agent", "allow-ksm", "amd-sev", "arch", "args",
    "audio", "autostart", "bios", "boot", "bootdisk", "cdrom", "cicustom", "cipassword", "citype",
    "ciupgrade", "ciuser", "cpu", "cpuunits", "delete", "description", "efidisk", "ide",
    "intel-tdx", "ipconfig", "ivshmem", "keephugepages", "keyboard", "kvm", "localtime", "lock",
    "machine", "meta", "migrate_downtime", "migrate_speed", "name", "nameserver", "net", "onboot",
    "ostype", "parallel", "parent", "protection", "reboot", "rng", "running-nets-host-mtu",
    "runningcpu", "runningmachine", "sata", "scsi", "scsihw", "searchdomain", "serial", "shares",
    "smbios", "smp", "snapstate", "snaptime", "spice_enhancements", "sshkeys", "startdate",
    "startup", "tablet", "tags", "tdf", "template", "tpmstate", "unused", "usb", "vga", "virtio",
    "virtiofs", "vmgenid", "vmstate", "vmstatestorage", "watchdog", NULL };

/// Nothing that is about pinning is called otherwise than by one of these.
static const char *const words[] = { "affin", "cpuset", "cpus", "isol", "pin" };

#define NAME_LIMIT 32

/// The fewest letters to change, to add or to take away.
static guint count_edits(const char *a, const char *b)
{
    guint row[NAME_LIMIT + 1];

    for (guint j = 0; j <= strlen(b); j++) {
        row[j] = j;
    }
    for (guint i = 1; i <= strlen(a); i++) {
        guint diagonal = row[0];
        row[0] = i;
        for (guint j = 1; j <= strlen(b); j++) {
            guint changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(changed, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[strlen(b)];
}

static const char *find_misspelt(const char *name)
{
    const char *nearest = NULL;
    guint fewest = 3;

    for (gsize i = 0; ours[i] != NULL; i++) {
        guint edits = count_edits(name, ours[i]);
        if (edits < fewest && edits <= (strlen(ours[i]) > 5 ? 2 : 1)) {
            nearest = ours[i];
            fewest = edits;
        }
    }
    return nearest;
}

static gboolean is_about_pinning(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(name, words[i]) != NULL) {
            return TRUE;
        }
    }
    return FALSE;
}

const char *vmoption_like(const char *key)
{
    g_autofree char *name = g_strndup(key, (gsize)(vmline_key_number(key) - key));

    if (strlen(name) > NAME_LIMIT || g_strv_contains(others, name)) {
        return NULL;
    }
    const char *misspelt = find_misspelt(name);
    return misspelt != NULL ? misspelt : is_about_pinning(name) ? "affinity" : NULL;
}
