// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "pinhook.h"

#include <glib.h>

/// The domain of every GError of this library; its codes are PinhookError in pinhook.h.
#define PINHOOK_ERROR (pinhook_error_quark())

/// Sets @error from an errno value: `<what>: <strerror>`. ENOENT, ENOTDIR become NOT_FOUND, ESRCH
/// becomes GONE, ETIMEDOUT becomes TIMEOUT; EACCES and EPERM become DENIED for who is not root, and
/// the message says so; all others FAILED. Returns FALSE, so that a caller can
/// return the call.
gboolean error_set_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);
