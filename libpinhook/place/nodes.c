// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/nodes.h"

#include <string.h>

/* Sums. */

void nodes_sort(NodeSum *sum, guint count, gboolean most)
{
    for (guint i = 0; i < count; i++) {
        guint at = i;
        for (; at > 0 && (most ? sum->of[i] > sum->of[sum->order[at - 1]]
                               : sum->of[i] < sum->of[sum->order[at - 1]]);
             at--) {
            sum->order[at] = sum->order[at - 1];
        }
        sum->order[at] = (guint8)i;
    }
}

/// Of the first @count nodes.
static guint64 best_sum(const NodeSum *sum, guint count)
{
    guint64 total = 0;

    for (guint i = 0; i < count; i++) {
        total += sum->of[sum->order[i]];
    }
    return total;
}

/* LLCs by their number of seats. */

static int compare_sizes(gconstpointer a, gconstpointer b)
{
    const LlcSize *first = a, *second = b;

    return first->seats > second->seats ? -1 : first->seats < second->seats;
}

static LlcSize *size_of(GArray *sizes, guint64 seats)
{
    for (guint i = 0; i < sizes->len; i++) {
        LlcSize *size = &g_array_index(sizes, LlcSize, i);
        if (size->seats == seats) {
            return size;
        }
    }
    LlcSize size = { .seats = seats };
    g_array_append_val(sizes, size);
    return &g_array_index(sizes, LlcSize, sizes->len - 1);
}

static void add_llc(Nodes *nodes, const Stock *stocks, guint count)
{
    guint64 seats = 0, on[NODE_LIMIT] = { 0 };

    for (guint i = 0; i < count; i++) {
        int place = nodes_place(nodes, stocks[i].node);
        if (place >= 0) {
            on[place] += stocks[i].count;
        }
        seats += stocks[i].count;
    }
    LlcSize *size = size_of(nodes->sizes, seats);
    for (guint i = 0; i < nodes->count; i++) {
        guint64 *least = &nodes->least_of_llc.of[i];
        size->llcs[i] += on[i] > 0;
        *least = on[i] > 0 && (*least == 0 || on[i] < *least) ? on[i] : *least;
        nodes->least_of_host.of[i] &= on[i] == 0 || nodes->caches->host[stocks[0].llc];
    }
}

/// The largest first.
static void find_sizes(Nodes *nodes)
{
    const GArray *stocks = nodes->offer->stocks;

    nodes->sizes = g_array_new(FALSE, FALSE, sizeof(LlcSize));
    for (guint i = 0, count; i < stocks->len; i += count) {
        count = stocks_of_llc(stocks, i);
        add_llc(nodes, &g_array_index(stocks, Stock, i), count);
    }
    g_array_sort(nodes->sizes, compare_sizes);
}

static void find_over(Nodes *nodes, guint64 llc_size)
{
    NodeSum *over = &nodes->most_over;

    nodes->llc_size = llc_size;
    memset(over->of, 0, sizeof(over->of));
    for (guint i = 0; i < nodes->sizes->len; i++) {
        const LlcSize *size = &g_array_index(nodes->sizes, LlcSize, i);
        for (guint j = 0; size->seats > llc_size && j < nodes->count; j++) {
            over->of[j] += size->llcs[j] * (size->seats - llc_size);
        }
    }
    nodes_sort(over, nodes->count, TRUE);
}

guint64 nodes_fewest_llcs(const Nodes *nodes, guint64 over)
{
    guint64 wanted = nodes->offer->wanted - MIN(over, nodes->offer->wanted);

    return (wanted + nodes->llc_size - 1) / nodes->llc_size;
}

static void find_llc_size(Nodes *nodes, guint count)
{
    guint64 most = 0;
    guint64 best = g_array_index(nodes->sizes, LlcSize, 0).seats;

    for (guint i = 0; i < nodes->sizes->len; i++) {
        guint64 size = g_array_index(nodes->sizes, LlcSize, i).seats;
        find_over(nodes, size);
        guint64 llcs = nodes_fewest_llcs(nodes, best_sum(&nodes->most_over, count));
        best = llcs > most ? size : best;
        most = MAX(most, llcs);
    }
    find_over(nodes, best);
}

/* Distances. */

static void find_near(Nodes *nodes, guint place)
{
    const guint64 *distances = nodes->distances[place];
    guint8 *near = nodes->near[place];
    guint count = 0;

    for (guint i = 0; i < nodes->count; i++) {
        guint at = count;
        for (; i != place && at > 0 && distances[near[at - 1]] > distances[i]; at--) {
            near[at] = near[at - 1];
        }
        near[at] = (guint8)i;
        count += i != place;
    }
}

static void find_distances(Nodes *nodes)
{
    const Host *host = nodes->request->host;

    for (guint i = 0; i < nodes->count; i++) {
        guint from = nodes->all[i].index;
        for (guint j = 0; j < nodes->count; j++) {
            guint to = nodes->all[j].index;
            nodes->distances[i][j] = host_distance(host, from, to);
            nodes->distances[i][j] += i != j ? host_distance(host, to, from) : 0;
        }
    }
    for (guint i = 0; i < nodes->count; i++) {
        find_near(nodes, i);
    }
}

/* Nodes that are alike. */

static int compare_texts(gconstpointer a, gconstpointer b)
{
    const GString *first = *(GString *const *)a, *second = *(GString *const *)b;
    int differ = memcmp(first->str, second->str, MIN(first->len, second->len));

    return differ != 0 ? differ : first->len < second->len ? -1 : first->len > second->len;
}

static void free_text(gpointer text)
{
    g_string_free(text, TRUE);
}

/// All that counts of an LLC but its number. That of several nodes is like no other.
static GString *describe_llc(const Nodes *nodes, const Stock *stocks, guint count, guint node)
{
    guint llc = stocks[0].llc;
    GString *text = g_string_new(NULL);

    g_string_append_printf(
        text, "%" G_GUINT64_FORMAT " %d", nodes->caches->sizes_kib[llc], nodes->caches->host[llc]);
    for (guint i = 0; i < count; i++) {
        g_string_append_printf(text, " %u:%" G_GUINT64_FORMAT ":%u:%d", stocks[i].grade,
            stocks[i].fits, stocks[i].count, stocks[i].first_core);
        if (stocks[i].node != node) {
            g_string_append_printf(text, "@%u", node);
        }
    }
    return text;
}

/// The LLCs of each node, in words.
static GPtrArray **describe_llcs(const Nodes *nodes)
{
    const GArray *stocks = nodes->offer->stocks;
    GPtrArray **texts = g_new(GPtrArray *, nodes->count);

    for (guint i = 0; i < nodes->count; i++) {
        texts[i] = g_ptr_array_new_with_free_func(free_text);
    }
    for (guint i = 0, count; i < stocks->len; i += count) {
        const Stock *first = &g_array_index(stocks, Stock, i);
        count = stocks_of_llc(stocks, i);
        for (guint j = 0; j < count; j++) {
            int place = nodes_place(nodes, first[j].node);
            if (place >= 0 && (j == 0 || first[j].node != first[j - 1].node)) {
                g_ptr_array_add(texts[place], describe_llc(nodes, first, count, first[j].node));
            }
        }
    }
    return texts;
}

/// All that counts of a node but its number, its distances and its memory.
static char *describe_node(const Nodes *nodes, guint place, GPtrArray *llcs)
{
    GString *text = g_string_new(NULL);

    g_string_printf(
        text, "%u %" G_GUINT64_FORMAT, nodes->all[place].package, nodes->most_devices.of[place]);
    g_ptr_array_sort(llcs, compare_texts);
    for (guint i = 0; i < llcs->len; i++) {
        g_string_append_printf(text, "|%s", ((const GString *)llcs->pdata[i])->str);
    }
    return g_string_free(text, FALSE);
}

static void find_words(Nodes *nodes)
{
    GPtrArray **llcs = describe_llcs(nodes);

    for (guint i = 0; i < nodes->count; i++) {
        nodes->all[i].like = describe_node(nodes, i, llcs[i]);
        g_ptr_array_unref(llcs[i]);
    }
    g_free(llcs);
}

static gboolean are_as_far(const Nodes *nodes, guint a, guint b)
{
    gboolean same = nodes->distances[a][a] == nodes->distances[b][b];

    for (guint i = 0; same && i < nodes->count; i++) {
        same = i == a || i == b || nodes->distances[a][i] == nodes->distances[b][i];
    }
    return same;
}

/// Memory does not count where any @count nodes have enough for the VM.
static gboolean counts_memory(const Nodes *nodes, guint count)
{
    return nodes->request->vm->guest_cells->len > 0 ||
           best_sum(&nodes->least_memory, count) < nodes->request->vm->memory_mib;
}

static void find_alike(Nodes *nodes, gboolean memory)
{
    const guint64 *mib = nodes->least_memory.of;

    for (guint i = 0; i < nodes->count; i++) {
        Node *node = &nodes->all[i];
        node->alike = i;
        for (guint j = 0; j < i && node->alike == i; j++) {
            if (strcmp(node->like, nodes->all[j].like) == 0 && (!memory || mib[i] == mib[j]) &&
                are_as_far(nodes, i, j)) {
                node->alike = nodes->all[j].alike;
            }
        }
    }
}

void nodes_aim(Nodes *nodes, guint count)
{
    find_llc_size(nodes, count);
    find_alike(nodes, counts_memory(nodes, count));
}

/* What they have. */

static int compare_nodes(gconstpointer a, gconstpointer b)
{
    const Node *first = a, *second = b;

    return first->index < second->index ? -1 : first->index > second->index;
}

int nodes_place(const Nodes *nodes, guint index)
{
    guint low = 0, high = nodes->count;

    while (low < high) {
        guint middle = (low + high) / 2;
        if (nodes->all[middle].index < index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < nodes->count && nodes->all[low].index == index ? (int)low : -1;
}

NodeMask nodes_all(const Nodes *nodes)
{
    return nodes->count < NODE_LIMIT ? NODE_BIT(nodes->count) - 1 : G_MAXUINT64;
}

/// Seats come in the order of Host's cores, which is by node.
static void find_nodes(Nodes *nodes)
{
    const Host *host = nodes->request->host;
    const GArray *seats = nodes->offer->seats;

    for (guint i = 0; i < seats->len; i++) {
        const Candidate *candidate = g_array_index(seats, Seat, i).candidate;
        const HostCore *core = host->cores->pdata[candidate->core];
        gboolean known = nodes->count > 0 && nodes->all[nodes->count - 1].index == core->node;
        if (!known && nodes->count < NODE_LIMIT) {
            nodes->all[nodes->count++] = (Node){ .index = core->node,
                .package = core->package,
                .memory_mib = host_node_available_mib(
                    host_node(host, core->node), nodes->request->vm->hugepages) };
        }
    }
    qsort(nodes->all, nodes->count, sizeof(*nodes->all), compare_nodes);
    for (guint i = 0; i < nodes->count; i++) {
        nodes->least_memory.of[i] = MIN(nodes->all[i].memory_mib, nodes->request->vm->memory_mib);
        nodes->least_of_host.of[i] = 1;
    }
}

static void count_seats(Nodes *nodes)
{
    const GArray *stocks = nodes->offer->stocks;

    for (guint i = 0; i < stocks->len; i++) {
        const Stock *stock = &g_array_index(stocks, Stock, i);
        int place = nodes_place(nodes, stock->node);
        if (place >= 0) {
            nodes->most_seats.of[place] += stock->count;
            nodes->least_seats.of[place] += stock->count;
        }
    }
}

static void count_devices(Nodes *nodes)
{
    const GPtrArray *devices = nodes->request->devices;

    for (guint i = 0; devices != NULL && i < devices->len; i++) {
        int node = ((const Device *)devices->pdata[i])->node;
        int place = node >= 0 ? nodes_place(nodes, (guint)node) : -1;
        if (place >= 0) {
            nodes->most_devices.of[place]++;
            nodes->devices++;
        }
    }
}

Nodes *nodes_of(const Offer *offer, const Request *request, const Caches *caches)
{
    Nodes *nodes = g_new0(Nodes, 1);

    nodes->offer = offer;
    nodes->caches = caches;
    nodes->request = request;
    find_nodes(nodes);
    count_seats(nodes);
    count_devices(nodes);
    find_sizes(nodes);
    find_distances(nodes);
    find_words(nodes);
    nodes_sort(&nodes->most_seats, nodes->count, TRUE);
    nodes_sort(&nodes->least_seats, nodes->count, FALSE);
    nodes_sort(&nodes->most_devices, nodes->count, TRUE);
    nodes_sort(&nodes->least_of_llc, nodes->count, FALSE);
    nodes_sort(&nodes->least_of_host, nodes->count, FALSE);
    nodes_sort(&nodes->least_memory, nodes->count, FALSE);
    return nodes;
}

void nodes_free(Nodes *nodes)
{
    if (nodes != NULL) {
        for (guint i = 0; i < nodes->count; i++) {
            g_free(nodes->all[i].like);
        }
        g_array_unref(nodes->sizes);
        g_free(nodes);
    }
}
