// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/plan.h"
#include "fakes/fake-root.h"

#include <stdio.h>

/* What a user has: an installed hook, called as Proxmox calls it, and a real QEMU. */

/// The launcher and the library in a directory of their own, as a directory of snippets has them.
typedef struct {
    char *directory;
    char *program;
} Installed;

/// Copies both from where PINHOOK_LAUNCHER and PINHOOK_LIBRARY_DIR say that they were built.
Installed *installed_new(void);

/// The launcher alone.
Installed *installed_new_without_library(void);

void installed_free(Installed *installed);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Installed, installed_free)

/// How a program ended, and what it wrote.
typedef struct {
    int exit_status; // -1: a signal ended it
    char *out, *err;
    gint64 wall_us, cpu_us;
} Ended;

void ended_free(Ended *ended);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ended, ended_free)

/// Runs a program as PVE::GuestHelpers::exec_hookscript does: no shell, stdin at EOF, stdout and
/// stderr read until both pipes are closed. One that takes longer than 20 s fails the test. @env is
/// "NAME=VALUE" pairs beside the test's own environment; NULL: none.
Ended *run_program(const char *const *argv, const char *const *env);

/// "program --root <fake> <arguments…>", ended by NULL.
Ended *installed_run(const Installed *installed, const FakeRoot *fake, ...) G_GNUC_NULL_TERMINATED;

/// A real QEMU on <root>/run/qemu-server/<vmid>.qmp with Proxmox's arguments. It dies with the
/// test.
typedef struct {
    char *directory; // run/qemu-server of the root
    guint vmid;
    int pid; // 0: it has ended
    int to_monitor;
    FILE *from_monitor; // a monitor of the test's own: the hook's socket stays free
} RealQemu;

typedef struct {
    guint present;      // vCPUs at start
    guint most;         // with those that can be hot-plugged
    guint threads;      // per core of the guest; 0: one
    const char *global; // a property of a device's type; NULL: none
    gboolean frozen;
    gboolean iothread;
    gboolean kvm;             // firmware alone, where real_qemu_has_kvm()
    gboolean preallocated;    // all memory is touched before the guest runs, as hugepages are
    gboolean through_var_run; // its files are spelled /var/run/…, as Proxmox spells them
} RealQemuShape;

/// What a machine must put up with that has no isolated CPUs, or none to spare. QEMU is started on
/// any node.
#define REAL_QEMU_POLICY                                                                           \
    "[defaults]\n"                                                                                 \
    "check.not-isolated = warning\n"                                                               \
    "check.sibling-not-isolated = warning\n"                                                       \
    "check.no-housekeeping = warning\n"                                                            \
    "memory = migrate\n"

/// The CPUs of this machine that vCPUs can have: one less than all where a cpuset keeps the test
/// from the others, for QEMU's other threads need one too.
CpuSet *real_qemu_usable_cpus(void);

/// The first @count of them as a list; the caller frees it.
char *real_qemu_first_cpus(guint count);

/// FALSE: there is no qemu-system-x86_64 on this machine.
gboolean real_qemu_is_installed(void);

/// Whether /dev/kvm runs a vCPU: some machines have one that does not.
gboolean real_qemu_has_kvm(void);

/// Returns when QEMU answers, so when all its vCPUs' threads exist.
RealQemu *real_qemu_new(const FakeRoot *fake, guint vmid, const RealQemuShape *shape);

/// Ends it with SIGKILL, and leaves its pid file and socket, as a crash does.
void real_qemu_kill(RealQemu *qemu);

/// Whether it ends of itself within 10 s.
gboolean real_qemu_ends(RealQemu *qemu);

/// Removes pid file and socket, as Proxmox does before post-stop.
void real_qemu_clean_up(RealQemu *qemu);

void real_qemu_free(RealQemu *qemu);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RealQemu, real_qemu_free)

/// Executes a command on the test's own monitor. @arguments: a JSON object, or NULL. Returns its
/// "return" value, which the caller owns; QEMU's error fails the test.
JsonObject *real_qemu_execute(RealQemu *qemu, const char *command, const char *arguments);

/// The host's thread of vCPU @vcpu.
int real_qemu_vcpu_tid(RealQemu *qemu, guint vcpu);

/// Connects to the socket that the hook uses and waits for the greeting; the caller closes it.
int real_qemu_hold_socket(const RealQemu *qemu);

/// Connects to that socket without waiting. -1: there is no room.
int real_qemu_queue_up(const RealQemu *qemu);

/// The tids in /proc/<pid>/task, ascending; the caller frees the array of int.
GArray *real_qemu_tids(const RealQemu *qemu);

/// Where a thread may run, in the kernel's own words: a list from /proc/<pid>/task/<tid>/status.
/// The caller frees it.
char *real_qemu_read_allowed(int pid, int tid);
