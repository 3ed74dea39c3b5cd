/*
 * go_log.h - logarithms to the last bit of Go's, where those of the C library may differ in it.
 */
#ifndef FERULA_BASE_GO_LOG_H
#define FERULA_BASE_GO_LOG_H

/* math.Log2 on amd64. Of powers of two exact; -Inf of 0, NaN of negative numbers. */
double go_log2(double v);

#endif
