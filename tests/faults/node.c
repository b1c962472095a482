// SPDX-License-Identifier: LGPL-2.1-or-later
#include "faults/node.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#define INCOMING_FROM "pve2"

/* Nothing here is to refuse a start but what is held. Memory lies where it does. */
#define POLICY                                                                                     \
    "[defaults]\n"                                                                                 \
    "deadline = 2000\n"                                                                            \
    "check.not-isolated = off\n"                                                                   \
    "check.memory-remote = off\n"

/// The first CPU that this machine does not have.
static guint first_foreign(void)
{
    return (guint)sysconf(_SC_NPROCESSORS_CONF);
}

enum { STARTING, RUNNING, CONTAINER, SPARE, FOREIGN_CPUS };

static char *foreign(guint nth)
{
    return g_strdup_printf("%u", first_foreign() + nth);
}

gboolean fault_node_fits(void)
{
    g_autoptr(CpuSet) usable = real_qemu_usable_cpus();

    return cpuset_count(usable) >= 2;
}

static void add_config(FaultNode *node, guint vmid, const char *cpus)
{
    g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%u.conf", vmid);
    g_autofree char *text = g_strdup_printf(
        "cores: 1\nmemory: 64\nfreeze: 1\naffinity: %s\n", cpus);

    fake_root_write(node->fake, path, text);
}

/// As who starts a VM holds it.
static int lock(FaultNode *node, guint vmid)
{
    g_autofree char *path = g_strdup_printf("run/lock/qemu-server/lock-%u.conf", vmid);
    g_autofree char *outside = fake_root_outside(node->fake, path);

    fake_root_write(node->fake, path, "");
    int fd = open(outside, O_RDWR | O_CLOEXEC);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(flock(fd, LOCK_EX), ==, 0);
    return fd;
}

static void add_neighbours(FaultNode *node)
{
    g_autofree char *starting = foreign(STARTING), *running = foreign(RUNNING);
    g_autofree char *container = foreign(CONTAINER);
    g_autofree char *bound = g_strdup_printf("lxc.cgroup2.cpuset.cpus: %s\n", container);
    g_autofree char *said = NULL;

    add_config(node, 101, starting);
    add_config(node, 103, running);
    fake_root_write(node->fake, "etc/pve/lxc/200.conf", bound);
    fake_root_write(node->fake, "sys/fs/cgroup/lxc/200/cpuset.cpus.effective", container);
    node->neighbour = fake_vm_new(node->fake, 103, "running");
    if (fault_node_call(node, &said, "101", "pre-start", NULL) != 0) {
        g_error("VM 101 does not start: %s", said);
    }
    node->reserved = fault_node_read_entry(node, 101);
}

FaultNode *fault_node_new(void)
{
    g_autoptr(CpuSet) usable = real_qemu_usable_cpus();
    FaultNode *node = g_new0(FaultNode, 1);
    g_autofree char *isolated = g_strdup_printf(
        "%u-%u", first_foreign(), first_foreign() + FOREIGN_CPUS - 1);

    node->fake = fake_root_new_live_proc();
    node->hook = installed_new();
    node->own = g_strdup_printf("%d", hwloc_bitmap_last(usable));
    node->spare = foreign(SPARE);
    fake_root_add_cpus(node->fake, first_foreign() + FOREIGN_CPUS, 1, isolated);
    fake_root_write(node->fake, "etc/pve/pinhook.conf", POLICY);
    add_config(node, 102, node->spare);
    node->locks[0] = lock(node, 100);
    node->locks[1] = lock(node, 101);
    add_neighbours(node);
    return node;
}

void fault_node_free(FaultNode *node)
{
    if (node == NULL) {
        return;
    }
    fake_vm_free(node->vm);
    fake_vm_free(node->neighbour);
    installed_free(node->hook);
    fake_root_free(node->fake);
    close(node->locks[0]);
    close(node->locks[1]);
    g_free(node->reserved);
    g_free(node->spare);
    g_free(node->own);
    g_free(node);
}

static const char *const config_paths[] = { "etc/pve/qemu-server/100.conf",
    "etc/pve/nodes/" INCOMING_FROM "/qemu-server/100.conf" };

void fault_node_configure(FaultNode *node, gboolean incoming, const char *more)
{
    g_autofree char *gone = fake_root_outside(node->fake, config_paths[!incoming]);
    g_autofree char *text = g_strdup_printf(
        "cores: 1\nmemory: 64\nhookscript: local:snippets/pinhook\naffinity: %s,%u-%u\n%s",
        node->own, first_foreign(), first_foreign() + CONTAINER, more);

    g_remove(gone);
    fake_root_write(node->fake, config_paths[incoming != FALSE], text);
    node->is_incoming = incoming;
}

/* Calls. */

GStrv fault_node_argv(const FaultNode *node, const char *const *arguments)
{
    g_autoptr(GStrvBuilder) argv = g_strv_builder_new();

    g_strv_builder_add_many(argv, node->hook->program, "--root", node->fake->path, NULL);
    g_strv_builder_addv(argv, (const char **)arguments);
    return g_strv_builder_end(argv);
}

GStrv fault_node_env(const FaultNode *node)
{
    GStrv env = g_environ_setenv(g_get_environ(), "LC_ALL", "C", TRUE);
    const char *asan = g_getenv("ASAN_OPTIONS");
    /* The search for leaks traces the program itself. */
    g_autofree char *without_leaks = g_strdup_printf("%s:detect_leaks=0", asan != NULL ? asan : "");

    env = g_environ_setenv(env, "ASAN_OPTIONS", without_leaks, TRUE);
    env = g_environ_setenv(env, "PVE_MIGRATED_FROM", node->is_incoming ? INCOMING_FROM : "", TRUE);
    return g_environ_unsetenv(env, "LD_LIBRARY_PATH");
}

int fault_node_call(const FaultNode *node, char **said, ...)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    const char *argument;
    va_list list;

    va_start(list, said);
    do {
        argument = va_arg(list, const char *);
        g_ptr_array_add(arguments, (gpointer)argument);
    } while (argument != NULL);
    va_end(list);

    g_auto(GStrv) argv = fault_node_argv(node, (const char *const *)arguments->pdata);
    g_auto(GStrv) env = fault_node_env(node);
    g_autofree char *out = NULL;
    g_autoptr(GError) error = NULL;
    int status;
    g_spawn_sync(NULL, argv, env, G_SPAWN_DEFAULT, NULL, NULL, &out, said, &status, &error);
    g_assert_no_error(error);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The ledger. */

static char *entry_path(const FaultNode *node, guint vmid)
{
    return g_strdup_printf("%s/run/pinhook/%u.json", node->fake->path, vmid);
}

char *fault_node_read_entry(const FaultNode *node, guint vmid)
{
    g_autofree char *path = entry_path(node, vmid);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

void fault_node_set_entry(FaultNode *node, guint vmid, const char *text)
{
    g_autofree char *path = g_strdup_printf("run/pinhook/%u.json", vmid);
    g_autofree char *outside = entry_path(node, vmid);

    if (text != NULL) {
        fake_root_write(node->fake, path, text);
    } else {
        g_remove(outside);
    }
}

/* The VM. */

void fault_node_start_vm(FaultNode *node, const char *status)
{
    g_assert_null(node->vm);
    node->vm = fake_vm_new(node->fake, 100, status);
}

void fault_node_end_vm(FaultNode *node)
{
    g_clear_pointer(&node->vm, fake_vm_free);
}

static GArray *list_tids(const FaultNode *node)
{
    return real_qemu_tids(&(RealQemu){ .pid = node->vm->pid });
}

void fault_node_unbind(FaultNode *node)
{
    g_autoptr(GArray) tids = list_tids(node);
    cpu_set_t everywhere[8]; // 8192 CPUs

    g_assert_cmpint(sched_getaffinity(0, sizeof(everywhere), everywhere), ==, 0);
    for (guint i = 0; i < tids->len; i++) {
        int tid = g_array_index(tids, int, i);
        int set = sched_setaffinity(tid, sizeof(everywhere), everywhere);
        g_assert_true(set == 0 || errno == ESRCH);
    }
}

gboolean fault_node_is_bound(const FaultNode *node)
{
    g_autoptr(GArray) tids = list_tids(node);
    gboolean bound = TRUE;

    for (guint i = 0; i < tids->len; i++) {
        int tid = g_array_index(tids, int, i);
        g_autofree char *list = real_qemu_read_allowed(node->vm->pid, tid);
        g_autoptr(CpuSet) allowed = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);
        bound &= tid == fake_vm_vcpu_tid(node->vm)
                     ? strcmp(list, node->own) == 0
                     : !hwloc_bitmap_isset(allowed, (unsigned)atoi(node->own));
    }
    return bound;
}
