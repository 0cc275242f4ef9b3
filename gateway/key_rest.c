/* gateway/key_rest.c - see key_rest.h. */
#include "gateway/key_rest.h"

#include "gateway/lib/log.h"

#define LIMIT_REST USEC_SEC /* of a key at its limit, where none is told */
#define LIMIT_REST_MAX (60 * USEC_SEC)

usec
key_at_its_limit(usec told)
{
	if (told <= 0)
		return LIMIT_REST;
	return told < LIMIT_REST_MAX ? told : LIMIT_REST_MAX;
}

usec
key_rest(const struct fault *f)
{
	if (f->kind == FAULT_KEY)
		return CONF_KEY_REST;
	return f->kind == FAULT_RATE_LIMITED ? key_at_its_limit(f->retry_after)
					     : 0;
}

void
key_lay_down(const struct conf_serving *s, struct conf_api_key *k,
    enum fault_kind why, usec until)
{
	if (why == FAULT_KEY)
		conf_api_key_refuse(k, until);
	else
		conf_api_key_limit(s, k, until);
}

bool
key_turn(const char *id, const struct conf_serving *s, struct conf_api_key *k,
    const struct fault *f, usec now)
{
	const struct conf_backend *b = s->backend;
	usec rest = key_rest(f);

	if (rest == 0 || k == NULL || !conf_api_key_spare(b, s, k, now))
		return false;
	key_lay_down(s, k, f->kind, now + rest);
	log_warn("key_turned id=%s backend=%s model=%s key=%zu reason=%s "
		 "rest_s=%lld",
	    id, b->name, s->model->name, (size_t)(k - b->api_keys),
	    fault_rule(f->kind)->name, (long long)(rest / USEC_SEC));
	return true;
}
