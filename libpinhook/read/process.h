// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/root.h"

/// A process that cannot be mistaken for a later one with the same pid. pid 0: nobody.
typedef struct {
    int pid;
    guint64 start_time; // clock ticks since boot: field 22 of /proc/<pid>/stat
} Process;

/// Identifies the live process @pid. PINHOOK_ERROR_GONE: there is none, a zombie is none either;
/// any other error: it cannot be told.
gboolean process_identify(const Root *root, int pid, Process *process, GError **error);

/// Whether both are the same process; nobody is not even itself.
gboolean process_is(const Process *process, const Process *other);

/// Whether @process still lives: in @alive. Nobody does not. FALSE with @error: it cannot be told.
gboolean process_look(const Root *root, const Process *process, gboolean *alive, GError **error);

/// The QEMU of VM @vmid: the process that /run/qemu-server/<vmid>.pid names, if it is one. As
/// Proxmox does (qemu-server, PVE/QemuServer/Helpers.pm, vm_running_locally), its name must end in
/// "kvm" or be "qemu-…" and its -pidfile must be that file: here the same file, however it is
/// spelled. PINHOOK_ERROR_GONE when there is none; any other error: it cannot be told.
gboolean process_of_vm(const Root *root, guint vmid, Process *process, GError **error);

/// What /proc/<pid>/task/<tid>/stat says of a thread. The caller frees @name.
typedef struct {
    char *name;
    char state;
    guint64 start_time;
    int last_cpu;
} ProcessStat;

/// Reads a stat file of procfs, "proc/4711/stat" or "proc/4711/task/4712/stat".
gboolean process_read_stat(const Root *root, const char *path, ProcessStat *stat, GError **error);
