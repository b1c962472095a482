// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// What happens to a program at one of its system calls.
typedef enum {
    FAULT_NONE,
    FAULT_ERROR, // the call does nothing and returns an error
    FAULT_KILL,  // SIGKILL before it
} FaultKind;

typedef struct {
    FaultKind kind;
    guint nth; // of its system calls, counted from 1
    int errnum;
} Fault;

/// How a program ended.
typedef struct {
    int exit_status; // -1: a signal ended it
    gboolean hit;    // it came to the call
    guint64 call;    // the number of the call that was hit
    guint calls;     // how many it made; until the fault where there is one
    guint start;     // the first of pinhook_main(): before it only libraries are loaded
    gboolean in_time;
    gboolean all_ended; // nobody holds its stdout and stderr any more: it left no child
    char *text;         // stdout and stderr
} Traced;

void traced_free(Traced *traced);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Traced, traced_free)

/// FALSE: this machine lets no program be traced, or nobody knows how.
gboolean tracer_works(void);

/// Runs a program to its end as PVE::GuestHelpers::exec_hookscript does, with one fault, traced up
/// to it. One that runs for longer than @limit_s is killed. @env is ended by NULL, in place of the
/// caller's.
Traced *tracer_run(char **argv, char **env, const Fault *fault, guint limit_s);
