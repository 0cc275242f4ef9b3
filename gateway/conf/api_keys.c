/* gateway/conf/api_keys.c - a backend's keys, and which of them to use.
 *
 * One that was refused is refused whatever it is asked for. Its limit is that
 * of the model that met it, as most providers count: for others it is free. */
#include "gateway/conf/conf.h"

static usec
read_time(const atomic_llong *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

static void
write_time(atomic_llong *at, usec until)
{
	atomic_store_explicit(at, until, memory_order_relaxed);
}

/* 0: it has never been at its limit. */
static usec
limited_until(const struct conf_serving *s, size_t key)
{
	return s != NULL ? read_time(&s->keys_limited[key]) : 0;
}

static usec
free_at(const struct conf_backend *b, const struct conf_serving *s, size_t key)
{
	usec refused = read_time(&b->api_keys[key].refused_until);
	usec limited = limited_until(s, key);

	return refused > limited ? refused : limited;
}

/* *at: when that is. */
static struct conf_api_key *
soonest(const struct conf_backend *b, const struct conf_serving *s,
    const struct conf_api_key *but, usec now, usec *at)
{
	struct conf_api_key *best = NULL;

	*at = USEC_NEVER;
	for (size_t i = 0; i < b->n_api_keys; i++) {
		usec t = free_at(b, s, i);

		if (&b->api_keys[i] == but || (best != NULL && t >= *at))
			continue;
		best = &b->api_keys[i];
		*at = t;
		if (t <= now)
			break;
	}
	return best;
}

struct conf_api_key *
conf_api_key_now(
    const struct conf_backend *b, const struct conf_serving *s, usec now)
{
	usec at;

	return soonest(b, s, NULL, now, &at);
}

bool
conf_api_key_spare(const struct conf_backend *b, const struct conf_serving *s,
    const struct conf_api_key *but, usec now)
{
	usec at;

	return soonest(b, s, but, now, &at) != NULL && at <= now;
}

void
conf_api_key_refuse(struct conf_api_key *k, usec until)
{
	write_time(&k->refused_until, until);
}

void
conf_api_key_limit(
    const struct conf_serving *s, const struct conf_api_key *k, usec until)
{
	write_time(&s->keys_limited[k - s->backend->api_keys], until);
}

usec
conf_api_key_limited(
    const struct conf_serving *s, const struct conf_api_key *but, usec now)
{
	const struct conf_backend *b = s->backend;
	usec first = 0, until;

	for (size_t i = 0; i < b->n_api_keys; i++) {
		until = limited_until(s, i);
		if (&b->api_keys[i] == but || until <= now ||
		    read_time(&b->api_keys[i].refused_until) > now)
			continue;
		if (first == 0 || until < first)
			first = until;
	}
	return first;
}
