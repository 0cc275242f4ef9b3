/* gateway/admin/measured.c - a serving's speed, as it was measured: for people,
 * and for `pointsman simulate --profiles`, which plays it. */
#include <stdio.h>

#include "gateway/admin/admin.h"
#include "gateway/admin/values.h"

static json_t *
times_json(const struct measured_times *t)
{
	json_t *o = json_object();
	char name[8];

	set(o, "samples", count(t->samples));
	set(o, "recent", json_real(t->recent));
	for (unsigned i = 0; i < MEASURED_RANKS; i++) {
		snprintf(name, sizeof(name), "p%.0f", 100 * measured_ranks[i]);
		set(o, name,
		    t->ratio[i] > 0 ? json_real(t->ratio[i]) : json_null());
	}
	return o;
}

json_t *
admin_measured_json(const struct measured *m)
{
	json_t *o = json_object();

	set(o, "rtt_ms", json_real(m->rtt / 1e3));
	set(o, "step_ms", json_real(m->step / 1e3));
	set(o, "per_sequence_ms", json_real(m->per_sequence / 1e3));
	set(o, "per_token_ms", json_real(m->per_token / 1e3));
	set(o, "slots", count_unless_zero(m->slots));
	set(o, "others_at_work", json_real(m->sequences));
	set(o, "prompt_tokens_ahead", json_real(m->tokens));
	set(o, "reckoned_per_prompt_token",
	    m->reckoned > 0 ? json_real(m->reckoned) : json_null());
	set(o, "ttft_ratio", times_json(&m->ttft));
	set(o, "itl_ratio", times_json(&m->itl));
	set(o, "ailing", json_boolean(m->ailing));
	set(o, "heard_s_ago",
	    m->heard >= 0 ? json_real(m->heard / 1e6) : json_null());
	return o;
}
