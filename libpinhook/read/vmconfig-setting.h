// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/vmconfig.h"

/* For vmconfig.c alone: what single lines of a config file say. */

/// One line `key: value`.
typedef struct {
    guint line; // from 1
    char *text;
    char *key;
    char *value;
} VmSetting;

void vmsetting_free(VmSetting *setting);

/// What the lines have said so far: in the config, and beside it what comes together at the end.
typedef struct {
    VmConfig *vm;
    GHashTable *taken;                  // key -> VmSetting: the last that Proxmox takes
    guint64 sockets, smp, cores, vcpus; // up to G_MAXUINT32; 0: not given
    VmCell *cells[VMCONFIG_CELL_LIMIT];
    VmHostpci *hostpci[VMCONFIG_HOSTPCI_LIMIT];
    guint rubbish; // lines of which little can be told but that they are there

    /* Who is to blame where the counts do not fit together; NULL: not given. */
    const VmSetting *vcpus_setting, *count_setting, *args;
} VmReading;

/// As many lines of rubbish are told of: enough to find one's way in a file that is none.
#define VMSETTING_RUBBISH_LIMIT 4

/// Takes the setting, which then belongs to the reading: into the config, or as a problem of it.
void vmsetting_take(VmReading *reading, VmSetting *setting);

/// A problem with @setting (NULL: the whole file), which belongs to the config. Takes @message.
VmConfigProblem *vmsetting_add_problem(
    VmConfig *vm, VmConfigProblemKind kind, const VmSetting *setting, char *message);

void vmsetting_free_cell(VmCell *cell);
void vmsetting_free_hostpci(VmHostpci *hostpci);

/// Gives a cell @mib, which need not be whole.
void vmsetting_set_memory(VmCell *cell, double mib);
