// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/fix.h"

typedef enum {
    SEVERITY_OFF,
    SEVERITY_NOTE, // what costs nothing to ignore: at a start it is only counted
    SEVERITY_WARNING,
    SEVERITY_ERROR,
} Severity;

/// "off", "note", "warning", "error".
const char *severity_name(Severity severity);

/// Everything that pinhook can find. The names (`config-unreadable`) are stable: scripts and
/// policies use them.
typedef enum {
    FINDING_CONFIG_UNREADABLE,
    FINDING_UNKNOWN_OPTION,
    FINDING_OPTION_IGNORED,
    FINDING_AFFINITY_INVALID,
    FINDING_POLICY_INVALID,
    FINDING_CELL_CPUS,
    FINDING_CELL_MEMORY,
    FINDING_CELL_GAP,
    FINDING_HOSTNODES_LIST,
    FINDING_NODE_MISSING,
    FINDING_HUGEPAGES,
    FINDING_HOTPLUG_MEMORY,
    FINDING_CPU_MISSING,
    FINDING_TOO_FEW_CPUS,
    FINDING_NUMA_MISALIGNED,
    FINDING_CPU_TAKEN,
    FINDING_CORE_TAKEN,
    FINDING_NOT_ISOLATED,
    FINDING_SIBLING_NOT_ISOLATED,
    FINDING_NODE_MEMORY,
    FINDING_HUGEPAGES_LATE,
    FINDING_MEMORY_SPREAD,
    FINDING_NO_HOUSEKEEPING,
    FINDING_NOTHING_ISOLATED,
    FINDING_ISOLCPUS_IGNORED,
    FINDING_ISOLCPUS_MISSING,
    FINDING_MEMORY_UNBOUND,
    FINDING_NOT_FROZEN,
    FINDING_IRQ_ON_CPUS,
    FINDING_IRQBALANCE,
    FINDING_TUNED,
    FINDING_NUMA_BALANCING,
    FINDING_GOVERNOR,
    FINDING_HOST_STARVED,
    FINDING_IRQ_DEFAULT,
    FINDING_WORKQUEUES,
    FINDING_WATCHDOG,
    FINDING_DEEP_SLEEP,
    FINDING_KSM,
    FINDING_HUGE_FOR_ALL,
    FINDING_NOHZ_FULL_MISSING,
    FINDING_RCU_NOCBS_MISSING,
    FINDING_ISOLATION_LISTS_DIFFER,
    FINDING_CPU0_USED,
    FINDING_CONTAINER_ON_CPUS,
    FINDING_GUEST_SMT,
    FINDING_SMT_EXPOSED,
    FINDING_SMT_HIDDEN,
    FINDING_LLC_SPLIT,
    FINDING_NODE_SPLIT,
    FINDING_KIND_MIXED,
    FINDING_KIND_SLOW,
    FINDING_LLC_SMALLER,
    FINDING_CPU_LIMIT,
    FINDING_BALLOON,
    FINDING_HOTPLUG_CPU,
    FINDING_DEVICE_REMOTE,
    FINDING_UNPINNABLE,
    FINDING_VCPU_MISSING,
    FINDING_NOT_BOUND,
    FINDING_THREAD_UNMOVABLE,
    FINDING_MEMORY_REMOTE,
    FINDING_QMP_TIMEOUT,
    FINDING_QMP_FAILED,
    FINDING_VM_GONE,
    FINDING_COUNT,
} FindingCode;

/// What there is to say of a code, whatever the VM: for `explain` and the manual.
typedef struct {
    const char *name;
    Severity severity;   // where the policy says nothing else
    const char *means;   // one sentence
    const char *matters; // why it is worth stopping for
    const char *fix;     // how to mend it
    gboolean bearable;   // a VM can be started with it, knowingly
} FindingKind;

const FindingKind *finding_kind(FindingCode code);

/// The code called @name; FALSE: there is none.
gboolean finding_lookup(const char *name, FindingCode *code);

/// One thing that is wrong with one VM.
typedef struct Finding Finding;

struct Finding {
    FindingCode code;
    Severity severity;   // never SEVERITY_OFF
    char *message;       // the reason, with the real numbers; one line
    GPtrArray *fixes;    // Fix: ways to mend it; never NULL
    const Finding *with; // of the same list: its fix mends this one too; NULL: none
    gboolean later;      // not so, but what mends this one is to be looked for once that is done
};

/// Takes @message. Nothing mends it yet.
Finding *finding_new(FindingCode code, Severity severity, char *message);

/// One more way to mend it. Takes @fix; NULL, or what changes nothing: none.
void finding_offer(Finding *finding, Fix *fix);

void finding_free(Finding *finding);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Finding, finding_free)

/// Living with a finding: the rule that makes it of @severity for the VM.
Fix *finding_accept(FindingCode code, Severity severity);

/// A list of findings that owns them.
GPtrArray *finding_list_new(void);

/// Which findings of the list are told, of @least and above, errors first, and of how many others
/// each is the last that is: of one code and severity no more than FINDING_TOLD, as there may be
/// one for each of thousands of threads. The caller unrefs the array of FindingTold.
GArray *finding_list_told(const GPtrArray *findings, Severity least);

#define FINDING_TOLD 10

typedef struct {
    const Finding *finding;
    guint more; // so many of its code and severity are not told
} FindingTold;

/// How many findings of @severity are in the list.
guint finding_list_count(const GPtrArray *findings, Severity severity);
