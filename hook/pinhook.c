// SPDX-License-Identifier: LGPL-2.1-or-later
/* The file that a hookscript names. It needs libc alone, so that it always runs: what it lacks it
 * says in one line, where a program that does not load says nothing that an admin could use. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "libpinhook.so.0"

typedef int (*Main)(int argc, char **argv);

/// Whether @path has the length that its ELF header says: the table of sections ends the file. What
/// is cut off is no error to dlopen(), which ends in SIGBUS. What is no ELF is left to dlopen().
static int is_whole(const char *path)
{
    ElfW(Ehdr) header;
    struct stat info;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int is_file = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    int is_elf = is_file && read(fd, &header, sizeof(header)) == sizeof(header) &&
                 memcmp(header.e_ident, ELFMAG, SELFMAG) == 0;

    if (fd >= 0) {
        close(fd);
    }
    if (fd >= 0 && !is_file) {
        return 0;
    }
    return !is_elf ||
           header.e_shoff + (size_t)header.e_shnum * header.e_shentsize <= (size_t)info.st_size;
}

/// Opens @path and finds the program in it; NULL: @reason says why not.
static Main load(const char *path, char *reason, size_t size)
{
    if (!is_whole(path)) {
        snprintf(reason, size, "%s: cut off, or no file", path);
        return NULL;
    }
    /* pinhook's own library is linked to be bound at once; what it draws in need not be. */
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    Main program = library != NULL ? (Main)dlsym(library, "pinhook_main") : NULL;

    if (program == NULL) {
        snprintf(reason, size, "%s", dlerror());
    }
    return program;
}

/// The library beside this program, or in pinhook.d/ beside it, where it does not show among the
/// snippets; 0: there is none such.
static int find_beside(char path[PATH_MAX])
{
    static const char *const places[] = { LIBRARY, "pinhook.d/" LIBRARY };
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof("pinhook.d/" LIBRARY));
    if (length <= 0) {
        return 0;
    }
    path[length] = '\0';
    char *name = strrchr(path, '/') + 1;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        strcpy(name, places[i]);
        if (access(path, F_OK) == 0) {
            return 1;
        }
    }
    return 0;
}

/// Only a start can be refused; no other phase may fail for want of a library.
static int exit_status(int argc, char **argv)
{
    int is_hook = argc == 3 && strspn(argv[1], "0123456789") == strlen(argv[1]);

    if (!is_hook) {
        return 3;
    }
    return strcmp(argv[2], "pre-start") == 0 ? 1 : 0;
}

/// What brings what is missing: of all that the library needs, a Proxmox node lacks hwloc alone.
static const char *find_remedy(const char *reason)
{
    int needs_other = strstr(reason, "cannot open") != NULL && strstr(reason, LIBRARY) == NULL;

    return needs_other ? "apt install libhwloc15 libjson-c5 libnuma1 libglib2.0-0"
                       : "put the " LIBRARY " of this pinhook beside it";
}

int main(int argc, char **argv)
{
    char path[PATH_MAX], beside[512] = "", system[512] = "";
    Main program = find_beside(path) ? load(path, beside, sizeof(beside)) : NULL;

    if (program == NULL) {
        program = load(LIBRARY, system, sizeof(system));
    }
    if (program == NULL) {
        const char *reason = *beside != '\0' ? beside : system;
        fprintf(stderr, "pinhook: cannot start: %s; fix: %s\n", reason, find_remedy(reason));
        return exit_status(argc, argv);
    }
    if (*beside != '\0') {
        fprintf(stderr, "pinhook: %s; using the system's\n", beside);
    }
    return program(argc, argv);
}
