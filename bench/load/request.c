/* bench/load/request.c - the load client's requests.
 *
 * A prompt is as long as asked for, in words that a tokenizer would take for
 * about one token each. */
#include "bench/load/load.h"
#include "gateway/lib/inference.h"

static void
add_words(struct buf *b, size_t left)
{
	struct slice words = SLICE("set point ");

	for (; left > 0 && buf_err(b) == OK; left -= words.n) {
		if (left < words.n)
			words.n = left;
		buf_add(b, words);
	}
}

static void
render_body(
    const struct load_options *o, const struct arrival *a, struct buf *b)
{
	const struct slice tail = SLICE("\"}]}");
	unsigned output = a->output > 0 ? a->output : o->max_tokens;
	size_t want = o->body_bytes;

	buf_addf(b, "{\"model\":\"%s\",", o->model);
	if (o->stream)
		buf_add_str(b, "\"stream\":true,");
	if (output > 0)
		buf_addf(b, "\"max_tokens\":%u,", output);
	if (o->gap_ms >=
	    0) /* twice: some gateways drop the one, some the other */
		buf_addf(b,
		    "\"fake\":{\"ttft_ms\":0,\"itl_ms\":%g},"
		    "\"user\":\"{\\\"ttft_ms\\\":0,\\\"itl_ms\\\":%g}\",",
		    o->gap_ms, o->gap_ms);
	buf_add_str(b, "\"messages\":[{\"role\":\"user\",\"content\":\"");
	if (a->prompt > 0)
		want = b->n + (size_t)a->prompt * TOKEN_BYTES;
	if (want > b->n + tail.n)
		add_words(b, want - b->n - tail.n);
	buf_add(b, tail);
}

void
load_render(
    const struct load_options *o, const struct arrival *a, struct buf *out)
{
	struct buf body;

	buf_init(&body, SIZE_MAX);
	render_body(o, a, &body);
	buf_addf(out,
	    "POST %s HTTP/1.1\r\nhost: %s\r\n"
	    "content-type: application/json\r\ncontent-length: %zu\r\n",
	    o->path, o->host, body.n);
	if (o->key != NULL)
		buf_addf(out, "authorization: Bearer %s\r\n", o->key);
	for (int i = 0; i < LOAD_HEADERS && o->headers[i] != NULL; i++)
		buf_addf(out, "%s\r\n", o->headers[i]);
	buf_add_str(out, "\r\n");
	buf_add(out, buf_slice(&body));
	buf_fini(&body);
}
