// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/fix.h"

#include "base/text.h"

#include <string.h>

static void change_free(gpointer data)
{
    Change *change = data;

    g_free(change->key);
    g_free(change->value);
    g_free(change->command);
    hwloc_bitmap_free(change->cpus);
    hwloc_bitmap_free(change->rest);
    g_free(change);
}

Fix *fix_new(void)
{
    Fix *fix = g_new0(Fix, 1);

    fix->changes = g_ptr_array_new_with_free_func(change_free);
    return fix;
}

void fix_free(Fix *fix)
{
    if (fix == NULL) {
        return;
    }
    g_clear_pointer(&fix->changes, g_ptr_array_unref);
    g_free(fix->remark);
    g_free(fix);
}

Fix *fix_copy(const Fix *fix)
{
    Fix *copy = fix_new();

    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        Change *one = g_new(Change, 1);
        *one = *change;
        one->key = g_strdup(change->key);
        one->value = g_strdup(change->value);
        one->command = g_strdup(change->command);
        one->cpus = change->cpus != NULL ? cpuset_copy(change->cpus) : NULL;
        one->rest = change->rest != NULL ? cpuset_copy(change->rest) : NULL;
        g_ptr_array_add(copy->changes, one);
    }
    copy->cost = fix->cost;
    copy->accepts = fix->accepts;
    copy->remark = g_strdup(fix->remark);
    return copy;
}

/* What it changes. */

static Change *add(Fix *fix, ChangeKind kind)
{
    Change *change = g_new0(Change, 1);

    change->kind = kind;
    g_ptr_array_add(fix->changes, change);
    return change;
}

static Fix *add_pair(Fix *fix, ChangeKind kind, const char *key, const char *value)
{
    Change *change = add(fix, kind);

    change->key = g_strdup(key);
    change->value = g_strdup(value);
    return fix;
}

Fix *fix_set(Fix *fix, const char *key, const char *value)
{
    return add_pair(fix, CHANGE_OPTION, key, value);
}

Fix *fix_set_number(Fix *fix, const char *key, guint64 value)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, value);

    return fix_set(fix, key, text);
}

Fix *fix_drop_unknown(Fix *fix, const char *key)
{
    return add_pair(fix, CHANGE_UNKNOWN, key, NULL);
}

Fix *fix_comment_out(Fix *fix, guint line, const char *text)
{
    Change *change = add(fix, CHANGE_LINE);

    change->first = line;
    change->value = g_strdup(text);
    return fix;
}

Fix *fix_rule(Fix *fix, const char *key, const char *value)
{
    return add_pair(fix, CHANGE_RULE, key, value);
}

Fix *fix_rule_lines(Fix *fix, guint first, guint last, const char *value)
{
    Change *change = add(fix, CHANGE_RULE_LINE);

    change->first = first;
    change->last = last;
    change->value = g_strdup(value);
    return fix;
}

Fix *fix_isolate(Fix *fix, const CpuSet *cpus, const CpuSet *rest)
{
    Change *change = add(fix, CHANGE_ISOLATED);

    change->cpus = cpuset_copy(cpus);
    change->rest = cpuset_copy(rest);
    fix->cost = MAX(fix->cost, COST_REBOOT);
    return fix;
}

/// @command with the next of @words, quoted, in place of each `{}`.
static char *fill_in(const char *command, va_list words)
{
    g_auto(GStrv) parts = g_strsplit(command, "{}", -1);
    g_autoptr(GString) filled = g_string_new(parts[0]);

    for (guint i = 1; parts[i] != NULL; i++) {
        g_autofree char *word = text_quote(va_arg(words, const char *));
        g_string_append_printf(filled, "%s%s", word, parts[i]);
    }
    return g_string_free(g_steal_pointer(&filled), FALSE);
}

Fix *fix_run(Fix *fix, const char *command, ...)
{
    va_list words;

    va_start(words, command);
    add(fix, CHANGE_COMMAND)->command = fill_in(command, words);
    va_end(words);
    return fix;
}

static void append_range(GString *words, guint first, guint last)
{
    const char *blank = words->len > 0 ? " " : "";

    if (last - first >= 2) {
        g_string_append_printf(words, "%s$(seq %u %u)", blank, first, last);
    } else {
        g_string_append_printf(words, last > first ? "%s%u %u" : "%s%u", blank, first, last);
    }
}

static char *to_words(const GArray *numbers)
{
    g_autoptr(GString) words = g_string_new(NULL);
    guint first = 0;

    for (guint i = 0; i < numbers->len; i++) {
        guint number = g_array_index(numbers, guint, i);
        first = i == 0 || number != g_array_index(numbers, guint, i - 1) + 1 ? number : first;
        if (i + 1 == numbers->len || g_array_index(numbers, guint, i + 1) != number + 1) {
            append_range(words, first, number);
        }
    }
    return g_string_free(g_steal_pointer(&words), FALSE);
}

Fix *fix_run_for_each(Fix *fix, const GArray *numbers, const char *command, ...)
{
    g_autofree char *words = to_words(numbers);
    va_list more;

    va_start(more, command);
    g_autofree char *body = fill_in(command, more);
    va_end(more);
    if (numbers->len == 1) {
        g_autoptr(GString) once = g_string_new(body);
        g_string_replace(once, "$i", words, 0);
        return fix_run(fix, once->str);
    }
    add(fix, CHANGE_COMMAND)->command = g_strdup_printf("for i in %s; do %s; done", words, body);
    return fix;
}

Fix *fix_end_guest(Fix *fix, guint vmid, gboolean container)
{
    Change *change = add(fix, CHANGE_END);

    change->vmid = vmid;
    change->container = container;
    return fix_takes(fix, "ends %s %u", container ? "CT" : "VM", vmid);
}

Fix *fix_move_guest(Fix *fix, guint vmid, const CpuSet *cpus)
{
    Change *change = add(fix, CHANGE_MOVE);

    change->vmid = vmid;
    change->cpus = cpuset_copy(cpus);
    fix->cost = MAX(fix->cost, COST_RESTART);
    g_free(fix->remark);
    fix->remark = g_strdup_printf("restarts VM %u", vmid);
    return fix;
}

Fix *fix_accepts(Fix *fix)
{
    fix->accepts = TRUE;
    return fix_takes(fix, "accepts it");
}

Fix *fix_takes(Fix *fix, const char *format, ...)
{
    va_list args;

    if (format != NULL) {
        va_start(args, format);
        g_free(fix->remark);
        fix->remark = g_strdup_vprintf(format, args);
        va_end(args);
        fix->cost = COST_LOSS;
    }
    return fix;
}

Fix *fix_join(Fix *fix, Fix *other)
{
    if (other == NULL) {
        return fix;
    }
    g_ptr_array_extend_and_steal(fix->changes, g_steal_pointer(&other->changes));
    fix->cost = MAX(fix->cost, other->cost);
    if (fix->remark == NULL) {
        fix->remark = g_steal_pointer(&other->remark);
    } else if (other->remark != NULL) {
        g_autofree char *first = g_steal_pointer(&fix->remark);
        fix->remark = g_strdup_printf("%s; %s", first, other->remark);
    }
    fix_free(other);
    return fix;
}

static gboolean is_same_set(const CpuSet *a, const CpuSet *b)
{
    return a == NULL || b == NULL ? a == b : hwloc_bitmap_isequal(a, b) != 0;
}

static gboolean is_same_change(const Change *a, const Change *b)
{
    return a->kind == b->kind && g_strcmp0(a->key, b->key) == 0 &&
           g_strcmp0(a->value, b->value) == 0 && a->first == b->first && a->last == b->last &&
           is_same_set(a->cpus, b->cpus) && g_strcmp0(a->command, b->command) == 0 &&
           a->vmid == b->vmid && a->container == b->container;
}

static gboolean has_change(const Fix *fix, const Change *change)
{
    gboolean found = FALSE;

    for (guint i = 0; !found && i < fix->changes->len; i++) {
        found = is_same_change(fix->changes->pdata[i], change);
    }
    return found;
}

gboolean fix_includes(const Fix *fix, const Fix *part)
{
    gboolean all = TRUE;

    for (guint i = 0; all && i < part->changes->len; i++) {
        all = has_change(fix, part->changes->pdata[i]);
    }
    return all;
}

/// What `key` belongs to: lines that are changed together.
static const char *target_of_option(const char *key)
{
    static const char *const vcpus[] = { "cores", "sockets", "vcpus", NULL };

    return g_str_has_prefix(key, "numa") ? "numa" : g_strv_contains(vcpus, key) ? "vcpus" : key;
}

static gboolean is_same_target(const Change *a, const Change *b)
{
    if (a->kind != b->kind) {
        return FALSE;
    }
    switch (a->kind) {
    case CHANGE_OPTION:
        return strcmp(target_of_option(a->key), target_of_option(b->key)) == 0;
    case CHANGE_ISOLATED:
        return TRUE;
    default:
        return is_same_change(a, b);
    }
}

gboolean fix_collides(const Fix *a, const Fix *b)
{
    for (guint i = 0; i < a->changes->len; i++) {
        for (guint j = 0; j < b->changes->len; j++) {
            if (is_same_target(a->changes->pdata[i], b->changes->pdata[j])) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

/* How it is printed. */

/// A fix on its way to a line.
typedef struct {
    const FixPlace *place;
    GString *line;
    char *vm; // "100"
} Printing;

static void append_word(GString *line, const char *word)
{
    g_autofree char *quoted = text_quote(word);

    g_string_append_printf(line, " %s", quoted);
}

static void append_path(GString *line, const char *path)
{
    g_autofree char *relative = g_strdup_printf("%s%s", *path == '-' ? "./" : "", path);

    append_word(line, relative);
}

static void begin_command(GString *line, const char *command)
{
    g_string_append_printf(line, "%s%s", line->len > 0 ? " && " : "", command);
}

/// `qm set 100 --affinity 4-7 --delete args,vcpus`
static void print_for_qm(const Printing *out, const Fix *fix)
{
    g_autoptr(GString) deleted = g_string_new(NULL);

    begin_command(out->line, "qm set");
    append_word(out->line, out->vm);
    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_OPTION && change->value != NULL) {
            g_string_append_printf(out->line, " --%s", change->key);
            append_word(out->line, change->value);
        } else if (change->kind == CHANGE_OPTION) {
            g_string_append_printf(deleted, "%s%s", deleted->len > 0 ? "," : "", change->key);
        }
    }
    if (deleted->len > 0) {
        g_string_append(out->line, " --delete");
        append_word(out->line, deleted->str);
    }
}

/// `1i` takes a backslash for the beginning of an escape.
static void append_insertion(GString *script, const Change *change)
{
    g_autoptr(GString) value = g_string_new(change->value);
    g_autofree char *insertion = NULL;

    g_string_replace(value, "\\", "\\\\", 0);
    insertion = g_strdup_printf("1i %s: %s", change->key, value->str);
    g_string_append(script, " -e");
    append_word(script, insertion);
}

/// What stands behind a section's header is not the VM's own.
static void print_for_file(const Printing *out, const Fix *fix)
{
    g_autoptr(GString) deletions = g_string_new("/^\\[[^ ]*\\]/,$!{");

    begin_command(out->line, "sed -i");
    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_OPTION && change->value != NULL) {
            append_insertion(out->line, change);
        }
        if (change->kind == CHANGE_OPTION || change->kind == CHANGE_UNKNOWN) {
            g_string_append_printf(deletions, "/^%s:/d;", change->key);
        }
    }
    g_string_truncate(deletions, deletions->len - 1);
    g_string_append_c(deletions, '}');
    g_string_append(out->line, " -e");
    append_word(out->line, deletions->str);
    append_path(out->line, out->place->config);
}

static void print_options(const Printing *out, const Fix *fix)
{
    if (out->place->config != NULL) {
        print_for_file(out, fix);
    } else {
        print_for_qm(out, fix);
    }
}

/// So much of a line finds it again.
#define PATTERN_LENGTH 80

/// What sed finds the line by. What is not ASCII would depend on the locale.
static char *line_pattern(const char *text)
{
    g_autoptr(GString) pattern = g_string_new("^");

    for (gsize i = 0; text[i] != '\0' && i < PATTERN_LENGTH; i++) {
        if (strchr("\\/.*[]^$", text[i]) != NULL) {
            g_string_append_c(pattern, '\\');
        }
        g_string_append_c(pattern, g_ascii_isprint(text[i]) ? text[i] : '.');
    }
    g_string_append(pattern, strlen(text) > PATTERN_LENGTH ? ".*" : "\\s*$");
    return g_string_free(g_steal_pointer(&pattern), FALSE);
}

/// By what it says: Proxmox sorts the lines whenever it writes, and another fix may come first.
static void print_line(const Printing *out, const Change *change)
{
    g_autofree char *pattern = line_pattern(change->value);
    g_autofree char *script = g_strdup_printf("s/%s/#&/", pattern);
    g_autofree char *path = out->place->config != NULL
                                ? g_strdup(out->place->config)
                                : g_strdup_printf("/etc/pve/qemu-server/%s.conf", out->vm);

    begin_command(out->line, g_str_is_ascii(change->value) ? "sed -i" : "LC_ALL=C sed -i");
    append_word(out->line, script);
    append_path(out->line, path);
}

static void append_policy_path(const Printing *out)
{
    append_path(out->line, out->place->policy != NULL ? out->place->policy : "/" POLICY_PATH);
}

/// Groups may be repeated, and the last rule wins.
static void print_rules(const Printing *out, const Fix *fix)
{
    g_autoptr(GString) rules = g_string_new(NULL);

    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        if (change->kind == CHANGE_RULE) {
            g_string_append_printf(rules, "%s = %s\\n", change->key, change->value);
        }
    }
    g_string_replace(rules, "%", "%%", 0);
    g_autofree char *text = g_strdup_printf("\\n[vm %s]\\n%s", out->vm, rules->str);
    begin_command(out->line, "printf");
    append_word(out->line, text);
    g_string_append(out->line, " >>");
    append_policy_path(out);
}

static void print_rule_line(const Printing *out, const Change *change)
{
    begin_command(out->line, "sed -i");
    if (change->value != NULL) {
        g_string_append_printf(out->line, " '%us/=.*/= %s/'", change->first, change->value);
    } else if (change->last > change->first) {
        g_string_append_printf(out->line, " '%u,%us/^/#/'", change->first, change->last);
    } else {
        g_string_append_printf(out->line, " '%us/^/#/'", change->first);
    }
    append_policy_path(out);
}

/// Several options are one command, and several rules too: it stands where the first of them does.
static gboolean is_printed_before(const Fix *fix, guint i)
{
    const Change *change = fix->changes->pdata[i];
    gboolean joined = change->kind == CHANGE_OPTION || change->kind == CHANGE_RULE;
    gboolean before = FALSE;

    for (guint j = 0; joined && j < i; j++) {
        before |= ((const Change *)fix->changes->pdata[j])->kind == change->kind;
    }
    return before;
}

static void print_move(const Printing *out, const Change *change)
{
    g_autofree char *list = cpuset_to_list(change->cpus);

    begin_command(out->line, "qm set");
    g_string_append_printf(
        out->line, " %u --affinity %s && qm reboot %u", change->vmid, list, change->vmid);
}

static void print_change(const Printing *out, const Fix *fix, const Change *change)
{
    switch (change->kind) {
    case CHANGE_OPTION:
        print_options(out, fix);
        break;
    case CHANGE_LINE:
        print_line(out, change);
        break;
    case CHANGE_RULE:
        print_rules(out, fix);
        break;
    case CHANGE_RULE_LINE:
        print_rule_line(out, change);
        break;
    case CHANGE_COMMAND:
        begin_command(out->line, change->command);
        break;
    case CHANGE_END:
        begin_command(out->line, change->container ? "pct shutdown" : "qm shutdown");
        g_string_append_printf(out->line, " %u", change->vmid);
        break;
    case CHANGE_MOVE:
        print_move(out, change);
        break;
    case CHANGE_UNKNOWN:
    case CHANGE_ISOLATED:
        break; // goes with the options; comes last
    }
}

static const Change *find_isolation(const Fix *fix)
{
    const Change *found = NULL;

    for (guint i = 0; i < fix->changes->len; i++) {
        const Change *change = fix->changes->pdata[i];
        found = change->kind == CHANGE_ISOLATED ? change : found;
    }
    return found;
}

/// The whole line, for each alternative at the end of it; "" where there is none.
static void add_line(GPtrArray *lines, const Printing *out, const Fix *fix, const char *way)
{
    g_autofree char *line = g_strdup_printf("%s%s%s%s%s", out->line->str,
        out->line->len > 0 && *way != '\0' ? " && " : "", way,
        fix->remark == NULL          ? ""
        : strstr(way, " # ") != NULL ? "; "
                                     : " # ",
        fix->remark != NULL ? fix->remark : "");

    if (text_is_plain(line)) {
        g_ptr_array_add(lines, g_steal_pointer(&line));
    }
}

char **fix_lines(const Fix *fix, const FixPlace *place)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) line = g_string_new(NULL);
    g_autofree char *vm = place->vmid != 0 ? g_strdup_printf("%u", place->vmid) : g_strdup("VMID");
    const Printing out = { .place = place, .line = line, .vm = vm };
    const Change *isolation = find_isolation(fix);
    g_auto(GStrv) ways = isolation != NULL
                             ? cmdline_isolate(isolation->cpus, isolation->rest, place->loader)
                             : g_strsplit("", ",", -1);

    for (guint i = 0; i < fix->changes->len; i++) {
        if (!is_printed_before(fix, i)) {
            print_change(&out, fix, fix->changes->pdata[i]);
        }
    }
    for (guint i = 0; ways[i] != NULL; i++) {
        add_line(lines, &out, fix, ways[i]);
    }
    if (isolation == NULL) {
        add_line(lines, &out, fix, "");
    }
    g_ptr_array_add(lines, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&lines), FALSE);
}
