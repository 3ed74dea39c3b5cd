/*
 * input.c - files and JSON of the test program.
 */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>

bool read_file(struct arena *a, const char *dir, const char *name, struct str *out)
{
    struct str path = arena_printf(a, "%s/%s", dir, name);
    FILE *file = fopen(path.p, "rb");
    long size;
    char *p;

    if (file == NULL)
        return false;
    if (fseek(file, 0, SEEK_END) < 0 || (size = ftell(file)) < 0) {
        fclose(file);
        return false;
    }
    rewind(file);
    p = arena_alloc(a, (size_t)size + 1, 1);
    *out = (struct str){p, fread(p, 1, (size_t)size, file)};
    fclose(file);
    return out->n == (size_t)size;
}

struct str json_text(const json_t *obj, const char *key)
{
    const json_t *v = json_object_get(obj, key);

    if (!json_is_string(v))
        return (struct str){0};
    return (struct str){json_string_value(v), json_string_length(v)};
}

static int sextet(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(alphabet, c);

    return at == NULL ? -1 : (int)(at - alphabet);
}

static struct str base64(struct arena *a, struct str s)
{
    char *out = arena_alloc(a, s.n + 1, 1);
    size_t n = 0;
    unsigned bits = 0, v = 0;

    for (size_t i = 0; i < s.n && sextet(s.p[i]) >= 0; i++) {
        v = v << 6 | (unsigned)sextet(s.p[i]);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(v >> bits);
            v &= (1u << bits) - 1;
        }
    }
    return (struct str){out, n};
}

struct str json_bytes(struct arena *a, const json_t *obj, const char *key, const char *key64)
{
    struct str encoded = json_text(obj, key64);

    return encoded.p == NULL ? json_text(obj, key) : base64(a, encoded);
}
