// SPDX-License-Identifier: LGPL-2.1-or-later
#include "library.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int library_fault(LibraryFault *fault, LibraryState state, const char *path, const char *reason)
{
    fault->state = state;
    snprintf(fault->path, sizeof(fault->path), "%s", path);
    snprintf(fault->reason, sizeof(fault->reason), "%s: %s", path, reason);
    return 0;
}

/* The launcher. */

int launcher_find(Launcher *launcher, LibraryFault *fault)
{
    static const char own[] = "/proc/self/exe";
    ssize_t length = readlink(own, launcher->path, sizeof(launcher->path) - 1);
    int fd = length > 0 ? open(own, O_RDONLY | O_CLOEXEC) : -1;
    int found = fd >= 0 && fstat(fd, &launcher->info) == 0 &&
                pread(fd, &launcher->header, sizeof(launcher->header), 0) ==
                    sizeof(launcher->header);
    int failed = errno;

    if (fd >= 0) {
        close(fd);
    }
    if (!found) {
        return library_fault(fault, LIBRARY_UNKNOWN, own, strerror(failed));
    }
    launcher->path[length] = '\0';
    return 1;
}

/* Whole, and of this machine. */

/// Whether @size bytes from @offset on are within @length bytes.
static int is_within(uint64_t offset, uint64_t size, uint64_t length)
{
    return offset <= length && size <= length - offset;
}

/// Both tables; that of the sections ends a file as linkers write it.
static int has_tables(const ElfW(Ehdr) * header, uint64_t length)
{
    return is_within(header->e_phoff, (uint64_t)header->e_phnum * header->e_phentsize, length) &&
           is_within(header->e_shoff, (uint64_t)header->e_shnum * header->e_shentsize, length);
}

/// What is wrong with the segments that the loader would map; NULL: nothing.
static const char *find_cut_segment(int fd, const ElfW(Ehdr) * header, uint64_t length)
{
    for (unsigned i = 0; i < header->e_phnum; i++) {
        ElfW(Phdr) segment;
        off_t offset = (off_t)(header->e_phoff + i * sizeof(segment));
        ssize_t got = pread(fd, &segment, sizeof(segment), offset);
        if (got < 0) {
            return strerror(errno);
        }
        if (got < (ssize_t)sizeof(segment) ||
            !is_within(segment.p_offset, segment.p_filesz, length)) {
            return "cut off";
        }
    }
    return NULL;
}

static int is_of_same_machine(const ElfW(Ehdr) * header, const ElfW(Ehdr) * other)
{
    return header->e_ident[EI_CLASS] == other->e_ident[EI_CLASS] &&
           header->e_ident[EI_DATA] == other->e_ident[EI_DATA] &&
           header->e_machine == other->e_machine;
}

/// What keeps the loader from @length bytes in @fd; NULL: nothing.
static const char *find_flaw(int fd, uint64_t length, const ElfW(Ehdr) * own)
{
    ElfW(Ehdr) header = { 0 };
    ssize_t got = pread(fd, &header, sizeof(header), 0);

    if (got < 0) {
        return strerror(errno);
    }
    if (got >= SELFMAG && memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
        return "no library";
    }
    if (got < (ssize_t)sizeof(header)) {
        return "cut off";
    }
    if (!is_of_same_machine(&header, own)) {
        return "a library of another machine";
    }
    if (header.e_type != ET_DYN || header.e_phentsize != sizeof(ElfW(Phdr))) {
        return "no library";
    }
    return has_tables(&header, length) ? find_cut_segment(fd, &header, length) : "cut off";
}

/* Protected. */

/// Whether there is somebody who may write to @info but not to @than. A NAS gives all files to
/// nobody: it is not the owner's name that counts.
static LibraryState compare_protection(const struct stat *info, const struct stat *than)
{
    mode_t writable = info->st_mode & (S_IWGRP | S_IWOTH);
    mode_t allowed = than->st_mode & (info->st_gid == than->st_gid ? S_IWGRP | S_IWOTH : S_IWOTH);

    if (than->st_mode & S_IWOTH) {
        return LIBRARY_SOUND;
    }
    if (info->st_uid != 0 && info->st_uid != than->st_uid) {
        return LIBRARY_FOREIGN;
    }
    return writable & ~allowed ? LIBRARY_WRITABLE : LIBRARY_SOUND;
}

static int is_protected(
    const char *path, const struct stat *info, const struct stat *than, LibraryFault *fault)
{
    LibraryState state = compare_protection(info, than);

    if (state == LIBRARY_FOREIGN) {
        return library_fault(fault, state, path, "its owner cannot write to the launcher");
    }
    if (state == LIBRARY_WRITABLE) {
        return library_fault(fault, state, path, "more can write to it than to the launcher");
    }
    return 1;
}

/* One library, and all of a directory. */

static int is_sound(const Launcher *launcher, const char *path, int fd, LibraryFault *fault)
{
    struct stat info;

    if (fstat(fd, &info) < 0) {
        return library_fault(fault, LIBRARY_BROKEN, path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        return library_fault(fault, LIBRARY_BROKEN, path, "no file");
    }
    const char *flaw = find_flaw(fd, (uint64_t)info.st_size, &launcher->header);
    if (flaw != NULL) {
        return library_fault(fault, LIBRARY_BROKEN, path, flaw);
    }
    return is_protected(path, &info, &launcher->info, fault);
}

static int library_look(const Launcher *launcher, const char *path, LibraryFault *fault)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    /* A link that leads nowhere is nothing to the loader either. */
    if (fd < 0 && errno == ENOENT) {
        return 1;
    }
    if (fd < 0) {
        return library_fault(fault, LIBRARY_BROKEN, path, strerror(errno));
    }
    int sound = is_sound(launcher, path, fd, fault);
    close(fd);
    return sound;
}

/// Whoever may write to @directory can put there what the loader takes.
static int directory_look(const Launcher *launcher, const char *directory, LibraryFault *fault)
{
    char parent[PATH_MAX];
    struct stat info, around;

    snprintf(parent, sizeof(parent), "%s", launcher->path);
    strrchr(parent, '/')[1] = '\0';
    if (stat(directory, &info) < 0) {
        return library_fault(fault, LIBRARY_HIDDEN, directory, strerror(errno));
    }
    if (stat(parent, &around) < 0) {
        return library_fault(fault, LIBRARY_HIDDEN, parent, strerror(errno));
    }
    if (info.st_dev == around.st_dev && info.st_ino == around.st_ino) {
        return 1;
    }
    /* In a sticky one not all who may write can exchange the launcher. */
    return is_protected(
        directory, &info, around.st_mode & S_ISVTX ? &launcher->info : &around, fault);
}

/// lib….so, and .digits behind it: what a library can be asked for by.
static int is_library_name(const char *name)
{
    const char *suffix = strncmp(name, "lib", 3) == 0 ? strstr(name, ".so") : NULL;

    return suffix != NULL && suffix[3 + strspn(suffix + 3, ".0123456789")] == '\0';
}

/// @directory ends in "/".
static int look_at_each(
    const Launcher *launcher, const char *directory, DIR *entries, LibraryFault *fault)
{
    struct dirent *entry;
    int sound = 1;

    errno = 0;
    while (sound && (entry = readdir(entries)) != NULL) {
        char path[PATH_MAX];
        if (is_library_name(entry->d_name) &&
            snprintf(path, sizeof(path), "%s%s", directory, entry->d_name) < (int)sizeof(path)) {
            sound = library_look(launcher, path, fault);
        }
        errno = 0;
    }
    return sound && errno != 0 ? library_fault(fault, LIBRARY_HIDDEN, directory, strerror(errno))
                               : sound;
}

int libraries_look(const Launcher *launcher, const char *directory, LibraryFault *fault)
{
    if (!directory_look(launcher, directory, fault)) {
        return 0;
    }
    DIR *entries = opendir(directory);
    if (entries == NULL) {
        return library_fault(fault, LIBRARY_HIDDEN, directory, strerror(errno));
    }
    int sound = look_at_each(launcher, directory, entries, fault);
    closedir(entries);
    return sound;
}
