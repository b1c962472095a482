// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"

/// A directory that stands for "/", made for one test and removed with it.
typedef struct {
    char *path;
    Root *root;
} FakeRoot;

/// With empty etc/pve/qemu-server, run/qemu-server, proc and sys.
FakeRoot *fake_root_new(void);

/// The same, but proc and sys are links to the running kernel's.
FakeRoot *fake_root_new_live(void);

/// The same, but proc alone is the running kernel's: nothing may be written there.
FakeRoot *fake_root_new_live_proc(void);

void fake_root_free(FakeRoot *fake);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeRoot, fake_root_free)

/// Writes a file, with the directories above it. @path is relative.
void fake_root_write(FakeRoot *fake, const char *path, const char *text);

/// The same for @length bytes that may hold NULs.
void fake_root_write_bytes(FakeRoot *fake, const char *path, const char *bytes, gsize length);

/// Makes a symbolic link, with the directories above it.
void fake_root_link(FakeRoot *fake, const char *path, const char *target);

/// Removes a file or an empty directory.
void fake_root_remove(FakeRoot *fake, const char *path);

/// The path outside of it; the caller frees it.
char *fake_root_outside(const FakeRoot *fake, const char *path);

/// A process in a fake proc: its stat and cmdline (arguments parted by blanks).
void fake_root_add_process(FakeRoot *fake, int pid, guint64 start_time, const char *cmdline);

/// A thread in a fake proc: its stat in task/.
void fake_root_add_thread(FakeRoot *fake, int pid, int tid, const char *name, int last_cpu);

/// Removes a directory with all below it, such as a process's that has ended ("proc/4711").
void fake_root_remove_tree(FakeRoot *fake, const char *path);

/// CPUs in the fake sys: one package, one node of 64 GiB, @cores cores of @threads threads, of
/// which the CPUs @isolated ("" for none) are isolated and without a tick. Numbered as Linux does:
/// with 4 cores of 2 threads CPUs 0 and 4 are siblings. No service.
void fake_root_add_cpus(FakeRoot *fake, guint cores, guint threads, const char *isolated);

/// A host: these CPUs, and in the fake proc a boot id, and nothing that disturbs: no interrupts.
void fake_root_add_host(FakeRoot *fake, guint cores, guint threads, const char *isolated);
