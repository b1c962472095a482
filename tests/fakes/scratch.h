// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// A new directory, below $TMPDIR, or without one in memory where there is room: fake roots are
/// many small files. It is gone with the test at the latest, however that ends: killed and crashed
/// ones leave nothing behind either. The caller frees the path.
char *scratch_new(void);

/// Removes it, or a directory in it, with all that it holds; no file system that is mounted there.
void scratch_remove(const char *path);
