// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/device.h"

#include "read/mapping.h"

#include <string.h>

static void device_free(gpointer data)
{
    Device *device = data;

    g_free(device->option);
    g_free(device->address);
    g_free(device->unknown);
    g_free(device);
}

static void add_device(
    GPtrArray *devices, const char *option, const char *address, int node, const char *unknown)
{
    Device *device = g_new(Device, 1);

    *device = (Device){ .option = g_strdup(option),
        .address = g_strdup(address),
        .node = node,
        .unknown = g_strdup(unknown) };
    g_ptr_array_add(devices, device);
}

/* In sysfs. */

/// A device, or a slot of the guest, has no more functions.
#define FUNCTION_LIMIT 8

static char *directory_of(const char *address)
{
    return g_strconcat("sys/bus/pci/devices/", address, NULL);
}

/// The directory of the device; of one without function that of its first. NULL: there is none.
static char *find_directory(const Root *root, const char *address)
{
    gboolean whole = strchr(address, '.') == NULL;

    for (guint i = 0; i < (whole ? FUNCTION_LIMIT : 1); i++) {
        g_autofree char *function = whole ? g_strdup_printf("%s.%u", address, i)
                                          : g_strdup(address);
        g_autofree char *directory = directory_of(function);
        if (root_exists(root, directory)) {
            return g_steal_pointer(&directory);
        }
    }
    return NULL;
}

/// FALSE: the kernel does not say; it may be one without NUMA.
static gboolean read_node(const Root *root, const char *directory, int *node)
{
    g_autofree char *path = g_strconcat(directory, "/numa_node", NULL);
    g_autofree char *text = root_read_value(root, path);
    gint64 number;

    if (text == NULL || !g_ascii_string_to_signed(text, 10, -1, CPUSET_LIMIT - 1, &number, NULL)) {
        return FALSE;
    }
    *node = (int)number;
    return TRUE;
}

/* Options. */

static gboolean has_node(const GPtrArray *devices, guint from, int node)
{
    for (guint i = from; i < devices->len; i++) {
        if (((const Device *)devices->pdata[i])->node == node) {
            return TRUE;
        }
    }
    return FALSE;
}

/// Adds one device for each node that @addresses lie on. @mapping NULL: they stand in the config.
static void add_addresses(
    GPtrArray *devices, const Root *root, const char *option, const char *mapping, char **addresses)
{
    guint first = devices->len;

    for (guint i = 0; i < FUNCTION_LIMIT && addresses[i] != NULL; i++) {
        g_autofree char *directory = find_directory(root, addresses[i]);
        if (directory == NULL) {
            continue;
        }
        int node = -1;
        gboolean known = read_node(root, directory, &node);
        if (!has_node(devices, first, node)) {
            add_device(devices, option, mapping != NULL ? mapping : addresses[i], node,
                known ? NULL : "the kernel does not say");
        }
    }
    if (devices->len == first) {
        add_device(devices, option, mapping != NULL ? mapping : addresses[0], -1,
            "the host has no such device");
    }
}

/// Why the node of the first of @devices does not hold for all of them. NULL: it does.
static const char *find_doubt(const GPtrArray *devices)
{
    const Device *first = devices->pdata[0];

    for (guint i = 0; i < devices->len; i++) {
        const Device *device = devices->pdata[i];
        if (device->unknown != NULL) {
            return device->unknown;
        }
        if (device->node != first->node) {
            return "the mapping's devices lie on several nodes";
        }
    }
    return NULL;
}

/// Of several @candidates nobody knows before the start which one it will be.
static void add_candidates(GPtrArray *devices, const Root *root, const char *option,
    const char *mapping, const GPtrArray *candidates)
{
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(device_free);
    const char *doubt = NULL;

    for (guint i = 0; doubt == NULL && i < candidates->len; i++) {
        add_addresses(found, root, option, mapping, candidates->pdata[i]);
        doubt = find_doubt(found);
    }
    const Device *first = found->pdata[0];
    add_device(devices, option, mapping, doubt == NULL ? first->node : -1, doubt);
}

/// NULL with @reason, which the caller frees.
static char *read_mappings(const Root *root, char **reason)
{
    g_autoptr(GError) error = NULL;
    gsize length;
    g_autofree char *text = root_read(root, MAPPING_PATH, &length, &error);

    if (text == NULL) {
        *reason = g_strdup(error->message);
        return NULL;
    }
    if (strlen(text) != length) {
        *reason = g_strdup("/" MAPPING_PATH " holds NUL bytes: it is no text");
        return NULL;
    }
    return g_steal_pointer(&text);
}

static void add_mapping(GPtrArray *devices, const Root *root, const char *option,
    const char *mapping, const char *node_name)
{
    g_autofree char *reason = NULL;
    g_autofree char *text = read_mappings(root, &reason);
    if (text == NULL) {
        add_device(devices, option, mapping, -1, reason);
        return;
    }

    g_autoptr(GPtrArray) candidates = mapping_find(text, mapping, node_name);
    if (candidates->len == 0) {
        add_device(devices, option, mapping, -1, "the mapping has no device on this host");
    } else if (candidates->len == 1) {
        add_addresses(devices, root, option, mapping, candidates->pdata[0]);
    } else {
        add_candidates(devices, root, option, mapping, candidates);
    }
}

GPtrArray *device_find(const Root *root, const VmConfig *vm, const char *node_name)
{
    GPtrArray *devices = g_ptr_array_new_with_free_func(device_free);

    for (guint i = 0; i < vm->hostpci->len; i++) {
        const VmHostpci *hostpci = vm->hostpci->pdata[i];
        g_autofree char *option = g_strdup_printf("hostpci%u", hostpci->index);
        if (hostpci->mapping != NULL) {
            add_mapping(devices, root, option, hostpci->mapping, node_name);
        } else {
            add_addresses(devices, root, option, NULL, hostpci->addresses);
        }
    }
    return devices;
}
