// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/container.h"

#include "fakes/assertions.h"
#include "fakes/fake-root.h"

#define CGROUP "sys/fs/cgroup/lxc/201/"

/// The one container that runs: what it is bound to and where it may run; NULL: as in Container.
static void assert_only(const FakeRoot *fake, const char *bound, const char *allowed)
{
    g_autoptr(GPtrArray) containers = container_list(fake->root, NULL);

    g_assert_cmpuint(containers->len, ==, 1);
    const Container *container = containers->pdata[0];
    g_assert_cmpuint(container->vmid, ==, 201);
    assert_set(container->bound, bound);
    assert_set(container->allowed, allowed);
}

static FakeRoot *new_running(const char *config)
{
    FakeRoot *fake = fake_root_new();

    fake_root_write(fake, "etc/pve/lxc/201.conf", config);
    fake_root_write(fake, CGROUP "cgroup.procs", "");
    fake_root_write(fake, CGROUP "cpuset.cpus.effective", "0-7\n");
    fake_root_write(fake, CGROUP "ns/cpuset.cpus.effective", "2-3\n");
    return fake;
}

static void test_its_processes_are_in_ns(void)
{
    g_autoptr(FakeRoot) fake = new_running("arch: amd64\ncores: 2\n");

    assert_only(fake, NULL, "2-3");
    fake_root_remove_tree(fake, CGROUP "ns");
    assert_only(fake, NULL, "0-7");
}

static void test_what_its_config_binds_it_to(void)
{
    g_autoptr(FakeRoot) fake = new_running("arch: amd64\nlxc.cgroup2.cpuset.cpus: 2\n");

    assert_only(fake, "2", "2-3");
}

static void test_what_cannot_be_read_is_not_known(void)
{
    static const char *const lists[] = { "", "\n", "many\n" };
    g_autoptr(FakeRoot) fake = new_running("arch: amd64\n");

    for (gsize i = 0; i < G_N_ELEMENTS(lists); i++) {
        fake_root_write(fake, CGROUP "ns/cpuset.cpus.effective", lists[i]);
        assert_only(fake, NULL, NULL);
    }
    fake_root_remove(fake, CGROUP "ns/cpuset.cpus.effective");
    fake_root_remove(fake, CGROUP "cpuset.cpus.effective");
    assert_only(fake, NULL, NULL);
}

static void test_those_that_do_not_run_are_left_out(void)
{
    g_autoptr(FakeRoot) fake = new_running("arch: amd64\n");

    fake_root_write(fake, "etc/pve/lxc/202.conf", "arch: amd64\n");
    assert_only(fake, NULL, "2-3");
    fake_root_remove_tree(fake, "sys/fs/cgroup/lxc/201");
    g_autoptr(GPtrArray) containers = container_list(fake->root, NULL);
    g_assert_cmpuint(containers->len, ==, 0);
}

static void test_several_come_by_vmid(void)
{
    g_autoptr(FakeRoot) fake = new_running("arch: amd64\n");

    fake_root_write(fake, "etc/pve/lxc/1000.conf", "arch: amd64\n");
    fake_root_write(fake, "sys/fs/cgroup/lxc/1000/cgroup.procs", "");
    g_autoptr(GPtrArray) containers = container_list(fake->root, NULL);
    g_assert_cmpuint(containers->len, ==, 2);
    g_assert_cmpuint(((const Container *)containers->pdata[0])->vmid, ==, 201);
    g_assert_cmpuint(((const Container *)containers->pdata[1])->vmid, ==, 1000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/container/ns", test_its_processes_are_in_ns);
    g_test_add_func("/container/bound", test_what_its_config_binds_it_to);
    g_test_add_func("/container/unread", test_what_cannot_be_read_is_not_known);
    g_test_add_func("/container/stopped", test_those_that_do_not_run_are_left_out);
    g_test_add_func("/container/several", test_several_come_by_vmid);
    return g_test_run();
}
