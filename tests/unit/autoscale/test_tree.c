/*
 * test_tree.c - YAML and JSON as trees: shapes, kinds of scalars, places, and what is refused.
 */
#include "cases.h"

#include "ferula/base/buf.h"
#include "tree.h"

/* ---- printing: {key: value}, [items], and scalars with a letter for their kind ----------- */

static void print(struct buf *b, const struct tree *t)
{
    switch (t->kind) {
    case TREE_LIST:
        buf_putc(b, '[');
        for (size_t i = 0; i < t->n; i++) {
            buf_puts(b, i > 0 ? " " : "");
            print(b, t->items[i]);
        }
        buf_putc(b, ']');
        break;
    case TREE_MAP:
        buf_putc(b, '{');
        for (size_t i = 0; i < t->n; i++) {
            buf_addf(b, "%s" STR_FMT ":", i > 0 ? " " : "", STR_ARG(t->pairs[i].key.s));
            print(b, t->pairs[i].value);
        }
        buf_putc(b, '}');
        break;
    case TREE_BOOL:
        buf_addf(b, "b%d", t->truth);
        break;
    case TREE_INTEGER:
        buf_addf(b, "i%lld", (long long)t->integer);
        break;
    default:
        buf_addf(b, "%c" STR_FMT, "nbift"[t->kind], STR_ARG(t->text));
    }
}

static int read_text(struct arena *a, struct str text, struct tree_docs *docs, struct complaints *c,
                     struct fault *f)
{
    c->arena = a;
    return autoscale__tree_read(a, text, "f", c, docs, f);
}

/* ---- what is read ----------------------------------------------------------------------- */

static struct shape {
    const char *text, *want; /* documents one after another, with a bar behind each */
} shapes[] = {
    {"",                                                                          ""                                    },
    {"# only a comment\n",                                                        ""                                    },
    {"---\n---\na: 1\n---\n",                                                     "{a:i1}|"                             },
    {"a: 1\n---\n[x, z]\n",                                                       "{a:i1}|[tx tz]|"                     },
    {"{\"a\": [1, 2.5, true, null, \"1\"]}",                                      "{a:[i1 f2.5 b1 nnull t1]}|"          },
    {"{\n\t\"a\": {\n\t\t\"b\": \"x\\/y\"\n\t}\n}\n",                             "{a:{b:tx/y}}|"                       },
    {"a: yes\nb: 'yes'\nc: off\nd: ~\ne:\n",                                      "{a:b1 b:tyes c:b0 d:n~ e:n}|"        },
    {"a: 010\nb: 0x1F\nc: 1_000\nd: -5\ne: +5\nf: 0b11\ng: 0o17\n",
     "{a:i8 b:i31 c:i1000 d:i-5 e:i5 f:i3 g:i15}|"                                                                      },
    {"a: 9223372036854775807\nb: 9223372036854775808\nc: -9223372036854775808\n",
     "{a:i9223372036854775807 b:f9223372036854775808 c:i-9223372036854775808}|"                                         },
    {"a: .5\nb: 1.\nc: 1e3\nd: .\ne: 1e\nf: .inf\ng: 08\n",
     "{a:f.5 b:i1 c:i1000 d:t. e:t1e f:f.inf g:i8}|"                                                                    },
    {"a: 2020-01-01\nb: 10s\nc: 1.2.3\n",                                         "{a:t2020-01-01 b:t10s c:t1.2.3}|"    },
    {"a: !!str 10\nb: !!int '10'\n",                                              "{a:t10 b:t10}|"                      },
    {"q: |\n  sum(\n    x)\n",                                                    "{q:tsum(\n  x)\n}|"                  },
    {"q: >-\n  sum(\n  x)\n",                                                     "{q:tsum( x)}|"                       },
    {"a: &x {b: 1}\nc: *x\n",                                                     "{a:{b:i1} c:{b:i1}}|"                },
    {"a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  b: 3\n",                                "{a:{b:i1 c:i2} d:{b:i3 c:i2}}|"      },
    {"a: &x {b: 1}\ne: &y {b: 2, c: 2}\nd: {<<: [*x, *y]}\n",
     "{a:{b:i1} e:{b:i2 c:i2} d:{b:i1 c:i2}}|"                                                                          },
    {"a: {{ X }}\nb: {{ .Values.y | quote }}/z # c\n",
     "{a:t{{ X }} b:t{{ .Values.y | quote }}/z}|"                                                                       },
    {"- {{ X }}\n- '{{ Y }}'\n- http://{{ Z }}\n",                                "[t{{ X }} t{{ Y }} thttp://{{ Z }}]|"},
    {"a: \"b: {{ $labels.x }}\"\n",                                               "{a:tb: {{ $labels.x }}}|"            },
    {"a: {b: {{ X }}/{{ Y }}, c: [{{ Z }}], d: {e: 1}}\n",
     "{a:{b:t{{ X }}/{{ Y }} c:[t{{ Z }}] d:{e:i1}}}|"                                                                  },
    {"a: {{{ X }}}\nb: {c: {{ Y }}}\n",                                           "{a:t{{{ X }}} b:{c:t{{ Y }}}}|"      },
    {"a: <X>\n",                                                                  "{a:t<X>}|"                           },
    {"1: a\ntrue: b\n",                                                           "{1:ta true:tb}|"                     },
};

static void test_shape(void **state)
{
    const struct shape *c = *state;
    struct arena a = {0};
    struct complaints complaints = {0};
    struct tree_docs docs = {0};
    struct fault f = {0};
    struct buf b = {0};

    if (read_text(&a, str_of(c->text), &docs, &complaints, &f) < 0)
        fail_msg("%s", f.text);
    for (size_t i = 0; i < docs.n; i++) {
        print(&b, docs.v[i]);
        buf_putc(&b, '|');
    }
    assert_str(buf_str(&b), c->want);
    buf_release(&b);
    arena_release(&a);
}

/* ---- what is refused -------------------------------------------------------------------- */

static struct refusal {
    const char *text;
    int code;
    const char *want;
} refusals[] = {
    {"a: [1\n",                                 FER_EINVAL,
     "f:2:1: did not find expected ',' or ']', while parsing a flow sequence"                                               },
    {"a: b: c\n",                               FER_EINVAL, "f:1:5: mapping values are not allowed in this context"         },
    {"a: 1\nb: 2\na: 3\n",                      FER_EINVAL, "f:3:1: the key \"a\" is already set in line 1"                 },
    {"a: *x\n",                                 FER_EINVAL, "f:1:4: unknown anchor 'x' referenced"                          },
    {"a: &x [*x]\n",                            FER_EINVAL, "f:1:8: anchor 'x' value contains itself"                       },
    {"[a]: 1\n",                                FER_EINVAL, "f:1:1: a list cannot be a key"                                 },
    {"a: {<<: 1}\n",                            FER_EINVAL, "f:1:5: map merge requires map or sequence of maps as the value"},
    {"{{- if .Values.x }}\na: 1\n{{- end }}\n", FER_EINVAL, NULL                                                            },
    {"a: \x01\n",                               FER_EINVAL, NULL                                                            },
    {"a: \xff\n",                               FER_EINVAL, NULL                                                            },
};

static void test_refusal(void **state)
{
    const struct refusal *c = *state;
    struct arena a = {0};
    struct complaints complaints = {0};
    struct tree_docs docs = {0};
    struct fault f = {0};

    assert_int_equal(read_text(&a, str_of(c->text), &docs, &complaints, &f), c->code);
    if (c->want != NULL)
        assert_string_equal(f.text, c->want);
    assert_true(strncmp(f.text, "f:", 2) == 0);
    arena_release(&a);
}

/* ---- places ----------------------------------------------------------------------------- */

static void test_places(void **state)
{
    static const char text[] = "\xc3\xa4: 1\n"
                               "plain: x\n"
                               "quoted: \"y\"\n"
                               "block: |\n"
                               "\n"
                               "    z\n"
                               "t: {{ X }}\n"
                               "after: {k: v}\n";
    static const struct {
        const char *key;
        int line, column;
    } want[] = {
        {"plain",  2, 8 },
        {"quoted", 3, 10},
        {"block",  6, 5 },
        {"t",      7, 4 },
        {"after",  8, 8 }
    };
    struct arena a = {0};
    struct complaints complaints = {0};
    struct tree_docs docs = {0};
    struct fault f = {0};

    (void)state;
    assert_int_equal(read_text(&a, str_of(text), &docs, &complaints, &f), 0);
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct tree *t = autoscale__tree_get(docs.v[0], want[i].key);

        assert_int_equal(t->at.line, want[i].line);
        assert_int_equal(t->at.column, want[i].column);
    }
    arena_release(&a);
}

/* ---- bombs ------------------------------------------------------------------------------ */

static void bomb_deep(struct buf *b)
{
    for (int i = 0; i < 100000; i++)
        buf_putc(b, '[');
}

/* Each list has ten times what the one before has. */
static void bomb_laughs(struct buf *b)
{
    buf_puts(b, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 10; i++) {
        buf_addf(b, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_addf(b, "%s*a%d", k > 0 ? ", " : "", i - 1);
        buf_puts(b, "]\n");
    }
}

static void bomb_wide(struct buf *b)
{
    for (int i = 0; i < 200001; i++)
        buf_puts(b, "- x\n");
}

static void bomb_merge(struct buf *b)
{
    buf_puts(b, "a: &a {");
    for (int i = 0; i < 2000; i++)
        buf_addf(b, "k%d: 1, ", i);
    buf_puts(b, "}\nb:\n");
    for (int i = 0; i < 200; i++)
        buf_puts(b, "- {<<: *a}\n");
}

static void bomb_large(struct buf *b)
{
    buf_reserve(b, TREE_MAX_BYTES + 1);
    for (int i = 0; i <= TREE_MAX_BYTES; i++)
        buf_putc(b, '#');
}

static struct bomb {
    const char *name;
    void (*make)(struct buf *b);
} bombs[] = {
    {"deep",   bomb_deep  },
    {"laughs", bomb_laughs},
    {"wide",   bomb_wide  },
    {"merge",  bomb_merge },
    {"large",  bomb_large },
};

static void test_bomb(void **state)
{
    const struct bomb *c = *state;
    struct arena a = {0};
    struct complaints complaints = {0};
    struct tree_docs docs = {0};
    struct fault f = {0};
    struct buf b = {0};

    c->make(&b);
    assert_int_equal(read_text(&a, buf_str(&b), &docs, &complaints, &f), FER_ELIMIT);
    buf_release(&b);
    arena_release(&a);
}

int main(void)
{
    struct cases c = {0};

    CASES_ADD_TABLE(&c, shapes, test_shape, text);
    CASES_ADD_TABLE(&c, refusals, test_refusal, text);
    cases_add(&c, "places", test_places, NULL);
    CASES_ADD_TABLE(&c, bombs, test_bomb, name);
    return CASES_RUN("tree", &c);
}
