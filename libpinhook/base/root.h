// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// A directory that stands for "/". Every path given with it is relative ("proc/cmdline") and is
/// resolved beneath it: symbolic links, absolute ones too, cannot lead out (openat2(2),
/// RESOLVE_IN_ROOT). Only its own `proc` and `sys` may be links to the live ones.
typedef struct Root Root;

/// Files read whole are refused beyond this many bytes: pmxcfs, which holds the VM configs, takes
/// no file above 1 MiB.
#define ROOT_FILE_LIMIT (1024 * 1024)

/// Opens @path, which must be a directory; `proc` and `sys` below it may be missing.
Root *root_open(const char *path, GError **error);
void root_free(Root *root);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Root, root_free)

/// The path it was opened by.
const char *root_path(const Root *root);

/// Opens a file beneath the root; @flags as for open(2), O_CLOEXEC is added, @mode counts with
/// O_CREAT. Returns a file descriptor that the caller closes, or -1 with @error.
int root_openat(const Root *root, const char *path, int flags, unsigned mode, GError **error);

/// Reads a regular file whole, up to ROOT_FILE_LIMIT bytes; a NUL is added behind. @length may be
/// NULL. The caller frees it.
char *root_read(const Root *root, const char *path, gsize *length, GError **error);

/// Reads a file that the caller names, beneath no root and up to @limit bytes, likewise.
char *root_read_named(const char *path, gsize limit, gsize *length, GError **error);

/// The file's text without blanks around it, or NULL where it cannot be read: for files of sysfs
/// and procfs whose absence is an answer. The caller frees it.
char *root_read_value(const Root *root, const char *path);

/// The names in a directory, sorted, without "." and ".."; NULL with @error. Freed with
/// g_strfreev().
char **root_list(const Root *root, const char *path, GError **error);

/// Whether @path exists beneath the root: in @exists. FALSE with @error: that cannot be told.
gboolean root_look(const Root *root, const char *path, gboolean *exists, GError **error);

/// Whether @path exists beneath the root, and can be looked at: for what is only told of.
gboolean root_exists(const Root *root, const char *path);

/// Whether the root's `proc` is the procfs of the running kernel, so that a pid read there is a
/// process here. Nothing may be done to a process that was found in any other `proc`.
gboolean root_is_live(const Root *root);
