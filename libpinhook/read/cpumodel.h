// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "read/vmconfig.h"

/* What QEMU makes of a VM's `cpu` and `args`, as far as the guest's siblings go: on a CPU by AMD it
 * tells the guest of them by CPUID leaf 0x8000001e, for which the model must have the flag topoext.
 * EPYC's have it; `host` and `max` do not take it over from the CPU by themselves, as it was wrong
 * for caches once (target/i386/cpu.c, no_autoenable_flags), and Proxmox has no word for it. */

/// QEMU's type of the VM's CPU model, such as "host-x86_64-cpu", by which `-global` sets its flags
/// beside the `-cpu` of Proxmox. NULL: the config does not say, as of a custom model. The caller
/// frees it.
char *cpumodel_type(const VmConfig *vm);

/// Whether the model has topoext, by itself or by `args`; also where nobody would look for it, in a
/// guest that QEMU emulates.
gboolean cpumodel_has_topoext(const VmConfig *vm);

/// @args (NULL: none) with topoext for the model beside all that they hold; NULL where the model is
/// not known. The caller frees it.
char *cpumodel_add_topoext(const VmConfig *vm, const char *args);
