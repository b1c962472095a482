// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/cpuset.h"

/// @list NULL: there is no set.
void assert_set(const CpuSet *set, const char *list);

/// One line that goes into the task log, which takes no control characters, and into JSON, which
/// takes UTF-8 alone.
void assert_printable(const char *message);

/// What has a deadline ended by it: @before is g_get_monotonic_time() before it began. Ten seconds
/// more are for a busy machine, so what is to be told from a hang must hang for longer.
void assert_ended_by(gint64 before, guint deadline_ms);
