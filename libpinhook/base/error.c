// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/error.h"

#include <errno.h>
#include <unistd.h>

GQuark pinhook_error_quark(void)
{
    return g_quark_from_static_string("pinhook-error-quark");
}

static PinhookError error_code(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return PINHOOK_ERROR_NOT_FOUND;
    case ESRCH:
        return PINHOOK_ERROR_GONE;
    case ETIMEDOUT:
        return PINHOOK_ERROR_TIMEOUT;
    case EACCES:
    case EPERM:
        return geteuid() != 0 ? PINHOOK_ERROR_DENIED : PINHOOK_ERROR_FAILED;
    default:
        return PINHOOK_ERROR_FAILED;
    }
}

gboolean error_set_errno(GError **error, int errnum, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);

    PinhookError code = error_code(errnum);
    g_set_error(error, PINHOOK_ERROR, code, "%s: %s%s", what, g_strerror(errnum),
        code == PINHOOK_ERROR_DENIED ? "; pinhook needs root" : "");
    return FALSE;
}
