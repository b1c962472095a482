// SPDX-License-Identifier: LGPL-2.1-or-later
#include "base/flow.h"

#include <string.h>

guint flow_width(const char *text)
{
    guint width = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\033') {
            text = strchrnul(text, 'm');
            if (*text == '\0') {
                break;
            }
        } else {
            width++;
        }
    }
    return width;
}

/// Text under way, and the column that it has come to.
typedef struct {
    GString *out;
    guint column;
} Flow;

static void start_line(Flow *flow, guint indent)
{
    while (flow->out->len > 0 && flow->out->str[flow->out->len - 1] == ' ') {
        g_string_truncate(flow->out, flow->out->len - 1);
    }
    g_string_append_printf(flow->out, "\n%*s", (int)indent, "");
    flow->column = indent;
}

static void add_piece(Flow *flow, const char *piece)
{
    g_string_append(flow->out, piece);
    flow->column += flow_width(piece);
}

/// Whether @item fits from @column on; blanks behind it need not.
static gboolean fits(const char *item, guint column)
{
    g_autofree char *shown = g_strchomp(g_strdup(item));

    return column + flow_width(shown) <= FLOW_COLUMNS;
}

static void add_broken(Flow *flow, guint indent, const char *item)
{
    while (*item != '\0') {
        gsize length = strcspn(item, ", ");
        g_autofree char *piece = g_strndup(item, length + (item[length] != '\0'));
        if (!fits(piece, flow->column)) {
            start_line(flow, indent + FLOW_HANG);
        }
        add_piece(flow, piece);
        item += strlen(piece);
    }
}

static void add_item(Flow *flow, guint indent, const char *item)
{
    if (!fits(item, flow->column) && flow->column > indent) {
        start_line(flow, indent);
    }
    if (fits(item, flow->column)) {
        add_piece(flow, item);
    } else {
        add_broken(flow, indent, item);
        flow->column = FLOW_COLUMNS; // the next item stands out only on a line of its own
    }
}

void flow_append(GString *out, guint indent, const char *between, const GPtrArray *items)
{
    Flow flow = { .out = out };

    for (guint i = 0; i < items->len; i++) {
        g_autofree char *item = g_strconcat(
            items->pdata[i], i + 1 < items->len ? between : "", NULL);
        add_item(&flow, indent, item);
    }
    g_string_append_c(out, '\n');
}
