// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"
#include "bind/kernel.h"
#include "bind/threads.h"
#include "fakes/fake-shell.h"
#include "fakes/real-qemu.h"

#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/// A Proxmox node: its root, and the hook that is installed there.
typedef struct {
    FakeRoot *fake;
    Installed *hook;
} Node;

static Node *node_new(void)
{
    Node *node = g_new(Node, 1);

    *node = (Node){ .fake = fake_root_new_live(), .hook = installed_new() };
    fake_root_write(node->fake, "etc/pve/pinhook.conf", REAL_QEMU_POLICY);
    return node;
}

static void node_free(Node *node)
{
    installed_free(node->hook);
    fake_root_free(node->fake);
    g_free(node);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Node, node_free)

/* What this machine has. */

static CpuSet *parse_list(const char *list)
{
    g_autoptr(GError) error = NULL;
    CpuSet *cpus = cpuset_parse_kernel(list, CPUSET_LIMIT, &error);

    g_assert_no_error(error);
    return cpus;
}

/// FALSE: the test is skipped.
static gboolean can_have(guint vcpus)
{
    g_autoptr(CpuSet) cpus = real_qemu_usable_cpus();

    if (!real_qemu_is_installed()) {
        g_test_skip("there is no qemu-system-x86_64");
        return FALSE;
    }
    if (cpuset_count(cpus) < vcpus) {
        g_autofree char *reason = g_strdup_printf(
            "needs %u usable CPUs, there are %u", vcpus, cpuset_count(cpus));
        g_test_skip(reason);
        return FALSE;
    }
    return TRUE;
}

/// The vCPUs of a VM for which their number does not matter.
static guint some_vcpus(void)
{
    g_autoptr(CpuSet) cpus = real_qemu_usable_cpus();

    return MIN(cpuset_count(cpus), 2);
}

/* The steps of the story. */

static void configure(const Node *node, guint vmid, guint vcpus, const char *more)
{
    g_autofree char *cpus = real_qemu_first_cpus(vcpus);
    g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%u.conf", vmid);
    g_autofree char *text = g_strdup_printf(
        "cores: %u\nmemory: 64\naffinity: %s,%s\n%s", vcpus, cpus, cpus, more);

    fake_root_write(node->fake, path, text);
}

static void add_policy(const Node *node, const char *lines)
{
    g_autofree char *text = g_strconcat(REAL_QEMU_POLICY, lines, NULL);

    fake_root_write(node->fake, "etc/pve/pinhook.conf", text);
}

static void assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        g_error("'%s' is not in: %s", part, text);
    }
}

/// A call that ends with @exit_status: "101" and a phase, or a door and a VMID or "--all".
static Ended *call(const Node *node, const char *first, const char *second, int exit_status)
{
    Ended *ended = installed_run(node->hook, node->fake, first, second, NULL);

    g_assert_cmpint(ended->exit_status, ==, exit_status);
    return ended;
}

static Ended *call_hook(const Node *node, guint vmid, const char *phase, int exit_status)
{
    g_autofree char *number = g_strdup_printf("%u", vmid);

    return call(node, number, phase, exit_status);
}

static void assert_hook(const Node *node, guint vmid, const char *phase, int exit_status)
{
    g_autoptr(Ended) ended = call_hook(node, vmid, phase, exit_status);

    g_assert_cmpstr(ended->out, ==, ""); // a migration's source would read it
}

/// @code: a finding's code or another part of what is said.
static void assert_hook_says(
    const Node *node, guint vmid, const char *phase, int exit_status, const char *code)
{
    g_autoptr(Ended) ended = call_hook(node, vmid, phase, exit_status);

    assert_says(ended->err, code);
}

/// Of VM 101.
static void assert_status(const Node *node, int exit_status)
{
    ended_free(call(node, "status", "101", exit_status));
}

/// A call with --json; what it writes to @exit_status's stream as an object.
static JsonObject *call_for_json(
    const Node *node, const char *first, const char *second, gboolean to_stderr, int exit_status)
{
    g_autoptr(Ended) ended = installed_run(node->hook, node->fake, "--json", first, second, NULL);
    JsonObject *json = json_tokener_parse(to_stderr ? ended->err : ended->out);

    g_assert_cmpint(ended->exit_status, ==, exit_status);
    g_assert_true(json_object_is_type(json, json_type_object));
    return json;
}

static const char *get_string(JsonObject *json, const char *name)
{
    return json_object_get_string(json_object_object_get(json, name));
}

static int get_int(JsonObject *json, const char *name)
{
    JsonObject *value = json_object_object_get(json, name);

    g_assert_true(json_object_is_type(value, json_type_int));
    return json_object_get_int(value);
}

static void assert_guest_is(RealQemu *qemu, const char *state)
{
    g_autoptr(JsonObject) status = real_qemu_execute(qemu, "query-status", NULL);

    g_assert_cmpstr(get_string(status, "status"), ==, state);
}

/// All masks of a QEMU: "4711:0-1 4712:0".
static char *read_masks(const RealQemu *qemu)
{
    g_autoptr(GArray) tids = real_qemu_tids(qemu);
    g_autoptr(GString) masks = g_string_new(NULL);

    for (guint i = 0; i < tids->len; i++) {
        int tid = g_array_index(tids, int, i);
        g_autofree char *allowed = real_qemu_read_allowed(qemu->pid, tid);
        g_string_append_printf(masks, "%s%d:%s", i > 0 ? " " : "", tid, allowed);
    }
    return g_string_free(g_steal_pointer(&masks), FALSE);
}

static void assert_masks(const RealQemu *qemu, const char *wanted)
{
    g_autofree char *masks = read_masks(qemu);

    g_assert_cmpstr(masks, ==, wanted);
}

/// From the config to a QEMU that waits for post-start.
static RealQemu *start(const Node *node, guint vmid, const RealQemuShape *shape)
{
    assert_hook(node, vmid, "pre-start", 0);
    return real_qemu_new(node->fake, vmid, shape);
}

static RealQemu *start_simple(const Node *node, guint vmid)
{
    RealQemuShape shape = { .present = some_vcpus(), .most = some_vcpus() };

    configure(node, vmid, shape.most, "");
    return start(node, vmid, &shape);
}

/* The proof, against the kernel and taskset. */

static CpuSet *ask_taskset(int tid)
{
    g_autofree char *number = g_strdup_printf("%d", tid);
    const char *argv[] = { "taskset", "-cp", number, NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpint(ended->exit_status, ==, 0);
    return parse_list(g_strstrip(strstr(ended->out, "list:") + strlen("list:")));
}

/// What the kernel says of a thread; taskset says the same.
static CpuSet *look_at_thread(int pid, int tid)
{
    g_autofree char *list = real_qemu_read_allowed(pid, tid);
    g_autoptr(CpuSet) allowed = parse_list(list);
    g_autofree char *taskset = g_find_program_in_path("taskset");

    if (taskset != NULL) {
        g_autoptr(CpuSet) seen = ask_taskset(tid);
        g_assert_true(hwloc_bitmap_isequal(seen, allowed));
    }
    return g_steal_pointer(&allowed);
}

/// The plan's place of each vCPU, by the thread that QEMU says it is.
static GHashTable *find_places(RealQemu *qemu, JsonObject *plan)
{
    JsonObject *vcpus = json_object_object_get(plan, "vcpus");
    GHashTable *places = g_hash_table_new(NULL, NULL);

    for (gsize i = 0; i < json_object_array_length(vcpus); i++) {
        JsonObject *vcpu = json_object_array_get_idx(vcpus, i);
        int tid = real_qemu_vcpu_tid(qemu, (guint)get_int(vcpu, "vcpu"));
        g_hash_table_insert(places, GINT_TO_POINTER(tid), vcpu);
    }
    return places;
}

/// Every vCPU on its CPU of the plan alone; every other thread within the plan's `others`.
static void assert_bound_as(RealQemu *qemu, JsonObject *plan)
{
    g_autoptr(CpuSet) others = parse_list(get_string(plan, "others"));
    g_autoptr(CpuSet) cores = parse_list(get_string(plan, "cores"));
    gboolean share = json_object_get_boolean(json_object_object_get(plan, "others_share"));
    g_autoptr(GHashTable) places = find_places(qemu, plan);
    g_autoptr(GArray) tids = real_qemu_tids(qemu);

    g_assert_true(share || !hwloc_bitmap_intersects(others, cores));
    g_assert_cmpuint(tids->len, >, g_hash_table_size(places));
    for (guint i = 0; i < tids->len; i++) {
        int tid = g_array_index(tids, int, i);
        g_autoptr(CpuSet) allowed = look_at_thread(qemu->pid, tid);
        JsonObject *place = g_hash_table_lookup(places, GINT_TO_POINTER(tid));
        if (place != NULL) {
            g_assert_cmpuint(cpuset_count(allowed), ==, 1);
            g_assert_cmpint(hwloc_bitmap_first(allowed), ==, get_int(place, "cpu"));
        } else {
            g_assert_true(hwloc_bitmap_isincluded(allowed, others));
        }
    }
}

static int iothread_tid(RealQemu *qemu)
{
    g_autoptr(JsonObject) iothreads = real_qemu_execute(qemu, "query-iothreads", NULL);

    return json_object_array_length(iothreads) > 0
               ? get_int(json_object_array_get_idx(iothreads, 0), "thread-id")
               : 0;
}

static const char *role_of(RealQemu *qemu, int tid, JsonObject *vcpu)
{
    if (vcpu != NULL) {
        g_assert_cmpint(real_qemu_vcpu_tid(qemu, (guint)json_object_get_int(vcpu)), ==, tid);
        return "vcpu";
    }
    return tid == iothread_tid(qemu) ? "iothread" : tid == qemu->pid ? "main" : "worker";
}

static void assert_thread_is_true(RealQemu *qemu, JsonObject *thread)
{
    int tid = get_int(thread, "tid");
    g_autofree char *allowed = real_qemu_read_allowed(qemu->pid, tid);
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/comm", qemu->pid, tid);
    g_autofree char *name = NULL;
    JsonObject *vcpu;

    g_assert_true(g_file_get_contents(path, &name, NULL, NULL));
    g_assert_true(json_object_object_get_ex(thread, "vcpu", &vcpu));
    if (strcmp(get_string(thread, "role"), "worker") != 0) { // these may still be naming themselves
        g_assert_cmpstr(get_string(thread, "name"), ==, g_strchomp(name));
    }
    g_assert_cmpstr(get_string(thread, "role"), ==, role_of(qemu, tid, vcpu));
    g_assert_cmpstr(get_string(thread, "allowed"), ==, allowed);
    if (vcpu != NULL) {
        g_assert_cmpstr(get_string(thread, "wanted"), ==, allowed);
    }
    g_assert_cmpint(get_int(thread, "last_cpu"), >=, 0);
}

/// Each field of `status --json`, against what the kernel and QEMU say.
/// A machine with as many CPUs as the VM has vCPUs leaves none to the other threads.
static void assert_no_more_than_no_housekeeping(JsonObject *findings)
{
    for (gsize i = 0; i < json_object_array_length(findings); i++) {
        JsonObject *finding = json_object_array_get_idx(findings, i);
        g_assert_cmpstr(
            json_object_get_string(json_object_object_get(finding, "code")), ==, "no-housekeeping");
        g_assert_cmpstr(
            json_object_get_string(json_object_object_get(finding, "severity")), ==, "warning");
    }
}

static void assert_status_is_true(const Node *node, RealQemu *qemu)
{
    g_autofree char *number = g_strdup_printf("%u", qemu->vmid);
    g_autoptr(JsonObject) status = call_for_json(node, "status", number, FALSE, 0);
    JsonObject *threads = json_object_object_get(status, "threads");
    g_autoptr(GArray) tids = real_qemu_tids(qemu);

    g_assert_cmpint(get_int(status, "vmid"), ==, (int)qemu->vmid);
    g_assert_cmpint(get_int(status, "pid"), ==, qemu->pid);
    g_assert_true(json_object_get_boolean(json_object_object_get(status, "proven")));
    assert_no_more_than_no_housekeeping(json_object_object_get(status, "findings"));
    g_assert_cmpuint(json_object_array_length(threads), ==, tids->len);
    for (guint i = 0; i < tids->len; i++) {
        JsonObject *thread = json_object_array_get_idx(threads, i);
        g_assert_cmpint(get_int(thread, "tid"), ==, g_array_index(tids, int, i));
        assert_thread_is_true(qemu, thread);
    }
}

/// post-start proves the VM to be bound, and so it is.
static void assert_is_proven(const Node *node, RealQemu *qemu)
{
    g_autoptr(JsonObject) report = call_for_json(node, "101", "post-start", TRUE, 0);

    g_assert_cmpstr(get_string(report, "verdict"), ==, "proven");
    assert_bound_as(qemu, json_object_object_get(report, "plan"));
    assert_status_is_true(node, qemu);
}

static void test_proof(gconstpointer data)
{
    RealQemuShape shape = *(const RealQemuShape *)data;
    if (!can_have(1)) {
        return;
    }
    g_autoptr(Node) node = node_new();

    shape.present = shape.most = shape.most != 0 ? shape.most : some_vcpus();
    if (shape.through_var_run) {
        fake_root_link(node->fake, "var/run", "../run");
    }
    configure(node, 101, shape.most, shape.frozen ? "freeze: 1\n" : "");
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);
    assert_guest_is(qemu, shape.frozen ? "prelaunch" : "running");
    assert_is_proven(node, qemu);
    assert_guest_is(qemu, "running");
}

/// Where pre-start did not run, or what it planned is lost.
static void test_post_start_alone(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1, .frozen = TRUE };

    configure(node, 101, 1, "freeze: 1\n");
    g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101, &shape);
    assert_is_proven(node, qemu);
    assert_guest_is(qemu, "running");
}

/* What QEMU tells the guest of its cores. */

static void test_siblings_are_qemus(const Node *node)
{
    static const RealQemuShape shapes[] = { { .present = 4, .most = 4, .threads = 2 },
        { .present = 4, .most = 4, .threads = 4 }, { .present = 3, .most = 4, .threads = 2 },
        { .present = 4, .most = 4 } };
    static const guint siblings[] = { 2, 4, 2, 1 };

    for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101 + i, &shapes[i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(Qmp) qmp = qmp_connect(node->fake->root, 101 + i, 20000, &error);
        g_assert_no_error(error);
        g_autoptr(QemuThreads) threads = qemu_threads_query(qmp, &error);
        g_assert_no_error(error);
        g_assert_cmpint(
            g_array_index(threads->vcpus, QemuThread, 0).tid, ==, real_qemu_vcpu_tid(qemu, 0));
        g_assert_cmpuint(threads->vcpus->len, ==, shapes[i].present);
        g_assert_cmpuint(threads->siblings, ==, siblings[i]);
    }
}

/// What the proof asks it for: emulation has no topoext for any guest.
static void test_siblings_are_told_by_a_flag(const Node *node)
{
    RealQemuShape shape = { .present = 2, .most = 2, .threads = 2 };
    static const SiblingsTold told[] = { [VENDOR_OTHER] = SIBLINGS_TOLD,
        [VENDOR_AMD] = SIBLINGS_HIDDEN,
        [VENDOR_UNKNOWN] = SIBLINGS_UNKNOWN };
    g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101, &shape);
    g_autoptr(GError) error = NULL;
    g_autoptr(Qmp) qmp = qmp_connect(node->fake->root, 101, 20000, &error);

    g_assert_no_error(error);
    g_assert_cmpint(qemu->pid, >, 0);
    for (guint vendor = 0; vendor < G_N_ELEMENTS(told); vendor++) {
        g_autoptr(QemuThreads) threads = qemu_threads_query(qmp, &error);
        g_assert_no_error(error);
        qemu_threads_ask_told(threads, qmp, (HostVendor)vendor);
        g_assert_cmpint(threads->told, ==, told[vendor]);
    }
}

/// The form in which a fix sets topoext, shown by a flag that emulation has.
static void test_a_flag_is_set_beside_the_cpu(const Node *node)
{
    static const char *const globals[] = { NULL, "qemu64-x86_64-cpu.aes=on" };

    for (guint i = 0; i < G_N_ELEMENTS(globals); i++) {
        RealQemuShape shape = { .present = 1, .most = 1, .global = globals[i] };
        g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101 + i, &shape);
        g_autoptr(GError) error = NULL;
        g_autoptr(Qmp) qmp = qmp_connect(node->fake->root, 101 + i, 20000, &error);
        g_assert_no_error(error);
        g_autoptr(QemuThreads) threads = qemu_threads_query(qmp, &error);
        g_assert_no_error(error);
        g_autoptr(JsonObject) flag = qmp_get(qmp, threads->path, "aes", &error);
        g_assert_no_error(error);
        g_assert_cmpint(qemu->pid, >, 0);
        g_assert_cmpint(json_object_get_boolean(flag), ==, globals[i] != NULL);
    }
}

/// QEMU was started with an -smp that the config does not have.
static void test_siblings_that_nobody_planned(const Node *node)
{
    RealQemuShape shape = { .present = 2, .most = 2, .threads = 2, .frozen = TRUE };

    configure(node, 101, 2, "freeze: 1\n");
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);

    assert_hook_says(node, 101, "post-start", 1,
        "guest-smt: QEMU gives the guest 2 threads a core, the plan was made for 1");
    assert_guest_is(qemu, "running"); // its threads are where they should be
    add_policy(node, "check.guest-smt = warning\n");
    assert_hook_says(node, 101, "post-start", 0, ": warning: guest-smt: ");
}

/// FALSE: the first two CPUs that a test may use are no siblings.
static gboolean have_siblings(void)
{
    g_autofree char *cpus = real_qemu_first_cpus(2);
    g_autoptr(CpuSet) both = parse_list(cpus);
    g_autofree char *path = g_strdup_printf(
        "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", hwloc_bitmap_first(both));
    g_autofree char *list = NULL;

    g_assert_true(g_file_get_contents(path, &list, NULL, NULL));
    g_autoptr(CpuSet) siblings = parse_list(g_strchomp(list));
    return hwloc_bitmap_isincluded(both, siblings);
}

static void test_siblings_as_planned(const Node *node)
{
    RealQemuShape shape = { .present = 2, .most = 2, .threads = 2, .frozen = TRUE };

    if (!have_siblings()) {
        g_test_skip("needs two CPUs of one core");
        return;
    }
    configure(node, 101, 2, "freeze: 1\nargs: -smp 2,cores=1,threads=2\n");
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);

    assert_hook(node, 101, "post-start", 0);
    assert_status_is_true(node, qemu);
}

/* What happens to a VM that runs. */

static void plug_in_second_vcpu(RealQemu *qemu)
{
    json_object_put(real_qemu_execute(qemu, "device_add",
        "{\"driver\":\"qemu64-x86_64-cpu\",\"id\":\"c1\",\"socket-id\":0,\"core-id\":1,"
        "\"thread-id\":0}"));
}

/// Proven, with one of the two vCPUs that it can have.
static RealQemu *start_with_room_for_a_vcpu(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 2, .frozen = TRUE, .iothread = TRUE };

    configure(node, 101, 2, "vcpus: 1\nhotplug: cpu\nfreeze: 1\n");
    RealQemu *qemu = start(node, 101, &shape);
    assert_hook(node, 101, "post-start", 0);
    return qemu;
}

static void test_hotplug(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_with_room_for_a_vcpu(node);
    assert_status(node, 0);

    plug_in_second_vcpu(qemu);
    assert_status(node, 1);
    assert_is_proven(node, qemu);
}

static void bind_to(int tid, int cpu)
{
    size_t size = CPU_ALLOC_SIZE(cpu + 1);
    cpu_set_t *mask = CPU_ALLOC(cpu + 1);

    CPU_ZERO_S(size, mask);
    CPU_SET_S(cpu, size, mask);
    g_assert_cmpint(sched_setaffinity(tid, size, mask), ==, 0);
    CPU_FREE(mask);
}

static void test_tampered_mask(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    assert_hook(node, 101, "post-start", 0);
    int tid = real_qemu_vcpu_tid(qemu, 0), other_tid = real_qemu_vcpu_tid(qemu, 1);
    g_autofree char *proven = read_masks(qemu);
    g_autoptr(CpuSet) elsewhere = look_at_thread(qemu->pid, other_tid);

    bind_to(tid, hwloc_bitmap_first(elsewhere));
    g_autoptr(Ended) seen = call(node, "status", "101", 1);
    assert_says(seen->out, "not-bound");

    assert_hook(node, 101, "post-start", 0);
    assert_status(node, 0);
    assert_masks(qemu, proven);
}

/* Repair. */

static void test_repair_of_a_hotplug(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_with_room_for_a_vcpu(node);

    plug_in_second_vcpu(qemu);
    g_autofree char *unbound = real_qemu_read_allowed(qemu->pid, real_qemu_vcpu_tid(qemu, 1));
    g_autoptr(Ended) seen = call(node, "status", "101", 1);
    assert_says(seen->out, "fix: pinhook repair 101");
    g_autoptr(Ended) mended = call(node, "repair", "101", 0);
    assert_says(mended->out, " bound again");
    g_autofree char *bound = real_qemu_read_allowed(qemu->pid, real_qemu_vcpu_tid(qemu, 1));
    g_assert_cmpstr(bound, !=, unbound);
    g_autoptr(JsonObject) report = call_for_json(node, "repair", "101", FALSE, 0);
    assert_bound_as(qemu, json_object_object_get(report, "plan"));
    g_assert_cmpint(get_int(report, "bound_again"), ==, 0);
    assert_status_is_true(node, qemu);
}

/// A VM of one vCPU on one of the CPUs of this machine.
static RealQemu *start_on(const Node *node, guint vmid, int cpu)
{
    RealQemuShape shape = { .present = 1, .most = 1 };
    g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%u.conf", vmid);
    g_autofree char *text = g_strdup_printf("cores: 1\nmemory: 64\naffinity: %d,%d\n", cpu, cpu);

    fake_root_write(node->fake, path, text);
    return start(node, vmid, &shape);
}

/// What needs no attention is on stdout, all else on stderr.
static void test_repair_of_all(const Node *node)
{
    g_autoptr(CpuSet) cpus = real_qemu_usable_cpus();
    int first = hwloc_bitmap_first(cpus), second = hwloc_bitmap_next(cpus, first);
    add_policy(node, "check.cpu-taken = warning\ncheck.core-taken = warning\n");
    g_autoptr(RealQemu) qemu = start_on(node, 101, first);
    g_autoptr(RealQemu) other = start_on(node, 102, second);

    g_autoptr(Ended) under_way = call(node, "repair", "--all", 0);
    g_assert_cmpstr(under_way->out, ==, "");
    g_assert_cmpstr(under_way->err, ==, "");
    assert_hook(node, 101, "post-start", 0);
    assert_hook(node, 102, "post-start", 0);
    g_autofree char *proven = read_masks(qemu);
    g_autoptr(Ended) good = call(node, "repair", "--all", 0);
    assert_says(good->out, "vm 101: PROVEN");
    assert_says(good->out, "vm 102: PROVEN");
    g_assert_cmpstr(good->err, ==, "");

    bind_to(real_qemu_vcpu_tid(qemu, 0), second);
    g_autoptr(Ended) mended = call(node, "repair", "--all", 0);
    assert_says(mended->err, "vm 101: PROVEN");
    assert_says(mended->err, "; 1 thread bound again");
    g_assert_null(strstr(mended->err, "vm 102"));
    assert_says(mended->out, "vm 102: PROVEN");
    assert_masks(qemu, proven);

    g_autofree char *socket = g_strdup_printf("run/qemu-server/%u.qmp", other->vmid);
    fake_root_remove(node->fake, socket);
    g_autoptr(Ended) worst = call(node, "repair", "--all", 1);
    assert_says(worst->out, "vm 101: PROVEN");
    assert_says(worst->err, "vm 102: NOT PROVEN");
    g_autoptr(Ended)
        as_json = installed_run(node->hook, node->fake, "repair", "--all", "--json", NULL);
    g_autoptr(JsonObject) json = json_tokener_parse(as_json->out);
    g_assert_cmpint(as_json->exit_status, ==, 1);
    g_assert_cmpuint(json_object_array_length(json), ==, 2);
}

/// One that no start has bound: told of where nobody asked for it, bound where somebody does.
static void test_repair_without_a_plan(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1 };

    configure(node, 101, 1, "hookscript: local:snippets/pinhook\n");
    g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101, &shape);
    g_autofree char *before = read_masks(qemu);

    g_autoptr(Ended) told = call(node, "repair", "--all", 1);
    assert_says(told->err, "to plan and bind it: pinhook repair 101");
    assert_masks(qemu, before);
    g_autoptr(Ended) bound = call(node, "repair", "101", 0);
    assert_says(bound->out, "PROVEN");
    assert_status(node, 0);
}

/* Memory. */

static void test_memory(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1, .frozen = TRUE, .preallocated = TRUE };

    configure(node, 101, 1, "freeze: 1\n");
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);

    g_autoptr(JsonObject) report = call_for_json(node, "101", "post-start", TRUE, 0);
    JsonObject *memory = json_object_object_get(report, "memory");
    g_assert_cmpint(get_int(memory, "sampled"), ==, 2048);
    g_assert_cmpint(get_int(memory, "touched"), >, 1900);
    g_assert_cmpint(get_int(memory, "local_percent"), ==, 100);
    assert_guest_is(qemu, "running");
    assert_hook_says(node, 101, "post-start", 0, "; memory 100 % on node ");
    g_autoptr(Ended) status = call(node, "status", "101", 0);
    assert_says(status->out, "\nmemory: 100 % on node ");
}

static void test_memory_that_is_hardly_in_use(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1, .frozen = TRUE };

    configure(node, 101, 1, "freeze: 1\n");
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);

    g_autoptr(JsonObject) report = call_for_json(node, "101", "post-start", TRUE, 0);
    JsonObject *memory = json_object_object_get(report, "memory");
    g_assert_cmpint(get_int(memory, "sampled"), ==, 2048);
    g_assert_cmpint(get_int(memory, "touched"), <, 1024);
    assert_guest_is(qemu, "running");
}

/* Without a proof. */

/// A plan for two vCPUs, and a frozen QEMU that has one.
static RealQemu *start_with_vcpu_missing(const Node *node, const char *policy)
{
    RealQemuShape shape = { .present = 1, .most = 2, .frozen = TRUE };

    add_policy(node, policy);
    configure(node, 101, 2, "freeze: 1\n");
    return start(node, 101, &shape);
}

/// Fewer vCPUs than planned: none of them is elsewhere.
static void test_unproven_runs(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_with_vcpu_missing(node, "");

    assert_hook_says(node, 101, "post-start", 1, "vcpu-missing");
    assert_guest_is(qemu, "running");
    plug_in_second_vcpu(qemu);
    assert_hook_says(node, 101, "post-start", 0, "PROVEN");
}

static void test_unproven_is_stopped(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_with_vcpu_missing(node, "unproven = stop\n");

    assert_hook_says(node, 101, "post-start", 1, "QEMU was ended");
    g_assert_true(real_qemu_ends(qemu));
}

/// SIGSTOP holds SIGTERM up.
static void test_stopped_process_is_ended_too(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_with_vcpu_missing(node, "unproven = stop\ndeadline = 1000\n");
    g_autoptr(GError) error = NULL;
    Process process;

    g_assert_true(process_of_vm(node->fake->root, 101, &process, &error));
    g_assert_cmpint(kill(qemu->pid, SIGSTOP), ==, 0);
    g_assert_true(kernel_running.terminate(node->fake->root, &process, 1000, &error));
    g_assert_no_error(error);
    g_assert_true(real_qemu_ends(qemu));
    g_assert_false(kernel_running.terminate(node->fake->root, &process, 1000, &error));
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
}

/// Under KVM the kernel makes a thread when the guest first runs, with a vCPU's one CPU.
static void test_late_thread_of_the_kernel(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1, .frozen = TRUE, .kvm = TRUE };
    if (!real_qemu_has_kvm()) {
        g_test_skip("/dev/kvm runs no guest here");
        return;
    }
    configure(node, 101, 1, "freeze: 1\n");
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);

    assert_hook_says(node, 101, "post-start", 0, "released");
    g_usleep(200000);
    assert_status(node, 0);
    assert_guest_is(qemu, "running");
}

/// A refusal, the line that it prints to start it anyway, pasted, and the guest that then runs.
static void test_override_of_a_refusal(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1, .frozen = TRUE };

    configure(node, 101, 1, "freeze: 1\ncpuaffinity: 0\n");
    g_autoptr(Ended) refused = call_hook(node, 101, "pre-start", 1);
    const char *line = strstr(refused->err, "to start it anyway: ");
    g_assert_nonnull(line);
    g_auto(GStrv) lines = g_strsplit(line + strlen("to start it anyway: "), "\n", 2);
    g_assert_true(fake_shell_run(node->fake, lines[0]));
    assert_hook(node, 101, "pre-start", 0);
    g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101, &shape);
    assert_hook(node, 101, "post-start", 0);
    assert_guest_is(qemu, "running");
}

static void lock_for_backup(const Node *node, guint vcpus, gboolean locked)
{
    configure(node, 101, vcpus, locked ? "freeze: 1\nlock: backup\n" : "freeze: 1\n");
}

/// vzdump --mode stop of a running VM: Proxmox ends it, starts it paused under the lock, lets it
/// run, and drops the lock; no hook follows, and it goes on as it is.
static void test_backup_in_stop_mode(const Node *node)
{
    guint vcpus = some_vcpus();
    RealQemuShape shape = { .present = vcpus, .most = vcpus, .frozen = TRUE };

    lock_for_backup(node, vcpus, TRUE);
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);
    assert_hook(node, 101, "post-start", 0);
    assert_guest_is(qemu, "prelaunch");
    json_object_put(real_qemu_execute(qemu, "cont", NULL));
    lock_for_backup(node, vcpus, FALSE);
    assert_status(node, 0);
    assert_guest_is(qemu, "running");
}

/// `qm start` of a VM whose stopped state is being backed up: as it is, but for who lets it run.
static void test_resumed_during_its_backup(const Node *node)
{
    guint vcpus = some_vcpus();
    RealQemuShape shape = { .present = vcpus, .most = vcpus, .frozen = TRUE };

    lock_for_backup(node, vcpus, TRUE);
    g_autoptr(RealQemu) qemu = start(node, 101, &shape);
    assert_hook(node, 101, "post-start", 0);
    json_object_put(real_qemu_execute(qemu, "cont", NULL)); // qm resume, still locked
    assert_status(node, 0);
    ended_free(call(node, "repair", "101", 0));
    lock_for_backup(node, vcpus, FALSE);
    assert_status(node, 0);
    assert_guest_is(qemu, "running");
}

/// post-start while the QMP socket is not to be had.
static void assert_times_out(const Node *node, const RealQemu *qemu)
{
    g_autofree char *before = read_masks(qemu);
    g_autoptr(Ended) ended = call_hook(node, 101, "post-start", 1);

    assert_says(ended->err, "qmp-timeout");
    g_assert_cmpint(ended->wall_us, >=, 300000);
    g_assert_cmpint(ended->wall_us, <, 3000000); // the default deadline is 5 s
    assert_masks(qemu, before);
}

static void test_held_socket(const Node *node)
{
    add_policy(node, "deadline = 300\n");
    g_autoptr(RealQemu) qemu = start_simple(node, 101);

    int holder = real_qemu_hold_socket(qemu);
    assert_times_out(node, qemu);
    close(holder);
    assert_hook(node, 101, "post-start", 0);
}

static void test_crowded_socket(const Node *node)
{
    enum { CROWD = 16 };
    int clients[CROWD], count = 1;

    add_policy(node, "deadline = 300\n");
    g_autoptr(RealQemu) qemu = start_simple(node, 101);

    clients[0] = real_qemu_hold_socket(qemu);
    while (count < CROWD && (clients[count] = real_qemu_queue_up(qemu)) >= 0) {
        count++;
    }
    g_assert_cmpint(count, <, CROWD);
    assert_times_out(node, qemu);
    for (int i = 0; i < count; i++) {
        close(clients[i]);
    }
}

static void test_crash_before_post_start(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);

    real_qemu_kill(qemu);
    assert_hook_says(node, 101, "post-start", 1, "vm-gone");
    real_qemu_clean_up(qemu);
    assert_hook_says(node, 101, "post-start", 1, "vm-gone");
}

/// A pid file may name whoever came to the pid of a QEMU that has ended.
static void test_foreign_process(const Node *node)
{
    g_autofree char *own_pid = g_strdup_printf("%d\n", getpid());
    g_autofree char *before = real_qemu_read_allowed(getpid(), getpid());

    configure(node, 101, 1, "");
    fake_root_write(node->fake, "run/qemu-server/101.pid", own_pid);
    assert_hook_says(node, 101, "post-start", 1, "vm-gone");
    g_autofree char *after = real_qemu_read_allowed(getpid(), getpid());
    g_assert_cmpstr(after, ==, before);
}

/* The ledger. */

/// The files of VMs in the ledger: "101.json 102.json ".
static char *list_ledger(const Node *node)
{
    g_autofree char *path = fake_root_outside(node->fake, "run/pinhook");
    g_autoptr(GDir) directory = g_dir_open(path, 0, NULL);
    g_autoptr(GString) names = g_string_new(NULL);
    const char *name;

    while (directory != NULL && (name = g_dir_read_name(directory)) != NULL) {
        if (strcmp(name, "lock") != 0) {
            g_string_append_printf(names, "%s ", name);
        }
    }
    return g_string_free(g_steal_pointer(&names), FALSE);
}

static void assert_ledger(const Node *node, const char *wanted)
{
    g_autofree char *names = list_ledger(node);

    g_assert_cmpstr(names, ==, wanted);
}

static void test_four_phases(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);

    assert_ledger(node, "101.json ");
    assert_hook(node, 101, "post-start", 0);
    assert_hook(node, 101, "pre-stop", 0);
    assert_ledger(node, "101.json ");
    real_qemu_kill(qemu);
    real_qemu_clean_up(qemu);
    assert_hook(node, 101, "post-stop", 0);
    assert_ledger(node, "");
}

static void test_post_start_makes_qemu_the_owner(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    assert_hook(node, 101, "post-start", 0);

    g_autofree char *path = fake_root_outside(node->fake, "run/pinhook/101.json");
    g_autofree char *stat_path = g_strdup_printf("/proc/%d/stat", qemu->pid);
    g_autoptr(JsonObject) entry = json_object_from_file(path);
    g_autofree char *stat = NULL;
    g_assert_true(g_file_get_contents(stat_path, &stat, NULL, NULL));
    g_auto(GStrv) fields = g_strsplit(strrchr(stat, ')') + 2, " ", -1);
    g_assert_cmpint(get_int(entry, "pid"), ==, qemu->pid);
    g_assert_cmpstr(get_string(entry, "start_time"), ==, fields[19]);
}

static void test_second_vm_is_refused(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    configure(node, 102, some_vcpus(), "");

    assert_hook_says(node, 102, "pre-start", 1, "cpu-taken: held by VM 101");
    assert_hook(node, 101, "post-start", 0);
    assert_hook_says(node, 102, "pre-start", 1, "cpu-taken: held by VM 101");
    assert_ledger(node, "101.json ");
    assert_guest_is(qemu, "running");
}

static void test_killed_qemu_holds_nothing(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    configure(node, 102, some_vcpus(), "");
    assert_hook(node, 101, "post-start", 0);
    assert_hook(node, 102, "pre-start", 1);

    real_qemu_kill(qemu);
    assert_hook(node, 102, "pre-start", 0);
    assert_ledger(node, "102.json ");
}

/// The task that called pre-start is gone before QEMU started: no phase tells the hook.
static void test_dead_caller_holds_nothing(const Node *node)
{
    const char *argv[] = { "sh", "-c", "\"$0\" --root \"$1\" 101 pre-start; exit $?",
        node->hook->program, node->fake->path, NULL };
    configure(node, 101, some_vcpus(), "");
    configure(node, 102, some_vcpus(), "");

    g_autoptr(Ended) task = run_program(argv, NULL);
    g_assert_cmpint(task->exit_status, ==, 0);
    assert_hook(node, 102, "pre-start", 0);
    assert_ledger(node, "102.json ");
}

/// Another hook's script may call pinhook, and ends long before QEMU starts: the task that holds
/// Proxmox's lock owns what is reserved.
static void test_wrapper_may_end(const Node *node)
{
    const char *argv[] = { "sh", "-c", "\"$0\" --root \"$1\" 101 pre-start; exit $?",
        node->hook->program, node->fake->path, NULL };
    g_autofree char *lock = fake_root_outside(node->fake, "run/lock/qemu-server/lock-101.conf");
    configure(node, 101, some_vcpus(), "");
    configure(node, 102, some_vcpus(), "");
    fake_root_write(node->fake, "run/lock/qemu-server/lock-101.conf", "");
    int held = open(lock, O_RDWR | O_CLOEXEC);

    g_assert_cmpint(flock(held, LOCK_EX), ==, 0);
    g_autoptr(Ended) wrapper = run_program(argv, NULL);
    g_assert_cmpint(wrapper->exit_status, ==, 0);
    assert_hook_says(node, 102, "pre-start", 1, "cpu-taken");
    close(held);
}

/// As a timer's unit does, with a file for the journal; returns what that got.
static char *repair_for_journal(const Node *node, int exit_status)
{
    const char *argv[] = { "sh", "-c",
        "exec 2>\"$1/journal\"; JOURNAL_STREAM=$(stat -c %d:%i \"$1/journal\") "
        "exec \"$0\" --root \"$1\" repair --all",
        node->hook->program, node->fake->path, NULL };
    g_autoptr(Ended) ended = run_program(argv, NULL);

    g_assert_cmpint(ended->exit_status, ==, exit_status);
    return root_read(node->fake->root, "journal", NULL, NULL);
}

static void assert_journal(const Node *node, int exit_status, const char *says)
{
    g_autofree char *text = repair_for_journal(node, exit_status);

    if (says != NULL) {
        assert_says(text, says);
    } else {
        g_assert_cmpstr(text, ==, "");
    }
}

static void test_journal_hears_of_changes_alone(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    g_autofree char *socket = g_strconcat(qemu->directory, "/101.qmp", NULL);
    g_autofree char *hidden = g_strconcat(socket, ".hidden", NULL);

    assert_hook(node, 101, "post-start", 0);
    assert_journal(node, 0, NULL);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(g_rename(socket, hidden), ==, 0);
        assert_journal(node, 1, "NOT PROVEN");
        assert_journal(node, 1, NULL);
        g_assert_cmpint(g_rename(hidden, socket), ==, 0);
        assert_journal(node, 0, NULL);
    }
}

static void test_warn_starts_anyway(const Node *node)
{
    RealQemuShape shape = { .present = 1, .most = 1 };

    configure(node, 101, 1, "cpuaffinity: 4-7\n");
    assert_hook_says(node, 101, "pre-start", 1, "unknown-option");
    add_policy(node, "mode = warn\n");
    assert_hook_says(node, 101, "pre-start", 0, "unknown-option");
    g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101, &shape);
    assert_hook_says(node, 101, "post-start", 0, "PROVEN");
    assert_guest_is(qemu, "running");
}

/* What the hook leaves alone. */

static GString *tree; // nftw() has no argument for it

static int describe_file(const char *path, const struct stat *info, int type, struct FTW *at)
{
    g_string_append_printf(tree, "%s %o %ld %ld.%09ld\n", path, info->st_mode, (long)info->st_size,
        (long)info->st_mtim.tv_sec, info->st_mtim.tv_nsec);
    return 0;
}

/// Each file below the root with mode, size and time of change.
static char *describe_tree(const Node *node)
{
    tree = g_string_new(NULL);
    g_assert_cmpint(nftw(node->fake->path, describe_file, 16, FTW_PHYS | FTW_MOUNT), ==, 0);
    return g_string_free(g_steal_pointer(&tree), FALSE);
}

static void assert_looking_changes_nothing(const Node *node)
{
    g_autofree char *before = describe_tree(node);

    ended_free(call(node, "check", "101", 0));
    assert_status(node, 1);
    g_autofree char *after = describe_tree(node);
    g_assert_cmpstr(after, ==, before);
}

static void test_looking_changes_nothing(const Node *node)
{
    configure(node, 101, some_vcpus(), "");

    assert_looking_changes_nothing(node);
}

static void test_looking_at_a_running_vm_changes_nothing(const Node *node)
{
    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    g_autofree char *before = read_masks(qemu);

    assert_looking_changes_nothing(node);
    assert_masks(qemu, before);
}

/// The test's children, and orphans among theirs; NULL: this kernel does not tell.
static char *list_children(void)
{
    char *children = NULL;

    g_file_get_contents("/proc/thread-self/children", &children, NULL, NULL);
    return children;
}

static void test_leaves_no_child(const Node *node)
{
    g_assert_cmpint(prctl(PR_SET_CHILD_SUBREAPER, 1), ==, 0);
    g_autofree char *none = list_children();
    if (none == NULL) {
        g_test_skip("this kernel does not list children");
        return;
    }

    g_autoptr(RealQemu) qemu = start_simple(node, 101);
    g_autofree char *before = g_strdup_printf("%s%d ", none, qemu->pid);
    assert_hook(node, 101, "post-start", 0);
    g_autofree char *after = list_children();
    g_assert_cmpstr(after, ==, before);
}

/* What it does on the way, seen with strace. */

static gboolean can_strace(void)
{
    const char *argv[] = { "strace", "-o", "/dev/null", "true", NULL };
    g_autofree char *path = g_find_program_in_path("strace");
    g_autoptr(Ended) ended = path != NULL ? run_program(argv, NULL) : NULL;

    if (ended == NULL || ended->exit_status != 0) {
        g_test_skip("strace is not here, or may not trace");
        return FALSE;
    }
    return TRUE;
}

/// The system calls of one hook call, one a line, each behind its caller's pid. A plugin of hwloc
/// lies ready.
static GStrv trace(const Node *node, const char *phase)
{
    g_autofree char *path = fake_root_outside(node->fake, "trace");
    g_autofree char *plugins = fake_root_outside(node->fake, "hwloc");
    g_autofree char *plugins_path = g_strconcat("HWLOC_PLUGINS_PATH=", plugins, NULL);
    const char *argv[] = { "strace", "-f", "-o", path, node->hook->program, "--root",
        node->fake->path, "101", phase, NULL };
    const char *env[] = { "ASAN_OPTIONS=detect_leaks=0", // leaks are looked for by ptrace
        plugins_path, NULL };
    g_autofree char *text = NULL;

    fake_root_write(node->fake, "hwloc/hwloc_fake.so", "no library\n");
    g_autoptr(Ended) ended = run_program(argv, env);
    g_test_message("%s", ended->err);
    g_assert_cmpint(ended->exit_status, ==, 0);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return g_strsplit(text, "\n", -1);
}

/// "4711  openat(AT_FDCWD, …" -> "openat(AT_FDCWD, …"
static const char *call_in(const char *line)
{
    line += strspn(line, "0123456789");
    return line + strspn(line, " ");
}

static gboolean is_call_of(const char *call, const char *const *names)
{
    g_autofree char *name = g_strndup(call, strcspn(call, "("));

    return g_strv_contains(names, name);
}

/// No child, no thread, no sleep, none of hwloc's plugins; returns how many programs it became.
static guint assert_modest(const GStrv calls)
{
    static const char *const forbidden[] = { "fork", "vfork", "clone", "clone3", "nanosleep",
        "clock_nanosleep", "pause", NULL };
    static const char *const opening[] = { "open", "openat", "openat2", NULL };
    static const char *const becoming[] = { "execve", "execveat", NULL };
    guint programs = 0;

    for (guint i = 0; calls[i] != NULL; i++) {
        const char *call = call_in(calls[i]);
        if (is_call_of(call, forbidden)) {
            g_error("%s", calls[i]);
        }
        if (is_call_of(call, opening) && g_regex_match_simple("/hwloc[\"/]", call, 0, 0)) {
            g_error("%s", calls[i]);
        }
        programs += is_call_of(call, becoming);
    }
    return programs;
}

/// Every sched_setaffinity() is on a thread of @qemu (NULL: there is none); returns how many.
static guint assert_binds_only(const GStrv calls, const RealQemu *qemu)
{
    g_autoptr(GArray) tids = qemu != NULL ? real_qemu_tids(qemu)
                                          : g_array_new(FALSE, FALSE, sizeof(int));
    guint bound = 0;

    for (guint i = 0; calls[i] != NULL; i++) {
        const char *call = call_in(calls[i]);
        if (!g_str_has_prefix(call, "sched_setaffinity(")) {
            continue;
        }
        int tid = atoi(call + strlen("sched_setaffinity("));
        gboolean known = FALSE;
        for (guint j = 0; j < tids->len; j++) {
            known = known || g_array_index(tids, int, j) == tid;
        }
        g_assert_true(known);
        bound++;
    }
    return bound;
}

static void test_strace(const Node *node)
{
    if (!can_strace()) {
        return;
    }
    configure(node, 101, some_vcpus(), "");
    RealQemuShape shape = { .present = some_vcpus(), .most = some_vcpus(), .iothread = TRUE };

    g_auto(GStrv) before = trace(node, "pre-start");
    g_assert_cmpuint(assert_modest(before), ==, 1);
    g_assert_cmpuint(assert_binds_only(before, NULL), ==, 0);
    g_autoptr(RealQemu) qemu = real_qemu_new(node->fake, 101, &shape);
    g_auto(GStrv) after = trace(node, "post-start");
    g_assert_cmpuint(assert_modest(after), ==, 1);
    g_assert_cmpuint(assert_binds_only(after, qemu), >=, some_vcpus());
}

typedef struct {
    const char *path;
    guint vcpus; // a machine that cannot have as many skips the test
    void (*run)(const Node *node);
} NodeTest;

static const NodeTest tests[] = {
    { "/qemu/post-start-alone-plans-and-binds", 1, test_post_start_alone },
    { "/qemu/siblings-are-qemus", 1, test_siblings_are_qemus },
    { "/qemu/siblings-are-told", 1, test_siblings_are_told_by_a_flag },
    { "/qemu/flag-beside-the-cpu", 1, test_a_flag_is_set_beside_the_cpu },
    { "/qemu/siblings-that-nobody-planned", 2, test_siblings_that_nobody_planned },
    { "/qemu/siblings-as-planned", 2, test_siblings_as_planned },
    { "/qemu/hot-plugged-vcpu-is-seen-and-bound", 2, test_hotplug },
    { "/qemu/tampered-mask-is-seen-and-mended", 2, test_tampered_mask },
    { "/qemu/hot-plugged-vcpu-is-repaired", 2, test_repair_of_a_hotplug },
    { "/qemu/all-are-repaired", 2, test_repair_of_all },
    { "/qemu/vm-without-a-plan-is-bound-by-name", 1, test_repair_without_a_plan },
    { "/qemu/memory-is-looked-at", 1, test_memory },
    { "/qemu/memory-that-is-hardly-in-use-holds-up-nothing", 1, test_memory_that_is_hardly_in_use },
    { "/qemu/unproven-frozen-vm-runs", 2, test_unproven_runs },
    { "/qemu/unproven-vm-is-stopped-where-the-policy-says", 2, test_unproven_is_stopped },
    { "/qemu/stopped-process-is-ended-too", 2, test_stopped_process_is_ended_too },
    { "/qemu/late-thread-of-the-kernel-is-bound", 2, test_late_thread_of_the_kernel },
    { "/qemu/override-of-a-refusal-leads-to-a-guest-that-runs", 1, test_override_of_a_refusal },
    { "/qemu/backup-in-stop-mode-leaves-it-pinned", 1, test_backup_in_stop_mode },
    { "/qemu/resumed-during-its-backup", 1, test_resumed_during_its_backup },
    { "/qemu/held-socket-times-out-and-binds-nothing", 1, test_held_socket },
    { "/qemu/crowded-socket-times-out-and-binds-nothing", 1, test_crowded_socket },
    { "/qemu/crash-before-post-start-is-vm-gone", 1, test_crash_before_post_start },
    { "/qemu/foreign-process-in-pid-file-is-not-touched", 1, test_foreign_process },
    { "/qemu/four-phases-leave-the-ledger-empty", 1, test_four_phases },
    { "/qemu/post-start-makes-qemu-the-owner", 1, test_post_start_makes_qemu_the_owner },
    { "/qemu/second-vm-on-the-same-cpus-is-refused", 1, test_second_vm_is_refused },
    { "/qemu/killed-qemu-holds-nothing", 1, test_killed_qemu_holds_nothing },
    { "/qemu/dead-caller-holds-nothing", 1, test_dead_caller_holds_nothing },
    { "/qemu/reservation-outlives-a-wrapper", 1, test_wrapper_may_end },
    { "/qemu/journal-hears-of-changes-alone", 1, test_journal_hears_of_changes_alone },
    { "/qemu/mode-warn-starts-anyway", 1, test_warn_starts_anyway },
    { "/qemu/check-and-status-change-nothing", 1, test_looking_changes_nothing },
    { "/qemu/check-and-status-change-nothing-of-a-running-vm", 1,
        test_looking_at_a_running_vm_changes_nothing },
    { "/qemu/hook-leaves-no-child", 1, test_leaves_no_child },
    { "/qemu/hook-forks-not-sleeps-not-and-binds-only-the-vm", 1, test_strace },
};

static void test_on_node(gconstpointer data)
{
    const NodeTest *test = data;

    if (can_have(test->vcpus)) {
        g_autoptr(Node) node = node_new();
        test->run(node);
    }
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        RealQemuShape shape;
    } proofs[] = {
        { "/qemu/proof-of-a-frozen-vm-agrees-with-the-kernel", { .frozen = TRUE } },
        { "/qemu/proof-of-a-running-vm-agrees-with-the-kernel", { .frozen = FALSE } },
        { "/qemu/proof-of-a-frozen-vm-with-iothread-agrees-with-the-kernel",
            { .most = 1, .frozen = TRUE, .iothread = TRUE } },
        { "/qemu/proof-of-a-running-vm-with-iothread-agrees-with-the-kernel",
            { .most = 1, .iothread = TRUE } },
        { "/qemu/pid-file-may-be-spelled-var-run", { .through_var_run = TRUE } },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(proofs); i++) {
        g_test_add_data_func(proofs[i].path, &proofs[i].shape, test_proof);
    }
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_test_add_data_func(tests[i].path, &tests[i], test_on_node);
    }
    return g_test_run();
}
