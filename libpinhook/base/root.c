// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/root.h"

#include "base/error.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

struct Root {
    char *path;
    int fd;
    int proc_fd; // below 0: it could not be opened, for -errno
    int sys_fd;  // likewise
};

/// -errno where it cannot be opened.
static int open_directory(int beneath, const char *path)
{
    int fd = openat(beneath, path, O_PATH | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

Root *root_open(const char *path, GError **error)
{
    int fd = open_directory(AT_FDCWD, path);
    if (fd < 0) {
        error_set_errno(error, -fd, "cannot open the root directory '%s'", path);
        return NULL;
    }

    Root *root = g_new(Root, 1);
    root->path = g_strdup(path);
    root->fd = fd;
    root->proc_fd = open_directory(fd, "proc");
    root->sys_fd = open_directory(fd, "sys");
    return root;
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void root_free(Root *root)
{
    if (root == NULL) {
        return;
    }
    close_if_open(root->sys_fd);
    close_if_open(root->proc_fd);
    close_if_open(root->fd);
    g_free(root->path);
    g_free(root);
}

const char *root_path(const Root *root)
{
    return root->path;
}

static gboolean is_below(const char *path, const char *directory)
{
    gsize length = strlen(directory);

    return strncmp(path, directory, length) == 0 && path[length] == '/';
}

/// The handle that stands for the first part of *path; *path moves behind that part.
static int top_of(const Root *root, const char **path)
{
    if (is_below(*path, "proc")) {
        *path += strlen("proc/");
        return root->proc_fd;
    }
    if (is_below(*path, "sys")) {
        *path += strlen("sys/");
        return root->sys_fd;
    }
    return root->fd;
}

int root_openat(const Root *root, const char *path, int flags, unsigned mode, GError **error)
{
    const char *rest = path;
    int top = top_of(root, &rest);
    struct open_how how = {
        .flags = (guint64)(unsigned)flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? mode : 0,
        .resolve = RESOLVE_IN_ROOT,
    };
    long fd = -1;

    if (top < 0) {
        errno = -top;
    } else {
        /* EAGAIN: somebody renamed while ".." was looked up. */
        for (int tries = 0; tries < 8 && fd < 0 && (tries == 0 || errno == EAGAIN); tries++) {
            fd = syscall(SYS_openat2, top, rest, &how, sizeof(how));
        }
    }
    if (fd < 0) {
        error_set_errno(error, errno, "cannot open /%s", path);
    }
    return (int)fd;
}

/// @name: the file as it is called in messages.
static char *read_all(int fd, const char *name, gsize limit, gsize *length, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_sized_new(4096);

    for (;;) {
        guint8 chunk[16384];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            error_set_errno(error, errno, "cannot read %s", name);
            return NULL;
        }
        if (got == 0) {
            break;
        }
        g_byte_array_append(bytes, chunk, (guint)got);
        if (bytes->len > limit) {
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
                "%s is larger than %" G_GSIZE_FORMAT " KiB", name, limit / 1024);
            return NULL;
        }
    }

    if (length != NULL) {
        *length = bytes->len;
    }
    g_byte_array_append(bytes, (const guint8 *)"", 1);
    return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

/// Closes @fd.
static char *read_regular(int fd, const char *name, gsize limit, gsize *length, GError **error)
{
    struct stat info;
    char *text = NULL;

    if (fstat(fd, &info) < 0) {
        error_set_errno(error, errno, "cannot read %s", name);
    } else if (!S_ISREG(info.st_mode)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, "%s is %s", name,
            S_ISDIR(info.st_mode) ? "a directory" : "no regular file");
    } else {
        text = read_all(fd, name, limit, length, error);
    }
    close(fd);
    return text;
}

/* O_NONBLOCK: a fifo in a file's place must not hold up a VM's start. */
#define READ_FLAGS (O_RDONLY | O_NONBLOCK | O_NOCTTY)

char *root_read(const Root *root, const char *path, gsize *length, GError **error)
{
    g_autofree char *name = g_strconcat("/", path, NULL);
    int fd = root_openat(root, path, READ_FLAGS, 0, error);

    return fd >= 0 ? read_regular(fd, name, ROOT_FILE_LIMIT, length, error) : NULL;
}

char *root_read_named(const char *path, gsize limit, gsize *length, GError **error)
{
    int fd = open(path, READ_FLAGS | O_CLOEXEC);

    if (fd < 0) {
        error_set_errno(error, errno, "cannot open '%s'", path);
        return NULL;
    }
    return read_regular(fd, path, limit, length, error);
}

char *root_read_value(const Root *root, const char *path)
{
    char *text = root_read(root, path, NULL, NULL);

    return text != NULL ? g_strstrip(text) : NULL;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **root_list(const Root *root, const char *path, GError **error)
{
    int fd = root_openat(root, path, O_RDONLY | O_DIRECTORY, 0, error);
    if (fd < 0) {
        return NULL;
    }
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        error_set_errno(error, errno, "cannot list /%s", path);
        close(fd);
        return NULL;
    }

    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    struct dirent *entry;
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            g_ptr_array_add(names, g_strdup(entry->d_name));
        }
    }
    int failed = errno; // what was listed by then is not all
    closedir(directory);
    if (failed != 0) {
        error_set_errno(error, failed, "cannot list /%s", path);
        return NULL;
    }
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
}

gboolean root_look(const Root *root, const char *path, gboolean *exists, GError **error)
{
    g_autoptr(GError) failed = NULL;
    int fd = root_openat(root, path, O_PATH, 0, &failed);

    close_if_open(fd);
    if (fd < 0 && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *exists = fd >= 0;
    return TRUE;
}

gboolean root_exists(const Root *root, const char *path)
{
    gboolean exists;

    return root_look(root, path, &exists, NULL) && exists;
}

gboolean root_is_live(const Root *root)
{
    struct stat ours, theirs;
    struct statfs fs;

    return root->proc_fd >= 0 && fstat(root->proc_fd, &ours) == 0 && stat("/proc", &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino &&
           fstatfs(root->proc_fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}
