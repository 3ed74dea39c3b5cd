/*
 * process.h - what the kernel says about this process.
 */
#ifndef API_PROCESS_H
#define API_PROCESS_H

#include <stdint.h>

struct api__process {
    double cpu_s;     /* user and system */
    double started_s; /* since 1970 */
    uint64_t resident_bytes, virtual_bytes;
    double virtual_max_bytes; /* as a float: there may be no limit */
    double max_fds;
    uint64_t open_fds;
    int64_t n_threads;
};

/* What cannot be read stays 0. Cost: four small files of /proc and one directory. */
void api__process_read(struct api__process *out);

#endif
