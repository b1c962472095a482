// SPDX-License-Identifier: LGPL-2.1-or-later
/* Each door with one fault at each of its system calls: the call fails, or the program is killed.
 * See run.sh.
 *
 * Environment: FAULTS_SECONDS: how long a sample takes for all doors together (15); 0: no sample,
 * but each call with each error. FAULT="NTH ERROR", ERROR a number or "kill": this one alone. */
#include "base/json.h"
#include "fakes/seed.h"
#include "faults/node.h"
#include "faults/tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT_S = 30, SHOWN_VIOLATIONS = 20 };

/* Doors. */

/// How VM 100 is found, and what is asked of the door.
typedef enum {
    RESERVED = 1 << 0, // pre-start has reserved its CPU
    BOUND = 1 << 1,    // it runs, and its post-start has proven it
    STARTED = 1 << 2,  // likewise, but that was killed before its end, and the guest waits
    DRIFTED = 1 << 3,  // its vCPU may run everywhere again
    INCOMING = 1 << 4, // it comes from another node
    ENDED = 1 << 5,    // it has ended since
    RESERVES = 1 << 6, // exit 0 promises a reservation
    PROVES = 1 << 7,   // exit 0 promises a proof
    SAYS = 1 << 8,     // and says so
    LOOKS = 1 << 9,    // it changes nothing
} Traits;

typedef struct {
    const char *name;
    const char *arguments[3];
    const char *status; // of the guest; NULL: it does not run
    Traits traits;
} Door;

static const Door doors[] = {
    { "pre-start", { "100", "pre-start" }, NULL, RESERVES },
    { "pre-start-again", { "100", "pre-start" }, NULL, RESERVED | RESERVES },
    { "post-start-frozen", { "100", "post-start" }, "prelaunch", RESERVED | PROVES | SAYS },
    { "post-start-running", { "100", "post-start" }, "running", RESERVED | PROVES | SAYS },
    { "post-start-incoming", { "100", "post-start" }, "inmigrate",
        RESERVED | INCOMING | PROVES | SAYS },
    { "post-start-unplanned", { "100", "post-start" }, "prelaunch", PROVES | SAYS },
    { "repair", { "repair", "100" }, "running", BOUND | DRIFTED | PROVES | SAYS },
    { "repair-frozen", { "repair", "100" }, "prelaunch", STARTED | PROVES | SAYS },
    { "repair-all", { "repair", "--all" }, "running", BOUND | DRIFTED | PROVES },
    { "repair-all-frozen", { "repair", "--all" }, "prelaunch", STARTED | PROVES },
    { "repair-all-unplanned", { "repair", "--all" }, "running", PROVES },
    { "repair-all-waiting", { "repair", "--all" }, "prelaunch", PROVES },
    { "status", { "status", "100" }, "running", BOUND | PROVES | SAYS | LOOKS },
    { "status-drifted", { "status", "100" }, "running", BOUND | DRIFTED | PROVES | SAYS | LOOKS },
    { "post-stop", { "100", "post-stop" }, "running", BOUND | ENDED },
    { "post-stop-late", { "100", "post-stop" }, "running", BOUND | LOOKS },
};

/// A door under faults.
typedef struct {
    const Door *door;
    FaultNode *node;
    char *entry; // of VM 100, before each run; NULL: none
    guint runs, hits, violations;
} Campaign;

/* Before each run. */

static gboolean has(const Campaign *campaign, Traits traits)
{
    return (campaign->door->traits & traits) != 0;
}

static void must(Campaign *campaign, const char *first, const char *second)
{
    g_autofree char *said = NULL;

    if (fault_node_call(campaign->node, &said, first, second, NULL) != 0) {
        g_error("%s %s: %s", first, second, said);
    }
}

static void configure(Campaign *campaign, gboolean incoming)
{
    gboolean frozen = g_strcmp0(campaign->door->status, "running") != 0;

    fault_node_configure(campaign->node, incoming, frozen ? "freeze: 1\n" : "");
}

/// Of one whose first post-start was killed before its end.
static void read_entry(Campaign *campaign)
{
    g_autofree char *entry = fault_node_read_entry(campaign->node, 100);
    g_auto(GStrv) parts = entry != NULL && has(campaign, STARTED)
                              ? g_strsplit(entry, "\"owner\":\"qemu\"", 2)
                              : NULL;

    g_free(campaign->entry);
    campaign->entry = parts != NULL ? g_strjoinv("\"owner\":\"start\"", parts)
                                    : g_steal_pointer(&entry);
}

/// Starts VM 100 anew, up to where the door finds it.
static void restart(Campaign *campaign)
{
    FaultNode *node = campaign->node;

    fault_node_end_vm(node);
    fault_node_set_entry(node, 100, NULL);
    configure(campaign, FALSE);
    if (has(campaign, RESERVED | BOUND | STARTED)) {
        must(campaign, "100", "pre-start");
    }
    if (campaign->door->status != NULL) {
        fault_node_start_vm(node, campaign->door->status);
    }
    if (has(campaign, BOUND | STARTED)) {
        must(campaign, "100", "post-start");
    }
    if (has(campaign, ENDED)) {
        fault_node_end_vm(node);
    }
    read_entry(campaign);
}

/// All as the door is to find it.
static void reset(Campaign *campaign)
{
    FaultNode *node = campaign->node;
    gboolean runs = campaign->door->status != NULL && !has(campaign, ENDED);

    if (runs && (node->vm == NULL || !fake_vm_lives(node->vm))) {
        restart(campaign);
    }
    configure(campaign, has(campaign, INCOMING));
    fault_node_set_entry(node, 101, node->reserved);
    fault_node_set_entry(node, 100, campaign->entry);
    if (runs) {
        fake_vm_take_back(node->vm);
    }
    if (runs && (!has(campaign, BOUND) || has(campaign, DRIFTED))) {
        fault_node_unbind(node);
    }
}

/* After it. */

/// A run, and what it was to find.
typedef struct {
    Campaign *campaign;
    const Fault *fault;
    const Traced *traced;
    gboolean bad;
} Run;

static const char *fault_name(const Fault *fault)
{
    return fault->kind == FAULT_KILL ? "SIGKILL" : g_strerror(fault->errnum); // 0: none
}

static void violates(Run *run, const char *what)
{
    if (run->campaign->violations < SHOWN_VIOLATIONS) {
        g_test_message("%s, call %u (system call %" G_GUINT64_FORMAT
                       "), %s: %s\nexit status %d: %s",
            run->campaign->door->name, run->fault->nth, run->traced->call, fault_name(run->fault),
            what, run->traced->exit_status, run->traced->text);
    }
    run->bad = TRUE;
}

static void expect(Run *run, gboolean so, const char *what)
{
    if (!so) {
        violates(run, what);
    }
}

/// Of "vm 100", or of "VM 100" as a title.
static gboolean says(const Run *run, const char *words)
{
    g_auto(GStrv) lines = g_strsplit(run->traced->text, "\n", -1);
    gboolean said = FALSE;

    for (guint i = 0; lines[i] != NULL; i++) {
        said |= strstr(lines[i], " 100: ") != NULL && strstr(lines[i], words) != NULL;
    }
    return said;
}

static gboolean says_proven(const Run *run)
{
    return says(run, ": PROVEN");
}

static void check_end(Run *run)
{
    expect(run, run->traced->in_time, "it hangs");
    expect(run, run->traced->all_ended, "it left a child behind");
}

/// Whether an entry has the CPU of VM 100 and no other.
static gboolean holds_own(const FaultNode *node, const char *entry)
{
    g_autoptr(JsonObject) json = json_tokener_parse(entry);
    const char *reserved;

    return json != NULL && json_get_string(json, "reserved", &reserved) &&
           strcmp(reserved, node->own) == 0;
}

static void check_ledger(Run *run)
{
    const Campaign *campaign = run->campaign;
    g_autofree char *entry = fault_node_read_entry(campaign->node, 100);
    g_autofree char *other = fault_node_read_entry(campaign->node, 101);

    expect(run, g_strcmp0(other, campaign->node->reserved) == 0, "VM 101 lost its entry");
    expect(run, entry == NULL || holds_own(campaign->node, entry),
        "VM 100 holds another CPU than its own");
    expect(run, entry != NULL || campaign->node->vm == NULL || campaign->entry == NULL,
        "VM 100 runs, and lost its entry");
    expect(run, entry != NULL || !has(campaign, RESERVES) || run->traced->exit_status != 0,
        "exit 0 without a reservation");
    expect(run, !has(campaign, LOOKS) || g_strcmp0(entry, campaign->entry) == 0,
        "it changed an entry");
}

static gboolean is_frozen(const Campaign *campaign)
{
    return strcmp(campaign->door->status, "prelaunch") == 0 &&
           !fake_vm_was_released(campaign->node->vm);
}

/// Of a VM that lives.
static void check_guest(Run *run)
{
    const Campaign *campaign = run->campaign;
    gboolean frozen = is_frozen(campaign);

    expect(run, !frozen || run->traced->exit_status != 0, "exit 0, and the guest is left frozen");
    expect(run, !frozen || !(says(run, "runs on") || says(run, "released")),
        "it says that the guest runs, and that is frozen");
    expect(run, frozen || !says(run, "stays frozen"),
        "it says that the guest is frozen, and that runs");
    expect(run, !says(run, "has ended") && !says(run, "was ended"),
        "it says that QEMU has ended, and that runs");
    expect(run,
        strcmp(campaign->door->status, "inmigrate") != 0 ||
            !fake_vm_was_released(campaign->node->vm),
        "a guest that comes from another node was let run");
}

static void check_proof(Run *run)
{
    const Campaign *campaign = run->campaign;
    gboolean good = run->traced->exit_status == 0;

    expect(run, !good || !has(campaign, PROVES) || fault_node_is_bound(campaign->node),
        "exit 0, and /proc denies it");
    expect(run, !good || !has(campaign, SAYS) || says_proven(run), "exit 0 without a proof");
    expect(run, !says_proven(run) || fault_node_is_bound(campaign->node),
        "PROVEN, and /proc denies it");
}

static void check_vm(Run *run)
{
    if (fake_vm_lives(run->campaign->node->vm)) {
        check_guest(run);
        check_proof(run);
    } else {
        expect(run, run->traced->exit_status != 0, "exit 0, and the guest was ended");
    }
}

static void expect_call(Run *run, const char *first, const char *second, const char *what)
{
    g_autofree char *said = NULL;

    if (fault_node_call(run->campaign->node, &said, first, second, NULL) != 0) {
        g_test_message("%s", said);
        violates(run, what);
    }
}

/// The task that started the VM ends, and what was reserved in its name is void.
static void end_task(FaultNode *node)
{
    g_autofree char *entry = fault_node_read_entry(node, 100);

    if (entry != NULL && strstr(entry, "\"owner\":\"hook\"") != NULL) {
        fault_node_set_entry(node, 100, NULL);
    }
}

/// What becomes of the VM later: the timer mends what was planned, or waits; the rest whoever is
/// told of it. By then a guest that came is here.
static void check_repair(Run *run)
{
    Campaign *campaign = run->campaign;

    configure(campaign, FALSE);
    end_task(campaign->node);
    g_autofree char *entry = fault_node_read_entry(campaign->node, 100);
    gboolean refused = entry != NULL && strstr(entry, "\"refused\":true") != NULL;
    gboolean by_timer = entry != NULL || is_frozen(campaign);
    expect_call(run, refused ? "100" : "repair",
        refused    ? "post-start"
        : by_timer ? "--all"
                   : "100",
        "what is left cannot be repaired");
    expect(run, fault_node_is_bound(campaign->node), "a repair leaves it unbound");
    expect(run, !is_frozen(campaign), "a repair leaves it frozen");
}

static gboolean has_leftovers(const FaultNode *node)
{
    g_auto(GStrv) names = root_list(node->fake->root, "run/pinhook", NULL);
    gboolean some = FALSE;

    for (guint i = 0; names[i] != NULL; i++) {
        some |= g_str_has_suffix(names[i], ".tmp");
    }
    return some;
}

/// Another VM, and this one where it does not run, can be started.
static void check_fresh_start(Run *run)
{
    FaultNode *node = run->campaign->node;

    expect_call(run, "102", "pre-start", "no other VM can be started");
    fault_node_set_entry(node, 102, NULL);
    expect(run, !has_leftovers(node), "files are left over");
    if (node->vm == NULL) {
        expect_call(run, "100", "pre-start", "it cannot be started again");
    }
}

static void check(Run *run)
{
    FaultNode *node = run->campaign->node;

    check_end(run);
    check_ledger(run);
    if (node->vm != NULL) {
        check_vm(run);
    }
    if (node->vm != NULL && !fake_vm_lives(node->vm)) {
        fault_node_end_vm(node);
    }
    if (node->vm != NULL) {
        check_repair(run);
    }
    check_fresh_start(run);
}

/* Runs. */

static Traced *go(const Campaign *campaign, const Fault *fault)
{
    g_auto(GStrv) argv = fault_node_argv(campaign->node, campaign->door->arguments);
    g_auto(GStrv) env = fault_node_env(campaign->node);

    return tracer_run(argv, env, fault, LIMIT_S);
}

static void strike(Campaign *campaign, const Fault *fault)
{
    reset(campaign);
    g_autoptr(Traced) traced = go(campaign, fault);
    Run run = { .campaign = campaign, .fault = fault, .traced = traced };

    check(&run);
    campaign->runs++;
    campaign->hits += traced->hit;
    campaign->violations += run.bad;
}

static const int errors[] = { EIO, ENOMEM, EACCES, ENOSPC, EINTR };

/// The @which-th fault at a call: each error, then the kill.
static Fault fault_at(guint nth, guint which)
{
    return which < G_N_ELEMENTS(errors)
               ? (Fault){ .kind = FAULT_ERROR, .nth = nth, .errnum = errors[which] }
               : (Fault){ .kind = FAULT_KILL, .nth = nth };
}

enum { FAULTS_A_CALL = G_N_ELEMENTS(errors) + 1 };

static void report_progress(const Campaign *campaign, guint calls)
{
    if (campaign->runs % 500 == 0) {
        g_test_message("%s: %u of %u runs, %u violations", campaign->door->name, campaign->runs,
            calls * FAULTS_A_CALL, campaign->violations);
    }
}

static void strike_all(Campaign *campaign, guint first, guint calls)
{
    for (guint nth = first; nth <= calls; nth++) {
        for (guint which = 0; which < FAULTS_A_CALL; which++) {
            Fault fault = fault_at(nth, which);
            strike(campaign, &fault);
            report_progress(campaign, calls - first + 1);
        }
    }
}

static void strike_some(Campaign *campaign, guint first, guint calls, double seconds)
{
    gint64 end = g_get_monotonic_time() + (gint64)(seconds * G_USEC_PER_SEC);

    while (g_get_monotonic_time() < end) {
        guint nth = (guint)g_test_rand_int_range((gint32)first, (gint32)calls + 1);
        Fault fault = fault_at(nth, (guint)g_test_rand_int_range(0, FAULTS_A_CALL));
        strike(campaign, &fault);
    }
}

/// FAULT in the environment.
static void strike_wanted(Campaign *campaign, const char *wanted)
{
    g_auto(GStrv) words = g_strsplit(wanted, " ", 2);
    Fault fault = { .nth = (guint)atoi(words[0]) };

    fault.kind = strcmp(words[1], "kill") == 0 ? FAULT_KILL : FAULT_ERROR;
    fault.errnum = atoi(words[1]);
    strike(campaign, &fault);
}

/// How many calls the door makes without a fault, and in @first the one that the faults begin with:
/// how libraries are loaded is the same behind all doors, and tried behind the first.
static guint count_calls(Campaign *campaign, guint *first)
{
    const Fault none = { .kind = FAULT_NONE };
    reset(campaign);
    g_autoptr(Traced) traced = go(campaign, &none);
    Run run = { .campaign = campaign, .fault = &none, .traced = traced };

    check(&run);
    g_assert_false(run.bad);
    *first = campaign->door == doors ? 1 : traced->start;
    g_test_message("%s: %u system calls, from %u on: exit status %d", campaign->door->name,
        traced->calls, *first, traced->exit_status);
    return traced->calls;
}

static void test_door(gconstpointer data)
{
    const char *seconds = g_getenv("FAULTS_SECONDS"), *wanted = g_getenv("FAULT");
    double budget = seconds != NULL ? g_ascii_strtod(seconds, NULL) : 15;
    g_autoptr(FaultNode) node = fault_node_new();
    Campaign campaign = { .door = data, .node = node };
    guint first;

    restart(&campaign);
    guint calls = count_calls(&campaign, &first);
    if (wanted != NULL) {
        strike_wanted(&campaign, wanted);
    } else if (budget > 0) {
        strike_some(&campaign, first, calls, budget / G_N_ELEMENTS(doors));
    } else {
        strike_all(&campaign, first, calls);
    }
    g_test_message("table: | %-20s | %6u | %6u | %10u |", campaign.door->name, campaign.runs,
        campaign.hits, campaign.violations);
    g_free(campaign.entry);
    if (campaign.violations > 0) {
        g_test_fail();
    }
}

/* The tracer. */

static Traced *trace(const char *command, const Fault *fault)
{
    char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)command, NULL };
    char *env[] = { (char *)"PATH=/usr/bin:/bin", NULL };

    return tracer_run(argv, env, fault, 2);
}

static void test_tracer(void)
{
    const Fault none = { .kind = FAULT_NONE };
    const Fault fails = { .kind = FAULT_ERROR, .nth = 3, .errnum = ENOMEM };
    const Fault killed = { .kind = FAULT_KILL, .nth = 3 };
    g_autoptr(Traced) good = trace("echo a; exit 7", &none);
    g_autoptr(Traced) hangs = trace("exec sleep 60", &none);
    g_autoptr(Traced) leaves = trace("sleep 1 &", &none);
    g_autoptr(Traced) hit = trace("exit 0", &fails);
    g_autoptr(Traced) dead = trace("exit 0", &killed);

    g_assert_cmpstr(good->text, ==, "a\n");
    g_assert_cmpint(good->exit_status, ==, 7);
    g_assert_true(good->in_time && good->all_ended && !good->hit);
    g_assert_false(hangs->in_time);
    g_assert_true(leaves->in_time && !leaves->all_ended);
    g_assert_true(hit->hit && hit->calls == 3);
    g_assert_true(dead->hit && dead->in_time);
    g_assert_cmpint(dead->exit_status, ==, -1);
}

int main(int argc, char **argv)
{
    int ended = fake_vm_main(argc, argv);
    if (ended >= 0) {
        return ended;
    }
    seed_test_init(&argc, &argv);
    if (!tracer_works() || !fault_node_fits()) {
        g_print("1..0 # SKIP needs two CPUs, x86-64, and that programs can be traced\n");
        return 0;
    }
    g_test_add_func("/tracer", test_tracer);
    for (gsize i = 0; i < G_N_ELEMENTS(doors); i++) {
        g_autofree char *path = g_strconcat("/faults/", doors[i].name, NULL);
        g_test_add_data_func(path, &doors[i], test_door);
    }
    return g_test_run();
}
