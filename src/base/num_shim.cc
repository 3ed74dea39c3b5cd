/*
 * num_shim.cc - std::to_chars and std::from_chars for C. Nothing here throws or sees the locale.
 */
#include "num_digits.h"

#include <charconv>
#include <system_error>

extern "C" size_t base__num_digits(double v, char digits[BASE__MAX_DIGITS], int *exponent)
{
    char text[32];
    std::to_chars_result end =
        std::to_chars(text, text + sizeof(text), v, std::chars_format::scientific);
    const char *p = text;
    size_t n = 0;

    for (; p < end.ptr && *p != 'e'; p++)
        if (*p != '.' && n < BASE__MAX_DIGITS)
            digits[n++] = *p;
    *exponent = 0;
    if (p < end.ptr) {
        p += p[1] == '+' ? 2 : 1; /* from_chars takes no plus sign */
        std::from_chars(p, end.ptr, *exponent);
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

extern "C" enum base__num_rc base__num_from_decimal(const char *p, size_t n, double *out)
{
    try {
        double v = 0;
        std::from_chars_result end = std::from_chars(p, p + n, v, std::chars_format::general);

        if (end.ec == std::errc::result_out_of_range)
            return BASE__NUM_RANGE;
        if (end.ec != std::errc() || end.ptr != p + n)
            return BASE__NUM_MALFORMED;
        *out = v;
        return BASE__NUM_OK;
    } catch (...) {
        return BASE__NUM_MALFORMED;
    }
}
