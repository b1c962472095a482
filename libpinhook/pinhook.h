/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libpinhook: prove where the vCPUs of a Proxmox VM run. The one installed header. */
#ifndef PINHOOK_H
#define PINHOOK_H

#include <glib.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PINHOOK_API __attribute__((visibility("default")))

/** The codes of this library's GErrors. */
typedef enum {
    PINHOOK_ERROR_FAILED,    /**< it could not be done; the message says what and why */
    PINHOOK_ERROR_INVALID,   /**< a text or an argument is not of its grammar or range */
    PINHOOK_ERROR_NOT_FOUND, /**< a file is not there */
    PINHOOK_ERROR_TIMEOUT,   /**< a deadline ran out */
    PINHOOK_ERROR_GONE,      /**< the VM or one of its threads has ended */
    PINHOOK_ERROR_DENIED,    /**< it takes root, which the caller is not */
} PinhookError;

PINHOOK_API GQuark pinhook_error_quark(void);

/** What pinhook_check() and pinhook_status() found; opaque, freed with pinhook_report_free(). */
typedef struct PinhookReport PinhookReport;

/** This library's version, such as "0.1.0"; never freed. */
PINHOOK_API const char *pinhook_version(void);

/**
 * The whole program: what the launcher calls. Reads the environment (PVE_MIGRATED_FROM), prints to
 * stdout and stderr, and returns the exit status that pinhook(8) documents. @argv is not changed.
 */
PINHOOK_API int pinhook_main(int argc, char **argv);

/**
 * What pre-start would say of VM @vmid (100 to 999999999), changing nothing. @root is a directory
 * that stands for "/", or NULL for "/". A VM that must not start is no error but a report whose
 * exit status is 1. NULL and @error when it could not be found out.
 */
PINHOOK_API PinhookReport *pinhook_check(const char *root, unsigned vmid, GError **error);

/**
 * Where the threads of the running VM @vmid may run and where its memory lies, against what was
 * planned. Arguments as for pinhook_check(). Talks to QEMU for at most the policy's deadline
 * (5 s by default).
 */
PINHOOK_API PinhookReport *pinhook_status(const char *root, unsigned vmid, GError **error);

/** 0: it passes (check) or is proven (status); 1: it is refused or not proven. */
PINHOOK_API int pinhook_report_exit_status(const PinhookReport *report);

/** The report as lines for people, or as one JSON object; the caller frees with g_free(). */
PINHOOK_API char *pinhook_report_to_text(const PinhookReport *report);
PINHOOK_API char *pinhook_report_to_json(const PinhookReport *report);

/** Frees @report; NULL is fine. */
PINHOOK_API void pinhook_report_free(PinhookReport *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PinhookReport, pinhook_report_free)

#ifdef __cplusplus
}
#endif

#endif
