/* router/suspect.c - whether failures say more of who asks than of who answers.
 */
#include "router/suspect.h"

#include "gateway/lib/hash.h"

static uint64_t
not_0(uint64_t h)
{
	return h != 0 ? h : 1;
}

struct author
author_of(const struct route_request *req)
{
	const struct facts *f = req->facts;
	uint64_t tenant =
	    req->tenant != NULL ? req->tenant->id + UINT64_C(1) : 0;
	uint64_t h = hash_mix(0, tenant);
	struct author who = { .by[AUTHOR_TENANT] = not_0(h) };

	h = hash_mix(h, req->model->servings[0].id);
	h = hash_mix(h, f->prefix_hash);
	h = hash_mix(h, f->prompt_bytes);
	h = hash_mix(h, (uint64_t)f->max_tokens << 8 | (uint64_t)f->dialect);
	who.by[AUTHOR_REQUEST] = not_0(h);
	return who;
}

static void
prove(struct suspect *s, usec sent, usec now)
{
	/* who was at work before it failed may have been lucky */
	if (sent < s->since)
		return;
	if (s->proofs < SUSPECT_PROOFS_MAX)
		s->proofs++;
	s->proved_at = now;
}

static void
note_well(struct suspects *all, uint64_t tenant, usec now)
{
	if (all->well != tenant) {
		all->others_well_at = all->well_at;
		all->well = tenant;
	}
	all->well_at = now;
}

void
suspects_began(
    struct suspects *all, const struct author *who, usec sent, usec now)
{
	if (!all->by[AUTHOR_TENANT].late)
		note_well(all, who->by[AUTHOR_TENANT], now);
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		struct suspect *s = &all->by[k];

		if (s->who != 0 && s->who != who->by[k] && !s->late)
			prove(s, sent, now);
	}
}

void
suspects_whole(struct suspects *all, const struct author *who, usec sent,
    bool began, usec now)
{
	note_well(all, who->by[AUTHOR_TENANT], now);
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		struct suspect *s = &all->by[k];

		if (s->who == who->by[k])
			s->failed_in_a_row = 0;
		else if (s->who != 0 && (s->late || !began))
			prove(s, sent, now);
	}
}

/* Of somebody else: then it is not the only one. */
static void
refute(struct suspect *s, usec now)
{
	s->since = s->refuted_at = now;
	s->alone = 0;
	s->proofs -= s->proofs < SUSPECT_REFUTES ? s->proofs : SUSPECT_REFUTES;
}

static bool
is_excused(const struct suspect *s, usec now)
{
	return s->proofs >= SUSPECT_PROOFS &&
	    now - s->proved_at < SUSPECT_PROOF_AGE;
}

/* Another tenant was answered a moment ago, and none that is not this has
 * failed for longer. */
static bool
is_alone(const struct suspects *all, usec now)
{
	const struct suspect *s = &all->by[AUTHOR_TENANT];
	usec at = all->well != s->who ? all->well_at : all->others_well_at;

	return s->alone >= SUSPECT_ALONE && at > 0 &&
	    now - at < SUSPECT_WITNESS &&
	    (s->refuted_at == 0 || now - s->refuted_at >= SUSPECT_PROOF_AGE);
}

static bool
note(struct suspect *s, uint64_t who, bool began, usec now)
{
	if (s->who != who) {
		refute(s, now);
		if (s->proofs > 0)
			return false;
		*s = (struct suspect){
			.who = who, .since = now, .refuted_at = s->failed_at
		};
	}
	/* that others have begun to be answered proves nothing then */
	if (began && !s->late) {
		s->late = true;
		s->proofs = 0;
		s->since = now;
	}
	s->failed_in_a_row++;
	s->alone++;
	s->failed_at = now;
	return is_excused(s, now);
}

bool
suspects_failed(
    struct suspects *all, const struct author *who, bool began, usec now)
{
	bool excused = false;

	for (unsigned k = 0; k < AUTHOR_KINDS; k++)
		excused |= note(&all->by[k], who->by[k], began, now);
	return excused ||
	    (!began && all->by[AUTHOR_TENANT].who == who->by[AUTHOR_TENANT] &&
		is_alone(all, now));
}

bool
suspects_avoid(const struct suspects *all, const struct author *who, usec now)
{
	for (unsigned k = 0; k < AUTHOR_KINDS; k++) {
		const struct suspect *s = &all->by[k];

		if (s->who == who->by[k] &&
		    s->failed_in_a_row >= SUSPECT_FAILS_ALWAYS &&
		    (is_excused(s, now) ||
			(k == AUTHOR_TENANT && is_alone(all, now))) &&
		    now - s->failed_at < SUSPECT_REST)
			return true;
	}
	return false;
}
