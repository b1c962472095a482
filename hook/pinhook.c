// SPDX-License-Identifier: LGPL-2.1-or-later
/* The file that a hookscript names. It needs libc alone, so that it always runs: what it lacks it
 * says in one line, where a program that does not load says nothing that an admin could use. */
#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libpinhook.so.0"
#define FOLDER "pinhook.d/"

typedef int (*Main)(int argc, char **argv);

/* Loading. */

/// Where a library beside @fault's asks for a newer system, the loader's "(required by <path>)", it
/// is the one that is at fault.
static void name_asking(LibraryFault *fault)
{
    static const char before[] = "(required by ";
    const char *at = strstr(fault->reason, before);
    const char *name = strrchr(fault->path, '/');

    if (at != NULL && name != NULL &&
        strncmp(at + strlen(before), fault->path, name + 1 - fault->path) == 0) {
        at += strlen(before);
        snprintf(fault->path, sizeof(fault->path), "%.*s", (int)strcspn(at, ")"), at);
    }
}

/// Opens @path and finds the program in it; NULL with @fault.
static Main load(const char *path, LibraryFault *fault)
{
    /* pinhook's own library is linked to be bound at once; what it draws in need not be. */
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    Main program = library != NULL ? (Main)dlsym(library, "pinhook_main") : NULL;

    if (program == NULL) {
        const char *reason = dlerror();
        int lacks = strstr(reason, "cannot open") != NULL && strstr(reason, LIBRARY) == NULL;
        fault->state = lacks ? LIBRARY_LACKS : LIBRARY_BROKEN;
        snprintf(fault->reason, sizeof(fault->reason), "%s", reason);
        name_asking(fault);
    }
    return program;
}

/// @folder beside @launcher, with @name in it.
static void put_beside(
    const Launcher *launcher, const char *folder, const char *name, char path[PATH_MAX])
{
    int length = (int)(strrchr(launcher->path, '/') + 1 - launcher->path);

    snprintf(path, PATH_MAX, "%.*s%s%s", length, launcher->path, folder, name);
}

/// The library beside this program, or in pinhook.d/ beside it, where it does not show among the
/// snippets. NULL: there is none such, or @fault says why not.
static Main load_beside(const Launcher *launcher, LibraryFault *fault)
{
    static const char *const folders[] = { "", FOLDER };

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char directory[PATH_MAX];
        put_beside(launcher, folders[i], "", directory);
        put_beside(launcher, folders[i], LIBRARY, fault->path);
        if (access(fault->path, F_OK) == 0) {
            return libraries_look(launcher, directory, fault) ? load(fault->path, fault) : NULL;
        }
        if (errno != ENOENT && errno != ENOTDIR) {
            library_fault(fault, LIBRARY_HIDDEN, directory, strerror(errno));
            return NULL;
        }
    }
    return NULL;
}

/* Telling. */

/// Beyond ASCII too there are controls, such as those that turn the direction of a line.
static int is_plain(unsigned char byte)
{
    return byte >= ' ' && byte < 0x7f;
}

/// In one line, whatever stands in it.
static void print_text(const char *text)
{
    for (; *text != '\0'; text++) {
        fputc(is_plain((unsigned char)*text) ? *text : '?', stderr);
    }
}

/// As a word of bash's.
static void print_word(const char *word)
{
    static const char plain[] = "0123456789+,-./:=@_"
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    int quoted = word[strspn(word, plain)] != '\0';

    fputs(quoted ? "$'" : "", stderr);
    for (; *word != '\0'; word++) {
        unsigned char byte = (unsigned char)*word;
        fprintf(stderr, strchr("'\\", byte) == NULL && is_plain(byte) ? "%c" : "\\%03o", byte);
    }
    fputs(quoted ? "'" : "", stderr);
}

/// Prints @command, with @path in the place of each % and @launcher's in that of each @.
static void print_command(const char *command, const char *path, const char *launcher)
{
    for (; *command != '\0'; command++) {
        if (*command == '%' || *command == '@') {
            print_word(*command == '%' ? path : launcher);
        } else {
            fputc(*command, stderr);
        }
    }
}

/// What a Proxmox node may lack of what the library needs; of these it lacks hwloc.
#define INSTALL "apt install libhwloc15 libjson-c5 libnuma1 libglib2.0-0"

/// Put beside and renamed: those who run with a library that is written over crash.
#define REPLACE                                                                                    \
    "install -Dm 644 build/libpinhook/" LIBRARY " %.new && mv %.new %  # where pinhook was built"

/// For print_command().
static const char *find_remedy(const LibraryFault *fault)
{
    switch (fault->state) {
    case LIBRARY_HIDDEN:
        return "chmod u=rwx,go=rx %";
    case LIBRARY_WRITABLE:
        return "chmod go-w %";
    case LIBRARY_FOREIGN:
        return "chown --reference=@ %";
    case LIBRARY_LACKS:
        return INSTALL;
    case LIBRARY_UNKNOWN:
        return "mount -t proc proc /proc";
    default:
        return strcmp(strrchr(fault->path, '/') + 1, LIBRARY) == 0 ? REPLACE
                                                                   : INSTALL " && mv % %.broken";
    }
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

static void tell(const LibraryFault *fault, const Launcher *launcher, int argc, char **argv)
{
    int starts = exit_status(argc, argv) == 1;

    setlinebuf(stderr);
    fputs("pinhook: cannot start: ", stderr);
    print_text(fault->reason);
    if (starts) {
        fprintf(stderr, ", so VM %s does not start", argv[1]);
    }
    fputs("; fix: ", stderr);
    print_command(find_remedy(fault), fault->path, launcher->path);
    fputc('\n', stderr);
}

static void tell_of_systems(const LibraryFault *fault)
{
    fputs("pinhook: ", stderr);
    print_text(fault->reason);
    fputs("; using the system's\n", stderr);
}

int main(int argc, char **argv)
{
    static Launcher launcher;
    static LibraryFault beside, systems;
    Main program = NULL;

    if (launcher_find(&launcher, &beside)) {
        program = load_beside(&launcher, &beside);
        put_beside(&launcher, FOLDER, LIBRARY, systems.path);
    }
    if (program == NULL) {
        program = load(LIBRARY, &systems);
    }
    if (program == NULL) {
        tell(beside.state != LIBRARY_SOUND ? &beside : &systems, &launcher, argc, argv);
        return exit_status(argc, argv);
    }
    if (beside.state != LIBRARY_SOUND) {
        tell_of_systems(&beside);
    }
    return program(argc, argv);
}
