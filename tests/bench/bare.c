// SPDX-License-Identifier: LGPL-2.1-or-later
/* What post-start is measured against: the least that binds a VM's vCPUs. It connects to QEMU,
 * asks for the vCPUs' threads, binds them one to one to the CPUs that it was given, and believes
 * everything that it is told. `bare SOCKET CPU…` */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char text[1 << 20];

static int connect_to(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? fd : -1;
}

/// Reads a line into `text`; 0: there is none.
static int read_line(int fd)
{
    size_t length = 0;

    while (length == 0 || text[length - 1] != '\n') {
        ssize_t got = read(fd, text + length, sizeof(text) - 1 - length);
        if (got <= 0) {
            return 0;
        }
        length += (size_t)got;
    }
    text[length] = '\0';
    return 1;
}

static int ask(int fd, const char *command)
{
    return write(fd, command, strlen(command)) == (ssize_t)strlen(command) && read_line(fd);
}

static int bind_thread(int tid, int cpu)
{
    cpu_set_t mask;

    CPU_ZERO(&mask);
    CPU_SET(cpu, &mask);
    return sched_setaffinity(tid, sizeof(mask), &mask) == 0;
}

/// {"return": [{"thread-id": 4711, "props": {"thread-id": 0, …}, …}, …]}: the outer ones are tids.
static int bind_all(char **cpus)
{
    static const char key[] = "\"thread-id\": ";
    int depth = 0;

    for (const char *at = text; *at != '\0'; at++) {
        depth += (*at == '{') - (*at == '}');
        if (depth == 2 && strncmp(at, key, sizeof(key) - 1) == 0) {
            if (*cpus == NULL || !bind_thread(atoi(at + sizeof(key) - 1), atoi(*cpus++))) {
                return 0;
            }
        }
    }
    return *cpus == NULL;
}

int main(int argc, char **argv)
{
    int fd = argc > 2 ? connect_to(argv[1]) : -1;

    return fd >= 0 && read_line(fd) && ask(fd, "{\"execute\":\"qmp_capabilities\"}\n") &&
                   ask(fd, "{\"execute\":\"query-cpus-fast\"}\n") && bind_all(argv + 2)
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
