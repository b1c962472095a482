// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/taken.h"

static void add(Taken *taken, guint vmid, const char *list)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);

    taken_add(taken, vmid, cpus);
}

static void assert_holders(const Taken *taken, const char *list, const char *names)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_kernel(list, CPUSET_LIMIT, NULL);
    g_autofree char *have = taken_name_holders(taken, cpus);

    g_assert_cmpstr(have, ==, names);
}

static void test_at_first_nothing_is_held(void)
{
    g_autoptr(Taken) taken = taken_new();

    g_assert_cmpuint(taken->holdings->len, ==, 0);
    g_assert_cmpuint(cpuset_count(taken->cpus), ==, 0);
    assert_holders(taken, "0-63", "");
}

static void test_holdings_add_up(void)
{
    g_autoptr(Taken) taken = taken_new();

    add(taken, 101, "2-3");
    add(taken, 102, "3-4");
    g_autofree char *list = cpuset_to_list(taken->cpus);
    g_assert_cmpstr(list, ==, "2-4");
    g_assert_cmpuint(taken->holdings->len, ==, 2);
}

static void test_holders_are_named_with_what_they_hold_of_it(void)
{
    g_autoptr(Taken) taken = taken_new();

    add(taken, 101, "2-3");
    add(taken, 102, "4-7");
    assert_holders(taken, "0-4", "VM 101 (CPU 2-3), VM 102 (CPU 4)");
    assert_holders(taken, "5", "VM 102 (CPU 5)");
    assert_holders(taken, "8-15", "");
}

static void test_a_cpu_held_twice_names_both(void)
{
    g_autoptr(Taken) taken = taken_new();

    add(taken, 101, "2");
    add(taken, 102, "2");
    assert_holders(taken, "2", "VM 101 (CPU 2), VM 102 (CPU 2)");
}

static void test_the_callers_set_stays_its_own(void)
{
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(CpuSet) cpus = cpuset_parse_kernel("2-3", 8, NULL);

    taken_add(taken, 101, cpus);
    hwloc_bitmap_zero(cpus);
    assert_holders(taken, "0-7", "VM 101 (CPU 2-3)");
}

static void test_a_container_is_named_as_one(void)
{
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(CpuSet) cpus = cpuset_parse_list("4-5", ',', NULL);

    taken_add_container(taken, 105, cpus);
    g_autofree char *names = taken_name_holders(taken, cpus);
    g_assert_cmpstr(names, ==, "CT 105 (CPU 4-5)");
}

static void test_only_vms_leave_the_host_without(void)
{
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(CpuSet) cpus = cpuset_parse_list("4-5", ',', NULL);

    taken_add_container(taken, 105, cpus);
    add(taken, 101, "2-3");
    g_autofree char *all = cpuset_to_list(taken->cpus);
    g_autofree char *of_vms = cpuset_to_list(taken->vm_cpus);
    g_assert_cmpstr(all, ==, "2-5");
    g_assert_cmpstr(of_vms, ==, "2-3");
}

static void test_a_visitor_holds_nothing(void)
{
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(CpuSet) cpus = cpuset_parse_list("4-5", ',', NULL);

    taken_add_visitor(taken, 105, cpus);
    taken_add_visitor(taken, 106, NULL);
    g_assert_cmpuint(taken->visitors->len, ==, 2);
    g_assert_cmpuint(taken->holdings->len, ==, 0);
    g_assert_cmpuint(cpuset_count(taken->cpus), ==, 0);
    assert_holders(taken, "0-7", "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/taken/nothing", test_at_first_nothing_is_held);
    g_test_add_func("/taken/adds-up", test_holdings_add_up);
    g_test_add_func("/taken/names", test_holders_are_named_with_what_they_hold_of_it);
    g_test_add_func("/taken/held-twice", test_a_cpu_held_twice_names_both);
    g_test_add_func("/taken/copies", test_the_callers_set_stays_its_own);
    g_test_add_func("/taken/container", test_a_container_is_named_as_one);
    g_test_add_func("/taken/vms", test_only_vms_leave_the_host_without);
    g_test_add_func("/taken/visitor", test_a_visitor_holds_nothing);
    return g_test_run();
}
