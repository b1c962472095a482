// SPDX-License-Identifier: LGPL-2.1-or-later
#include "judge/mend.h"

#include "judge/trial.h"
#include "judge/verdict.h"

#include <string.h>

/// So many fixes are tried at most: the VM is waiting.
#define MOST_TRIALS 60

/// Ways of one cost that a finding keeps.
static const guint most_ways[] = {
    [COST_NOTHING] = 1, [COST_RESTART] = 1, [COST_REBOOT] = 1, [COST_LOSS] = 2
};

/// A fix that is told, and what it leads to.
typedef struct {
    Finding *finding;
    Fix *fix;     // among those of the finding
    Trial *trial; // NULL: it was not tried
} Way;

static void way_free(gpointer data)
{
    Way *way = data;

    trial_free(way->trial);
    g_free(way);
}

/// A list of findings that gets its fixes.
typedef struct {
    Trial *as_is;
    Supposed *alone; // where there is no plan, as if no other guest held any CPU; else NULL
    GPtrArray *ways; // Way, in the order in which they were found
    guint trials;
} Mending;

/* Trying. */

/// Whether a fix can be tried: not without a VM's config, nor what commands do.
static gboolean can_be_tried(const Mending *mending, const Fix *fix)
{
    gboolean commands = TRUE;

    for (guint i = 0; i < fix->changes->len; i++) {
        commands &= ((const Change *)fix->changes->pdata[i])->kind == CHANGE_COMMAND;
    }
    return mending->as_is->request->host != NULL && !commands;
}

static Trial *try(Mending *mending, const Trial *before, const Fix *fix)
{
    mending->trials += supposed_moves(fix);
    return mending->trials <= MOST_TRIALS ? trial_after(before, fix) : NULL;
}

/// What is lost in @trial, against what the VM has or would have but for other guests.
static char **losses_in(const Mending *mending, const Trial *trial)
{
    const Supposed *alone = mending->alone;

    return alone != NULL
               ? supposed_losses(&alone->request, alone->plan, trial->request, trial->plan)
               : trial_losses(mending->as_is, trial);
}

static gboolean says(const Fix *fix, const char *loss)
{
    return fix != NULL && fix->remark != NULL && strstr(fix->remark, loss) != NULL;
}

/// Whether all that is lost is said with @fix or with @other, which may be NULL.
static gboolean is_told(
    const Mending *mending, const Trial *trial, const Fix *fix, const Fix *other)
{
    g_auto(GStrv) losses = losses_in(mending, trial);
    gboolean told = TRUE;

    for (guint i = 0; losses[i] != NULL; i++) {
        told &= says(fix, losses[i]) || says(other, losses[i]);
    }
    return told;
}

/// Whether @trial, after @fix, is as a fix for @finding should have it.
static gboolean is_good(
    const Mending *mending, const Trial *trial, const Finding *finding, const Fix *fix)
{
    /* An error that is accepted is lived with: there must be something to live with. */
    gboolean alive = !fix->accepts || finding->severity != SEVERITY_ERROR ||
                     (trial != NULL && trial->plan != NULL);

    return trial != NULL && alive && trial_mends(mending->as_is, trial, finding) &&
           trial_is_no_worse(mending->as_is, trial, finding->severity) &&
           is_told(mending, trial, fix, NULL);
}

/// Has @fix say what is lost by it. For a warning nothing is to be lost that is no gain as well.
static void tell_losses(
    const Mending *mending, const Trial *trial, const Finding *finding, Fix *fix)
{
    g_auto(GStrv) losses = losses_in(mending, trial);
    gboolean any = finding->severity != SEVERITY_WARNING;

    for (guint i = 0; losses[i] != NULL; i++) {
        if (!says(fix, losses[i]) && (any || strcmp(losses[i], SUPPOSED_FASTER) == 0)) {
            fix_join(fix, fix_takes(fix_new(), "%s", losses[i]));
        }
    }
}

/* Beside others. */

static gboolean isolates(const Fix *fix)
{
    gboolean any = FALSE;

    for (guint i = 0; i < fix->changes->len; i++) {
        any |= ((const Change *)fix->changes->pdata[i])->kind == CHANGE_ISOLATED;
    }
    return any;
}

/// Whether @fix may come before or after that of @way: both findings go, and nothing becomes worse.
static gboolean goes_with(Mending *mending, const Way *way, const Finding *finding, const Fix *fix)
{
    if (way->trial == NULL || !supposed_moves(way->fix) || !supposed_moves(fix)) {
        return TRUE;
    }
    Severity severity = MIN(way->finding->severity, finding->severity);
    g_autoptr(Trial) both = try(mending, way->trial, fix);
    return both != NULL && trial_mends(mending->as_is, both, finding) &&
           trial_mends(mending->as_is, both, way->finding) &&
           trial_is_no_worse(mending->as_is, both, severity) &&
           is_told(mending, both, fix, way->fix);
}

/// The way of another finding that changes the same thing as @fix; NULL: there is none.
static Way *find_collision(const Mending *mending, const Finding *finding, const Fix *fix)
{
    for (guint i = 0; i < mending->ways->len; i++) {
        Way *way = mending->ways->pdata[i];
        if (way->finding != finding && way->trial != NULL && !way->fix->accepts &&
            fix_collides(way->fix, fix)) {
            return way;
        }
    }
    return NULL;
}

static guint count_ways(const Mending *mending, const Finding *finding, FixCost cost)
{
    guint count = 0;

    for (guint i = 0; i < mending->ways->len; i++) {
        const Way *way = mending->ways->pdata[i];
        count += way->finding == finding && way->fix->cost == cost && !way->fix->accepts;
    }
    return count;
}

static guint count_all_ways(const Mending *mending, const Finding *finding)
{
    guint count = 0;

    for (FixCost cost = COST_NOTHING; cost <= COST_LOSS; cost++) {
        count += count_ways(mending, finding, cost);
    }
    return count;
}

/// Takes @way out, with its fix.
static void drop(Mending *mending, Way *way)
{
    g_ptr_array_remove(way->finding->fixes, way->fix);
    g_ptr_array_remove(mending->ways, way);
}

/// Whether @way makes room for @fix: it takes something away, and its finding has another, or is no
/// worse than that of @fix.
static gboolean gives_way(
    const Mending *mending, const Way *way, const Finding *finding, const Fix *fix)
{
    return fix->cost != COST_LOSS && way->fix->cost == COST_LOSS &&
           (count_all_ways(mending, way->finding) > 1 ||
               way->finding->severity <= finding->severity);
}

/// Whether @fix goes with all others.
static gboolean find_room(Mending *mending, const Finding *finding, const Fix *fix)
{
    for (guint i = mending->ways->len; i-- > 0;) {
        Way *way = mending->ways->pdata[i];
        if (way->finding == finding || goes_with(mending, way, finding, fix)) {
            continue;
        }
        if (!gives_way(mending, way, finding, fix)) {
            return FALSE;
        }
        drop(mending, way);
    }
    return TRUE;
}

/// Whether @fix goes with all others but @way, in whose place it would be.
static gboolean fits_in_place(Mending *mending, const Way *way, const Fix *fix)
{
    gboolean fits = TRUE;

    for (guint i = 0; fits && i < mending->ways->len; i++) {
        const Way *other = mending->ways->pdata[i];
        fits = other == way || other->finding == way->finding ||
               goes_with(mending, other, way->finding, fix);
    }
    return fits;
}

/* Keeping. */

/// Takes @fix and @trial.
static void keep(Mending *mending, Finding *finding, Fix *fix, Trial *trial)
{
    Way *way = g_new(Way, 1);

    *way = (Way){ .finding = finding, .fix = fix, .trial = trial };
    finding_offer(finding, fix);
    g_ptr_array_add(mending->ways, way);
}

/// Puts @fix, with @trial, in the place of that of @way. Takes both.
static void replace(Way *way, Fix *fix, Trial *trial)
{
    guint place;

    g_ptr_array_find(way->finding->fixes, way->fix, &place);
    fix_free(way->fix);
    way->finding->fixes->pdata[place] = way->fix = fix;
    trial_free(way->trial);
    way->trial = trial;
}

/// One boot that isolates what both fixes do; NULL: they isolate nothing.
static Fix *isolate_both(const Mending *mending, const Fix *a, const Fix *b)
{
    const Change *one = a->changes->len == 1 ? a->changes->pdata[0] : NULL;
    const Change *other = b->changes->len == 1 ? b->changes->pdata[0] : NULL;

    if (one == NULL || other == NULL || one->kind != CHANGE_ISOLATED ||
        other->kind != CHANGE_ISOLATED) {
        return NULL;
    }
    g_autoptr(CpuSet) cpus = cpuset_or(one->cpus, other->cpus);
    g_autoptr(CpuSet) rest = cpuset_minus(mending->as_is->request->host->online, cpus);
    return fix_isolate(fix_new(), cpus, rest);
}

/// Whether one fix does for both: what isolates for both, that of @way, or @fix. Takes @fix and
/// @trial.
static gboolean share(Mending *mending, Way *way, Finding *finding, Fix *fix, Trial *trial)
{
    g_autoptr(Fix) owned = fix;
    g_autoptr(Trial) tried = trial;
    g_autoptr(Fix) both = isolate_both(mending, way->fix, fix);
    g_autoptr(Trial) after = both != NULL ? try(mending, mending->as_is, both) : NULL;

    if (both != NULL && is_good(mending, after, finding, both) &&
        is_good(mending, after, way->finding, both) && fits_in_place(mending, way, both)) {
        replace(way, g_steal_pointer(&both), g_steal_pointer(&after));
        return TRUE;
    }
    if (trial_mends(mending->as_is, way->trial, finding)) {
        return TRUE;
    }
    if (fix->cost <= way->fix->cost && is_good(mending, trial, way->finding, fix) &&
        fits_in_place(mending, way, fix)) {
        replace(way, g_steal_pointer(&owned), g_steal_pointer(&tried));
        return TRUE;
    }
    return FALSE;
}

/// Another finding's way of at most @cost that mends this one too; NULL: there is none. @boots:
/// also one that isolates CPUs, for which there may be one that does so for both.
static const Way *find_helper(
    const Mending *mending, const Finding *finding, FixCost cost, gboolean boots)
{
    for (guint i = 0; i < mending->ways->len; i++) {
        Way *way = mending->ways->pdata[i];
        if (way->finding->code != finding->code && way->trial != NULL && !way->fix->accepts &&
            way->fix->cost <= cost && (boots || !isolates(way->fix)) &&
            trial_mends(mending->as_is, way->trial, finding)) {
            return way;
        }
    }
    return NULL;
}

/// Keeps @fix for @finding, if it is good. Takes it. @told: what vCPUs lose is told with it.
static void consider(Mending *mending, Finding *finding, Fix *fix, gboolean told)
{
    g_autoptr(Fix) owned = fix;

    if (!can_be_tried(mending, fix)) {
        keep(mending, finding, g_steal_pointer(&owned), NULL);
        return;
    }
    g_autoptr(Trial) trial = try(mending, mending->as_is, fix);
    if (trial != NULL && told) {
        tell_losses(mending, trial, finding, fix);
    }
    if (!is_good(mending, trial, finding, fix)) {
        return;
    }
    Way *way = fix->accepts ? NULL : find_collision(mending, finding, fix);
    if (way != NULL) {
        gboolean shared = share(
            mending, way, finding, g_steal_pointer(&owned), g_steal_pointer(&trial));
        finding->with = way->finding;
        finding->later = !shared;
    } else if (fix->accepts || find_room(mending, finding, fix)) {
        keep(mending, finding, g_steal_pointer(&owned), g_steal_pointer(&trial));
    }
}

/// Whether @fix does no more than change other things, too, than one that there is.
static gboolean adds_to_one(const Finding *finding, const Fix *fix)
{
    gboolean found = FALSE;

    for (guint i = 0; i < finding->fixes->len; i++) {
        found |= fix_includes(fix, finding->fixes->pdata[i]);
    }
    return found;
}

/// Whether @fix, as one of @cost, is wanted beside the ways that there are.
static gboolean is_wanted(
    const Mending *mending, const Finding *finding, const Fix *fix, FixCost cost)
{
    gboolean with = finding->with != NULL && !finding->later;

    return !with && !adds_to_one(finding, fix) &&
           count_ways(mending, finding, cost) < most_ways[cost] &&
           (cost == COST_NOTHING || count_ways(mending, finding, COST_NOTHING) == 0) &&
           (cost != COST_LOSS || !isolates(fix) || count_all_ways(mending, finding) == 0);
}

static void add_acceptance(Mending *mending, Finding *finding)
{
    const Severity lower = finding->severity == SEVERITY_ERROR ? SEVERITY_WARNING : SEVERITY_OFF;

    if (finding_kind(finding->code)->bearable && mending->as_is->request->vm != NULL) {
        consider(mending, finding, finding_accept(finding->code, lower), FALSE);
    }
}

/// Those of @offers that cost @cost, unless the way of another finding does for this one.
static void consider_each(
    Mending *mending, Finding *finding, const GPtrArray *offers, FixCost cost, gboolean told)
{
    FixCost most = MIN(cost, COST_REBOOT);
    const Way *helper = count_all_ways(mending, finding) > 0
                            ? NULL
                            : find_helper(mending, finding, most, FALSE);

    for (guint i = 0; helper == NULL && i < offers->len; i++) {
        const Fix *fix = offers->pdata[i];
        if (fix->cost == cost && is_wanted(mending, finding, fix, told ? COST_LOSS : cost)) {
            consider(mending, finding, fix_copy(fix), told);
        }
    }
    if (count_all_ways(mending, finding) > 0) {
        finding->with = NULL;
    } else if (helper == NULL) {
        helper = find_helper(mending, finding, most, TRUE);
    }
    finding->with = helper != NULL ? helper->finding : finding->with;
}

/// What there is to be found has its offers in @offers, by place.
static void mend_each(Mending *mending, const GPtrArray *findings, const GPtrArray *offers,
    Severity severity, FixCost cost, gboolean told)
{
    for (guint i = 0; i < findings->len; i++) {
        Finding *finding = findings->pdata[i];
        gboolean wanted = !told || (count_all_ways(mending, finding) == 0 && finding->with == NULL);
        if (finding->severity == severity && wanted) {
            consider_each(mending, finding, offers->pdata[i], cost, told);
        }
    }
}

/// The cheapest come first. Where none of them does, what takes from vCPUs and says so is tried.
static void mend_those_of(
    Mending *mending, const GPtrArray *findings, const GPtrArray *offers, Severity severity)
{
    for (FixCost cost = COST_NOTHING; cost <= COST_LOSS; cost++) {
        mend_each(mending, findings, offers, severity, cost, FALSE);
    }
    for (FixCost cost = COST_NOTHING; cost <= COST_LOSS; cost++) {
        mend_each(mending, findings, offers, severity, cost, TRUE);
    }
}

/// Takes the fixes from each of @findings, for those that are good to be put back.
static GPtrArray *take_offers(GPtrArray *findings)
{
    GPtrArray *offers = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);

    for (guint i = 0; i < findings->len; i++) {
        Finding *finding = findings->pdata[i];
        g_ptr_array_add(offers, g_steal_pointer(&finding->fixes));
        finding->fixes = g_ptr_array_new_with_free_func((GDestroyNotify)fix_free);
    }
    return offers;
}

/// Whether a way of @finding->with, which may be another than it was, still mends @finding.
static gboolean is_still_mended(const Mending *mending, const Finding *finding)
{
    for (guint i = 0; i < mending->ways->len; i++) {
        const Way *way = mending->ways->pdata[i];
        if (way->finding == finding->with && !way->fix->accepts &&
            (way->trial == NULL || trial_mends(mending->as_is, way->trial, finding))) {
            return TRUE;
        }
    }
    return FALSE;
}

static void settle(const Mending *mending, Finding *finding)
{
    if (finding->with != NULL && count_all_ways(mending, finding->with) == 0) {
        finding->with = NULL;
    }
    finding->later = finding->with != NULL && !is_still_mended(mending, finding);
}

static Supposed *suppose_alone(const Request *request)
{
    g_autoptr(Fix) ends = fix_new();

    for (guint i = 0; i < request->taken->holdings->len; i++) {
        const Holding *holding = request->taken->holdings->pdata[i];
        fix_end_guest(ends, holding->vmid, holding->container);
    }
    return ends->changes->len > 0 ? supposed_after(request, NULL, ends) : NULL;
}

GPtrArray *mend_findings(const Request *request, const Plan *plan)
{
    g_autoptr(Trial) as_is = trial_as_is(request, plan);
    g_autoptr(GPtrArray) ways = g_ptr_array_new_with_free_func(way_free);
    GPtrArray *findings = verdict_find(request, plan, TRUE);
    g_autoptr(GPtrArray) offers = take_offers(findings);
    g_autoptr(Supposed) alone = plan == NULL && request->vm != NULL && request->host != NULL
                                    ? suppose_alone(request)
                                    : NULL;
    Mending mending = { .as_is = as_is, .alone = alone, .ways = ways };

    /* What refuses a start comes first, whatever else must do without. */
    for (guint severity = SEVERITY_ERROR; severity > SEVERITY_OFF; severity--) {
        mend_those_of(&mending, findings, offers, (Severity)severity);
    }
    for (guint i = 0; i < findings->len; i++) {
        settle(&mending, findings->pdata[i]);
        add_acceptance(&mending, findings->pdata[i]);
    }
    return findings;
}
