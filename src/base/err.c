/*
 * err.c - the error table as text, and faults.
 */
#include "ferula/base/err.h"

#include <stdio.h>
#include <string.h>

#include "ferula/base/check.h"

static const struct {
    int code;
    const char *text;
} errors[] = {
#define X(name, code, text) {(code), (text)},
    FER_ERR_MAP(X)
#undef X
};

const char *fer_strerror(int code)
{
    if (code == 0)
        return "success";
    for (size_t i = 0; i < COUNT(errors); i++)
        if (errors[i].code == code)
            return errors[i].text;
    return "unknown error";
}

/* Marks a text that did not fit with "...", without leaving half a UTF-8 sequence before it. */
static void cut_text(struct fault *f)
{
    size_t n = sizeof(f->text) - sizeof("...");

    while (n > 0 && ((unsigned char)f->text[n] & 0xc0) == 0x80)
        n--;
    memcpy(f->text + n, "...", sizeof("..."));
}

int fault_vset(struct fault *f, int code, size_t at, const char *fmt, va_list ap)
{
    int n;

    if (f == NULL)
        return code;
    f->code = code;
    f->at = at;
    n = vsnprintf(f->text, sizeof(f->text), fmt, ap);
    if (n < 0)
        f->text[0] = '\0';
    else if ((size_t)n >= sizeof(f->text))
        cut_text(f);
    return code;
}

int fault_set(struct fault *f, int code, size_t at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fault_vset(f, code, at, fmt, ap);
    va_end(ap);
    return code;
}
