/*
 * main.c - bench-load: picks the mode.
 */
#include <stdio.h>
#include <string.h>

#include "ferula/base/buf.h"
#include "load.h"

bool load_parse(const char *usage, const struct config_flag *flags, void *const *targets, size_t n,
                int argc, char **argv, const char **url, int *exit_code)
{
    struct config_list words = {0};
    struct fault f = {0};
    struct buf help = {0};
    bool go_on = false;

    *exit_code = 2;
    if (config_parse(flags, targets, n, false, argc, argv, &words, &f) < 0) {
        fprintf(stderr, "bench-load: %s\n", f.text);
    } else if (*(const bool *)targets[0]) {
        config_print_help(&help, flags, n);
        printf("%s\n\n%s", usage, help.p);
        buf_release(&help);
        *exit_code = 0;
    } else if (words.n != 1) {
        fprintf(stderr, "bench-load: expected one URL, http://HOST:PORT\n%s\n", usage);
    } else {
        *url = words.v[0];
        go_on = true;
    }
    config_list_release(&words);
    return go_on;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "query") == 0)
        return load_query(argc - 2, argv + 2);
    if (argc > 1 && strcmp(argv[1], "write") == 0)
        return load_write(argc - 2, argv + 2);
    fprintf(stderr, "usage: bench-load write|query [FLAGS] http://HOST:PORT\n"
                    "`bench-load write --help` and `bench-load query --help` list the flags.\n");
    return argc > 1 && strcmp(argv[1], "--help") == 0 ? 0 : 2;
}
