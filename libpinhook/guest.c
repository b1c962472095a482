// SPDX-License-Identifier: LGPL-2.1-or-later
#include "guest.h"

gboolean guest_look(Qmp *qmp, const VmConfig *vm, GuestState *state, GError **error)
{
    JsonObject *name;

    if (!vm->freeze) {
        *state = GUEST_UNTOUCHED;
        return TRUE;
    }
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "query-status", error);
    if (reply == NULL) {
        return FALSE;
    }
    gboolean prelaunch = json_object_is_type(reply, json_type_object) &&
                         json_object_object_get_ex(reply, "status", &name) &&
                         g_strcmp0(json_object_get_string(name), "prelaunch") == 0;
    *state = prelaunch ? GUEST_FROZEN : GUEST_UNTOUCHED;
    return TRUE;
}

gboolean guest_release(Qmp *qmp, const VmConfig *vm, GuestState *state, GError **error)
{
    if (*state != GUEST_FROZEN || vm->lock != NULL) {
        return TRUE;
    }
    g_autoptr(JsonObject) reply = qmp_execute(qmp, "cont", error);
    if (reply == NULL) {
        return FALSE;
    }
    *state = GUEST_RELEASED;
    return TRUE;
}
