/* policies/boundaries.h - what a tenant may never leave.
 *
 * Hard limits on models, backends, regions and quality. They are asked on
 * every path that leads to a backend: first choice, retry, hedge, probe. A
 * NULL tenant (the gateway is open) has none. */
#ifndef POLICIES_BOUNDARIES_H
#define POLICIES_BOUNDARIES_H

#include "gateway/conf/conf.h"

/* Any name of the model may stand in the tenant's list. */
bool boundary_model(const struct conf_tenant *, const struct conf_model *);
/* A backend that does not say its region is in none of the listed ones. */
bool boundary_backend(const struct conf_tenant *, const struct conf_backend *);

/* Backend, region, and the quality that tenant and class ask for. */
bool boundary_serving(const struct conf_tenant *, const struct slo *,
    const struct conf_serving *);

#endif
