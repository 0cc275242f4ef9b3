/* gateway/admin/slo_page.h - /admin/v1/slo: what was met, what could be. */
#ifndef GATEWAY_ADMIN_SLO_PAGE_H
#define GATEWAY_ADMIN_SLO_PAGE_H

#include <jansson.h>

#include "gateway/admin/admin.h"

/* NULL without memory. */
json_t *slo_page_json(const struct admin_picture *);

#endif
