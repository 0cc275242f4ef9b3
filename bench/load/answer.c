/* bench/load/answer.c - tokens in streams. See answer.h. */
#include "bench/load/answer.h"

#include <string.h>

#include "gateway/lib/count.h"

void
answer_init(struct answer *a)
{
	*a = (struct answer){ 0 };
	sse_init(&a->sse);
	buf_init(&a->partial, SSE_EVENT_MAX);
}

void
answer_fini(struct answer *a)
{
	buf_fini(&a->partial);
}

void
answer_reset(struct answer *a)
{
	struct buf partial = a->partial;

	buf_reset(&partial);
	*a = (struct answer){ .partial = partial };
	sse_init(&a->sse);
}

static const char *
behind(struct slice s, const char *text)
{
	size_t n = strlen(text);
	const char *at = memmem(s.p, s.n, text, n);

	return at != NULL ? at + n : NULL;
}

/* `name` with a value that is neither empty nor null. */
static bool
says(struct slice event, const char *name)
{
	const char *p = behind(event, name), *end = event.p + event.n;

	while (p != NULL && p < end && *p == ' ')
		p++;
	if (p == NULL || end - p < 2)
		return false;
	if (*p == '"')
		return p[1] != '"';
	return *p == '[' && p[1] != ']';
}

static bool
has_token(struct slice event)
{
	static const char *const names[] = { "\"content\":", "\"text\":",
		"\"reasoning_content\":", "\"reasoning\":", "\"tool_calls\":" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (says(event, names[i]))
			return true;
	return false;
}

static uint32_t
count_of(struct slice event, const char *name, uint32_t before)
{
	const char *p = behind(event, name), *end = event.p + event.n;
	uint32_t n = 0;

	while (p != NULL && p < end && *p == ' ')
		p++;
	if (p == NULL || p == end || *p < '0' || *p > '9')
		return before;
	for (; p < end && *p >= '0' && *p <= '9' && n < UINT32_MAX / 10 - 1;
	     p++)
		n = n * 10 + (uint32_t)(*p - '0');
	return n;
}

/* Said at the end; some servers say so far with each token. */
static void
take_usage(struct answer *a, struct slice event)
{
	a->usage_in = count_of(event, "\"prompt_tokens\":", a->usage_in);
	a->usage_out = count_of(event, "\"completion_tokens\":", a->usage_out);
}

static void
take_event(struct answer *a, struct slice event, usec now,
    void (*on_token)(void *, const struct answer *, usec), void *arg)
{
	if (says(event, "\"finish_reason\":"))
		a->finished = true;
	if (has_token(event)) {
		on_token(arg, a, now);
		a->tokens++;
		a->first = a->first > 0 ? a->first : now;
		a->last = now;
	} else if (behind(event, "data: [DONE]") != NULL) {
		a->done = true;
	} else if (behind(event, "{\"error\":") != NULL) {
		a->error = true;
		return;
	}
	if (a->finished)
		take_usage(a, event);
}

bool
answer_events(struct answer *a, struct slice in, usec now,
    void (*on_token)(void *, const struct answer *, usec), void *arg)
{
	enum sse_state state;
	struct slice event;
	size_t n;

	a->bytes += in.n;
	while (in.n > 0) {
		state = sse_scan(&a->sse, in, &n);
		event = slice_make(in.p, n);
		in = slice_make(in.p + n, in.n - n);
		if (state != SSE_EVENT || a->partial.n > 0) {
			buf_add(&a->partial, event);
			event = buf_slice(&a->partial);
		}
		if (state == SSE_LONG || buf_err(&a->partial) != OK)
			return false;
		if (state == SSE_EVENT) {
			take_event(a, event, now, on_token, arg);
			buf_reset(&a->partial);
		}
	}
	return true;
}

void
answer_plain(struct answer *a, struct slice in)
{
	a->bytes += in.n;
}

bool
answer_whole(const struct answer *a)
{
	return answer_complete(a) && a->done;
}

bool
answer_complete(const struct answer *a)
{
	return a->tokens > 0 && a->finished && !a->error && !a->sse.any;
}
