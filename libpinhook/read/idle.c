// SPDX-License-Identifier: LGPL-2.1-or-later
#include "read/idle.h"

#include <string.h>

/// The number in a file; FALSE: it cannot be told.
static gboolean read_number(const Root *root, const char *path, guint64 *number)
{
    g_autofree char *text = root_read_value(root, path);

    return text != NULL && g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, number, NULL);
}

/// The most that waking up may take, in @limit_us.
static gboolean read_limit(const Root *root, const char *cpu, guint64 *limit_us)
{
    g_autofree char *path = g_strdup_printf("%s/power/pm_qos_resume_latency_us", cpu);
    g_autofree char *text = root_read_value(root, path);

    if (g_strcmp0(text, "n/a") == 0) {
        *limit_us = 0;
        return TRUE;
    }
    if (text == NULL || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, limit_us, NULL)) {
        return FALSE;
    }
    *limit_us = *limit_us > 0 ? *limit_us : G_MAXUINT64;
    return TRUE;
}

/// Adds one idle state. Only one that would count is looked at whole.
static gboolean look_at_state(
    const Root *root, const char *state, guint64 limit_us, guint64 *wake_us)
{
    g_autofree char *latency = g_strdup_printf("%s/latency", state);
    g_autofree char *disable = g_strdup_printf("%s/disable", state);
    guint64 us, disabled;

    if (!read_number(root, latency, &us)) {
        return FALSE;
    }
    if (us <= *wake_us || us > limit_us) {
        return TRUE;
    }
    if (!read_number(root, disable, &disabled)) {
        return FALSE;
    }
    *wake_us = disabled != 0 ? *wake_us : us;
    return TRUE;
}

static gboolean look_at_states(
    const Root *root, const char *cpuidle, char **names, guint64 limit_us, guint64 *wake_us)
{
    *wake_us = 0;
    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        g_autofree char *state = g_strdup_printf("%s/%s", cpuidle, names[i]);
        if (g_str_has_prefix(names[i], "state") && !look_at_state(root, state, limit_us, wake_us)) {
            return FALSE;
        }
    }
    return names != NULL;
}

/// FALSE: it has no idle states.
static gboolean look_at_cpu(const Root *root, IdleSleep *sleep)
{
    g_autofree char *cpu = g_strdup_printf("sys/devices/system/cpu/cpu%u", sleep->cpu);
    g_autofree char *cpuidle = g_strdup_printf("%s/cpuidle", cpu);
    gboolean there;
    guint64 limit_us;

    if (root_look(root, cpuidle, &there, NULL) && !there) {
        return FALSE;
    }
    g_auto(GStrv) names = root_list(root, cpuidle, NULL);
    sleep->known = read_limit(root, cpu, &limit_us) &&
                   look_at_states(root, cpuidle, names, limit_us, &sleep->wake_us);
    return TRUE;
}

GArray *idle_load(const Root *root, const CpuSet *cpus)
{
    GArray *sleeps = g_array_new(FALSE, FALSE, sizeof(IdleSleep));
    unsigned cpu;

    hwloc_bitmap_foreach_begin (cpu, cpus) {
        IdleSleep sleep = { .cpu = cpu };
        if (look_at_cpu(root, &sleep)) {
            g_array_append_val(sleeps, sleep);
        }
    }
    hwloc_bitmap_foreach_end();
    return sleeps;
}
