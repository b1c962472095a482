// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "tell/occupancy.h"

typedef enum { MAP_PLAIN, MAP_COLOURED } MapStyle;

/// Draws the machine for a terminal, in lines of at most 80 columns of ASCII: each node with its
/// memory, and its cores by LLC, each with a mark that says what it is used for; then what the
/// marks mean. Cores are cells with their CPUs while there are few rows of them; of more, a mark is
/// a core and a gap an LLC. MAP_COLOURED adds escape sequences for colours, and nothing else
/// differs. The caller frees it.
char *map_draw(const Host *host, const Taken *taken, MapStyle style);
