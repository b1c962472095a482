// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/container.h"

#include "base/error.h"
#include "base/vmid.h"

#include <string.h>

static void container_free(gpointer data)
{
    Container *container = data;

    hwloc_bitmap_free(container->bound);
    hwloc_bitmap_free(container->allowed);
    g_free(container);
}

/// The CPU list on a line of a container's config, in @line; NULL: another line. Proxmox takes
/// `lxc.key: value` and `lxc.key = value` (PVE::LXC::Config, parse_pct_config).
static char *find_cpus_on_line(char *line)
{
    static const char *const keys[] = { "lxc.cgroup2.cpuset.cpus", "lxc.cgroup.cpuset.cpus" };

    for (gsize key = 0; key < G_N_ELEMENTS(keys); key++) {
        if (g_str_has_prefix(line, keys[key])) {
            char *at = line + strlen(keys[key]);
            char *sign = *at == ':' ? at : g_strchug(at);
            return *sign == ':' || *sign == '=' ? g_strstrip(sign + 1) : NULL;
        }
    }
    return NULL;
}

/// The CPUs that a container's config binds it to, by the last line that does, as LXC takes them
/// one by one; NULL: none.
static CpuSet *find_container_cpus(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    const char *list = NULL;

    for (guint i = 0; lines[i] != NULL && lines[i][0] != '['; i++) {
        const char *found = find_cpus_on_line(lines[i]);
        list = found != NULL ? found : list;
    }
    return list != NULL ? cpuset_parse_kernel(list, CPUSET_LIMIT, NULL) : NULL;
}

/// In @bound. FALSE with @error: the config is there and cannot be read.
static gboolean read_bound(const Root *root, guint vmid, CpuSet **bound, GError **error)
{
    g_autofree char *path = g_strdup_printf("etc/pve/lxc/%u.conf", vmid);
    g_autoptr(GError) failed = NULL;
    g_autofree char *text = root_read(root, path, NULL, &failed);

    if (text == NULL && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *bound = text != NULL ? find_container_cpus(text) : NULL;
    return TRUE;
}

static CpuSet *read_allowed(const Root *root, const char *cgroup)
{
    static const char *const places[] = { "ns/", "" };
    g_autofree char *list = NULL;

    for (gsize i = 0; list == NULL && i < G_N_ELEMENTS(places); i++) {
        g_autofree char *path = g_strdup_printf("%s/%scpuset.cpus.effective", cgroup, places[i]);
        list = root_read_value(root, path);
    }
    return list != NULL && *list != '\0' ? cpuset_parse_kernel(list, CPUSET_LIMIT, NULL) : NULL;
}

/// Adds container @vmid if it runs.
static gboolean add_container(GPtrArray *containers, const Root *root, guint vmid, GError **error)
{
    g_autofree char *cgroup = g_strdup_printf("sys/fs/cgroup/lxc/%u", vmid);
    CpuSet *bound = NULL;
    gboolean runs;

    if (!root_look(root, cgroup, &runs, error) ||
        (runs && !read_bound(root, vmid, &bound, error))) {
        return FALSE;
    }
    if (runs) {
        Container *container = g_new(Container, 1);
        *container = (Container){
            .vmid = vmid, .bound = bound, .allowed = read_allowed(root, cgroup)
        };
        g_ptr_array_add(containers, container);
    }
    return TRUE;
}

GPtrArray *container_list(const Root *root, GError **error)
{
    g_autoptr(GArray) vmids = vmid_list(root, "etc/pve/lxc", ".conf", error);
    g_autoptr(GPtrArray) containers = g_ptr_array_new_with_free_func(container_free);

    for (guint i = 0; vmids != NULL && i < vmids->len; i++) {
        if (!add_container(containers, root, g_array_index(vmids, guint, i), error)) {
            return NULL;
        }
    }
    return vmids != NULL ? g_steal_pointer(&containers) : NULL;
}
