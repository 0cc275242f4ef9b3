/* tests/fuzz/responses_fuzz.c - a request of responses, and on the lines that
 * follow the events of an answer of chat.
 *
 * What is translated is valid: JSON that names no line end, and a stream in
 * which nothing is missing. The first line of the answer is taken as a whole
 * one, too. */
#include "gateway/translation/responses_check.h"
#include "tests/fuzz/fuzz.h"

static bool
is_object(struct slice json)
{
	struct errmsg why;
	size_t n;

	return scan_object(json, NULL, 0, &n, &why) == OK;
}

static struct translation *
ask(struct slice request)
{
	const struct translation_about about = { .id = "req_ab12",
		.origin = 7,
		.model = SLICE("m"),
		.files = true,
		.formats = true };
	struct translation *t = translation_new(DIALECT_RESPONSES, &about);
	struct errmsg why = { "" };
	struct slice chat;

	if (translation_request(t, request, &chat, &why) != OK) {
		FUZZ_REQUIRE(why.text[0] != '\0');
		translation_free(&t);
		return NULL;
	}
	FUZZ_REQUIRE(is_object(chat));
	FUZZ_REQUIRE(chat.n < 8 * request.n + 256);
	translation_free_request(t);
	return t;
}

static void
stream(struct slice request, struct slice lines)
{
	const struct usage usage = { .known = true };
	struct translation *t = ask(request);
	struct slice line;
	struct buf out;

	if (t == NULL)
		return;
	buf_init(&out, SSE_EVENT_MAX);
	while (slice_next(&lines, '\n', &line))
		if (is_object(line))
			translation_event(t, line, &out);
	if (buf_err(&out) == OK)
		translation_end(t, &usage, &out);
	FUZZ_REQUIRE(
	    buf_err(&out) != OK || check_stream(buf_slice(&out), NULL) == NULL);
	buf_fini(&out);
	translation_free(&t);
}

static void
answer(struct slice request, struct slice line)
{
	const struct usage usage = { .known = false };
	struct translation *t = ask(request);
	struct buf out;

	if (t == NULL)
		return;
	buf_init(&out, SSE_EVENT_MAX);
	translation_answer(t, line, &usage, &out);
	FUZZ_REQUIRE(buf_err(&out) != OK || is_object(buf_slice(&out)));
	buf_fini(&out);
	translation_free(&t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice lines = slice_make((const char *)data, size);
	struct slice request, rest;

	if (!slice_next(&lines, '\n', &request) || !is_object(request))
		return 0;
	stream(request, lines);
	rest = lines;
	if (slice_next(&rest, '\n', &lines) && is_object(lines))
		answer(request, lines);
	return 0;
}
