// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tell/hostreport.h"

#include "fakes/fake-fix.h"
#include "fakes/fake-host.h"

#include <string.h>

/// A host of 8 CPUs with these interrupts.
static HostReport *new_report(const char *isolated, Interrupts *interrupts)
{
    HostReport *report = g_new(HostReport, 1);

    *report = (HostReport){ .host = fake_host_new("numa:1 l3:1 core:8 pu:1", isolated),
        .taken = taken_new(),
        .interrupts = interrupts,
        .findings = finding_list_new() };
    return report;
}

static void interrupt_free(gpointer data)
{
    Interrupt *interrupt = data;

    hwloc_bitmap_free(interrupt->cpus);
    g_free(interrupt->name);
    g_free(interrupt);
}

static Interrupts *new_interrupts(gboolean known)
{
    Interrupts *interrupts = g_new(Interrupts, 1);

    *interrupts = (Interrupts){ known, g_ptr_array_new_with_free_func(interrupt_free) };
    return interrupts;
}

static void add(Interrupts *interrupts, guint irq, const char *cpus)
{
    Interrupt *interrupt = g_new(Interrupt, 1);

    *interrupt = (Interrupt){ irq, g_strdup("eth0"), cpuset_parse_list(cpus, ',', NULL) };
    g_ptr_array_add(interrupts->list, interrupt);
}

static void assert_line(const HostReport *report, const char *wanted)
{
    g_autofree char *text = hostreport_to_text(report, MAP_PLAIN);

    g_test_message("%s", text);
    g_assert_nonnull(strstr(text, wanted));
}

static void test_interrupts_by_cpu(void)
{
    Interrupts *interrupts = new_interrupts(TRUE);
    g_autoptr(HostReport) report = new_report("2-7", interrupts);

    assert_line(report, "\ninterrupts on isolated CPUs: none\n");
    add(interrupts, 24, "0,2,4-5");
    add(interrupts, 25, "2");
    add(interrupts, 26, "7");
    assert_line(report, "\ninterrupts on isolated CPUs: 2 on CPU 2, 1 on each of CPU 4-5,7\n");
}

static void test_interrupts_that_are_not_known(void)
{
    Interrupts *interrupts = new_interrupts(FALSE);
    g_autoptr(HostReport) report = new_report("2-7", interrupts);

    assert_line(report, "\ninterrupts on isolated CPUs: not known\n");
    add(interrupts, 24, "3");
    assert_line(report, "\ninterrupts on isolated CPUs: 1 on CPU 3, others not known\n");
}

static void test_nothing_isolated(void)
{
    g_autoptr(HostReport) report = new_report("", new_interrupts(FALSE));
    g_autofree char *text = hostreport_to_text(report, MAP_PLAIN);

    g_assert_true(g_str_has_prefix(text, "CPUs: 0-7   isolated: none   housekeeping: 0-7\n\n"));
    g_assert_null(strstr(text, "interrupts"));
}

static void test_what_is_kept_from_vms(void)
{
    g_autoptr(HostReport) report = new_report("", new_interrupts(TRUE));
    const IsolationFiles files = { .possible = "0-7", .partition = "2-3", .cpuset = "0-1,4-7" };

    host_free(report->host);
    report->host = fake_host_new_isolated("numa:1 l3:1 core:8 pu:1", &files);
    assert_line(
        report, "CPUs: 0-7   isolated: none   housekeeping: 0-1,4-7   kept from VMs: 2-3\n");

    g_autoptr(JsonObject) json = hostreport_to_json(report);
    JsonObject *cpus, *kept;
    g_assert_true(json_object_object_get_ex(json, "cpus", &cpus));
    g_assert_true(json_object_object_get_ex(cpus, "kept_from_vms", &kept));
    g_assert_cmpstr(json_object_get_string(kept), ==, "2-3");
}

static void test_what_is_held_is_no_housekeeping(void)
{
    g_autoptr(HostReport) report = new_report("4-7", new_interrupts(TRUE));
    g_autoptr(CpuSet) held = cpuset_parse_list("2-5", ',', NULL);

    taken_add(report->taken, 101, held);
    assert_line(report, "CPUs: 0-7   isolated: 4-7   housekeeping: 0-1\n");
    g_autoptr(CpuSet) shared = cpuset_parse_list("0", ',', NULL);
    taken_add_container(report->taken, 200, shared);
    assert_line(report, "CPUs: 0-7   isolated: 4-7   housekeeping: 0-1\n");
}

/// Every other of 160 CPUs, with one interrupt or two.
static void test_long_lists_fit(void)
{
    Interrupts *interrupts = new_interrupts(TRUE);
    g_autoptr(CpuSet) cpus = cpuset_new();

    for (guint cpu = 0; cpu < 160; cpu += 2) {
        g_autofree char *list = g_strdup_printf("%u", cpu);
        hwloc_bitmap_set(cpus, cpu);
        add(interrupts, 30 + cpu, list);
        add(interrupts, 31 + cpu % 4, list);
    }
    g_autofree char *isolated = cpuset_to_list(cpus);
    g_autoptr(HostReport) report = new_report("", interrupts);
    host_free(report->host);
    report->host = fake_host_new("numa:1 l3:1 core:160 pu:1", isolated);

    g_autofree char *text = hostreport_to_text(report, MAP_PLAIN);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        g_assert_cmpuint(strlen(lines[i]), <=, 80);
    }
    g_assert_nonnull(strstr(text, "\nisolated: 0,2,4,"));
}

static void test_findings_stand_last(void)
{
    g_autoptr(HostReport) report = new_report("2-7", new_interrupts(TRUE));

    g_assert_cmpint(hostreport_exit_status(report), ==, 0);
    g_ptr_array_add(report->findings,
        finding_mended_by(FINDING_IRQBALANCE, SEVERITY_WARNING, "irqbalance runs", "stop it"));
    g_ptr_array_add(
        report->findings, finding_mended_by(FINDING_TUNED, SEVERITY_ERROR, "tuned runs", NULL));
    g_autofree char *text = hostreport_to_text(report, MAP_PLAIN);
    g_assert_true(g_str_has_suffix(text, "\n\nerror: tuned: tuned runs\n"
                                         "  see: pinhook explain tuned\n"
                                         "warning: irqbalance: irqbalance runs\n"
                                         "  fix: stop it\n"));
    g_assert_cmpint(hostreport_exit_status(report), ==, 1);
}

static void test_a_note_is_no_failure(void)
{
    g_autoptr(HostReport) report = new_report("2-7", new_interrupts(TRUE));

    g_ptr_array_add(report->findings, finding_mended_by(FINDING_TUNED, SEVERITY_NOTE, "a", NULL));
    assert_line(report, "\nnote: tuned: a\n");
    g_assert_cmpint(hostreport_exit_status(report), ==, 0);
    g_ptr_array_add(
        report->findings, finding_mended_by(FINDING_TUNED, SEVERITY_WARNING, "a", NULL));
    g_assert_cmpint(hostreport_exit_status(report), ==, 1);
}

static void test_kinds_and_sizes(void)
{
    g_autoptr(HostReport) report = new_report("", new_interrupts(FALSE));

    host_free(report->host);
    report->host = fake_host_new_of_cores(fake_hybrid, "2-5");
    fake_host_set_llc_kib(report->host, 0, 36864);
    assert_line(report, "CPUs: 0-9   performance cores (P): 0-5   efficiency cores (E): 6-9\n");
    assert_line(report, "\n  LLC 0 P 36M  0-1 .  ");

    g_autoptr(JsonObject) json = hostreport_to_json(report);
    JsonObject *kinds = json_object_object_get(json, "kinds");
    JsonObject *llcs = json_object_object_get(json, "llcs");
    g_assert_cmpstr(json_object_to_json_string_ext(kinds, 0), ==,
        "[{\"kind\":0,\"name\":\"efficiency\",\"cpus\":\"6-9\"},"
        "{\"kind\":1,\"name\":\"performance\",\"cpus\":\"0-5\"}]");
    g_assert_cmpstr(json_object_to_json_string_ext(llcs, 0), ==,
        "[{\"llc\":0,\"cpus\":\"0-9\",\"size_kib\":36864}]");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostreport/interrupts-by-cpu", test_interrupts_by_cpu);
    g_test_add_func("/hostreport/interrupts-not-known", test_interrupts_that_are_not_known);
    g_test_add_func("/hostreport/nothing-isolated", test_nothing_isolated);
    g_test_add_func("/hostreport/kept-from-vms", test_what_is_kept_from_vms);
    g_test_add_func("/hostreport/held", test_what_is_held_is_no_housekeeping);
    g_test_add_func("/hostreport/long-lists", test_long_lists_fit);
    g_test_add_func("/hostreport/notes", test_a_note_is_no_failure);
    g_test_add_func("/hostreport/kinds-and-sizes", test_kinds_and_sizes);
    g_test_add_func("/hostreport/findings", test_findings_stand_last);
    return g_test_run();
}
