/* gateway/attempt_translation.c - an attempt on a backend that is asked in
 * chat for what its client said in another format. */
#include "gateway/attempt_parts.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/app.h"
#include "gateway/lib/log.h"
#include "gateway/quoted.h"
#include "gateway/refusals.h"
#include "gateway/translation/translation.h"

/* 0: it is never translated. */
static unsigned
cap_of(const struct attempt *a)
{
	enum dialect d = a->request->route->dialect;

	return translation_exists(d) ? dialect_cap(d) : 0;
}

bool
attempt_is_translated(const struct attempt *a)
{
	const struct conf_serving *s = a->serving;

	return a->as_chat ||
	    ((s->translated | atomic_load(s->unspoken)) & cap_of(a)) != 0;
}

/* Whose answers are the same provider's: those from one host. A server that the
 * gateway starts itself has a port that changes. */
static uint32_t
origin_of(const struct conf_backend *b)
{
	struct slice rest = slice_of(b->url != NULL ? b->url : b->name);
	struct slice host = rest;

	for (int i = 0; i < 3 && b->url != NULL; i++)
		if (!slice_next(&rest, '/', &host))
			break;
	return (uint32_t)slice_hash(host) | 1;
}

/* The same bytes are held twice from now on. *t is the caller's to free,
 * whatever comes of it. */
static enum err
translate(const struct attempt *a, struct translation **t, struct slice *chat,
    struct errmsg *why)
{
	const struct request *r = a->request;
	const struct translation_about about = { .id = r->id,
		.model = r->facts.model,
		.created = clock_wall() / USEC_SEC,
		.length = a->ops->completion_tokens ? "max_completion_tokens"
						    : "max_tokens",
		.files = a->ops->chat_files,
		.formats = (a->serving->caps & CAP_JSON_MODE) != 0,
		.origin = origin_of(a->serving->backend) };
	struct slice body = exchange_body(r->exchange);

	if (body.n > ATTEMPT_COUNTED && !front_hold(r->worker->front, body.n))
		return ERR_MEMORY;
	*t = translation_new(r->route->dialect, &about);
	if (*t == NULL)
		return ERR_MEMORY;
	return translation_request(*t, body, chat, why);
}

/* Where there is no memory to tell by, the attempt in chat fails for that. */
static bool
can_be_said(const struct attempt *a)
{
	struct translation *t = NULL;
	struct errmsg why;
	struct slice chat;
	enum err rc = translate(a, &t, &chat, &why);

	translation_free(&t);
	return rc == OK || rc == ERR_MEMORY;
}

/* A 404 may also be about something that the request names: who has answered on
 * this path before means that, and who says so. What it does not say chat has
 * no word for. */
static bool
is_of_the_path(const struct attempt *a)
{
	struct slice body = buf_slice(&a->held);
	struct upstream_error said;
	bool named;

	if ((atomic_load(a->serving->spoken) & cap_of(a)) != 0)
		return false;
	upstream_error_read(&said, body, "");
	named = said.param != NULL ||
	    a->ops->classify(&a->head, body).kind == FAULT_MODEL ||
	    quoted_id(slice_of(said.message),
		exchange_body(a->request->exchange), a->request->facts.model);
	upstream_error_fini(&said);
	return !named;
}

bool
attempt_may_be_chat(const struct attempt *a)
{
	const struct conf_serving *s = a->serving;
	int status = a->fault.status;

	return a->fault.kind == FAULT_UNSUITED && a->translation == NULL &&
	    (status == 404 || status == 405 || status == 501) &&
	    cap_of(a) != 0 && (s->caps & CAP_CHAT) != 0 &&
	    s->backend->translate == CONF_TRANSLATE_NEEDED &&
	    is_of_the_path(a) && can_be_said(a);
}

void
attempt_note_format(const struct attempt *a)
{
	const struct conf_serving *s = a->serving;
	unsigned cap = cap_of(a);

	if (a->translation == NULL && (atomic_load(s->spoken) & cap) != cap)
		atomic_fetch_or(s->spoken, cap);
	if (a->as_chat && (atomic_fetch_or(s->unspoken, cap) & cap) == 0)
		log_info("translated backend=%s model=%s format=%s",
		    s->backend->name, s->model->name,
		    dialect_name(a->request->route->dialect));
}

/* --- the request --- */

/* The member that a complaint begins with; empty: with none. */
static struct slice
member_of(struct slice complaint)
{
	size_t n = strspn(complaint.p,
	    "abcdefghijklmnopqrstuvwxyz"
	    "0123456789_.[]");

	return slice_make(complaint.p, complaint.p[n] == ':' ? n : 0);
}

/* As a backend would have said it. */
static void
hold_complaint(struct attempt *a, enum err rc, struct slice complaint)
{
	struct slice member = member_of(complaint);
	const char *details = translation_details(a->translation);

	buf_add_str(
	    &a->held, "{\"error\":{\"type\":\"invalid_request_error\",");
	buf_add_str(&a->held,
	    rc == ERR_UNSUPPORTED ? "\"code\":\"unsupported_value\""
				  : "\"code\":\"invalid_value\"");
	if (member.n > 0) {
		buf_add_str(&a->held, ",\"param\":");
		buf_add_json(&a->held, member);
	}
	if (details != NULL) {
		buf_add_char(&a->held, ',');
		buf_add_str(&a->held, details);
	}
	buf_add_str(&a->held, ",\"message\":");
	buf_add_json(&a->held, complaint);
	buf_add_str(&a->held, "}}");
}

/* What cannot be said in chat somebody else may understand as it is. */
static void
fail_translation(struct attempt *a, enum err rc, const struct errmsg *why)
{
	if (rc == ERR_MEMORY || rc == ERR_LIMIT) {
		attempt_fail(a, FAULT_MEMORY);
		return;
	}
	a->head.status = 400;
	hold_complaint(a, rc, slice_of(why->text));
	attempt_fail(a, rc == ERR_UNSUPPORTED ? FAULT_UNSUITED : FAULT_REQUEST);
}

enum err
attempt_translate(struct attempt *a, struct encode_in *in,
    struct scan_member *members, size_t cap, struct errmsg *why)
{
	struct slice chat;
	enum err rc = translate(a, &a->translation, &chat, why);

	/* tools stand a level deeper in chat */
	if (rc == OK &&
	    scan_object(chat, members, cap, &in->n_members, why) != OK)
		rc = fail(why, ERR_UNSUPPORTED,
		    "the request is nested too deeply to be said in chat");
	if (rc != OK) {
		fail_translation(a, rc, why);
		return rc;
	}
	assert(in->n_members <= cap);
	in->dialect = a->head.dialect = DIALECT_CHAT;
	in->path = "/chat/completions";
	in->body = chat;
	in->members = members;
	in->model = NULL;
	return OK;
}

struct slice
attempt_left_out(const struct attempt *a)
{
	return a->translation != NULL ? translation_left_out(a->translation)
				      : SLICE("");
}

/* --- the answer --- */

#define MESSAGE_MAX 128 /* of ours */

/* The backend has done nothing wrong: in chat it is an answer. */
static void
fail_answer(struct attempt *a, enum err rc)
{
	char text[MESSAGE_MAX];

	snprintf(text, sizeof(text),
	    "the answer has %s: it cannot be said in another format",
	    translation_passed(a->translation));
	if (rc == ERR_LIMIT)
		attempt_keep_message(a, slice_of(text));
	attempt_fail(a, rc == ERR_LIMIT ? FAULT_UNSUITED : FAULT_MEMORY);
}

void
attempt_translate_event(struct attempt *a, struct slice data)
{
	buf_reset(&a->scratch);
	translation_event(a->translation, data, &a->scratch);
	if (buf_err(&a->scratch) != OK)
		fail_answer(a, buf_err(&a->scratch));
	else
		attempt_forward(a, buf_slice(&a->scratch));
}

bool
attempt_translate_end(struct attempt *a)
{
	struct usage usage;

	attempt_usage(a, &usage);
	buf_reset(&a->scratch);
	translation_end(a->translation, &usage, &a->scratch);
	if (buf_err(&a->scratch) != OK) {
		fail_answer(a, buf_err(&a->scratch));
		return false;
	}
	attempt_forward(a, buf_slice(&a->scratch));
	return true;
}

bool
attempt_translate_answer(struct attempt *a)
{
	struct usage usage;
	struct buf out;

	attempt_usage(a, &usage);
	buf_init(&out, ATTEMPT_JSON_MAX * 2);
	translation_answer(a->translation, buf_slice(&a->held), &usage, &out);
	buf_fini(&a->held);
	a->held = out;
	if (buf_err(&out) != OK)
		fail_answer(a, buf_err(&out));
	return buf_err(&out) == OK;
}
