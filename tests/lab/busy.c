// SPDX-License-Identifier: LGPL-2.1-or-later
/* busy [HOGS CPU]: keeps every CPU but that one busy at the lowest priority until it is killed,
 * and beside that so many hogs, which run as other threads do and where the scheduler puts them.
 * The lab's CPUs share the few of the machine beneath, so one that idles makes the others faster:
 * with this, what a CPU gets beneath is the same however many threads have work. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static int keep_busy(void)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) {
        perror("busy");
        return 1;
    }
    for (;;) {
        __asm__ volatile("");
    }
}

static int fill(int cpu)
{
    struct sched_param none = { 0 };
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) < 0 ||
        sched_setscheduler(0, SCHED_IDLE, &none) < 0) {
        perror("busy");
        return 1;
    }
    return keep_busy();
}

int main(int argc, char **argv)
{
    int cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    int hogs = argc > 2 ? atoi(argv[1]) : 0;
    int idle_cpu = argc > 2 ? atoi(argv[2]) : -1;

    for (int hog = 0; hog < hogs; hog++) {
        if (fork() == 0) {
            return keep_busy();
        }
    }
    for (int cpu = 0; cpu < cpus; cpu++) {
        if (cpu != idle_cpu && fork() == 0) {
            return fill(cpu);
        }
    }
    pause();
    return 0;
}
