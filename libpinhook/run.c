// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run.h"

#include "base/error.h"
#include "place/planner.h"
#include "judge/proposal.h"
#include "bind/fate.h"
#include "bind/ledger.h"
#include "tell/picture.h"

#include <unistd.h>

/// Takes over what is in @report for a guest that is left alone; FALSE: it is not.
static gboolean leave_alone(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report)
{
    if (!call_is_for_container(call) && policy->mode != POLICY_OFF) {
        if (!vmconfig_is_for_backup(vm)) {
            return FALSE;
        }
        report->note = g_strdup(
            vm->template ? "a template: left alone" : "locked for a backup: left alone");
    }
    report->outcome = OUTCOME_SKIPPED;
    return TRUE;
}

/// A refusal stands, whatever else went wrong.
static void fail(Report *report, const GError *error)
{
    if (report->outcome != OUTCOME_REFUSED) {
        report->outcome = OUTCOME_FAILED;
    }
    report->note = g_strdup(error->message);
}

/* Before the start. */

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

/// Plans, looks at what disturbs the plan's CPUs on the machine of @root (NULL: on none that there
/// is), and judges the plan.
static void plan_and_check(const Root *root, Request *request, Report *report)
{
    g_autoptr(Interrupts) interrupts = NULL;
    g_autoptr(Tuning) tuning = NULL;

    report->plan = request->host != NULL ? planner_place(request) : NULL;
    if (report->plan != NULL && root != NULL) {
        request->interrupts = interrupts = interrupts_load(root, report->plan->cpus);
        request->tuning = tuning = tuning_load(root, report->plan->cpus);
    }
    g_autoptr(Verdict) verdict = verdict_of_start(request, report->plan);
    report_add_findings(report, verdict->findings);
    report->outcome = outcome_of(verdict);
    if (report->plan != NULL) {
        report->plan->threads = request->vm->threads;
        report->plan->resumes = request->vm->resumes;
        report->plan->refused = report->outcome == OUTCOME_REFUSED;
    }
}

/// Plans and judges on @host, which is NULL where the VM's config cannot be read: that is judged
/// without. With @advise the commands for the best plan are in place of a verdict.
static gboolean decide_on(const Call *call, const WhatIf *what_if, const VmConfig *vm,
    const Policy *policy, const Host *host, gboolean advise, Report *report, GError **error)
{
    const Root *machine = what_if->topology == NULL ? call->root : NULL; // NULL: it is described
    g_autofree char *node_name = call_node_name(call);
    g_autoptr(GPtrArray) devices = NULL;
    g_autoptr(Taken) taken = NULL;
    g_autoptr(Pool) pool = NULL;
    Request request = { .vmid = call->vmid, .vm = vm, .policy = policy, .host = host };

    if (host != NULL) {
        request.taken = taken = whatif_taken(what_if, call, host, error);
        if (taken == NULL) {
            return FALSE;
        }
        request.devices = devices = machine != NULL ? device_find(machine, vm, node_name) : NULL;
        request.timer = timer_look(call->root);
        request.pool = pool = pool_new(vm, policy, host, taken);
    }
    if (advise && host != NULL) {
        report_set_advice(report, proposal_of(&request, &report->plan));
    }
    if (report->advice == NULL) {
        plan_and_check(machine, &request, report);
    }
    return TRUE;
}

/// Looks at the host and at what others hold, and judges.
static gboolean decide(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report, GError **error)
{
    static const WhatIf as_it_is = { 0 };
    g_autoptr(Host) host = vm->readable ? host_load(call->root, error) : NULL;

    return (host != NULL || !vm->readable) &&
           decide_on(call, &as_it_is, vm, policy, host, FALSE, report, error);
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
    return ledger_write(ledger, call->vmid, &caller, FALSE, report->plan, NULL, error);
}

static gboolean decide_and_reserve(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report, GError **error)
{
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);

    return ledger != NULL && decide(call, vm, policy, report, error) &&
           reserve(ledger, call, report, error);
}

typedef gboolean (*Judge)(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report, GError **error);

static Report *judge_start(const Call *call, const char *phase, Judge judge)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = call_read_policy(call);
    g_autoptr(GError) error = NULL;
    Report *report = report_new(call->vmid, phase, OUTCOME_SKIPPED);

    if (!leave_alone(call, vm, policy, report) && !judge(call, vm, policy, report, &error)) {
        fail(report, error);
        report->tolerated = policy->mode == POLICY_WARN;
    }
    return report;
}

Report *run_pre_start(const Call *call)
{
    return judge_start(call, "pre-start", decide_and_reserve);
}

/// Why Proxmox does not call pinhook for the VM, and what to do; NULL: it does.
static char *explain_unattached(const VmConfig *vm, guint vmid)
{
    if (vmconfig_is_attached(vm)) {
        return NULL;
    }
    if (vm->hookscript != NULL) {
        g_autofree char *shown = g_strescape(vm->hookscript, NULL);
        return g_strdup_printf("its hookscript is %.80s: does that call pinhook?", shown);
    }
    return g_strdup_printf("not attached yet: qm set %u --hookscript local:snippets/pinhook", vmid);
}

Report *run_check(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    Report *report = judge_start(call, "check", decide);

    report->unattached = explain_unattached(vm, call->vmid);
    return report;
}

/* What if. */

Report *run_plan(const Call *call, const WhatIf *what_if, gboolean advise, GError **error)
{
    g_autoptr(Host) host = whatif_host(what_if, call, error);
    g_autoptr(VmConfig) vm = host != NULL ? whatif_vm(what_if, call, host, error) : NULL;
    g_autoptr(Policy) policy = vm != NULL ? whatif_policy(what_if, call, host, error) : NULL;
    if (policy == NULL) {
        return NULL;
    }
    g_autoptr(Report) report = report_new(call->vmid, "plan", OUTCOME_SKIPPED);
    return decide_on(call, what_if, vm, policy, vm->readable ? host : NULL, advise, report, error)
               ? g_steal_pointer(&report)
               : NULL;
}

/* After the start. */

/// Takes the plan that the VM was started with out of @entry; NULL: there is none. vCPUs that were
/// unplugged since are not missing.
static Plan *take_plan(LedgerEntry *entry, const VmConfig *vm)
{
    if (entry == NULL) {
        return NULL;
    }
    if (vm->readable) {
        entry->plan->present = MIN(entry->plan->present, vm->vcpus_present);
    }
    return g_steal_pointer(&entry->plan);
}

/// Takes what pre-start planned, or plans afresh where nothing is left of it or where it was
/// refused, and puts it in the name of the running QEMU. The findings of a fresh plan are those of
/// a late pre-start. @starting: whether this is the first post-start after a pre-start that left a
/// plan. @hold: as of ledger_write(); -1 without a plan.
static gboolean claim_plan(const Call *call, const VmConfig *vm, const Policy *policy,
    const Process *qemu, Report *report, gboolean *starting, int *hold, GError **error)
{
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);
    if (ledger == NULL) {
        return FALSE;
    }
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);
    *starting = entry != NULL && !entry->owner_is_qemu;
    g_autoptr(Plan) plan = take_plan(entry, vm);
    if (plan != NULL && !plan->refused) {
        report->plan = g_steal_pointer(&plan);
    } else if (!decide(call, vm, policy, report, error)) {
        return FALSE;
    }
    return report->plan == NULL ||
           ledger_write(ledger, call->vmid, qemu, TRUE, report->plan, hold, error);
}

static FindingCode code_of(const GError *error)
{
    if (g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT)) {
        return FINDING_QMP_TIMEOUT;
    }
    return g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE) ? FINDING_VM_GONE
                                                                     : FINDING_QMP_FAILED;
}

/// A plan that pre-start would have refused is not proven by threads that keep to it.
static void conclude(Report *report, const Proof *proof)
{
    gboolean refused = report->plan != NULL && report->plan->refused;

    report->others = proof->others;
    report_add_findings(report, proof->findings);
    report->outcome = proof->proven && !refused ? OUTCOME_PROVEN : OUTCOME_UNPROVEN;
    report->refuted = proof->refuted;
}

/// There is no proof, for what @error says.
static void conclude_without_proof(
    Report *report, FindingCode code, const Policy *policy, const GError *error)
{
    g_autoptr(Proof) none = verify_impossible(report->vmid, code, policy, error->message);

    conclude(report, none);
    report->guest = code == FINDING_VM_GONE ? GUEST_GONE : report->guest;
}

/// A VM that runs, and what of it is needed from step to step.
typedef struct {
    const Call *call;
    const VmConfig *vm;
    const Policy *policy;
    const Process *qemu;
    gboolean first;       // see Circumstances
    QemuThreads *threads; // NULL: QEMU was not asked
    GError *unseen;       // why its memory could not be looked at; NULL: it was
    guint judged;         // so many findings were there before it was held against the plan
} Running;

static void running_clear(Running *running)
{
    g_clear_pointer(&running->threads, qemu_threads_free);
    g_clear_error(&running->unseen);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Running, running_clear)

/* QEMU talks to one client at a time, and Proxmox polls it: no dialogue is held open while memory
 * is looked at or moved. */

static gboolean bind_again(const Running *running, Report *report, GError **error)
{
    const Call *call = running->call;
    guint moved = report->observed != NULL ? report->observed->moved : 0;

    g_clear_pointer(&report->observed, observed_free);
    report->observed = bind_threads(
        call->root, call->kernel, running->qemu, running->threads, report->plan, error);
    if (report->observed != NULL) {
        report->observed->moved += moved;
    }
    return report->observed != NULL;
}

/// A dialogue with QEMU: bind as planned, and read back.
static gboolean bind_once(Running *running, Report *report, GError **error)
{
    const Call *call = running->call;
    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, running->policy->deadline_ms, error);
    if (qmp == NULL || !guest_look(qmp, running->vm, &report->guest, error)) {
        return FALSE;
    }
    running->threads = qemu_threads_query(qmp, error);
    return running->threads != NULL && bind_again(running, report, error);
}

/// Once more where QEMU did not answer in time: while a node boots it is busy.
static gboolean bind_all(Running *running, Report *report, GError **error)
{
    g_autoptr(GError) once = NULL;

    if (bind_once(running, report, &once)) {
        return TRUE;
    }
    if (g_error_matches(once, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT)) {
        running_clear(running);
        return bind_once(running, report, error);
    }
    g_propagate_error(error, g_steal_pointer(&once));
    return FALSE;
}

typedef enum { MEMORY_STAYS, MEMORY_MAY_MOVE } MemoryMoves;

/// Looks where the memory lies and, where that is wanted, moves what lies elsewhere than planned.
static gboolean look_at_memory(
    const Running *running, MemoryMoves moves, Report *report, GError **error)
{
    const Call *call = running->call;
    const Policy *policy = running->policy;

    if (policy->memory == POLICY_IGNORE) {
        return TRUE;
    }
    report->memory = memory_look(call->root, call->kernel, running->qemu, error);
    if (report->memory == NULL) {
        return FALSE;
    }
    if (moves == MEMORY_MAY_MOVE && policy->memory == POLICY_MIGRATE &&
        memory_percent_on(report->memory, report->plan->nodes) < 100) {
        g_clear_pointer(&report->memory, memory_free);
        report->memory = memory_migrate(call->root, call->kernel, running->qemu,
            report->plan->nodes, policy->deadline_ms, error);
    }
    return report->memory != NULL;
}

/// Holds what was seen against the plan, in the place of what was found so before. A VM that
/// nothing is planned for is not proven, wherever its threads are.
static void hold_against_plan(const Running *running, Report *report)
{
    guint vmid = running->call->vmid;
    g_autoptr(Proof) proof = report->plan != NULL
                                 ? verify_observed(vmid, report->plan, running->policy,
                                       report->observed, report->memory, running->unseen)
                                 : verify_impossible(vmid, FINDING_NOT_BOUND, running->policy,
                                       "nothing is planned for it");

    g_ptr_array_set_size(report->findings, (int)running->judged);
    conclude(report, proof);
}

/// Looks at the memory, and holds it and the threads against the plan.
static void prove(Running *running, MemoryMoves moves, Report *report)
{
    running->judged = report->findings->len;
    if (!look_at_memory(running, moves, report, &running->unseen) &&
        g_error_matches(running->unseen, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        conclude_without_proof(report, FINDING_VM_GONE, running->policy, running->unseen);
        return;
    }
    hold_against_plan(running, report);
}

/// Bind, memory, proof.
static void bind_and_prove(Running *running, MemoryMoves moves, Report *report)
{
    g_autoptr(GError) error = NULL;

    if (bind_all(running, report, &error)) {
        prove(running, moves, report);
    } else {
        conclude_without_proof(report, code_of(error), running->policy, error);
    }
}

/* The guest. */

/// What is to become of it.
static Fate decide_fate(const Running *running, const Report *report)
{
    const VmConfig *vm = running->vm;

    return fate_of(&(Circumstances){ .frozen = report->guest == GUEST_FROZEN,
        .proven = report->outcome == OUTCOME_PROVEN,
        .refuted = report->refuted,
        .first = running->first,
        .locked = vm->lock != NULL,
        .incoming = vm->incoming,
        .resumed = vm->resumes || (report->plan != NULL && report->plan->resumes),
        .mode = running->policy->mode,
        .unproven = running->policy->unproven });
}

static gboolean end_guest(const Running *running, Report *report, GError **error)
{
    const Call *call = running->call;

    if (!call->kernel->terminate(call->root, running->qemu, running->policy->deadline_ms, error)) {
        return FALSE;
    }
    report->guest = GUEST_ENDED;
    return TRUE;
}

/// Another dialogue, with a guest that may still wait at its first instruction: it is let run, or
/// ended, or left as it is. Somebody may have let it run meanwhile.
static gboolean settle(const Running *running, Report *report, GError **error)
{
    const Call *call = running->call;

    if (report->guest != GUEST_FROZEN && report->guest != GUEST_UNKNOWN) {
        return TRUE;
    }
    if (report->guest == GUEST_FROZEN && decide_fate(running, report) == FATE_GOES_ON) {
        return TRUE;
    }
    report->guest = GUEST_UNKNOWN;
    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, running->policy->deadline_ms, error);
    if (qmp == NULL || !guest_look(qmp, running->vm, &report->guest, error)) {
        return FALSE;
    }
    switch (decide_fate(running, report)) {
    case FATE_GOES_ON:
        return TRUE;
    case FATE_RELEASED:
        return guest_release(qmp, &report->guest, error);
    case FATE_ENDED:
        return end_guest(running, report, error);
    }
    g_assert_not_reached();
}

/// Settles what becomes of the guest. A proof that does not let it run is none; what was not proven
/// before is said already.
static void settle_guest(const Running *running, Report *report)
{
    g_autoptr(GError) error = NULL;

    if (settle(running, report, &error)) {
        return;
    }
    if (report->outcome == OUTCOME_PROVEN) {
        conclude_without_proof(report, code_of(error), running->policy, error);
    } else if (g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        report->guest = GUEST_GONE;
    } else if (report->note == NULL) {
        report->note = g_strdup(error->message);
    }
}

/// A thread that is made once the guest runs begins with the one CPU of the vCPU that made it: the
/// kernel's kvm-nx-lpage-recovery at the first KVM_RUN, QEMU's workers for the disk. So the threads
/// of a guest that was released are looked at some times more, and bound where need be.
static void bind_late_threads(const Running *running, Report *report)
{
    static const guint looks_ms[] = { 0, 5, 20, 50 };
    gint64 released = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;

    if (report->guest != GUEST_RELEASED || report->observed == NULL) {
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(looks_ms); i++) {
        gint64 left_us = released + looks_ms[i] * 1000 - g_get_monotonic_time();
        g_usleep((gulong)MAX(left_us, 0));
        if (!bind_again(running, report, &error)) {
            conclude_without_proof(report, code_of(error), running->policy, error);
            return;
        }
    }
    hold_against_plan(running, report);
}

static void bind_vm(
    const Call *call, const VmConfig *vm, const Policy *policy, const Process *qemu, Report *report)
{
    g_auto(Running) running = { .call = call, .vm = vm, .policy = policy, .qemu = qemu };
    g_autoptr(GError) error = NULL;
    int hold = -1;

    report->guest = vm->freeze ? GUEST_UNKNOWN : GUEST_UNTOUCHED;
    if (!claim_plan(call, vm, policy, qemu, report, &running.first, &hold, &error)) {
        fail(report, error);
    } else if (report->plan == NULL) {
        report->outcome = OUTCOME_UNPROVEN;
    } else {
        bind_and_prove(&running, MEMORY_MAY_MOVE, report);
    }
    settle_guest(&running, report);
    bind_late_threads(&running, report);
    if (hold >= 0) {
        close(hold);
    }
}

/// The VM's QEMU, of this machine. FALSE: there is none, and the report says why.
static gboolean find_qemu(const Call *call, const Policy *policy, Process *qemu, Report *report)
{
    g_autoptr(GError) error = NULL;

    if (!call_can_bind(call, &error)) {
        fail(report, error);
        return FALSE;
    }
    if (!process_of_vm(call->root, call->vmid, qemu, &error)) {
        conclude_without_proof(report, FINDING_VM_GONE, policy, error);
        return FALSE;
    }
    report->pid = qemu->pid;
    return TRUE;
}

/// What pinhook is to keep off must not wait for it.
static void let_run(const Call *call, const VmConfig *vm, const Policy *policy, Report *report)
{
    g_autoptr(GError) error = NULL;
    Process qemu;

    if (policy->mode != POLICY_OFF || !vm->freeze || call_is_for_container(call) ||
        !call_can_bind(call, NULL) || !process_of_vm(call->root, call->vmid, &qemu, NULL)) {
        return;
    }
    Running running = { .call = call, .vm = vm, .policy = policy, .qemu = &qemu };
    report->guest = GUEST_UNKNOWN;
    if (!settle(&running, report, &error)) {
        fail(report, error);
    } else if (report->guest == GUEST_RELEASED) {
        report->note = g_strdup("mode = off: left unbound; its guest was frozen, and is released");
    }
}

Report *run_post_start(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = call_read_policy(call);
    Report *report = report_new(call->vmid, "post-start", OUTCOME_SKIPPED);
    Process qemu;

    if (leave_alone(call, vm, policy, report)) {
        let_run(call, vm, policy, report);
    } else if (find_qemu(call, policy, &qemu, report)) {
        bind_vm(call, vm, policy, &qemu, report);
    }
    return report;
}

/* At any time. */

/// The dialogue of post-start, with a look in place of the bind.
static gboolean look_at_threads(Running *running, Report *report, GError **error)
{
    const Call *call = running->call;
    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, running->policy->deadline_ms, error);

    running->threads = qmp != NULL ? qemu_threads_query(qmp, error) : NULL;
    if (running->threads == NULL) {
        return FALSE;
    }
    report->observed = bind_look(
        call->root, call->kernel, running->qemu, running->threads, report->plan, error);
    return report->observed != NULL;
}

/// A plan that a start would have been refused with stays unproven, whatever is read back.
static void recall(LedgerEntry *entry, const VmConfig *vm, Report *report)
{
    report->plan = take_plan(entry, vm);
    if (report->plan != NULL && report->plan->refused) {
        report->outcome = OUTCOME_REFUSED;
        report->note = g_strdup_printf("its plan was refused; why: pinhook check %u", report->vmid);
    }
}

/// The plan in the name of the VM's @qemu. FALSE: there is none, or a post-start is at work on it,
/// and the report says what to do.
static gboolean recall_of_qemu(
    const Call *call, const VmConfig *vm, const Process *qemu, Report *report)
{
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);

    if (entry != NULL && process_is(&entry->owner, qemu) &&
        !ledger_is_held(call->root, call->vmid)) {
        recall(entry, vm, report);
        return TRUE;
    }
    report->outcome = OUTCOME_UNPROVEN;
    report->note = g_strdup_printf(entry != NULL ? "its start is under way; when it is over, if "
                                                   "need be: pinhook %u post-start"
                                                 : "nothing is planned for it: left alone; to "
                                                   "plan and bind it: pinhook %u post-start",
        call->vmid);
    return FALSE;
}

/// One QEMU that does not answer must not keep repair from all others; the timer comes again.
#define REPAIR_DEADLINE_MS 2000

Report *run_repair(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = call_read_policy(call);
    Report *report = report_new(call->vmid, "repair", OUTCOME_SKIPPED);
    Process qemu;

    policy->deadline_ms = MIN(policy->deadline_ms, REPAIR_DEADLINE_MS);
    if (leave_alone(call, vm, policy, report)) {
        let_run(call, vm, policy, report);
    } else if (find_qemu(call, policy, &qemu, report) && recall_of_qemu(call, vm, &qemu, report)) {
        g_auto(Running) running = { .call = call, .vm = vm, .policy = policy, .qemu = &qemu };
        report->guest = vm->freeze ? GUEST_UNKNOWN : GUEST_UNTOUCHED;
        bind_and_prove(&running, MEMORY_STAYS, report);
        settle_guest(&running, report);
        bind_late_threads(&running, report);
    }
    return report;
}

Report *run_status(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = call_read_policy(call);
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);
    g_autoptr(GError) error = NULL;
    Report *report = report_new(call->vmid, "status", OUTCOME_UNPROVEN);
    Process qemu;

    recall(entry, vm, report);
    if (!find_qemu(call, policy, &qemu, report)) {
        return report;
    }
    g_auto(Running) running = { .call = call, .vm = vm, .policy = policy, .qemu = &qemu };
    if (look_at_threads(&running, report, &error)) {
        prove(&running, MEMORY_STAYS, report);
    } else {
        conclude_without_proof(report, code_of(error), policy, error);
    }
    return report;
}

/* After the end. */

/// Whoever meets a dead entry removes it: nothing depends on post-stop.
#define POST_STOP_DEADLINE_MS 1000

static gboolean is_caller(const Call *call, const Process *owner)
{
    Process caller;

    return process_identify(call->root, call->caller, &caller, NULL) && process_is(&caller, owner);
}

/// The lock has removed the entry of a VM that has ended. One whose owner lives belongs to a later
/// start, for post-stop may come late; unless that owner itself calls: then its start has failed.
static gboolean give_back(const Call *call, GError **error)
{
    g_autoptr(Ledger) ledger = ledger_lock(call->root, POST_STOP_DEADLINE_MS, error);
    if (ledger == NULL) {
        return FALSE;
    }
    g_autoptr(LedgerEntry) entry = ledger_read(call->root, call->vmid);
    return entry == NULL || !is_caller(call, &entry->owner) ||
           ledger_remove(ledger, call->vmid, error);
}

Report *run_post_stop(const Call *call)
{
    Report *report = report_new(call->vmid, "post-stop", OUTCOME_SKIPPED);
    g_autoptr(GError) error = NULL;

    if (root_exists(call->root, LEDGER_PATH) && !give_back(call, &error)) {
        report->note = g_strdup(error->message);
    }
    return report;
}

/* The machine. */

/// No VM's: what everybody holds.
#define NOBODY 0

HostReport *run_host(const Call *call, GError **error)
{
    g_autoptr(Host) host = host_load(call->root, error);
    if (host == NULL) {
        return NULL;
    }
    g_autoptr(Policy) policy = call_read_policy(call);
    g_autoptr(Tuning) tuning = tuning_load(call->root, host->isolation->isolated);
    HostReport *report = g_new(HostReport, 1);

    report->taken = ledger_taken(call->root, NOBODY);
    report->interrupts = interrupts_load(call->root, host->isolation->isolated);
    report->findings = verdict_of_machine(&(Request){ .policy = policy,
        .host = host,
        .taken = report->taken,
        .interrupts = report->interrupts,
        .tuning = tuning });
    report->host = g_steal_pointer(&host);
    return report;
}

char *run_picture(const Call *call, GError **error)
{
    g_autoptr(HwlocTopology) topology = topology_load(call->root, error);
    if (topology == NULL) {
        return NULL;
    }
    g_autoptr(Host) host = host_load_on(call->root, topology);
    g_autoptr(Taken) taken = ledger_taken(call->root, NOBODY);
    picture_label(topology, host, taken);
    return picture_to_xml(topology, error);
}
