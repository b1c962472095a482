// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fake-observed.h"

static void observed_thread_free(gpointer data)
{
    ObservedThread *seen = data;

    thread_free(seen->thread);
    hwloc_bitmap_free(seen->wanted);
    hwloc_bitmap_free(seen->allowed);
    g_free(seen->refusal);
    g_free(seen);
}

Observed *fake_observed_new(void)
{
    Observed *observed = g_new0(Observed, 1);

    observed->threads = g_ptr_array_new_with_free_func(observed_thread_free);
    observed->missing_vcpus = g_array_new(FALSE, FALSE, sizeof(QemuThread));
    return observed;
}

ObservedThread *fake_observed_add(
    Observed *observed, int tid, ThreadRole role, guint vcpu, const char *name, const char *allowed)
{
    ObservedThread *seen = g_new0(ObservedThread, 1);

    seen->thread = g_new0(Thread, 1);
    *seen->thread = (Thread){ .tid = tid, .role = role, .vcpu = vcpu, .name = g_strdup(name) };
    seen->allowed = cpuset_parse_kernel(allowed, CPUSET_LIMIT, NULL);
    g_ptr_array_add(observed->threads, seen);
    return seen;
}
