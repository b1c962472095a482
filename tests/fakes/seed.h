// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// g_test_init() with the commit that is tested as the seed of g_test_rand_int(): each commit tries
/// something else, and always the same. GLib prints the seed; `--seed` repeats it.
void seed_test_init(int *argc, char ***argv);
