// SPDX-License-Identifier: LGPL-2.1-or-later
#include "verify.h"

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
    gboolean bound; // binding was tried: to try again would not help
    CpuSet *vcpus;  // those that were seen
    Proof *proof;
} Verify;

/// As advice_accept() has it for a start.
static char *accept_sharing(guint vmid)
{
    g_autofree char *command = policy_rule_command(vmid, "check.no-housekeeping", "warning");

    return g_strdup_printf("%s # accepts it", command);
}

/// What to type next. @tid: the thread it is about; 0: none.
static char *fix_for(const Verify *verify, FindingCode code, int tid)
{
    switch (code) {
    case FINDING_NO_HOUSEKEEPING:
        return accept_sharing(verify->vmid);
    case FINDING_VCPU_MISSING:
        return g_strdup_printf(
            "qm config %u | grep -E '^(args|cores|sockets|vcpus)'", verify->vmid);
    case FINDING_QMP_TIMEOUT:
        return g_strdup_printf("ss -xp | grep %u.qmp", verify->vmid);
    case FINDING_QMP_FAILED:
        return g_strdup_printf("ls -l /run/qemu-server/%u.*", verify->vmid);
    case FINDING_VM_GONE:
        return g_strdup_printf("qm status %u", verify->vmid);
    default:
        return verify->bound && tid != 0 ? g_strdup_printf("cat /proc/%d/cgroup", tid)
                                         : g_strdup_printf("pinhook %u post-start", verify->vmid);
    }
}

/// Takes @message. What the policy has made less than an error does not spoil the proof.
static void add_as(Verify *verify, FindingCode code, Severity severity, int tid, char *message)
{
    if (severity == SEVERITY_ERROR) {
        verify->proof->proven = FALSE;
    }
    if (severity == SEVERITY_OFF) {
        g_free(message);
        return;
    }
    /* What is accepted already needs no line that accepts it. */
    gboolean accepted = code == FINDING_NO_HOUSEKEEPING && severity != SEVERITY_ERROR;
    g_ptr_array_add(verify->proof->findings,
        finding_new(code, severity, message, accepted ? NULL : fix_for(verify, code, tid)));
}

static void add(Verify *verify, FindingCode code, int tid, char *message)
{
    add_as(verify, code, verify->policy->severities[code], tid, message);
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
        add(verify, FINDING_VCPU_MISSING, 0,
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

static void verify_vcpu(Verify *verify, const ObservedThread *seen)
{
    const Thread *thread = seen->thread;
    g_autofree char *who = describe(thread);

    if (seen->wanted == NULL) {
        add(verify, FINDING_VCPU_MISSING, thread->tid,
            g_strdup_printf("vCPU %u, %s, is not in the plan", thread->vcpu, who));
        return;
    }
    if (hwloc_bitmap_isset(verify->vcpus, thread->vcpu)) {
        add(verify, FINDING_VCPU_MISSING, thread->tid,
            g_strdup_printf("QEMU names a second thread for vCPU %u: %s", thread->vcpu, who));
        return;
    }
    hwloc_bitmap_set(verify->vcpus, thread->vcpu);
    if (hwloc_bitmap_isequal(seen->allowed, seen->wanted)) {
        verify->proof->vcpus++;
        return;
    }
    g_autofree char *allowed = cpuset_to_list(seen->allowed);
    g_autofree char *wanted = cpuset_to_list(seen->wanted);
    add(verify, FINDING_NOT_BOUND, thread->tid,
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
        add(verify, FINDING_THREAD_UNMOVABLE, seen->thread->tid,
            g_strdup_printf("%s may run on %s, with the vCPUs: %s", who, allowed, seen->refusal));
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

Proof *verify_observed(guint vmid, const Plan *plan, const Policy *policy, const Observed *observed)
{
    g_autoptr(CpuSet) distinct = cpuset_new();
    Verify verify = { .vmid = vmid,
        .plan = plan,
        .policy = policy,
        .bound = observed->bound,
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
    return verify.proof;
}
