// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/verify.h"

void proof_free(Proof *proof)
{
    if (proof == NULL) {
        return;
    }
    g_ptr_array_unref(proof->findings);
    g_free(proof);
}

static Proof *proof_new(void)
{
    Proof *proof = g_new0(Proof, 1);

    proof->proven = TRUE;
    proof->findings = finding_list_new();
    return proof;
}

/// A verification under way.
typedef struct {
    guint vmid;
    const Plan *plan; // NULL: there is none
    const Policy *policy;
    gboolean bound;       // binding was tried: to try again would not help
    const CpuSet *online; // NULL: not known
    const Memory *memory; // NULL: it was not looked at, or could not be seen
    CpuSet *vcpus;        // those that were seen
    Proof *proof;
} Verify;

/// @command with the VM's id in it.
static Fix *run(Fix *fix, const char *command, guint vmid)
{
    g_autofree char *id = g_strdup_printf("%u", vmid);

    return fix_run(fix, command, id);
}

/// @fix, and then post-start again.
static Fix *try_again(Fix *fix, guint vmid)
{
    return run(fix, "pinhook {} post-start", vmid);
}

enum { LONGEST_DEADLINE_MS = 600000 };

/// More time helps where there was not enough; against what will not move nothing does.
static Fix *fix_for_memory(const Verify *verify)
{
    const Memory *memory = verify->memory;
    guint deadline_ms = verify->policy->deadline_ms;

    if (verify->policy->memory != POLICY_MIGRATE) {
        return try_again(fix_rule(fix_new(), "memory", "migrate"), verify->vmid);
    }
    if (memory->out_of_time && deadline_ms < LONGEST_DEADLINE_MS) {
        g_autofree char *longer = g_strdup_printf(
            "%u", MIN(deadline_ms, LONGEST_DEADLINE_MS / 10) * 10);
        return try_again(fix_rule(fix_new(), "deadline", longer), verify->vmid);
    }
    return try_again(
        memory->migrated ? finding_accept(FINDING_MEMORY_REMOTE, SEVERITY_WARNING) : fix_new(),
        verify->vmid);
}

/// To bind again helps what was only looked at, by a plan that can be proven.
static Fix *fix_for_thread(const Verify *verify, int tid)
{
    g_autofree char *cgroup = g_strdup_printf("/proc/%d/cgroup", tid);

    if (verify->bound && tid != 0) {
        return fix_run(fix_new(), "cat {}", cgroup);
    }
    return verify->plan != NULL && !verify->plan->refused && !verify->bound
               ? run(fix_new(), "pinhook repair {}", verify->vmid)
               : try_again(fix_new(), verify->vmid);
}

/// What to type next. @tid: the thread it is about; 0: none.
static Fix *fix_for(const Verify *verify, FindingCode code, int tid)
{
    guint vmid = verify->vmid;

    switch (code) {
    case FINDING_NO_HOUSEKEEPING:
        return finding_accept(FINDING_NO_HOUSEKEEPING, SEVERITY_WARNING);
    case FINDING_MEMORY_REMOTE:
        return fix_for_memory(verify);
    case FINDING_SMT_HIDDEN:
        return run(fix_new(), "pinhook check {}", vmid);
    case FINDING_GUEST_SMT:
        return run(fix_new(), "qm showcmd {} --pretty | grep -e -smp", vmid);
    case FINDING_VCPU_MISSING:
        return run(fix_new(), "qm config {} | grep -E '^(args|cores|sockets|vcpus)'", vmid);
    case FINDING_QMP_TIMEOUT:
        return run(fix_new(), "ss -xp | grep {}.qmp", vmid);
    case FINDING_QMP_FAILED:
        return run(fix_new(), "ls -l /run/qemu-server/{}.*", vmid);
    case FINDING_VM_GONE:
        return run(fix_new(), "qm status {}", vmid);
    default:
        return fix_for_thread(verify, tid);
    }
}

/// Takes @message and @fix. What the policy has made less than an error does not spoil the proof.
static void add_with_fix(
    Verify *verify, FindingCode code, Severity severity, char *message, Fix *fix)
{
    if (severity == SEVERITY_ERROR) {
        verify->proof->proven = FALSE;
    }
    if (severity == SEVERITY_OFF) {
        g_free(message);
        fix_free(fix);
        return;
    }
    Finding *finding = finding_new(code, severity, message);
    finding_offer(finding, fix);
    g_ptr_array_add(verify->proof->findings, finding);
}

/// Takes @message.
static void add_as(Verify *verify, FindingCode code, Severity severity, int tid, char *message)
{
    /* What is accepted already needs no line that accepts it. */
    gboolean accepted = (code == FINDING_NO_HOUSEKEEPING || code == FINDING_MEMORY_REMOTE) &&
                        severity != SEVERITY_ERROR;

    add_with_fix(verify, code, severity, message, accepted ? NULL : fix_for(verify, code, tid));
}

static void add(Verify *verify, FindingCode code, int tid, char *message)
{
    add_as(verify, code, verify->policy->severities[code], tid, message);
}

/// Likewise, of what shows that a vCPU is elsewhere, or another thread on its core.
static void refute(Verify *verify, FindingCode code, int tid, char *message)
{
    verify->proof->refuted |= verify->policy->severities[code] == SEVERITY_ERROR;
    add(verify, code, tid, message);
}

Proof *verify_impossible(guint vmid, FindingCode code, const Policy *policy, const char *message)
{
    Verify verify = { .vmid = vmid, .policy = policy, .proof = proof_new() };

    add(&verify, code, 0, g_strdup(message));
    verify.proof->proven = FALSE;
    return verify.proof;
}

static void verify_missing(Verify *verify, const Observed *observed)
{
    for (guint i = 0; i < observed->missing_vcpus->len; i++) {
        const QemuThread *vcpu = &g_array_index(observed->missing_vcpus, QemuThread, i);
        refute(verify, FINDING_VCPU_MISSING, 0,
            g_strdup_printf(
                "vCPU %u has no thread of its own: QEMU names thread %d", vcpu->vcpu, vcpu->tid));
    }
}

static void verify_count(Verify *verify, guint vcpus)
{
    if (vcpus < verify->plan->present) {
        add(verify, FINDING_VCPU_MISSING, 0,
            g_strdup_printf("QEMU has %u vCPUs, the plan %u", vcpus, verify->plan->present));
    }
}

/// "thread 4711 (CPU 1/KVM)"
static char *describe(const Thread *thread)
{
    return g_strdup_printf("thread %d (%s)", thread->tid, thread->name);
}

/// Nothing is bound to a CPU that went offline after the plan was made.
static gboolean is_offline(const Verify *verify, const CpuSet *cpus)
{
    return verify->online != NULL && !hwloc_bitmap_intersects(verify->online, cpus);
}

static void add_offline(Verify *verify, const char *who, const ObservedThread *seen)
{
    g_autofree char *wanted = cpuset_to_list(seen->wanted);

    verify->proof->refuted |= verify->policy->severities[FINDING_NOT_BOUND] == SEVERITY_ERROR;
    add_with_fix(verify, FINDING_NOT_BOUND, verify->policy->severities[FINDING_NOT_BOUND],
        g_strdup_printf(
            "vCPU %u, %s, is not on %s: that CPU is offline", seen->thread->vcpu, who, wanted),
        try_again(fix_run(fix_new(), "echo 1 > /sys/devices/system/cpu/cpu{}/online", wanted),
            verify->vmid));
}

/// How many of the vCPUs that were seen are to share a core of the guest, at most.
static guint planned_siblings(const Verify *verify)
{
    guint most = 0, count = 0, core = 0;
    unsigned vcpu;

    hwloc_bitmap_foreach_begin (vcpu, verify->vcpus) {
        count = vcpu / verify->plan->threads == core ? count + 1 : 1;
        core = vcpu / verify->plan->threads;
        most = MAX(most, count);
    }
    hwloc_bitmap_foreach_end();
    return most;
}

/// What the guest is told is QEMU's to say. Of vCPUs that are missing or not planned it is not
/// known what they should be told.
static void verify_siblings(Verify *verify, guint siblings, guint vcpus)
{
    if (siblings == 0 || verify->plan->threads == 0 || cpuset_count(verify->vcpus) != vcpus ||
        planned_siblings(verify) == siblings) {
        return;
    }
    add(verify, FINDING_GUEST_SMT, 0,
        g_strdup_printf("QEMU gives the guest %u thread%s a core, the plan was made for %u",
            siblings, siblings > 1 ? "s" : "", verify->plan->threads));
}

/// Of a plan for siblings, whether the guest is told of them after all.
static void verify_told(Verify *verify, const Observed *observed)
{
    if (verify->plan->threads < 2 || observed->told == SIBLINGS_TOLD) {
        return;
    }
    add(verify, FINDING_SMT_HIDDEN, 0,
        observed->told == SIBLINGS_HIDDEN
            ? g_strdup_printf("QEMU gives the guest %u threads a core, but its CPU lacks topoext: "
                              "on AMD it takes each for a core",
                  observed->siblings)
            : g_strdup_printf("whether the guest is told of its %u threads a core is not known: %s",
                  observed->siblings, observed->unknown));
}

static void verify_vcpu(Verify *verify, const ObservedThread *seen)
{
    const Thread *thread = seen->thread;
    g_autofree char *who = describe(thread);

    if (seen->wanted == NULL) {
        refute(verify, FINDING_VCPU_MISSING, thread->tid,
            g_strdup_printf("vCPU %u, %s, is not in the plan", thread->vcpu, who));
        return;
    }
    if (hwloc_bitmap_isset(verify->vcpus, thread->vcpu)) {
        refute(verify, FINDING_VCPU_MISSING, thread->tid,
            g_strdup_printf("QEMU names a second thread for vCPU %u: %s", thread->vcpu, who));
        return;
    }
    hwloc_bitmap_set(verify->vcpus, thread->vcpu);
    if (hwloc_bitmap_isequal(seen->allowed, seen->wanted)) {
        verify->proof->vcpus++;
        return;
    }
    if (is_offline(verify, seen->wanted)) {
        add_offline(verify, who, seen);
        return;
    }
    g_autofree char *allowed = cpuset_to_list(seen->allowed);
    g_autofree char *wanted = cpuset_to_list(seen->wanted);
    refute(verify, FINDING_NOT_BOUND, thread->tid,
        g_strdup_printf("vCPU %u, %s, may run on %s, not on %s%s%s", thread->vcpu, who, allowed,
            wanted, seen->refusal != NULL ? ": " : " alone",
            seen->refusal != NULL ? seen->refusal : ""));
}

/// A mask inside the planned one is as good: a cpuset may have cut it. Of a thread that refuses to
/// be moved it is enough that it keeps off the vCPUs' cores.
static void verify_other(Verify *verify, const ObservedThread *seen)
{
    gboolean inside = hwloc_bitmap_isincluded(seen->allowed, verify->plan->others);
    gboolean touches = hwloc_bitmap_intersects(seen->allowed, verify->plan->cores);

    verify->proof->others++;
    if (inside || (seen->refusal != NULL && !touches)) {
        return;
    }
    g_autofree char *who = describe(seen->thread);
    g_autofree char *allowed = cpuset_to_list(seen->allowed);
    g_autofree char *others = cpuset_to_list(verify->plan->others);
    if (seen->refusal != NULL) {
        refute(verify, FINDING_THREAD_UNMOVABLE, seen->thread->tid,
            g_strdup_printf("%s may run on %s, with the vCPUs: %s", who, allowed, seen->refusal));
    } else if (touches) {
        refute(verify, FINDING_NOT_BOUND, seen->thread->tid,
            g_strdup_printf("%s may run on %s, not on %s", who, allowed, others));
    } else {
        add(verify, FINDING_NOT_BOUND, seen->thread->tid,
            g_strdup_printf("%s may run on %s, not on %s", who, allowed, others));
    }
}

/// Where no CPU was left for them the plan itself has the other threads with the vCPUs: what the
/// operator has accepted before the start stands after it.
static void verify_plan(Verify *verify)
{
    const Policy *policy = verify->policy;
    Severity severity = policy->severities[FINDING_NO_HOUSEKEEPING];

    if (hwloc_bitmap_intersects(verify->plan->others, verify->plan->cores)) {
        g_autofree char *others = cpuset_to_list(verify->plan->others);
        add_as(verify, FINDING_NO_HOUSEKEEPING,
            policy->mode == POLICY_WARN ? MIN(severity, SEVERITY_WARNING) : severity, 0,
            g_strdup_printf("the other threads may run on CPU %s, with the vCPUs", others));
    }
}

/// What moving did, if it was tried: "; moved 512 MiB, then the 5000 ms were over; 80 KiB would not
/// move".
static char *describe_migration(const Memory *memory, const Policy *policy)
{
    g_autoptr(GString) text = g_string_new(NULL);
    if (!memory->migrated) {
        return g_strdup("");
    }

    g_autofree char *moved = memory_size(memory->moved_kib);
    g_string_append_printf(text, "; moved %s", moved);
    if (memory->out_of_time) {
        g_string_append_printf(text, ", then the %u ms were over", policy->deadline_ms);
    }
    if (memory->stuck_kib > 0) {
        g_autofree char *stuck = memory_size(memory->stuck_kib);
        g_string_append_printf(text, "; %s would not move%s%s%s", stuck,
            memory->given_up ? ", and no more was tried" : "", memory->refusal != NULL ? ": " : "",
            memory->refusal != NULL ? memory->refusal : "");
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/// What cannot be seen is not known to be bad: said, but no reason to hold up a VM.
static void verify_unseen_memory(Verify *verify, const GError *error)
{
    Severity severity = verify->policy->severities[FINDING_MEMORY_REMOTE];

    if (error != NULL) {
        add_with_fix(verify, FINDING_MEMORY_REMOTE, MIN(severity, SEVERITY_WARNING),
            g_strdup_printf("it is not known where the memory lies: %s", error->message),
            try_again(fix_rule(fix_new(), "memory", "ignore"), verify->vmid));
    }
}

static void verify_memory(Verify *verify)
{
    const Memory *memory = verify->memory;
    const CpuSet *wanted = verify->plan->nodes;
    guint least = verify->policy->memory_local_percent;

    if (memory == NULL || !memory_is_judged(memory) || memory_percent_on(memory, wanted) >= least) {
        return;
    }
    g_autofree char *where = memory_describe(memory, wanted);
    g_autofree char *nodes = cpuset_to_list(wanted);
    g_autofree char *migration = describe_migration(memory, verify->policy);
    add(verify, FINDING_MEMORY_REMOTE, 0,
        g_strdup_printf("the memory in use lies %s; %u %% must lie on node %s%s", where, least,
            nodes, migration));
}

Proof *verify_observed(guint vmid, const Plan *plan, const Policy *policy, const Observed *observed,
    const Memory *memory, const GError *unseen)
{
    g_autoptr(CpuSet) distinct = cpuset_new();
    Verify verify = { .vmid = vmid,
        .plan = plan,
        .policy = policy,
        .bound = observed->bound,
        .online = observed->online,
        .memory = memory,
        .vcpus = distinct,
        .proof = proof_new() };
    guint vcpus = observed->missing_vcpus->len;

    verify_plan(&verify);
    if (observed->restless) {
        add(&verify, FINDING_NOT_BOUND, 0,
            g_strdup("QEMU's threads kept changing while they were bound"));
    }
    for (guint i = 0; i < observed->threads->len; i++) {
        const ObservedThread *seen = observed->threads->pdata[i];
        if (seen->thread->role == THREAD_VCPU) {
            vcpus++;
            verify_vcpu(&verify, seen);
        } else {
            verify_other(&verify, seen);
        }
    }
    verify_missing(&verify, observed);
    verify_count(&verify, vcpus);
    verify_siblings(&verify, observed->siblings, vcpus);
    verify_told(&verify, observed);
    verify_unseen_memory(&verify, unseen);
    verify_memory(&verify);
    return verify.proof;
}
