// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run.h"

#include "base/error.h"
#include "base/text.h"
#include "base/vmid.h"
#include "read/loader.h"
#include "read/vmlock.h"
#include "place/planner.h"
#include "judge/mend.h"
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
        if (!vm->template) {
            return FALSE;
        }
        report->note = g_strdup("a template: left alone");
    }
    report->outcome = OUTCOME_SKIPPED;
    return TRUE;
}

/// A backup is not to fail for pinhook: what starts under its lock is never refused.
static Policy *read_policy(const Call *call, const VmConfig *vm)
{
    Policy *policy = call_read_policy(call);

    if (vmconfig_is_under_backup(vm) && policy->mode == POLICY_ENFORCE) {
        policy->mode = POLICY_WARN;
    }
    return policy;
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

/// All that a plan is made from, and who owns it.
typedef struct {
    Request request;
    Host *host;
    GPtrArray *devices;
    Taken *taken;
    Pool *pool;
} Inputs;

static void inputs_clear(Inputs *inputs)
{
    g_clear_pointer(&inputs->host, host_free);
    g_clear_pointer(&inputs->devices, g_ptr_array_unref);
    g_clear_pointer(&inputs->taken, taken_free);
    g_clear_pointer(&inputs->pool, pool_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Inputs, inputs_clear)

/// The machine that the VM is planned on; NULL: it is only described.
static const Root *machine_of(const Call *call, const WhatIf *what_if)
{
    return what_if->topology == NULL ? call->root : NULL;
}

/// Fills in what is not others' to change: what takes time. Takes @host, which is NULL where the
/// VM's config cannot be read: that is judged without.
static void look_at_machine(Inputs *inputs, const Call *call, const WhatIf *what_if,
    const VmConfig *vm, const Policy *policy, Host *host)
{
    const Root *machine = machine_of(call, what_if);
    g_autofree char *node_name = call_node_name(call);

    inputs->request = (Request){ .vmid = call->vmid, .vm = vm, .policy = policy };
    if (host != NULL) {
        inputs->request.host = inputs->host = host;
        inputs->request.devices = inputs->devices = machine != NULL
                                                        ? device_find(machine, vm, node_name)
                                                        : NULL;
        inputs->request.timer = timer_look(call->root);
    }
}

/// Fills in what others hold, and what they leave.
static gboolean look_at_others(
    Inputs *inputs, const Call *call, const WhatIf *what_if, GError **error)
{
    Request *request = &inputs->request;

    if (request->host == NULL) {
        return TRUE;
    }
    request->taken = inputs->taken = whatif_taken(what_if, call, request->host, error);
    if (inputs->taken == NULL) {
        return FALSE;
    }
    request->pool = inputs->pool = pool_new(
        request->vm, request->policy, request->host, request->taken);
    return TRUE;
}

static void add_verdict(Report *report, Verdict *verdict)
{
    report_add_findings(report, verdict->findings);
    report->outcome = MAX(report->outcome, outcome_of(verdict));
    if (report->plan != NULL) {
        report->plan->refused = report->outcome == OUTCOME_REFUSED;
    }
}

static void plan_and_judge(const Request *request, Report *report)
{
    report->plan = request->host != NULL ? planner_place(request) : NULL;
    if (report->plan != NULL) {
        report->plan->threads = request->vm->threads;
        report->plan->resumes = request->vm->resumes;
        report->plan->yields = vmconfig_is_under_backup(request->vm);
    }
    g_autoptr(Verdict) verdict = verdict_of_start(request, report->plan);
    add_verdict(report, verdict);
}

/// Judges what disturbs the plan's CPUs on @machine (NULL: there is none), and looks for fixes
/// where anything was found: nobody else waits for that.
static void judge_live(const Root *machine, Request *request, Report *report)
{
    gboolean live = report->plan != NULL && machine != NULL;
    g_autoptr(Interrupts) interrupts = live ? interrupts_load(machine, report->plan->cpus) : NULL;
    g_autoptr(Tuning) tuning = live ? tuning_load(machine, report->plan->cpus) : NULL;

    request->interrupts = interrupts;
    request->tuning = tuning;
    if (live) {
        g_autoptr(Verdict) verdict = verdict_of_live(request, report->plan);
        add_verdict(report, verdict);
    }
    if (report->findings->len > 0) {
        report->loader = machine != NULL ? loader_look(machine) : LOADER_UNKNOWN;
        g_ptr_array_unref(report->findings);
        report->findings = mend_findings(request, report->plan);
    }
    request->interrupts = NULL;
    request->tuning = NULL;
}

static const WhatIf as_it_is;

/// The host, for a VM whose config can be read; in @inputs, with all else that is not others'.
static gboolean read_machine(
    Inputs *inputs, const Call *call, const VmConfig *vm, const Policy *policy, GError **error)
{
    Host *host = vm->readable ? host_load(call->root, error) : NULL;

    look_at_machine(inputs, call, &as_it_is, vm, policy, host);
    return host != NULL || !vm->readable;
}

/// What others hold, and with that the plan and its verdict: quick, for others may wait for it.
static gboolean decide(Inputs *inputs, const Call *call, Report *report, GError **error)
{
    if (!look_at_others(inputs, call, &as_it_is, error)) {
        return FALSE;
    }
    plan_and_judge(&inputs->request, report);
    return TRUE;
}

static gboolean look_and_decide(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report, GError **error)
{
    g_auto(Inputs) inputs = { 0 };

    if (!read_machine(&inputs, call, vm, policy, error) || !decide(&inputs, call, report, error)) {
        return FALSE;
    }
    judge_live(call->root, &inputs.request, report);
    return TRUE;
}

/// Who is to own a reservation: whoever holds Proxmox's lock on the VM, for a wrapper may stand
/// between; else who called.
static gboolean find_owner(const Call *call, Process *owner, GError **error)
{
    if (vmlock_holder(call->root, call->vmid, owner, NULL)) {
        return TRUE;
    }
    if (call->caller <= 1) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "nobody to reserve CPUs for: nobody holds Proxmox's lock on the VM, and who called "
            "has ended");
        return FALSE;
    }
    if (!process_identify(call->root, call->caller, owner, error)) {
        g_prefix_error(error, "nobody to reserve CPUs for: ");
        return FALSE;
    }
    return TRUE;
}

/// The VM's own entry, which another start may have left. One that cannot be read is in nobody's
/// way where no QEMU runs.
static gboolean read_own_entry(const Call *call, LedgerEntry **entry, GError **error)
{
    g_autoptr(GError) unknown = NULL;
    g_autoptr(GError) running = NULL;
    Process qemu;

    if (ledger_read(call->root, call->vmid, entry, &unknown)) {
        return TRUE;
    }
    g_clear_pointer(entry, ledger_entry_free);
    if (!process_of_vm(call->root, call->vmid, &qemu, &running) &&
        g_error_matches(running, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&unknown));
    return FALSE;
}

/// Moves all threads of a VM under backup to where those of @plan go that are no vCPUs, and removes
/// its entry.
static gboolean displace_one(
    Ledger *ledger, const Call *call, guint vmid, const Plan *plan, GError **error)
{
    g_autoptr(Plan) aside = plan_new(0);
    g_autoptr(QemuThreads) nobodys = qemu_threads_new();
    g_autoptr(GError) gone = NULL;
    Process qemu;

    hwloc_bitmap_copy(aside->others, plan->others);
    g_autoptr(Observed)
        moved = process_of_vm(call->root, vmid, &qemu, &gone)
                    ? bind_threads(call->root, call->kernel, &qemu, nobodys, aside, &gone)
                    : NULL;
    if (moved == NULL && !g_error_matches(gone, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        g_propagate_prefixed_error(
            error, g_steal_pointer(&gone), "VM %u, under backup, does not give way: ", vmid);
        return FALSE;
    }
    return ledger_remove(ledger, vmid, error);
}

/// What was reserved under a backup's lock gives way to a start that needs its CPUs.
static gboolean displace(Ledger *ledger, const Call *call, Report *report, GError **error)
{
    g_autoptr(GArray) vmids = ledger_yielding(call->root, report->plan->reserved, error);
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; vmids != NULL && i < vmids->len; i++) {
        guint vmid = g_array_index(vmids, guint, i);
        if (vmid == call->vmid) {
            continue;
        }
        if (!displace_one(ledger, call, vmid, report->plan, error)) {
            return FALSE;
        }
        g_string_append_printf(names, "%sVM %u", names->len > 0 ? ", " : "", vmid);
    }
    if (names->len > 0) {
        report->displaced = g_strdup_printf("%s, under backup, gives way to it", names->str);
    }
    return vmids != NULL;
}

/// Writes the plan of a start that goes on; of one that does not, nothing is left. What a running
/// QEMU holds stays.
static gboolean reserve(Ledger *ledger, const Call *call, Report *report, GError **error)
{
    g_autoptr(LedgerEntry) entry = NULL;
    Process owner;

    if (!read_own_entry(call, &entry, error)) {
        return FALSE;
    }
    if (entry != NULL && entry->owner_kind != LEDGER_HOOK) {
        return TRUE;
    }
    if (report->outcome == OUTCOME_REFUSED || report->plan == NULL) {
        return ledger_remove(ledger, call->vmid, error);
    }
    return find_owner(call, &owner, error) && displace(ledger, call, report, error) &&
           ledger_write(ledger, call->vmid, &owner, LEDGER_HOOK, report->plan, NULL, error);
}

static gboolean decide_and_reserve(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report, GError **error)
{
    g_auto(Inputs) inputs = { 0 };
    if (!read_machine(&inputs, call, vm, policy, error)) {
        return FALSE;
    }
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);
    if (ledger == NULL || !decide(&inputs, call, report, error) ||
        !reserve(ledger, call, report, error)) {
        return FALSE;
    }
    g_clear_pointer(&ledger, ledger_free);
    gboolean reserved = report->outcome != OUTCOME_REFUSED;
    judge_live(call->root, &inputs.request, report);
    if (!reserved || report->outcome != OUTCOME_REFUSED) {
        return TRUE;
    }
    ledger = ledger_lock(call->root, policy->deadline_ms, error);
    return ledger != NULL && reserve(ledger, call, report, error);
}

typedef gboolean (*Judge)(
    const Call *call, const VmConfig *vm, const Policy *policy, Report *report, GError **error);

static Report *judge_start(const Call *call, const char *phase, Judge judge)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = read_policy(call, vm);
    g_autoptr(GError) error = NULL;
    Report *report = report_new(call->vmid, phase, OUTCOME_SKIPPED);

    report->backup = vmconfig_is_under_backup(vm);
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
        g_autofree char *shown = text_show_start(vm->hookscript, 80);
        return g_strdup_printf("its hookscript is %s: does that call pinhook?", shown);
    }
    return g_strdup_printf("not attached yet: qm set %u --hookscript local:snippets/pinhook", vmid);
}

Report *run_check(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    Report *report = judge_start(call, "check", look_and_decide);

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
    report->config = g_strdup(what_if->config);
    report->policy = g_strdup(what_if->policy);
    g_auto(Inputs) inputs = { 0 };
    look_at_machine(
        &inputs, call, what_if, vm, policy, vm->readable ? g_steal_pointer(&host) : NULL);
    if (!look_at_others(&inputs, call, what_if, error)) {
        return NULL;
    }
    if (advise && vm->readable) {
        report->advice = proposal_of(&inputs.request, &report->plan);
    }
    if (report->advice == NULL) {
        plan_and_judge(&inputs.request, report);
        judge_live(machine_of(call, what_if), &inputs.request, report);
    }
    return g_steal_pointer(&report);
}

/* After the start. */

/// Takes the plan that the VM was started with out of @entry; NULL: there is none. vCPUs that were
/// unplugged since are not missing.
static Plan *take_plan(LedgerEntry *entry, const VmConfig *vm)
{
    if (entry == NULL || entry->plan == NULL) {
        return NULL;
    }
    if (vm->readable) {
        entry->plan->present = MIN(entry->plan->present, vm->vcpus_present);
    }
    return g_steal_pointer(&entry->plan);
}

/// Writes the plan in the name of the running QEMU. @first: its first post-start is not over.
static gboolean claim(Ledger *ledger, const Call *call, const Process *qemu, const Plan *plan,
    gboolean first, int *hold, GError **error)
{
    return ledger_write(
        ledger, call->vmid, qemu, first ? LEDGER_START : LEDGER_QEMU, plan, hold, error);
}

/// Takes what pre-start planned, and puts it in the name of the running QEMU; in @report no plan:
/// nothing is left of it, or it was refused.
static gboolean claim_left_plan(const Call *call, const VmConfig *vm, const Policy *policy,
    const Process *qemu, Report *report, gboolean *first, int *hold, GError **error)
{
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);
    g_autoptr(LedgerEntry) entry = NULL;
    if (ledger == NULL) {
        return FALSE;
    }
    ledger_read(call->root, call->vmid, &entry, NULL); // what cannot be read is planned afresh
    *first |= entry != NULL && entry->owner_kind != LEDGER_QEMU;
    g_autoptr(Plan) plan = take_plan(entry, vm);
    if (plan == NULL || plan->refused) {
        return TRUE;
    }
    report->plan = g_steal_pointer(&plan);
    return claim(ledger, call, qemu, report->plan, *first, hold, error);
}

/// Plans afresh, with the findings of a late pre-start.
static gboolean claim_fresh_plan(const Call *call, const VmConfig *vm, const Policy *policy,
    const Process *qemu, gboolean first, Report *report, int *hold, GError **error)
{
    g_auto(Inputs) inputs = { 0 };
    if (!read_machine(&inputs, call, vm, policy, error)) {
        return FALSE;
    }
    g_autoptr(Ledger) ledger = ledger_lock(call->root, policy->deadline_ms, error);
    if (ledger == NULL || !decide(&inputs, call, report, error) ||
        (report->plan != NULL && !claim(ledger, call, qemu, report->plan, first, hold, error))) {
        return FALSE;
    }
    g_clear_pointer(&ledger, ledger_free);
    judge_live(call->root, &inputs.request, report);
    return TRUE;
}

/// The plan for a VM that runs, in its QEMU's name. @first: whether no post-start of this start has
/// come to its end. @hold: as of ledger_write(); -1 without a plan.
static gboolean claim_plan(const Call *call, const VmConfig *vm, const Policy *policy,
    const Process *qemu, Report *report, gboolean *first, int *hold, GError **error)
{
    return claim_left_plan(call, vm, policy, qemu, report, first, hold, error) &&
           (report->plan != NULL ||
               claim_fresh_plan(call, vm, policy, qemu, *first, report, hold, error));
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

/// A guest that QEMU emulates has no CPU by anybody.
static QemuThreads *ask_qemu(const Running *running, Qmp *qmp, GError **error)
{
    QemuThreads *threads = qemu_threads_query(qmp, error);

    if (threads != NULL && threads->siblings > 1 && running->vm->kvm) {
        qemu_threads_ask_told(threads, qmp, host_read_vendor(running->call->root));
    }
    return threads;
}

/// A dialogue with QEMU: bind as planned, and read back.
static gboolean bind_once(Running *running, Report *report, GError **error)
{
    const Call *call = running->call;
    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, running->policy->deadline_ms, error);
    if (qmp == NULL || !guest_look(qmp, running->vm, &report->guest, error)) {
        return FALSE;
    }
    running->threads = ask_qemu(running, qmp, error);
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

/// Whether somebody else is at work on the VM, and lets it run. Where its config cannot be read,
/// the plan of its start says so; without that nobody knows.
static gboolean may_be_locked(const VmConfig *vm, const Plan *plan)
{
    return vm->readable ? vm->lock != NULL : plan == NULL || plan->yields;
}

/// Before QEMU was asked.
static GuestState guest_at_first(const VmConfig *vm)
{
    return vmconfig_may_be_frozen(vm) ? GUEST_UNKNOWN : GUEST_UNTOUCHED;
}

/// What is to become of it.
static Fate decide_fate(const Running *running, const Report *report)
{
    const VmConfig *vm = running->vm;

    return fate_of(&(Circumstances){ .frozen = report->guest == GUEST_FROZEN,
        .proven = report->outcome == OUTCOME_PROVEN,
        .refuted = report->refuted,
        .first = running->first,
        .locked = may_be_locked(vm, report->plan),
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

/// Whether all is done that a first post-start has to do. A guest that waits for nobody else is not
/// left so: the timer looks again.
static gboolean is_over(const Running *running, const Report *report)
{
    return report->outcome != OUTCOME_FAILED && report->guest != GUEST_UNKNOWN &&
           (report->guest != GUEST_FROZEN || decide_fate(running, report) == FATE_GOES_ON);
}

/// Marks the entry of a start that is over. Where that fails the timer does it once more.
static void close_start(const Running *running, const Report *report)
{
    const Call *call = running->call;

    if (!running->first || report->plan == NULL || !is_over(running, report)) {
        return;
    }
    g_autoptr(Ledger) ledger = ledger_lock(call->root, running->policy->deadline_ms, NULL);
    if (ledger != NULL) {
        claim(ledger, call, running->qemu, report->plan, FALSE, NULL, NULL);
    }
}

/// The whole of a post-start. @unfinished: an earlier one never came to its end, whatever the
/// ledger says.
static void bind_vm(const Call *call, const VmConfig *vm, const Policy *policy, const Process *qemu,
    gboolean unfinished, Report *report)
{
    g_auto(Running) running = { .call = call, .vm = vm, .policy = policy, .qemu = qemu };
    g_autoptr(GError) error = NULL;
    int hold = -1;

    running.first = unfinished;
    report->guest = guest_at_first(vm);
    if (!claim_plan(call, vm, policy, qemu, report, &running.first, &hold, &error)) {
        fail(report, error);
    } else if (report->plan == NULL) {
        report->outcome = OUTCOME_UNPROVEN;
    } else {
        bind_and_prove(&running, MEMORY_MAY_MOVE, report);
    }
    settle_guest(&running, report);
    bind_late_threads(&running, report);
    close_start(&running, report);
    if (hold >= 0) {
        close(hold);
    }
}

/// The VM's QEMU, of this machine. FALSE: there is none, or that cannot be told, and the report
/// says why.
static gboolean find_qemu(
    const Call *call, const VmConfig *vm, const Policy *policy, Process *qemu, Report *report)
{
    g_autoptr(GError) error = NULL;

    if (call_can_bind(call, &error) && process_of_vm(call->root, call->vmid, qemu, &error)) {
        report->pid = qemu->pid;
        return TRUE;
    }
    if (g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        conclude_without_proof(report, FINDING_VM_GONE, policy, error);
    } else {
        report->guest = guest_at_first(vm);
        fail(report, error);
    }
    return FALSE;
}

/// What pinhook is to keep off must not wait for it.
static void let_run(const Call *call, const VmConfig *vm, const Policy *policy, Report *report)
{
    g_autoptr(GError) error = NULL;
    Process qemu;

    if (policy->mode != POLICY_OFF || !vmconfig_may_be_frozen(vm) || call_is_for_container(call) ||
        !call_can_bind(call, NULL)) {
        return;
    }
    if (!process_of_vm(call->root, call->vmid, &qemu, &error)) {
        if (!g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
            fail(report, error);
        }
        return;
    }
    Running running = { .call = call, .vm = vm, .policy = policy, .qemu = &qemu };
    report->guest = GUEST_UNKNOWN;
    if (!settle(&running, report, &error)) {
        fail(report, error);
    } else if (report->guest == GUEST_RELEASED) {
        report->note = g_strdup("mode = off: left unbound; its guest was frozen, and is released");
    } else if (report->guest == GUEST_FROZEN && !vm->readable) {
        report->outcome = OUTCOME_UNPROVEN;
    }
}

Report *run_post_start(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = read_policy(call, vm);
    Report *report = report_new(call->vmid, "post-start", OUTCOME_SKIPPED);
    Process qemu;

    if (leave_alone(call, vm, policy, report)) {
        let_run(call, vm, policy, report);
    } else if (find_qemu(call, vm, policy, &qemu, report)) {
        bind_vm(call, vm, policy, &qemu, FALSE, report);
    }
    return report;
}

/* At any time. */

/// The dialogue of post-start, with a look in place of the bind.
static gboolean look_at_threads(Running *running, Report *report, GError **error)
{
    const Call *call = running->call;
    g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, running->policy->deadline_ms, error);

    running->threads = qmp != NULL ? ask_qemu(running, qmp, error) : NULL;
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

/// One QEMU that does not answer must not keep repair from all others; the timer comes again.
#define REPAIR_DEADLINE_MS 2000

/// Binds again what drifted from the plan of a start that is over.
static void bind_what_drifted(const Call *call, const VmConfig *vm, const Policy *policy,
    const Process *qemu, LedgerEntry *entry, Report *report)
{
    g_auto(Running) running = { .call = call, .vm = vm, .policy = policy, .qemu = qemu };

    recall(entry, vm, report);
    report->guest = guest_at_first(vm);
    bind_and_prove(&running, MEMORY_STAYS, report);
    settle_guest(&running, report);
    bind_late_threads(&running, report);
}

/// Whether the guest of a VM that nothing is planned for waits for its first instruction, and
/// nobody else is to let it run: its post-start was killed, or never came. In @waits; FALSE: QEMU
/// does not say.
static gboolean look_whether_it_waits(
    const Call *call, const VmConfig *vm, const Policy *policy, gboolean *waits, GError **error)
{
    GuestState guest = GUEST_UNTOUCHED;

    if (vm->freeze && vm->lock == NULL && !vm->incoming) {
        g_autoptr(Qmp) qmp = qmp_connect(call->root, call->vmid, policy->deadline_ms, error);
        if (qmp == NULL || !guest_look(qmp, vm, &guest, error)) {
            return FALSE;
        }
    }
    *waits = guest == GUEST_FROZEN;
    return TRUE;
}

/// A VM that runs and that no start has bound. That it is bound is for whoever calls it by name to
/// say, for it runs as it is; one whose config cannot be read gets no plan, and is told why.
static void repair_unplanned(
    const Call *call, const VmConfig *vm, const Policy *policy, const Process *qemu, Report *report)
{
    g_autoptr(GError) error = NULL;
    gboolean waits = FALSE;

    if (!look_whether_it_waits(call, vm, policy, &waits, &error) && !call->by_name) {
        report->guest = GUEST_UNKNOWN;
        fail(report, error);
        return;
    }
    if (waits || call->by_name || !vm->readable) {
        bind_vm(call, vm, policy, qemu, waits, report);
        return;
    }
    report->outcome = OUTCOME_UNPROVEN;
    report->note = g_strdup_printf(
        "it is attached and runs, and is not pinned; to plan and bind it: pinhook repair %u",
        call->vmid);
}

static void repair_vm(
    const Call *call, const VmConfig *vm, const Policy *policy, const Process *qemu, Report *report)
{
    g_autoptr(LedgerEntry) entry = NULL;
    g_autoptr(GError) error = NULL;
    gboolean held;

    if (!ledger_read(call->root, call->vmid, &entry, &error) ||
        !ledger_look_held(call->root, call->vmid, &held, &error)) {
        report->guest = guest_at_first(vm);
        fail(report, error);
    } else if (entry == NULL || entry->plan == NULL) {
        repair_unplanned(call, vm, policy, qemu, report);
    } else if (!process_is(&entry->owner, qemu) || held) {
        report->outcome = call->by_name ? OUTCOME_UNPROVEN : OUTCOME_SKIPPED;
        report->note = call->by_name ? g_strdup("its start is under way") : NULL;
    } else if (entry->owner_kind == LEDGER_START) {
        bind_vm(call, vm, policy, qemu, TRUE, report);
    } else {
        bind_what_drifted(call, vm, policy, qemu, entry, report);
    }
}

/// Of a VM that a round has met and that does not run its start is under way, or it has ended
/// since. FALSE too where that cannot be told: then the report says why.
static gboolean runs_in_round(const Call *call, const VmConfig *vm, Report *report)
{
    g_autoptr(GError) error = NULL;
    Process qemu;

    if (process_of_vm(call->root, call->vmid, &qemu, &error)) {
        return TRUE;
    }
    if (!g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_GONE)) {
        report->guest = guest_at_first(vm);
        fail(report, error);
    }
    return FALSE;
}

Report *run_repair(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = read_policy(call, vm);
    Report *report = report_new(call->vmid, "repair", OUTCOME_SKIPPED);
    Process qemu;

    policy->deadline_ms = MIN(policy->deadline_ms, REPAIR_DEADLINE_MS);
    if (!call->by_name && !runs_in_round(call, vm, report)) {
        return report;
    }
    if (leave_alone(call, vm, policy, report)) {
        let_run(call, vm, policy, report);
    } else if (find_qemu(call, vm, policy, &qemu, report)) {
        repair_vm(call, vm, policy, &qemu, report);
    }
    return report;
}

/// Whether the VM's config has it attached; one that cannot be read is looked at to say so.
static gboolean may_be_attached(const Root *root, guint vmid)
{
    Call call = { .root = root, .vmid = vmid };
    g_autoptr(VmConfig) vm = call_read_vm(&call);

    return !vm->readable || vmconfig_is_attached(vm);
}

/// Those that are proven dead are left out.
GArray *run_list_pinned(const Root *root, GError **error)
{
    g_autoptr(GArray) all = ledger_list(root, error);
    if (all == NULL) {
        return NULL;
    }
    GArray *pinned = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; i < all->len; i++) {
        guint vmid = g_array_index(all, guint, i);
        g_autoptr(LedgerEntry) entry = NULL;
        if (!ledger_read(root, vmid, &entry, NULL) || entry != NULL) {
            g_array_append_val(pinned, vmid);
        }
    }
    return pinned;
}

GArray *run_list_repairable(const Root *root, GError **error)
{
    g_autoptr(GArray) vmids = run_list_pinned(root, error);
    g_autoptr(GArray) running = vmids != NULL ? vmid_list(root, "run/qemu-server", ".pid", error)
                                              : NULL;
    if (running == NULL) {
        return NULL;
    }
    for (guint i = 0; i < running->len; i++) {
        guint vmid = g_array_index(running, guint, i);
        if (!vmid_is_listed(vmids, vmid) && may_be_attached(root, vmid)) {
            g_array_append_val(vmids, vmid);
        }
    }
    return g_steal_pointer(&vmids);
}

Report *run_status(const Call *call)
{
    g_autoptr(VmConfig) vm = call_read_vm(call);
    g_autoptr(Policy) policy = read_policy(call, vm);
    g_autoptr(LedgerEntry) entry = NULL;
    g_autoptr(GError) error = NULL;
    Report *report = report_new(call->vmid, "status", OUTCOME_UNPROVEN);
    Process qemu;

    if (!ledger_read(call->root, call->vmid, &entry, &error)) {
        fail(report, error);
        return report;
    }
    recall(entry, vm, report);
    if (!find_qemu(call, vm, policy, &qemu, report)) {
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
    g_autoptr(LedgerEntry) entry = NULL;
    return ledger_read(call->root, call->vmid, &entry, error) &&
           (entry == NULL || !is_caller(call, &entry->owner) ||
               ledger_remove(ledger, call->vmid, error));
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
    g_autoptr(Taken) taken = ledger_taken(call->root, NOBODY, error);
    if (taken == NULL) {
        return NULL;
    }
    g_autoptr(Policy) policy = call_read_policy(call);
    g_autoptr(Tuning) tuning = tuning_load(call->root, host->isolation->isolated);
    HostReport *report = g_new0(HostReport, 1);

    report->loader = loader_look(call->root);
    report->taken = g_steal_pointer(&taken);
    report->interrupts = interrupts_load(call->root, host->isolation->isolated);
    report->findings = mend_findings(&(Request){ .policy = policy,
                                         .host = host,
                                         .taken = report->taken,
                                         .interrupts = report->interrupts,
                                         .tuning = tuning },
        NULL);
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
    g_autoptr(Taken) taken = ledger_taken(call->root, NOBODY, error);
    if (taken == NULL) {
        return NULL;
    }
    picture_label(topology, host, taken);
    return picture_to_xml(topology, error);
}
