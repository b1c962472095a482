// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/plan.h"

#include "base/error.h"
#include "fakes/assertions.h"

#include <string.h>

static const char good[] =
    "{\"vcpus\":[{\"vcpu\":0,\"cpu\":2,\"core\":1,\"node\":0,\"llc\":0,\"llc_kib\":98304,\"kind\":"
    "\"performance\"},"
    "{\"vcpu\":1,\"cpu\":10,\"core\":5,\"node\":1,\"llc\":2,\"llc_kib\":null,\"kind\":null}],"
    "\"present\":1,\"threads\":2,\"cores\":\"2-3,10-11\",\"reserved\":\"2-5,"
    "10-11\",\"others\":\"4\","
    "\"nodes\":\"0-1\",\"others_share\":true,\"llcs_differ\":true,\"refused\":true,\"resumes\":"
    "true}";

static Plan *parse(const char *text, GError **error)
{
    g_autoptr(JsonObject) json = json_tokener_parse(text);

    return plan_from_json(json, error);
}

static void test_reads_what_it_wrote(void)
{
    g_autoptr(Plan) plan = parse(good, NULL);
    g_assert_nonnull(plan);
    g_autoptr(JsonObject) json = plan_to_json(plan);

    g_assert_cmpstr(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), ==, good);
}

static void test_every_field_comes_back(void)
{
    g_autoptr(Plan) plan = parse(good, NULL);

    g_assert_cmpuint(plan->vcpus->len, ==, 2);
    g_assert_cmpuint(plan->present, ==, 1);
    g_assert_cmpuint(plan->threads, ==, 2);
    g_assert_cmpuint(plan_vcpu(plan, 1)->vcpu, ==, 1);
    g_assert_cmpuint(plan_vcpu(plan, 1)->cpu, ==, 10);
    g_assert_cmpuint(plan_vcpu(plan, 1)->core, ==, 5);
    g_assert_cmpuint(plan_vcpu(plan, 1)->node, ==, 1);
    g_assert_cmpuint(plan_vcpu(plan, 1)->llc, ==, 2);
    g_assert_cmpuint(plan_vcpu(plan, 0)->llc_kib, ==, 98304);
    g_assert_cmpstr(plan_vcpu(plan, 0)->kind, ==, "performance");
    g_assert_cmpuint(plan_vcpu(plan, 1)->llc_kib, ==, 0);
    g_assert_cmpstr(plan_vcpu(plan, 1)->kind, ==, "");
    g_assert_true(plan->others_share);
    assert_set(plan->cpus, "2,10");
    assert_set(plan->cores, "2-3,10-11");
    assert_set(plan->reserved, "2-5,10-11");
    assert_set(plan->others, "4");
    assert_set(plan->nodes, "0-1");
}

/* A VM may run on when pinhook is replaced by a newer one. */
static void test_an_entry_of_an_older_version(void)
{
    static const char *const later[] = { "\"threads\":2,",
        ",\"llc_kib\":98304,\"kind\":\"performance\"", ",\"llc_kib\":null,\"kind\":null",
        ",\"llcs_differ\":true", ",\"refused\":true", ",\"resumes\":true" };
    g_autoptr(GString) text = g_string_new(good);

    for (gsize i = 0; i < G_N_ELEMENTS(later); i++) {
        g_assert_cmpuint(g_string_replace(text, later[i], "", 0), ==, 1);
    }
    g_autoptr(Plan) plan = parse(text->str, NULL);
    g_assert_nonnull(plan);
    g_assert_cmpuint(plan->threads, ==, 0);
    g_assert_cmpuint(plan_vcpu(plan, 0)->llc_kib, ==, 0);
    g_assert_cmpstr(plan_vcpu(plan, 0)->kind, ==, "");
    g_assert_false(plan->refused);
}

static void test_a_vcpu_without_a_place(void)
{
    g_autoptr(Plan) plan = parse(good, NULL);
    g_autoptr(Plan) empty = plan_new(3);

    g_assert_null(plan_vcpu(plan, 2));
    g_assert_null(plan_vcpu(plan, G_MAXUINT));
    g_assert_null(plan_vcpu(empty, 0));
    g_assert_cmpuint(empty->present, ==, 3);
}

/* Rubbish: @find in the good plan replaced by @put. */
static const struct {
    const char *name;
    const char *find;
    const char *put;
} rubbish[] = {
    { "no-vcpus", "\"vcpus\"", "\"cpus\"" },
    { "vcpus-of-another-type", "\"present\":1", "\"vcpus\":7,\"present\":1" },
    { "vcpu-of-another-type", "{\"vcpu\":0,", "null,{\"vcpu\":0," },
    { "vcpu-without-cpu", "\"cpu\":2,", "" },
    { "cpu-of-another-type", "\"cpu\":2", "\"cpu\":\"2\"" },
    { "cpu-below-zero", "\"cpu\":2", "\"cpu\":-2" },
    { "cpu-beyond-all", "\"cpu\":2", "\"cpu\":65536" },
    { "cpu-beyond-64-bits", "\"cpu\":2", "\"cpu\":99999999999999999999" },
    { "cpu-with-a-fraction", "\"cpu\":2", "\"cpu\":2.5" },
    { "cpu-given-twice", "\"cpu\":10", "\"cpu\":2" },
    { "cpu-off-the-cores", "\"cpu\":10", "\"cpu\":9" },
    { "vcpus-out-of-order", "\"vcpu\":1", "\"vcpu\":2" },
    { "none-present", "\"present\":1", "\"present\":0" },
    { "more-present-than-planned", "\"present\":1", "\"present\":3" },
    { "no-present", "\"present\":1,", "" },
    { "cores-not-reserved", "\"reserved\":\"2-5,10-11\"", "\"reserved\":\"2-5\"" },
    { "no-reserved", "\"reserved\"", "\"r\"" },
    { "set-of-another-type", "\"others\":\"4\"", "\"others\":4" },
    { "set-that-is-no-list", "\"others\":\"4\"", "\"others\":\"four\"" },
    { "set-beyond-all", "\"others\":\"4\"", "\"others\":\"0-65536\"" },
    { "no-nodes", "\"nodes\"", "\"n\"" },
    { "no-others-share", "\"others_share\"", "\"o\"" },
    { "others-share-of-another-type", "share\":true", "share\":\"no\"" },
    { "others-share-null", "share\":true", "share\":null" },
};

static void assert_refused(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Plan) plan = parse(text, &error);

    g_assert_null(plan);
    g_assert_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID);
}

static void test_refuses_rubbish(gconstpointer data)
{
    gsize i = GPOINTER_TO_SIZE(data);
    g_auto(GStrv) parts = g_strsplit(good, rubbish[i].find, 2);

    g_assert_cmpuint(g_strv_length(parts), ==, 2);
    g_autofree char *text = g_strjoinv(rubbish[i].put, parts);
    assert_refused(text);
}

static void test_refuses_what_is_no_object(void)
{
    static const char *const texts[] = { "null", "7", "\"plan\"", "[]", "{}", "{\"vcpus\":[]}" };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        assert_refused(texts[i]);
    }
}

static void test_refuses_more_vcpus_than_qemu_has(void)
{
    g_autoptr(GString) text = g_string_new("{\"vcpus\":[");

    for (guint i = 0; i < 4097; i++) {
        g_string_append_printf(text, "%s{\"vcpu\":%u,\"cpu\":%u,\"core\":0,\"node\":0,\"llc\":0}",
            i > 0 ? "," : "", i, i);
    }
    g_string_append(text, "],\"present\":1,\"cores\":\"0-4096\",\"reserved\":\"0-4096\","
                          "\"others\":\"5000\",\"nodes\":\"0\",\"others_share\":false}");
    assert_refused(text->str);
}

/// No cut of a good plan is a plan; none makes it crash.
static void test_refuses_halves(void)
{
    for (gsize length = 0; length < strlen(good); length++) {
        g_autofree char *half = g_strndup(good, length);
        g_autoptr(JsonObject) json = json_tokener_parse(half);
        g_autoptr(Plan) plan = plan_from_json(json, NULL);
        g_assert_null(plan);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/reads-what-it-wrote", test_reads_what_it_wrote);
    g_test_add_func("/plan/every-field-comes-back", test_every_field_comes_back);
    g_test_add_func("/plan/older-version", test_an_entry_of_an_older_version);
    g_test_add_func("/plan/a-vcpu-without-a-place", test_a_vcpu_without_a_place);
    for (gsize i = 0; i < G_N_ELEMENTS(rubbish); i++) {
        g_autofree char *path = g_strdup_printf("/plan/refuses/%s", rubbish[i].name);
        g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_refuses_rubbish);
    }
    g_test_add_func("/plan/refuses/what-is-no-object", test_refuses_what_is_no_object);
    g_test_add_func(
        "/plan/refuses/more-vcpus-than-qemu-has", test_refuses_more_vcpus_than_qemu_has);
    g_test_add_func("/plan/refuses/halves", test_refuses_halves);
    return g_test_run();
}
