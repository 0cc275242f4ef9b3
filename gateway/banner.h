/* gateway/banner.h - what `serve` says once it is ready. */
#ifndef GATEWAY_BANNER_H
#define GATEWAY_BANNER_H

#include "gateway/app.h"

/* The base URL, each backend on or off and why, a curl and a Python to
 * paste. On standard output. */
void banner_print(const struct app *);

#endif
