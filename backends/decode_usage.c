/* backends/decode_usage.c - how many tokens a backend says there were.
 *
 * A count that is no number is none; what is not said is not known. */
#include "backends/decode.h"

static uint32_t
count_of(const struct scan_member *m)
{
	uint64_t v;

	if (m->type != SCAN_NUMBER || !scan_u64(m->value, &v))
		return 0;
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX;
}

/* A sum does not wrap, either. */
static uint32_t
plus(uint32_t a, uint32_t b)
{
	return b < UINT32_MAX - a ? a + b : UINT32_MAX;
}

/* What has several names is written by some under all of them, and is 0 under
 * those that they do not mean. */
static void
keep_larger(uint32_t *n, uint32_t other)
{
	if (other > *n)
		*n = other;
}

/* Of prompt_tokens_details, completion_tokens_details. */
static void
read_detail(const struct scan_member *details, const char *name, uint32_t *out)
{
	struct scan_member m;

	if (details->type == SCAN_OBJECT && scan_get(details->value, name, &m))
		keep_larger(out, count_of(&m));
}

static void
keep_count(const struct scan_member *m, struct usage *u, uint32_t *out)
{
	u->known |= m->type == SCAN_NUMBER;
	keep_larger(out, count_of(m));
}

/* Gemini and xAI leave out of completion_tokens what was thought, and bill it:
 * only the total has it. */
static void
add_thoughts(struct usage *u, uint32_t total)
{
	uint32_t said = plus(u->input, u->output);

	if (u->input == 0 || total <= said || total > USAGE_MOST)
		return;
	u->output += total - said;
	if (u->reasoning < total - said)
		u->reasoning = total - said;
}

/* False: of another name. */
static bool
read_count(const struct scan_member *m, struct usage *u)
{
	if (scan_key_is(m, "prompt_tokens") || scan_key_is(m, "input_tokens"))
		keep_count(m, u, &u->input);
	else if (scan_key_is(m, "completion_tokens") ||
	    scan_key_is(m, "output_tokens"))
		keep_count(m, u, &u->output);
	else if (scan_key_is(m, "prompt_tokens_details") ||
	    scan_key_is(m, "input_tokens_details"))
		read_detail(m, "cached_tokens", &u->cached);
	else if (scan_key_is(m, "completion_tokens_details") ||
	    scan_key_is(m, "output_tokens_details"))
		read_detail(m, "reasoning_tokens", &u->reasoning);
	else
		return false;
	return true;
}

void
decode_usage(struct slice usage, enum dialect dialect, struct event *out)
{
	struct usage *u = &out->usage;
	uint32_t beside = 0; /* input that input_tokens leaves out */
	uint32_t total = 0;
	struct scan_member m;

	while (scan_next_member(&usage, &m)) {
		if (read_count(&m, u))
			continue;
		if (dialect == DIALECT_CHAT) {
			if (scan_key_is(&m, "total_tokens"))
				total = count_of(&m);
			else if (scan_key_is(&m, "prompt_cache_hit_tokens") ||
			    scan_key_is(&m, "cached_tokens"))
				keep_larger(&u->cached, count_of(&m));
		} else if (dialect == DIALECT_MESSAGES) {
			if (scan_key_is(&m, "cache_read_input_tokens"))
				u->cached = count_of(&m);
			else if (scan_key_is(&m, "cache_creation_input_tokens"))
				u->cache_write = count_of(&m);
			else
				continue;
			beside = plus(beside, count_of(&m));
		}
	}
	add_thoughts(u, total);
	u->input = plus(u->input, beside);
	out->bits |= EVENT_USAGE;
}

/* Groq reports a stream's in a member of its own, and why it stops early. */
void
decode_x_groq(const struct scan_member *x_groq, struct event *out,
    struct scan_member *error)
{
	struct scan_member m;

	if (x_groq->type != SCAN_OBJECT)
		return;
	if (scan_get(x_groq->value, "usage", &m) && m.type == SCAN_OBJECT)
		decode_usage(m.value, DIALECT_CHAT, out);
	if (scan_get(x_groq->value, "error", &m) && decode_is_error(&m))
		decode_fail(out, error, &m);
}

/* So does llama.cpp, unasked: of the prompt what it had in its cache and what
 * it read, and what it said. */
void
decode_timings(const struct scan_member *timings, struct event *out)
{
	struct scan_member cached, read, said;

	if (timings->type != SCAN_OBJECT ||
	    !scan_get(timings->value, "cache_n", &cached) ||
	    !scan_get(timings->value, "prompt_n", &read) ||
	    !scan_get(timings->value, "predicted_n", &said))
		return;
	out->bits |= EVENT_USAGE;
	out->usage = (struct usage){ .known = true,
		.input = plus(count_of(&cached), count_of(&read)),
		.output = count_of(&said),
		.cached = count_of(&cached) };
}
