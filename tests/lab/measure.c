// SPDX-License-Identifier: LGPL-2.1-or-later
/* measure ROUNDS {PID RAM}…: what the counting guests (see counter.S) of these QEMUs do; RAM is
 * the file that is the guest's memory. They run in turns, one for a short while each round, so
 * that what else the machine beneath has to do strikes all alike, and are left stopped (SIGSTOP).
 * With no round it only lets each run until all its vCPUs count.
 *
 * A line for each vCPU: PID, its number, thousands of additions a second, how much its thread ran
 * of the time that it could have, in per mille, and the CPUs that it was seen on. In C, for what
 * a shell starts to read one file takes longer than a round. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COUNTERS 0x1000
#define COUNTER_WORDS 8
#define MAX_VCPUS 8
#define MAX_VMS 4
/// So much that a vCPU which has added it is past all that is done only once.
#define WARM 500000

typedef struct Account {
    uint64_t counter;
    uint64_t ran_ns, waited_ns; ///< waited: could run, but another thread had the CPU
} Account;

typedef struct Vcpu {
    int directory; ///< of its thread in /proc
    Account before;
    uint64_t seen; ///< CPUs, a bit for each
} Vcpu;

typedef struct Vm {
    int pid, vcpu_count;
    Vcpu vcpus[MAX_VCPUS];
    const volatile uint64_t *counters;
    uint64_t measured_ns;
} Vm;

static void read_text(int directory, const char *name, char *text, size_t size)
{
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

    text[length < 0 ? 0 : length] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

static void find_vcpus(Vm *vm)
{
    char path[64], name[32];
    int vcpu;

    snprintf(path, sizeof(path), "/proc/%d/task", vm->pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
        int directory = openat(dirfd(tasks), task->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
        read_text(directory, "comm", name, sizeof(name));
        if (sscanf(name, "CPU %d/", &vcpu) == 1 && vcpu >= 0 && vcpu < MAX_VCPUS) {
            vm->vcpus[vcpu].directory = directory;
            vm->vcpu_count++;
        }
    }
}

static int open_vm(Vm *vm, const char *pid, const char *ram)
{
    int fd = open(ram, O_RDONLY | O_CLOEXEC);
    void *memory = mmap(NULL, 2 * COUNTERS, PROT_READ, MAP_SHARED, fd, 0);

    vm->pid = atoi(pid);
    find_vcpus(vm);
    if (memory == MAP_FAILED || vm->vcpu_count == 0) {
        fprintf(stderr, "measure: process %s has no vCPU, or no memory in %s\n", pid, ram);
        return -1;
    }
    vm->counters = (const uint64_t *)memory + COUNTERS / sizeof(uint64_t);
    return 0;
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * UINT64_C(1000000000) + now.tv_nsec;
}

static uint64_t counter_of(const Vm *vm, int vcpu)
{
    return vm->counters[vcpu * COUNTER_WORDS];
}

/// Exact only of a stopped thread: while one runs, the kernel's account is as of some tick ago.
static Account account_of(const Vm *vm, int vcpu)
{
    Account account = { .counter = counter_of(vm, vcpu) };
    char text[128], *end;

    read_text(vm->vcpus[vcpu].directory, "schedstat", text, sizeof(text));
    account.ran_ns = strtoull(text, &end, 10);
    account.waited_ns = strtoull(end, NULL, 10);
    return account;
}

/// Returns the state of the thread, and notes the CPU that it is on: fields 3 and 39.
static char look_at(Vcpu *vcpu)
{
    char text[1024];

    read_text(vcpu->directory, "stat", text, sizeof(text));
    // The name, field 2, may hold blanks.
    const char *state = strrchr(text, ')');
    const char *at = state;
    for (int field = 2; field < 39 && at != NULL; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return '\0';
    }
    vcpu->seen |= UINT64_C(1) << (strtoul(at, NULL, 10) & 63);
    return state[2];
}

static void wait_until_warm(const Vm *vm)
{
    for (int vcpu = 0; vcpu < vm->vcpu_count; vcpu++) {
        while (counter_of(vm, vcpu) < WARM) {
            usleep(20000);
        }
    }
}

static void stop(Vm *vm)
{
    kill(vm->pid, SIGSTOP);
    for (int vcpu = 0; vcpu < vm->vcpu_count; vcpu++) {
        while (look_at(&vm->vcpus[vcpu]) != 'T') {
            usleep(5000);
        }
    }
}

/// Threads take notice of a stop as late as of the start before it.
static void run_for_a_turn(Vm *vm)
{
    uint64_t started = now_ns();

    kill(vm->pid, SIGCONT);
    for (int sample = 0; sample < 8; sample++) {
        usleep(100000);
        for (int vcpu = 0; vcpu < vm->vcpu_count; vcpu++) {
            look_at(&vm->vcpus[vcpu]);
        }
    }
    vm->measured_ns += now_ns() - started;
    stop(vm);
}

static void print_vcpu(const Vm *vm, int number)
{
    const Vcpu *vcpu = &vm->vcpus[number];
    Account after = account_of(vm, number);
    uint64_t ran_ns = after.ran_ns - vcpu->before.ran_ns;
    uint64_t waited_ns = after.waited_ns - vcpu->before.waited_ns;
    const char *separator = "";

    printf("%d %d %llu %llu ", vm->pid, number,
        (unsigned long long)((after.counter - vcpu->before.counter) / (vm->measured_ns / 1000000)),
        (unsigned long long)(ran_ns * 1000 / (ran_ns + waited_ns + 1)));
    for (int cpu = 0; cpu < 64; cpu++) {
        if (vcpu->seen >> cpu & 1) {
            printf("%s%d", separator, cpu);
            separator = ",";
        }
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static Vm vms[MAX_VMS];
    int count = (argc - 2) / 2, rounds = argc > 1 ? atoi(argv[1]) : 0;

    alarm(60); // a guest that does not count would be waited for without end
    for (int i = 0; i < count && i < MAX_VMS; i++) {
        Vm *vm = &vms[i];
        if (open_vm(vm, argv[2 + 2 * i], argv[3 + 2 * i]) < 0) {
            return 1;
        }
        kill(vm->pid, SIGCONT);
        wait_until_warm(vm);
        stop(vm);
        for (int vcpu = 0; vcpu < vm->vcpu_count; vcpu++) {
            vm->vcpus[vcpu].before = account_of(vm, vcpu);
        }
    }
    for (int turn = 0; turn < rounds * count; turn++) {
        run_for_a_turn(&vms[turn % count]);
    }
    for (int i = 0; i < count && rounds > 0; i++) {
        for (int vcpu = 0; vcpu < vms[i].vcpu_count; vcpu++) {
            print_vcpu(&vms[i], vcpu);
        }
    }
    return 0;
}
