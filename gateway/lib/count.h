/* gateway/lib/count.h - how many elements an array has. */
#ifndef GATEWAY_LIB_COUNT_H
#define GATEWAY_LIB_COUNT_H

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
