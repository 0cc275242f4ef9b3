/* gateway/conf/api_keys.c - a backend's keys, and which of them to use. */
#include "gateway/conf/conf.h"

static usec
blocked_until(const struct conf_api_key *k)
{
	return atomic_load_explicit(&k->blocked_until, memory_order_relaxed);
}

static struct conf_api_key *
soonest(const struct conf_backend *b, const struct conf_api_key *but, usec now)
{
	struct conf_api_key *best = NULL, *k;

	for (size_t i = 0; i < b->n_api_keys; i++) {
		k = &b->api_keys[i];
		if (k == but)
			continue;
		if (blocked_until(k) <= now)
			return k;
		if (best == NULL || blocked_until(k) < blocked_until(best))
			best = k;
	}
	return best;
}

struct conf_api_key *
conf_api_key_now(const struct conf_backend *b, usec now)
{
	return soonest(b, NULL, now);
}

void
conf_api_key_block(struct conf_api_key *k, bool refused, usec until)
{
	atomic_store_explicit(&k->refused, refused, memory_order_relaxed);
	atomic_store_explicit(&k->blocked_until, until, memory_order_relaxed);
}

bool
conf_api_key_turn(const struct conf_backend *b, struct conf_api_key *k,
    bool refused, usec until, usec now)
{
	const struct conf_api_key *other = soonest(b, k, now);

	if (other == NULL || blocked_until(other) > now)
		return false;
	conf_api_key_block(k, refused, until);
	return true;
}

usec
conf_api_key_limited(
    const struct conf_backend *b, const struct conf_api_key *but, usec now)
{
	const struct conf_api_key *k;
	usec first = 0, until;

	for (size_t i = 0; i < b->n_api_keys; i++) {
		k = &b->api_keys[i];
		until = blocked_until(k);
		if (k == but || until <= now ||
		    atomic_load_explicit(&k->refused, memory_order_relaxed))
			continue;
		if (first == 0 || until < first)
			first = until;
	}
	return first;
}
