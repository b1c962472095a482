// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faults/fake-vm.h"

#include "fakes/fake-qemu.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "/usr/bin/kvm"

/// What the VM and whoever watches it share.
struct FakeVmState {
    int vcpu_tid;
    int ready;
    int released;
    int late; // a thread that was made when it was let run is there
};

static struct FakeVmState *map_state(int fd)
{
    void *at = mmap(NULL, sizeof(struct FakeVmState), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    g_assert_true(at != MAP_FAILED);
    return at;
}

/* The VM. */

/// Looked for as often as that.
enum { LOOK_US = 1000 };

static void await(const int *flag, gboolean wanted)
{
    while ((g_atomic_int_get(flag) != 0) != wanted) {
        g_usleep(LOOK_US);
    }
}

static gpointer run_late(gpointer data)
{
    struct FakeVmState *state = data;

    g_atomic_int_set(&state->late, 1);
    await(&state->released, FALSE);
    return NULL;
}

/// As under KVM, where the kernel makes a thread when the guest first runs, it begins with the
/// vCPU's mask.
static gpointer run_vcpu(gpointer data)
{
    struct FakeVmState *state = data;

    g_atomic_int_set(&state->vcpu_tid, (int)syscall(SYS_gettid));
    for (;;) {
        await(&state->released, TRUE);
        g_thread_join(g_thread_new("late", run_late, state));
        g_atomic_int_set(&state->late, 0);
    }
    return NULL;
}

typedef struct {
    FakeQemu *qemu;
    struct FakeVmState *state;
    const char *status; // before it is released
} Guest;

static void take_command(const char *command, gpointer data)
{
    Guest *guest = data;

    if (strcmp(command, "cont") == 0) {
        g_atomic_int_set(&guest->state->released, 1);
        await(&guest->state->late, TRUE);
    }
    if (strcmp(command, "query-status") == 0) {
        gboolean released = g_atomic_int_get(&guest->state->released) != 0;
        g_autofree char *reply = g_strdup_printf(
            "{\"status\": \"%s\"}", released ? "running" : guest->status);
        fake_qemu_answer(guest->qemu, command, reply);
    }
}

static gpointer idle(gpointer data)
{
    for (;;) {
        pause();
    }
    return NULL;
}

/// argv: kvm -id VMID -pidfile PATH ROOT STATE STATUS
int fake_vm_main(int argc, char **argv)
{
    if (argc != 8 || strcmp(argv[0], NAME) != 0) {
        return -1;
    }
    FakeRoot fake = { .path = argv[5] };
    guint vmid = (guint)atoi(argv[2]);
    Guest guest = { .state = map_state(atoi(argv[6])), .status = argv[7] };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    g_thread_unref(g_thread_new("CPU 0/KVM", run_vcpu, guest.state));
    g_thread_unref(g_thread_new("worker", idle, NULL));
    while (g_atomic_int_get(&guest.state->vcpu_tid) == 0) {
        g_thread_yield();
    }
    g_autofree char *vcpus = g_strdup_printf(
        "[{\"cpu-index\": 0, \"thread-id\": %d}]", guest.state->vcpu_tid);
    guest.qemu = fake_qemu_new(&fake, vmid, FAKE_QEMU_GOOD);
    fake_qemu_answer(guest.qemu, "query-cpus-fast", vcpus);
    fake_qemu_on_command(guest.qemu, take_command, &guest);
    g_autofree char *pid = g_strdup_printf("%d\n", getpid());
    fake_root_write(&fake, argv[4], pid);
    g_atomic_int_set(&guest.state->ready, 1);
    idle(NULL);
    return 0;
}

/* Who watches it. */

FakeVm *fake_vm_new(FakeRoot *fake, guint vmid, const char *status)
{
    FakeVm *vm = g_new0(FakeVm, 1);
    int fd = (int)syscall(SYS_memfd_create, "vm", 0);

    g_assert_cmpint(ftruncate(fd, sizeof(struct FakeVmState)), ==, 0);
    vm->fake = fake;
    vm->vmid = vmid;
    vm->state = map_state(fd);
    g_autofree char *number = g_strdup_printf("%u", vmid);
    g_autofree char *pidfile = g_strdup_printf("/run/qemu-server/%u.pid", vmid);
    g_autofree char *handle = g_strdup_printf("%d", fd);
    const char *argv[] = { NAME, "-id", number, "-pidfile", pidfile, fake->path, handle, status,
        NULL };
    vm->pid = fork();
    g_assert_cmpint(vm->pid, >=, 0);
    if (vm->pid == 0) {
        execv("/proc/self/exe", (char **)argv);
        _exit(127);
    }
    close(fd);
    while (g_atomic_int_get(&vm->state->ready) == 0) {
        g_assert_cmpint(waitpid(vm->pid, NULL, WNOHANG), ==, 0);
        g_usleep(200);
    }
    return vm;
}

static void remove_file(const FakeVm *vm, const char *suffix)
{
    g_autofree char *path = g_strdup_printf(
        "%s/run/qemu-server/%u.%s", vm->fake->path, vm->vmid, suffix);

    g_remove(path);
}

void fake_vm_free(FakeVm *vm)
{
    if (vm == NULL) {
        return;
    }
    if (vm->pid > 0) {
        kill(vm->pid, SIGKILL);
        waitpid(vm->pid, NULL, 0);
    }
    remove_file(vm, "pid");
    remove_file(vm, "qmp");
    munmap(vm->state, sizeof(*vm->state));
    g_free(vm);
}

gboolean fake_vm_lives(FakeVm *vm)
{
    if (vm->pid > 0 && waitpid(vm->pid, NULL, WNOHANG) == vm->pid) {
        vm->pid = 0;
    }
    return vm->pid > 0;
}

gboolean fake_vm_was_released(const FakeVm *vm)
{
    return g_atomic_int_get(&vm->state->released) != 0;
}

void fake_vm_take_back(FakeVm *vm)
{
    g_atomic_int_set(&vm->state->released, 0);
    await(&vm->state->late, FALSE);
}

int fake_vm_vcpu_tid(const FakeVm *vm)
{
    return vm->state->vcpu_tid;
}
