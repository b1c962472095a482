// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bind/ledger.h"

#include "base/error.h"
#include "base/vmid.h"
#include "read/container.h"
#include "read/vmconfig.h"

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
    plan_free(entry->plan);
    g_free(entry);
}

static char *entry_path(guint vmid)
{
    return g_strdup_printf(LEDGER_PATH "/%u.json", vmid);
}

static char *read_boot_id(const Root *root)
{
    char *boot = root_read_value(root, "proc/sys/kernel/random/boot_id");

    return boot != NULL ? boot : g_strdup("");
}

/* One entry as JSON. */

static JsonObject *entry_to_json(
    guint vmid, const Process *owner, gboolean owner_is_qemu, const Plan *plan, const char *boot)
{
    JsonObject *json = json_object_new_object();

    json_object_object_add(json, "vmid", json_object_new_uint64(vmid));
    json_object_object_add(json, "boot", json_object_new_string(boot));
    json_object_object_add(json, "pid", json_object_new_int(owner->pid));
    json_object_object_add(json, "start_time", json_object_new_uint64(owner->start_time));
    json_object_object_add(json, "owner", json_object_new_string(owner_is_qemu ? "qemu" : "hook"));
    json_object_object_add(json, "plan", plan_to_json(plan));
    return json;
}

static gboolean has_string(JsonObject *json, const char *name, const char *wanted)
{
    const char *text;

    return json_get_string(json, name, &text) && strcmp(text, wanted) == 0;
}

static LedgerEntry *entry_from_json(JsonObject *json, guint vmid, const char *boot)
{
    gint64 number, pid, start_time;
    JsonObject *plan_json;

    if (!json_get_integer(json, "vmid", G_MAXINT, &number) || number != vmid ||
        !has_string(json, "boot", boot) || !json_get_integer(json, "pid", G_MAXINT, &pid) ||
        !json_get_integer(json, "start_time", G_MAXINT64, &start_time) ||
        !json_object_object_get_ex(json, "plan", &plan_json)) {
        return NULL;
    }
    Plan *plan = plan_from_json(plan_json, NULL);
    if (plan == NULL) {
        return NULL;
    }
    LedgerEntry *entry = g_new(LedgerEntry, 1);
    *entry = (LedgerEntry){ .vmid = vmid,
        .owner = { .pid = (int)pid, .start_time = (guint64)start_time },
        .owner_is_qemu = has_string(json, "owner", "qemu"),
        .plan = plan };
    return entry;
}

/// After post-start the owner must still be the VM's QEMU by its pid file, not only a process.
static gboolean owner_lives(const Root *root, const LedgerEntry *entry)
{
    Process qemu;

    if (!process_is_alive(root, &entry->owner)) {
        return FALSE;
    }
    return !entry->owner_is_qemu ||
           (process_of_vm(root, entry->vmid, &qemu, NULL) && process_is(&qemu, &entry->owner));
}

LedgerEntry *ledger_read(const Root *root, guint vmid)
{
    g_autofree char *path = entry_path(vmid);
    g_autofree char *text = root_read(root, path, NULL, NULL);
    g_autofree char *boot = read_boot_id(root);
    g_autoptr(JsonObject) json = text != NULL ? json_tokener_parse(text) : NULL;
    g_autoptr(LedgerEntry) entry = json != NULL ? entry_from_json(json, vmid, boot) : NULL;

    if (entry == NULL || !owner_lives(root, entry)) {
        return NULL;
    }
    return g_steal_pointer(&entry);
}

gboolean ledger_is_held(const Root *root, guint vmid)
{
    g_autofree char *path = entry_path(vmid);
    int fd = root_openat(root, path, O_RDONLY | O_NONBLOCK, 0, NULL);
    if (fd < 0) {
        return FALSE;
    }
    gboolean held = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

/* The directory. */

GArray *ledger_list(const Root *root)
{
    return vmid_list(root, LEDGER_PATH, ".json");
}

/// Entries that count for nothing, and what a killed hook left half written.
static void remove_dead(Ledger *ledger)
{
    g_auto(GStrv) names = root_list(ledger->root, LEDGER_PATH, NULL);

    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        guint vmid;
        gboolean dead = g_str_has_suffix(names[i], ".tmp");
        if (vmid_of_file(names[i], ".json", &vmid)) {
            g_autoptr(LedgerEntry) entry = ledger_read(ledger->root, vmid);
            dead = entry == NULL;
        }
        if (dead) {
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
    gboolean made = mkdirat(run, "pinhook", 0755) == 0 || errno == EEXIST;
    int failed = errno;
    close(run);
    return made || error_set_errno(error, failed, "cannot make /" LEDGER_PATH);
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
                "another pinhook has held /" LEDGER_PATH "/lock for %u ms", deadline_ms);
            return FALSE;
        }
        g_usleep(1000);
    }
    return TRUE;
}

Ledger *ledger_lock(const Root *root, guint deadline_ms, GError **error)
{
    g_autoptr(Ledger) ledger = g_new(Ledger, 1);

    *ledger = (Ledger){ .root = root, .directory = -1, .lock = -1 };
    if (!make_directory(root, error)) {
        return NULL;
    }
    ledger->directory = root_openat(root, LEDGER_PATH, O_RDONLY | O_DIRECTORY, 0, error);
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
        ledger->directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
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

gboolean ledger_write(Ledger *ledger, guint vmid, const Process *owner, gboolean owner_is_qemu,
    const Plan *plan, int *hold, GError **error)
{
    g_autofree char *boot = read_boot_id(ledger->root);
    g_autoptr(JsonObject) json = entry_to_json(vmid, owner, owner_is_qemu, plan, boot);

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

/* What others hold. */

static gboolean has_holding(const Taken *taken, guint vmid)
{
    for (guint i = 0; i < taken->holdings->len; i++) {
        if (((const Holding *)taken->holdings->pdata[i])->vmid == vmid) {
            return TRUE;
        }
    }
    return FALSE;
}

static void add_entries(Taken *taken, const Root *root, guint but)
{
    g_autoptr(GArray) vmids = ledger_list(root);

    for (guint i = 0; i < vmids->len; i++) {
        guint vmid = g_array_index(vmids, guint, i);
        g_autoptr(LedgerEntry) entry = vmid != but ? ledger_read(root, vmid) : NULL;
        if (entry != NULL) {
            taken_add(taken, vmid, entry->plan->reserved);
        }
    }
}

/// Running VMs without an entry: Proxmox's own `affinity` puts them on these CPUs.
static void add_running_vms(Taken *taken, const Root *root, guint but)
{
    g_autoptr(GArray) vmids = vmid_list(root, "run/qemu-server", ".pid");

    for (guint i = 0; i < vmids->len; i++) {
        guint vmid = g_array_index(vmids, guint, i);
        Process qemu;
        if (vmid == but || has_holding(taken, vmid) || !process_of_vm(root, vmid, &qemu, NULL)) {
            continue;
        }
        g_autofree char *path = g_strdup_printf("etc/pve/qemu-server/%u.conf", vmid);
        gsize length;
        g_autofree char *text = root_read(root, path, &length, NULL);
        g_autoptr(VmConfig) vm = text != NULL ? vmconfig_parse(text, length) : NULL;
        if (vm != NULL && vm->affinity != NULL) {
            taken_add(taken, vmid, vm->affinity);
        }
    }
}

/// Containers that their config binds to CPUs hold these; all others may run anywhere that their
/// cgroup lets them, and hold nothing.
static void add_running_containers(Taken *taken, const Root *root)
{
    g_autoptr(GPtrArray) containers = container_list(root);

    for (guint i = 0; i < containers->len; i++) {
        const Container *container = containers->pdata[i];
        if (container->bound != NULL) {
            taken_add_container(taken, container->vmid, container->bound);
        } else {
            taken_add_visitor(taken, container->vmid, container->allowed);
        }
    }
}

Taken *ledger_taken(const Root *root, guint vmid)
{
    Taken *taken = taken_new();

    add_entries(taken, root, vmid);
    add_running_vms(taken, root, vmid);
    add_running_containers(taken, root);
    return taken;
}
