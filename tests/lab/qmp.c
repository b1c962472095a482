// SPDX-License-Identifier: LGPL-2.1-or-later
/* qmp SOCKET COMMAND [ARGUMENTS]: one QMP command, its reply on stdout; 1 when QEMU refuses it. In
 * C, for python takes seconds to start in the lab. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/// Sends a command and reads its reply into @line, past events.
static int execute(FILE *stream, const char *command, const char *arguments, char *line, int size)
{
    fprintf(stream, "{\"execute\":\"%s\"%s%s}\n", command,
        arguments != NULL ? ",\"arguments\":" : "", arguments != NULL ? arguments : "");
    fflush(stream);
    while (fgets(line, size, stream) != NULL) {
        if (strstr(line, "{\"return\"") == line || strstr(line, "{\"error\"") == line) {
            return 0;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    static char line[1 << 20];
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (argc < 3 || strlen(argv[1]) >= sizeof(address.sun_path)) {
        return 2;
    }
    strcpy(address.sun_path, argv[1]);
    alarm(20);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        perror(argv[1]);
        return 2;
    }
    FILE *stream = fdopen(fd, "r+");
    if (stream == NULL || execute(stream, "qmp_capabilities", NULL, line, sizeof(line)) < 0 ||
        execute(stream, argv[2], argc > 3 ? argv[3] : NULL, line, sizeof(line)) < 0) {
        fprintf(stderr, "%s: no answer\n", argv[1]);
        return 2;
    }
    fputs(line, stdout);
    return strstr(line, "{\"error\"") == line;
}
