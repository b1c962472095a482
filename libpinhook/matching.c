// SPDX-License-Identifier: LGPL-2.1-or-later
#include "matching.h"

#include <string.h>

typedef struct {
    guint seats;
    MatchingFits fits;
    gpointer data;
    int *taker;        // by seat; -1: nobody
    gboolean *visited; // by seat, for the guest at hand
} Matching;

static gboolean seat_guest(Matching *matching, guint guest)
{
    for (guint seat = 0; seat < matching->seats; seat++) {
        if (matching->visited[seat] || !matching->fits(guest, seat, matching->data)) {
            continue;
        }
        matching->visited[seat] = TRUE;
        if (matching->taker[seat] < 0 || seat_guest(matching, (guint)matching->taker[seat])) {
            matching->taker[seat] = (int)guest;
            return TRUE;
        }
    }
    return FALSE;
}

gboolean matching_find(guint guests, guint seats, MatchingFits fits, gpointer data, guint *seat_of)
{
    g_autofree int *taker = g_new(int, seats + 1);
    g_autofree gboolean *visited = g_new(gboolean, seats + 1);
    Matching matching = {
        .seats = seats, .fits = fits, .data = data, .taker = taker, .visited = visited
    };
    gboolean found = guests <= seats;

    memset(taker, -1, sizeof(*taker) * seats);
    for (guint guest = 0; found && guest < guests; guest++) {
        memset(visited, 0, sizeof(*visited) * seats);
        found = seat_guest(&matching, guest);
    }
    for (guint seat = 0; found && seat < seats; seat++) {
        if (taker[seat] >= 0) {
            seat_of[taker[seat]] = seat;
        }
    }
    return found;
}
