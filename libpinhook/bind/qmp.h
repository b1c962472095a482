// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/json.h"
#include "base/root.h"

/// One dialogue with a VM's QEMU on its QMP socket, under one deadline for all of it. QEMU serves
/// one client at a time and Proxmox asks every 10 s: so it is short, and closed at once.
typedef struct Qmp Qmp;

/// A reply beyond this many bytes is refused; QEMU's own for 4096 vCPUs are below 2 MiB.
#define QMP_REPLY_LIMIT (4 * 1024 * 1024)

/// Connects to /run/qemu-server/<vmid>.qmp, waits for its turn, for the greeting and for
/// qmp_capabilities. PINHOOK_ERROR_TIMEOUT when @deadline_ms are over, here and in
/// qmp_execute(); PINHOOK_ERROR_FAILED when nobody listens.
Qmp *qmp_connect(const Root *root, guint vmid, guint deadline_ms, GError **error);

/// Executes a command without arguments. Returns its "return" value, which the caller owns. Events
/// and replies to others are passed over; QEMU's error comes back as one.
JsonObject *qmp_execute(Qmp *qmp, const char *command, GError **error);

/// Asks for a property of one of QEMU's objects, likewise.
JsonObject *qmp_get(Qmp *qmp, const char *path, const char *property, GError **error);

void qmp_free(Qmp *qmp);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qmp, qmp_free)
