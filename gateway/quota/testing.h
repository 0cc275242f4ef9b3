/* gateway/quota/testing.h - a tenant with limits, for the unit tests. */
#ifndef GATEWAY_QUOTA_TESTING_H
#define GATEWAY_QUOTA_TESTING_H

#include "gateway/conf/testing.h"
#include "gateway/quota/quota.h"

#define DAY (86400 * USEC_SEC)
#define WALL (20000 * DAY + DAY / 2)
#define KEY                                                                    \
	"sha256:"                                                              \
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define TENANT(limits)                                                         \
	BASE "tenants = ( { name = \"t\"; keys = [ \"" KEY                     \
	     "\" ];\nlimits = { " limits " }; } );"

struct stage {
	struct fixture f;
	struct quotas *table;
	struct quota_hold hold;
	struct quota_refusal why;
	usec now;
};

static inline void
stage_init(struct stage *s, const char *text)
{
	memset(s, 0, sizeof(*s));
	assert_loads(&s->f, text, 0);
	s->table = quotas_new(WALL);
	assert_non_null(s->table);
	assert_int_equal(quotas_configure(s->table, s->f.conf), OK);
	s->now = clock_now();
}

static inline void
stage_fini(struct stage *s)
{
	quotas_free(&s->table);
	fixture_fini(&s->f);
}

static inline bool
take_into(struct stage *s, struct quota_hold *h, uint32_t input)
{
	const struct conf_tenant *t = &s->f.conf->tenants[0];
	const struct quota_wish wish = { .input = input, .max_tokens = 1 };

	*h = (struct quota_hold){ 0 };
	h->parts[QUOTA_TENANT].of = conf_tenant_quota(s->f.conf, t);
	h->parts[QUOTA_TENANT].limits = &t->limits;
	h->parts[QUOTA_KEY].of = conf_key_quota(s->f.conf, s->f.conf->keys);
	h->parts[QUOTA_KEY].limits = &t->key_limits;
	return quota_take(s->table, h, &wish, s->now, &s->why);
}

static inline struct quota_view
view(const struct stage *s)
{
	const struct conf_tenant *t = &s->f.conf->tenants[0];
	struct quota_view v;

	quota_view(conf_tenant_quota(s->f.conf, t), &t->limits, s->now, &v);
	return v;
}

#endif
