// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faults/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

void traced_free(Traced *traced)
{
    if (traced == NULL) {
        return;
    }
    g_free(traced->text);
    g_free(traced);
}

/* Registers. */

#ifdef __x86_64__

/// At the entry of a call: it is not to be made.
static gboolean skip_call(pid_t pid)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0) {
        return FALSE;
    }
    registers.orig_rax = (unsigned long long)-1;
    return ptrace(PTRACE_SETREGS, pid, NULL, &registers) == 0;
}

/// At its exit: what it returns.
static gboolean return_error(pid_t pid, int errnum)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0) {
        return FALSE;
    }
    registers.rax = (unsigned long long)-errnum;
    return ptrace(PTRACE_SETREGS, pid, NULL, &registers) == 0;
}

/// At an entry: the number of the call.
static gboolean read_call(pid_t pid, guint64 *call)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, pid, NULL, &registers) < 0) {
        return FALSE;
    }
    *call = registers.orig_rax;
    return TRUE;
}

#else

static gboolean skip_call(pid_t pid)
{
    return FALSE;
}

static gboolean return_error(pid_t pid, int errnum)
{
    return FALSE;
}

static gboolean read_call(pid_t pid, guint64 *call)
{
    return FALSE;
}

#endif

/* The time limit, in ticks that must be lived through one by one: a machine that stood still has
 * not waited. */

static volatile sig_atomic_t overdue; // the pid that is killed then; 0: none
static volatile sig_atomic_t ticks;   // that are left

static void tick(int signal)
{
    ticks = ticks - 1;
    if (ticks == 0 && overdue > 0) {
        kill(overdue, SIGKILL);
    }
}

static void set_limit(pid_t pid, guint limit_s)
{
    const struct sigaction action = { .sa_handler = tick };
    const struct itimerval each_second = { .it_interval = { .tv_sec = 1 },
        .it_value = { .tv_sec = 1 } };

    ticks = (sig_atomic_t)limit_s;
    overdue = pid;
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &each_second, NULL);
}

/// Whether it was reached.
static gboolean end_limit(void)
{
    const struct itimerval never = { 0 };

    setitimer(ITIMER_REAL, &never, NULL);
    overdue = 0;
    return ticks <= 0;
}

static void wait_for(pid_t pid, int *status)
{
    while (waitpid(pid, status, __WALL) < 0) {
        g_assert_cmpint(errno, ==, EINTR);
    }
}

/* A program. */

static void become(char **argv, char **env, int out)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(nothing, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    execve(argv[0], argv, env);
    _exit(127);
}

/// Starts it; in @status how it stopped, before its first instruction.
static pid_t start(char **argv, char **env, int out, guint limit_s, int *status)
{
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        become(argv, env, out);
    }
    set_limit(pid, limit_s);
    wait_for(pid, status);
    return pid;
}

/// Goes on to the entry or exit of the next call, handing signals on. FALSE: it has ended.
static gboolean go_on(pid_t pid, int *status)
{
    int signal = 0;

    for (;;) {
        ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
        wait_for(pid, status);
        if (!WIFSTOPPED(*status)) {
            return FALSE;
        }
        if (WSTOPSIG(*status) == (SIGTRAP | 0x80)) {
            return TRUE;
        }
        signal = *status >> 16 != 0 ? 0 : WSTOPSIG(*status); // an event, such as exec
    }
}

/// At the entry of the call that is to fail. FALSE: it has ended.
static gboolean strike(pid_t pid, const Fault *fault, int *status)
{
    if (fault->kind == FAULT_KILL) {
        kill(pid, SIGKILL);
        wait_for(pid, status);
        return FALSE;
    }
    g_assert_true(skip_call(pid));
    if (!go_on(pid, status)) {
        return FALSE;
    }
    g_assert_true(return_error(pid, fault->errnum));
    return TRUE;
}

/// Follows it to the fault, or to its end: then FALSE.
static gboolean follow(pid_t pid, const Fault *fault, Traced *traced, int *status)
{
    while (go_on(pid, status)) { // an entry
        traced->calls++;
        g_assert_true(read_call(pid, &traced->call));
        if (traced->start == 0 && traced->call == SYS_getppid) {
            traced->start = traced->calls;
        }
        if (fault->kind != FAULT_NONE && traced->calls == fault->nth) {
            traced->hit = TRUE;
            return strike(pid, fault, status);
        }
        if (!go_on(pid, status)) { // its exit
            return FALSE;
        }
    }
    return FALSE;
}

/// What was written; whoever still holds @out writes on.
static void read_text(int in, Traced *traced)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char chunk[16384];
    ssize_t got;

    while ((got = read(in, chunk, sizeof(chunk))) > 0) {
        g_string_append_len(text, chunk, got);
    }
    traced->all_ended = got == 0;
    traced->text = g_string_free(g_steal_pointer(&text), FALSE);
}

Traced *tracer_run(char **argv, char **env, const Fault *fault, guint limit_s)
{
    Traced *traced = g_new0(Traced, 1);
    int ends[2], status;

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20); // so that nobody has to read meanwhile
    pid_t pid = start(argv, env, ends[1], limit_s, &status);
    close(ends[1]);
    g_assert_true(WIFSTOPPED(status));
    ptrace(PTRACE_SETOPTIONS, pid, NULL,
        (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
    if (follow(pid, fault, traced, &status)) {
        ptrace(PTRACE_DETACH, pid, NULL, NULL);
        wait_for(pid, &status);
    }
    traced->in_time = !end_limit();
    traced->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    read_text(ends[0], traced);
    close(ends[0]);
    return traced;
}

gboolean tracer_works(void)
{
    char *argv[] = { (char *)"/bin/true", NULL };
    char *env[] = { NULL };
    guint64 call;
    int status, out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t pid = start(argv, env, out, 10, &status);
    gboolean works = WIFSTOPPED(status) && read_call(pid, &call);

    close(out);
    if (WIFSTOPPED(status)) {
        kill(pid, SIGKILL);
        wait_for(pid, &status);
    }
    end_limit();
    return works;
}
