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
	return us >= 0 && us != USEC_NEVER ? json_real((double)us / 1e3)
					   : json_null();
}

/* Where zero is none, as of a target. */
static inline json_t *
ms_unless_zero(usec us)
{
	return us > 0 ? ms(us) : json_null();
}

static inline json_t *
moment(usec wall)
{
	char text[CLOCK_TEXT];

	return json_stringn(text, clock_text(text, wall, 3));
}

static inline json_t *
text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static inline json_t *
fault_json(enum fault_kind kind)
{
	return kind != FAULT_NONE ? json_string(fault_rule(kind)->name)
				  : json_null();
}

static inline json_t *
count(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static inline json_t *
count_unless_zero(uint64_t n)
{
	return n > 0 ? count(n) : json_null();
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
