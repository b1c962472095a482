// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/unbound.h"

void unbound_init(Unbound *unbound, const Request *request)
{
    unbound->no_cells = g_ptr_array_new();
    unbound->vm = *request->vm;
    unbound->vm.guest_cells = unbound->no_cells;
    unbound->request = *request;
    unbound->request.vm = &unbound->vm;
}

void unbound_clear(Unbound *unbound)
{
    g_clear_pointer(&unbound->no_cells, g_ptr_array_unref);
}
