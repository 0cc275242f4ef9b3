/* policies/tenant.h - what the model name of a request means to its tenant. */
#ifndef POLICIES_TENANT_H
#define POLICIES_TENANT_H

#include "gateway/conf/conf.h"

enum preference { PREFER_SLO, PREFER_FASTEST, PREFER_CHEAPEST };

struct model_choice {
	const struct conf_model *model;
	struct slice name; /* as asked, the suffix cut off; what a serving with
			      a star asks its backend for. Borrowed. */
	const struct slo *slo; /* from the suffix, or NULL */
	const struct conf_backend *pin; /* or NULL */
	enum preference prefer;
};

/* A name (or alias) that is listed is that model. Else what follows the last
 * colon is a suffix, if it is one: an SLO class, a backend, "fastest" or
 * "cheapest". What is left, or the whole, then means the listed model of that
 * name, the model with a star that takes it, or the default model, in this
 * order; an empty name means the default model. What follows a listed model's
 * name and is no suffix is no name for the default.
 *
 * ERR_NOT_FOUND: no such model, none that the tenant may use, or it is not on
 * that backend. ERR_INVALID: no name, and no default. ERR_UNSUPPORTED: the
 * tenant may not pin a backend. tenant may be NULL: all is allowed. */
enum err model_resolve(const struct conf *, const struct conf_tenant *,
    struct slice name, struct model_choice *out, struct errmsg *why) MUST_USE;

#endif
