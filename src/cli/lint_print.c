/*
 * lint_print.c - findings as text, JSON, SARIF and workflow commands; the reference of the rules.
 */
#include "cli_priv.h"
#include "ferula/base/check.h"
#include "ferula/base/json.h"
#include "lint.h"

/* ---- text ------------------------------------------------------------------------------- */

/* Several of KEDA's errors are joined with line breaks; a finding is one line. */
static void add_line(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\n')
            buf_puts(out, "; ");
        else
            buf_putc(out, s.p[i]);
}

static void add_place(struct buf *out, struct place at)
{
    buf_puts(out, at.file != NULL ? at.file : "-");
    if (at.line > 0)
        buf_addf(out, ":%d:%d", at.line, at.column);
}

static void add_count(struct buf *out, const char *before, size_t n, const char *what)
{
    buf_addf(out, "%s%zu %s%s", before, n, what, n == 1 ? "" : "s");
}

void cli__lint_text(struct buf *out, const struct lint_report *r, size_t n_objects)
{
    size_t by_severity[3] = {0};

    for (size_t i = 0; i < r->n; i++) {
        const struct lint_finding *f = &r->v[i];

        by_severity[f->severity]++;
        add_place(out, f->at);
        buf_addf(out, ": %s: %s: ", severity_name(f->severity), f->rule);
        add_line(out, f->text);
        if (f->fix.n > 0) {
            buf_puts(out, "\n    fix: ");
            add_line(out, f->fix);
        }
        buf_putc(out, '\n');
    }
    if (r->n == 0) {
        add_count(out, "no findings in ", n_objects, "ScaledObject");
    } else {
        add_count(out, "", by_severity[SEVERITY_ERROR], "error");
        add_count(out, ", ", by_severity[SEVERITY_WARNING], "warning");
        add_count(out, ", ", by_severity[SEVERITY_NOTE], "note");
        add_count(out, " in ", n_objects, "ScaledObject");
        buf_addf(out, "; `ferula help %s` explains a rule", r->v[0].rule);
    }
    buf_putc(out, '\n');
}

/* ---- JSON ------------------------------------------------------------------------------- */

void cli__lint_json(struct buf *out, const struct lint_report *r, size_t n_objects)
{
    struct json j;

    json_init(&j, out);
    json_object_begin(&j);
    json_member_count(&j, "scaledObjects", n_objects);
    json_key(&j, "findings");
    json_array_begin(&j);
    for (size_t i = 0; i < r->n; i++) {
        const struct lint_finding *f = &r->v[i];

        json_object_begin(&j);
        json_member_label(&j, "rule", str_of(f->rule));
        json_member_label(&j, "severity", str_of(severity_name(f->severity)));
        json_member_label(&j, "file", str_of(f->at.file != NULL ? f->at.file : ""));
        json_member_int(&j, "line", f->at.line);
        json_member_int(&j, "column", f->at.column);
        json_member_label(&j, "text", f->text);
        json_member_label(&j, "fix", f->fix);
        json_object_end(&j);
    }
    json_array_end(&j);
    json_object_end(&j);
    buf_putc(out, '\n');
}

/* ---- SARIF ------------------------------------------------------------------------------ */

/* {"text": "..."} */
static void message(struct json *j, const char *key, struct str text)
{
    json_key(j, key);
    json_object_begin(j);
    json_member_label(j, "text", text);
    json_object_end(j);
}

static void sarif_rules(struct json *j)
{
    size_t n;
    const char *const *ids = lint_rules(&n);

    json_key(j, "rules");
    json_array_begin(j);
    for (size_t i = 0; i < n; i++) {
        const struct lint_rule *rule = lint_rule(str_of(ids[i]));

        json_object_begin(j);
        json_member_label(j, "id", str_of(rule->id));
        message(j, "shortDescription", str_of(rule->title));
        message(j, "fullDescription", str_of(rule->what));
        message(j, "help", str_of(rule->help));
        json_key(j, "defaultConfiguration");
        json_object_begin(j);
        json_member_label(j, "level", str_of(severity_name(rule->severity)));
        json_object_end(j);
        json_object_end(j);
    }
    json_array_end(j);
}

static void add_uri(struct json *j, const char *file)
{
    struct buf b = {0};

    for (const char *p = file; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;

        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-_.~/", c) != NULL)
            buf_putc(&b, (char)c);
        else
            buf_addf(&b, "%%%02X", c);
    }
    json_member_label(j, "uri", buf_str(&b));
    buf_release(&b);
}

static void sarif_location(struct json *j, struct place at)
{
    json_key(j, "locations");
    json_array_begin(j);
    json_object_begin(j);
    json_key(j, "physicalLocation");
    json_object_begin(j);
    json_key(j, "artifactLocation");
    json_object_begin(j);
    add_uri(j, at.file != NULL ? at.file : "-");
    json_object_end(j);
    if (at.line > 0) {
        json_key(j, "region");
        json_object_begin(j);
        json_member_int(j, "startLine", at.line);
        json_member_int(j, "startColumn", at.column);
        json_object_end(j);
    }
    json_object_end(j);
    json_object_end(j);
    json_array_end(j);
}

static int64_t rule_index(const char *id)
{
    size_t n;
    const char *const *ids = lint_rules(&n);

    for (size_t i = 0; i < n; i++)
        if (strcmp(ids[i], id) == 0)
            return (int64_t)i;
    return -1;
}

static void sarif_result(struct json *j, const struct lint_finding *f)
{
    struct buf text = {0};

    buf_add_str(&text, f->text);
    if (f->fix.n > 0)
        buf_addf(&text, "\nFix: " STR_FMT, STR_ARG(f->fix));
    json_object_begin(j);
    json_member_label(j, "ruleId", str_of(f->rule));
    json_member_int(j, "ruleIndex", rule_index(f->rule));
    json_member_label(j, "level", str_of(severity_name(f->severity)));
    message(j, "message", buf_str(&text));
    sarif_location(j, f->at);
    json_object_end(j);
    buf_release(&text);
}

void cli__lint_sarif(struct buf *out, const struct lint_report *r, size_t n_objects)
{
    struct json j;

    (void)n_objects;
    json_init(&j, out);
    json_object_begin(&j);
    json_member_label(&j, "$schema", STR("https://json.schemastore.org/sarif-2.1.0.json"));
    json_member_label(&j, "version", STR("2.1.0"));
    json_key(&j, "runs");
    json_array_begin(&j);
    json_object_begin(&j);
    json_key(&j, "tool");
    json_object_begin(&j);
    json_key(&j, "driver");
    json_object_begin(&j);
    json_member_label(&j, "name", STR("ferula"));
    json_member_label(&j, "version", STR(FERULA_VERSION));
    sarif_rules(&j);
    json_object_end(&j);
    json_object_end(&j);
    json_member_label(&j, "columnKind", STR("unicodeCodePoints"));
    json_key(&j, "results");
    json_array_begin(&j);
    for (size_t i = 0; i < r->n; i++)
        sarif_result(&j, &r->v[i]);
    json_array_end(&j);
    json_object_end(&j);
    json_array_end(&j);
    json_object_end(&j);
    buf_putc(out, '\n');
}

/* ---- GitHub Actions --------------------------------------------------------------------- */

static void add_escaped(struct buf *out, struct str s, bool property)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' || s.p[i] == '\r' || s.p[i] == '\n' ||
            (property && (s.p[i] == ':' || s.p[i] == ',')))
            buf_addf(out, "%%%02X", (unsigned)(unsigned char)s.p[i]);
        else
            buf_putc(out, s.p[i]);
}

void cli__lint_github(struct buf *out, const struct lint_report *r, size_t n_objects)
{
    static const char *const commands[] = {"notice", "warning", "error"};

    (void)n_objects;
    for (size_t i = 0; i < r->n; i++) {
        const struct lint_finding *f = &r->v[i];

        buf_addf(out, "::%s file=", commands[f->severity]);
        add_escaped(out, str_of(f->at.file != NULL ? f->at.file : "-"), true);
        if (f->at.line > 0)
            buf_addf(out, ",line=%d,col=%d", f->at.line, f->at.column);
        buf_addf(out, ",title=%s::", f->rule);
        add_escaped(out, f->text, false);
        if (f->fix.n > 0) {
            buf_puts(out, "%0AFix: ");
            add_escaped(out, f->fix, false);
        }
        buf_putc(out, '\n');
    }
}

/* ---- the reference ---------------------------------------------------------------------- */

void cli__lint_markdown(struct buf *out)
{
    size_t n;
    const char *const *ids = lint_rules(&n);

    buf_puts(out, "# Rules of `ferula lint`\n\n"
                  "Written by `ferula help lint-markdown`; do not edit.\n\n"
                  "`ferula lint FILE...` finds what is likely to go wrong with a ScaledObject, "
                  "without a cluster.\n`ferula help FER001` shows one of these pages.\n\n"
                  "| Rule | Severity | What it finds |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        const struct lint_rule *rule = lint_rule(str_of(ids[i]));

        buf_addf(out, "| [%s](#%s) | %s | %s |\n", rule->id, rule->id,
                 severity_name(rule->severity), rule->title);
    }
    for (size_t i = 0; i < n; i++) {
        const struct lint_rule *rule = lint_rule(str_of(ids[i]));

        buf_addf(out, "\n<a id=\"%s\"></a>\n\n## %s: %s\n\n", rule->id, rule->id, rule->title);
        buf_addf(out, "%s\n\nWhy: %s\n\n```yaml\n%s\n```\n\nFix: %s\n", rule->what, rule->why,
                 rule->example, rule->fix);
    }
}
