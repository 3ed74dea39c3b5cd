/*
 * regex_shim.cc - RE2 behind C functions; no exception leaves them.
 */
#include "re2_shim.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include <re2/re2.h>

static re2::StringPiece piece(struct str s)
{
    return re2::StringPiece(s.p == nullptr ? "" : s.p, s.n);
}

static const char *error_text(RE2::ErrorCode code)
{
    switch (code) {
    case RE2::ErrorBadEscape:
        return "invalid escape sequence";
    case RE2::ErrorBadCharClass:
        return "invalid character class";
    case RE2::ErrorBadCharRange:
        return "invalid character class range";
    case RE2::ErrorMissingBracket:
        return "missing closing ]";
    case RE2::ErrorMissingParen:
        return "missing closing )";
    case RE2::ErrorUnexpectedParen:
        return "unexpected )";
    case RE2::ErrorTrailingBackslash:
        return "trailing backslash at end of expression";
    case RE2::ErrorRepeatArgument:
        return "missing argument to repetition operator";
    case RE2::ErrorRepeatSize:
        return "invalid repeat count";
    case RE2::ErrorRepeatOp:
        return "invalid nested repetition operator";
    case RE2::ErrorBadPerlOp:
        return "invalid or unsupported Perl syntax";
    case RE2::ErrorBadUTF8:
        return "invalid UTF-8";
    case RE2::ErrorBadNamedCapture:
        return "invalid named capture";
    case RE2::ErrorPatternTooLarge:
        return "expression too large";
    default:
        return "regexp/syntax: internal error";
    }
}

static void set_error(struct model__re2_error *e, const char *what, const std::string &part)
{
    e->what = what;
    std::strncpy(e->part, part.c_str(), sizeof(e->part) - 1);
    e->part[sizeof(e->part) - 1] = '\0';
}

extern "C" void *model__re2_new(struct str pattern, struct model__re2_error *e)
{
    try {
        RE2::Options options;
        options.set_log_errors(false);
        options.set_dot_nl(true);
        options.set_max_mem(MODEL__RE2_MEMORY_BYTES);
        RE2 *re = new RE2(piece(pattern), options);

        if (re->ok())
            return re;
        set_error(e, error_text(re->error_code()), re->error_arg());
        delete re;
    } catch (...) {
        set_error(e, "expression too large", "");
    }
    return nullptr;
}

extern "C" void model__re2_free(void *re)
{
    delete static_cast<RE2 *>(re);
}

extern "C" bool model__re2_match(const void *re, struct str text, struct str *group, size_t n)
{
    try {
        const RE2 *r = static_cast<const RE2 *>(re);
        std::vector<re2::StringPiece> found(n);

        if (!r->Match(piece(text), 0, text.n, RE2::ANCHOR_BOTH, n == 0 ? nullptr : found.data(),
                      static_cast<int>(n)))
            return false;
        for (size_t i = 0; i < n; i++)
            group[i] = {found[i].data(), found[i].size()};
        return true;
    } catch (...) {
        return false;
    }
}

extern "C" size_t model__re2_n_groups(const void *re)
{
    return static_cast<size_t>(static_cast<const RE2 *>(re)->NumberOfCapturingGroups()) + 1;
}

extern "C" int model__re2_group(const void *re, struct str name)
{
    try {
        const std::map<std::string, int> &names =
            static_cast<const RE2 *>(re)->NamedCapturingGroups();
        auto at = names.find(std::string(name.p == nullptr ? "" : name.p, name.n));

        return at == names.end() ? -1 : at->second;
    } catch (...) {
        return -1;
    }
}
