// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "fakes/fake-root.h"

/// One of the files that an input of a fuzz target stands for; bytes NULL: it is not there.
typedef struct {
    const char *bytes;
    gsize length;
} InputFile;

/// Takes an input apart at its lines "%%".
void fuzz_input_split(const guint8 *data, gsize size, InputFile *files, guint count);

/// Writes the file, or removes it.
void fuzz_input_put(FakeRoot *fake, const char *path, const InputFile *file);
