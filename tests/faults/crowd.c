// SPDX-License-Identifier: LGPL-2.1-or-later
/* Many starts at once on a machine of 256 CPUs, as at the boot of a node: each is planned, and no
 * CPU is given twice. See run.sh.
 *
 * Environment: FAULTS_SECONDS: 0: time and again, and some are killed on their way. */
#include "base/json.h"
#include "fakes/real-qemu.h"
#include "fakes/seed.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the crowd's CPUs each VM can have two. The first two are the host's own. */
enum { CPUS = 256, OWN = 2, VCPUS = 2, FIRST_VMID = 100, START_TIME = 77 };

typedef struct {
    FakeRoot *fake;
    Installed *hook;
    guint vms;
    pid_t *starts;
} Crowd;

/// This program stands for Proxmox, which starts them all.
static Crowd *crowd_new(guint vms)
{
    Crowd *crowd = g_new0(Crowd, 1);
    g_autofree char *isolated = g_strdup_printf("%u-%u", OWN, OWN + CPUS - 1);

    *crowd = (Crowd){
        .fake = fake_root_new(), .hook = installed_new(), .vms = vms, .starts = g_new0(pid_t, vms)
    };
    fake_root_add_host(crowd->fake, CPUS + OWN, 1, isolated);
    fake_root_add_process(crowd->fake, getpid(), START_TIME, "task UPID:pve1:startall:0");
    for (guint i = 0; i < vms; i++) {
        g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%u.conf", FIRST_VMID + i);
        fake_root_write(crowd->fake, path, "cores: 2\nmemory: 64\nfreeze: 1\n");
    }
    return crowd;
}

static void crowd_free(Crowd *crowd)
{
    installed_free(crowd->hook);
    fake_root_free(crowd->fake);
    g_free(crowd->starts);
    g_free(crowd);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Crowd, crowd_free)

static pid_t start(const Crowd *crowd, guint vmid)
{
    g_autofree char *number = g_strdup_printf("%u", vmid);
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        execl(crowd->hook->program, "pinhook", "--root", crowd->fake->path, number, "pre-start",
            NULL);
        _exit(127);
    }
    return pid;
}

static void start_all(Crowd *crowd)
{
    for (guint i = 0; i < crowd->vms; i++) {
        crowd->starts[i] = start(crowd, FIRST_VMID + i);
    }
}

/// How many starts were not to be.
static guint await_all(const Crowd *crowd)
{
    guint failed = 0;

    for (guint i = 0; i < crowd->vms; i++) {
        int status;
        g_assert_cmpint(waitpid(crowd->starts[i], &status, 0), ==, crowd->starts[i]);
        failed += status != 0;
    }
    return failed;
}

/// What VM @vmid has reserved; NULL: nothing.
static CpuSet *read_reserved(const Crowd *crowd, guint vmid)
{
    g_autofree char *path = g_strdup_printf("run/pinhook/%u.json", vmid);
    g_autofree char *text = root_read(crowd->fake->root, path, NULL, NULL);
    g_autoptr(JsonObject) json = text != NULL ? json_tokener_parse(text) : NULL;
    const char *reserved;

    if (json == NULL) {
        return NULL;
    }
    g_assert_true(json_get_string(json, "reserved", &reserved));
    return cpuset_parse_list(reserved, ',', NULL);
}

/// In @given all CPUs that were; how many were given twice.
static guint count_doubles(const Crowd *crowd, CpuSet *given)
{
    guint doubles = 0;

    for (guint i = 0; i < crowd->vms; i++) {
        g_autoptr(CpuSet) reserved = read_reserved(crowd, FIRST_VMID + i);
        g_autoptr(CpuSet) both = cpuset_new();
        if (reserved != NULL) {
            hwloc_bitmap_and(both, reserved, given);
            doubles += cpuset_count(both);
            hwloc_bitmap_or(given, given, reserved);
        }
    }
    return doubles;
}

static void forget(const Crowd *crowd)
{
    fake_root_remove_tree(crowd->fake, "run/pinhook");
}

static void start_round(Crowd *crowd, guint *failed, guint *violations)
{
    g_autoptr(CpuSet) given = cpuset_new();

    start_all(crowd);
    guint unstarted = await_all(crowd);
    guint doubles = count_doubles(crowd, given);
    *failed += unstarted;
    *violations += doubles + (cpuset_count(given) != VCPUS * (crowd->vms - unstarted));
    forget(crowd);
}

/// Some are killed on their way. What they leave is nobody's, and all others start.
static void kill_round(Crowd *crowd, guint *violations)
{
    g_autoptr(CpuSet) given = cpuset_new();

    start_all(crowd);
    for (guint i = 0; i < crowd->vms; i += 4) {
        g_usleep((gulong)g_test_rand_int_range(0, 4000));
        kill(crowd->starts[i], SIGKILL);
    }
    await_all(crowd);
    *violations += count_doubles(crowd, given);
    for (guint i = 0; i < crowd->vms; i++) {
        int status;
        pid_t again = start(crowd, FIRST_VMID + i);
        g_assert_cmpint(waitpid(again, &status, 0), ==, again);
        *violations += status != 0;
    }
    forget(crowd);
}

static void test_crowd(gconstpointer data)
{
    gboolean all = g_strcmp0(g_getenv("FAULTS_SECONDS"), "0") == 0;
    guint rounds = all ? 10 : 1, failed = 0, violations = 0;
    g_autoptr(Crowd) crowd = crowd_new(GPOINTER_TO_UINT(data));
    gint64 begin = g_get_monotonic_time();

    for (guint i = 0; i < rounds; i++) {
        start_round(crowd, &failed, &violations);
    }
    double seconds = (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC / rounds;
    if (all) {
        kill_round(crowd, &violations);
    }
    g_test_message("table: | %3u at once, %.1f s       | %6u | %6u | %10u |", crowd->vms, seconds,
        rounds * crowd->vms, rounds * crowd->vms, failed + violations);
    g_assert_cmpuint(failed, ==, 0);
    g_assert_cmpuint(violations, ==, 0);
}

/* A start under a sanitizer takes 100 ms and more. */
#ifdef __SANITIZE_ADDRESS__
static const guint crowds[] = { 16 };
#else
static const guint crowds[] = { 64, 128 };
#endif

int main(int argc, char **argv)
{
    seed_test_init(&argc, &argv);
    for (gsize i = 0; i < G_N_ELEMENTS(crowds); i++) {
        g_autofree char *path = g_strdup_printf("/faults/crowd/%u", crowds[i]);
        g_test_add_data_func(path, GUINT_TO_POINTER(crowds[i]), test_crowd);
    }
    return g_test_run();
}
