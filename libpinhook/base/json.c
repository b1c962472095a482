// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/json.h"

#include "base/text.h"

JsonObject *json_new_text(const char *text)
{
    g_autofree char *shown = text != NULL ? text_show(text) : NULL;

    return shown != NULL ? json_object_new_string(shown) : NULL;
}

static JsonObject *find(JsonObject *json, const char *name, enum json_type type)
{
    JsonObject *value;

    return json_object_is_type(json, json_type_object) &&
                   json_object_object_get_ex(json, name, &value) && json_object_is_type(value, type)
               ? value
               : NULL;
}

gboolean json_get_integer(JsonObject *json, const char *name, gint64 most, gint64 *number)
{
    JsonObject *value = find(json, name, json_type_int);
    gint64 found = value != NULL ? json_object_get_int64(value) : -1;

    if (found < 0 || found > most) {
        return FALSE;
    }
    *number = found;
    return TRUE;
}

gboolean json_get_boolean(JsonObject *json, const char *name, gboolean *value)
{
    JsonObject *found = find(json, name, json_type_boolean);

    if (found != NULL) {
        *value = json_object_get_boolean(found);
    }
    return found != NULL;
}

gboolean json_get_string(JsonObject *json, const char *name, const char **text)
{
    JsonObject *found = find(json, name, json_type_string);

    if (found != NULL) {
        *text = json_object_get_string(found);
    }
    return found != NULL;
}
