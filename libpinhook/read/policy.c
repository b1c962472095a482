// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/policy.h"

#include "base/error.h"

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
    g_free(problem);
}

static Policy *policy_new(void)
{
    Policy *policy = g_new0(Policy, 1);

    policy->memory_local_percent = 95;
    policy->deadline_ms = 5000;
    for (guint i = 0; i < FINDING_COUNT; i++) {
        policy->severities[i] = finding_kind((FindingCode)i)->severity;
    }
    policy->problems = g_ptr_array_new_with_free_func(problem_free);
    return policy;
}

void policy_free(Policy *policy)
{
    if (policy == NULL) {
        return;
    }
    hwloc_bitmap_free(policy->cpus);
    hwloc_bitmap_free(policy->emulator_cpus);
    g_ptr_array_unref(policy->problems);
    g_free(policy);
}

/// Enough to find one's way in a file that is none.
#define PROBLEM_LIMIT 16

/// Whether there are enough of a kind: those of others do not crowd out those that apply.
static gboolean has_enough(const Policy *policy, gboolean applies)
{
    guint count = 0;

    for (guint i = 0; i < policy->problems->len; i++) {
        const PolicyProblem *problem = policy->problems->pdata[i];
        count += problem->applies == applies;
    }
    return count >= PROBLEM_LIMIT;
}

/// Takes @message. NULL: there are enough.
static PolicyProblem *add_problem(Policy *policy, guint line, gboolean applies, char *message)
{
    if (has_enough(policy, applies)) {
        g_free(message);
        return NULL;
    }
    PolicyProblem *problem = g_new(PolicyProblem, 1);

    *problem = (PolicyProblem){
        .line = line, .last_line = line, .applies = applies, .message = message
    };
    g_ptr_array_add(policy->problems, problem);
    return problem;
}

char *policy_rule_command(guint vmid, const char *key, const char *value)
{
    return g_strdup_printf("printf '\\n[vm %u]\\n%s = %s\\n' >> /" POLICY_PATH, vmid, key, value);
}

Policy *policy_unreadable(const char *message)
{
    Policy *policy = policy_new();

    add_problem(policy, 0, TRUE, g_strdup(message));
    return policy;
}

/* Values: each returns NULL when it took the value, else what it wants. */

static const char *const modes[] = { "enforce", "warn", "off", NULL };
static const char *const smts[] = { "auto", "isolate", "pair", NULL };
static const char *const memories[] = { "verify", "migrate", "ignore", NULL };
static const char *const unprovens[] = { "keep", "stop", NULL };
static const char *const severities[] = { "off", "warning", "error", NULL };

/// The place of @value among @words, or -1.
static int find_word(const char *const *words, const char *value)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

static const char *take_mode(Policy *policy, const char *value)
{
    int word = find_word(modes, value);

    if (word < 0) {
        return "enforce, warn or off";
    }
    policy->mode = (PolicyMode)word;
    return NULL;
}

static const char *take_smt(Policy *policy, const char *value)
{
    int word = find_word(smts, value);

    if (word < 0) {
        return "auto, isolate or pair";
    }
    policy->smt = (PolicySmt)word;
    return NULL;
}

static const char *take_memory(Policy *policy, const char *value)
{
    int word = find_word(memories, value);

    if (word < 0) {
        return "verify, migrate or ignore";
    }
    policy->memory = (PolicyMemory)word;
    return NULL;
}

static const char *take_unproven(Policy *policy, const char *value)
{
    int word = find_word(unprovens, value);

    if (word < 0) {
        return "keep or stop";
    }
    policy->unproven = (PolicyUnproven)word;
    return NULL;
}

static const char *take_cpus(Policy *policy, const char *value)
{
    CpuSet *cpus = cpuset_parse_list(value, ',', NULL);

    if (cpus == NULL) {
        return "a list of CPUs such as 2-5,8";
    }
    hwloc_bitmap_free(policy->cpus);
    policy->cpus = cpus;
    return NULL;
}

static const char *take_emulator(Policy *policy, const char *value)
{
    gboolean housekeeping = strcmp(value, "housekeeping") == 0;
    gboolean spare = strcmp(value, "spare") == 0;
    CpuSet *cpus = housekeeping || spare ? NULL : cpuset_parse_list(value, ',', NULL);

    if (!housekeeping && !spare && cpus == NULL) {
        return "housekeeping, spare or a list of CPUs";
    }
    policy->emulator = housekeeping ? POLICY_HOUSEKEEPING
                       : spare      ? POLICY_SPARE
                                    : POLICY_EMULATOR_CPUS;
    hwloc_bitmap_free(policy->emulator_cpus);
    policy->emulator_cpus = cpus;
    return NULL;
}

static gboolean take_number(const char *value, guint least, guint most, guint *number)
{
    guint64 wide;

    if (!g_ascii_string_to_unsigned(value, 10, least, most, &wide, NULL)) {
        return FALSE;
    }
    *number = (guint)wide;
    return TRUE;
}

static const char *take_memory_local(Policy *policy, const char *value)
{
    return take_number(value, 0, 100, &policy->memory_local_percent) ? NULL
                                                                     : "a percentage from 0 to 100";
}

static const char *take_deadline(Policy *policy, const char *value)
{
    return take_number(value, 1, 600000, &policy->deadline_ms) ? NULL
                                                               : "milliseconds from 1 to 600000";
}

static const struct {
    const char *key;
    const char *(*take)(Policy *policy, const char *value);
} keys[] = {
    { "cpus", take_cpus },
    { "deadline", take_deadline },
    { "emulator", take_emulator },
    { "memory", take_memory },
    { "memory-local", take_memory_local },
    { "mode", take_mode },
    { "smt", take_smt },
    { "unproven", take_unproven },
};

static const char *take_severity(Policy *policy, const char *name, const char *value)
{
    FindingCode code;
    int word = find_word(severities, value);

    if (!finding_lookup(name, &code)) {
        return "";
    }
    if (word < 0) {
        return "error, warning or off";
    }
    policy->severities[code] = (Severity)word;
    return NULL;
}

/// NULL: taken; "": there is no such key; else what the key wants.
static const char *take_key(Policy *policy, const char *key, const char *value)
{
    if (g_str_has_prefix(key, "check.")) {
        return take_severity(policy, key + strlen("check."), value);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].key, key) == 0) {
            return keys[i].take(policy, value);
        }
    }
    return "";
}

gboolean policy_take(Policy *policy, const char *key, const char *value, GError **error)
{
    const char *wanted = take_key(policy, key, value);

    if (wanted != NULL) {
        g_autofree char *shown = g_strescape(value, NULL);
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID, "'%.60s' is not %s", shown,
            *wanted != '\0' ? wanted : "the value of any key");
        return FALSE;
    }
    return TRUE;
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
        g_autofree char *shown = g_strescape(text, NULL);
        reading->scope = SCOPE_OTHER;
        reading->bad_group = add_problem(reading->policy, line, TRUE,
            g_strdup_printf("'%.60s' is none of [defaults], [node NAME], [vm VMID]", shown));
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
        g_autofree char *shown = g_strescape(text, NULL);
        add_problem(reading->policy, line, applies,
            g_strdup_printf("'%.60s' %s", shown,
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

/// Takes the rules of one scope into @policy; what is wrong goes to the problems of @report_to.
static void apply_rules(const GPtrArray *rules, Policy *policy, Policy *report_to, gboolean applies)
{
    for (guint i = 0; i < rules->len; i++) {
        const Rule *rule = rules->pdata[i];
        const char *wanted = take_key(policy, rule->key, rule->value);
        if (wanted == NULL) {
            continue;
        }
        g_autofree char *group = g_strescape(rule->group, NULL);
        g_autofree char *key = g_strescape(rule->key, NULL);
        g_autofree char *value = g_strescape(rule->value, NULL);
        add_problem(report_to, rule->line, applies,
            *wanted == '\0'
                ? g_strdup_printf("[%.60s] '%.60s' is no key", group, key)
                : g_strdup_printf("[%.60s] %s: '%.60s' is not %s", group, key, value, wanted));
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
