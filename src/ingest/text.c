/*
 * text.c - text exposition 0.0.4 and OpenMetrics 1.0.
 *
 * One recursive-descent parser for both; what differs: timestamps (milliseconds, or seconds with a
 * fraction), exemplars and UNIT lines, line ends inside label values (0.0.4 only), and the `# EOF`
 * that must end OpenMetrics. More lenient than Prometheus where nothing can be misread: CRLF, blank
 * lines and several blanks between parts are fine in both formats.
 */
#include <math.h>

#include "ferula/base/check.h"
#include "ferula/base/num.h"

#include "text_group.h"

struct parser {
    struct arena *a;
    const char *base, *p, *end;
    bool openmetrics;
    bool ended; /* # EOF was seen */
    ts_ms now;
    struct fault *f;
    struct text_group group;
    struct label *labels; /* of the line at hand; in the arena, reused */
    size_t n_labels, cap_labels;
    bool named; /* labels[0] is __name__ */
};

static int fail(const struct parser *ps, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(const struct parser *ps, const char *at, const char *fmt, ...)
{
    size_t line = 1;
    struct fault what;
    va_list ap;

    for (const char *p = ps->base; p < at; p++)
        line += *p == '\n';
    va_start(ap, fmt);
    (void)fault_vset(&what, FER_EINVAL, 0, fmt, ap);
    va_end(ap);
    return fault_set(ps->f, FER_EINVAL, (size_t)(at - ps->base), "line %zu: %.500s", line,
                     what.text);
}

/* ---- characters and tokens -------------------------------------------------------------- */

static bool at_line_end(const struct parser *ps)
{
    return ps->p == ps->end || *ps->p == '\n' ||
           (*ps->p == '\r' && (ps->p + 1 == ps->end || ps->p[1] == '\n'));
}

static bool at_char(const struct parser *ps, char c)
{
    return ps->p < ps->end && *ps->p == c;
}

static void skip_blanks(struct parser *ps)
{
    while (at_char(ps, ' ') || at_char(ps, '\t'))
        ps->p++;
}

static void next_line(struct parser *ps)
{
    if (at_char(ps, '\r'))
        ps->p++;
    if (at_char(ps, '\n'))
        ps->p++;
}

static struct str rest_of_line(struct parser *ps)
{
    const char *from = ps->p;

    while (!at_line_end(ps))
        ps->p++;
    return (struct str){from, (size_t)(ps->p - from)};
}

static struct str word(struct parser *ps)
{
    const char *from = ps->p;

    while (!at_line_end(ps) && *ps->p != ' ' && *ps->p != '\t')
        ps->p++;
    return (struct str){from, (size_t)(ps->p - from)};
}

/* [a-zA-Z_][a-zA-Z0-9_]*, with colons too in the names of metrics. Empty when there is none. */
static struct str bare_name(struct parser *ps, bool colons)
{
    const char *from = ps->p;

    for (; ps->p < ps->end; ps->p++) {
        char c = *ps->p;
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        if (!letter && !(colons && c == ':') && !(c >= '0' && c <= '9' && ps->p > from))
            break;
    }
    return (struct str){from, (size_t)(ps->p - from)};
}

/* \\ and \n, and \" where `quotes`; a backslash before anything else stands for itself. */
static struct str unescape(struct arena *a, struct str s, bool quotes)
{
    char *out, *at;

    if (s.n == 0 || memchr(s.p, '\\', s.n) == NULL)
        return s;
    out = at = (char *)arena_alloc_raw(a, s.n, 1);
    for (size_t i = 0; i < s.n; i++) {
        char next = i + 1 < s.n ? s.p[i + 1] : '\0';

        if (s.p[i] == '\\' && (next == '\\' || next == 'n' || (quotes && next == '"'))) {
            *at++ = next == 'n' ? '\n' : next;
            i++;
        } else {
            *at++ = s.p[i];
        }
    }
    return (struct str){out, (size_t)(at - out)};
}

/* At an opening quote. */
static int quoted(struct parser *ps, struct str *out)
{
    const char *from = ps->p++;

    while (ps->p < ps->end && *ps->p != '"') {
        if (ps->openmetrics && *ps->p == '\n')
            break;
        ps->p += *ps->p == '\\' && ps->end - ps->p > 1 ? 2 : 1;
    }
    if (!at_char(ps, '"'))
        return fail(ps, from, "a quoted text does not end");
    *out = unescape(ps->a, (struct str){from + 1, (size_t)(ps->p - from - 1)}, true);
    ps->p++;
    if (!utf8_valid(*out))
        return fail(ps, from, "a quoted text is not valid UTF-8");
    return 0;
}

/* A name, bare or quoted; empty when there is neither. */
static int name(struct parser *ps, bool colons, struct str *out)
{
    if (at_char(ps, '"'))
        return quoted(ps, out);
    *out = bare_name(ps, colons);
    return 0;
}

static struct str shown(struct str s)
{
    return (struct str){s.p, MIN(s.n, 60)};
}

/* What stands where something else was expected, for errors. */
static int unexpected(struct parser *ps, const char *expected)
{
    const char *at = ps->p;
    struct str got = shown(word(ps));

    if (got.n == 0)
        return fail(ps, at, "expected %s, got the end of the line", expected);
    return fail(ps, at, "expected %s, got \"" STR_FMT "\"", expected, STR_ARG(got));
}

static int number(struct parser *ps, const char *what, double *out)
{
    const char *at = ps->p;
    struct str s = word(ps);
    bool range = false;
    bool odd = false;

    if (s.n == 0) {
        ps->p = at;
        return unexpected(ps, what);
    }
    for (size_t i = 0; i < s.n; i++) /* forms that only Go's own floats have */
        odd = odd || s.p[i] == 'p' || s.p[i] == 'P' || s.p[i] == '_';
    if (odd || !num_parse(s, out, &range) || range)
        return fail(ps, at, "%s \"" STR_FMT "\" is not a number%s", what, STR_ARG(shown(s)),
                    range ? " that a double can hold" : "");
    if (isnan(*out))
        *out = f64_from_bits(NORMAL_NAN_BITS);
    return 0;
}

/* ---- samples ---------------------------------------------------------------------------- */

static void add_label(struct parser *ps, struct str label_name, struct str value)
{
    ARENA_GROW(ps->a, ps->labels, ps->n_labels, ps->cap_labels, struct label);
    ps->labels[ps->n_labels++] = (struct label){label_name, value};
}

/* One name="value", or "metric name" where a name may be set. */
static int label_pair(struct parser *ps, bool exemplar)
{
    bool is_quoted = at_char(ps, '"');
    const char *at = ps->p;
    struct str label_name, value;
    int rc = name(ps, false, &label_name);

    if (rc < 0)
        return rc;
    if (label_name.n == 0)
        return is_quoted ? fail(ps, at, "a name is empty") : unexpected(ps, "a label name");
    skip_blanks(ps);
    if (is_quoted && !exemplar && (at_char(ps, ',') || at_char(ps, '}'))) {
        if (ps->named)
            return fail(ps, at, "the metric name is set already");
        ps->named = true;
        add_label(ps, STR(LABEL_NAME), label_name);
        return 0;
    }
    if (!at_char(ps, '='))
        return unexpected(ps, "\"=\" after a label name");
    ps->p++;
    skip_blanks(ps);
    if (!at_char(ps, '"'))
        return unexpected(ps, "a quoted label value");
    rc = quoted(ps, &value);
    if (rc == 0)
        add_label(ps, label_name, value);
    return rc;
}

/* Behind the opening brace; a comma before the closing one is allowed. */
static int label_list(struct parser *ps, bool exemplar)
{
    skip_blanks(ps);
    while (!at_char(ps, '}')) {
        int rc = label_pair(ps, exemplar);

        if (rc < 0)
            return rc;
        skip_blanks(ps);
        if (at_char(ps, ','))
            ps->p++;
        else if (!at_char(ps, '}'))
            return unexpected(ps, "\",\" or \"}\" after a label");
        skip_blanks(ps);
    }
    ps->p++;
    return 0;
}

/* OpenMetrics counts in seconds; to the nearest millisecond, for 1.001 is not a whole double. */
static int timestamp(struct parser *ps, ts_ms *out)
{
    const char *at = ps->p;
    struct str s;
    double seconds;
    int rc;

    if (!ps->openmetrics) {
        s = word(ps);
        if (!str_to_i64(s, out))
            return fail(ps, at, "timestamp \"" STR_FMT "\" is not a whole number of milliseconds",
                        STR_ARG(shown(s)));
        return 0;
    }
    rc = number(ps, "timestamp", &seconds);
    if (rc < 0)
        return rc;
    if (!(fabs(seconds) < 9e15))
        return fail(ps, at, "timestamp is out of range");
    *out = (ts_ms)llround(seconds * 1000);
    return 0;
}

/* Behind a value in OpenMetrics: # {labels} value [timestamp]. Checked, then dropped. */
static int exemplar(struct parser *ps)
{
    double value;
    ts_ms t;
    int rc;

    ps->p++;
    skip_blanks(ps);
    if (!at_char(ps, '{'))
        return unexpected(ps, "the labels of an exemplar");
    ps->p++;
    rc = label_list(ps, true);
    if (rc < 0)
        return rc;
    skip_blanks(ps);
    rc = number(ps, "the exemplar's value", &value);
    if (rc < 0)
        return rc;
    skip_blanks(ps);
    return at_line_end(ps) ? 0 : timestamp(ps, &t);
}

static int sample_name(struct parser *ps)
{
    struct str metric = bare_name(ps, true);
    const char *at = ps->p;
    int rc;

    ps->n_labels = 0;
    ps->named = metric.n > 0;
    if (ps->named)
        add_label(ps, STR(LABEL_NAME), metric);
    skip_blanks(ps);
    if (!at_char(ps, '{'))
        return ps->named ? 0 : unexpected(ps, "a metric name");
    ps->p++;
    rc = label_list(ps, false);
    if (rc < 0)
        return rc;
    return ps->named ? 0 : fail(ps, at, "there is no metric name");
}

/* [timestamp] [# exemplar], to the end of the line. */
static int sample_tail(struct parser *ps, ts_ms *t)
{
    int rc = 0;

    skip_blanks(ps);
    if (!at_line_end(ps) && !(ps->openmetrics && at_char(ps, '#')))
        rc = timestamp(ps, t);
    skip_blanks(ps);
    if (rc == 0 && ps->openmetrics && at_char(ps, '#'))
        rc = exemplar(ps);
    skip_blanks(ps);
    if (rc == 0 && !at_line_end(ps))
        rc = unexpected(ps, "the end of the line");
    return rc;
}

static int sample_line(struct parser *ps)
{
    struct sample s = {.t = ps->now};
    const char *at = ps->p;
    struct fault why;
    size_t n;
    int rc = sample_name(ps);

    if (rc < 0)
        return rc;
    n = ps->n_labels; /* an exemplar's labels are put behind them and forgotten */
    skip_blanks(ps);
    rc = number(ps, "a value", &s.v);
    if (rc == 0)
        rc = sample_tail(ps, &s.t);
    if (rc < 0)
        return rc;
    if (labels_normalise(ps->labels, &n, &why) < 0)
        return fail(ps, at, "%s", why.text);
    ingest__group_sample(&ps->group, (struct labels){ps->labels, n}, s);
    return 0;
}

/* ---- comments --------------------------------------------------------------------------- */

#define IN_PROMETHEUS  1u
#define IN_OPENMETRICS 2u

static const struct {
    const char *text;
    enum metric_type type;
    unsigned formats;
} types[] = {
    {"counter",        METRIC_COUNTER,        IN_PROMETHEUS | IN_OPENMETRICS},
    {"gauge",          METRIC_GAUGE,          IN_PROMETHEUS | IN_OPENMETRICS},
    {"histogram",      METRIC_HISTOGRAM,      IN_PROMETHEUS | IN_OPENMETRICS},
    {"summary",        METRIC_SUMMARY,        IN_PROMETHEUS | IN_OPENMETRICS},
    {"untyped",        METRIC_UNKNOWN,        IN_PROMETHEUS                 },
    {"unknown",        METRIC_UNKNOWN,        IN_OPENMETRICS                },
    {"gaugehistogram", METRIC_GAUGEHISTOGRAM, IN_OPENMETRICS                },
    {"info",           METRIC_INFO,           IN_OPENMETRICS                },
    {"stateset",       METRIC_STATESET,       IN_OPENMETRICS                },
};

static int set_type(struct parser *ps, const char *at, struct metadata *m, struct str text)
{
    unsigned format = ps->openmetrics ? IN_OPENMETRICS : IN_PROMETHEUS;

    text = str_trim(text);
    for (size_t i = 0; i < COUNT(types); i++) {
        if ((types[i].formats & format) != 0 && str_is(text, types[i].text)) {
            m->type = types[i].type;
            return 0;
        }
    }
    return fail(ps, at, "invalid metric type \"" STR_FMT "\"", STR_ARG(shown(text)));
}

static int set_help(struct parser *ps, const char *at, struct metadata *m, struct str text)
{
    if (!utf8_valid(text))
        return fail(ps, at, "the help text is not valid UTF-8");
    m->help = unescape(ps->a, text, ps->openmetrics);
    return 0;
}

static int set_unit(struct parser *ps, const char *at, struct metadata *m, struct str text)
{
    size_t n = m->family.n;

    text = str_trim(text);
    if (text.n > 0 && (n <= text.n || m->family.p[n - text.n - 1] != '_' ||
                       !str_eq(str_cut(m->family, n - text.n), text)))
        return fail(ps, at, "unit \"" STR_FMT "\" is not a suffix of metric \"" STR_FMT "\"",
                    STR_ARG(shown(text)), STR_ARG(shown(m->family)));
    m->unit = text;
    return 0;
}

static const struct {
    const char *word;
    int (*set)(struct parser *ps, const char *at, struct metadata *m, struct str text);
    unsigned formats;
} comments[] = {
    {"HELP", set_help, IN_PROMETHEUS | IN_OPENMETRICS},
    {"TYPE", set_type, IN_PROMETHEUS | IN_OPENMETRICS},
    {"UNIT", set_unit, IN_OPENMETRICS                },
};

/* Behind "# HELP" and the like. */
static int family_line(struct parser *ps, size_t kind)
{
    struct str family, text;
    const char *at;
    int rc;

    skip_blanks(ps);
    at = ps->p;
    rc = name(ps, true, &family);
    if (rc < 0)
        return rc;
    if (family.n == 0)
        return unexpected(ps, "a metric name");
    if (!at_line_end(ps) && !at_char(ps, ' ') && !at_char(ps, '\t'))
        return unexpected(ps, "a blank after the metric name");
    skip_blanks(ps);
    text = rest_of_line(ps);
    return comments[kind].set(ps, at, ingest__group_family(&ps->group, family), text);
}

static int comment_line(struct parser *ps)
{
    unsigned format = ps->openmetrics ? IN_OPENMETRICS : IN_PROMETHEUS;
    struct str first;

    ps->p++;
    skip_blanks(ps);
    first = word(ps);
    if (ps->openmetrics && str_is(first, "EOF") && at_line_end(ps))
        ps->ended = true;
    for (size_t i = 0; i < COUNT(comments); i++)
        if ((comments[i].formats & format) != 0 && str_is(first, comments[i].word) &&
            !at_line_end(ps))
            return family_line(ps, i);
    (void)rest_of_line(ps);
    return 0;
}

/* ---- the whole -------------------------------------------------------------------------- */

static int lines(struct parser *ps)
{
    while (ps->p < ps->end) {
        int rc = 0;

        skip_blanks(ps);
        if (at_char(ps, '#'))
            rc = comment_line(ps);
        else if (!at_line_end(ps))
            rc = sample_line(ps);
        if (rc < 0)
            return rc;
        next_line(ps);
        if (ps->ended && ps->p < ps->end)
            return fail(ps, ps->p, "unexpected data after # EOF");
    }
    if (ps->openmetrics && !ps->ended)
        return fail(ps, ps->p, "data does not end with # EOF");
    return 0;
}

/* OpenMetrics, when a line is # EOF: in 0.0.4 nobody writes that. */
static bool has_eof_line(struct str text)
{
    struct str line;

    while (str_split(&text, '\n', &line))
        if (str_is(str_trim(line), "# EOF"))
            return true;
    return false;
}

int ingest_parse_text(struct arena *a, struct str text, enum ingest_text_format format, ts_ms now,
                      struct ingest_text *out, struct fault *f)
{
    struct parser ps = {.a = a, .now = now, .group = {.a = a}};
    struct fault unread;
    int rc;

    text = arena_str(a, text);
    ps.base = ps.p = text.p;
    ps.end = text.p + text.n;
    ps.openmetrics =
        format == INGEST_TEXT_OPENMETRICS || (format == INGEST_TEXT_AUTO && has_eof_line(text));
    ps.f = f == NULL ? &unread : f;
    rc = lines(&ps);
    if (rc < 0)
        return rc;
    ingest__group_result(&ps.group, out);
    return 0;
}
