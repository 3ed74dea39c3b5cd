/*
 * explain_json.c - an explanation as JSON, for programs.
 */
#include "explain_print.h"

#include "ferula/base/check.h"
#include "ferula/model/histogram.h"

static void add_labels(struct json *j, struct labels ls)
{
    json_object_begin(j);
    for (size_t i = 0; i < ls.n; i++) {
        json_key_str(j, ls.v[i].name);
        json_label(j, ls.v[i].value);
    }
    json_object_end(j);
}

static void add_element(struct json *j, const struct promql_element *e)
{
    struct buf text = {0};

    json_object_begin(j);
    json_key(j, "metric");
    add_labels(j, e->labels);
    json_member_count(j, "samples", e->n_samples);
    json_key(j, "newest");
    json_array_begin(j);
    for (size_t i = 0; i < e->n; i++) {
        json_array_begin(j);
        json_timestamp(j, e->samples[i].t);
        json_sample_value(j, e->samples[i].v);
        json_array_end(j);
    }
    for (size_t i = 0; i < e->n_hists; i++) {
        json_array_begin(j);
        json_timestamp(j, e->hists[i].t);
        buf_reset(&text);
        histogram_print_expression(&text, e->hists[i].h);
        json_label(j, buf_str(&text));
        json_array_end(j);
    }
    json_array_end(j);
    json_object_end(j);
    buf_release(&text);
}

static void add_texts(struct json *j, const char *key, const struct str *v, size_t n)
{
    json_key(j, key);
    json_array_begin(j);
    for (size_t i = 0; i < n; i++)
        json_label(j, v[i]);
    json_array_end(j);
}

static void add_node(struct json *j, const struct promql_node *n, size_t elements)
{
    json_object_begin(j);
    json_member_label(j, "text", n->text);
    json_member_int(j, "parent", n->depth == 0 ? -1 : (int64_t)n->parent);
    json_member_timestamp(j, "at", n->at);
    if (n->has_window) {
        json_key(j, "window");
        json_array_begin(j);
        json_timestamp(j, n->from);
        json_timestamp(j, n->to);
        json_array_end(j);
    }
    if (n->rc != 0) {
        json_member_label(j, "error", n->error);
    } else {
        json_member_cstr(j, "type", promql_type_name(n->type));
        json_member_count(j, "series", n->n_series);
        json_member_count(j, "samples", n->n_samples);
    }
    if (n->rc == 0 && n->type == PROMQL_SCALAR) {
        json_member_sample_value(j, "value", n->scalar.v);
    }
    json_key(j, "elements");
    json_array_begin(j);
    for (size_t i = 0; i < MIN(n->n_elements, elements); i++)
        add_element(j, &n->elements[i]);
    json_array_end(j);
    add_texts(j, "notes", n->notes, n->n_notes);
    json_object_end(j);
}

static void add_autopsy(struct json *j, const struct autopsy *d)
{
    static const char *const likeness[] = {
        [AUTOPSY_SAME_BUT_CASE] = "same but for case",
        [AUTOPSY_NEAR] = "near",
        [AUTOPSY_OTHER_LABEL] = "other label",
        [AUTOPSY_PART] = "matched in part",
        [AUTOPSY_THERE_IS] = "there",
    };

    json_object_begin(j);
    json_member_count(j, "node", d->node);
    json_member_cstr(j, "cause", autopsy_cause_name(d->cause));
    json_member_label(j, "text", d->text);
    json_key(j, "matchers");
    json_array_begin(j);
    for (size_t i = 0; i < d->n_steps; i++) {
        json_object_begin(j);
        json_member_label(j, "matcher", d->steps[i].matcher);
        json_member_count(j, "series", d->steps[i].n_series);
        json_object_end(j);
    }
    json_array_end(j);
    json_key(j, "hints");
    json_array_begin(j);
    for (size_t i = 0; i < d->n_hints; i++) {
        json_object_begin(j);
        json_member_cstr(j, "likeness", likeness[d->hints[i].likeness]);
        json_member_label(j, "label", d->hints[i].label);
        json_member_label(j, "value", d->hints[i].value);
        json_object_end(j);
    }
    json_array_end(j);
    json_object_end(j);
}

void cli__explain_query_json(struct json *j, const struct explained_query *q, size_t elements)
{
    json_member_label(j, "query", q->text);
    if (q->rc != 0)
        json_member_label(j, "error", q->error);
    json_key(j, "nodes");
    json_array_begin(j);
    for (size_t i = 0; i < q->tree.n_nodes; i++)
        add_node(j, &q->tree.nodes[i], elements);
    json_array_end(j);
    json_key(j, "empty");
    json_array_begin(j);
    for (size_t i = 0; i < q->empty.n; i++)
        add_autopsy(j, &q->empty.v[i]);
    json_array_end(j);
    json_key(j, "differing");
    json_array_begin(j);
    for (size_t i = 0; i < q->n_differing; i++) {
        json_object_begin(j);
        json_member_label(j, "label", q->differing[i].name);
        json_member_count(j, "values", q->differing[i].n_values);
        json_member_count(j, "missing", q->differing[i].n_missing);
        json_object_end(j);
    }
    json_array_end(j);
}

/* ---- ScaledObjects ---------------------------------------------------------------------- */

static void add_number(struct json *j, const char *key, int64_t v)
{
    json_member_int(j, key, v);
}

static void add_verdict(struct json *j, const struct explained_trigger *t)
{
    json_key(j, "keda");
    json_object_begin(j);
    json_member_bool(j, "failed", t->verdict.failed);
    json_member_bool(j, "active", t->verdict.active);
    json_member_label(j, "why", t->verdict.why);
    if (!t->verdict.failed) {
        struct buf quantity = {0};

        json_member_sample_value(j, "value", t->verdict.value);
        quantity_print(&quantity, t->verdict.milli);
        json_member_label(j, "quantity", buf_str(&quantity));
        buf_release(&quantity);
    }
    json_object_end(j);
}

void cli__explain_object_json(struct json *j, const struct explained_object *x, size_t elements)
{
    json_object_begin(j);
    json_member_label(j, "name", x->object->name.s);
    json_member_label(j, "namespace", x->object->ns.s);
    json_key(j, "triggers");
    json_array_begin(j);
    for (size_t i = 0; i < x->n_triggers; i++) {
        const struct explained_trigger *t = &x->triggers[i];

        json_object_begin(j);
        json_member_label(j, "type", t->trigger->type.s);
        json_member_label(j, "name", t->trigger->name.s);
        if (!t->asked) {
            json_member_label(j, "text", t->text);
        } else {
            json_member_sample_value(j, "threshold", t->target);
            cli__explain_query_json(j, &t->query, elements);
            add_verdict(j, t);
            add_number(j, "proposal", t->proposal);
        }
        json_object_end(j);
    }
    json_array_end(j);
    add_texts(j, "hpa", x->lines, x->n_lines);
    if (x->known) {
        add_number(j, "current", x->now);
        add_number(j, "replicas", x->replicas);
    }
    json_member_bool(j, "complete", x->complete);
    json_object_end(j);
}

void cli__explain_lint_json(struct json *j, const struct lint_report *r)
{
    json_array_begin(j);
    for (size_t i = 0; i < r->n; i++) {
        json_object_begin(j);
        json_member_label(j, "rule", str_of(r->v[i].rule));
        add_number(j, "line", r->v[i].at.line);
        json_member_label(j, "text", r->v[i].text);
        json_member_label(j, "fix", r->v[i].fix);
        json_object_end(j);
    }
    json_array_end(j);
}
