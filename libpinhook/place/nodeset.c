// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place/nodeset.h"

NodeSet nodeset_new(const Nodes *nodes, guint count)
{
    return (NodeSet){ .nodes = nodes, .left = count, .open = nodes_all(nodes) };
}

NodeSet nodeset_with(const NodeSet *set, guint place)
{
    const guint64 *distances = set->nodes->distances[place];
    NodeSet with = *set;

    with.chosen |= NODE_BIT(place);
    with.open &= ~NODE_BIT(place);
    with.left--;
    with.distance += set->to_each[place] + distances[place];
    for (guint i = 0; i < set->nodes->count; i++) {
        with.to_each[i] += distances[i];
    }
    return with;
}

static guint64 sum_of(const NodeSum *sum, NodeMask nodes)
{
    guint64 total = 0;

    for (; nodes != 0; nodes &= nodes - 1) {
        total += sum->of[__builtin_ctzll(nodes)];
    }
    return total;
}

/// The first @count of @open by the order of @sum, all where they are fewer.
static NodeMask first_of(const NodeSet *set, const NodeSum *sum, guint count)
{
    NodeMask first = 0;

    for (guint i = 0; count > 0 && i < set->nodes->count; i++) {
        NodeMask bit = NODE_BIT(sum->order[i]);
        if ((set->open & bit) != 0) {
            first |= bit;
            count--;
        }
    }
    return first;
}

guint64 nodeset_sum(const NodeSet *set, const NodeSum *sum)
{
    return sum_of(sum, set->chosen | first_of(set, sum, set->left));
}

gboolean nodeset_narrow(NodeSet *set, const NodeSum *sum, guint64 wanted, NodeMask *needed)
{
    guint64 have = sum_of(sum, set->chosen);
    NodeMask first = first_of(set, sum, set->left);
    guint64 most = sum_of(sum, first);

    if (have + most < wanted) {
        return FALSE;
    }
    if (have >= wanted || set->left == 0) {
        return TRUE;
    }
    guint64 spare = have + most - wanted;
    guint64 next = sum_of(sum, first_of(set, sum, set->left + 1) & ~first);
    guint64 last = most - sum_of(sum, first_of(set, sum, set->left - 1));
    for (NodeMask rest = set->open; rest != 0; rest &= rest - 1) {
        guint place = (guint)__builtin_ctzll(rest);
        if ((first & NODE_BIT(place)) == 0) {
            set->open &= sum->of[place] + spare < last ? ~NODE_BIT(place) : G_MAXUINT64;
        } else if (sum->of[place] > spare + next) {
            *needed |= NODE_BIT(place);
        }
    }
    return TRUE;
}

guint64 nodeset_remote_devices(const NodeSet *set)
{
    guint64 local = nodeset_sum(set, &set->nodes->most_devices);

    return set->nodes->devices - MIN(local, set->nodes->devices);
}

/// From @place to the @count nearest of @open together.
static guint64 to_nearest(const NodeSet *set, guint place, guint count)
{
    const Nodes *nodes = set->nodes;
    guint64 total = 0;

    for (guint i = 0; count > 0 && i + 1 < nodes->count; i++) {
        guint other = nodes->near[place][i];
        if ((set->open & NODE_BIT(other)) != 0) {
            total += nodes->distances[place][other];
            count--;
        }
    }
    return total;
}

/// Puts @number among the @count least, ascending.
static void keep_least(guint64 *least, guint *kept, guint count, guint64 number)
{
    guint at = *kept;

    if (at == count && number >= least[count - 1]) {
        return;
    }
    at = MIN(at, count - 1);
    for (; at > 0 && least[at - 1] > number; at--) {
        least[at] = least[at - 1];
    }
    least[at] = number;
    *kept = MIN(*kept + 1, count);
}

/* Each node to come adds at least its way to those chosen and to its nearest others; of the ways
 * among those to come each is told twice. */
guint64 nodeset_distance(const NodeSet *set)
{
    const Nodes *nodes = set->nodes;
    guint64 least[NODE_LIMIT], twice = 0;
    guint kept = 0;

    for (NodeMask rest = set->left > 0 ? set->open : 0; rest != 0; rest &= rest - 1) {
        guint place = (guint)__builtin_ctzll(rest);
        guint64 own = set->to_each[place] + nodes->distances[place][place];
        keep_least(least, &kept, set->left, 2 * own + to_nearest(set, place, set->left - 1));
    }
    for (guint i = 0; i < kept; i++) {
        twice += least[i];
    }
    return set->distance + (twice + 1) / 2;
}

/// What is known only where nothing is to come: of LLCs with the most seats as many as it takes.
static guint64 count_llcs(const NodeSet *set)
{
    guint64 left = set->nodes->offer->wanted, count = 0;

    for (guint i = 0; i < set->nodes->sizes->len && left > 0; i++) {
        const LlcSize *size = &g_array_index(set->nodes->sizes, LlcSize, i);
        guint64 llcs = 0;
        for (NodeMask rest = set->chosen; rest != 0; rest &= rest - 1) {
            llcs += size->llcs[__builtin_ctzll(rest)];
        }
        llcs = MIN(llcs, (left + size->seats - 1) / size->seats);
        left -= MIN(left, llcs * size->seats);
        count += llcs;
    }
    return count;
}

guint64 nodeset_llcs(const NodeSet *set)
{
    guint64 fewest = nodes_fewest_llcs(set->nodes, nodeset_sum(set, &set->nodes->most_over));

    return set->left > 0 ? fewest : MAX(fewest, count_llcs(set));
}

/// What of @have is not wanted.
static guint64 left_of(const NodeSet *set, guint64 have)
{
    return have - MIN(have, set->nodes->offer->wanted);
}

/// Whether any fewer nodes have too few seats: there is a vCPU on each, then.
static gboolean takes_all(const NodeSet *set)
{
    guint count = (guint)__builtin_popcountll(set->chosen) + set->left;
    NodeSet fewer = nodeset_new(set->nodes, count - 1);

    return nodeset_sum(&fewer, &set->nodes->most_seats) < set->nodes->offer->wanted;
}

guint64 nodeset_llc_left(const NodeSet *set)
{
    return takes_all(set) ? left_of(set, nodeset_sum(set, &set->nodes->least_of_llc)) : 0;
}

guint64 nodeset_host_llcs(const NodeSet *set)
{
    return takes_all(set) ? nodeset_sum(set, &set->nodes->least_of_host) : 0;
}

guint64 nodeset_node_left(const NodeSet *set)
{
    return left_of(set, nodeset_sum(set, &set->nodes->least_seats));
}
