// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/idle.h"

#include "fakes/fake-root.h"

#define CPU "sys/devices/system/cpu/cpu4/"
#define RESUME CPU "power/pm_qos_resume_latency_us"

/// CPU 4: POLL, C1 and C6.
static FakeRoot *new_machine(void)
{
    static const char *const latencies[] = { "0\n", "2\n", "133\n" };
    FakeRoot *fake = fake_root_new();

    fake_root_write(fake, RESUME, "0\n");
    for (guint i = 0; i < G_N_ELEMENTS(latencies); i++) {
        g_autofree char *latency = g_strdup_printf(CPU "cpuidle/state%u/latency", i);
        g_autofree char *disable = g_strdup_printf(CPU "cpuidle/state%u/disable", i);
        fake_root_write(fake, latency, latencies[i]);
        fake_root_write(fake, disable, "0\n");
    }
    return fake;
}

static GArray *load(const FakeRoot *fake, const char *list)
{
    g_autoptr(CpuSet) cpus = cpuset_parse_list(list, ',', NULL);

    return idle_load(fake->root, cpus);
}

static IdleSleep only(const FakeRoot *fake)
{
    g_autoptr(GArray) sleeps = load(fake, "3-5");

    g_assert_cmpuint(sleeps->len, ==, 1);
    g_assert_cmpuint(g_array_index(sleeps, IdleSleep, 0).cpu, ==, 4);
    return g_array_index(sleeps, IdleSleep, 0);
}

static void test_what_waking_up_takes(void)
{
    static const struct {
        const char *resume, *disabled; // of C6
        guint64 wake_us;
    } rows[] = { { "0\n", "0\n", 133 }, { "0\n", "1\n", 2 }, { "133\n", "0\n", 133 },
        { "132\n", "0\n", 2 }, { "1\n", "0\n", 0 }, { "n/a\n", "0\n", 0 } };

    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(FakeRoot) fake = new_machine();
        fake_root_write(fake, RESUME, rows[i].resume);
        fake_root_write(fake, CPU "cpuidle/state2/disable", rows[i].disabled);
        IdleSleep sleep = only(fake);
        g_assert_true(sleep.known);
        g_assert_cmpuint(sleep.wake_us, ==, rows[i].wake_us);
    }
}

static void test_what_cannot_be_read_is_not_known(void)
{
    static const char *const files[] = { RESUME, CPU "cpuidle/state0/latency",
        CPU "cpuidle/state2/latency", CPU "cpuidle/state2/disable" };

    for (gsize i = 0; i < G_N_ELEMENTS(files) * 2; i++) {
        g_autoptr(FakeRoot) fake = new_machine();
        const char *file = files[i / 2];
        if (i % 2 == 0) {
            fake_root_write(fake, file, "lots\n");
        } else {
            fake_root_remove(fake, file);
        }
        g_assert_false(only(fake).known);
    }
}

static void test_states_that_cannot_be_listed_are_not_known(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    fake_root_remove_tree(fake, CPU "cpuidle");
    fake_root_write(fake, CPU "cpuidle", "");
    g_assert_false(only(fake).known);
    fake_root_remove(fake, CPU "cpuidle");
    fake_root_link(fake, CPU "cpuidle", "cpuidle"); // round and round
    g_assert_false(only(fake).known);
}

static void test_without_states_it_does_not_sleep(void)
{
    g_autoptr(FakeRoot) fake = new_machine();

    fake_root_remove_tree(fake, CPU "cpuidle");
    g_autoptr(GArray) sleeps = load(fake, "0-7");
    g_assert_cmpuint(sleeps->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/idle/wake", test_what_waking_up_takes);
    g_test_add_func("/idle/unread", test_what_cannot_be_read_is_not_known);
    g_test_add_func("/idle/unlisted", test_states_that_cannot_be_listed_are_not_known);
    g_test_add_func("/idle/none", test_without_states_it_does_not_sleep);
    return g_test_run();
}
