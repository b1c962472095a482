// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/policy.h"

#include "base/error.h"
#include "base/text.h"

#include <string.h>

/// How near a group is to this VM: the nearer replaces the farther.
typedef enum {
    SCOPE_OTHER, // another VM or node, or nothing known
    SCOPE_DEFAULTS,
    SCOPE_NODE,
    SCOPE_VM,
    SCOPE_COUNT,
} Scope;

static void problem_free(gpointer data)
{
    PolicyProblem *problem = data;

    g_free(problem->message);
    g_free(problem->now);
    g_free(problem);
}

void policy_free(Policy *policy)
{
    if (policy == NULL) {
        return;
    }
    hwloc_bitmap_free(policy->cpus);
    hwloc_bitmap_free(policy->emulator_cpus);
    g_ptr_array_unref(policy->problems);
    g_free(policy->file);
    g_free(policy);
}

/// Of each kind: a file that is no policy at all may have half a million.
#define PROBLEM_LIMIT 200

/// Whether there are enough of its kind: those of others, or such as do not refuse a start, do not
/// crowd out those that do.
static gboolean has_enough(const Policy *policy, gboolean applies, const char *now)
{
    guint count = 0;

    for (guint i = 0; i < policy->problems->len; i++) {
        const PolicyProblem *problem = policy->problems->pdata[i];
        count += problem->applies == applies && (problem->now == NULL) == (now == NULL);
    }
    return count >= PROBLEM_LIMIT;
}

/// Takes @message. @now: as in PolicyProblem. NULL: there are enough.
static PolicyProblem *add_problem(
    Policy *policy, guint line, gboolean applies, const char *now, char *message)
{
    if (has_enough(policy, applies, now)) {
        g_free(message);
        return NULL;
    }
    PolicyProblem *problem = g_new(PolicyProblem, 1);

    *problem = (PolicyProblem){ .line = line,
        .last_line = line,
        .applies = applies,
        .now = g_strdup(now),
        .message = message };
    g_ptr_array_add(policy->problems, problem);
    return problem;
}

/* Keys. */

typedef struct Key Key;

/// A key with how it is read. A new one is a row of `keys`.
struct Key {
    PolicyKey key;
    gboolean (*take)(const Key *key, Policy *policy, const char *value);
    const char *wanted;      // what a value must be, where `values` does not say it
    gsize at;                // where it goes in Policy
    guint least, most;       // of a number
    const char *older, *now; // an older pinhook's value, and what it is called now; NULL: none
};

/// The place of @value among the key's words, or -1. LIST is none of them.
static int find_word(const Key *key, const char *value)
{
    g_auto(GStrv) words = g_strsplit(key->key.values, ", ", -1);

    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0 && g_ascii_islower(*value)) {
            return i;
        }
    }
    return -1;
}

/// One of the words: an enum in their order.
static gboolean take_word(const Key *key, Policy *policy, const char *value)
{
    int word = find_word(key, value);

    if (word >= 0) {
        G_STRUCT_MEMBER(guint, policy, key->at) = (guint)word;
    }
    return word >= 0;
}

static gboolean take_number(const Key *key, Policy *policy, const char *value)
{
    guint64 number;
    gboolean taken = g_ascii_string_to_unsigned(value, 10, key->least, key->most, &number, NULL);

    if (taken) {
        G_STRUCT_MEMBER(guint, policy, key->at) = (guint)number;
    }
    return taken;
}

static gboolean take_list(const Key *key, Policy *policy, const char *value)
{
    CpuSet *cpus = cpuset_parse_list(value, ',', NULL);
    CpuSet **at = G_STRUCT_MEMBER_P(policy, key->at);

    if (cpus != NULL) {
        hwloc_bitmap_free(*at);
        *at = cpus;
    }
    return cpus != NULL;
}

/// A word, or a list.
static gboolean take_emulator(const Key *key, Policy *policy, const char *value)
{
    int word = find_word(key, value);

    if (word < 0 && !take_list(key, policy, value)) {
        return FALSE;
    }
    if (word >= 0) {
        g_clear_pointer(&policy->emulator_cpus, hwloc_bitmap_free);
    }
    policy->emulator = word >= 0 ? (PolicyEmulator)word : POLICY_EMULATOR_CPUS;
    return TRUE;
}

static const Key keys[] = {
    { { "mode", "enforce, warn, off", "enforce", "Refuse; say it and start anyway; do nothing." },
        take_word, .at = offsetof(Policy, mode) },
    { { "cpus", "LIST", NULL,
          "The CPUs to choose from. Where it is not given: the VM's affinity; where that is not "
          "given either, any isolated CPUs that are free." },
        take_list, "a list of CPUs such as 2-5,8", offsetof(Policy, cpus) },
    { { "kind", "fast, slow, any", "fast",
          "Which kind of core comes first, where the CPU has several: the fastest, whose siblings "
          "come before slower cores; the slowest; or whichever fits." },
        take_word, .at = offsetof(Policy, kind) },
    { { "llc", "fit, largest", "fit",
          "Which last-level cache: the tightest that has the CPUs; or the one with the most cache "
          "(3D V-Cache), on siblings if it must be." },
        take_word, .at = offsetof(Policy, llc) },
    { { "smt", "auto, isolate, pair", "auto",
          "auto gives each vCPU a core of its own while there are enough, and else uses siblings; "
          "a guest with threads=2 gets each of its cores on one host core. isolate gives each "
          "vCPU a core of its own or refuses. pair puts vCPUs 2k and 2k+1 on siblings." },
        take_word, .at = offsetof(Policy, smt) },
    { { "emulator", "housekeeping, spare, LIST", "housekeeping",
          "Where QEMU's other threads go: to the CPUs that are neither isolated nor held, near "
          "the vCPUs; to a spare core of the VM's own CPUs; or to these CPUs." },
        take_emulator, "housekeeping, spare or a list of CPUs", offsetof(Policy, emulator_cpus) },
    { { "memory", "verify, migrate, ignore", "verify",
          "After the start: look where the memory lies; look, and move what lies elsewhere to the "
          "plan's nodes, for at most deadline milliseconds, before a frozen guest runs; do "
          "neither. See MEMORY." },
        take_word, .at = offsetof(Policy, memory) },
    { { "memory-local", "PERCENT", "95",
          "Percent of the memory in use that must lie on the plan's nodes." },
        take_number, "a percentage from 0 to 100", offsetof(Policy, memory_local_percent), 0, 100 },
    { { "unproven", "fail, run, stop", "fail",
          "What becomes of a frozen VM whose start is not proven, by the post-start that follows a "
          "pre-start. fail: where it is refuted (a vCPU elsewhere, another thread on its core) "
          "its QEMU is ended, which has not executed an instruction; where it is not known (QEMU "
          "did not answer) it runs. run: it runs. stop: it is ended. A VM that runs, or that was "
          "not started with freeze, or comes from a migration or hibernation, is never ended; nor "
          "is any with mode = warn." },
        take_word, .at = offsetof(Policy, unproven), .older = "keep", .now = "run" },
    { { "deadline", "MILLISECONDS", "5000",
          "For a dialogue with QEMU, to move memory, and to wait for another pinhook; repair "
          "waits for QEMU 2000 at most." },
        take_number, "milliseconds from 1 to 600000", offsetof(Policy, deadline_ms), 1, 600000 },
};

static const PolicyKey check_key = { "check.CODE", "error, warning, off", NULL,
    "The severity of one finding. Where it is not given: what pinhook(8) says of the finding." };

const PolicyKey *policy_key(guint i)
{
    return i < G_N_ELEMENTS(keys) ? &keys[i].key : i == G_N_ELEMENTS(keys) ? &check_key : NULL;
}

static gboolean take_severity(const Key *key, Policy *policy, const char *value)
{
    static const Severity severities[] = { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_OFF };
    int word = find_word(key, value);

    if (word >= 0) {
        policy->severities[key->at] = severities[word];
    }
    return word >= 0;
}

/// The key called @name, in @key. FALSE: there is none.
static gboolean find_key(const char *name, Key *key)
{
    FindingCode code;

    if (g_str_has_prefix(name, "check.") && finding_lookup(name + strlen("check."), &code)) {
        *key = (Key){ .key = check_key, .take = take_severity, .at = code };
        return TRUE;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].key.name, name) == 0) {
            *key = keys[i];
            return TRUE;
        }
    }
    return FALSE;
}

/// "enforce, warn or off".
static char *describe_wanted(const Key *key)
{
    const char *last = strrchr(key->key.values, ',');

    if (key->wanted != NULL) {
        return g_strdup(key->wanted);
    }
    return g_strdup_printf("%.*s or%s", (int)(last - key->key.values), key->key.values, last + 1);
}

static Policy *policy_new(void)
{
    Policy *policy = g_new0(Policy, 1);

    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].key.standard != NULL) {
            keys[i].take(&keys[i], policy, keys[i].key.standard);
        }
    }
    for (guint i = 0; i < FINDING_COUNT; i++) {
        policy->severities[i] = finding_kind((FindingCode)i)->severity;
    }
    policy->problems = g_ptr_array_new_with_free_func(problem_free);
    return policy;
}

Policy *policy_unreadable(const char *message)
{
    Policy *policy = policy_new();

    add_problem(policy, 0, TRUE, NULL, g_strdup(message));
    return policy;
}

/// NULL: taken; "": there is no such key; else what the key wants. The caller frees it. @now
/// (static) gets what an older value is called now; NULL: it is none.
static char *take_rule(Policy *policy, const char *name, const char *value, const char **now)
{
    Key key;

    *now = NULL;
    if (!find_key(name, &key)) {
        return g_strdup("");
    }
    if (g_strcmp0(key.older, value) == 0) {
        *now = value = key.now;
    }
    return key.take(&key, policy, value) ? NULL : describe_wanted(&key);
}

gboolean policy_take(Policy *policy, const char *key, const char *value, GError **error)
{
    const char *now;
    g_autofree char *wanted = take_rule(policy, key, value, &now);

    if (wanted != NULL) {
        g_autofree char *shown = text_show_start(value, 60);
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID, "'%s' is not %s", shown,
            *wanted != '\0' ? wanted : "the value of any key");
        return FALSE;
    }
    return TRUE;
}

/* What if. */

static Policy *policy_copy(const Policy *policy)
{
    Policy *copy = g_new(Policy, 1);

    *copy = *policy;
    copy->cpus = policy->cpus != NULL ? cpuset_copy(policy->cpus) : NULL;
    copy->emulator_cpus = policy->emulator_cpus != NULL ? cpuset_copy(policy->emulator_cpus) : NULL;
    copy->file = g_strdup(policy->file);
    copy->problems = g_ptr_array_new_with_free_func(problem_free);
    for (guint i = 0; i < policy->problems->len; i++) {
        const PolicyProblem *problem = policy->problems->pdata[i];
        PolicyProblem *one = g_new(PolicyProblem, 1);
        *one = *problem;
        one->now = g_strdup(problem->now);
        one->message = g_strdup(problem->message);
        g_ptr_array_add(copy->problems, one);
    }
    return copy;
}

/// What is wrong with line @line; such lines are not obeyed, or as they are called now.
static void forget_problem(Policy *policy, guint line)
{
    for (guint i = policy->problems->len; i-- > 0;) {
        if (((const PolicyProblem *)policy->problems->pdata[i])->line == line) {
            g_ptr_array_remove_index(policy->problems, i);
        }
    }
}

Policy *policy_change(const Policy *policy, const Fix *fix)
{
    Policy *changed = policy_copy(policy);

    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_RULE) {
            policy_take(changed, change->key, change->value, NULL);
        } else if (change->kind == CHANGE_RULE_LINE) {
            forget_problem(changed, change->first);
        }
    }
    return changed;
}

/* Lines. */

typedef struct {
    guint line;
    char *group;
    char *key;
    char *value;
} Rule;

static void rule_free(gpointer data)
{
    Rule *rule = data;

    g_free(rule->group);
    g_free(rule->key);
    g_free(rule->value);
    g_free(rule);
}

typedef struct {
    Policy *policy;
    const char *node;
    guint vmid;
    Scope scope;                   // of the group that the lines now stand in
    char *group;                   // NULL: before the first
    PolicyProblem *bad_group;      // the group that the lines stand in, if it is none
    GPtrArray *rules[SCOPE_COUNT]; // Rule
} Reading;

/// FALSE: a group of no known form.
static gboolean find_scope(const Reading *reading, const char *group, Scope *scope)
{
    guint64 vmid;

    *scope = SCOPE_OTHER;
    if (strcmp(group, "defaults") == 0) {
        *scope = SCOPE_DEFAULTS;
        return TRUE;
    }
    if (g_str_has_prefix(group, "node ") && group[strlen("node ")] != '\0') {
        *scope = g_strcmp0(group + strlen("node "), reading->node) == 0 ? SCOPE_NODE : SCOPE_OTHER;
        return TRUE;
    }
    if (g_str_has_prefix(group, "vm ") &&
        g_ascii_string_to_unsigned(group + strlen("vm "), 10, 100, 999999999, &vmid, NULL)) {
        *scope = vmid == reading->vmid ? SCOPE_VM : SCOPE_OTHER;
        return TRUE;
    }
    return FALSE;
}

static void read_group(Reading *reading, guint line, const char *text)
{
    gsize length = strlen(text);

    reading->bad_group = NULL;
    g_free(reading->group);
    reading->group = g_strndup(text + 1, length - (g_str_has_suffix(text, "]") ? 2 : 1));
    if (!g_str_has_suffix(text, "]") || !find_scope(reading, reading->group, &reading->scope)) {
        g_autofree char *shown = text_show_start(text, 60);
        reading->scope = SCOPE_OTHER;
        reading->bad_group = add_problem(reading->policy, line, TRUE, NULL,
            g_strdup_printf("'%s' is none of [defaults], [node NAME], [vm VMID]", shown));
    }
}

static void read_rule(Reading *reading, guint line, const char *text)
{
    const char *equals = strchr(text, '=');
    gboolean applies = reading->group == NULL || reading->scope != SCOPE_OTHER;

    if (reading->bad_group != NULL) {
        reading->bad_group->last_line = line;
    }
    if (equals == NULL || reading->group == NULL) {
        g_autofree char *shown = text_show_start(text, 60);
        add_problem(reading->policy, line, applies, NULL,
            g_strdup_printf("'%s' %s", shown,
                equals == NULL ? "is no 'key = value'" : "stands before the first [group]"));
        return;
    }
    Rule *rule = g_new(Rule, 1);
    rule->line = line;
    rule->group = g_strdup(reading->group);
    rule->key = g_strstrip(g_strndup(text, (gsize)(equals - text)));
    rule->value = g_strstrip(g_strdup(equals + 1));
    g_ptr_array_add(reading->rules[reading->scope], rule);
}

static void read_lines(Reading *reading, const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i] != NULL; i++) {
        const char *line = g_strstrip(lines[i]);
        if (*line == '[') {
            read_group(reading, i + 1, line);
        } else if (*line != '\0' && *line != '#' && *line != ';') {
            read_rule(reading, i + 1, line);
        }
    }
}

static void add_bad_rule(Policy *report_to, const Rule *rule, gboolean applies, const char *wanted)
{
    g_autofree char *group = text_show_start(rule->group, 60);
    g_autofree char *key = text_show_start(rule->key, 60);
    g_autofree char *value = text_show_start(rule->value, 60);

    add_problem(report_to, rule->line, applies, NULL,
        *wanted == '\0' ? g_strdup_printf("[%s] '%s' is no key", group, key)
                        : g_strdup_printf("[%s] %s: '%s' is not %s", group, key, value, wanted));
}

static void add_older_rule(Policy *report_to, const Rule *rule, gboolean applies, const char *now)
{
    g_autofree char *group = text_show_start(rule->group, 60);
    add_problem(report_to, rule->line, applies, now,
        g_strdup_printf("[%s] %s: '%s' is called '%s' now, and taken as that", group, rule->key,
            rule->value, now));
}

/// Takes the rules of one scope into @policy; what is wrong goes to the problems of @report_to.
static void apply_rules(const GPtrArray *rules, Policy *policy, Policy *report_to, gboolean applies)
{
    for (guint i = 0; i < rules->len; i++) {
        const Rule *rule = rules->pdata[i];
        const char *now;
        g_autofree char *wanted = take_rule(policy, rule->key, rule->value, &now);
        if (wanted != NULL) {
            add_bad_rule(report_to, rule, applies, wanted);
        } else if (now != NULL) {
            add_older_rule(report_to, rule, applies, now);
        }
    }
}

static int compare_problems(gconstpointer a, gconstpointer b)
{
    const PolicyProblem *first = *(PolicyProblem *const *)a;
    const PolicyProblem *second = *(PolicyProblem *const *)b;

    return first->line < second->line ? -1 : first->line > second->line;
}

Policy *policy_parse(const char *text, const char *node, guint vmid)
{
    Policy *policy = policy_new();
    Reading reading = { .policy = policy, .node = node, .vmid = vmid };

    for (guint i = 0; i < SCOPE_COUNT; i++) {
        reading.rules[i] = g_ptr_array_new_with_free_func(rule_free);
    }
    read_lines(&reading, text != NULL ? text : "");

    /* What is written for others is looked at too, in a policy that nobody uses. */
    g_autoptr(Policy) others = policy_new();
    apply_rules(reading.rules[SCOPE_OTHER], others, policy, FALSE);
    for (guint i = SCOPE_DEFAULTS; i < SCOPE_COUNT; i++) {
        apply_rules(reading.rules[i], policy, policy, TRUE);
    }
    g_ptr_array_sort(policy->problems, compare_problems);

    for (guint i = 0; i < SCOPE_COUNT; i++) {
        g_ptr_array_unref(reading.rules[i]);
    }
    g_free(reading.group);
    return policy;
}
