/* gateway/child_output.c - what a child process prints, line by line in our
 * log. */
#include "gateway/child_output.h"

#include "gateway/lib/slice.h"
#include "gateway/lib/utf8.h"

static void
log_text(struct child_output *o)
{
	if (o->n == 0)
		return;
	if (log_limit_pass(o->limit, clock_now()))
		log_info("child=%s text=\"%.*s\"", o->name, (int)o->n, o->line);
	o->last = o->n;
	o->n = 0;
}

static void
take_bytes(struct child_output *o, struct slice bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		char ch = bytes.p[i];

		if (ch == '\n')
			log_text(o);
		else if (o->n < sizeof(o->line))
			o->line[o->n++] = ch == '"' ? '\'' : ch;
	}
}

static void
on_alloc(uv_handle_t *h, size_t want, uv_buf_t *out)
{
	struct child_output *o = h->data;

	(void)want;
	*out = uv_buf_init(o->chunk, sizeof(o->chunk));
}

static void
on_bytes(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct child_output *o = s->data;

	if (n >= 0)
		take_bytes(o, slice_make(b->base, (size_t)n));
	else
		child_output_close(o);
}

static void
on_pipe_closed(uv_handle_t *h)
{
	struct child_output *o = h->data;

	o->on_closed(o->arg);
}

void
child_output_init(struct child_output *o, uv_loop_t *loop)
{
	uv_pipe_init(loop, &o->pipe, 0);
	o->pipe.data = o;
	o->n = o->last = 0;
}

void
child_output_read(struct child_output *o)
{
	uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_bytes);
}

void
child_output_close(struct child_output *o)
{
	if (uv_is_closing((uv_handle_t *)&o->pipe))
		return;
	log_text(o);
	uv_close((uv_handle_t *)&o->pipe, on_pipe_closed);
}

void
child_output_last(const struct child_output *o, char *to, size_t cap)
{
	size_t n = utf8_cut(o->line, o->last, cap - 1);

	slice_copy(to, cap, slice_make(o->line, n));
	utf8_calm(to, n, "");
}
