/*
 * year.h - a year of a ScaledObject in virtual time.
 */
#ifndef FERULA_BENCH_YEAR_H
#define FERULA_BENCH_YEAR_H

/*
 * Pods that are scraped each 15 s, with a load that has the same course each day, for 365 days.
 * Prints time and memory. To be the first of a process, whose peak memory it tells.
 */
void bench_year(const char *path);

double bench_ms_since(long long began_ns);
long bench_memory_kib(void); /* at most, so far */

#endif
