// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// The words of a VM's `args`, as PVE::Tools::split_args takes them apart, which is Perl's
/// shellwords: close to a shell, but `#` begins no comment, in double quotes a backslash takes any
/// character, and in single quotes it keeps the next from closing them. NULL: a quote is not
/// closed, or a backslash is the last; of such args QEMU gets none. Freed with g_strfreev().
char **vmargs_split(const char *args);

/// Appends @word to @args so that vmargs_split() has it again.
void vmargs_append(GString *args, const char *word);
