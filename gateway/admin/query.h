/* gateway/admin/query.h - the parameters of a request, one by one. */
#ifndef GATEWAY_ADMIN_QUERY_H
#define GATEWAY_ADMIN_QUERY_H

#include "gateway/lib/err.h"
#include "gateway/lib/slice.h"

/* Tells `each` every parameter in its order, its name as it stands, its value
 * with each %XX undone, until it says false: ERR_INVALID. ERR_LIMIT: a value is
 * longer than any may be; ERR_MEMORY. */
enum err query_each(struct slice query,
    bool (*each)(void *arg, struct slice name, struct slice value),
    void *arg) MUST_USE;

#endif
