// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/guest.h"

#include "base/error.h"

#include <string.h>

gboolean guest_look(Qmp *qmp, const VmConfig *vm, GuestState *state, GError **error)
{
    const char *name;

    if (!vmconfig_may_be_frozen(vm)) {
        *state = GUEST_UNTOUCHED;
        return TRUE;
    }
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "query-status", error);
    if (reply == NULL) {
        return FALSE;
    }
    if (!json_get_string(reply, "status", &name)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "QEMU's reply to query-status names no status");
        return FALSE;
    }
    *state = strcmp(name, "prelaunch") == 0 ? GUEST_FROZEN : GUEST_UNTOUCHED;
    return TRUE;
}

gboolean guest_release(Qmp *qmp, GuestState *state, GError **error)
{
    *state = GUEST_UNKNOWN; // without an answer QEMU may have taken it all the same
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "cont", error);
    if (reply == NULL) {
        return FALSE;
    }
    *state = GUEST_RELEASED;
    return TRUE;
}
