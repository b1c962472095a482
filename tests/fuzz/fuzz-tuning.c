// SPDX-License-Identifier: LGPL-2.1-or-later
/* What irqbalance is told is the same when it is told again, and no profile of tuned moves VMs
 * without isolated_cores. The files of the input: the environment of irqbalance, its defaults, the
 * active profile's name, and the profiles a and b. */
#include "fakes/fuzz-input.h"
#include "read/tuning.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define SLICE "sys/fs/cgroup/system.slice/"
#define ENVIRON "proc/4711/environ"
#define A "etc/tuned/a/tuned.conf"
#define B "etc/tuned/b/tuned.conf"

static FakeRoot *fake;

static void prepare(void)
{
    fake = fake_root_new();
    fake_root_write(fake, SLICE "irqbalance.service/cgroup.procs", "4711\n");
    fake_root_write(fake, SLICE "tuned.service/cgroup.procs", "4712\n");
    fake_root_write(fake, "etc/tuned/post_loaded_profile", "");
}

static void assert_told_again(const CpuSet *banned)
{
    g_autofree char *list = cpuset_to_list(banned);
    g_autofree char *line = g_strconcat("IRQBALANCE_BANNED_CPULIST=", list, NULL);
    g_autoptr(CpuSet) none = cpuset_new();

    fake_root_write(fake, ENVIRON, line);
    g_autoptr(Tuning) again = tuning_load(fake->root, none);
    g_assert(again->irqbalance_banned_known);
    g_assert(hwloc_bitmap_isequal(again->irqbalance_banned, banned));
}

static void assert_irqbalance(const Tuning *tuning)
{
    const CpuSet *banned = tuning->irqbalance_banned;

    g_assert(tuning->irqbalance == TUNING_ON);
    g_assert(banned == NULL || tuning->irqbalance_banned_known);
    if (banned != NULL && !hwloc_bitmap_iszero(banned)) {
        g_assert(hwloc_bitmap_last(banned) < CPUSET_LIMIT);
        assert_told_again(banned);
    }
}

static gboolean has_option(const InputFile *profile)
{
    static const char option[] = "isolated_cores";

    return profile->bytes != NULL &&
           memmem(profile->bytes, profile->length, option, strlen(option)) != NULL;
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    InputFile files[5];
    g_autoptr(CpuSet) none = cpuset_new();

    if (fake == NULL) {
        prepare();
    }
    fuzz_input_split(data, size, files, G_N_ELEMENTS(files));
    fuzz_input_put(fake, ENVIRON, &files[0]);
    fuzz_input_put(fake, "etc/default/irqbalance", &files[1]);
    fuzz_input_put(fake, "etc/tuned/active_profile", &files[2]);
    fuzz_input_put(fake, A, &files[3]);
    fuzz_input_put(fake, B, &files[4]);
    g_autoptr(Tuning) tuning = tuning_load(fake->root, none);
    g_assert(tuning->tuned == TUNING_ON);
    g_assert(
        tuning->tuned_moves_vms != TUNING_ON || has_option(&files[3]) || has_option(&files[4]));
    assert_irqbalance(tuning);
    return 0;
}
