/* gateway/attempt_measure.c - what was measured of an attempt: its pace, its
 * usage, its part of a receipt. */
#include "gateway/attempt.h"

#include <string.h>

#include "gateway/sent_name.h"
#include "gateway/upstream/upstream.h"

/* At a time, in the same stream. */
static unsigned
answers_of(const struct attempt *a)
{
	unsigned n = (unsigned)__builtin_popcountll(a->choices.begun);

	return n > 1 ? n : 1;
}

bool
attempt_progress(struct attempt *a, unsigned *tokens, usec *span)
{
	/* A reader who sets the pace says nothing of the backend's. */
	if (!a->token_told || a->paced ||
	    a->last_token - a->told < ATTEMPT_PROGRESS)
		return false;
	*tokens = (a->guessed - a->tokens_told) / answers_of(a);
	*span = a->last_token - a->told;
	a->tokens_told = a->guessed;
	a->told = a->last_token;
	return true;
}

/* How many tokens of one answer there are for each that was seen: several may
 * come in an event. What was thought and not shown is none of them. */
static double
tokens_each(const struct attempt *a)
{
	struct usage u;
	uint32_t made;

	attempt_usage(a, &u);
	made = u.known ? u.output : a->guessed;
	if (u.known && (a->seen & EVENT_REASONING) == 0)
		made -= u.reasoning < made ? u.reasoning : made;
	return made > a->tokens ? (double)made / a->tokens : 1;
}

/* Until the client made it pause for the first time: what comes after a pause
 * was made during it, nobody knows when. Of several answers at a time each has
 * a pace of its own. */
static usec
inter_token(const struct attempt *a)
{
	double seen = a->paced ? a->unpaced.tokens : a->tokens;
	usec last = a->paced ? a->unpaced.last_token : a->last_token;

	seen /= answers_of(a);
	if (a->first_token == 0 || seen < 2)
		return -1;
	return (usec)((double)(last - a->first_token) /
	    ((seen - 1) * tokens_each(a)));
}

bool
attempt_was_sent(const struct attempt *a)
{
	return a->transfer != NULL ? transfer_was_sent(a->transfer)
				   : a->sent_any;
}

/* A session has looked at each count, and is a sum. */
static void
drop_absurd(const struct attempt *a, uint32_t *n)
{
	if (*n > USAGE_MOST && a->request->session == NULL)
		*n = 0;
}

/* Of what broke off it may have told the input alone; and some write zeroes,
 * whatever there was. */
void
attempt_usage(const struct attempt *a, struct usage *out)
{
	*out = a->usage;
	drop_absurd(a, &out->input);
	drop_absurd(a, &out->output);
	if (out->cached > out->input)
		out->cached = out->input;
	if (!attempt_is_whole(a) && out->output < a->tokens)
		out->known = false;
	if ((out->input == 0 || out->output == 0) && a->guessed > 0)
		out->known = false;
	if (out->known || !dialect_reads_text(a->head.dialect))
		return;
	if (out->input == 0 && attempt_was_sent(a))
		out->input = tokens_of_bytes(a->request->facts.prompt_bytes);
	out->output = a->guessed;
}

/* What it took for all of an answer; a session takes as long as its client
 * likes. */
static usec
whole_span(const struct attempt *a, usec now)
{
	return attempt_is_whole(a) && a->mode != ATTEMPT_TUNNEL ? now - a->sent
								: -1;
}

void
attempt_result(const struct attempt *a, usec now, struct route_result *out)
{
	*out = (struct route_result){
		.fault = a->fault,
		.ttft = a->first_token > 0 ? a->first_token - a->sent : -1,
		.itl = inter_token(a),
		.total = !a->paced ? whole_span(a, now) : -1,
		.stalled = a->stalled + (a->paused > 0 ? now - a->paused : 0),
		.said = (a->seen & EVENT_TOKEN) != 0,
	};
	attempt_usage(a, &out->usage);
}

/* As it was sent, if that may differ. */
static const char *
upstream_name(const struct attempt *a)
{
	const struct conf_serving *s = a->serving;
	const char *sent = sent_names_find(a->request->sent, s->id);

	return sent != NULL ? sent : s->upstream;
}

/* Known once an answer has begun, or none came. */
static enum connection_kind
connection_of(const struct attempt *a, usec connect)
{
	if (connect >= 0)
		return CONNECTION_COLD;
	return a->reused || a->head.status != 0 ? CONNECTION_WARM
						: CONNECTION_NONE;
}

void
attempt_report(const struct attempt *a, usec now, struct attempt_report *out)
{
	struct route_result result;
	usec connect = a->connect, tls = a->tls;
	usec arrived = a->request->routing.arrived;

	if (!a->done)
		connect = tls = -1;
	if (a->transfer != NULL && a->mode != ATTEMPT_HEAD)
		transfer_timing(a->transfer, &connect, &tls);
	attempt_result(a, now, &result);
	*out = (struct attempt_report){
		.serving = a->serving->id,
		.backend = a->serving->backend->name,
		.model = upstream_name(a),
		.adapter = a->serving->backend->adapter,
		.fault = a->fault.kind,
		.status = (int16_t)a->head.status,
		.hedge = a->hedge,
		.translated = a->translation != NULL,
		.began = a->sent - arrived,
		.ended = now - arrived,
		.connection = connection_of(a, connect),
		.connect = connect,
		.tls = tls,
		.ttft = result.ttft,
		.itl = result.itl,
		.total = whole_span(a, now),
	};
}
