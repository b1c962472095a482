// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/vmid.h"

#include "base/error.h"

#include <string.h>

gboolean vmid_of_file(const char *name, const char *suffix, guint *vmid)
{
    g_autofree char *number = g_strndup(name, strcspn(name, "."));
    guint64 wide;

    if (!g_str_has_suffix(name, suffix) || strlen(number) + strlen(suffix) != strlen(name) ||
        !g_ascii_string_to_unsigned(number, 10, 100, 999999999, &wide, NULL)) {
        return FALSE;
    }
    *vmid = (guint)wide;
    return TRUE;
}

static int compare_vmids(gconstpointer a, gconstpointer b)
{
    guint first = *(const guint *)a, second = *(const guint *)b;

    return first < second ? -1 : first > second;
}

GArray *vmid_list(const Root *root, const char *path, const char *suffix, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_auto(GStrv) names = root_list(root, path, &failed);
    if (names == NULL && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return NULL;
    }

    GArray *vmids = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        guint vmid;
        if (vmid_of_file(names[i], suffix, &vmid)) {
            g_array_append_val(vmids, vmid);
        }
    }
    g_array_sort(vmids, compare_vmids);
    return vmids;
}

gboolean vmid_is_listed(const GArray *vmids, guint vmid)
{
    for (guint i = 0; i < vmids->len; i++) {
        if (g_array_index(vmids, guint, i) == vmid) {
            return TRUE;
        }
    }
    return FALSE;
}
