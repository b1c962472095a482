// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/smp.h"

#include <errno.h>
#include <string.h>

static const struct {
    const char *name;
    gsize offset;
} counts[] = {
    { "clusters", G_STRUCT_OFFSET(Smp, clusters) },
    { "cores", G_STRUCT_OFFSET(Smp, cores) },
    { "cpus", G_STRUCT_OFFSET(Smp, cpus) },
    { "dies", G_STRUCT_OFFSET(Smp, dies) },
    { "maxcpus", G_STRUCT_OFFSET(Smp, maxcpus) },
    { "modules", G_STRUCT_OFFSET(Smp, modules) },
    { "sockets", G_STRUCT_OFFSET(Smp, sockets) },
    { "threads", G_STRUCT_OFFSET(Smp, threads) },
};

static gboolean parse_count(const char *text, guint64 *count)
{
    char *end = NULL;

    errno = 0;
    gint64 value = g_ascii_strtoll(text, &end, 0);
    if (end == text || *end != '\0' || errno != 0 || value < 0 || value > SMP_LIMIT) {
        return FALSE;
    }
    *count = (guint64)value;
    return TRUE;
}

static gboolean set_count(Smp *smp, const char *name, const char *text)
{
    for (gsize i = 0; i < G_N_ELEMENTS(counts); i++) {
        guint64 *count = &G_STRUCT_MEMBER(guint64, smp, counts[i].offset);
        if (strcmp(counts[i].name, name) == 0) {
            gboolean taken = parse_count(text, count);
            guint bit = 1U << i;
            smp->zeros = taken && *count == 0 ? smp->zeros | bit : smp->zeros & ~bit;
            return taken;
        }
    }
    return FALSE;
}

/// Only the first may be bare: it is `cpus`. A comma may end it all.
gboolean smp_overlay(Smp *smp, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    Smp merged = *smp;

    for (guint i = 0; parts[i] != NULL; i++) {
        g_auto(GStrv) pair = g_strsplit(parts[i], "=", 2);
        guint length = g_strv_length(pair);
        gboolean bare = length == 1 && i == 0;

        if (length == 0 && i > 0 && parts[i + 1] == NULL) {
            continue;
        }
        if ((length != 2 && !bare) ||
            !set_count(&merged, bare ? "cpus" : pair[0], bare ? pair[0] : pair[1])) {
            return FALSE;
        }
    }
    *smp = merged;
    return TRUE;
}

guint64 smp_cores_per_socket(const Smp *smp)
{
    return smp->dies * smp->clusters * smp->modules * smp->cores;
}

static void default_to(guint64 *count, guint64 value)
{
    *count = *count != 0 ? *count : value;
}

/// Cores come before sockets, and threads last.
static void share_out(Smp *smp)
{
    default_to(&smp->maxcpus, smp->cpus);
    if (smp->cores == 0) {
        default_to(&smp->sockets, 1);
        default_to(&smp->threads, 1);
        smp->cores = smp->maxcpus /
                     (smp->sockets * smp->dies * smp->clusters * smp->modules * smp->threads);
    } else if (smp->sockets == 0) {
        default_to(&smp->threads, 1);
        smp->sockets = smp->maxcpus / (smp_cores_per_socket(smp) * smp->threads);
    }
    if (smp->threads == 0 && smp->sockets * smp->cores > 0) {
        smp->threads = smp->maxcpus / (smp->sockets * smp_cores_per_socket(smp));
    }
}

gboolean smp_complete(Smp *smp)
{
    gboolean counted = smp->cpus != 0 || smp->maxcpus != 0;

    default_to(&smp->dies, 1);
    default_to(&smp->clusters, 1);
    default_to(&smp->modules, 1);
    if (counted) {
        share_out(smp);
    } else {
        default_to(&smp->sockets, 1);
        default_to(&smp->cores, 1);
        default_to(&smp->threads, 1);
    }
    /* Step by step: six counts of the limit go beyond 64 bits. */
    guint64 whole = smp_cores_per_socket(smp) * smp->sockets;
    if (whole > SMP_LIMIT || (!counted && whole * smp->threads > SMP_LIMIT)) {
        return FALSE;
    }
    default_to(&smp->maxcpus, whole * smp->threads);
    default_to(&smp->cpus, smp->maxcpus);
    return whole * smp->threads == smp->maxcpus;
}
