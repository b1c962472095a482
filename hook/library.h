// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <limits.h>
#include <link.h>
#include <sys/stat.h>

/// The running program: what it loads must be of its machine, and protected as well as it is.
typedef struct {
    char path[PATH_MAX];
    struct stat info;
    ElfW(Ehdr) header;
} Launcher;

/// What mends it follows from this.
typedef enum {
    LIBRARY_SOUND,
    LIBRARY_BROKEN,   // another file has to take its place
    LIBRARY_HIDDEN,   // a directory that could not be read
    LIBRARY_WRITABLE, // by more than those who can write to the launcher
    LIBRARY_FOREIGN,  // it belongs to somebody whom the launcher does not
    LIBRARY_LACKS,    // another library, which is nowhere
    LIBRARY_UNKNOWN,  // it cannot be told where the launcher is
} LibraryState;

typedef struct {
    LibraryState state;
    char path[PATH_MAX];         // the file or directory
    char reason[PATH_MAX + 256]; // names it
} LibraryFault;

/// 0 with @fault: it cannot be told.
int launcher_find(Launcher *launcher, LibraryFault *fault);

/// Looks at every library in @directory, which is @launcher's own or one beside it, before any is
/// loaded: the loader ends in SIGBUS of one that is cut off, and would run what anybody put there.
/// Reads headers alone. 0 with @fault: one is unsound, or could not be looked at.
///
/// Who could exchange a file between this look and the loading can exchange the launcher as well.
int libraries_look(const Launcher *launcher, const char *directory, LibraryFault *fault);

/// Sets @fault, with "<path>: <reason>"; returns 0.
int library_fault(LibraryFault *fault, LibraryState state, const char *path, const char *reason);
