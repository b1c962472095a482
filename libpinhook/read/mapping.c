// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/mapping.h"

#include "read/pci.h"

#include <string.h>

/* A `map` line: `map id=…,iommugroup=…,node=NODE,path=ADDRESS[;ADDRESS…]` */

typedef struct {
    const char *node;
    const char *path;
} Map;

/// FALSE: a key that is needed stands there twice.
static gboolean take_part(Map *map, const char *part)
{
    const char **value = g_str_has_prefix(part, "node=")   ? &map->node
                         : g_str_has_prefix(part, "path=") ? &map->path
                                                           : NULL;

    if (value == NULL) {
        return TRUE;
    }
    if (*value != NULL) {
        return FALSE;
    }
    *value = strchr(part, '=') + 1;
    return TRUE;
}

/// The addresses, where the line is good and that node's; else NULL. Writes to @text.
static char **read_map(char *text, const char *node_name)
{
    Map map = { NULL, NULL };

    for (char *part = strsep(&text, ","); part != NULL; part = strsep(&text, ",")) {
        if (!take_part(&map, part)) {
            return NULL;
        }
    }
    if (map.node == NULL || map.path == NULL || g_strcmp0(map.node, node_name) != 0) {
        return NULL;
    }
    return pci_parse_addresses(map.path);
}

/* Lines. */

typedef struct {
    const char *name;
    const char *node_name;
    gboolean inside; // of a section
    gboolean ours;   // it is the mapping's
    GPtrArray *candidates;
} Reading;

/// A section begins with its id alone, unlike other files of PVE::SectionConfig, which have the
/// type before it. Of two with one id the last counts.
static void read_header(Reading *reading, char *line)
{
    if (g_ascii_isspace(*line) || strpbrk(g_strchomp(line), " \t\f\v\r") != NULL) {
        return;
    }
    reading->inside = TRUE;
    reading->ours = strcmp(line, reading->name) == 0;
    if (reading->ours) {
        g_ptr_array_set_size(reading->candidates, 0);
    }
}

static void read_property(Reading *reading, char *line)
{
    if (!reading->ours || !g_ascii_isspace(*line)) {
        return;
    }
    g_strstrip(line);
    if (!g_str_has_prefix(line, "map") || !g_ascii_isspace(line[strlen("map")])) {
        return;
    }
    char **addresses = read_map(g_strchug(line + strlen("map")), reading->node_name);
    if (addresses != NULL) {
        g_ptr_array_add(reading->candidates, addresses);
    }
}

/// A section ends at an empty line and nowhere else: what looks like a header in one is passed
/// over, and so is a line of blanks.
static void read_line(Reading *reading, char *line)
{
    for (gsize end = strlen(line); end > 0 && line[end - 1] == '\r'; end--) {
        line[end - 1] = '\0';
    }
    if (*line == '\0') {
        reading->inside = FALSE;
    } else if (line[strspn(line, " \t\f\v\r")] == '#') {
        return;
    } else if (reading->inside) {
        read_property(reading, line);
    } else {
        read_header(reading, line);
    }
}

GPtrArray *mapping_find(const char *text, const char *name, const char *node_name)
{
    g_autofree char *copy = g_strdup(text);
    char *rest = copy;
    Reading reading = { .name = name,
        .node_name = node_name,
        .candidates = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev) };

    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        read_line(&reading, line);
    }
    return reading.candidates;
}
