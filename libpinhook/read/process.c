// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/process.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean not_a_stat(GError **error, const char *path)
{
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "/%s is not as proc(5) says", path);
    return FALSE;
}

gboolean process_read_stat(const Root *root, const char *path, ProcessStat *stat, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autofree char *text = root_read(root, path, NULL, &failed);
    if (text == NULL) {
        gboolean gone = g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND);
        g_propagate_error(error, g_steal_pointer(&failed));
        if (gone && error != NULL) {
            (*error)->code = PINHOOK_ERROR_GONE;
        }
        return FALSE;
    }

    /* The name may hold blanks and parentheses: it ends at the last ')'. */
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')');
    if (open == NULL || close == NULL || close < open || close[1] != ' ') {
        return not_a_stat(error, path);
    }

    enum { STATE = 0, START_TIME = 19, PROCESSOR = 36 }; // counted from the field after the name
    g_auto(GStrv) fields = g_strsplit(close + 2, " ", PROCESSOR + 2);
    guint64 cpu;
    if (g_strv_length(fields) <= PROCESSOR ||
        !g_ascii_string_to_unsigned(
            fields[START_TIME], 10, 0, G_MAXUINT64, &stat->start_time, NULL) ||
        !g_ascii_string_to_unsigned(fields[PROCESSOR], 10, 0, G_MAXINT, &cpu, NULL)) {
        return not_a_stat(error, path);
    }
    stat->state = fields[STATE][0];
    stat->last_cpu = (int)cpu;
    stat->name = g_strndup(open + 1, (gsize)(close - open - 1));
    return TRUE;
}

gboolean process_identify(const Root *root, int pid, Process *process, GError **error)
{
    g_autofree char *path = g_strdup_printf("proc/%d/stat", pid);
    ProcessStat stat;

    if (!process_read_stat(root, path, &stat, error)) {
        return FALSE;
    }
    g_free(stat.name);
    if (stat.state == 'Z' || stat.state == 'X') {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE, "process %d has ended", pid);
        return FALSE;
    }
    *process = (Process){ .pid = pid, .start_time = stat.start_time };
    return TRUE;
}

gboolean process_is(const Process *process, const Process *other)
{
    return process->pid > 0 && process->pid == other->pid &&
           process->start_time == other->start_time;
}

gboolean process_is_alive(const Root *root, const Process *process)
{
    Process now;

    return process->pid > 0 && process_identify(root, process->pid, &now, NULL) &&
           process_is(&now, process);
}

static gboolean is_qemu(const char *argv0)
{
    g_autofree char *name = g_path_get_basename(argv0);

    return g_str_has_suffix(name, "kvm") || g_str_has_prefix(name, "qemu-");
}

static gboolean same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/// Whether @path, as a QEMU has it on its command line, names the file @wanted: seen from the root
/// (a QEMU that lives in it) or from here (a QEMU that was started beside it).
static gboolean names_file(const Root *root, const char *path, const struct stat *wanted)
{
    struct stat found;
    int fd = root_openat(root, path, O_PATH, 0, NULL);
    gboolean same = fd >= 0 && fstat(fd, &found) == 0 && same_file(&found, wanted);

    if (fd >= 0) {
        close(fd);
    }
    return same || (path[0] == '/' && stat(path, &found) == 0 && same_file(&found, wanted));
}

/// @arguments: the NUL-parted text of /proc/<pid>/cmdline, @length bytes.
static gboolean has_pidfile(
    const Root *root, const char *arguments, gsize length, const struct stat *pidfile)
{
    const char *end = arguments + length;
    gboolean value_follows = FALSE;

    for (const char *at = arguments; at < end; at += strlen(at) + 1) {
        if (value_follows && names_file(root, at, pidfile)) {
            return TRUE;
        }
        value_follows = strcmp(at, "-pidfile") == 0 || strcmp(at, "--pidfile") == 0;
    }
    return FALSE;
}

static gboolean read_pidfile(
    const Root *root, const char *path, struct stat *info, int *pid, GError **error)
{
    int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, error);
    if (fd < 0) {
        return FALSE;
    }

    char text[32] = "";
    ssize_t got = fstat(fd, info) == 0 ? read(fd, text, sizeof(text) - 1) : -1;
    guint64 number;
    close(fd);
    if (got < 0 || got == sizeof(text) - 1 || !S_ISREG(info->st_mode) ||
        !g_ascii_string_to_unsigned(g_strstrip(text), 10, 2, G_MAXINT, &number, NULL)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "/%s holds no pid", path);
        return FALSE;
    }
    *pid = (int)number;
    return TRUE;
}

gboolean process_of_vm(const Root *root, guint vmid, Process *process, GError **error)
{
    g_autofree char *pidfile = g_strdup_printf("run/qemu-server/%u.pid", vmid);
    g_autoptr(GError) failed = NULL;
    struct stat info;
    Process found;
    int pid;

    if (!read_pidfile(root, pidfile, &info, &pid, &failed)) {
        if (g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE,
                "VM %u is not running: there is no /%s", vmid, pidfile);
            return FALSE;
        }
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    if (!process_identify(root, pid, &found, &failed)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE,
            "VM %u is not running: process %d of /%s has ended", vmid, pid, pidfile);
        return FALSE;
    }

    g_autofree char *cmdline = g_strdup_printf("proc/%d/cmdline", pid);
    gsize length;
    g_autofree char *arguments = root_read(root, cmdline, &length, error);
    if (arguments == NULL) {
        return FALSE;
    }
    if (!is_qemu(arguments) || !has_pidfile(root, arguments, length, &info)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE,
            "VM %u is not running: process %d of /%s is not its QEMU", vmid, pid, pidfile);
        return FALSE;
    }
    *process = found;
    return TRUE;
}
