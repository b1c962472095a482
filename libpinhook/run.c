// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run.h"

#include "error.h"
#include "ledger.h"

#include <string.h>

/* Reading: the VM's config and the policy. */

/// On a migration's target the config is still the source node's (FACTS: qemu-server migrates it
/// last).
static char *config_path(const Call *call)
{
    if (call->migrated_from != NULL) {
        return g_strdup_printf(
            "etc/pve/nodes/%s/qemu-server/%u.conf", call->migrated_from, call->vmid);
    }
    return g_strdup_printf("etc/pve/qemu-server/%u.conf", call->vmid);
}

static VmConfig *read_vm(const Call *call)
{
    g_autofree char *path = config_path(call);
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = root_read(call->root, path, &length, &error);

    return text != NULL ? vmconfig_parse(text, length) : vmconfig_unreadable(error->message);
}

/// As Proxmox names a node (PVE::INotify::nodename): the hostname up to its first dot.
static char *read_node_name(const Root *root)
{
    char *name = root_read_value(root, "proc/sys/kernel/hostname");

    if (name != NULL) {
        name[strcspn(name, ".")] = '\0';
    }
    return name;
}

static Policy *read_policy(const Call *call)
{
    g_autofree char *node = read_node_name(call->root);
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = root_read(call->root, POLICY_PATH, &length, &error);

    if (g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        return policy_parse(NULL, node, call->vmid);
    }
    if (text == NULL) {
        return policy_unreadable(error->message);
    }
    if (strlen(text) != length) {
        return policy_unreadable("/" POLICY_PATH " holds NUL bytes: it is no text");
    }
    return policy_parse(text, node, call->vmid);
}

/// Proxmox calls a hook for containers with the same arguments.
static gboolean is_container(const Call *call)
{
    g_autofree char *container = g_strdup_printf("etc/pve/lxc/%u.conf", call->vmid);
    g_autofree char *vm = config_path(call);

    return root_exists(call->root, container) && !root_exists(call->root, vm);
}

/// The report of a guest that pinhook has nothing to do with; NULL: it has.
static Report *skip(const Call *call, const char *phase, const VmConfig *vm, const Policy *policy)
{
    gboolean quiet = is_container(call) || policy->mode == POLICY_OFF;
    if (!quiet && !vmconfig_is_for_backup(vm)) {
        return NULL;
    }

    Report *report = report_new(call->vmid, phase, OUTCOME_SKIPPED);
    if (!quiet) {
        report->note = g_strdup(
            vm->template ? "a template: left alone" : "locked for a backup: left alone");
    }
    return report;
}

static Report *fail(const Call *call, const char *phase, const Policy *policy, const GError *error)
{
    Report *report = report_new(call->vmid, phase, OUTCOME_FAILED);

    report->note = g_strdup(error->message);
    report->tolerated = policy != NULL && policy->mode == POLICY_WARN;
    return report;
}

/* Deciding. */

static Outcome outcome_of(const Verdict *verdict)
{
    switch (verdict->result) {
    case VERDICT_PASS:
        return OUTCOME_PASSED;
    case VERDICT_WARN:
        return OUTCOME_WARNED;
    case VERDICT_REFUSE:
        return OUTCOME_REFUSED;
    }
    g_assert_not_reached();
}

/// Looks at the host, plans and checks; NULL when the host cannot be read.
static Report *decide(
    const Call *call, const char *phase, const VmConfig *vm, const Policy *policy, GError **error)
{
    g_autoptr(Host) host = NULL;
    g_autoptr(Taken) taken = NULL;
    g_autoptr(Pool) pool = NULL;
    g_autoptr(Plan) plan = NULL;

    if (vm->readable) {
        host = host_load(call->root, error);
        if (host == NULL) {
            return NULL;
        }
        taken = ledger_taken(call->root, call->vmid);
        pool = pool_new(vm, policy, host, taken);
        plan = planner_place(vm, policy, host, pool, taken);
    }
    g_autoptr(Verdict) verdict = check_start(call->vmid, vm, policy, host, taken, pool, plan);

    Report *report = report_new(call->vmid, phase, outcome_of(verdict));
    report->plan = g_steal_pointer(&plan);
    report_add_findings(report, verdict->findings);
    return report;
}

/// Writes the plan of a start that goes on, in the name of the hook's caller; of one that does not,
/// nothing is left. What a running QEMU holds stays.
static gboolean reserve(Ledger *ledger, const Call *call, const Report *report, GError **error)
{
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);
    Process caller = { 0 };

    if (entry != NULL && entry->owner_is_qemu) {
        return TRUE;
    }
    if (report->outcome == OUTCOME_REFUSED || report->plan == NULL) {
        return ledger_remove(ledger, call->vmid, error);
    }
    if (call->caller > 1) {
        process_identify(call->root, call->caller, &caller, NULL);
    }
    return ledger_write(ledger, call->vmid, &caller, FALSE, report->plan, error);
}

static Report *decide_and_reserve(
    const Call *call, const VmConfig *vm, const Policy *policy, GError **error)
{
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);
    g_autoptr(Report) report = ledger != NULL ? decide(call, "pre-start", vm, policy, error) : NULL;

    if (report == NULL || !reserve(ledger, call, report, error)) {
        return NULL;
    }
    return g_steal_pointer(&report);
}

Report *run_pre_start(const Call *call)
{
    g_autoptr(VmConfig) vm = read_vm(call);
    g_autoptr(Policy) policy = read_policy(call);
    g_autoptr(GError) error = NULL;

    Report *report = skip(call, "pre-start", vm, policy);
    if (report == NULL) {
        report = decide_and_reserve(call, vm, policy, &error);
    }
    return report != NULL ? report : fail(call, "pre-start", policy, error);
}

Report *run_check(const Call *call)
{
    g_autoptr(VmConfig) vm = read_vm(call);
    g_autoptr(Policy) policy = read_policy(call);
    g_autoptr(GError) error = NULL;

    Report *report = skip(call, "check", vm, policy);
    if (report == NULL) {
        report = decide(call, "check", vm, policy, &error);
    }
    return report != NULL ? report : fail(call, "check", policy, error);
}

/* Binding. */

/// Takes what pre-start planned, or plans afresh where nothing is left of it, and puts it in the
/// name of the running QEMU. The findings of a fresh plan go with it. NULL plan: there is none.
static Report *claim_plan(
    const Call *call, const VmConfig *vm, const Policy *policy, const Process *qemu, GError **error)
{
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);
    if (ledger == NULL) {
        return NULL;
    }
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);
    g_autoptr(Report) report = NULL;

    if (entry != NULL) {
        report = report_new(call->vmid, "post-start", OUTCOME_UNPROVEN);
        report->plan = g_steal_pointer(&entry->plan);
    } else {
        report = decide(call, "post-start", vm, policy, error);
    }
    if (report != NULL && report->plan != NULL &&
        !ledger_write(ledger, call->vmid, qemu, TRUE, report->plan, error)) {
        return NULL;
    }
    return g_steal_pointer(&report);
}

static FindingCode code_of(const GError *error)
{
    if (g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT)) {
        return FINDING_QMP_TIMEOUT;
    }
    return g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE) ? FINDING_VM_GONE
                                                                     : FINDING_QMP_FAILED;
}

typedef Observed *(*Look)(const Root *root, const Kernel *kernel, const Process *process,
    const QemuThreads *qemu, const Plan *plan, GError **error);

/// Asks QEMU for its threads, binds or only looks at them, and verifies what was read back. Where
/// that cannot be done the proof says why.
static Proof *prove(const Call *call, const Policy *policy, const Process *qemu, const Plan *plan,
    Qmp *qmp, Look look, Observed **observed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(QemuThreads) threads = qemu_threads_query(qmp, &error);

    if (threads != NULL) {
        *observed = look(call->root, call->kernel, qemu, threads, plan, &error);
    }
    if (error != NULL) {
        return verify_impossible(call->vmid, code_of(error), policy, error->message);
    }
    if (plan == NULL) {
        return verify_impossible(call->vmid, FINDING_NOT_BOUND, policy,
            "nothing is planned for this VM, so nothing bound");
    }
    return verify_observed(call->vmid, plan, policy, *observed);
}

/// Whether the guest waits at its first instruction. One that waits for a migration, or for
/// somebody else's reason, is in another state.
static gboolean is_in_prelaunch(Qmp *qmp, gboolean *prelaunch, GError **error)
{
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "query-status", error);
    JsonObject *state;

    if (reply == NULL) {
        return FALSE;
    }
    *prelaunch = json_object_is_type(reply, json_type_object) &&
                 json_object_object_get_ex(reply, "status", &state) &&
                 g_strcmp0(json_object_get_string(state), "prelaunch") == 0;
    return TRUE;
}

/// Lets a frozen guest run, unless something has locked the VM.
static gboolean release(Qmp *qmp, const VmConfig *vm, GuestState *guest, GError **error)
{
    if (*guest != GUEST_FROZEN || vm->lock != NULL) {
        return TRUE;
    }
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "cont", error);
    if (reply == NULL) {
        return FALSE;
    }
    *guest = GUEST_RELEASED;
    return TRUE;
}

static void conclude(Report *report, Proof *proof)
{
    report->others = proof->others;
    report_add_findings(report, proof->findings);
    report->outcome = proof->proven ? OUTCOME_PROVEN : OUTCOME_UNPROVEN;
}

/// The findings of a plan made after the start count as much as what was read back.
static gboolean is_proven(const Proof *proof, const Report *report, const Policy *policy)
{
    return proof->proven && (policy->mode != POLICY_ENFORCE ||
                                finding_list_count(report->findings, SEVERITY_ERROR) == 0);
}

/// One dialogue with QEMU: bind, read back, and let a frozen guest run if all is proven.
static Proof *bind_and_prove(const Call *call, const VmConfig *vm, const Policy *policy,
    const Process *qemu, Report *report, GError **error)
{
    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, policy->deadline_ms, error);
    gboolean prelaunch = FALSE;

    if (qmp == NULL || (vm->freeze && !is_in_prelaunch(qmp, &prelaunch, error))) {
        return NULL;
    }
    report->guest = prelaunch ? GUEST_FROZEN : GUEST_UNTOUCHED;
    g_autoptr(Proof)
        proof = prove(call, policy, qemu, report->plan, qmp, bind_threads, &report->observed);
    proof->proven = is_proven(proof, report, policy);
    if (proof->proven && !release(qmp, vm, &report->guest, error)) {
        return NULL;
    }
    return g_steal_pointer(&proof);
}

static void bind_as_planned(
    const Call *call, const VmConfig *vm, const Policy *policy, const Process *qemu, Report *report)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Proof) proof = bind_and_prove(call, vm, policy, qemu, report, &error);

    if (proof == NULL) {
        proof = verify_impossible(call->vmid, code_of(error), policy, error->message);
    }
    conclude(report, proof);
}

/// What becomes of a VM that could not be proven: by the policy it goes on, or is ended.
static void handle_unproven(
    const Call *call, const Policy *policy, const Process *qemu, Report *report)
{
    g_autoptr(GError) error = NULL;

    if (policy->unproven != POLICY_STOP) {
        return;
    }
    if (call->kernel->terminate(call->root, qemu, &error)) {
        report->guest = GUEST_ENDED;
    } else if (report->note == NULL) {
        report->note = g_strdup(error->message);
    }
}

static Report *gone(const Call *call, const char *phase, const Policy *policy, const GError *error)
{
    g_autoptr(Proof) proof = verify_impossible(call->vmid, FINDING_VM_GONE, policy, error->message);
    Report *report = report_new(call->vmid, phase, OUTCOME_UNPROVEN);

    conclude(report, proof);
    return report;
}

/// Only in the running kernel's own /proc is a thread that is found there a thread here.
static gboolean can_bind(const Call *call, GError **error)
{
    if (call->kernel == &kernel_running && !root_is_live(call->root)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "%s/proc is not this kernel's: nothing there can be bound", root_path(call->root));
        return FALSE;
    }
    return TRUE;
}

static Report *bind_vm(const Call *call, const VmConfig *vm, const Policy *policy, GError **error)
{
    g_autoptr(GError) failed = NULL;
    Process qemu;

    if (!can_bind(call, error)) {
        return NULL;
    }
    if (!process_of_vm(call->root, call->vmid, &qemu, &failed)) {
        return gone(call, "post-start", policy, failed);
    }
    Report *report = claim_plan(call, vm, policy, &qemu, &failed);
    if (report == NULL) {
        report = fail(call, "post-start", NULL, failed);
    }
    report->pid = qemu.pid;
    report->guest = vm->freeze ? GUEST_FROZEN : GUEST_UNTOUCHED; // for all that is known so far
    if (report->plan != NULL) {
        bind_as_planned(call, vm, policy, &qemu, report);
    } else if (report->outcome != OUTCOME_FAILED) {
        report->outcome = OUTCOME_UNPROVEN;
    }
    if (report->outcome != OUTCOME_PROVEN) {
        handle_unproven(call, policy, &qemu, report);
    }
    return report;
}

Report *run_post_start(const Call *call)
{
    g_autoptr(VmConfig) vm = read_vm(call);
    g_autoptr(Policy) policy = read_policy(call);
    g_autoptr(GError) error = NULL;

    Report *report = skip(call, "post-start", vm, policy);
    if (report == NULL) {
        report = bind_vm(call, vm, policy, &error);
    }
    return report != NULL ? report : fail(call, "post-start", NULL, error);
}

Report *run_status(const Call *call)
{
    g_autoptr(Policy) policy = read_policy(call);
    g_autoptr(GError) error = NULL;
    Process qemu;

    if (!can_bind(call, &error)) {
        return fail(call, "status", NULL, error);
    }
    if (!process_of_vm(call->root, call->vmid, &qemu, &error)) {
        return gone(call, "status", policy, error);
    }
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);
    Report *report = report_new(call->vmid, "status", OUTCOME_UNPROVEN);
    report->pid = qemu.pid;
    report->plan = entry != NULL ? g_steal_pointer(&entry->plan) : NULL;

    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, policy->deadline_ms, &error);
    g_autoptr(Proof)
        proof = qmp != NULL
                    ? prove(call, policy, &qemu, report->plan, qmp, bind_look, &report->observed)
                    : verify_impossible(call->vmid, code_of(error), policy, error->message);
    conclude(report, proof);
    return report;
}

/* Giving back. */

/// Whoever meets a dead entry removes it: nothing depends on post-stop.
#define POST_STOP_DEADLINE_MS 1000

static gboolean is_same(const Process *a, const Process *b)
{
    return a->pid == b->pid && a->start_time == b->start_time;
}

/// The lock has removed the entry of a VM that has ended. One whose owner lives belongs to a later
/// start, for post-stop may come late; unless that owner itself calls: then its start has failed.
Report *run_post_stop(const Call *call)
{
    Report *report = report_new(call->vmid, "post-stop", OUTCOME_SKIPPED);
    g_autoptr(GError) error = NULL;

    if (!root_exists(call->root, LEDGER_PATH)) {
        return report;
    }
    g_autoptr(Ledger) ledger = ledger_lock(call->root, POST_STOP_DEADLINE_MS, &error);
    g_autoptr(LedgerEntry) entry = ledger != NULL ? ledger_read(call->root, call->vmid) : NULL;
    Process caller;
    if (entry != NULL && process_identify(call->root, call->caller, &caller, NULL) &&
        is_same(&caller, &entry->owner)) {
        ledger_remove(ledger, call->vmid, &error);
    }
    if (error != NULL) {
        report->note = g_strdup(error->message);
    }
    return report;
}
