// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "judge/verdict.h"
#include "fakes/fake-host.h"
#include "fakes/fake-root.h"

/// Everything that a verdict is made of, as texts that a fix can change.
typedef struct {
    FakeRoot *fake;        // with the VM's config and the policy
    const char *shape;     // as fake_host_new() takes it, or SCENE_HYBRID
    const FakeCore *cores; // NULL: by `shape`
    const char *possible;  // CPUs
    char *isolated;
    char *nohz_full;
    char *cmdline; // NULL: cannot be read
    char *held;    // "101:4-5 102:6"; of the VMs from 900 on Proxmox alone has put them there
    const char *devices;
    HostVendor vendor;
    const char *llcs;
    guint64 memory; // MiB that each node has free
    guint64 memory_of_first;
} Scene;

#define SCENE_HYBRID "hybrid"
#define SCENE_CONFIG "etc/pve/qemu-server/100.conf"
#define SCENE_TIMER "etc/systemd/system/pinhook-repair.timer"

/// VM 100 with @config, on a host of @shape, which must stay.
Scene *scene_new(const char *shape, const char *isolated, const char *config);

/// One with files of its own, of which it has the config and the policy.
Scene *scene_copy(const Scene *scene);

void scene_free(Scene *scene);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scene, scene_free)

/// A file of it. The caller frees it.
char *scene_read(const Scene *scene, const char *path);

/// Containers that run, as "201:4-5 202:": these CPUs, or none that could be read.
void scene_add_containers(Scene *scene, const char *containers);

Host *scene_host(const Scene *scene);
Taken *scene_taken(const Scene *scene);
GPtrArray *scene_devices(const Scene *scene);

/// Plans and judges as a start does, with fixes.
Verdict *scene_judge(const Scene *scene);

/// The same of a request that has no pool yet.
Verdict *scene_judge_request(Request *request);

/// The same of one that is planned.
Verdict *scene_judge_and_mend(const Request *request, const Plan *plan);

/// Boots the host, as a kernel that does what it is told.
void scene_boot(Scene *scene, const char *cmdline);

/// Pastes lines into a shell, with the scene's files in place of the host's, and boots if that has
/// changed what the host boots with. FALSE: it is nothing that could be done.
gboolean scene_paste(Scene *scene, const char *lines);
