// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/planner.h"

#include "place/layout.h"
#include "place/others.h"
#include "place/seating.h"

typedef struct {
    const Request *request;
    guint unit;
    const GPtrArray *candidates;
    const Caches *caches;
    const GPtrArray *demands;  // by cell, or, where they are too many to tell apart,
    const GPtrArray *one_cell; // by node alone
    const Candidate *left_out; // this core is left to the other threads; NULL: none
    Offer *safest;             // what nothing is safer than; NULL: not looked for yet
} Planner;

/* Which seats: of what kind, and how many vCPUs on a core. */

/// The way of sharing cores that has the most seats.
static Share widest_share(const Planner *planner)
{
    if (planner->unit > 1) {
        return SHARE_UNIT;
    }
    return planner->request->policy->smt == POLICY_SMT_AUTO ? SHARE_SIBLINGS : SHARE_NONE;
}

static SeatWish wish_for(const Planner *planner, int kind, Share share)
{
    return (SeatWish){ .kind = kind,
        .share = share,
        .unit = planner->unit,
        .order = planner->request->policy->kind,
        .left_out = planner->left_out };
}

/// Whether nothing is safer than @offer.
static gboolean is_safest(Planner *planner, const Offer *offer)
{
    SeatWish any = wish_for(planner, SEAT_ANY_KIND, widest_share(planner));

    if (offer_count_rank(offer, RANK_SAFE) == offer->wanted) {
        return TRUE;
    }
    if (planner->safest == NULL) {
        planner->safest = offer_find(planner->candidates, planner->demands, &any);
    }
    for (guint rank = 0; rank < RANK_COUNT; rank++) {
        if (offer_count_rank(offer, rank) != offer_count_rank(planner->safest, rank)) {
            return FALSE;
        }
    }
    return TRUE;
}

/// How far @kind is from the one that is preferred; a mix is farther than any.
static guint64 distance_of_kind(const Planner *planner, int kind)
{
    guint kinds = planner->request->host->kinds->len;

    if (kind == SEAT_MIX) {
        return kinds;
    }
    switch (planner->request->policy->kind) {
    case POLICY_KIND_FAST:
        return kinds - 1 - (guint)kind;
    case POLICY_KIND_SLOW:
        return (guint64)kind;
    case POLICY_KIND_ANY:
        return 0;
    }
    g_assert_not_reached();
}

/// What is on offer, if nothing is safer. NULL: it is not, or too few seats.
static Offer *find_offer(Planner *planner, const GPtrArray *demands, const SeatWish *wish)
{
    gboolean all = wish->share == widest_share(planner) && wish->kind >= 0 &&
                   planner->request->host->kinds->len == 1 && demands == planner->demands;

    if (planner->safest != NULL && all) {
        return g_steal_pointer(&planner->safest);
    }
    g_autoptr(Offer) offer = offer_find(planner->candidates, demands, wish);
    return offer != NULL && is_safest(planner, offer) ? g_steal_pointer(&offer) : NULL;
}

static Choice *choose_for(Planner *planner, const GPtrArray *demands, const SeatWish *wish,
    gboolean one_node_each, guint *steps)
{
    g_autoptr(Offer) offer = find_offer(planner, demands, wish);

    if (offer == NULL) {
        return NULL;
    }
    LayoutWish layout = { .offer = offer,
        .request = planner->request,
        .caches = planner->caches,
        .kind = distance_of_kind(planner, wish->kind),
        .shares = wish->share == SHARE_SIBLINGS,
        .one_node_each = one_node_each,
        .steps = steps };
    Choice *choice = layout_find(&layout);
    if (choice != NULL) {
        choice->offer = g_steal_pointer(&offer);
    }
    return choice;
}

/// Where the search ends before it has met any choice the cells are not told apart.
static Choice *choose(Planner *planner, int kind, Share share, gboolean one_node_each)
{
    SeatWish wish = wish_for(planner, kind, share);
    guint steps = PLANNER_STEPS;
    Choice *choice = choose_for(planner, planner->demands, &wish, one_node_each, &steps);

    if (choice == NULL && steps == 0 && !one_node_each) {
        steps = PLANNER_STEPS;
        choice = choose_for(planner, planner->one_cell, &wish, FALSE, &steps);
    }
    return choice;
}

static Choice *better_of(Choice *choice, Choice *other)
{
    if (choice != NULL && (other == NULL || order_compare(choice, other) <= 0)) {
        choice_free(other);
        return choice;
    }
    choice_free(choice);
    return other;
}

/// A core each, while there are enough. Siblings are worth it where they bring a cell that lies on
/// several packages down to one node, or all vCPUs to the largest cache.
static Choice *choose_shares(Planner *planner, int kind)
{
    gboolean largest = planner->request->policy->llc == POLICY_LLC_LARGEST;
    Choice *alone = choose(planner, kind, SHARE_NONE, FALSE);

    if (alone == NULL) {
        return choose(planner, kind, SHARE_SIBLINGS, FALSE);
    }
    if (alone->torn || (largest && alone->one_node_each)) {
        return better_of(alone, choose(planner, kind, SHARE_SIBLINGS, TRUE));
    }
    return alone;
}

static Choice *choose_of_kind(Planner *planner, int kind)
{
    Share share = widest_share(planner);

    return share == SHARE_SIBLINGS ? choose_shares(planner, kind)
                                   : choose(planner, kind, share, FALSE);
}

static Choice *choose_all(Planner *planner)
{
    int kinds = (int)planner->request->host->kinds->len;
    Choice *best = NULL;

    for (int i = 0; i < kinds; i++) {
        gboolean fast = planner->request->policy->kind != POLICY_KIND_SLOW;
        gboolean any = planner->request->policy->kind == POLICY_KIND_ANY;
        if (best == NULL || any) {
            best = better_of(best, choose_of_kind(planner, fast ? kinds - 1 - i : i));
        }
    }
    if (best == NULL && kinds > 1) {
        best = choose(planner, SEAT_MIX, widest_share(planner), FALSE);
    }
    g_clear_pointer(&planner->safest, offer_free);
    return best;
}

/* Putting vCPUs on seats. */

static guint64 demands_on(const Choice *choice, guint node)
{
    for (guint i = 0; i < choice->count; i++) {
        if (choice->nodes[i] == node) {
            return choice->on_node[i];
        }
    }
    return 0;
}

/// The seats of the choice. The caller unrefs the array.
static GArray *seats_of_choice(const Choice *choice)
{
    GArray *seats = g_array_new(FALSE, FALSE, sizeof(Seat));

    for (guint i = 0; i < choice->offer->seats->len; i++) {
        Seat seat = g_array_index(choice->offer->seats, Seat, i);
        seat.fits &= demands_on(choice, seat.candidate->node);
        if (seat.fits != 0 && hwloc_bitmap_isset(choice->caches.llcs, seat.candidate->llc)) {
            g_array_append_val(seats, seat);
        }
    }
    return seats;
}

static void put_unit(Plan *plan, const Host *host, const Seat *seat, guint first, guint size)
{
    const Candidate *candidate = seat->candidate;

    for (guint i = 0; i < size; i++) {
        guint cpu = candidate->cpus[seat->first + i];
        g_array_index(plan->vcpus, PlanVcpu, first + i) = (PlanVcpu){ .vcpu = first + i,
            .cpu = cpu,
            .core = candidate->core,
            .node = candidate->node,
            .llc = candidate->llc,
            .llc_kib = (guint)host_llc(host, candidate->llc)->size_kib,
            .kind = host_kind(host, candidate->kind)->name };
        hwloc_bitmap_set(plan->cpus, cpu);
    }
}

static void reserve_core(const Planner *planner, Plan *plan, const Candidate *candidate)
{
    const HostCore *core = planner->request->host->cores->pdata[candidate->core];

    hwloc_bitmap_or(plan->reserved, plan->reserved, core->cpus);
}

static void put_vcpus(const Planner *planner, Plan *plan, const Choice *choice)
{
    const GPtrArray *demands = choice->offer->demands;
    g_autoptr(GArray) seats = seats_of_choice(choice);
    g_autoptr(GPtrArray) seating = seating_find(seats, demands, planner->request->host->llcs->len);

    for (guint i = 0; i < seating->len; i++) {
        const Demand *demand = demands->pdata[i];
        const GArray *mine = seating->pdata[i];
        for (guint j = 0; j < mine->len; j++) {
            const Seat *seat = &g_array_index(mine, Seat, j);
            put_unit(plan, planner->request->host, seat, g_array_index(demand->units, guint, j),
                demand->size);
            reserve_core(planner, plan, seat->candidate);
        }
    }
    hwloc_bitmap_copy(plan->cores, plan->reserved);
}

/// Those of the choice, and where a cell's memory lies: on its hostnodes, some of which may have no
/// CPUs.
static void add_nodes(const VmConfig *vm, Plan *plan, const Choice *choice)
{
    for (guint i = 0; i < choice->count; i++) {
        hwloc_bitmap_set(plan->nodes, choice->nodes[i]);
    }
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes != NULL) {
            hwloc_bitmap_or(plan->nodes, plan->nodes, cell->hostnodes);
        }
    }
}

/// All but where the other threads go.
static Plan *plan_of(const Planner *planner, const Choice *choice)
{
    const VmConfig *vm = planner->request->vm;
    Plan *plan = plan_new(vm->vcpus_present);

    g_array_set_size(plan->vcpus, vm->vcpus_most);
    plan->llcs_differ = host_llcs_differ(planner->request->host);
    put_vcpus(planner, plan, choice);
    add_nodes(vm, plan, choice);
    return plan;
}

/* A core for the other threads alone. */

static gboolean is_spare(const Plan *plan, const Candidate *candidate, Rank worst)
{
    return candidate_rank(candidate, 1) <= worst &&
           !hwloc_bitmap_isset(plan->cores, candidate->cpus[0]);
}

/// Of no higher rank than @worst; on the vCPUs' nodes if there is one; the safest, then the lowest.
static const Candidate *find_spare(const Planner *planner, const Plan *plan, Rank worst)
{
    const Candidate *best = NULL;
    gboolean best_local = FALSE;

    for (guint i = 0; i < planner->candidates->len; i++) {
        const Candidate *candidate = planner->candidates->pdata[i];
        gboolean local = hwloc_bitmap_isset(plan->nodes, candidate->node) != 0;
        if (is_spare(plan, candidate, worst) &&
            (best == NULL || local > best_local ||
                (local == best_local && candidate_rank(candidate, 1) < candidate_rank(best, 1)))) {
            best = candidate;
            best_local = local;
        }
    }
    return best;
}

/* One CPU: several isolated ones in a mask would pile the threads up on one of them. */
static gboolean place_spare(const Planner *planner, Plan *plan, Rank worst)
{
    const Candidate *spare = find_spare(planner, plan, worst);

    if (spare != NULL) {
        reserve_core(planner, plan, spare);
        hwloc_bitmap_only(plan->others, spare->cpus[0]);
    }
    return spare != NULL;
}

static gboolean are_alike(const Candidate *a, const Candidate *b)
{
    return a->llc == b->llc && a->node == b->node && a->kind == b->kind && a->count == b->count &&
           a->isolated == b->isolated && a->whole == b->whole && a->held == b->held &&
           a->first_core == b->first_core;
}

/// Whether a core behind the one at @at would leave the same if it were left out.
static gboolean has_twin_behind(const Planner *planner, guint at)
{
    const GPtrArray *candidates = planner->candidates;

    for (guint i = at + 1; i < candidates->len; i++) {
        if (are_alike(candidates->pdata[i], candidates->pdata[at])) {
            return TRUE;
        }
    }
    return FALSE;
}

/// The best choice that leaves one of the cores, whichever, to the other threads.
static Choice *choose_leaving_one(Planner *planner, Rank worst)
{
    Choice *best = NULL;

    for (guint i = 0; i < planner->candidates->len; i++) {
        planner->left_out = planner->candidates->pdata[i];
        if (candidate_rank(planner->left_out, 1) <= worst && !has_twin_behind(planner, i)) {
            best = better_of(best, choose_all(planner));
        }
    }
    planner->left_out = NULL;
    return best;
}

/// @plan with a core for the other threads, of no higher rank than @worst; or the best that has one
/// where @plan, which is freed then, leaves none. NULL: there is none.
static Plan *spare_one(Planner *planner, Plan *plan, Rank worst)
{
    if (place_spare(planner, plan, worst)) {
        return plan;
    }
    plan_free(plan);
    g_autoptr(Choice) choice = choose_leaving_one(planner, worst);
    g_autoptr(Plan) other = choice != NULL ? plan_of(planner, choice) : NULL;
    return other != NULL && place_spare(planner, other, worst) ? g_steal_pointer(&other) : NULL;
}

/* All of it. */

guint planner_unit(const VmConfig *vm, const Policy *policy)
{
    switch (policy->smt) {
    case POLICY_SMT_AUTO:
        return vm->threads;
    case POLICY_SMT_ISOLATE:
        return 1;
    case POLICY_SMT_PAIR:
        return MAX(vm->threads, 2);
    }
    g_assert_not_reached();
}

static Plan *place(Planner *planner)
{
    g_autoptr(Choice) choice = choose_all(planner);
    Plan *plan = choice != NULL ? plan_of(planner, choice) : NULL;

    if (plan == NULL || planner->request->policy->emulator != POLICY_SPARE) {
        return plan;
    }
    Plan *spared = spare_one(planner, plan, RANK_AWAKE);
    return spared != NULL ? spared
                          : spare_one(planner, plan_of(planner, choice), RANK_SHARED_WITH_OTHER);
}

Plan *planner_place(const Request *request)
{
    guint unit = planner_unit(request->vm, request->policy);
    g_autoptr(GPtrArray)
        candidates = candidates_find(request->host, request->pool->free, request->taken);
    g_autoptr(Caches) caches = caches_of(request->host);
    g_autoptr(GPtrArray) demands = demands_of(request->vm, unit);
    g_autoptr(GPtrArray) one_cell = demands_of_one_cell(request->vm, unit);
    Planner planner = { .request = request,
        .unit = unit,
        .candidates = candidates,
        .caches = caches,
        .demands = demands->len > SEAT_DEMANDS ? one_cell : demands,
        .one_cell = one_cell };

    if (candidates->len == 0 || one_cell->len > SEAT_DEMANDS) {
        return NULL;
    }
    Plan *plan = place(&planner);
    if (plan != NULL && request->policy->emulator != POLICY_SPARE) {
        others_place(plan, request);
    }
    return plan;
}
