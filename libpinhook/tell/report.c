// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/report.h"

#include "base/text.h"

#include <string.h>

Report *report_new(guint vmid, const char *phase, Outcome outcome)
{
    Report *report = g_new0(Report, 1);

    report->vmid = vmid;
    report->phase = phase;
    report->outcome = outcome;
    report->findings = finding_list_new();
    return report;
}

void report_free(Report *report)
{
    if (report == NULL) {
        return;
    }
    plan_free(report->plan);
    observed_free(report->observed);
    memory_free(report->memory);
    g_ptr_array_unref(report->findings);
    g_free(report->note);
    g_free(report->unattached);
    g_free(report->displaced);
    g_clear_pointer(&report->advice, g_ptr_array_unref);
    g_free(report->config);
    g_free(report->policy);
    g_free(report);
}

void report_add_findings(Report *report, GPtrArray *from)
{
    g_ptr_array_extend_and_steal(report->findings, g_ptr_array_ref(from));
}

static gboolean is_what_if(const Report *report)
{
    return strcmp(report->phase, "plan") == 0;
}

int report_exit_status(const Report *report)
{
    if (is_what_if(report)) {
        return report->plan != NULL ? 0 : 1;
    }
    switch (report->outcome) {
    case OUTCOME_SKIPPED:
    case OUTCOME_PASSED:
    case OUTCOME_WARNED:
    case OUTCOME_PROVEN:
        return 0;
    case OUTCOME_REFUSED:
    case OUTCOME_UNPROVEN:
        return 1;
    case OUTCOME_FAILED:
        return report->tolerated ? 0 : 3;
    }
    g_assert_not_reached();
}

/* Task-log lines. */

/// What every line begins with, so that it can stand alone.
static char *line_prefix(const Report *report)
{
    return report->vmid != 0 ? g_strdup_printf("pinhook: vm %u: ", report->vmid)
                             : g_strdup("pinhook: ");
}

static void G_GNUC_PRINTF(3, 4)
    add_line(GString *text, const Report *report, const char *format, ...)
{
    g_autofree char *prefix = line_prefix(report);
    va_list args;

    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *shown = text_show(line);
    g_string_append_printf(text, "%s%s\n", prefix, shown);
}

static void add_run(GString *list, guint first, guint last)
{
    g_string_append_printf(list, "%s%u", list->len > 0 ? "," : "", first);
    if (last > first) {
        g_string_append_printf(list, "-%u", last);
    }
}

/// The CPUs of @vcpus in their order: "2-3,6-7" for 2, 3, 6, 7 and "3,2" for 3, 2.
static char *list_cpus_in_order(const Plan *plan, const CpuSet *vcpus)
{
    g_autoptr(GString) list = g_string_new(NULL);
    guint first = 0, last = 0;
    unsigned vcpu;

    hwloc_bitmap_foreach_begin (vcpu, vcpus) {
        guint cpu = plan_vcpu(plan, vcpu)->cpu;
        gboolean is_first = (int)vcpu == hwloc_bitmap_first(vcpus);
        if (!is_first && cpu != last + 1) {
            add_run(list, first, last);
        }
        if (is_first || cpu != last + 1) {
            first = cpu;
        }
        last = cpu;
    }
    hwloc_bitmap_foreach_end();
    add_run(list, first, last);
    return g_string_free(g_steal_pointer(&list), FALSE);
}

/// " of 96 and 32 MiB": the sizes of the plan's last-level caches, where the host's differ.
static char *list_llc_sizes(const Plan *plan)
{
    g_autoptr(CpuSet) seen = cpuset_new();
    GString *sizes = g_string_new(NULL);

    for (guint i = 0; plan->llcs_differ && i < plan->vcpus->len; i++) {
        const PlanVcpu *vcpu = plan_vcpu(plan, i);
        guint mib = vcpu->llc_kib / 1024;
        if (vcpu->llc_kib > 0 && !hwloc_bitmap_isset(seen, mib)) {
            g_string_append_printf(sizes, "%s%u", sizes->len > 0 ? " and " : " of ", mib);
            hwloc_bitmap_set(seen, mib);
        }
    }
    return g_string_free(g_string_append(sizes, sizes->len > 0 ? " MiB" : ""), FALSE);
}

/// ", performance and efficiency cores", in the order of the vCPUs.
static char *list_kinds(const Plan *plan)
{
    g_autoptr(GPtrArray) seen = g_ptr_array_new();
    GString *kinds = g_string_new(NULL);

    for (guint i = 0; i < plan->vcpus->len; i++) {
        const char *kind = plan_vcpu(plan, i)->kind;
        if (*kind != '\0' && !g_ptr_array_find(seen, kind, NULL)) {
            g_string_append_printf(kinds, "%s%s", kinds->len > 0 ? " and " : ", ", kind);
            g_ptr_array_add(seen, (gpointer)kind);
        }
    }
    return g_string_free(g_string_append(kinds, kinds->len > 0 ? " cores" : ""), FALSE);
}

/// "node 0, LLC 1 of 96 MiB, performance cores"
static char *describe_place(const Plan *plan)
{
    g_autoptr(CpuSet) llcs = cpuset_new();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        hwloc_bitmap_set(llcs, plan_vcpu(plan, i)->llc);
    }
    g_autofree char *nodes = cpuset_to_list(plan->nodes);
    g_autofree char *list = cpuset_to_list(llcs);
    g_autofree char *sizes = list_llc_sizes(plan);
    g_autofree char *kinds = list_kinds(plan);
    return g_strdup_printf("node %s, LLC %s%s%s", nodes, list, sizes, kinds);
}

static CpuSet *vcpus_of_plan(const Plan *plan)
{
    CpuSet *vcpus = cpuset_new();

    hwloc_bitmap_set_range(vcpus, 0, (int)plan->vcpus->len - 1);
    return vcpus;
}

/// The vCPUs that were read back where the plan wants them.
static CpuSet *vcpus_bound(const Report *report)
{
    CpuSet *vcpus = cpuset_new();

    for (guint i = 0; i < report->observed->threads->len; i++) {
        const ObservedThread *seen = report->observed->threads->pdata[i];
        if (seen->thread->role == THREAD_VCPU && seen->wanted != NULL &&
            hwloc_bitmap_isequal(seen->allowed, seen->wanted)) {
            hwloc_bitmap_set(vcpus, seen->thread->vcpu);
        }
    }
    return vcpus;
}

static void add_plan(GString *text, const Report *report)
{
    const Plan *plan = report->plan;
    if (plan == NULL) {
        return;
    }

    g_autoptr(CpuSet) all = vcpus_of_plan(plan);
    g_autofree char *vcpus = cpuset_to_list(all);
    g_autofree char *cpus = list_cpus_in_order(plan, all);
    g_autofree char *place = describe_place(plan);
    g_autofree char *others = cpuset_to_list(plan->others);
    g_autoptr(CpuSet) idle_cpus = cpuset_minus(plan->cores, plan->cpus);
    g_autofree char *idle = cpuset_to_list(idle_cpus);
    add_line(text, report, "plan: vCPU %s on CPU %s (%s); the rest on CPU %s%s%s", vcpus, cpus,
        place, others, *idle != '\0' ? "; kept idle: " : "", idle);
}

/// Where its fixes are pasted.
static FixPlace place_of(const Report *report)
{
    return (FixPlace){ .vmid = report->vmid,
        .config = report->config,
        .policy = report->policy,
        .loader = report->loader };
}

static void append_way(GString *text, const char *prefix, const char *label, const char *way)
{
    g_string_append_printf(text, "%s  %-4s %s\n", prefix, label, way);
}

/// In a task log what accepts a warning is told only where there is nothing else to tell: the VM
/// starts anyway.
static gboolean is_told(const Finding *finding, const Fix *fix, ReportStyle style)
{
    gboolean alone = finding->fixes->len == 1 && finding->with == NULL;

    return style == REPORT_WHOLE || !fix->accepts || finding->severity == SEVERITY_ERROR || alone;
}

/// The fixes. How many lines that are.
static guint append_ways(GString *text, const char *prefix, const Finding *finding,
    ReportStyle style, const FixPlace *place)
{
    guint count = 0;

    for (guint i = 0; i < finding->fixes->len; i++) {
        const Fix *fix = finding->fixes->pdata[i];
        g_auto(GStrv) ways = fix_lines(fix, place);
        for (guint j = 0; ways[j] != NULL && is_told(finding, fix, style); j++) {
            append_way(text, prefix, count + (finding->with != NULL) > 0 ? "or:" : "fix:", ways[j]);
            count++;
        }
    }
    return count;
}

/// The fixes, or where to look for one. What accepts the finding comes behind either.
static void append_fixes(GString *text, const char *prefix, const Finding *finding,
    ReportStyle style, const FixPlace *place)
{
    if (finding->with != NULL) {
        g_autofree char *where = g_strdup_printf("%s %s",
            finding->later ? "what is left after the fix of" : "the fix of",
            finding_kind(finding->with->code)->name);
        append_way(text, prefix, "see:", where);
    }
    if (append_ways(text, prefix, finding, style, place) == 0 && finding->with == NULL) {
        g_autofree char *where = g_strdup_printf(
            "pinhook explain %s", finding_kind(finding->code)->name);
        append_way(text, prefix, "see:", where);
    }
}

void report_append_findings(GString *text, const char *prefix, const GPtrArray *findings,
    ReportStyle style, const FixPlace *place)
{
    g_autoptr(GArray) told = finding_list_told(
        findings, style == REPORT_WHOLE ? SEVERITY_NOTE : SEVERITY_WARNING);

    for (guint i = 0; i < told->len; i++) {
        const FindingTold *one = &g_array_index(told, FindingTold, i);
        const Finding *finding = one->finding;
        const char *name = finding_kind(finding->code)->name;
        g_autofree char *shown = text_show(finding->message);

        g_string_append_printf(
            text, "%s%s: %s: %s\n", prefix, severity_name(finding->severity), name, shown);
        append_fixes(text, prefix, finding, style, place);
        if (one->more > 0) {
            g_string_append_printf(text, "%s%s: %s: and %u more\n", prefix,
                severity_name(finding->severity), name, one->more);
        }
    }
}

/// Where notes are only counted: nobody reads a task log of what is well.
static gboolean is_start(const Report *report)
{
    static const char *const phases[] = { "pre-start", "post-start", "repair", NULL };

    return g_strv_contains(phases, report->phase);
}

static void add_findings(GString *text, const Report *report)
{
    g_autofree char *prefix = line_prefix(report);
    FixPlace place = place_of(report);

    report_append_findings(
        text, prefix, report->findings, is_start(report) ? REPORT_TASK_LOG : REPORT_WHOLE, &place);
}

/// "1 error, 2 warnings, 1 note (pinhook check 100)"
static char *count_findings(const Report *report)
{
    GString *text = g_string_new(NULL);

    for (guint severity = SEVERITY_ERROR; severity >= SEVERITY_NOTE; severity--) {
        guint count = finding_list_count(report->findings, (Severity)severity);
        if (count > 0) {
            g_string_append_printf(text, "%s%u %s%s", text->len > 0 ? ", " : "", count,
                severity_name((Severity)severity), count > 1 ? "s" : "");
        }
    }
    if (is_start(report) && finding_list_count(report->findings, SEVERITY_NOTE) > 0) {
        g_string_append_printf(text, " (pinhook check %u)", report->vmid);
    }
    return g_string_free(text, FALSE);
}

static const char *guest_text(const Report *report)
{
    switch (report->guest) {
    case GUEST_UNTOUCHED:
        return report->outcome == OUTCOME_PROVEN || report->pid == 0 ? "" : "; it runs on";
    case GUEST_UNKNOWN:
        return "; whether it runs is not known";
    case GUEST_RELEASED:
        return report->outcome == OUTCOME_PROVEN ? "; released" : "; released all the same";
    case GUEST_FROZEN:
        return report->outcome == OUTCOME_PROVEN ? "; it waits for what started it"
                                                 : "; it stays frozen";
    case GUEST_ENDED:
        return "; its QEMU was ended, before an instruction of the guest was executed";
    case GUEST_GONE:
        return "; its QEMU has ended";
    }
    g_assert_not_reached();
}

/// "; memory 100 % on node 1 (512 MiB moved)"
static char *memory_text(const Report *report)
{
    const Memory *memory = report->memory;
    if (memory == NULL) {
        return g_strdup("");
    }

    g_autofree char *where = memory_describe(memory, report->plan->nodes);
    g_autofree char *size = memory_size(memory->moved_kib);
    g_autofree char *moved = memory->moved_kib > 0 ? g_strdup_printf(" (%s moved)", size)
                                                   : g_strdup("");
    return g_strconcat(
        "; memory ", memory_is_judged(memory) ? where : "hardly in use yet", moved, NULL);
}

/// "; 2 threads bound again"
static char *repaired_text(const Report *report)
{
    guint moved = strcmp(report->phase, "repair") == 0 ? report->observed->moved : 0;

    return moved > 0 ? g_strdup_printf("; %u thread%s bound again", moved, moved > 1 ? "s" : "")
                     : g_strdup("");
}

static void add_proven(GString *text, const Report *report)
{
    g_autoptr(CpuSet) bound = vcpus_bound(report);
    g_autofree char *vcpus = cpuset_to_list(bound);
    g_autofree char *cpus = list_cpus_in_order(report->plan, bound);
    g_autofree char *others = cpuset_to_list(report->plan->others);
    g_autofree char *placed = *vcpus != '\0'
                                  ? g_strdup_printf("vCPU %s bound 1:1 to CPU %s", vcpus, cpus)
                                  : g_strdup("no vCPU");

    g_autofree char *count = count_findings(report);
    g_autofree char *with = *count != '\0' ? g_strdup_printf(" with %s", count) : g_strdup("");
    g_autofree char *repaired = repaired_text(report);
    g_autofree char *memory = memory_text(report);
    add_line(text, report, "PROVEN%s: %s; %u other threads on CPU %s%s%s%s%s", with, placed,
        report->others, others, report->plan->others_share ? " (shared)" : "", repaired, memory,
        guest_text(report));
}

static void add_unproven(GString *text, const Report *report)
{
    g_autofree char *count = count_findings(report);

    if (report->note != NULL) {
        add_line(text, report, "%s", report->note);
    }
    add_line(
        text, report, "NOT PROVEN: %s%s", *count != '\0' ? count : "no plan", guest_text(report));
    if (report->guest == GUEST_FROZEN || report->guest == GUEST_UNKNOWN) {
        add_line(text, report,
            "  once mended: pinhook %u post-start; to let it run as it is: "
            "qm resume %u",
            report->vmid, report->vmid);
    }
}

/// Every refusal names its override: an HA manager gives up on a VM that does not start.
static void add_override(GString *text, const Report *report)
{
    g_autoptr(Fix) fix = fix_rule(fix_new(), "mode", "warn");
    FixPlace place = place_of(report);
    g_auto(GStrv) lines = fix_lines(fix, &place);

    add_line(text, report, "  to start it anyway: %s", *lines);
}

static void add_refused(GString *text, const Report *report)
{
    g_autofree char *count = count_findings(report);

    if (report->note != NULL) {
        add_line(text, report, "%s", report->note);
    }
    add_line(text, report, "REFUSED: %s", count);
    if (!is_what_if(report)) {
        add_override(text, report);
    }
}

static const char *why_tolerated(const Report *report)
{
    return report->backup ? "locked for a backup" : "mode = warn";
}

static void add_failed(GString *text, const Report *report)
{
    g_autofree char *tolerated = g_strdup_printf(" (%s: it starts)", why_tolerated(report));

    add_line(text, report, "COULD NOT FIND OUT: %s%s", report->note,
        report->tolerated ? tolerated : guest_text(report));
    if (!report->tolerated && strcmp(report->phase, "pre-start") == 0) {
        add_override(text, report);
    }
}

static void add_passed(GString *text, const Report *report)
{
    g_autofree char *count = count_findings(report);
    g_autofree char *with = *count != '\0' ? g_strdup_printf(" with %s", count) : g_strdup("");
    g_autofree char *tolerated = g_strdup_printf(" (%s)", why_tolerated(report));

    add_line(text, report, "PASSED%s%s", with,
        finding_list_count(report->findings, SEVERITY_ERROR) > 0 ? tolerated : "");
    if (report->displaced != NULL) {
        add_line(text, report, "  %s", report->displaced);
    }
    if (report->unattached != NULL) {
        add_line(text, report, "  %s", report->unattached);
    }
}

static void add_outcome(GString *text, const Report *report)
{
    switch (report->outcome) {
    case OUTCOME_SKIPPED:
        if (report->note != NULL) {
            add_line(text, report, "%s", report->note);
        }
        break;
    case OUTCOME_PASSED:
    case OUTCOME_WARNED:
        add_passed(text, report);
        break;
    case OUTCOME_REFUSED:
        add_refused(text, report);
        break;
    case OUTCOME_PROVEN:
        add_proven(text, report);
        break;
    case OUTCOME_UNPROVEN:
        add_unproven(text, report);
        break;
    case OUTCOME_FAILED:
        add_failed(text, report);
        break;
    }
}

/* The table of `status`. */

enum { TABLE_COLUMNS = 7 };

static void fill_row(char *row[TABLE_COLUMNS], const ObservedThread *seen)
{
    const Thread *thread = seen->thread;

    row[0] = g_strdup_printf("%d", thread->tid);
    row[1] = text_show(thread->name);
    row[2] = g_strdup(thread_role_name(thread->role));
    row[3] = thread->role == THREAD_VCPU ? g_strdup_printf("%u", thread->vcpu) : g_strdup("-");
    row[4] = seen->wanted != NULL ? cpuset_to_list(seen->wanted) : g_strdup("-");
    row[5] = cpuset_to_list(seen->allowed);
    row[6] = g_strdup_printf("%d", thread->last_cpu);
}

static void add_row(GString *text, char *const row[TABLE_COLUMNS], const int width[TABLE_COLUMNS])
{
    for (guint column = 0; column < TABLE_COLUMNS; column++) {
        gboolean is_number = column == 0 || column == 3 || column == 6;
        g_string_append_printf(text, "%s%*s", column > 0 ? "  " : "",
            is_number ? width[column] : -width[column], row[column]);
    }
    g_string_append_c(text, '\n');
}

static void add_table(GString *text, const Observed *observed)
{
    static const char *const heads[TABLE_COLUMNS] = { "TID", "NAME", "ROLE", "VCPU", "WANTED",
        "ALLOWED", "LAST" };
    guint count = observed->threads->len + 1;
    g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
    int width[TABLE_COLUMNS] = { 0 };

    for (guint column = 0; column < TABLE_COLUMNS; column++) {
        g_ptr_array_add(cells, g_strdup(heads[column]));
    }
    for (guint i = 0; i < observed->threads->len; i++) {
        char *row[TABLE_COLUMNS];
        fill_row(row, observed->threads->pdata[i]);
        for (guint column = 0; column < TABLE_COLUMNS; column++) {
            g_ptr_array_add(cells, row[column]);
        }
    }
    for (guint i = 0; i < cells->len; i++) {
        width[i % TABLE_COLUMNS] = MAX(width[i % TABLE_COLUMNS], (int)strlen(cells->pdata[i]));
    }
    for (guint i = 0; i < count; i++) {
        add_row(text, (char *const *)cells->pdata + i * TABLE_COLUMNS, width);
    }
}

/// "memory: 88 % on node 1, 12 % on node 0, wanted on node 1 (1907 of 2048 in use)"
static void add_memory(GString *text, const Memory *memory, const Plan *plan)
{
    g_autofree char *where = memory_describe(memory, plan != NULL ? plan->nodes : NULL);
    g_autofree char *nodes = plan != NULL ? cpuset_to_list(plan->nodes) : NULL;

    if (!memory_is_judged(memory)) {
        g_string_append_printf(text, "memory: hardly in use yet (%u of %u sampled pages)\n",
            memory->touched, memory->sampled);
        return;
    }
    g_string_append_printf(text, "memory: %s%s%s (%u of %u in use)\n", where,
        nodes != NULL ? ", wanted on node " : "", nodes != NULL ? nodes : "", memory->touched,
        memory->sampled);
}

static void add_status(GString *text, const Report *report)
{
    g_string_append_printf(text, "VM %u: %s", report->vmid,
        report->outcome == OUTCOME_PROVEN ? "PROVEN" : "NOT PROVEN");
    if (report->pid != 0) {
        g_string_append_printf(text, ", QEMU is process %d", report->pid);
    }
    if (report->plan != NULL) {
        g_autofree char *place = describe_place(report->plan);
        g_string_append_printf(text, "; planned on %s", place);
    }
    g_string_append_c(text, '\n');
    if (report->observed != NULL) {
        add_table(text, report->observed);
    }
    if (report->memory != NULL) {
        add_memory(text, report->memory, report->plan);
    }
    add_findings(text, report);
    if (report->note != NULL) {
        add_line(text, report, "%s", report->note);
    }
}

/// The lines of the advice. Freed with g_strfreev().
static char **list_advice(const Report *report)
{
    FixPlace place = place_of(report);
    g_autoptr(GPtrArray) all = g_ptr_array_new();

    for (guint i = 0; i < report->advice->len; i++) {
        g_autofree char **lines = fix_lines(report->advice->pdata[i], &place);
        for (guint j = 0; lines[j] != NULL; j++) {
            g_ptr_array_add(all, lines[j]);
        }
    }
    g_ptr_array_add(all, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&all), FALSE);
}

char *report_to_text(const Report *report)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (report->advice != NULL) {
        g_auto(GStrv) lines = list_advice(report);
        g_autofree char *joined = g_strjoinv("\n", lines);
        return g_strconcat(joined, "\n", NULL);
    }
    if (strcmp(report->phase, "status") == 0 && report->outcome != OUTCOME_FAILED) {
        add_status(text, report);
    } else {
        if (report->outcome != OUTCOME_PROVEN && report->outcome != OUTCOME_UNPROVEN) {
            add_plan(text, report);
        }
        add_findings(text, report);
        add_outcome(text, report);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* JSON. */

static JsonObject *set_or_null(const CpuSet *set)
{
    g_autofree char *list = set != NULL ? cpuset_to_list(set) : NULL;

    return json_new_text(list);
}

/// The lines to paste of those fixes that accept the finding, or of those that do not; null: there
/// are none.
static JsonObject *fixes_to_json(const Finding *finding, gboolean accepts, const FixPlace *place)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < finding->fixes->len; i++) {
        const Fix *fix = finding->fixes->pdata[i];
        g_auto(GStrv) lines = fix_lines(fix, place);
        for (guint j = 0; lines[j] != NULL && fix->accepts == accepts; j++) {
            g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", lines[j]);
        }
    }
    return text->len > 0 ? json_object_new_string(text->str) : NULL;
}

JsonObject *report_findings_to_json(const GPtrArray *findings, const FixPlace *place)
{
    g_autoptr(GArray) told = finding_list_told(findings, SEVERITY_NOTE);
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < told->len; i++) {
        const FindingTold *one = &g_array_index(told, FindingTold, i);
        const Finding *finding = one->finding;
        JsonObject *json = json_object_new_object();
        json_object_object_add(
            json, "code", json_object_new_string(finding_kind(finding->code)->name));
        json_object_object_add(
            json, "severity", json_object_new_string(severity_name(finding->severity)));
        json_object_object_add(json, "message", json_new_text(finding->message));
        JsonObject *accept = fixes_to_json(finding, TRUE, place);
        json_object_object_add(json, "fix", fixes_to_json(finding, FALSE, place));
        if (accept != NULL) {
            json_object_object_add(json, "accept", accept);
        }
        if (finding->with != NULL && !finding->later) {
            json_object_object_add(
                json, "with", json_object_new_string(finding_kind(finding->with->code)->name));
        }
        if (one->more > 0) {
            json_object_object_add(json, "more", json_object_new_uint64(one->more));
        }
        json_object_array_add(array, json);
    }
    return array;
}

static JsonObject *thread_to_json(const ObservedThread *seen, const Plan *plan)
{
    const Thread *thread = seen->thread;
    const PlanVcpu *place = thread->role == THREAD_VCPU && plan != NULL
                                ? plan_vcpu(plan, thread->vcpu)
                                : NULL;
    JsonObject *json = json_object_new_object();

    json_object_object_add(json, "tid", json_object_new_int(thread->tid));
    json_object_object_add(json, "name", json_new_text(thread->name));
    json_object_object_add(json, "role", json_object_new_string(thread_role_name(thread->role)));
    json_object_object_add(
        json, "vcpu", thread->role == THREAD_VCPU ? json_object_new_uint64(thread->vcpu) : NULL);
    json_object_object_add(json, "wanted", set_or_null(seen->wanted));
    json_object_object_add(json, "allowed", set_or_null(seen->allowed));
    json_object_object_add(json, "last_cpu", json_object_new_int(thread->last_cpu));
    json_object_object_add(json, "kind",
        place != NULL && *place->kind != '\0' ? json_object_new_string(place->kind) : NULL);
    return json;
}

static JsonObject *threads_to_json(const Observed *observed, const Plan *plan)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; observed != NULL && i < observed->threads->len; i++) {
        json_object_array_add(array, thread_to_json(observed->threads->pdata[i], plan));
    }
    return array;
}

/// How many of the sampled pages lie on each node: {"0": 1907}.
static JsonObject *nodes_to_json(const Memory *memory)
{
    JsonObject *json = json_object_new_object();

    for (guint i = 0; i < memory->nodes->len; i++) {
        guint count = g_array_index(memory->nodes, guint, i);
        g_autofree char *node = g_strdup_printf("%u", i);
        if (count > 0) {
            json_object_object_add(json, node, json_object_new_uint64(count));
        }
    }
    return json;
}

/// @plan NULL: nothing is wanted.
static JsonObject *memory_to_json(const Memory *memory, const Plan *plan)
{
    if (memory == NULL) {
        return NULL;
    }
    JsonObject *json = json_object_new_object();
    json_object_object_add(json, "sampled", json_object_new_uint64(memory->sampled));
    json_object_object_add(json, "touched", json_object_new_uint64(memory->touched));
    json_object_object_add(json, "nodes", nodes_to_json(memory));
    json_object_object_add(json, "wanted", set_or_null(plan != NULL ? plan->nodes : NULL));
    json_object_object_add(json, "local_percent",
        plan != NULL && memory->touched > 0
            ? json_object_new_uint64(memory_percent_on(memory, plan->nodes))
            : NULL);
    json_object_object_add(json, "moved_kib", json_object_new_uint64(memory->moved_kib));
    json_object_object_add(json, "stuck_kib", json_object_new_uint64(memory->stuck_kib));
    return json;
}

static const char *outcome_name(const Report *report)
{
    static const char *const names[] = {
        [OUTCOME_SKIPPED] = "skip",
        [OUTCOME_PASSED] = "pass",
        [OUTCOME_WARNED] = "warn",
        [OUTCOME_REFUSED] = "refuse",
        [OUTCOME_PROVEN] = "proven",
        [OUTCOME_UNPROVEN] = "unproven",
        [OUTCOME_FAILED] = "failed",
    };

    return names[report->outcome];
}

/// Whether the door looks at a VM that runs.
static gboolean is_of_running(const Report *report)
{
    static const char *const phases[] = { "post-start", "repair", "status", NULL };

    return g_strv_contains(phases, report->phase);
}

static JsonObject *lines_to_json(const Report *report)
{
    g_auto(GStrv) lines = list_advice(report);
    JsonObject *array = json_object_new_array();

    for (guint i = 0; lines[i] != NULL; i++) {
        json_object_array_add(array, json_object_new_string(lines[i]));
    }
    return array;
}

JsonObject *report_to_json(const Report *report)
{
    JsonObject *json = json_object_new_object();
    FixPlace place = place_of(report);

    json_object_object_add(
        json, "vmid", report->vmid != 0 ? json_object_new_uint64(report->vmid) : NULL);
    if (strcmp(report->phase, "status") == 0) {
        json_object_object_add(
            json, "pid", report->pid != 0 ? json_object_new_int(report->pid) : NULL);
        json_object_object_add(
            json, "proven", json_object_new_boolean(report->outcome == OUTCOME_PROVEN));
        json_object_object_add(json, "threads", threads_to_json(report->observed, report->plan));
    } else {
        json_object_object_add(json, "phase", json_object_new_string(report->phase));
        json_object_object_add(json, "verdict", json_object_new_string(outcome_name(report)));
        json_object_object_add(
            json, "plan", report->plan != NULL ? plan_to_json(report->plan) : NULL);
    }
    if (strcmp(report->phase, "repair") == 0) {
        json_object_object_add(json, "bound_again",
            json_object_new_uint64(report->observed != NULL ? report->observed->moved : 0));
    }
    if (is_of_running(report)) {
        json_object_object_add(json, "memory", memory_to_json(report->memory, report->plan));
    }
    json_object_object_add(json, "findings", report_findings_to_json(report->findings, &place));
    if (report->note != NULL) {
        json_object_object_add(json, "note", json_new_text(report->note));
    }
    if (report->advice != NULL) {
        json_object_object_add(json, "advice", lines_to_json(report));
    }
    if (strcmp(report->phase, "check") == 0) {
        json_object_object_add(
            json, "attached", json_object_new_boolean(report->unattached == NULL));
    }
    return json;
}

/* What the codes mean. */

enum { WIDTH = 80, LABEL = 9 };

/// Words of @text in lines of at most WIDTH columns, behind @label on the first.
static void add_wrapped(GString *out, const char *label, const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    gsize column = LABEL;

    g_string_append_printf(out, "%-*s", LABEL, label);
    for (guint i = 0; words[i] != NULL; i++) {
        gsize length = (gsize)g_utf8_strlen(words[i], -1);
        if (i > 0 && column + 1 + length > WIDTH) {
            g_string_append_printf(out, "\n%*s", LABEL, "");
            column = LABEL;
        } else if (i > 0) {
            g_string_append_c(out, ' ');
            column++;
        }
        g_string_append(out, words[i]);
        column += length;
    }
    g_string_append_c(out, '\n');
}

char *report_explain(const FindingCode *code)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (code != NULL) {
        const FindingKind *kind = finding_kind(*code);
        g_string_append_printf(text, "%s (%s)\n", kind->name, severity_name(kind->severity));
        add_wrapped(text, "  means", kind->means);
        add_wrapped(text, "  why", kind->matters);
        add_wrapped(text, "  fix", kind->fix);
        return g_string_free(g_steal_pointer(&text), FALSE);
    }
    for (guint i = 0; i < FINDING_COUNT; i++) {
        const FindingKind *kind = finding_kind((FindingCode)i);
        g_string_append_printf(text, "%-24s%s\n", kind->name, severity_name(kind->severity));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static JsonObject *kind_to_json(const FindingKind *kind)
{
    JsonObject *json = json_object_new_object();

    json_object_object_add(json, "code", json_object_new_string(kind->name));
    json_object_object_add(json, "severity", json_object_new_string(severity_name(kind->severity)));
    json_object_object_add(json, "means", json_object_new_string(kind->means));
    json_object_object_add(json, "matters", json_object_new_string(kind->matters));
    json_object_object_add(json, "fix", json_object_new_string(kind->fix));
    return json;
}

JsonObject *report_explain_json(const FindingCode *code)
{
    if (code != NULL) {
        return kind_to_json(finding_kind(*code));
    }
    JsonObject *array = json_object_new_array();
    for (guint i = 0; i < FINDING_COUNT; i++) {
        json_object_array_add(array, kind_to_json(finding_kind((FindingCode)i)));
    }
    return array;
}
