// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/vmlock.h"

#include "base/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static gboolean nobody(GError **error, guint vmid)
{
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE, "nobody holds the lock of VM %u", vmid);
    return FALSE;
}

/// What the file is called in /proc/locks: "00:1a:4711". NULL with @error.
static char *find_name(const Root *root, guint vmid, GError **error)
{
    g_autofree char *path = g_strdup_printf("run/lock/qemu-server/lock-%u.conf", vmid);
    g_autoptr(GError) failed = NULL;
    int fd = root_openat(root, path, O_PATH, 0, &failed);
    if (fd < 0) {
        if (g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
            nobody(error, vmid);
        } else {
            g_propagate_error(error, g_steal_pointer(&failed));
        }
        return NULL;
    }
    struct stat info;
    int done = fstat(fd, &info);
    close(fd);
    if (done < 0) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "cannot look at /%s", path);
        return NULL;
    }
    return g_strdup_printf("%02x:%02x:%" G_GUINT64_FORMAT, major(info.st_dev), minor(info.st_dev),
        (guint64)info.st_ino);
}

/// The pid on a line of /proc/locks that is of the file @name and no waiter's ("->"): proc(5). 0:
/// none; -1: in another pid namespace.
static int find_pid(const char *line, const char *name)
{
    g_auto(GStrv) words = g_strsplit_set(line, " ", -1);
    const char *fields[6] = { 0 };
    gint64 pid;
    guint count = 0;

    for (guint i = 0; words[i] != NULL && count < G_N_ELEMENTS(fields); i++) {
        if (*words[i] != '\0') {
            fields[count++] = words[i];
        }
    }
    if (count < G_N_ELEMENTS(fields) || strcmp(fields[1], "->") == 0 ||
        strcmp(fields[5], name) != 0) {
        return 0;
    }
    return g_ascii_string_to_signed(fields[4], 10, 1, G_MAXINT, &pid, NULL) ? (int)pid : -1;
}

gboolean vmlock_holder(const Root *root, guint vmid, Process *holder, GError **error)
{
    g_autofree char *name = find_name(root, vmid, error);
    g_autofree char *text = name != NULL ? root_read(root, "proc/locks", NULL, error) : NULL;
    if (text == NULL) {
        return FALSE;
    }
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    int pid = 0;

    for (guint i = 0; lines[i] != NULL && pid == 0; i++) {
        pid = find_pid(lines[i], name);
    }
    if (pid == 0) {
        return nobody(error, vmid);
    }
    if (pid < 0) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "the lock of VM %u is held in another pid namespace", vmid);
        return FALSE;
    }
    return process_identify(root, pid, holder, error);
}
