// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cmdline.h"

/// Where the policy lies: on pmxcfs, so the same on every node, and root's alone to write.
#define POLICY_PATH "etc/pve/pinhook.conf"

/// One thing that a fix changes.
typedef enum {
    CHANGE_OPTION,    // an option of the VM's config: `key` becomes `value`; NULL: it is deleted
    CHANGE_UNKNOWN,   // `key`, which Proxmox does not know and drops whenever it writes, is dropped
    CHANGE_LINE,      // line `first` of the VM's config, which is `value`, becomes a comment
    CHANGE_RULE,      // the VM's rule `key` of the policy becomes `value`
    CHANGE_RULE_LINE, // lines `first` to `last` of the policy become comments; `value`: line
                      // `first` gets that value
    CHANGE_ISOLATED,  // the next boot isolates `cpus`, and interrupts begin on `rest`
    CHANGE_COMMAND,   // something of the host, by `command`
    CHANGE_END,       // the guest `vmid` ends
    CHANGE_MOVE,      // the VM `vmid` gets `cpus` as its affinity, and is restarted
} ChangeKind;

typedef struct {
    ChangeKind kind;
    char *key, *value;
    guint first, last;
    CpuSet *cpus, *rest;
    char *command;
    guint vmid;
    gboolean container; // the guest is one
} Change;

/// In the order in which fixes are told.
typedef enum {
    COST_NOTHING,
    COST_RESTART, // of another guest
    COST_REBOOT,  // of the host
    COST_LOSS,   // it takes something away, and says what
} FixCost;

/// A way to mend a finding: what it changes, and what that costs. It is printed at the end alone,
/// so that it can be tried before.
typedef struct {
    GPtrArray *changes; // Change, in order
    FixCost cost;
    gboolean accepts; // it changes nothing but what is said of the finding
    char *remark;     // what it takes away; NULL: nothing
} Fix;

/// Where fixes are pasted, and what they call the files.
typedef struct {
    guint vmid;         // 0: the VM has none yet
    const char *config; // the file that was read in place of Proxmox's; NULL: that of Proxmox
    const char *policy; // likewise; NULL: /etc/pve/pinhook.conf
    Loader loader;
} FixPlace;

/// Without changes; the fix_… below add one each and return the fix, so that calls can be nested.
Fix *fix_new(void);
Fix *fix_copy(const Fix *fix);
void fix_free(Fix *fix);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fix, fix_free)

/// @value NULL: deletes the option.
Fix *fix_set(Fix *fix, const char *key, const char *value);
Fix *fix_set_number(Fix *fix, const char *key, guint64 value);

/// Beside another change of the config: an option that Proxmox does not know goes with it.
Fix *fix_drop_unknown(Fix *fix, const char *key);

/// A comment loses nothing, and Proxmox takes it for the VM's description.
Fix *fix_comment_out(Fix *fix, guint line, const char *text);

Fix *fix_rule(Fix *fix, const char *key, const char *value);

/// @value NULL: the lines become comments.
Fix *fix_rule_lines(Fix *fix, guint first, guint last, const char *value);

/// @rest: all other CPUs. Costs a reboot.
Fix *fix_isolate(Fix *fix, const CpuSet *cpus, const CpuSet *rest);

/// A shell command: @command, which is a literal, with each `{}` in it replaced by the next of the
/// words (const char *), quoted.
Fix *fix_run(Fix *fix, const char *command, ...);

/// The same for each of @numbers (guint), which is `$i` in @command and stands in no quotes there:
/// `for i in 24 25 $(seq 30 45); do …; done`, as there may be thousands in a row.
Fix *fix_run_for_each(Fix *fix, const GArray *numbers, const char *command, ...);

/// Costs that guest.
Fix *fix_end_guest(Fix *fix, guint vmid, gboolean container);

/// Costs a restart of that VM.
Fix *fix_move_guest(Fix *fix, guint vmid, const CpuSet *cpus);

/// Changes what is said of the finding, and that alone: it is lived with.
Fix *fix_accepts(Fix *fix);

/// Adds all that @other changes, which is taken (NULL: nothing). What both take away is said.
Fix *fix_join(Fix *fix, Fix *other);

/// Says what it takes away. @format NULL: nothing.
Fix *fix_takes(Fix *fix, const char *format, ...) G_GNUC_PRINTF(2, 3);

/// The lines to paste at @place: one, or several that are alternatives; none where a word of it
/// cannot be shown as it is. Freed with g_strfreev().
char **fix_lines(const Fix *fix, const FixPlace *place);

/// Whether @fix changes all that @part does, whatever they cost.
gboolean fix_includes(const Fix *fix, const Fix *part);

/// Whether both change one thing: a numa line, the kernel's command line, how many vCPUs there are.
gboolean fix_collides(const Fix *a, const Fix *b);
