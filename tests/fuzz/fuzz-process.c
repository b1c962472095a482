// SPDX-License-Identifier: LGPL-2.1-or-later
/* What stat says of a process is the same when it is written again, and only a process that names
 * the pid file on its command line is a VM's QEMU. The files of the input: stat, cmdline, pid file.
 */
#include "base/error.h"
#include "fakes/fuzz-input.h"
#include "read/process.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

enum { PID = 4711, VMID = 100 };

static FakeRoot *fake;

static void assert_reads_back(const ProcessStat *stat)
{
    g_autofree char *text = g_strdup_printf("%d (%s) %c 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 "
                                            "%" G_GUINT64_FORMAT
                                            " 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 %d 0 0\n",
        PID, stat->name, stat->state, stat->start_time, stat->last_cpu);
    ProcessStat again = { 0 };

    fake_root_write(fake, "proc/4712/stat", text);
    g_assert(process_read_stat(fake->root, "proc/4712/stat", &again, NULL));
    g_assert_cmpstr(again.name, ==, stat->name);
    g_assert(again.state == stat->state && again.start_time == stat->start_time &&
             again.last_cpu == stat->last_cpu);
    g_free(again.name);
}

static gboolean may_be_named(const InputFile *cmdline)
{
    return cmdline->bytes != NULL &&
           memmem(cmdline->bytes, cmdline->length, "-pidfile", strlen("-pidfile")) != NULL &&
           memmem(cmdline->bytes, cmdline->length, "100.pid", strlen("100.pid")) != NULL;
}

static void look_at_process(void)
{
    g_autoptr(GError) error = NULL;
    Process process = { 0 };
    ProcessStat stat = { 0 };
    gboolean is_stat = process_read_stat(fake->root, "proc/4711/stat", &stat, &error);

    g_assert(is_stat == (error == NULL));
    gboolean lives = process_identify(fake->root, PID, &process, NULL);
    g_assert(lives == (is_stat && stat.state != 'Z' && stat.state != 'X'));
    g_assert(lives == process_is(&process, &process));
    if (is_stat) {
        g_assert(!lives || process.start_time == stat.start_time);
        assert_reads_back(&stat);
    }
    g_free(stat.name);
}

static void look_for_vm(const InputFile *cmdline)
{
    g_autoptr(GError) error = NULL;
    Process process = { 0 };
    gboolean runs = process_of_vm(fake->root, VMID, &process, &error);

    g_assert(runs == (error == NULL));
    g_assert(!runs || (process.pid == PID && may_be_named(cmdline)));
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    InputFile files[3];

    fake = fake != NULL ? fake : fake_root_new();
    fuzz_input_split(data, size, files, G_N_ELEMENTS(files));
    fuzz_input_put(fake, "proc/4711/stat", &files[0]);
    fuzz_input_put(fake, "proc/4711/cmdline", &files[1]);
    fuzz_input_put(fake, "run/qemu-server/100.pid", &files[2]);
    look_at_process();
    look_for_vm(&files[1]);
    return 0;
}
