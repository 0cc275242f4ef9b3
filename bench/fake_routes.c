/* bench/fake_routes.c - what fakellm answers at which path. */
#include "bench/fake.h"
#include "gateway/lib/count.h"

#define OWN_MAX ((size_t)64 << 20)

static void
answer_inference(struct fake *f, struct fake_call *c)
{
	c->inference = true;
	f->requests++;
	fake_read_script(c, buf_slice(&c->body));
	fake_media_read(c);
	if (clock_now() - f->started < (usec)(f->o.cold_ms * 1e3)) {
		fake_reply_error(c, 503);
		return;
	}
	switch (c->fault) {
	case FAKE_RESET:
	case FAKE_CLOSE:
		fake_hang_up(c, c->fault == FAKE_RESET);
		return;
	case FAKE_HANG:
		return;
	case FAKE_STATUS:
		fake_reply_error(c, c->status);
		return;
	default:
		fake_submit(f, c);
	}
}

static void
answer_metrics(struct fake *f, struct fake_call *c)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b,
	    "# TYPE vllm:num_requests_running gauge\n"
	    "vllm:num_requests_running{model_name=\"%s\"} %u\n"
	    "vllm:num_requests_waiting{model_name=\"%s\"} %u\n"
	    "vllm:kv_cache_usage_perc{model_name=\"%s\"} %.3f\n",
	    f->o.model, f->busy, f->o.model, f->queued, f->o.model,
	    (double)f->busy / f->o.slots);
	fake_reply(c, 200, "text/plain", "", buf_slice(&b));
	buf_fini(&b);
}

static void
answer_models(struct fake *f, struct fake_call *c)
{
	struct buf b;

	buf_init(&b, 4096);
	buf_addf(&b,
	    "{\"object\":\"list\",\"data\":[{\"id\":\"%s\","
	    "\"object\":\"model\",\"created\":1,"
	    "\"owned_by\":\"fakellm\"}]}",
	    f->o.model);
	fake_reply_json(c, 200, &b);
	buf_fini(&b);
}

static void
answer_own(struct fake *f, struct fake_call *c, struct slice path)
{
	struct buf b;
	int status = 200;

	buf_init(&b, OWN_MAX);
	if (slice_is(path, "/fake/stats"))
		fake_render_stats(f, &b);
	else if (slice_is(path, "/fake/calls"))
		fake_render_calls(f, &b);
	else if (fake_configure(f, buf_slice(&c->body)))
		buf_add_str(&b, "{}");
	else
		status = 400;
	c->fault = FAKE_NONE;
	fake_reply_json(c, status, &b);
	buf_fini(&b);
}

void
fake_answer(
    struct fake *f, struct fake_call *c, struct slice method, struct slice path)
{
	static const struct {
		const char *path, *name;
	} inference[] = {
		{ "/v1/chat/completions", "chat" },
		{ "/v1/completions", "completions" },
		{ "/v1/embeddings", "embeddings" },
		{ "/v1/audio/speech", "speech" },
		{ "/v1/audio/transcriptions", "transcriptions" },
		{ "/v1/audio/translations", "translations" },
		{ "/v1/images/generations", "images" },
		{ "/v1/moderations", "moderations" },
		{ "/v1/rerank", "rerank" },
	};

	c->path = "other";
	for (size_t i = 0; i < COUNT(inference); i++)
		if (slice_is(path, inference[i].path) &&
		    slice_is(method, "POST")) {
			c->path = inference[i].name;
			answer_inference(f, c);
			return;
		}
	if (slice_starts(path, SLICE("/fake/"))) {
		answer_own(f, c, path);
		return;
	}
	if (f->fault == FAKE_HANG)
		return;
	if (slice_is(path, "/metrics"))
		answer_metrics(f, c);
	else if (slice_is(path, "/v1/models"))
		answer_models(f, c);
	else if (!slice_is(path, "/health"))
		fake_reply_error(c, 404);
	else if (clock_now() - f->started < (usec)(f->o.cold_ms * 1e3))
		fake_reply_error(c, 503);
	else
		fake_reply(c, 200, "application/json", "", SLICE("{}"));
}
