// SPDX-License-Identifier: LGPL-2.1-or-later
/* An interrupt with a handler is in the list with its CPUs, which are the same when they are
 * written again, or is said not to be known. The files of the input: effective_affinity_list,
 * smp_affinity_list, and the name of a handler. */
#include "fakes/fuzz-input.h"
#include "read/interrupts.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

#define DIRECTORY "proc/irq/24/"
#define EFFECTIVE DIRECTORY "effective_affinity_list"

static FakeRoot *fake;

/// A directory of the handler's name, where it can be one; NULL: it cannot.
static char *put_handler(const InputFile *name)
{
    g_autofree char *text = g_strndup(name->bytes != NULL ? name->bytes : "", name->length);
    gboolean is_name = *text != '\0' && strlen(text) < 200 && strchr(text, '/') == NULL &&
                       strcmp(text, ".") != 0 && strcmp(text, "..") != 0 &&
                       strstr(text, "affinity") == NULL && strcmp(text, "node") != 0 &&
                       strcmp(text, "spurious") != 0;
    g_autofree char *inside = g_strdup_printf(DIRECTORY "%s/file", text);

    if (is_name) {
        fake_root_write(fake, inside, "");
    }
    return is_name ? g_strdup_printf(DIRECTORY "%s", text) : NULL;
}

static void assert_reads_back(const CpuSet *cpus)
{
    g_autofree char *list = cpuset_to_list(cpus);
    g_autofree char *line = g_strconcat(list, "\n", NULL);

    fake_root_write(fake, EFFECTIVE, line);
    g_autoptr(Interrupts) again = interrupts_load(fake->root, NULL);
    g_assert(again->known && again->list->len == 1);
    g_assert(hwloc_bitmap_isequal(((const Interrupt *)again->list->pdata[0])->cpus, cpus));
}

static void look(const char *handler)
{
    g_autoptr(Interrupts) interrupts = interrupts_load(fake->root, NULL);

    g_assert(interrupts->list->len == (interrupts->known && handler != NULL));
    if (interrupts->list->len > 0) {
        const Interrupt *interrupt = interrupts->list->pdata[0];
        g_assert(interrupt->irq == 24 && strstr(handler, interrupt->name) != NULL);
        g_assert(hwloc_bitmap_last(interrupt->cpus) < CPUSET_LIMIT);
        assert_reads_back(interrupt->cpus);
    }
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    InputFile files[3];

    fake = fake != NULL ? fake : fake_root_new();
    fake_root_write(fake, DIRECTORY "node", "0\n");
    fuzz_input_split(data, size, files, G_N_ELEMENTS(files));
    fuzz_input_put(fake, EFFECTIVE, &files[0]);
    fuzz_input_put(fake, DIRECTORY "smp_affinity_list", &files[1]);
    g_autofree char *handler = put_handler(&files[2]);
    look(handler);
    if (handler != NULL) {
        fake_root_remove_tree(fake, handler);
    }
    return 0;
}
