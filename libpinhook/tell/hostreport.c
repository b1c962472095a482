// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/hostreport.h"

#include "base/flow.h"
#include "tell/report.h"

#include <string.h>

void hostreport_free(HostReport *report)
{
    if (report == NULL) {
        return;
    }
    host_free(report->host);
    taken_free(report->taken);
    interrupts_free(report->interrupts);
    g_ptr_array_unref(report->findings);
    g_free(report);
}

int hostreport_exit_status(const HostReport *report)
{
    guint notes = finding_list_count(report->findings, SEVERITY_NOTE);

    return report->findings->len > notes ? 1 : 0;
}

/* Text. */

/// "isolated: 2-7"
static void add_set(GPtrArray *items, const char *name, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    g_ptr_array_add(items, g_strdup_printf("%s: %s", name, *list != '\0' ? list : "none"));
}

/// What the kernel has online, also what it keeps from VMs. The caller frees it.
static CpuSet *all_cpus(const Host *host)
{
    CpuSet *cpus = cpuset_new();

    for (guint i = 0; i < host->cores->len; i++) {
        hwloc_bitmap_or(cpus, cpus, ((const HostCore *)host->cores->pdata[i])->cpus);
    }
    return cpus;
}

/// "performance cores (P): 0-15", the fastest first; nothing where all are alike.
static void add_kinds(GPtrArray *items, const Host *host)
{
    for (guint i = host->kinds->len; host->kinds->len > 1 && i-- > 0;) {
        const CoreKind *kind = host_kind(host, i);
        g_autoptr(CpuSet) cpus = host_cpus_of_kind(host, i);
        g_autofree char *mark = strcmp(kind->mark, kind->name) != 0
                                    ? g_strdup_printf(" (%s)", kind->mark)
                                    : g_strdup("");
        g_autofree char *name = g_strdup_printf("%s cores%s", kind->name, mark);
        add_set(items, name, cpus);
    }
}

static void add_summary(GString *text, const HostReport *report)
{
    const Host *host = report->host;
    g_autoptr(CpuSet) housekeeping = occupancy_housekeeping(host, report->taken);
    g_autoptr(CpuSet) all = all_cpus(host);
    g_autoptr(CpuSet) kept = cpuset_minus(all, host->online);
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);

    add_set(items, "CPUs", all);
    add_kinds(items, host);
    add_set(items, "isolated", host->isolation->isolated);
    add_set(items, "housekeeping", housekeeping);
    if (!hwloc_bitmap_iszero(kept)) {
        add_set(items, "kept from VMs", kept);
    }
    flow_append(text, 0, "   ", items);
}

/// How many interrupts are delivered to each CPU: guint by CPU, up to the last of @cpus.
static GArray *count_interrupts(const Interrupts *interrupts, const CpuSet *cpus)
{
    GArray *counts = g_array_new(FALSE, TRUE, sizeof(guint));
    unsigned cpu;

    g_array_set_size(counts, (guint)(hwloc_bitmap_last(cpus) + 1));
    for (guint i = 0; i < interrupts->list->len; i++) {
        const Interrupt *interrupt = interrupts->list->pdata[i];
        hwloc_bitmap_foreach_begin (cpu, interrupt->cpus) {
            if (cpu < counts->len) {
                g_array_index(counts, guint, cpu)++;
            }
        }
        hwloc_bitmap_foreach_end();
    }
    return counts;
}

/// Those of @cpus that have @count.
static CpuSet *cpus_with(const CpuSet *cpus, const GArray *counts, guint count)
{
    CpuSet *with = cpuset_new();
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        if (g_array_index(counts, guint, cpu) == count) {
            hwloc_bitmap_set(with, cpu);
        }
    }
    hwloc_bitmap_foreach_end();
    return with;
}

/// "2 on CPU 4", "1 on each of CPU 5-7"
static void add_count(GPtrArray *items, guint count, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    g_ptr_array_add(items,
        g_strdup_printf("%u on %sCPU %s", count, cpuset_count(cpus) > 1 ? "each of " : "", list));
}

/// An item for all of @cpus that have as many.
static void add_counts(GPtrArray *items, const Interrupts *interrupts, const CpuSet *cpus)
{
    g_autoptr(GArray) counts = count_interrupts(interrupts, cpus);
    g_autoptr(CpuSet) none = cpus_with(cpus, counts, 0);
    g_autoptr(CpuSet) left = cpuset_minus(cpus, none);

    while (!hwloc_bitmap_iszero(left)) {
        guint count = g_array_index(counts, guint, hwloc_bitmap_first(left));
        g_autoptr(CpuSet) alike = cpus_with(left, counts, count);
        add_count(items, count, alike);
        hwloc_bitmap_andnot(left, left, alike);
    }
}

static void add_interrupts(GString *text, const HostReport *report)
{
    g_autoptr(CpuSet)
        isolated = cpuset_and(report->host->isolation->isolated, report->host->online);
    g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func(g_free);

    if (hwloc_bitmap_iszero(isolated)) {
        return;
    }
    add_counts(items, report->interrupts, isolated);
    if (!report->interrupts->known) {
        g_ptr_array_add(items, g_strdup(items->len > 0 ? "others not known" : "not known"));
    } else if (items->len == 0) {
        g_ptr_array_add(items, g_strdup("none"));
    }
    g_autofree char *first = items->pdata[0];
    items->pdata[0] = g_strconcat("interrupts on isolated CPUs: ", first, NULL);
    flow_append(text, 4, ", ", items);
}

char *hostreport_to_text(const HostReport *report, MapStyle style)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autofree char *map = map_draw(report->host, report->taken, style);
    FixPlace place = { .loader = report->loader };

    add_summary(text, report);
    g_string_append_printf(text, "\n%s", map);
    add_interrupts(text, report);
    if (report->findings->len > 0) {
        g_string_append_c(text, '\n');
        report_append_findings(text, "", report->findings, REPORT_WHOLE, &place);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* JSON. */

static void add_list(JsonObject *json, const char *name, const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);

    json_object_object_add(json, name, json_object_new_string(list));
}

static void add_number(JsonObject *json, const char *name, guint64 number)
{
    json_object_object_add(json, name, json_object_new_uint64(number));
}

static JsonObject *cpus_to_json(const HostReport *report)
{
    const Isolation *isolation = report->host->isolation;
    g_autoptr(CpuSet) housekeeping = occupancy_housekeeping(report->host, report->taken);
    g_autoptr(CpuSet) all = all_cpus(report->host);
    g_autoptr(CpuSet) kept = cpuset_minus(all, report->host->online);
    JsonObject *json = json_object_new_object();

    add_list(json, "online", all);
    add_list(json, "isolated", isolation->isolated);
    add_list(json, "housekeeping", housekeeping);
    add_list(json, "held", report->taken->cpus);
    add_list(json, "nohz_full", isolation->nohz_full);
    add_list(json, "kept_from_vms", kept);
    return json;
}

/// NULL: it could not be read.
static JsonObject *memory_to_json(const HostNode *node)
{
    if (!node->memory_known) {
        return NULL;
    }
    JsonObject *json = json_object_new_object();
    add_number(json, "total_mib", node->total_mib);
    add_number(json, "free_mib", node->free_mib);
    add_number(json, "reclaimable_mib", node->reclaimable_mib);
    add_number(json, "arc_mib", node->arc_mib);
    return json;
}

static JsonObject *hugepages_to_json(const HostNode *node)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < node->hugepages->len; i++) {
        const HostHugepages *pages = &g_array_index(node->hugepages, HostHugepages, i);
        JsonObject *json = json_object_new_object();
        add_number(json, "size_kib", pages->size_kib);
        if (!pages->unread) {
            add_number(json, "free", pages->free);
        }
        json_object_array_add(array, json);
    }
    return array;
}

/// By the number of the other node: {"0": 10, "1": 21}.
static JsonObject *distances_to_json(const Host *host, const HostNode *node)
{
    JsonObject *json = json_object_new_object();

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *other = host->nodes->pdata[i];
        g_autofree char *name = g_strdup_printf("%u", other->index);
        add_number(json, name, host_distance(host, node->index, other->index));
    }
    return json;
}

static JsonObject *nodes_to_json(const Host *host)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < host->nodes->len; i++) {
        const HostNode *node = host->nodes->pdata[i];
        JsonObject *json = json_object_new_object();
        add_number(json, "node", node->index);
        add_list(json, "cpus", node->cpus);
        json_object_object_add(json, "memory", memory_to_json(node));
        json_object_object_add(json, "hugepages", hugepages_to_json(node));
        json_object_object_add(json, "distances", distances_to_json(host, node));
        json_object_array_add(array, json);
    }
    return array;
}

static JsonObject *llcs_to_json(const Host *host)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < host->llcs->len; i++) {
        JsonObject *json = json_object_new_object();
        add_number(json, "llc", i);
        add_list(json, "cpus", host_llc(host, i)->cpus);
        json_object_object_add(json, "size_kib",
            host_llc(host, i)->size_kib > 0 ? json_object_new_uint64(host_llc(host, i)->size_kib)
                                            : NULL);
        json_object_array_add(array, json);
    }
    return array;
}

static JsonObject *kinds_to_json(const Host *host)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < host->kinds->len; i++) {
        JsonObject *json = json_object_new_object();
        g_autoptr(CpuSet) cpus = host_cpus_of_kind(host, i);
        add_number(json, "kind", i);
        json_object_object_add(json, "name", json_object_new_string(host_kind(host, i)->name));
        add_list(json, "cpus", cpus);
        json_object_array_add(array, json);
    }
    return array;
}

static JsonObject *cores_to_json(const Host *host)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < host->cores->len; i++) {
        const HostCore *core = host->cores->pdata[i];
        JsonObject *json = json_object_new_object();
        add_list(json, "cpus", core->cpus);
        add_number(json, "package", core->package);
        add_number(json, "node", core->node);
        add_number(json, "llc", core->llc);
        add_number(json, "kind", core->kind);
        json_object_array_add(array, json);
    }
    return array;
}

static JsonObject *holdings_to_json(const Taken *taken)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < taken->holdings->len; i++) {
        const Holding *holding = taken->holdings->pdata[i];
        JsonObject *json = json_object_new_object();
        add_number(json, "vmid", holding->vmid);
        json_object_object_add(json, "container", json_object_new_boolean(holding->container));
        add_list(json, "cpus", holding->cpus);
        json_object_array_add(array, json);
    }
    return array;
}

static JsonObject *interrupts_to_json(const Interrupts *interrupts)
{
    JsonObject *array = json_object_new_array();

    for (guint i = 0; i < interrupts->list->len; i++) {
        const Interrupt *interrupt = interrupts->list->pdata[i];
        JsonObject *json = json_object_new_object();
        add_number(json, "irq", interrupt->irq);
        json_object_object_add(json, "name", json_new_text(interrupt->name));
        add_list(json, "cpus", interrupt->cpus);
        json_object_array_add(array, json);
    }
    return array;
}

JsonObject *hostreport_to_json(const HostReport *report)
{
    JsonObject *json = json_object_new_object();
    FixPlace place = { .loader = report->loader };

    json_object_object_add(json, "cpus", cpus_to_json(report));
    json_object_object_add(json, "nodes", nodes_to_json(report->host));
    add_number(json, "arc_mib", report->host->arc_mib);
    json_object_object_add(json, "llcs", llcs_to_json(report->host));
    json_object_object_add(json, "kinds", kinds_to_json(report->host));
    json_object_object_add(json, "cores", cores_to_json(report->host));
    json_object_object_add(json, "holdings", holdings_to_json(report->taken));
    json_object_object_add(
        json, "interrupts_known", json_object_new_boolean(report->interrupts->known));
    json_object_object_add(json, "interrupts", interrupts_to_json(report->interrupts));
    json_object_object_add(json, "findings", report_findings_to_json(report->findings, &place));
    return json;
}
