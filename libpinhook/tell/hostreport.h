// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "base/finding.h"
#include "base/json.h"
#include "read/interrupts.h"
#include "tell/map.h"

/// What `pinhook host` found out. All that it points to is owned.
typedef struct {
    Host *host;
    Taken *taken;
    Interrupts *interrupts; // that are delivered to isolated CPUs
    GPtrArray *findings;    // Finding, of the host itself
    Loader loader;          // where its fixes are pasted
} HostReport;

void hostreport_free(HostReport *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostReport, hostreport_free)

/// The exit status of pinhook(8): 0, or 1 with findings other than notes.
int hostreport_exit_status(const HostReport *report);

/// The map, what is isolated and what interrupts it, and the findings. No line but those of
/// findings, whose fixes can be pasted, is wider than 80 columns. The caller frees it.
char *hostreport_to_text(const HostReport *report, MapStyle style);

JsonObject *hostreport_to_json(const HostReport *report);
