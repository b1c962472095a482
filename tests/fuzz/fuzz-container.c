// SPDX-License-Identifier: LGPL-2.1-or-later
/* What binds a container is the same when it is written again, and is not what a snapshot of it
 * says. The files of the input: its config, and the CPUs that its cgroup has. */
#include "fakes/fuzz-input.h"
#include "read/container.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define CONFIG "etc/pve/lxc/100.conf"
#define ALLOWED "sys/fs/cgroup/lxc/100/cpuset.cpus.effective"

static FakeRoot *fake;

static CpuSet *bound_of(const char *config, gsize length)
{
    fake_root_write_bytes(fake, CONFIG, config, length);
    g_autoptr(GPtrArray) containers = container_list(fake->root, NULL);
    g_assert(containers != NULL && containers->len == 1);
    const Container *container = containers->pdata[0];

    g_assert(container->vmid == 100);
    return container->bound != NULL ? cpuset_copy(container->bound) : NULL;
}

static void assert_same(const CpuSet *a, const CpuSet *b)
{
    g_assert((a == NULL) == (b == NULL));
    g_assert(a == NULL || hwloc_bitmap_isequal(a, b));
}

static void assert_bound(const char *config, gsize length)
{
    static const char snapshot[] = "\n[before]\nlxc.cgroup2.cpuset.cpus: 7\n";
    g_autoptr(CpuSet) bound = bound_of(config, length);
    g_autoptr(GString) more = g_string_new_len(config, (gssize)length);

    g_string_append(more, snapshot);
    g_autoptr(CpuSet) as_before = bound_of(more->str, more->len);
    assert_same(as_before, bound);
    if (bound != NULL) {
        g_assert(hwloc_bitmap_last(bound) < CPUSET_LIMIT);
        g_autofree char *list = cpuset_to_list(bound);
        g_autofree char *line = g_strdup_printf("lxc.cgroup2.cpuset.cpus: %s\n", list);
        g_autoptr(CpuSet) again = bound_of(line, strlen(line));
        assert_same(again, bound);
    }
}

static void assert_allowed(void)
{
    g_autoptr(GPtrArray) containers = container_list(fake->root, NULL);
    const CpuSet *allowed = ((const Container *)containers->pdata[0])->allowed;

    g_assert(allowed == NULL || hwloc_bitmap_last(allowed) < CPUSET_LIMIT);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    InputFile files[2];

    fake = fake != NULL ? fake : fake_root_new();
    fake_root_write(fake, "sys/fs/cgroup/lxc/100/cgroup.procs", "");
    fuzz_input_split(data, size, files, G_N_ELEMENTS(files));
    fuzz_input_put(fake, ALLOWED, &files[1]);
    assert_bound(files[0].bytes, files[0].length);
    assert_allowed();
    return 0;
}
