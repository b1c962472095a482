// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// pinhook_main() with its environment handed in: @migrated_from is PVE_MIGRATED_FROM (NULL or "":
/// no migration), @caller the pid of who called.
int cli_main(int argc, char **argv, const char *migrated_from, int caller);
