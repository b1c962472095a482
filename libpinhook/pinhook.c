// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pinhook.h"

#include "base/error.h"
#include "cli.h"
#include "config.h"
#include "run.h"

#include <unistd.h>

const char *pinhook_version(void)
{
    return PINHOOK_VERSION;
}

int pinhook_main(int argc, char **argv)
{
    return cli_main(argc, argv, g_getenv("PVE_MIGRATED_FROM"), getppid());
}

static PinhookReport *open_door(
    Report *(*door)(const Call *call), const char *path, unsigned vmid, GError **error)
{
    if (vmid < 100 || vmid > 999999999) {
        g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_INVALID,
            "%u is no VMID: they are 100 to 999999999", vmid);
        return NULL;
    }
    g_autoptr(Root) root = root_open(path != NULL ? path : "/", error);
    if (root == NULL) {
        return NULL;
    }
    Call call = { .root = root, .vmid = vmid, .kernel = &kernel_running };
    g_autoptr(Report) report = door(&call);
    if (report->outcome == OUTCOME_FAILED) {
        g_set_error_literal(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, report->note);
        return NULL;
    }
    return g_steal_pointer(&report);
}

PinhookReport *pinhook_check(const char *root, unsigned vmid, GError **error)
{
    return open_door(run_check, root, vmid, error);
}

PinhookReport *pinhook_status(const char *root, unsigned vmid, GError **error)
{
    return open_door(run_status, root, vmid, error);
}

int pinhook_report_exit_status(const PinhookReport *report)
{
    return report_exit_status(report);
}

char *pinhook_report_to_text(const PinhookReport *report)
{
    return report_to_text(report);
}

char *pinhook_report_to_json(const PinhookReport *report)
{
    g_autoptr(JsonObject) json = report_to_json(report);

    return g_strdup(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY));
}

void pinhook_report_free(PinhookReport *report)
{
    report_free(report);
}
