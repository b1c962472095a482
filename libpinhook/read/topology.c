// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/topology.h"

#include "base/error.h"
#include "base/text.h"
#include "read/topology-xml.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* hwloc takes much from the environment. */

/// Sets an environment variable and gives back what it was, for restore_variable().
static char *replace_variable(const char *name, const char *value)
{
    char *before = g_strdup(g_getenv(name));

    g_setenv(name, value, TRUE);
    return before;
}

/// Takes @before.
static void restore_variable(const char *name, char *before)
{
    if (before != NULL) {
        g_setenv(name, before, TRUE);
        g_free(before);
    } else {
        g_unsetenv(name);
    }
}

static HwlocTopology *new_topology(void)
{
    HwlocTopology *topology = NULL;

    if (hwloc_topology_init(&topology) < 0) {
        return NULL;
    }
    /* The x86 part binds the caller to every CPU in turn, and in another root it would describe
     * this machine's caches. */
    hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "x86");
    /* A cpuset that the caller lives in must not hide CPUs from it. */
    hwloc_topology_set_flags(
        topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
    return topology;
}

/// Tells a new topology where it comes from; FALSE with errno.
typedef gboolean (*Source)(HwlocTopology *topology, gconstpointer data);

/// hwloc's plugins (pci, gl, opencl, libxml) cost six times what the rest does and bring nothing
/// that is needed here. NULL with errno.
static HwlocTopology *load_from(Source source, gconstpointer data)
{
    char *plugins = replace_variable("HWLOC_PLUGINS_PATH", "");
    g_autoptr(HwlocTopology) topology = new_topology();
    gboolean loaded = topology != NULL && source(topology, data) &&
                      hwloc_topology_load(topology) == 0;
    int failed = errno;

    restore_variable("HWLOC_PLUGINS_PATH", plugins);
    errno = failed;
    return loaded ? g_steal_pointer(&topology) : NULL;
}

/* This machine, or the root that stands for one. */

static gboolean from_root(HwlocTopology *topology, gconstpointer data)
{
    return TRUE;
}

HwlocTopology *topology_load(const Root *root, GError **error)
{
    /* Where it finds nothing hwloc would describe this machine instead, or one CPU. */
    if (!root_exists(root, "sys/devices/system/cpu/online") &&
        !root_exists(root, "sys/devices/system/cpu/cpu0")) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
            "%s/sys/devices/system/cpu names no CPUs", root_path(root));
        return NULL;
    }
    /* Always: it outranks what else of hwloc's the caller's environment may hold. */
    char *fsroot = replace_variable("HWLOC_FSROOT", root_path(root));
    HwlocTopology *topology = load_from(from_root, NULL);
    int failed = errno;

    restore_variable("HWLOC_FSROOT", fsroot);
    if (topology == NULL) {
        error_set_errno(error, failed, "hwloc cannot read the topology");
    }
    return topology;
}

/* A description. What hwloc makes of numbers that are too large is much memory, so they are looked
 * at before it. */

/// lstopo writes some 1.5 KiB a CPU.
#define XML_LIMIT (16 * 1024 * 1024)

static gboolean from_xml(HwlocTopology *topology, gconstpointer data)
{
    const char *xml = data;

    return hwloc_topology_set_xmlbuffer(topology, xml, (int)strlen(xml) + 1) == 0;
}

static gboolean from_synthetic(HwlocTopology *topology, gconstpointer data)
{
    return hwloc_topology_set_synthetic(topology, data) == 0;
}

/// Whether the counts of a synthetic text, outside of ( ) and [ ], and their product are within the
/// limits.
static gboolean is_within_limits(const char *text)
{
    guint64 product = 1;
    guint depth = 0;
    gboolean at_count = TRUE;

    for (const char *at = text; *at != '\0' && product <= TOPOLOGY_CPUS; at++) {
        depth += *at == '(' || *at == '[';
        depth -= depth > 0 && (*at == ')' || *at == ']');
        if (depth == 0 && at_count && g_ascii_isdigit(*at)) {
            char *end = NULL;
            guint64 count = g_ascii_strtoull(at, &end, 10);
            product *= count <= TOPOLOGY_CHILDREN ? count : TOPOLOGY_CPUS + 1;
            at = end - 1;
        }
        at_count = *at == ':' || g_ascii_isspace(*at);
    }
    return product <= TOPOLOGY_CPUS;
}

/// Where a synthetic text says nothing of a cache's size hwloc makes one up.
static void forget_cache_sizes(HwlocTopology *topology)
{
    int depth = hwloc_topology_get_depth(topology);

    for (int i = 0; i < depth; i++) {
        hwloc_obj_t object = NULL;
        while ((object = hwloc_get_next_obj_by_depth(topology, i, object)) != NULL &&
               hwloc_obj_type_is_cache(object->type)) {
            object->attr->cache.size = 0;
        }
    }
}

static gboolean has_usable_count(HwlocTopology *topology)
{
    int cpus = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);

    return cpus >= 1 && cpus <= TOPOLOGY_CPUS;
}

static HwlocTopology *describe_by(Source source, const char *text)
{
    g_autoptr(HwlocTopology) topology = load_from(source, text);

    return topology != NULL && has_usable_count(topology) ? g_steal_pointer(&topology) : NULL;
}

HwlocTopology *topology_describe_xml(const char *xml, gsize length, GError **error)
{
    g_autofree char *anew = topology_xml_rewrite(xml, length, error);
    if (anew == NULL) {
        return NULL;
    }
    HwlocTopology *topology = describe_by(from_xml, anew);
    if (topology == NULL) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
            "hwloc refuses it; one is made by: lstopo machine.xml");
    }
    return topology;
}

static HwlocTopology *describe_by_file(const char *path, GError **error)
{
    gsize length;
    g_autofree char *xml = root_read_named(path, XML_LIMIT, &length, error);
    if (xml == NULL) {
        return NULL;
    }
    HwlocTopology *topology = topology_describe_xml(xml, length, error);
    if (topology == NULL) {
        g_prefix_error(error, "'%s' is no topology that hwloc can read: ", path);
    }
    return topology;
}

gboolean topology_names_file(const char *text)
{
    return g_str_has_suffix(text, ".xml") || access(text, F_OK) == 0;
}

HwlocTopology *topology_describe(const char *text, GError **error)
{
    if (topology_names_file(text)) {
        return describe_by_file(text, error);
    }
    HwlocTopology *topology = is_within_limits(text) ? describe_by(from_synthetic, text) : NULL;
    if (topology == NULL) {
        g_autofree char *shown = text_show_start(text, 60);
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
            "'%s' is no file and no topology such as 'numa:2 l3:1 core:4 pu:2' (at most %d "
            "CPUs)",
            shown, TOPOLOGY_CPUS);
    } else if (strstr(text, "size=") == NULL) {
        forget_cache_sizes(topology);
    }
    return topology;
}
