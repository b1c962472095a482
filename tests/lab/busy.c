// SPDX-License-Identifier: LGPL-2.1-or-later
/* busy: keeps every CPU busy at the lowest priority until it is killed. The lab's CPUs share the
 * few of the machine beneath, so one that idles makes the others faster: with this, what a CPU
 * gets beneath is the same however many threads have work. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static int keep_busy(int cpu)
{
    struct sched_param none = { 0 };
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || sched_setaffinity(0, sizeof(one), &one) < 0 ||
        sched_setscheduler(0, SCHED_IDLE, &none) < 0) {
        perror("busy");
        return 1;
    }
    for (;;) {
        __asm__ volatile("");
    }
}

int main(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    for (int cpu = 0; cpu < cpus; cpu++) {
        if (fork() == 0) {
            return keep_busy(cpu);
        }
    }
    pause();
    return 0;
}
