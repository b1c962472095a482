// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "judge/advice.h"
#include "judge/check.h"

/* Every check: each looks at one thing and adds its findings. What it may rely on is in its row of
 * the table in verdict.c. */

/* check-config.c: the files. */
void check_config(Check *check);
void check_policy(Check *check);

/* check-cells.c: the numa lines. */
void check_cells(Check *check);

/* check-pool.c: the CPUs to choose from, and why they give no plan. */
void check_pool(Check *check);
void check_no_plan(Check *check);

/* check-plan.c: whether the plan's CPUs are the VM's alone. */
void check_isolation(Check *check);
void check_shared_cores(Check *check);
void check_others(Check *check);

/* check-shape.c: siblings, caches, nodes, kinds and devices of the plan. */
void check_exposed(Check *check);
void check_llcs(Check *check);
void check_nodes(Check *check);
void check_kinds(Check *check);
void check_devices(Check *check);

/* check-isolation.c: what the kernel was told, and what is in force. */
void check_isolcpus(Check *check);
void check_lists(Check *check);
void check_tick(Check *check);
void check_callbacks(Check *check);
void check_first_core(Check *check);

/* check-containers.c: containers beside the VM. */
void check_containers(Check *check);

/* check-guest.c: habits of the VM. */
void check_memory_binding(Check *check);
void check_freeze(Check *check);
void check_unpinnable(Check *check);
void check_cpu_limit(Check *check);
void check_balloon(Check *check);
void check_hotplug(Check *check);

/* check-disturbance.c: what on the running host disturbs the CPUs. What cannot be told is a finding
 * of the same code that says so. */
void check_interrupts(Check *check);
void check_irqbalance(Check *check);
void check_tuned(Check *check);
void check_numa_balancing(Check *check);
void check_governor(Check *check);
void check_host_starved(Check *check);
