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
    if (g_strv_length(fields) <= PROCESSOR || strlen(fields[STATE]) != 1 ||
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

gboolean process_look(const Root *root, const Process *process, gboolean *alive, GError **error)
{
    g_autoptr(GError) failed = NULL;
    Process now = { 0 };

    if (process->pid > 0 && !process_identify(root, process->pid, &now, &failed) &&
        !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *alive = process_is(&now, process);
    return TRUE;
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

/// Whether @path beneath the root is the file @wanted: in @same. FALSE: it cannot be told.
static gboolean names_file_beneath(
    const Root *root, const char *path, const struct stat *wanted, gboolean *same)
{
    g_autoptr(GError) failed = NULL;
    struct stat found;
    int fd = root_openat(root, path, O_PATH, 0, &failed);
    if (fd < 0) {
        return g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND);
    }
    gboolean known = fstat(fd, &found) == 0;
    *same = known && same_file(&found, wanted);
    close(fd);
    return known;
}

static gboolean names_file_here(const char *path, const struct stat *wanted, gboolean *same)
{
    struct stat found;

    if (stat(path, &found) < 0) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    *same = same_file(&found, wanted);
    return TRUE;
}

/// Whether @path, as a QEMU has it on its command line, names the file @wanted: seen from the root
/// (a QEMU that lives in it) or from here (a QEMU that was started beside it). FALSE: it cannot be
/// told.
static gboolean names_file(
    const Root *root, const char *path, const struct stat *wanted, gboolean *same)
{
    gboolean known = names_file_beneath(root, path, wanted, same);

    if (!*same && path[0] == '/') {
        known &= names_file_here(path, wanted, same);
    }
    return known || *same;
}

/// Whether the -pidfile of a QEMU is the file @pidfile: in @same. @arguments: the NUL-parted text
/// of /proc/<pid>/cmdline, @length bytes. FALSE: it cannot be told.
static gboolean look_for_pidfile(const Root *root, const char *arguments, gsize length,
    const struct stat *pidfile, gboolean *same)
{
    const char *end = arguments + length;
    gboolean value_follows = FALSE, known = TRUE;

    *same = FALSE;
    for (const char *at = arguments; at < end && !*same; at += strlen(at) + 1) {
        known &= !value_follows || names_file(root, at, pidfile, same);
        value_follows = strcmp(at, "-pidfile") == 0 || strcmp(at, "--pidfile") == 0;
    }
    return known || *same;
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

/// Takes what was not found for gone, and says so in @format's words; all else cannot be told.
static gboolean pass_on(GError **error, GError *failed, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

static gboolean pass_on(GError **error, GError *failed, const char *format, ...)
{
    gboolean gone = g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND) ||
                    g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
    va_list args;

    if (!gone) {
        g_propagate_error(error, failed);
        return FALSE;
    }
    va_start(args, format);
    g_autofree char *why = g_strdup_vprintf(format, args);
    va_end(args);
    g_error_free(failed);
    g_set_error_literal(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE, why);
    return FALSE;
}

gboolean process_of_vm(const Root *root, guint vmid, Process *process, GError **error)
{
    g_autofree char *pidfile = g_strdup_printf("run/qemu-server/%u.pid", vmid);
    GError *failed = NULL;
    gboolean same;
    struct stat info;
    Process found;
    gsize length;
    int pid;

    if (!read_pidfile(root, pidfile, &info, &pid, &failed)) {
        return pass_on(error, failed, "VM %u is not running: there is no /%s", vmid, pidfile);
    }
    g_autofree char *cmdline = g_strdup_printf("proc/%d/cmdline", pid);
    g_autofree char *arguments = process_identify(root, pid, &found, &failed)
                                     ? root_read(root, cmdline, &length, &failed)
                                     : NULL;
    if (arguments == NULL) {
        return pass_on(
            error, failed, "VM %u is not running: process %d of /%s has ended", vmid, pid, pidfile);
    }
    if (!look_for_pidfile(root, arguments, length, &info, &same)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "whether process %d of /%s is the QEMU of VM %u cannot be told: its -pidfile cannot "
            "be looked at",
            pid, pidfile, vmid);
        return FALSE;
    }
    if (!is_qemu(arguments) || !same) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE,
            "VM %u is not running: process %d of /%s is not its QEMU", vmid, pid, pidfile);
        return FALSE;
    }
    *process = found;
    return TRUE;
}
