// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/real-qemu.h"

#include "fakes/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIBRARY "libpinhook.so.0"

enum { PROGRAM_LIMIT_MS = 20000, QEMU_END_LIMIT_MS = 10000 };

/* The installed hook. */

static char *copy_file(const char *from, const char *directory, const char *name, int mode)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bytes = NULL;
    char *path = g_build_filename(directory, name, NULL);
    gsize length;

    g_file_get_contents(from, &bytes, &length, &error);
    g_assert_no_error(error);
    g_file_set_contents_full(path, bytes, (gssize)length, G_FILE_SET_CONTENTS_NONE, mode, &error);
    g_assert_no_error(error);
    return path;
}

Installed *installed_new_without_library(void)
{
    const char *launcher = g_getenv("PINHOOK_LAUNCHER");
    Installed *installed = g_new0(Installed, 1);

    g_assert_nonnull(launcher);
    installed->directory = scratch_new();
    installed->program = copy_file(launcher, installed->directory, "pinhook", 0755);
    return installed;
}

Installed *installed_new(void)
{
    const char *directory = g_getenv("PINHOOK_LIBRARY_DIR");
    Installed *installed = installed_new_without_library();

    g_assert_nonnull(directory);
    g_autofree char *library = g_build_filename(directory, LIBRARY, NULL);
    g_free(copy_file(library, installed->directory, LIBRARY, 0644));
    return installed;
}

void installed_free(Installed *installed)
{
    if (installed == NULL) {
        return;
    }
    scratch_remove(installed->directory);
    g_free(installed->program);
    g_free(installed->directory);
    g_free(installed);
}

/* Running a program. */

void ended_free(Ended *ended)
{
    if (ended == NULL) {
        return;
    }
    g_free(ended->out);
    g_free(ended->err);
    g_free(ended);
}

/// In the child: it ends with the test, however that ends.
static void die_with_parent(gpointer data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/// Reads what there is; closes at EOF.
static void read_some(struct pollfd *pipe, GString *text)
{
    char chunk[4096];
    ssize_t got = pipe->revents != 0 ? read(pipe->fd, chunk, sizeof(chunk)) : -1;

    if (got > 0) {
        g_string_append_len(text, chunk, got);
    } else if (got == 0) {
        close(pipe->fd);
        pipe->fd = -1;
    }
}

/// FALSE: the pipes were not closed in time.
static gboolean read_until_closed(int out, int err, GString *texts[2], gint64 deadline)
{
    struct pollfd pipes[] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };

    while (pipes[0].fd >= 0 || pipes[1].fd >= 0) {
        gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;
        if (left_ms <= 0 || poll(pipes, 2, (int)left_ms) < 0) {
            return FALSE;
        }
        read_some(&pipes[0], texts[0]);
        read_some(&pipes[1], texts[1]);
    }
    return TRUE;
}

static gint64 to_us(struct timeval time)
{
    return time.tv_sec * G_USEC_PER_SEC + time.tv_usec;
}

Ended *run_program(const char *const *argv, const char *const *env)
{
    g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
    /* meson's, which would find the library that was built wherever it is not installed. */
    environment = g_environ_unsetenv(environment, "LD_LIBRARY_PATH");
    g_autoptr(GError) error = NULL;
    GString *texts[] = { g_string_new(NULL), g_string_new(NULL) };
    gint64 start = g_get_monotonic_time();
    int out, err, status;
    struct rusage usage;
    GPid pid;

    for (guint i = 0; env != NULL && env[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(env[i], "=", 2);
        environment = g_environ_setenv(environment, pair[0], pair[1], TRUE);
    }
    g_spawn_async_with_pipes(NULL, (char **)argv, environment,
        G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH, die_with_parent, NULL, &pid, NULL, &out,
        &err, &error);
    g_assert_no_error(error);
    if (!read_until_closed(out, err, texts, start + PROGRAM_LIMIT_MS * 1000)) {
        kill(pid, SIGKILL);
        g_error("%s did not close its pipes within %d ms", argv[0], PROGRAM_LIMIT_MS);
    }
    g_assert_cmpint(wait4(pid, &status, 0, &usage), ==, pid);

    Ended *ended = g_new(Ended, 1);
    *ended = (Ended){ .exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
        .out = g_string_free(texts[0], FALSE),
        .err = g_string_free(texts[1], FALSE),
        .wall_us = g_get_monotonic_time() - start,
        .cpu_us = to_us(usage.ru_utime) + to_us(usage.ru_stime) };
    return ended;
}

Ended *installed_run(const Installed *installed, const FakeRoot *fake, ...)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    const char *argument;
    va_list arguments;

    g_ptr_array_add(argv, installed->program);
    g_ptr_array_add(argv, (gpointer) "--root");
    g_ptr_array_add(argv, fake->path);
    va_start(arguments, fake);
    do {
        argument = va_arg(arguments, const char *);
        g_ptr_array_add(argv, (gpointer)argument);
    } while (argument != NULL);
    va_end(arguments);

    Ended *ended = run_program((const char *const *)argv->pdata, NULL);
    g_test_message("%s%s", ended->out, ended->err);
    return ended;
}

/* What this machine has. */

char *real_qemu_read_allowed(int pid, int tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/status", pid, tid);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    const char *at = strstr(text, "Cpus_allowed_list:");
    g_assert_nonnull(at);
    at += strlen("Cpus_allowed_list:");
    return g_strstrip(g_strndup(at, strcspn(at, "\n")));
}

CpuSet *real_qemu_usable_cpus(void)
{
    g_autofree char *list = real_qemu_read_allowed(getpid(), getpid());
    g_autoptr(GError) error = NULL;
    CpuSet *cpus = cpuset_parse_kernel(list, CPUSET_LIMIT, &error);

    g_assert_no_error(error);
    if (cpuset_count(cpus) < (guint)sysconf(_SC_NPROCESSORS_ONLN)) {
        hwloc_bitmap_clr(cpus, (unsigned)hwloc_bitmap_last(cpus));
    }
    return cpus;
}

char *real_qemu_first_cpus(guint count)
{
    g_autoptr(CpuSet) cpus = real_qemu_usable_cpus();

    while (cpuset_count(cpus) > count) {
        hwloc_bitmap_clr(cpus, (unsigned)hwloc_bitmap_last(cpus));
    }
    return cpuset_to_list(cpus);
}

/* A real QEMU. */

#define QEMU "qemu-system-x86_64"

gboolean real_qemu_is_installed(void)
{
    g_autofree char *path = g_find_program_in_path(QEMU);

    return path != NULL;
}

gboolean real_qemu_has_kvm(void)
{
    const char *argv[] = { "sh", "-c",
        "echo quit | timeout 10 " QEMU " -accel kvm -cpu kvm64 -m 32 -nodefaults -display none "
        "-monitor stdio",
        NULL };
    g_autoptr(Ended) ended = access("/dev/kvm", R_OK | W_OK) == 0 ? run_program(argv, NULL) : NULL;

    return ended != NULL && ended->exit_status == 0;
}

static void G_GNUC_PRINTF(2, 3) add(GStrvBuilder *argv, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_strv_builder_add(argv, text);
}

/// As PVE::QemuServer::config_to_command writes it, with emulation in place of KVM. There the
/// second monitor is qmeventd's.
static GStrv qemu_argv(const RealQemu *qemu, const RealQemuShape *shape)
{
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();

    /* Intel's way to tell siblings is the one that emulation has. */
    g_strv_builder_add_many(argv, QEMU, "-accel", shape->kvm ? "kvm" : "tcg,thread=multi", "-cpu",
        shape->kvm ? "kvm64" : "qemu64,vendor=GenuineIntel", "-m", "64", "-nodefaults", "-display",
        "none", "-name", NULL);
    add(argv, "vm%u,debug-threads=on", qemu->vmid);
    add(argv, "-smp");
    add(argv, "%u,sockets=1,cores=%u,maxcpus=%u", shape->present, shape->most, shape->most);
    if (shape->threads > 0) { // behind Proxmox's own, as args are
        add(argv, "-smp");
        add(argv, "%u,cores=%u,threads=%u", shape->present, shape->most / shape->threads,
            shape->threads);
    }
    add(argv, "-chardev");
    add(argv, "socket,id=qmp,path=%s/%u.qmp,server=on,wait=off", qemu->directory, qemu->vmid);
    g_strv_builder_add_many(argv, "-mon", "chardev=qmp,mode=control", "-chardev", "stdio,id=test",
        "-mon", "chardev=test,mode=control", "-pidfile", NULL);
    add(argv, "%s/%u.pid", qemu->directory, qemu->vmid);
    if (shape->global != NULL) {
        g_strv_builder_add_many(argv, "-global", shape->global, NULL);
    }
    if (shape->iothread) {
        g_strv_builder_add_many(argv, "-object", "iothread,id=iothread-virtioscsi0", NULL);
    }
    if (shape->preallocated) {
        g_strv_builder_add_many(argv, "-object", "memory-backend-ram,id=ram,size=64M,prealloc=on",
            "-machine", "memory-backend=ram", NULL);
    }
    if (shape->frozen) {
        add(argv, "-S");
    }
    return g_strv_builder_end(argv);
}

RealQemu *real_qemu_new(const FakeRoot *fake, guint vmid, const RealQemuShape *shape)
{
    g_autoptr(GError) error = NULL;
    RealQemu *qemu = g_new0(RealQemu, 1);
    int from_monitor;

    qemu->directory = fake_root_outside(
        fake, shape->through_var_run ? "var/run/qemu-server" : "run/qemu-server");
    qemu->vmid = vmid;
    g_auto(GStrv) argv = qemu_argv(qemu, shape);
    g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
        die_with_parent, NULL, &qemu->pid, &qemu->to_monitor, &from_monitor, NULL, &error);
    g_assert_no_error(error);
    qemu->from_monitor = fdopen(from_monitor, "r");
    g_autoptr(JsonObject) ready = real_qemu_execute(qemu, "qmp_capabilities", NULL);
    g_assert_nonnull(ready);
    return qemu;
}

static void reap(RealQemu *qemu)
{
    g_assert_cmpint(waitpid(qemu->pid, NULL, 0), ==, qemu->pid);
    qemu->pid = 0;
}

void real_qemu_kill(RealQemu *qemu)
{
    g_assert_cmpint(kill(qemu->pid, SIGKILL), ==, 0);
    reap(qemu);
}

gboolean real_qemu_ends(RealQemu *qemu)
{
    struct pollfd process = { .fd = (int)syscall(SYS_pidfd_open, qemu->pid, 0), .events = POLLIN };
    gboolean ended = poll(&process, 1, QEMU_END_LIMIT_MS) == 1;

    close(process.fd);
    if (ended) {
        reap(qemu);
    }
    return ended;
}

void real_qemu_clean_up(RealQemu *qemu)
{
    static const char *const suffixes[] = { "pid", "qmp" };

    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strdup_printf(
            "%s/%u.%s", qemu->directory, qemu->vmid, suffixes[i]);
        g_remove(path);
    }
}

void real_qemu_free(RealQemu *qemu)
{
    if (qemu == NULL) {
        return;
    }
    if (qemu->pid > 0) {
        real_qemu_kill(qemu);
    }
    close(qemu->to_monitor);
    fclose(qemu->from_monitor);
    g_free(qemu->directory);
    g_free(qemu);
}

/* Its monitor. */

/// The next reply: a message that is no greeting and no event.
static JsonObject *next_reply(RealQemu *qemu)
{
    char *line = NULL;
    size_t size = 0;

    for (;;) {
        g_assert_cmpint(getline(&line, &size, qemu->from_monitor), >, 0);
        JsonObject *message = json_tokener_parse(line);
        if (!json_object_object_get_ex(message, "QMP", NULL) &&
            !json_object_object_get_ex(message, "event", NULL)) {
            free(line);
            return message;
        }
        json_object_put(message);
    }
}

JsonObject *real_qemu_execute(RealQemu *qemu, const char *command, const char *arguments)
{
    g_autofree char *text = g_strdup_printf(
        "{\"execute\":\"%s\",\"arguments\":%s}\n", command, arguments != NULL ? arguments : "{}");
    ssize_t length = (ssize_t)strlen(text);
    JsonObject *value;

    g_assert_cmpint(write(qemu->to_monitor, text, (size_t)length), ==, length);
    g_autoptr(JsonObject) reply = next_reply(qemu);
    if (!json_object_object_get_ex(reply, "return", &value)) {
        g_error("QEMU refuses %s: %s", text, json_object_to_json_string(reply));
    }
    return json_object_get(value);
}

int real_qemu_vcpu_tid(RealQemu *qemu, guint vcpu)
{
    g_autoptr(JsonObject) cpus = real_qemu_execute(qemu, "query-cpus-fast", NULL);

    for (gsize i = 0; i < json_object_array_length(cpus); i++) {
        JsonObject *cpu = json_object_array_get_idx(cpus, i);
        if (json_object_get_uint64(json_object_object_get(cpu, "cpu-index")) == vcpu) {
            return json_object_get_int(json_object_object_get(cpu, "thread-id"));
        }
    }
    g_error("QEMU has no vCPU %u", vcpu);
}

static int connect_socket(const RealQemu *qemu, int flags)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

    g_snprintf(
        address.sun_path, sizeof(address.sun_path), "%s/%u.qmp", qemu->directory, qemu->vmid);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        g_assert_cmpint(errno, ==, EAGAIN);
        close(fd);
        return -1;
    }
    return fd;
}

int real_qemu_hold_socket(const RealQemu *qemu)
{
    int fd = connect_socket(qemu, 0);
    char byte;

    g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 1);
    return fd;
}

int real_qemu_queue_up(const RealQemu *qemu)
{
    return connect_socket(qemu, SOCK_NONBLOCK);
}

static int compare_ints(gconstpointer a, gconstpointer b)
{
    const int *first = a, *second = b;

    return *first < *second ? -1 : *first > *second;
}

GArray *real_qemu_tids(const RealQemu *qemu)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task", qemu->pid);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) directory = g_dir_open(path, 0, &error);
    GArray *tids = g_array_new(FALSE, FALSE, sizeof(int));
    const char *name;

    g_assert_no_error(error);
    while ((name = g_dir_read_name(directory)) != NULL) {
        int tid = atoi(name);
        g_array_append_val(tids, tid);
    }
    g_array_sort(tids, compare_ints);
    return tids;
}
