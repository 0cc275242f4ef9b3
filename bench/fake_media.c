/* bench/fake_media.c - sound, transcripts, pictures, verdicts and rankings that
 * fakellm makes up. A token of speech is 256 bytes of it. */
#include <string.h>

#include "bench/fake.h"

static bool
is(const struct fake_call *c, const char *path)
{
	return strcmp(c->path, path) == 0;
}

static bool
is_transcript(const struct fake_call *c)
{
	return is(c, "transcriptions") || is(c, "translations");
}

void
fake_media_read(struct fake_call *c)
{
	static const char wish[] = "name=\"stream\"\r\n\r\ntrue\r\n";

	if (is(c, "speech"))
		c->stream = true;
	else if (is_transcript(c))
		c->stream = c->body.n > 0 &&
		    memmem(c->body.p, c->body.n, wish, sizeof(wish) - 1) !=
			NULL;
}

const char *
fake_media_type(const struct fake_call *c)
{
	return is(c, "speech") ? "audio/mpeg" : "text/event-stream";
}

/* `sent` counts it already. */
bool
fake_media_piece(const struct fake_call *c, struct buf *b)
{
	if (is(c, "speech")) {
		for (int i = 0; i < 256; i++)
			buf_add_char(b, (char)(unsigned char)i);
		return true;
	}
	if (!is_transcript(c))
		return false;
	buf_addf(b,
	    "data: {\"type\":\"transcript.text.delta\",\"delta\":"
	    "\"%sword%u\"}\n\n",
	    c->sent > 1 ? " " : "", c->sent - 1);
	return true;
}

static void
add_words(struct buf *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_addf(b, "%sword%u", i > 0 ? " " : "", i);
}

bool
fake_media_end(const struct fake_call *c, struct buf *b)
{
	if (is(c, "speech"))
		return true;
	if (!is_transcript(c))
		return false;
	buf_add_str(b, "data: {\"type\":\"transcript.text.done\",\"text\":\"");
	add_words(b, c->sent);
	buf_addf(b,
	    "\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":%u,"
	    "\"output_tokens\":%u,\"total_tokens\":%u}}\n\n",
	    c->prompt, c->sent, c->prompt + c->sent);
	return true;
}

bool
fake_media_whole(const struct fake *f, const struct fake_call *c, struct buf *b)
{
	if (is_transcript(c)) {
		buf_add_str(b, "{\"text\":\"");
		add_words(b, c->tokens);
		buf_addf(b,
		    "\",\"usage\":{\"type\":\"duration\",\"seconds\":%zu}}",
		    c->body.n / 32000 + 1);
	} else if (is(c, "images")) {
		buf_addf(b,
		    "{\"created\":1,\"data\":[{\"b64_json\":\"aGVsbG8=\"}],"
		    "\"usage\":{\"input_tokens\":%u,\"output_tokens\":%u,"
		    "\"total_tokens\":%u}}",
		    c->prompt, c->tokens, c->prompt + c->tokens);
	} else if (is(c, "moderations")) {
		buf_addf(b,
		    "{\"id\":\"modr-1\",\"model\":\"%s\",\"results\":[{"
		    "\"flagged\":false,\"categories\":{},"
		    "\"category_scores\":{}}]}",
		    f->o.model);
	} else if (is(c, "rerank")) {
		buf_addf(b,
		    "{\"id\":\"rank-1\",\"model\":\"%s\",\"results\":[{"
		    "\"index\":0,\"relevance_score\":0.5}],\"usage\":{"
		    "\"total_tokens\":%u}}",
		    f->o.model, c->prompt);
	} else {
		return false;
	}
	return true;
}
