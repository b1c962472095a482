// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/pci.h"

#include <string.h>

static gboolean skip_hex(const char **at, gsize least, gsize most)
{
    gsize digits = strspn(*at, "0123456789abcdef");

    *at += digits;
    return digits >= least && digits <= most;
}

static gboolean skip_char(const char **at, char wanted)
{
    if (**at != wanted) {
        return FALSE;
    }
    (*at)++;
    return TRUE;
}

/// `.function`, or nothing.
static gboolean is_function(const char *at)
{
    return *at == '\0' || (skip_char(&at, '.') && skip_hex(&at, 1, 1) && *at == '\0');
}

/// `bus:device[.function]`
static gboolean is_local(const char *at)
{
    return skip_hex(&at, 2, 2) && skip_char(&at, ':') && skip_hex(&at, 2, 2) && is_function(at);
}

/// NULL: it is none.
static char *parse_address(const char *text)
{
    const char *at = text;

    if (is_local(text)) {
        return g_strconcat("0000:", text, NULL);
    }
    /* Proxmox sets no upper limit; the kernel's domains are of 32 bits. */
    return skip_hex(&at, 4, 8) && skip_char(&at, ':') && is_local(at) ? g_strdup(text) : NULL;
}

char **pci_parse_addresses(const char *text)
{
    g_auto(GStrv) addresses = g_strsplit(text, ";", -1);

    for (guint i = 0; addresses[i] != NULL; i++) {
        char *address = parse_address(addresses[i]);
        if (address == NULL) {
            return NULL;
        }
        g_free(addresses[i]);
        addresses[i] = address;
    }
    return addresses[0] != NULL ? g_steal_pointer(&addresses) : NULL;
}
