/*
 * http_source.c - series of a server of Prometheus' API as a source.
 */
#include "http_source.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ferula/base/check.h"
#include "ferula/base/mem.h"
#include "ferula/base/num.h"
#include "form.h"

#define HTTP_SOURCE_MAGIC 0x477b5eacu
#define LOOKBACK_MS       (5 * 60 * 1000)
/* A longer range is read series by series: who asks for it stops early. */
#define WHOLE_RANGE_MS (INT64_C(25) * 3600 * 1000)
/* Beyond these a server may not follow. */
#define LEAST_TIME INT64_C(0)
#define MOST_TIME  INT64_C(4102444800000)

/* An answer, kept: explanations ask the same again and again. */
struct kept {
    struct kept *next;
    struct str question;
    json_t *answer;
};

struct http_source {
    struct source base; /* first */
    uint32_t magic;
    char *url; /* owned */
    const struct config_list *headers;
    dur_ms timeout;
    struct arena arena;
    struct kept *kept;
    int exit_code; /* of the first failure */
    struct fault failure;
    bool skipped;
};

/* A selection that is not read yet. */
struct remote {
    struct http_source *hs;
    struct arena *arena;
    struct str selector;
    struct source_range range;
};

struct remote_series {
    struct remote *remote;
    struct sample *v; /* in the selection's arena */
    size_t n;
    bool read, present; /* the server has it at the end of the range */
};

static struct http_source *from(struct source *src)
{
    struct http_source *hs = (struct http_source *)(void *)src;

    CHECK_MAGIC(hs, HTTP_SOURCE_MAGIC);
    return hs;
}

/* ---- asking ----------------------------------------------------------------------------- */

static int fail(struct http_source *hs, int exit_code, int rc, const char *text, struct fault *f)
{
    if (hs->exit_code == CLI__OK) {
        hs->exit_code = exit_code;
        fault_set(&hs->failure, rc, 0, "%s", text);
    }
    return fault_set(f, rc, 0, "%s", text);
}

static int refused(struct http_source *hs, const struct client_response *resp, const json_t *answer,
                   struct fault *f)
{
    const char *error = json_string_value(json_object_get(answer, "error"));
    struct str body = str_trim(buf_str(&resp->body));
    struct buf b = {0};
    int rc;

    buf_addf(&b, "%s answered %ld", hs->url, resp->status);
    if (error != NULL)
        buf_addf(&b, ": %s", error);
    else if (resp->status / 100 == 2)
        buf_puts(&b, ", but not as Prometheus' API does");
    else if (body.n > 0)
        buf_addf(&b, ": " STR_FMT, (int)MIN(body.n, (size_t)200), body.p);
    rc = fail(hs, CLI__USAGE, FER_EINVAL, b.p, f);
    buf_release(&b);
    return rc;
}

static int request(struct http_source *hs, const char *path, struct str form, json_t **out,
                   struct fault *f)
{
    struct client_request req = {
        .body = form,
        .content_type = form.p != NULL ? "application/x-www-form-urlencoded" : NULL,
        .headers = hs->headers,
        .timeout = hs->timeout,
    };
    struct client_response resp = {0};
    struct buf url = {0};
    struct fault mine = {0};
    int rc;

    buf_addf(&url, "%s%s", hs->url, path);
    req.url = url.p;
    rc = cli__fetch(&req, &resp, &mine);
    if (rc < 0) {
        struct buf text = {0};

        buf_addf(&text, "%s: %s", hs->url, mine.text);
        rc = fail(hs, cli__fetch_exit(rc), rc, text.p, f);
        buf_release(&text);
    } else {
        *out = json_loadb(buf_str(&resp.body).p, resp.body.n, 0, NULL);
        if (resp.status != 200 || json_object_get(*out, "data") == NULL) {
            rc = refused(hs, &resp, *out, f);
            json_decref(*out);
        }
    }
    cli__response_release(&resp);
    buf_release(&url);
    return rc;
}

/* The member "data" of the answer, valid as long as the source is. */
static int ask(struct http_source *hs, const char *path, struct str form, const json_t **data,
               struct fault *f)
{
    struct str question = arena_printf(&hs->arena, "%s " STR_FMT, path, STR_ARG(form));
    struct kept *k;
    json_t *answer = NULL;
    int rc;

    for (k = hs->kept; k != NULL; k = k->next)
        if (str_eq(k->question, question))
            break;
    if (k == NULL) {
        rc = request(hs, path, form, &answer, f);
        if (rc < 0)
            return rc;
        k = arena_new(&hs->arena, struct kept);
        *k = (struct kept){hs->kept, question, answer};
        hs->kept = k;
    }
    *data = json_object_get(k->answer, "data");
    return 0;
}

static void add_bounds(struct buf *form, struct source_range range)
{
    cli__form_add_ms(form, "start", MIN(MAX(range.from, LEAST_TIME), MOST_TIME));
    cli__form_add_ms(form, "end", MIN(MAX(range.to, LEAST_TIME), MOST_TIME));
}

/* {__name__="up",job="x"} */
static struct str print_selector(struct arena *a, const struct matcher *m, size_t n)
{
    struct buf b = {0};
    struct str s;

    buf_putc(&b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_putc(&b, ',');
        matcher_print(&b, &m[i]);
    }
    buf_putc(&b, '}');
    s = arena_str(a, buf_str(&b));
    buf_release(&b);
    return s;
}

/* ---- series ----------------------------------------------------------------------------- */

static struct labels read_labels(struct arena *a, const json_t *metric)
{
    json_t *of = (json_t *)(uintptr_t)metric; /* jansson iterates without changing it */
    size_t n = json_object_size(metric), k = 0;
    struct label *v = arena_array(a, struct label, MAX(n, 1));

    for (void *it = json_object_iter(of); it != NULL; it = json_object_iter_next(of, it)) {
        const char *value = json_string_value(json_object_iter_value(it));

        if (value != NULL && *value != '\0')
            v[k++] = (struct label){arena_str(a, str_of(json_object_iter_key(it))),
                                    arena_str(a, str_of(value))};
    }
    for (size_t i = 1; i < k; i++) /* few: by insertion */
        for (size_t j = i; j > 0 && str_cmp(v[j - 1].name, v[j].name) > 0; j--) {
            struct label swap = v[j];

            v[j] = v[j - 1];
            v[j - 1] = swap;
        }
    return (struct labels){v, k};
}

static int by_labels(const void *a, const void *b)
{
    const struct source_series *x = a, *y = b;

    return labels_cmp(x->labels, y->labels);
}

static int select_series(struct source *src, struct arena *a, const struct matcher *m, size_t n,
                         struct source_range range, struct source_selection **out, struct fault *f)
{
    struct http_source *hs = from(src);
    struct source_selection *sel = arena_new(a, struct source_selection);
    struct remote *remote = arena_new(a, struct remote);
    const json_t *list = NULL;
    struct buf form = {0};
    int rc;

    *remote = (struct remote){hs, a, print_selector(a, m, n), range};
    cli__form_add(&form, "match[]", remote->selector);
    add_bounds(&form, range);
    rc = ask(hs, "/api/v1/series", buf_str(&form), &list, f);
    buf_release(&form);
    if (rc < 0)
        return rc;
    sel->source = src;
    sel->range = range;
    sel->n = json_array_size(list);
    sel->series = arena_array(a, struct source_series, MAX(sel->n, 1));
    for (size_t i = 0; i < sel->n; i++) {
        struct remote_series *s = arena_new(a, struct remote_series);

        s->remote = remote;
        sel->series[i] = (struct source_series){read_labels(a, json_array_get(list, i)), s};
    }
    if (sel->n > 1)
        qsort(sel->series, sel->n, sizeof(*sel->series), by_labels);
    *out = sel;
    return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

static struct sample read_sample(const json_t *pair)
{
    const char *value = json_string_value(json_array_get(pair, 1));
    struct sample s = {.t = llround(json_number_value(json_array_get(pair, 0)) * 1000)};

    if (value == NULL || !num_parse(str_of(value), &s.v, NULL))
        s.v = f64_from_bits(NORMAL_NAN_BITS);
    return s;
}

static int instant(struct http_source *hs, struct str query, ts_ms at, const json_t **result,
                   struct fault *f)
{
    struct buf form = {0};
    const json_t *data = NULL;
    int rc;

    cli__form_add(&form, "query", query);
    cli__form_add_ms(&form, "time", MIN(MAX(at, LEAST_TIME), MOST_TIME));
    rc = ask(hs, "/api/v1/query", buf_str(&form), &data, f);
    buf_release(&form);
    if (rc == 0)
        *result = json_object_get(data, "result");
    return rc;
}

static struct remote_series *find(const struct source_selection *sel, struct labels ls)
{
    const struct source_series key = {.labels = ls};
    const struct source_series *s =
        bsearch(&key, sel->series, sel->n, sizeof(*sel->series), by_labels);

    return s == NULL ? NULL : s->data;
}

static void take_samples(const struct source_selection *sel, struct remote *r, const json_t *result)
{
    for (size_t i = 0; i < json_array_size(result); i++) {
        const json_t *one = json_array_get(result, i), *values = json_object_get(one, "values");
        struct remote_series *s = find(sel, read_labels(r->arena, json_object_get(one, "metric")));

        r->hs->skipped |= json_array_size(json_object_get(one, "histograms")) > 0;
        if (s == NULL) /* it has come since */
            continue;
        s->v = arena_array(r->arena, struct sample, json_array_size(values) + 1);
        s->n = 0;
        for (size_t k = 0; k < json_array_size(values); k++) {
            struct sample one_sample = read_sample(json_array_get(values, k));

            if (one_sample.t >= r->range.from) /* before Prometheus 3 a range has its start, too */
                s->v[s->n++] = one_sample;
        }
    }
}

/* Series that the server leaves out at the end of the range, although they had samples just before,
 * have ended. */
static void take_ends(const struct source_selection *sel, struct remote *r, const json_t *present)
{
    for (size_t i = 0; i < json_array_size(present); i++) {
        const json_t *metric = json_object_get(json_array_get(present, i), "metric");
        struct remote_series *s = find(sel, read_labels(r->arena, metric));

        if (s != NULL)
            s->present = true;
    }
    for (size_t i = 0; i < sel->n; i++) {
        struct remote_series *s = sel->series[i].data;

        if (s->present || s->n == 0 || s->v[s->n - 1].t <= r->range.to - LOOKBACK_MS ||
            s->v[s->n - 1].t >= r->range.to)
            continue;
        s->v[s->n] = (struct sample){s->v[s->n - 1].t + 1, f64_from_bits(STALE_NAN_BITS)};
        s->n++;
    }
}

static int fetch_samples(const struct source_selection *sel, struct remote *r, struct str selector,
                         struct fault *f)
{
    ts_ms start = MAX(r->range.from, LEAST_TIME), end = MIN(r->range.to, MOST_TIME);
    struct str query = arena_printf(r->arena, STR_FMT "[%lldms]", STR_ARG(selector),
                                    (long long)MAX(end - start + 1, 1));
    const json_t *result = NULL;
    int rc = instant(r->hs, query, end, &result, f);

    if (rc < 0)
        return rc;
    take_samples(sel, r, result);
    rc = instant(r->hs, selector, end, &result, f);
    if (rc == 0)
        take_ends(sel, r, result);
    return rc;
}

static int read_series(const struct source_selection *sel, size_t i, struct series_samples *out,
                       struct fault *f)
{
    struct remote_series *s = sel->series[i].data;
    struct remote *r = s->remote;
    bool all = sel->range.to - sel->range.from <= WHOLE_RANGE_MS;
    int rc = 0;

    if (!s->read) {
        struct buf b = {0};

        labels_print(&b, sel->series[i].labels);
        rc = fetch_samples(sel, r, all ? r->selector : buf_str(&b), f);
        buf_release(&b);
        for (size_t k = 0; k < sel->n && all; k++)
            ((struct remote_series *)sel->series[k].data)->read = true;
        s->read = true;
    }
    series_samples_reset(out);
    for (size_t k = 0; k < s->n && rc == 0; k++)
        sample_vec_push(&out->f, s->v[k]);
    return rc;
}

/* ---- labels ----------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;

    return str_cmp(*x, *y);
}

static int names(struct http_source *hs, struct arena *a, const char *path, struct str form,
                 struct str **out, size_t *n, struct fault *f)
{
    struct buf get = {0};
    const json_t *list = NULL;
    struct str *v;
    int rc;

    /* By GET: only that does for the values of a label. */
    buf_addf(&get, "%s?" STR_FMT, path, STR_ARG(form));
    rc = ask(hs, get.p, (struct str){0}, &list, f);
    buf_release(&get);
    if (rc < 0)
        return rc;
    v = arena_array(a, struct str, json_array_size(list) + 1);
    for (*n = 0; *n < json_array_size(list); (*n)++)
        v[*n] = arena_str(a, str_of(json_string_value(json_array_get(list, *n))));
    qsort(v, *n, sizeof(*v), by_text);
    *out = v;
    return 0;
}

static struct buf names_form(struct arena *a, const struct matcher *m, size_t n,
                             struct source_range range)
{
    struct buf form = {0};

    if (n > 0)
        cli__form_add(&form, "match[]", print_selector(a, m, n));
    add_bounds(&form, range);
    return form;
}

static int label_names(struct source *src, struct arena *a, const struct matcher *m, size_t n,
                       struct source_range range, struct str **out, size_t *n_out, struct fault *f)
{
    struct buf form = names_form(a, m, n, range);
    int rc = names(from(src), a, "/api/v1/labels", buf_str(&form), out, n_out, f);

    buf_release(&form);
    return rc;
}

static int label_values(struct source *src, struct arena *a, struct str name,
                        const struct matcher *m, size_t n, struct source_range range,
                        struct str **out, size_t *n_out, struct fault *f)
{
    struct buf form = names_form(a, m, n, range), path = {0};
    int rc;

    buf_puts(&path, "/api/v1/label/");
    cli__form_escape(&path, name);
    buf_puts(&path, "/values");
    rc = names(from(src), a, path.p, buf_str(&form), out, n_out, f);
    buf_release(&path);
    buf_release(&form);
    return rc;
}

/* ---- the source ------------------------------------------------------------------------- */

static const struct source_ops ops = {
    .select = select_series,
    .read = read_series,
    .label_names = label_names,
    .label_values = label_values,
};

struct http_source *cli__http_source_new(const char *url, const struct config_list *headers,
                                         dur_ms timeout)
{
    struct http_source *hs = xnew(struct http_source);

    *hs = (struct http_source){
        .base.ops = &ops,
        .magic = HTTP_SOURCE_MAGIC,
        .url = cli__base_url(url),
        .headers = headers,
        .timeout = timeout,
    };
    return hs;
}

void cli__http_source_free(struct http_source *hs)
{
    if (hs == NULL)
        return;
    CHECK_MAGIC(hs, HTTP_SOURCE_MAGIC);
    for (struct kept *k = hs->kept; k != NULL; k = k->next)
        json_decref(k->answer);
    arena_release(&hs->arena);
    free(hs->url);
    free(hs);
}

struct source *cli__http_source_base(struct http_source *hs)
{
    return &hs->base;
}

int cli__http_source_failed(const struct http_source *hs, struct fault *f)
{
    if (hs->exit_code != CLI__OK)
        *f = hs->failure;
    return hs->exit_code;
}

bool cli__http_source_skipped(const struct http_source *hs)
{
    return hs->skipped;
}
