// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/interrupts.h"

#include "fakes/fake-root.h"

static void add_file(FakeRoot *fake, guint irq, const char *file, const char *text)
{
    g_autofree char *path = g_strdup_printf("proc/irq/%u/%s", irq, file);

    fake_root_write(fake, path, text);
}

/// An interrupt as Linux shows it. @handlers is a comma list; "" for none. @effective NULL: a
/// kernel without that file.
static void add_interrupt(
    FakeRoot *fake, guint irq, const char *handlers, const char *asked, const char *effective)
{
    g_auto(GStrv) names = g_strsplit(handlers, ",", -1);

    add_file(fake, irq, "affinity_hint", "00\n");
    add_file(fake, irq, "node", "0\n");
    add_file(fake, irq, "smp_affinity", "ff\n");
    add_file(fake, irq, "smp_affinity_list", asked);
    add_file(fake, irq, "spurious", "count 0\n");
    if (effective != NULL) {
        add_file(fake, irq, "effective_affinity", "01\n");
        add_file(fake, irq, "effective_affinity_list", effective);
    }
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *path = g_strdup_printf("proc/irq/%u/%s", irq, names[i]);
        g_autofree char *outside = fake_root_outside(fake, path);
        g_assert_cmpint(g_mkdir_with_parents(outside, 0755), ==, 0);
    }
}

static Interrupts *load(const FakeRoot *fake, const char *cpus)
{
    g_autoptr(CpuSet) set = cpus != NULL ? cpuset_parse_list(cpus, ',', NULL) : NULL;

    return interrupts_load(fake->root, set);
}

static void assert_interrupt(
    const Interrupts *interrupts, guint at, guint irq, const char *name, const char *cpus)
{
    g_assert_cmpuint(interrupts->list->len, >, at);
    const Interrupt *interrupt = interrupts->list->pdata[at];
    g_autofree char *list = cpuset_to_list(interrupt->cpus);
    g_assert_cmpuint(interrupt->irq, ==, irq);
    g_assert_cmpstr(interrupt->name, ==, name);
    g_assert_cmpstr(list, ==, cpus);
}

static void test_without_a_directory_nothing_is_known(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();
    g_autoptr(Interrupts) interrupts = load(fake, NULL);

    g_assert_false(interrupts->known);
    g_assert_cmpuint(interrupts->list->len, ==, 0);
}

static void test_an_empty_directory_is_no_interrupts(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    fake_root_write(fake, "proc/irq/default_smp_affinity", "ff\n");
    g_autoptr(Interrupts) interrupts = load(fake, NULL);
    g_assert_true(interrupts->known);
    g_assert_cmpuint(interrupts->list->len, ==, 0);
}

static void test_where_they_go_decides_over_where_they_may(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 24, "nvme0q1", "0-7\n", "3\n");
    g_autoptr(Interrupts) interrupts = load(fake, NULL);
    g_assert_true(interrupts->known);
    assert_interrupt(interrupts, 0, 24, "nvme0q1", "3");
}

static void test_without_an_effective_list_the_asked_one_counts(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 24, "eth0", "2-3\n", NULL);
    g_autoptr(Interrupts) interrupts = load(fake, NULL);
    g_assert_true(interrupts->known);
    assert_interrupt(interrupts, 0, 24, "eth0", "2-3");
}

static void test_without_a_handler_it_is_left_out(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 2, "", "0-7\n", "3\n");
    add_file(fake, 3, "effective_affinity_list", "rubbish\n");
    g_autoptr(Interrupts) interrupts = load(fake, NULL);
    g_assert_true(interrupts->known);
    g_assert_cmpuint(interrupts->list->len, ==, 0);
}

static void test_they_come_by_number_with_all_their_handlers(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 100, "eth0-rx-0", "0-7\n", "5\n");
    add_interrupt(fake, 16, "uhci_hcd:usb3,ehci_hcd:usb1", "0-7\n", "0\n");
    add_interrupt(fake, 9, "acpi", "0-7\n", "\n");
    g_autoptr(Interrupts) interrupts = load(fake, NULL);
    g_assert_cmpuint(interrupts->list->len, ==, 3);
    assert_interrupt(interrupts, 0, 9, "acpi", "");
    assert_interrupt(interrupts, 1, 16, "ehci_hcd:usb1,uhci_hcd:usb3", "0");
    assert_interrupt(interrupts, 2, 100, "eth0-rx-0", "5");
}

static void test_only_those_of_the_cpus_are_listed(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 24, "a", "0-7\n", "1\n");
    add_interrupt(fake, 25, "b", "0-7\n", "2-3\n");
    add_interrupt(fake, 26, "c", "0-7\n", "4\n");
    add_interrupt(fake, 27, "d", "2-3\n", "\n");
    g_autoptr(Interrupts) interrupts = load(fake, "3-3");
    g_assert_true(interrupts->known);
    g_assert_cmpuint(interrupts->list->len, ==, 1);
    assert_interrupt(interrupts, 0, 25, "b", "2-3");
}

static void test_one_that_makes_no_sense_is_said(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 24, "a", "0-7\n", "x\n");
    add_interrupt(fake, 25, "b", "0-7\n", "3\n");
    g_autoptr(Interrupts) interrupts = load(fake, "3");
    g_assert_false(interrupts->known);
    g_assert_cmpuint(interrupts->list->len, ==, 1);
    assert_interrupt(interrupts, 0, 25, "b", "3");
}

/// A directory in its place stands for a file that is there and cannot be read.
static void test_one_that_cannot_be_read_is_not_guessed(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new();

    add_interrupt(fake, 24, "a", "3\n", NULL);
    add_file(fake, 24, "effective_affinity_list/x", "");
    g_autoptr(Interrupts) interrupts = load(fake, "3");
    g_assert_false(interrupts->known);
    g_assert_cmpuint(interrupts->list->len, ==, 0);
}

static void test_the_running_kernel_is_understood(void)
{
    g_autoptr(FakeRoot) fake = fake_root_new_live();

    if (!root_exists(fake->root, "proc/irq/default_smp_affinity")) {
        g_test_skip("no /proc/irq here");
        return;
    }
    g_autoptr(Interrupts) interrupts = load(fake, NULL);
    g_assert_true(interrupts->known);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/interrupts/no-directory", test_without_a_directory_nothing_is_known);
    g_test_add_func("/interrupts/empty", test_an_empty_directory_is_no_interrupts);
    g_test_add_func("/interrupts/effective", test_where_they_go_decides_over_where_they_may);
    g_test_add_func("/interrupts/asked", test_without_an_effective_list_the_asked_one_counts);
    g_test_add_func("/interrupts/no-handler", test_without_a_handler_it_is_left_out);
    g_test_add_func("/interrupts/order", test_they_come_by_number_with_all_their_handlers);
    g_test_add_func("/interrupts/of-cpus", test_only_those_of_the_cpus_are_listed);
    g_test_add_func("/interrupts/rubbish", test_one_that_makes_no_sense_is_said);
    g_test_add_func("/interrupts/unreadable", test_one_that_cannot_be_read_is_not_guessed);
    g_test_add_func("/interrupts/live", test_the_running_kernel_is_understood);
    return g_test_run();
}
