// SPDX-License-Identifier: LGPL-2.1-or-later
/* JSON that is taken for a plan makes a sound plan, which is the same after another trip. */
#include "base/error.h"
#include "place/plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void assert_sound(const Plan *plan)
{
    g_assert(plan->vcpus->len >= 1);
    g_assert(plan->present >= 1 && plan->present <= plan->vcpus->len);
    g_assert(cpuset_count(plan->cpus) == plan->vcpus->len);
    g_assert(hwloc_bitmap_isincluded(plan->cpus, plan->cores));
    g_assert(hwloc_bitmap_isincluded(plan->cores, plan->reserved));
    for (guint i = 0; i < plan->vcpus->len; i++) {
        g_assert(plan_vcpu(plan, i)->vcpu == i);
        g_assert(hwloc_bitmap_isset(plan->cpus, plan_vcpu(plan, i)->cpu));
    }
    g_assert(plan_vcpu(plan, plan->vcpus->len) == NULL);
}

static void assert_same(const Plan *a, const Plan *b)
{
    g_assert(a->vcpus->len == b->vcpus->len && a->present == b->present);
    g_assert(memcmp(a->vcpus->data, b->vcpus->data, a->vcpus->len * sizeof(PlanVcpu)) == 0);
    g_assert(hwloc_bitmap_isequal(a->cpus, b->cpus));
    g_assert(hwloc_bitmap_isequal(a->cores, b->cores));
    g_assert(hwloc_bitmap_isequal(a->reserved, b->reserved));
    g_assert(hwloc_bitmap_isequal(a->others, b->others));
    g_assert(hwloc_bitmap_isequal(a->nodes, b->nodes));
    g_assert(!a->others_share == !b->others_share);
}

/// Through the text, as the ledger keeps it.
static Plan *read_back(const Plan *plan)
{
    g_autoptr(JsonObject) json = plan_to_json(plan);
    g_autoptr(JsonObject) again = json_tokener_parse(json_object_to_json_string(json));

    return plan_from_json(again, NULL);
}

static JsonObject *parse_bytes(const char *bytes, gsize size)
{
    struct json_tokener *tokener = json_tokener_new();
    JsonObject *json = json_tokener_parse_ex(tokener, bytes, (int)size);

    json_tokener_free(tokener);
    return json;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) json = parse_bytes(size > 0 ? (const char *)data : "", size);
    g_autoptr(Plan) plan = plan_from_json(json, &error);

    if (plan == NULL) {
        g_assert(g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID));
        return 0;
    }
    g_assert(error == NULL);
    assert_sound(plan);
    g_autoptr(Plan) again = read_back(plan);
    g_assert(again != NULL);
    assert_same(plan, again);
    return 0;
}
