// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "place/seats.h"

/// Gives each unit of @demands one of @seats, which must suffice. Those of a lower grade are taken
/// first, and of these whole LLCs, so that what is left over is left in the one that has the host's
/// first core, else in the smallest. In an LLC that has the cores each vCPU gets one of its own;
/// else cores are filled. Then the lowest, the first core last.
/// Returns by demand an array of Seat, one for each of its units in their order: first siblings
/// before second ones. @llc_count: of the host. Sorts @seats. The caller unrefs the array.
GPtrArray *seating_find(GArray *seats, const GPtrArray *demands, guint llc_count);
