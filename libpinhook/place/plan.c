// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/plan.h"

#include "base/error.h"
#include "read/kinds.h"
#include "read/vmconfig.h"

Plan *plan_new(guint present)
{
    Plan *plan = g_new0(Plan, 1);

    plan->vcpus = g_array_new(FALSE, TRUE, sizeof(PlanVcpu));
    plan->present = present;
    plan->cpus = cpuset_new();
    plan->cores = cpuset_new();
    plan->reserved = cpuset_new();
    plan->others = cpuset_new();
    plan->nodes = cpuset_new();
    return plan;
}

void plan_free(Plan *plan)
{
    if (plan == NULL) {
        return;
    }
    g_array_unref(plan->vcpus);
    hwloc_bitmap_free(plan->cpus);
    hwloc_bitmap_free(plan->cores);
    hwloc_bitmap_free(plan->reserved);
    hwloc_bitmap_free(plan->others);
    hwloc_bitmap_free(plan->nodes);
    g_free(plan);
}

const PlanVcpu *plan_vcpu(const Plan *plan, guint vcpu)
{
    return vcpu < plan->vcpus->len ? &g_array_index(plan->vcpus, PlanVcpu, vcpu) : NULL;
}

/* The numbers of a vCPU, by their names in JSON. */
static const struct {
    const char *name;
    gsize offset;
} numbers[] = {
    { "vcpu", G_STRUCT_OFFSET(PlanVcpu, vcpu) },
    { "cpu", G_STRUCT_OFFSET(PlanVcpu, cpu) },
    { "core", G_STRUCT_OFFSET(PlanVcpu, core) },
    { "node", G_STRUCT_OFFSET(PlanVcpu, node) },
    { "llc", G_STRUCT_OFFSET(PlanVcpu, llc) },
};

/* The sets of a plan, by their names in JSON. */
static const struct {
    const char *name;
    gsize offset;
} sets[] = {
    { "cores", G_STRUCT_OFFSET(Plan, cores) },
    { "reserved", G_STRUCT_OFFSET(Plan, reserved) },
    { "others", G_STRUCT_OFFSET(Plan, others) },
    { "nodes", G_STRUCT_OFFSET(Plan, nodes) },
};

static JsonObject *vcpu_to_json(const PlanVcpu *vcpu)
{
    JsonObject *json = json_object_new_object();

    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        json_object_object_add(json, numbers[i].name,
            json_object_new_uint64(G_STRUCT_MEMBER(guint, vcpu, numbers[i].offset)));
    }
    json_object_object_add(
        json, "llc_kib", vcpu->llc_kib > 0 ? json_object_new_uint64(vcpu->llc_kib) : NULL);
    json_object_object_add(
        json, "kind", *vcpu->kind != '\0' ? json_object_new_string(vcpu->kind) : NULL);
    return json;
}

JsonObject *plan_to_json(const Plan *plan)
{
    JsonObject *json = json_object_new_object();
    JsonObject *vcpus = json_object_new_array();

    for (guint i = 0; i < plan->vcpus->len; i++) {
        json_object_array_add(vcpus, vcpu_to_json(plan_vcpu(plan, i)));
    }
    json_object_object_add(json, "vcpus", vcpus);
    json_object_object_add(json, "present", json_object_new_uint64(plan->present));
    json_object_object_add(json, "threads", json_object_new_uint64(plan->threads));
    for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
        g_autofree char *list = cpuset_to_list(G_STRUCT_MEMBER(CpuSet *, plan, sets[i].offset));
        json_object_object_add(json, sets[i].name, json_object_new_string(list));
    }
    json_object_object_add(json, "others_share", json_object_new_boolean(plan->others_share));
    json_object_object_add(json, "llcs_differ", json_object_new_boolean(plan->llcs_differ));
    json_object_object_add(json, "refused", json_object_new_boolean(plan->refused));
    json_object_object_add(json, "resumes", json_object_new_boolean(plan->resumes));
    return json;
}

static gboolean get_number(JsonObject *json, const char *name, guint *number)
{
    gint64 wide;

    if (!json_get_integer(json, name, CPUSET_LIMIT - 1, &wide)) {
        return FALSE;
    }
    *number = (guint)wide;
    return TRUE;
}

static gboolean get_set(JsonObject *json, const char *name, CpuSet *set)
{
    const char *list;

    if (!json_get_string(json, name, &list)) {
        return FALSE;
    }
    g_autoptr(CpuSet) parsed = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);
    return parsed != NULL && hwloc_bitmap_copy(set, parsed) == 0;
}

static gboolean vcpu_from_json(JsonObject *json, PlanVcpu *vcpu)
{
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (!get_number(json, numbers[i].name, &G_STRUCT_MEMBER(guint, vcpu, numbers[i].offset))) {
            return FALSE;
        }
    }
    return TRUE;
}

/// What is only told of; an older entry does not have it.
static void traits_from_json(JsonObject *json, PlanVcpu *vcpu)
{
    const char *kind;
    gint64 llc_kib;

    vcpu->llc_kib = json_get_integer(json, "llc_kib", G_MAXUINT, &llc_kib) ? (guint)llc_kib : 0;
    vcpu->kind = kinds_lookup(json_get_string(json, "kind", &kind) ? kind : "");
}

static gboolean vcpus_from_json(JsonObject *json, Plan *plan)
{
    JsonObject *vcpus;

    if (!json_object_object_get_ex(json, "vcpus", &vcpus) ||
        !json_object_is_type(vcpus, json_type_array) ||
        json_object_array_length(vcpus) > VMCONFIG_VCPU_LIMIT) {
        return FALSE;
    }
    for (gsize i = 0; i < json_object_array_length(vcpus); i++) {
        PlanVcpu vcpu;
        if (!vcpu_from_json(json_object_array_get_idx(vcpus, i), &vcpu) || vcpu.vcpu != i ||
            hwloc_bitmap_isset(plan->cpus, vcpu.cpu)) {
            return FALSE;
        }
        traits_from_json(json_object_array_get_idx(vcpus, i), &vcpu);
        g_array_append_val(plan->vcpus, vcpu);
        hwloc_bitmap_set(plan->cpus, vcpu.cpu);
    }
    return plan->vcpus->len > 0;
}

static gboolean sets_from_json(JsonObject *json, Plan *plan)
{
    for (gsize i = 0; i < G_N_ELEMENTS(sets); i++) {
        if (!get_set(json, sets[i].name, G_STRUCT_MEMBER(CpuSet *, plan, sets[i].offset))) {
            return FALSE;
        }
    }
    return hwloc_bitmap_isincluded(plan->cpus, plan->cores) &&
           hwloc_bitmap_isincluded(plan->cores, plan->reserved);
}

Plan *plan_from_json(JsonObject *json, GError **error)
{
    g_autoptr(Plan) plan = plan_new(0);
    if (!json_object_is_type(json, json_type_object) || !vcpus_from_json(json, plan) ||
        !get_number(json, "present", &plan->present) || plan->present < 1 ||
        plan->present > plan->vcpus->len || !sets_from_json(json, plan) ||
        !json_get_boolean(json, "others_share", &plan->others_share)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID, "this is no plan");
        return NULL;
    }
    json_get_boolean(json, "llcs_differ", &plan->llcs_differ); // older entries do not have these
    json_get_boolean(json, "refused", &plan->refused);
    json_get_boolean(json, "resumes", &plan->resumes);
    get_number(json, "threads", &plan->threads);
    return g_steal_pointer(&plan);
}
