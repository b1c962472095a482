// SPDX-License-Identifier: LGPL-2.1-or-later
/* wake SECONDS: wakes up a thousand times a second, and prints how often it did, and in µs the
 * median, the 99th percentile and the maximum of two times: how long it was ready to run before it
 * ran, by the kernel's account, and how late it ran, as cyclictest takes it. The first is 0 where
 * it runs next, for then the kernel reads its clock but once (rq_clock_skip_update). The second
 * holds the first, and all that the timer was late: in the lab that is mostly the machine
 * beneath, which gives an emulated CPU no time just then. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_NS 1000000
#define MAX_WAKEUPS 60000

static int64_t waits_ns[MAX_WAKEUPS], lates_ns[MAX_WAKEUPS];

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void sleep_until(int64_t due_ns)
{
    struct timespec due = { .tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000 };

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

/// How long this thread ever waited for a CPU.
static int64_t waited_ns(int schedstat)
{
    char text[128] = "", *end;

    if (pread(schedstat, text, sizeof(text) - 1, 0) <= 0) {
        perror("schedstat");
        exit(1);
    }
    strtoll(text, &end, 10);
    return strtoll(end, NULL, 10);
}

static int compare(const void *a, const void *b)
{
    int64_t first = *(const int64_t *)a, second = *(const int64_t *)b;

    return (first > second) - (first < second);
}

static void print_distribution(int64_t *times_ns, int count)
{
    qsort(times_ns, count, sizeof(*times_ns), compare);
    printf(" %d %d %d", (int)(times_ns[count / 2] / 1000),
        (int)(times_ns[count * INT64_C(99) / 100] / 1000), (int)(times_ns[count - 1] / 1000));
}

int main(int argc, char **argv)
{
    int schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC), count = 0;
    int64_t end_ns = now_ns() + (argc > 1 ? atoi(argv[1]) : 1) * INT64_C(1000000000);

    for (int64_t due_ns = now_ns(); due_ns < end_ns && count < MAX_WAKEUPS; count++) {
        due_ns = now_ns() + INTERVAL_NS;
        int64_t before_ns = waited_ns(schedstat);
        sleep_until(due_ns);
        lates_ns[count] = now_ns() - due_ns;
        waits_ns[count] = waited_ns(schedstat) - before_ns;
    }
    printf("%d", count);
    print_distribution(waits_ns, count);
    print_distribution(lates_ns, count);
    printf("\n");
    return 0;
}
