/*
 * mem_shim.cc - std::set_new_handler for C.
 */
#include "mem_shim.h"

#include <new>

extern "C" void base__on_new_failed(void (*fn)(void))
{
    std::set_new_handler(fn);
}
