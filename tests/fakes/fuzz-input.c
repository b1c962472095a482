// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fakes/fuzz-input.h"

#include <string.h>

void fuzz_input_split(const guint8 *data, gsize size, InputFile *files, guint count)
{
    static const char parting[] = "\n%%\n";
    const char *at = size > 0 ? (const char *)data : "", *end = at + size;

    memset(files, 0, count * sizeof(*files));
    for (guint i = 0; i < count && at != NULL; i++) {
        const char *next = memmem(at, (gsize)(end - at), parting, strlen(parting));
        files[i] = (InputFile){ at, (gsize)((next != NULL ? next : end) - at) };
        at = next != NULL ? next + strlen(parting) : NULL;
    }
}

void fuzz_input_put(FakeRoot *fake, const char *path, const InputFile *file)
{
    if (file->bytes != NULL) {
        fake_root_write_bytes(fake, path, file->bytes, file->length);
    } else if (root_exists(fake->root, path)) {
        fake_root_remove(fake, path);
    }
}
