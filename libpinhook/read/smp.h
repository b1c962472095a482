// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <glib.h>

/// QEMU's `-smp`; 0: not given.
typedef struct {
    guint64 cpus, maxcpus, sockets, dies, clusters, modules, cores, threads;
    guint zeros; // not 0: of some a 0 was written, which QEMU refuses from 9.0 on
} Smp;

/// No count may be larger.
#define SMP_LIMIT 4096

/// Merges the text of another `-smp` into @smp, key by key, as QEMU does (seen on 7.2; its
/// util/keyval.c, and numbers as strtoll has them: 0x4, +4, 04, blanks before). FALSE: QEMU does
/// not take it, or a count is beyond the limit; nothing is written.
gboolean smp_overlay(Smp *smp, const char *text);

/// Works out what is not given, of a PC since 6.2 (hw/core/machine-smp.c). FALSE: QEMU refuses it:
/// they do not multiply to `maxcpus`, which is set all the same.
gboolean smp_complete(Smp *smp);

/// The cores of a socket, over all that lies between.
guint64 smp_cores_per_socket(const Smp *smp);
