/* backends/encode_testing.h - for encode.c's tests: what a request becomes on
 * its way to a backend. */
#ifndef BACKENDS_ENCODE_TESTING_H
#define BACKENDS_ENCODE_TESTING_H

#include <string.h>

#include "backends/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MEMBERS 40

/* One request on its way to one backend; zeroes mean the plain case. */
struct sent {
	const char *adapter, *body, *model; /* "openai", -, "m" */
	const char *key, *path;
	const char *const *strip;
	enum dialect dialect;
	const char *beta;
	bool stream, client_wants_usage, base64;
	uint32_t max_tokens;
	const char *form; /* where its model is; "": it has none */
	/* out */
	char text[2048], headers[1024];
	size_t edits;
	bool usage_injected;
	struct errmsg why;
};

static inline void
keep_body(struct sent *s, const struct encoded *e)
{
	struct slice pieces[EDITS_PIECES_MAX];
	size_t total, n = edits_pieces(&e->body, pieces, &total), at = 0;

	assert_true(total < sizeof(s->text));
	for (size_t i = 0; i < n; i++) {
		memcpy(s->text + at, pieces[i].p, pieces[i].n);
		at += pieces[i].n;
	}
	s->text[at] = '\0';
	s->edits = e->body.n;
}

static inline void
keep_headers(struct sent *s, const struct encoded *e)
{
	assert_true(e->headers.n < sizeof(s->headers));
	memcpy(s->headers, e->headers.p, e->headers.n);
	s->headers[e->headers.n] = '\0';
}

static inline enum err
encode(struct sent *s)
{
	struct scan_member members[MEMBERS];
	struct conf_backend backend = { .name = "b",
		.adapter = s->adapter != NULL ? s->adapter : "openai",
		.api_key = s->key,
		.strip = s->strip };
	struct conf_serving serving = { .backend = &backend };
	struct facts facts = { .dialect = s->dialect,
		.stream = s->stream,
		.include_usage = s->client_wants_usage,
		.base64 = s->base64 };
	const struct backend_ops *ops = backend_find(slice_of(backend.adapter));
	struct encode_in in = { .ops = ops,
		.dialect = s->dialect,
		.path = s->path != NULL ? s->path : "/chat/completions",
		.facts = &facts,
		.body = slice_of(s->body),
		.members = members,
		.serving = &serving,
		.model_name = slice_of(s->model != NULL ? s->model : "m"),
		.want_usage = s->stream,
		.beta = slice_of(s->beta),
		.max_tokens = s->max_tokens };
	struct encoded e;
	enum err rc;

	if (s->form != NULL) {
		in.form_type = SLICE("multipart/form-data; boundary=b");
		in.form_end =
		    slice_make(strstr(s->body, "--b--"), strlen("--b"));
		if (s->form[0] != '\0')
			in.form_model = slice_make(
			    strstr(s->body, s->form), strlen(s->form));
	} else {
		assert_int_equal(scan_object(in.body, members, MEMBERS,
				     &in.n_members, &s->why),
		    OK);
		in.model = scan_find(members, in.n_members, "model");
	}
	encoded_init(&e);
	rc = backend_encode(&in, &e, &s->why);
	if (rc == OK) {
		keep_body(s, &e);
		keep_headers(s, &e);
		s->usage_injected = e.usage_injected;
	}
	encoded_fini(&e);
	return rc;
}

static inline void
becomes(struct sent *s, const char *want)
{
	assert_int_equal(encode(s), OK);
	assert_string_equal(s->text, want);
}

#endif
