// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/planner.h"

#include "place/caches.h"
#include "place/matching.h"
#include "place/others.h"
#include "place/seating.h"

#include <string.h>

/// A node that has seats.
typedef struct {
    guint index; // the kernel's number
    guint64 seats;
    guint devices; // of the VM's
} SeatNode;

/// Nodes are told apart by the bits of a number.
#define NODE_LIMIT 64

typedef guint64 NodeMask;

/// LLCs that have so many seats.
typedef struct {
    guint64 seats;
    guint llcs[NODE_LIMIT]; // by node; one of several nodes counts on each, with all its seats
} LlcSize;

typedef struct {
    const Request *request;
    GPtrArray *candidates;
    Share share;
    Rank worst;                  // cores of a higher rank are left out
    const Candidate *left_out;   // so is this one; NULL: none
    GPtrArray *demands;          // Demand
    guint64 needs[SEAT_DEMANDS]; // units by demand
    guint64 wanted;              // units of all
    GArray *seats;               // Seat
    GArray *stocks;              // Stock: the seats summed up
    SeatNode nodes[NODE_LIMIT];  // ascending
    guint node_count;
    GArray *sizes; // LlcSize, those with the most seats first
    guint distances[NODE_LIMIT][NODE_LIMIT];
    guint fastest; // kind of any seat
    guint steps;   // left
} Planner;

/* What a choice is judged by, the first first; of each the least is the best. The count of nodes
 * comes before all of these. */
enum {
    DEVICES_REMOTE,
    DISTANCE,
    MEMORY_SHORT,
    KINDS,
    LLCS,
    UNSAFE,
    LLC_LEFT,
    NODE_LEFT,
    MEASURES,
};

/// Where the vCPUs may be put: the seats of these nodes, of this kind, in these LLCs.
typedef struct {
    NodeMask nodes;
    int kind; // -1: any
    CacheChoice caches;
    guint64 measures[MEASURES];
} Choice;

static void choice_free(Choice *choice)
{
    if (choice != NULL) {
        cache_choice_clear(&choice->caches);
        g_free(choice);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Choice, choice_free)

/// Whether @choice comes before @than (NULL: there is none yet) by its first @count measures.
static int compare_choices(const Choice *choice, const Choice *than, guint count)
{
    if (than == NULL) {
        return -1;
    }
    for (guint i = 0; i < count; i++) {
        if (choice->measures[i] != than->measures[i]) {
            return choice->measures[i] < than->measures[i] ? -1 : 1;
        }
    }
    return 0;
}

/* Nodes. */

static int compare_nodes(gconstpointer a, gconstpointer b)
{
    const SeatNode *first = a, *second = b;

    return first->index < second->index ? -1 : first->index > second->index;
}

static SeatNode *find_node(Planner *planner, guint index)
{
    for (guint i = 0; i < planner->node_count; i++) {
        if (planner->nodes[i].index == index) {
            return &planner->nodes[i];
        }
    }
    return NULL;
}

static void find_nodes(Planner *planner)
{
    const Request *request = planner->request;

    planner->node_count = 0;
    for (guint i = 0; i < planner->stocks->len; i++) {
        const Stock *stock = &g_array_index(planner->stocks, Stock, i);
        SeatNode *node = find_node(planner, stock->node);
        if (node == NULL && planner->node_count < NODE_LIMIT) {
            node = &planner->nodes[planner->node_count++];
            *node = (SeatNode){ .index = stock->node };
        }
        if (node != NULL) {
            node->seats += stock->count;
        }
        planner->fastest = MAX(planner->fastest, stock->kind);
    }
    qsort(planner->nodes, planner->node_count, sizeof(*planner->nodes), compare_nodes);
    for (guint i = 0; request->devices != NULL && i < request->devices->len; i++) {
        const Device *device = request->devices->pdata[i];
        SeatNode *node = device->node >= 0 ? find_node(planner, (guint)device->node) : NULL;
        if (node != NULL) {
            node->devices++;
        }
    }
    for (guint i = 0; i < planner->node_count; i++) {
        for (guint j = 0; j < planner->node_count; j++) {
            planner->distances[i][j] = host_distance(
                request->host, planner->nodes[i].index, planner->nodes[j].index);
        }
    }
}

static gboolean has_node(NodeMask nodes, guint place)
{
    return (nodes >> place & 1) != 0;
}

static NodeMask mask_of_node(const Planner *planner, guint index)
{
    for (guint i = 0; i < planner->node_count; i++) {
        if (planner->nodes[i].index == index) {
            return G_GUINT64_CONSTANT(1) << i;
        }
    }
    return 0;
}

static guint64 seats_on(const Planner *planner, NodeMask nodes)
{
    guint64 seats = 0;

    for (guint i = 0; i < planner->node_count; i++) {
        seats += has_node(nodes, i) ? planner->nodes[i].seats : 0;
    }
    return seats;
}

static guint64 count_remote_devices(const Planner *planner, NodeMask nodes)
{
    guint64 remote = 0;

    for (guint i = 0; i < planner->node_count; i++) {
        remote += has_node(nodes, i) ? 0 : planner->nodes[i].devices;
    }
    return remote;
}

static guint64 total_distance(const Planner *planner, NodeMask nodes)
{
    guint64 total = 0;

    for (guint i = 0; i < planner->node_count; i++) {
        for (guint j = 0; has_node(nodes, i) && j < planner->node_count; j++) {
            total += has_node(nodes, j) ? planner->distances[i][j] : 0;
        }
    }
    return total;
}

/* LLCs. */

static int compare_sizes(gconstpointer a, gconstpointer b)
{
    const LlcSize *first = a, *second = b;

    return first->seats > second->seats ? -1 : first->seats < second->seats;
}

static void add_llc(GArray *sizes, guint64 seats, NodeMask nodes)
{
    guint at = 0;

    while (at < sizes->len && g_array_index(sizes, LlcSize, at).seats != seats) {
        at++;
    }
    if (at == sizes->len) {
        LlcSize size = { .seats = seats };
        g_array_append_val(sizes, size);
    }
    for (guint i = 0; i < NODE_LIMIT; i++) {
        g_array_index(sizes, LlcSize, at).llcs[i] += has_node(nodes, i) ? 1 : 0;
    }
}

static void find_sizes(Planner *planner)
{
    planner->sizes = g_array_new(FALSE, FALSE, sizeof(LlcSize));
    for (guint i = 0; i < planner->stocks->len;) {
        guint llc = g_array_index(planner->stocks, Stock, i).llc;
        guint64 seats = 0;
        NodeMask nodes = 0;
        for (; i < planner->stocks->len; i++) {
            const Stock *stock = &g_array_index(planner->stocks, Stock, i);
            if (stock->llc != llc) {
                break;
            }
            seats += stock->count;
            nodes |= mask_of_node(planner, stock->node);
        }
        add_llc(planner->sizes, seats, nodes);
    }
    g_array_sort(planner->sizes, compare_sizes);
}

/// It takes no fewer LLCs than these on @nodes, whatever the kind and the demands.
static guint64 fewest_llcs(const Planner *planner, NodeMask nodes)
{
    guint64 left = planner->wanted, count = 0;

    for (guint i = 0; i < planner->sizes->len && left > 0; i++) {
        const LlcSize *size = &g_array_index(planner->sizes, LlcSize, i);
        guint64 llcs = 0;
        for (guint j = 0; j < planner->node_count; j++) {
            llcs += has_node(nodes, j) ? size->llcs[j] : 0;
        }
        llcs = MIN(llcs, (left + size->seats - 1) / size->seats);
        left -= MIN(left, llcs * size->seats);
        count += llcs;
    }
    return count;
}

/* Memory. */

typedef struct {
    const Host *host;
    const VmConfig *vm;
    CpuSet *chosen; // nodes for what is bound to none
} MemoryRequest;

/// Demands: the cells in their order, then the memory that no cell binds.
static gboolean memory_fits(guint supply, guint demand, gpointer data)
{
    const MemoryRequest *request = data;
    const HostNode *node = request->host->nodes->pdata[supply];
    const VmCell *cell = demand < request->vm->guest_cells->len
                             ? request->vm->guest_cells->pdata[demand]
                             : NULL;

    return hwloc_bitmap_isset(
        cell != NULL && cell->hostnodes != NULL ? cell->hostnodes : request->chosen, node->index);
}

/// Whether the nodes of each cell, and @nodes for all other memory, have enough of it free.
static gboolean have_memory(const Planner *planner, NodeMask nodes)
{
    const VmConfig *vm = planner->request->vm;
    const Host *host = planner->request->host;
    guint cells = vm->guest_cells->len;
    g_autoptr(CpuSet) chosen = cpuset_new();
    g_autofree guint64 *supplies = g_new(guint64, host->nodes->len + 1);
    g_autofree guint64 *demands = g_new(guint64, cells + 1);
    MemoryRequest request = { .host = host, .vm = vm, .chosen = chosen };

    for (guint i = 0; i < planner->node_count; i++) {
        if (has_node(nodes, i)) {
            hwloc_bitmap_set(chosen, planner->nodes[i].index);
        }
    }
    for (guint i = 0; i < host->nodes->len; i++) {
        supplies[i] = host_node_available_mib(host->nodes->pdata[i], vm->hugepages);
    }
    demands[cells] = vm->memory_mib;
    for (guint i = 0; i < cells; i++) {
        demands[i] = ((const VmCell *)vm->guest_cells->pdata[i])->memory_mib;
        demands[cells] -= MIN(demands[cells], demands[i]);
    }
    return matching_find(
        supplies, host->nodes->len, demands, cells + 1, memory_fits, &request, NULL);
}

/* Choosing seats on given nodes. */

/// The stocks on @nodes of @kind (-1: any).
static GArray *stocks_on(const Planner *planner, NodeMask nodes, int kind)
{
    GArray *stocks = g_array_sized_new(FALSE, FALSE, sizeof(Stock), planner->stocks->len);
    NodeMask last = 0;
    guint last_node = G_MAXUINT;

    for (guint i = 0; i < planner->stocks->len; i++) {
        const Stock *stock = &g_array_index(planner->stocks, Stock, i);
        if (stock->node != last_node) {
            last_node = stock->node;
            last = mask_of_node(planner, last_node);
        }
        if ((nodes & last) != 0 && (kind < 0 || stock->kind == (guint)kind)) {
            g_array_append_val(stocks, *stock);
        }
    }
    return stocks;
}

/// The stocks of the fastest kind that has the seats alone, or of all; NULL: not even these.
static GArray *stocks_of_best_kind(const Planner *planner, Choice *choice)
{
    for (choice->kind = (int)planner->fastest; choice->kind >= -1; choice->kind--) {
        g_autoptr(GArray) stocks = stocks_on(planner, choice->nodes, choice->kind);
        if (stocks_suffice(stocks, planner->needs, planner->demands->len)) {
            choice->measures[KINDS] = (guint64)((int)planner->fastest - choice->kind);
            return g_steal_pointer(&stocks);
        }
    }
    return NULL;
}

/// Looks at @nodes, and puts what is best on them in the place of @best if it is better.
static void consider_nodes(Planner *planner, NodeMask nodes, Choice **best)
{
    g_autoptr(Choice) choice = g_new0(Choice, 1);

    choice->nodes = nodes;
    choice->measures[DEVICES_REMOTE] = count_remote_devices(planner, nodes);
    choice->measures[DISTANCE] = total_distance(planner, nodes);
    choice->measures[LLCS] = fewest_llcs(planner, nodes);
    /* What is not known yet is no less than what stands there now. */
    if (compare_choices(choice, *best, MEASURES) >= 0) {
        return;
    }
    choice->measures[MEMORY_SHORT] = !have_memory(planner, nodes);
    if (compare_choices(choice, *best, KINDS) > 0) {
        return;
    }
    g_autoptr(GArray) stocks = stocks_of_best_kind(planner, choice);
    if (stocks == NULL || compare_choices(choice, *best, LLCS) > 0) {
        return;
    }
    guint64 seats = 0;
    for (guint i = 0; i < stocks->len; i++) {
        seats += g_array_index(stocks, Stock, i).count;
    }
    caches_choose(stocks, planner->needs, planner->demands->len, &planner->steps, &choice->caches);
    choice->measures[LLCS] = choice->caches.count;
    choice->measures[UNSAFE] = choice->caches.unsafe;
    choice->measures[LLC_LEFT] = choice->caches.seats - planner->wanted;
    choice->measures[NODE_LEFT] = seats - planner->wanted;
    if (compare_choices(choice, *best, MEASURES) < 0) {
        choice_free(*best);
        *best = g_steal_pointer(&choice);
    }
}

/* Choosing nodes. */

/// Nodes that some demand cannot do without.
static NodeMask find_forced(const Planner *planner)
{
    NodeMask forced = 0;

    for (guint i = 0; i < planner->demands->len; i++) {
        NodeMask allowed = 0;
        for (guint j = 0; j < planner->stocks->len; j++) {
            const Stock *stock = &g_array_index(planner->stocks, Stock, j);
            allowed |= (stock->fits >> i & 1) != 0 ? mask_of_node(planner, stock->node) : 0;
        }
        forced |= (allowed & (allowed - 1)) == 0 ? allowed : 0;
    }
    return forced;
}

static int compare_seats(gconstpointer a, gconstpointer b)
{
    guint64 first = *(const guint64 *)a, second = *(const guint64 *)b;

    return first > second ? -1 : first < second;
}

/// How many nodes, the fullest first, it takes at least.
static guint fewest_nodes(const Planner *planner)
{
    guint64 seats[NODE_LIMIT], sum = 0;
    guint count = 0;

    for (guint i = 0; i < planner->node_count; i++) {
        seats[i] = planner->nodes[i].seats;
    }
    qsort(seats, planner->node_count, sizeof(*seats), compare_seats);
    while (count < planner->node_count && sum < planner->wanted) {
        sum += seats[count++];
    }
    return MAX(count, 1);
}

/// Moves @places, @count ascending numbers below @limit, to the next such row; FALSE: it was the
/// last.
static gboolean next_row(guint *places, guint count, guint limit)
{
    guint at = count;

    while (at > 0 && places[at - 1] == limit - count + at - 1) {
        at--;
    }
    if (at == 0) {
        return FALSE;
    }
    places[at - 1]++;
    for (; at < count; at++) {
        places[at] = places[at - 1] + 1;
    }
    return TRUE;
}

/// The best choice on any @count nodes; of several that are as good the one with the lowest.
static Choice *choose_on_so_many(Planner *planner, guint count, NodeMask forced)
{
    Choice *best = NULL;
    guint places[NODE_LIMIT];

    for (guint i = 0; i < count; i++) {
        places[i] = i;
    }
    do {
        NodeMask nodes = 0;
        for (guint i = 0; i < count; i++) {
            nodes |= G_GUINT64_CONSTANT(1) << places[i];
        }
        planner->steps--;
        if ((nodes & forced) == forced && seats_on(planner, nodes) >= planner->wanted) {
            consider_nodes(planner, nodes, &best);
        }
    } while (planner->steps > 0 && next_row(places, count, planner->node_count));
    return best;
}

static Choice *choose(Planner *planner)
{
    NodeMask all = planner->node_count < NODE_LIMIT
                       ? (G_GUINT64_CONSTANT(1) << planner->node_count) - 1
                       : G_MAXUINT64;
    NodeMask forced = find_forced(planner);
    Choice *best = NULL;

    if (!stocks_suffice(planner->stocks, planner->needs, planner->demands->len)) {
        return NULL;
    }
    for (guint count = fewest_nodes(planner);
         best == NULL && count <= planner->node_count && planner->steps > 0; count++) {
        best = choose_on_so_many(planner, count, forced);
    }
    if (best == NULL) {
        consider_nodes(planner, all, &best);
    }
    return best;
}

/* Putting vCPUs on seats. */

static gboolean is_chosen(const Planner *planner, const Choice *choice, const Seat *seat)
{
    const Candidate *candidate = seat->candidate;

    return (choice->nodes & mask_of_node(planner, candidate->node)) != 0 &&
           (choice->kind < 0 || candidate->kind == (guint)choice->kind) &&
           hwloc_bitmap_isset(choice->caches.llcs, candidate->llc);
}

/// The seats of the choice. The caller unrefs the array.
static GArray *seats_of_choice(const Planner *planner, const Choice *choice)
{
    GArray *seats = g_array_new(FALSE, FALSE, sizeof(Seat));

    for (guint i = 0; i < planner->seats->len; i++) {
        const Seat *seat = &g_array_index(planner->seats, Seat, i);
        if (is_chosen(planner, choice, seat)) {
            g_array_append_val(seats, *seat);
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
        hwloc_bitmap_set(plan->nodes, candidate->node);
    }
}

static void reserve_core(const Planner *planner, Plan *plan, const Candidate *candidate)
{
    const HostCore *core = planner->request->host->cores->pdata[candidate->core];

    hwloc_bitmap_or(plan->reserved, plan->reserved, core->cpus);
}

static void put_vcpus(const Planner *planner, Plan *plan, const Choice *choice)
{
    g_autoptr(GArray) seats = seats_of_choice(planner, choice);
    g_autoptr(GPtrArray)
        seating = seating_find(seats, planner->demands, planner->request->host->llcs->len);

    for (guint i = 0; i < seating->len; i++) {
        const Demand *demand = planner->demands->pdata[i];
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

/* A core for the other threads alone. */

static gboolean is_spare(const Planner *planner, const Plan *plan, const Candidate *candidate)
{
    return candidate_usable(candidate, planner->worst) > 0 &&
           !hwloc_bitmap_isset(plan->cores, candidate->cpus[0]);
}

/// On the vCPUs' nodes if there is one; the safest, then the lowest.
static const Candidate *find_spare(const Planner *planner, const Plan *plan)
{
    const Candidate *best = NULL;
    gboolean best_local = FALSE;

    for (guint i = 0; i < planner->candidates->len; i++) {
        const Candidate *candidate = planner->candidates->pdata[i];
        gboolean local = hwloc_bitmap_isset(plan->nodes, candidate->node) != 0;
        if (is_spare(planner, plan, candidate) &&
            (best == NULL || local > best_local ||
                (local == best_local && candidate->rank < best->rank))) {
            best = candidate;
            best_local = local;
        }
    }
    return best;
}

/* One CPU: several isolated ones in a mask would pile the threads up on one of them. */
static gboolean place_spare(const Planner *planner, Plan *plan)
{
    const Candidate *spare = find_spare(planner, plan);

    if (spare != NULL) {
        reserve_core(planner, plan, spare);
        hwloc_bitmap_only(plan->others, spare->cpus[0]);
    }
    return spare != NULL;
}

/* One try, and which to try. */

/// A cell's memory lies on its hostnodes, some of which may have no CPUs.
static void add_memory_nodes(const VmConfig *vm, Plan *plan)
{
    for (guint i = 0; i < vm->guest_cells->len; i++) {
        const VmCell *cell = vm->guest_cells->pdata[i];
        if (cell->hostnodes != NULL) {
            hwloc_bitmap_or(plan->nodes, plan->nodes, cell->hostnodes);
        }
    }
}

static void find_seats(Planner *planner)
{
    planner->wanted = 0;
    for (guint i = 0; i < planner->demands->len; i++) {
        planner->needs[i] = ((const Demand *)planner->demands->pdata[i])->units->len;
        planner->wanted += planner->needs[i];
    }
    planner->seats = seats_find(
        planner->candidates, planner->demands, planner->share, planner->worst, planner->left_out);
    planner->stocks = stocks_of(planner->seats);
    find_nodes(planner);
    find_sizes(planner);
}

static Plan *plan_of(Planner *planner, const Choice *choice)
{
    const VmConfig *vm = planner->request->vm;
    g_autoptr(Plan) plan = plan_new(vm->vcpus_present);

    g_array_set_size(plan->vcpus, vm->vcpus_most);
    plan->llcs_differ = host_llcs_differ(planner->request->host);
    put_vcpus(planner, plan, choice);
    if (planner->request->policy->emulator != POLICY_SPARE) {
        others_place(plan, planner->request);
    } else if (!place_spare(planner, plan)) {
        return NULL;
    }
    add_memory_nodes(vm, plan);
    return g_steal_pointer(&plan);
}

static Plan *try_seats(Planner *planner, Choice **choice)
{
    find_seats(planner);
    *choice = planner->seats->len > 0 ? choose(planner) : NULL;
    Plan *plan = *choice != NULL ? plan_of(planner, *choice) : NULL;
    g_array_unref(planner->seats);
    g_array_unref(planner->stocks);
    g_array_unref(planner->sizes);
    return plan;
}

static int compare_for_leaving(gconstpointer a, gconstpointer b, gpointer data)
{
    const Planner *planner = data;
    const Candidate *first = *(Candidate *const *)a, *second = *(Candidate *const *)b;
    guint first_usable = candidate_usable(first, planner->worst);
    guint second_usable = candidate_usable(second, planner->worst);

    if (first_usable != second_usable) {
        return first_usable < second_usable ? -1 : 1;
    }
    return first->core > second->core ? -1 : 1;
}

/// What one try costs beside its steps.
#define LEAVING_STEPS 1000

/// Where the vCPUs would take all cores though they need not: the best plan that leaves one of
/// them, whichever, to the other threads.
static Plan *try_leaving_one(Planner *planner)
{
    g_autoptr(GPtrArray) order = g_ptr_array_copy(planner->candidates, NULL, NULL);
    g_autoptr(Choice) best = NULL;
    Plan *best_plan = NULL;

    g_ptr_array_set_free_func(order, NULL);
    g_ptr_array_sort_with_data(order, compare_for_leaving, planner);
    for (guint i = 0; i < order->len && (best == NULL || planner->steps > 0); i++) {
        g_autoptr(Choice) choice = NULL;
        planner->left_out = order->pdata[i];
        if (candidate_usable(planner->left_out, planner->worst) == 0) {
            continue;
        }
        g_autoptr(Plan) plan = try_seats(planner, &choice);
        planner->steps -= MIN(planner->steps, LEAVING_STEPS);
        if (plan != NULL && compare_choices(choice, best, MEASURES) < 0) {
            plan_free(best_plan);
            choice_free(best);
            best_plan = g_steal_pointer(&plan);
            best = g_steal_pointer(&choice);
        }
    }
    planner->left_out = NULL;
    return best_plan;
}

static Plan *try_plan(Planner *planner, Share share, guint unit)
{
    const Request *request = planner->request;
    g_autoptr(GPtrArray) demands = demands_of(request->vm, unit);
    g_autoptr(Choice) choice = NULL;

    if (demands->len > SEAT_DEMANDS) {
        return NULL;
    }
    planner->share = share;
    planner->demands = demands;
    Plan *plan = try_seats(planner, &choice);
    if (plan == NULL && choice != NULL && share == SHARE_SIBLINGS) {
        plan = try_leaving_one(planner);
    }
    return plan;
}

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

/// The ways to share cores that the VM may be given, the best first; returns how many. A core that
/// another guest shares is not whole: where these are taken, vCPUs on siblings of their own come
/// before more of such cores.
static guint find_shares(const Policy *policy, guint unit, Rank worst, Share shares[2])
{
    guint count = 0;

    if (unit > 1 || policy->smt != POLICY_SMT_AUTO) {
        shares[count++] = unit > 1 ? SHARE_UNIT : SHARE_NONE;
        return count;
    }
    if (worst < RANK_SHARED_WITH_OTHER) {
        shares[count++] = SHARE_NONE;
    }
    shares[count++] = SHARE_SIBLINGS;
    return count;
}

Plan *planner_place(const Request *request)
{
    g_autoptr(GPtrArray)
        candidates = candidates_find(request->host, request->pool->free, request->taken);
    Planner planner = { .request = request, .candidates = candidates, .steps = PLANNER_STEPS };
    guint unit = planner_unit(request->vm, request->policy);
    Plan *plan = NULL;

    for (guint worst = 0; plan == NULL && worst < RANK_COUNT; worst++) {
        Share shares[2];
        guint count = find_shares(request->policy, unit, (Rank)worst, shares);
        planner.worst = (Rank)worst;
        for (guint i = 0; plan == NULL && i < count; i++) {
            plan = try_plan(&planner, shares[i], unit);
        }
    }
    return plan;
}
