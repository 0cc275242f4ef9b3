/* gateway/admin/values.h - what the members of an answer say. Unknown is null,
 * never zero; what cannot be negative is unknown where it is. */
#ifndef GATEWAY_ADMIN_VALUES_H
#define GATEWAY_ADMIN_VALUES_H

#include <jansson.h>
#include <math.h>

#include "gateway/conf/conf.h"

static inline void
set(json_t *o, const char *name, json_t *value)
{
	json_object_set_new(o, name, value);
}

static inline json_t *
ms(usec us)
{
	return us >= 0 ? json_real((double)us / 1e3) : json_null();
}

static inline json_t *
count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static inline json_t *
number_if(bool known, double v)
{
	return known && isfinite(v) ? json_real(v) : json_null();
}

static inline json_t *
number(double v)
{
	return number_if(v >= 0, v);
}

/* As in gateway.conf. */
static inline json_t *
price_json(const struct conf_price *p)
{
	json_t *o = json_object();

	set(o, "input", number(p->input));
	set(o, "output", number(p->output));
	set(o, "cached", number(p->cached));
	set(o, "cache_write", number(p->cache_write));
	set(o, "request", number(p->request));
	set(o, "image", number(p->image));
	set(o, "characters", number(p->characters));
	set(o, "minute", number(p->minute));
	set(o, "hourly", number(p->hourly));
	return o;
}

#endif
