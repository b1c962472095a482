// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "judge/advice.h"
#include "judge/check.h"

/* The checks of each file, in the order in which their findings are told. A new check is a row of
 * one of these and its function. */

extern const CheckRow checks_of_config[];      // check-config.c: the files
extern const CheckRow checks_of_cells[];       // check-cells.c: the numa lines
extern const CheckRow checks_of_memory[];      // check-memory.c: memory, hugepages, its hotplug
extern const CheckRow checks_of_pool[];        // check-pool.c: the CPUs to choose from; why no plan
extern const CheckRow checks_of_plan[];        // check-plan.c: whether its CPUs are the VM's alone
extern const CheckRow checks_of_shape[];       // check-shape.c: siblings, caches, nodes, devices
extern const CheckRow checks_of_cores[];       // check-cores.c: slower cores, smaller caches
extern const CheckRow checks_of_isolation[];   // check-isolation.c: what was asked for, what is
extern const CheckRow checks_of_containers[];  // check-containers.c: containers beside the VM
extern const CheckRow checks_of_guest[];       // check-guest.c: habits of the VM
extern const CheckRow checks_of_disturbance[]; // check-disturbance.c: what disturbs the CPUs
extern const CheckRow checks_of_kernel[];      // check-kernel.c: what the kernel does of itself
