/* tests/fuzz/messages_fuzz.c - Anthropic's messages as chat, and what comes
 * back: the first line is the request, the others are events of a stream, each
 * of them a whole answer, too.
 *
 * What is valid becomes something valid. What a backend sends may also be no
 * JSON in small ways (half of a surrogate pair): then nothing is read that is
 * not there. */
#include <string.h>

#include "backends/backend.h"
#include "gateway/lib/scan.h"
#include "gateway/translation/translation.h"
#include "tests/fuzz/fuzz.h"

static const struct usage usage = { .known = true, .input = 7, .output = 3 };

/* An object, or too deep a one: some of what is translated is deeper than what
 * it was made of. */
static bool
is_object(struct slice json, bool *deep)
{
	struct errmsg why;
	size_t n;
	bool good = scan_object(json, NULL, 0, &n, &why) == OK;

	*deep = !good && strstr(why.text, "nested too deep") != NULL;
	return good;
}

static void
require_object(struct slice json)
{
	bool deep, good = is_object(json, &deep);

	FUZZ_REQUIRE(good || deep);
}

static void
require_events(struct slice sse)
{
	struct slice line;

	while (slice_next(&sse, '\n', &line))
		if (slice_starts(line, SLICE("data: ")))
			require_object(slice_make(line.p + 6, line.n - 6));
		else
			FUZZ_REQUIRE(line.n == 0 ||
			    slice_starts(line, SLICE("event: ")));
}

/* As an attempt judges it: it is no error, nor the end. */
static bool
is_an_answer(struct slice line)
{
	struct buf scratch;
	struct event e;

	buf_init(&scratch, 1 << 20);
	backend_decode(DIALECT_CHAT, SLICE(""), line, &e, &scratch);
	buf_fini(&scratch);
	return (e.bits & (EVENT_ERROR | EVENT_DONE | EVENT_IGNORED)) == 0;
}

static struct translation *
translation_of_fuzz(void)
{
	const struct translation_about about = { .id = "req_0123456789abcdef",
		.origin = 7,
		.model = SLICE("m"),
		.files = true,
		.formats = true };
	struct translation *t = translation_new(DIALECT_MESSAGES, &about);

	FUZZ_REQUIRE(t != NULL);
	return t;
}

static bool
ask(struct translation *t, struct slice request)
{
	struct errmsg why = { "" };
	struct slice chat;
	bool deep;
	enum err rc;

	if (!is_object(request, &deep))
		return false;
	rc = translation_request(t, request, &chat, &why);
	FUZZ_REQUIRE(rc == OK || rc == ERR_INVALID || rc == ERR_UNSUPPORTED);
	FUZZ_REQUIRE((rc == OK) == (why.text[0] == '\0'));
	if (rc == OK)
		require_object(chat);
	return rc == OK;
}

static void
answer(struct slice request, struct slice body, bool valid)
{
	struct translation *t = translation_of_fuzz();
	struct buf out;

	buf_init(&out, 1 << 24);
	if (ask(t, request)) {
		translation_answer(t, body, &usage, &out);
		if (valid)
			require_object(buf_slice(&out));
	}
	buf_fini(&out);
	translation_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_make((const char *)data, size), request, line;
	struct translation *t = translation_of_fuzz();
	bool valid = true, deep, good;
	struct buf out;

	buf_init(&out, 1 << 24);
	if (slice_next(&rest, '\n', &request) && ask(t, request)) {
		while (slice_next(&rest, '\n', &line)) {
			if (!is_an_answer(line))
				continue;
			good = is_object(line, &deep);
			valid &= good;
			translation_event(t, line, &out);
			answer(request, line, good);
		}
		translation_end(t, &usage, &out);
		FUZZ_REQUIRE(buf_err(&out) == OK);
		if (valid)
			require_events(buf_slice(&out));
	}
	buf_fini(&out);
	translation_free(&t);
	return 0;
}
