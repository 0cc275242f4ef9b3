/* gateway/realtime/frames.c - WebSocket frames, read as they pass by. */
#include "gateway/realtime/frames.h"

#include <string.h>

#define FIN 0x80u
#define RESERVED 0x70u /* of extensions, and none was agreed on */
#define OPCODE 0x0fu
#define MASKED 0x80u
#define LENGTH 0x7fu
#define CONTROL 0x08u /* opcodes from here on */
#define CONTROL_MAX 125u /* bytes */

enum opcode { OP_CONTINUES = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8 };

/* How long the head is, as far as that can be told. */
static unsigned
head_length(const struct frames *f)
{
	unsigned n = 2;

	if (f->n < 2)
		return n;
	if ((f->head[1] & LENGTH) == 126)
		n += 2;
	else if ((f->head[1] & LENGTH) == 127)
		n += 8;
	return n + ((f->head[1] & MASKED) != 0 ? 4 : 0);
}

static uint64_t
payload_length(const struct frames *f)
{
	unsigned small = f->head[1] & LENGTH, digits;
	uint64_t n = 0;

	if (small < 126)
		return small;
	digits = small == 126 ? 2 : 8;
	for (unsigned i = 0; i < digits; i++)
		n = n << 8 | f->head[2 + i];
	return n;
}

static unsigned
opcode_of(const struct frames *f)
{
	return f->head[0] & OPCODE;
}

static bool
is_control(const struct frames *f)
{
	return (opcode_of(f) & CONTROL) != 0;
}

static bool
is_valid(const struct frames *f)
{
	unsigned op = opcode_of(f);

	if ((f->head[0] & RESERVED) != 0 || f->left >> 63 != 0)
		return false;
	if (is_control(f))
		return (f->head[0] & FIN) != 0 && f->left <= CONTROL_MAX;
	return f->open ? op == OP_CONTINUES : op == OP_TEXT || op == OP_BINARY;
}

/* The head is complete. */
static void
begin(struct frames *f)
{
	f->left = payload_length(f);
	f->at = 0;
	if (!is_valid(f)) {
		f->lost = true;
		return;
	}
	f->inside = true;
	f->closed |= opcode_of(f) == OP_CLOSE;
	if (is_control(f))
		return;
	if (!f->open)
		f->text = opcode_of(f) == OP_TEXT;
	f->open = (f->head[0] & FIN) == 0;
}

static void
read_head(struct frames *f, struct slice *rest)
{
	while (rest->n > 0 && f->n < head_length(f)) {
		f->head[f->n++] = (unsigned char)*rest->p++;
		rest->n--;
	}
	if (f->n >= 2 && f->n == head_length(f))
		begin(f);
}

static void
set_mask(const struct frames *f, struct frame_piece *out)
{
	memset(out->mask, 0, sizeof(out->mask));
	if ((f->head[1] & MASKED) == 0)
		return;
	for (unsigned i = 0; i < 4; i++)
		out->mask[i] = f->head[f->n - 4 + ((f->at + i) & 3)];
}

bool
frames_next(struct frames *f, struct slice *rest, struct frame_piece *out)
{
	size_t n;
	bool wanted;

	while (!f->lost) {
		if (!f->inside) {
			if (rest->n == 0)
				return false;
			read_head(f, rest);
			if (!f->inside)
				continue;
		} else if (rest->n == 0 && f->left > 0) {
			return false;
		}
		n = f->left < rest->n ? (size_t)f->left : rest->n;
		out->bytes = slice_make(rest->p, n);
		set_mask(f, out);
		*rest = slice_make(rest->p + n, rest->n - n);
		f->left -= n;
		f->at += n;
		wanted = f->text && !is_control(f);
		out->last = f->left == 0 && !f->open;
		if (f->left == 0) {
			f->inside = false;
			f->n = 0;
		}
		if (wanted && (n > 0 || out->last))
			return true;
	}
	return false;
}

bool
frames_over(const struct frames *f)
{
	return f->closed && !f->inside;
}

bool
frames_pause(const struct frames *f)
{
	return !f->lost && !f->inside && f->n == 0;
}

static void
add_u16(struct buf *out, size_t n)
{
	buf_add_char(out, (char)(n >> 8 & 0xff));
	buf_add_char(out, (char)(n & 0xff));
}

void
frame_text(struct buf *out, struct slice text)
{
	buf_add_char(out, (char)(FIN | OP_TEXT));
	if (text.n <= CONTROL_MAX) {
		buf_add_char(out, (char)text.n);
	} else {
		buf_add_char(out, 126);
		add_u16(out, text.n);
	}
	buf_add(out, text);
}

void
frame_close(struct buf *out, unsigned status, struct slice words)
{
	buf_add_char(out, (char)(FIN | OP_CLOSE));
	buf_add_char(out, (char)(2 + words.n));
	add_u16(out, status);
	buf_add(out, words);
}
