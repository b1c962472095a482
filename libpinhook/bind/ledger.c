// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/ledger.h"

#include "base/error.h"
#include "base/vmid.h"
#include "read/container.h"
#include "read/vmconfig.h"
#include "read/vmlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct Ledger {
    const Root *root;
    int directory;
    int lock;
};

void ledger_entry_free(LedgerEntry *entry)
{
    if (entry == NULL) {
        return;
    }
    hwloc_bitmap_free(entry->reserved);
    plan_free(entry->plan);
    g_free(entry);
}

static char *entry_path(guint vmid)
{
    return g_strdup_printf(LEDGER_PATH "/%u.json", vmid);
}

static char *read_boot_id(const Root *root, GError **error)
{
    char *boot = root_read(root, "proc/sys/kernel/random/boot_id", NULL, error);

    return boot != NULL ? g_strstrip(boot) : NULL;
}

/* One entry as JSON. All but the plan is the same in every version of pinhook, so that each can
 * tell who holds what; `format` is of the plan. */

#define FORMAT 1

static const char *const owner_names[] = {
    [LEDGER_HOOK] = "hook", [LEDGER_START] = "start", [LEDGER_QEMU] = "qemu"
};

static JsonObject *entry_to_json(
    guint vmid, const Process *owner, LedgerOwner owner_kind, const Plan *plan, const char *boot)
{
    JsonObject *json = json_object_new_object();
    g_autofree char *reserved = cpuset_to_list(plan->reserved);

    json_object_object_add(json, "format", json_object_new_int(FORMAT));
    json_object_object_add(json, "vmid", json_object_new_uint64(vmid));
    json_object_object_add(json, "boot", json_object_new_string(boot));
    json_object_object_add(json, "pid", json_object_new_int(owner->pid));
    json_object_object_add(json, "start_time", json_object_new_uint64(owner->start_time));
    json_object_object_add(json, "owner", json_object_new_string(owner_names[owner_kind]));
    json_object_object_add(json, "reserved", json_object_new_string(reserved));
    json_object_object_add(json, "yields", json_object_new_boolean(plan->yields));
    json_object_object_add(json, "plan", plan_to_json(plan));
    return json;
}

/// What is not known is a hook's: then it is nobody's to change but its owner's.
static LedgerOwner parse_owner(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(owner_names); i++) {
        if (g_strcmp0(name, owner_names[i]) == 0) {
            return (LedgerOwner)i;
        }
    }
    return LEDGER_HOOK;
}

/// What is not as it should be leaves its field empty.
static LedgerEntry *entry_from_json(JsonObject *json, guint vmid)
{
    LedgerEntry *entry = g_new0(LedgerEntry, 1);
    gint64 format = 0, pid = 0, start_time = 0;
    const char *owner = NULL, *reserved = NULL;
    JsonObject *plan;

    json_get_integer(json, "format", G_MAXINT, &format);
    gboolean owned = json_get_integer(json, "pid", G_MAXINT, &pid) &&
                     json_get_integer(json, "start_time", G_MAXINT64, &start_time);
    json_get_string(json, "owner", &owner);
    json_get_string(json, "reserved", &reserved);
    json_get_boolean(json, "yields", &entry->yields);
    entry->vmid = vmid;
    if (owned) {
        entry->owner = (Process){ .pid = (int)pid, .start_time = (guint64)start_time };
    }
    entry->owner_kind = parse_owner(owner);
    if (format <= FORMAT && json_object_object_get_ex(json, "plan", &plan)) {
        entry->plan = plan_from_json(plan, NULL);
    }
    if (entry->plan != NULL) {
        entry->plan->yields = entry->yields;
    }
    entry->reserved = reserved != NULL ? cpuset_parse_list(reserved, ',', NULL) : NULL;
    if (entry->reserved == NULL && entry->plan != NULL) {
        entry->reserved = cpuset_copy(entry->plan->reserved);
    }
    return entry;
}

static gboolean spoilt(GError **error, const char *why)
{
    g_set_error_literal(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED, why);
    return FALSE;
}

/// The file as JSON; in @json NULL: there is none.
static gboolean read_json(const Root *root, guint vmid, JsonObject **json, GError **error)
{
    g_autofree char *path = entry_path(vmid);
    g_autoptr(GError) failed = NULL;
    g_autofree char *text = root_read(root, path, NULL, &failed);

    if (text == NULL && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *json = text != NULL ? json_tokener_parse(text) : NULL;
    return text == NULL || *json != NULL || spoilt(error, "it is no entry");
}

/// Whether the entry is of this boot and its owner lives: in @counts.
static gboolean look_at_owner(
    const Root *root, JsonObject *json, const LedgerEntry *entry, gboolean *counts, GError **error)
{
    g_autofree char *now = read_boot_id(root, error);
    const char *boot;

    if (now == NULL) {
        return FALSE;
    }
    if (!json_get_string(json, "boot", &boot) || entry->owner.pid <= 0) {
        return spoilt(error, "it names no owner");
    }
    *counts = FALSE;
    return strcmp(boot, now) != 0 || process_look(root, &entry->owner, counts, error);
}

/// Whether VM @vmid certainly does not run, nor is on its way: it has no pid file, and nobody holds
/// Proxmox's lock on it.
static gboolean is_proven_idle(const Root *root, guint vmid)
{
    g_autofree char *pidfile = g_strdup_printf("run/qemu-server/%u.pid", vmid);
    g_autoptr(GError) lock = NULL;
    Process holder;
    gboolean runs;

    return root_look(root, pidfile, &runs, NULL) && !runs &&
           !vmlock_holder(root, vmid, &holder, &lock) &&
           g_error_matches(lock, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
}

static gboolean read_entry(const Root *root, guint vmid, LedgerEntry **entry, GError **error)
{
    g_autoptr(JsonObject) json = NULL;
    gboolean counts;

    if (!read_json(root, vmid, &json, error)) {
        return FALSE;
    }
    g_autoptr(LedgerEntry) found = json != NULL ? entry_from_json(json, vmid) : NULL;
    if (found == NULL) {
        return TRUE;
    }
    gboolean known = look_at_owner(root, json, found, &counts, error);
    if (known && counts && found->reserved == NULL) {
        known = spoilt(error, "it names no CPUs");
    }
    *entry = known && !counts ? NULL : g_steal_pointer(&found);
    return known;
}

gboolean ledger_read(const Root *root, guint vmid, LedgerEntry **entry, GError **error)
{
    g_autoptr(GError) unknown = NULL;

    *entry = NULL;
    if (read_entry(root, vmid, entry, &unknown)) {
        return TRUE;
    }
    if (is_proven_idle(root, vmid)) {
        g_clear_pointer(entry, ledger_entry_free);
        return TRUE;
    }
    g_autofree char *remedy = g_strdup_printf(
        "; if that VM does not run: rm /" LEDGER_PATH "/%u.json", vmid);
    gboolean denied = g_error_matches(unknown, PINHOOK_ERROR, PINHOOK_ERROR_DENIED);
    g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_FAILED,
        "what VM %u holds cannot be told from /" LEDGER_PATH "/%u.json: %s%s", vmid, vmid,
        unknown->message, denied ? "" : remedy);
    return FALSE;
}

gboolean ledger_look_held(const Root *root, guint vmid, gboolean *held, GError **error)
{
    g_autofree char *path = entry_path(vmid);
    g_autoptr(GError) failed = NULL;
    int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK, 0, &failed);
    if (fd < 0 && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
    int errnum = *held ? errno : 0;
    if (fd >= 0) {
        close(fd);
    }
    return errnum == 0 || errnum == EWOULDBLOCK ||
           error_set_errno(error, errnum, "cannot tell whether /%s is locked", path);
}

/* The directory. */

GArray *ledger_list(const Root *root, GError **error)
{
    return vmid_list(root, LEDGER_PATH, ".json", error);
}

static gboolean is_proven_dead(const Root *root, const char *name)
{
    g_autoptr(LedgerEntry) entry = NULL;
    guint vmid;

    if (vmid_of_file(name, ".told", &vmid)) {
        return is_proven_idle(root, vmid);
    }
    if (!vmid_of_file(name, ".json", &vmid)) {
        return g_str_has_suffix(name, ".tmp");
    }
    return ledger_read(root, vmid, &entry, NULL) && entry == NULL;
}

/// Entries that count for nothing, and what a killed hook left half written. What cannot be listed
/// is left.
static void remove_dead(Ledger *ledger)
{
    g_auto(GStrv) names = root_list(ledger->root, LEDGER_PATH, NULL);

    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        if (is_proven_dead(ledger->root, names[i])) {
            unlinkat(ledger->directory, names[i], 0);
        }
    }
}

static gboolean make_directory(const Root *root, GError **error)
{
    int run = root_openat(root, "run", O_RDONLY | O_DIRECTORY, 0, error);
    if (run < 0) {
        return FALSE;
    }
    gboolean made = mkdirat(run, "pinhook", 0700) == 0 || errno == EEXIST;
    int failed = errno;
    close(run);
    return made || error_set_errno(error, failed, "cannot make /" LEDGER_PATH);
}

/// Whoever could lock an entry could keep repair from it.
static gboolean narrow(int directory, GError **error)
{
    struct stat info;

    if (fstat(directory, &info) == 0 &&
        ((info.st_mode & 077) == 0 || fchmod(directory, 0700) == 0)) {
        return TRUE;
    }
    return error_set_errno(error, errno, "cannot keep /" LEDGER_PATH " to root");
}

/// Linux has no flock with a deadline; asking again is only for the rare time that two starts meet.
static gboolean wait_for_lock(int fd, guint deadline_ms, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)deadline_ms * 1000;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return error_set_errno(error, errno, "cannot lock /" LEDGER_PATH "/lock");
        }
        if (g_get_monotonic_time() >= deadline) {
            g_set_error(error, PINHOOK_ERROR, PINHOOK_ERROR_TIMEOUT,
                "/" LEDGER_PATH "/lock was not to be had within %u ms: other starts are at work",
                deadline_ms);
            return FALSE;
        }
        g_usleep(1000);
    }
    return TRUE;
}

/// The directory, made where it is missing, for root alone. A file descriptor, or -1 with @error.
static int open_directory(const Root *root, GError **error)
{
    int directory = make_directory(root, error)
                        ? root_openat(root, LEDGER_PATH, O_RDONLY | O_DIRECTORY, 0, error)
                        : -1;

    if (directory >= 0 && !narrow(directory, error)) {
        close(directory);
        return -1;
    }
    return directory;
}

Ledger *ledger_lock(const Root *root, guint deadline_ms, GError **error)
{
    g_autoptr(Ledger) ledger = g_new(Ledger, 1);

    *ledger = (Ledger){ .root = root, .directory = open_directory(root, error), .lock = -1 };
    if (ledger->directory < 0) {
        return NULL;
    }
    ledger->lock = root_openat(
        root, LEDGER_PATH "/lock", O_RDWR | O_CREAT | O_NONBLOCK, 0600, error);
    if (ledger->lock < 0 || !wait_for_lock(ledger->lock, deadline_ms, error)) {
        return NULL;
    }
    remove_dead(ledger);
    return g_steal_pointer(&ledger);
}

void ledger_free(Ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    if (ledger->lock >= 0) {
        close(ledger->lock); // and with it the lock
    }
    if (ledger->directory >= 0) {
        close(ledger->directory);
    }
    g_free(ledger);
}

static gboolean write_all(int fd, const char *text, gsize length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno != EINTR) {
            return FALSE;
        }
        if (written > 0) {
            text += written;
            length -= (gsize)written;
        }
    }
    return TRUE;
}

/// Writes @text beside the entry and renames it over it. @hold: as of ledger_write().
static gboolean replace_file(
    const Ledger *ledger, guint vmid, const char *text, int *hold, GError **error)
{
    g_autofree char *name = g_strdup_printf("%u.json", vmid);
    g_autofree char *temporary = g_strdup_printf("%u.json.tmp", vmid);
    int fd = openat(
        ledger->directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_set_errno(error, errno, "cannot write /" LEDGER_PATH "/%s", temporary);
    }

    gboolean written = write_all(fd, text, strlen(text));
    int failed = errno;
    if (hold != NULL) {
        flock(fd, LOCK_EX | LOCK_NB); // nobody else has the file yet
        *hold = fd;
    } else if (close(fd) < 0 && written) {
        written = FALSE;
        failed = errno;
    }
    if (written && renameat(ledger->directory, temporary, ledger->directory, name) < 0) {
        written = FALSE;
        failed = errno;
    }
    if (!written) {
        unlinkat(ledger->directory, temporary, 0);
        return error_set_errno(error, failed, "cannot write /" LEDGER_PATH "/%s", name);
    }
    return TRUE;
}

gboolean ledger_write(Ledger *ledger, guint vmid, const Process *owner, LedgerOwner owner_kind,
    const Plan *plan, int *hold, GError **error)
{
    g_autofree char *boot = read_boot_id(ledger->root, error);
    if (boot == NULL) {
        return FALSE;
    }
    g_autoptr(JsonObject) json = entry_to_json(vmid, owner, owner_kind, plan, boot);
    return replace_file(
        ledger, vmid, json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY), hold, error);
}

gboolean ledger_remove(Ledger *ledger, guint vmid, GError **error)
{
    g_autofree char *name = g_strdup_printf("%u.json", vmid);

    if (unlinkat(ledger->directory, name, 0) < 0 && errno != ENOENT) {
        return error_set_errno(error, errno, "cannot remove /" LEDGER_PATH "/%s", name);
    }
    return TRUE;
}

/* What was told. */

static void keep_told(const Root *root, guint vmid, const char *text)
{
    g_autofree char *name = g_strdup_printf("%u.told", vmid);
    int directory = open_directory(root, NULL);
    int fd = directory >= 0 ? openat(directory, name,
                                  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)
                            : -1;

    if (fd >= 0) {
        write_all(fd, text, strlen(text));
        close(fd);
    }
    if (directory >= 0) {
        close(directory);
    }
}

gboolean ledger_told_before(const Root *root, guint vmid, const char *text)
{
    g_autofree char *path = g_strdup_printf(LEDGER_PATH "/%u.told", vmid);
    g_autofree char *told = root_read(root, path, NULL, NULL);

    if (strcmp(told != NULL ? told : "", text) == 0) {
        return TRUE;
    }
    keep_told(root, vmid, text);
    return FALSE;
}

/* What others hold. */

/// Reads @path into @vm; in @vm NULL: there is no such file.
static gboolean read_config(const Root *root, const char *path, VmConfig **vm, GError **error)
{
    g_autoptr(GError) failed = NULL;
    gsize length;
    g_autofree char *text = root_read(root, path, &length, &failed);

    if (text == NULL && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    *vm = text != NULL ? vmconfig_parse(text, length) : NULL;
    return TRUE;
}

/// The config of a VM that runs here: this node's or, while it comes from another one, that node's.
static gboolean find_config(const Root *root, guint vmid, VmConfig **vm, GError **error)
{
    g_autofree char *here = g_strdup_printf("etc/pve/qemu-server/%u.conf", vmid);
    g_autoptr(GError) failed = NULL;

    if (!read_config(root, here, vm, error)) {
        return FALSE;
    }
    g_auto(GStrv) nodes = *vm == NULL ? root_list(root, "etc/pve/nodes", &failed) : NULL;
    for (guint i = 0; nodes != NULL && nodes[i] != NULL && *vm == NULL; i++) {
        g_autofree char *there = g_strdup_printf(
            "etc/pve/nodes/%s/qemu-server/%u.conf", nodes[i], vmid);
        if (!read_config(root, there, vm, error)) {
            return FALSE;
        }
    }
    if (failed != NULL && !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&failed));
        return FALSE;
    }
    return TRUE;
}

/// Whether @entry counts for nothing against another start: for as long as the backup lasts.
static gboolean yields(const Root *root, const LedgerEntry *entry)
{
    g_autoptr(VmConfig) vm = NULL;

    return entry->yields && find_config(root, entry->vmid, &vm, NULL) && vm != NULL &&
           vmconfig_is_under_backup(vm);
}

/// What VM @vmid holds by its entry; of one that is unknown, what could be read of it. In @seen
/// goes that there is one, be it one that yields.
static gboolean add_entry(Taken *taken, GArray *seen, const Root *root, guint vmid, GError **error)
{
    g_autoptr(LedgerEntry) entry = NULL;
    g_autoptr(GError) unknown = NULL;

    if (!ledger_read(root, vmid, &entry, &unknown) && (entry == NULL || entry->reserved == NULL)) {
        g_propagate_error(error, g_steal_pointer(&unknown));
        return FALSE;
    }
    if (entry != NULL) {
        g_array_append_val(seen, vmid);
    }
    if (entry != NULL && !yields(root, entry)) {
        taken_add(taken, vmid, entry->reserved);
    }
    return TRUE;
}

static gboolean add_entries(Taken *taken, GArray *seen, const Root *root, guint but, GError **error)
{
    g_autoptr(GArray) vmids = ledger_list(root, error);

    for (guint i = 0; vmids != NULL && i < vmids->len; i++) {
        guint vmid = g_array_index(vmids, guint, i);
        if (vmid != but && !add_entry(taken, seen, root, vmid, error)) {
            return FALSE;
        }
    }
    return vmids != NULL;
}

/// Whether there is a QEMU of VM @vmid, or it cannot be told.
static gboolean may_run(const Root *root, guint vmid)
{
    g_autoptr(GError) failed = NULL;
    Process qemu;

    return process_of_vm(root, vmid, &qemu, &failed) ||
           !g_error_matches(failed, PINHOOK_ERROR, PINHOOK_ERROR_GONE);
}

/// Running VMs without an entry: Proxmox's own `affinity` puts them on these CPUs.
static gboolean add_running_vms(
    Taken *taken, const GArray *seen, const Root *root, guint but, GError **error)
{
    g_autoptr(GArray) vmids = vmid_list(root, "run/qemu-server", ".pid", error);

    for (guint i = 0; vmids != NULL && i < vmids->len; i++) {
        guint vmid = g_array_index(vmids, guint, i);
        g_autoptr(VmConfig) vm = NULL;
        if (vmid == but || vmid_is_listed(seen, vmid) || !may_run(root, vmid)) {
            continue;
        }
        if (!find_config(root, vmid, &vm, error)) {
            return FALSE;
        }
        if (vm != NULL && vm->affinity != NULL) {
            taken_add_by_affinity(taken, vmid, vm->affinity);
        }
    }
    return vmids != NULL;
}

/// Containers that their config binds to CPUs hold these; all others may run anywhere that their
/// cgroup lets them, and hold nothing.
static gboolean add_running_containers(Taken *taken, const Root *root, GError **error)
{
    g_autoptr(GPtrArray) containers = container_list(root, error);

    for (guint i = 0; containers != NULL && i < containers->len; i++) {
        const Container *container = containers->pdata[i];
        if (container->bound != NULL) {
            taken_add_container(taken, container->vmid, container->bound);
        } else {
            taken_add_visitor(taken, container->vmid, container->allowed);
        }
    }
    return containers != NULL;
}

Taken *ledger_taken(const Root *root, guint vmid, GError **error)
{
    g_autoptr(Taken) taken = taken_new();
    g_autoptr(GArray) seen = g_array_new(FALSE, FALSE, sizeof(guint));

    return add_entries(taken, seen, root, vmid, error) &&
                   add_running_vms(taken, seen, root, vmid, error) &&
                   add_running_containers(taken, root, error)
               ? g_steal_pointer(&taken)
               : NULL;
}

GArray *ledger_yielding(const Root *root, const CpuSet *cpus, GError **error)
{
    g_autoptr(GArray) vmids = ledger_list(root, error);
    GArray *yielding = vmids != NULL ? g_array_new(FALSE, FALSE, sizeof(guint)) : NULL;

    for (guint i = 0; vmids != NULL && i < vmids->len; i++) {
        guint vmid = g_array_index(vmids, guint, i);
        g_autoptr(LedgerEntry) entry = NULL;
        if (ledger_read(root, vmid, &entry, NULL) && entry != NULL && yields(root, entry) &&
            hwloc_bitmap_intersects(entry->reserved, cpus)) {
            g_array_append_val(yielding, vmid);
        }
    }
    return yielding;
}
