// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"
#include "base/finding.h"

typedef enum { POLICY_ENFORCE, POLICY_WARN, POLICY_OFF } PolicyMode;
typedef enum { POLICY_KIND_FAST, POLICY_KIND_SLOW, POLICY_KIND_ANY } PolicyKind;
typedef enum { POLICY_LLC_FIT, POLICY_LLC_LARGEST } PolicyLlc;
typedef enum { POLICY_SMT_AUTO, POLICY_SMT_ISOLATE, POLICY_SMT_PAIR } PolicySmt;
typedef enum { POLICY_HOUSEKEEPING, POLICY_SPARE, POLICY_EMULATOR_CPUS } PolicyEmulator;
typedef enum { POLICY_VERIFY, POLICY_MIGRATE, POLICY_IGNORE } PolicyMemory;
typedef enum { POLICY_FAIL, POLICY_RUN, POLICY_STOP } PolicyUnproven;

/// A line that is not understood, or is understood though it is of an older pinhook.
typedef struct {
    guint line;
    guint last_line;  // of a group that is none: the end of what stands in it
    gboolean applies; // it stands in a group that counts for this VM on this node
    char *now;        // what an older value is called now; NULL: it is not understood
    char *message;    // names the key
} PolicyProblem;

/// The rules for one VM on one node. policy_key() says what each means.
typedef struct {
    PolicyMode mode;
    CpuSet *cpus; // NULL: not given
    PolicyKind kind;
    PolicyLlc llc;
    PolicySmt smt;
    PolicyEmulator emulator;
    CpuSet *emulator_cpus; // with POLICY_EMULATOR_CPUS
    PolicyMemory memory;
    guint memory_local_percent; // 0 to 100
    PolicyUnproven unproven;
    guint deadline_ms; // 1 to 600000
    Severity severities[FINDING_COUNT];
    GPtrArray *problems; // PolicyProblem
    char *file;          // that it was read from; NULL: none
} Policy;

/// What there is to say of a key, whatever the VM: for the manual.
typedef struct {
    const char *name;     // check.CODE: one for each finding
    const char *values;   // parted by commas, or what kind: "LIST"
    const char *standard; // the value where none is given; NULL: as `meaning` says
    const char *meaning;
} PolicyKey;

/// The @i'th key; NULL: there are no more.
const PolicyKey *policy_key(guint i);

/// Reads the text of pinhook.conf for VM @vmid on node @node (NULL: a node without a name). Never
/// fails: what is not understood is in `problems`, and the default stands. @text NULL: no file, all
/// defaults. Of a key given several times the narrower group wins, in one group the last.
Policy *policy_parse(const char *text, const char *node, guint vmid);

/// Takes one rule more, as if it stood in the VM's own group: for a policy that nobody else has
/// yet. PINHOOK_ERROR_INVALID where the key or the value is none.
gboolean policy_take(Policy *policy, const char *key, const char *value, GError **error);

/// The policy after what @fix changes in it. The caller frees it.
Policy *policy_change(const Policy *policy, const Fix *fix);

/// All defaults, with @message as a problem: for a file that is there and cannot be read.
Policy *policy_unreadable(const char *message);

void policy_free(Policy *policy);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Policy, policy_free)
