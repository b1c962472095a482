// SPDX-License-Identifier: LGPL-2.1-or-later
#include "call.h"

#include "base/error.h"

#include <string.h>

/// On a migration's target the config is still the source node's: Proxmox moves it last
/// (PVE::QemuMigrate, phase3_cleanup).
static char *config_path(const Call *call)
{
    if (call->migrated_from != NULL) {
        return g_strdup_printf(
            "etc/pve/nodes/%s/qemu-server/%u.conf", call->migrated_from, call->vmid);
    }
    return g_strdup_printf("etc/pve/qemu-server/%u.conf", call->vmid);
}

VmConfig *call_read_vm(const Call *call)
{
    g_autofree char *path = config_path(call);
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = root_read(call->root, path, &length, &error);

    VmConfig *vm = text != NULL ? vmconfig_parse(text, length)
                                : vmconfig_unreadable(error->message);
    vm->incoming = call->migrated_from != NULL;
    return vm;
}

char *call_node_name(const Call *call)
{
    char *name = root_read_value(call->root, "proc/sys/kernel/hostname");

    if (name != NULL) {
        name[strcspn(name, ".")] = '\0';
    }
    return name;
}

Policy *call_parse_policy(const Call *call, const char *name, const char *text, gsize length)
{
    g_autofree char *node = call_node_name(call);

    if (strlen(text) != length) {
        g_autofree char *message = g_strdup_printf("%s holds NUL bytes: it is no text", name);
        return policy_unreadable(message);
    }
    Policy *policy = policy_parse(text, node, call->vmid);
    policy->file = g_strdup(name);
    return policy;
}

Policy *call_read_policy(const Call *call)
{
    g_autofree char *node = call_node_name(call);
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = root_read(call->root, POLICY_PATH, &length, &error);

    if (g_error_matches(error, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        return policy_parse(NULL, node, call->vmid);
    }
    if (text == NULL) {
        return policy_unreadable(error->message);
    }
    return call_parse_policy(call, "/" POLICY_PATH, text, length);
}

gboolean call_is_for_container(const Call *call)
{
    g_autofree char *container = g_strdup_printf("etc/pve/lxc/%u.conf", call->vmid);
    g_autofree char *vm = config_path(call);

    return root_exists(call->root, container) && !root_exists(call->root, vm);
}

gboolean call_can_bind(const Call *call, GError **error)
{
    if (call->kernel == &kernel_running && !root_is_live(call->root)) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "%s/proc is not this kernel's: nothing there can be bound", root_path(call->root));
        return FALSE;
    }
    return TRUE;
}
