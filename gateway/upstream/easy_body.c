/* gateway/upstream/easy_body.c - the bytes that a request carries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/upstream/easy_parts.h"

#define UPLOAD_BYTES 262144L /* one write of a long body, at most */
#define REST_BYTES 8192 /* of body memory that a resting handle keeps */

/* CURLOPT_READFUNCTION */
size_t
easy_on_read(char *to, size_t size, size_t n, void *arg)
{
	struct easy *e = arg;
	size_t room = size * n, done = 0, part;

	while (done < room && e->piece < e->n_pieces) {
		const struct slice *s = &e->pieces[e->piece];

		if (e->body_gone)
			return CURL_READFUNC_ABORT;
		part = s->n - e->offset;
		if (part > room - done)
			part = room - done;
		memcpy(to + done, s->p + e->offset, part);
		done += part;
		e->offset += part;
		if (e->offset == s->n) {
			e->piece++;
			e->offset = 0;
		}
	}
	return done;
}

/* CURLOPT_SEEKFUNCTION: libcurl only ever goes back to the start, to say it
 * all again when a kept-alive connection turned out to be dead. */
int
easy_on_seek(void *arg, curl_off_t offset, int origin)
{
	struct easy *e = arg;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	e->piece = e->offset = 0;
	return CURL_SEEKFUNC_OK;
}

static bool
borrow_body(struct easy *e, const struct transfer_request *req)
{
	struct slice *p;

	if (req->n_body > e->pieces_cap) {
		p = realloc(e->pieces, req->n_body * sizeof(*p));
		if (p == NULL)
			return false;
		e->pieces = p;
		e->pieces_cap = req->n_body;
	}
	for (size_t i = 0; i < req->n_body; i++)
		if (req->body[i].n > 0)
			e->pieces[e->n_pieces++] = req->body[i];
	return true;
}

/* The buffer that libcurl sends from: for a long body its own. */
static CURLcode
set_upload_buffer(struct easy *e, size_t total)
{
	CURLcode rc = CURLE_OK;
	long n = RECEIVE_BYTES;

	if (total > EASY_COPY_MAX)
		n = total < UPLOAD_BYTES ? (long)total : UPLOAD_BYTES;
	if (e->upload_buffer != n)
		SET(e, rc, CURLOPT_UPLOAD_BUFFERSIZE, n);
	e->upload_buffer = n;
	return rc;
}

CURLcode
easy_set_body(struct easy *e, const struct transfer_request *req, size_t total)
{
	CURLcode rc = set_upload_buffer(e, total);

	e->n_pieces = e->piece = e->offset = 0;
	e->total = total;
	e->body_gone = false;
	buf_reset(&e->copy);
	SET(e, rc, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)total);
	if (total > EASY_COPY_MAX) {
		if (!borrow_body(e, req))
			return CURLE_OUT_OF_MEMORY;
		SET(e, rc, CURLOPT_POSTFIELDS, NULL);
		return rc;
	}
	(void)buf_reserve_exactly(&e->copy, total);
	for (size_t i = 0; i < req->n_body; i++)
		buf_add(&e->copy, req->body[i]);
	if (buf_err(&e->copy) != OK)
		return CURLE_OUT_OF_MEMORY;
	SET(e, rc, CURLOPT_POSTFIELDS, total > 0 ? e->copy.p : "");
	return rc;
}

bool
easy_body_taken(const struct easy *e)
{
	return e->piece == e->n_pieces;
}

void
easy_free_body(struct easy *e)
{
	curl_off_t sent = 0;

	curl_easy_getinfo(e->curl, CURLINFO_SIZE_UPLOAD_T, &sent);
	if (sent < 0 || (size_t)sent < e->total)
		return;
	buf_fini(&e->copy);
	easy_drop_head(e);
	/* libcurl drops its buffer when it is told of a size for it */
	e->upload_buffer = RECEIVE_BYTES;
	(void)curl_easy_setopt(
	    e->curl, CURLOPT_UPLOAD_BUFFERSIZE, e->upload_buffer);
}

void
easy_rest(struct easy *e)
{
	e->n_pieces = 0;
	if (e->copy.cap > REST_BYTES)
		buf_fini(&e->copy);
	if (e->pieces_cap * sizeof(*e->pieces) > REST_BYTES) {
		free(e->pieces);
		e->pieces = NULL;
		e->pieces_cap = 0;
	}
}
