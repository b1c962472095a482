// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>
#include <json-c/json.h>

typedef struct json_object JsonObject;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(JsonObject, json_object_put)

/// What came from outside, as text_show() has it; NULL: null. The caller owns it.
JsonObject *json_new_text(const char *text);

/* A member of @json by its name. FALSE, and nothing is written: @json is no object, or has no such
 * member of the type and range. */

/// A whole number from 0 to @most.
gboolean json_get_integer(JsonObject *json, const char *name, gint64 most, gint64 *number);

gboolean json_get_boolean(JsonObject *json, const char *name, gboolean *value);

/// The text belongs to @json.
gboolean json_get_string(JsonObject *json, const char *name, const char **text);
