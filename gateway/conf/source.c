/* gateway/conf/source.c - the text of gateway.conf, made safe for libconfig.
 *
 * Tokens are cut as libconfig's own scanner cuts them. */
#include "gateway/conf/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/clock.h"
#include "gateway/lib/count.h"

#define PATIENCE (5 * USEC_SEC) /* with who writes into a pipe */
#define DEPTH_MAX 64 /* brackets within brackets; ours need five */
#define NAMES_MAX 256 /* of settings; further ones are not compared */

struct walk {
	struct slice rest;
	struct source *out;
	unsigned line;
	char last; /* first character of the token before, 0: none */
	struct {
		char open;
		unsigned line;
	} stack[DEPTH_MAX];
	size_t depth;
	struct {
		struct slice name;
		unsigned line;
		size_t depth;
	} names[NAMES_MAX]; /* of the groups that are open */
	size_t n_names;
};

void
source_init(struct source *s)
{
	*s = (struct source){ 0 };
	buf_init(&s->text, 2 * SOURCE_MAX);
}

void
source_fini(struct source *s)
{
	buf_fini(&s->text);
}

/* Of a pipe that nobody writes to, a read would wait for ever, and at a reload
 * with it whatever the main thread is there for. */
static bool
await_bytes(int fd, usec until)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	usec left;
	int n;

	do {
		left = until - clock_now();
		n = poll(&p, 1, left > 0 ? (int)(left / USEC_MS) + 1 : 0);
	} while (n < 0 && errno == EINTR);
	return n != 0; /* of an error, read(2) says more */
}

enum err
source_read(const char *path, struct buf *raw, struct errmsg *why)
{
	const usec until = clock_now() + PATIENCE;
	enum err rc = OK;
	char chunk[4096];
	ssize_t n = 1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fail(why, ERR_IO, "cannot open: %s", strerror(errno));
	while (rc == OK && n != 0) {
		if (!await_bytes(fd, until)) {
			rc = fail(why, ERR_IO,
			    "cannot read: it is a pipe, and its end has not "
			    "come within %d s",
			    (int)(PATIENCE / USEC_SEC));
			break;
		}
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			buf_add(raw, slice_make(chunk, (size_t)n));
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			rc = fail(
			    why, ERR_IO, "cannot read: %s", strerror(errno));
		if (buf_err(raw) != OK)
			rc = fail(why, buf_err(raw), "cannot read: %s",
			    err_name(buf_err(raw)));
	}
	close(fd);
	return rc;
}

/* Only the first doubt counts: what follows is mostly its echo. */
static void PRINTF_LIKE(3, 4)
    doubt(struct walk *w, unsigned line, const char *fmt, ...)
{
	va_list ap;

	if (w->out->doubt_line != 0)
		return;
	w->out->doubt_line = line;
	va_start(ap, fmt);
	vsnprintf(w->out->doubt.text, sizeof(w->out->doubt.text), fmt, ap);
	va_end(ap);
}

static void
refuse(struct walk *w, const char *what)
{
	w->out->doubt_line = 0;
	doubt(w, w->line, "%s", what);
	w->out->refused = true;
}

/* Copies the next n bytes. */
static void
copy(struct walk *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w->line += w->rest.p[i] == '\n';
	buf_add(&w->out->text, slice_make(w->rest.p, n));
	w->rest = slice_make(w->rest.p + n, w->rest.n - n);
}

static char
peek(const struct walk *w, size_t at)
{
	return at < w->rest.n ? w->rest.p[at] : '\0';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool
starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
}

static void
walk_comment(struct walk *w)
{
	size_t n = 1;

	if (peek(w, 1) != '*') {
		while (n < w->rest.n && w->rest.p[n] != '\n')
			n++;
		copy(w, n);
		return;
	}
	for (n = 2; n < w->rest.n; n++)
		if (w->rest.p[n] == '*' && peek(w, n + 1) == '/')
			break;
	if (n == w->rest.n) {
		doubt(w, w->line, "this comment has no end");
		w->out->refused = true; /* libconfig would not mind */
	}
	copy(w, n == w->rest.n ? n : n + 2);
}

/* libconfig takes "a" "b" for "ab", where it is a comma that is missing. */
static void
walk_string(struct walk *w)
{
	unsigned line = w->line;
	bool nul = false;
	size_t n = 1;

	if (w->last == '"') {
		refuse(w, "want \",\" or \";\" between two strings");
		return;
	}
	while (n < w->rest.n && w->rest.p[n] != '"') {
		nul |= slice_starts(
		    slice_make(w->rest.p + n, w->rest.n - n), SLICE("\\x00"));
		n += w->rest.p[n] == '\\' && n + 1 < w->rest.n ? 2 : 1;
	}
	if (n >= w->rest.n) {
		doubt(w, line, "this string has no closing quote");
		w->out->refused = true; /* libconfig would drop it */
		copy(w, w->rest.n);
		return;
	}
	if (nul) { /* libconfig would end it there */
		refuse(w, "there is a NUL byte in this string");
		return;
	}
	copy(w, n + 1);
	if (w->line != line)
		doubt(w, line,
		    "a string goes on past the end of the line: is its closing "
		    "quote missing?");
}

static bool
in_group(const struct walk *w)
{
	return w->depth == 0 || w->stack[w->depth - 1].open == '{';
}

static bool
is_set(const struct walk *w, size_t at)
{
	while (at < w->rest.n && strchr(" \t\r\n\f", w->rest.p[at]) != NULL)
		at++;
	return peek(w, at) == '=' || peek(w, at) == ':';
}

static void
note_name(struct walk *w, struct slice name)
{
	for (size_t i = w->n_names; i > 0; i--) {
		if (w->names[i - 1].depth != w->depth)
			break;
		if (slice_eq(w->names[i - 1].name, name)) {
			doubt(w, w->line,
			    "want one \"%.*s\" here, got a second after that "
			    "of line %u",
			    SLICE_ARG(name), w->names[i - 1].line);
			return;
		}
	}
	if (w->n_names == NAMES_MAX)
		return;
	w->names[w->n_names].name = name;
	w->names[w->n_names].line = w->line;
	w->names[w->n_names].depth = w->depth;
	w->n_names++;
}

static void
walk_name(struct walk *w)
{
	struct slice name = { w->rest.p, 1 };

	while (starts_name(peek(w, name.n)) || is_digit(peek(w, name.n)) ||
	    peek(w, name.n) == '-' || peek(w, name.n) == '_')
		name.n++;
	if ((w->last == '=' || w->last == ':') && !slice_iis(name, "true") &&
	    !slice_iis(name, "false"))
		doubt(w, w->line,
		    "want a value after \"=\", and strings in double quotes");
	else if (is_digit(w->last) && is_digit(w->rest.p[-1]))
		doubt(w, w->line,
		    "want durations and sizes in double quotes, such as "
		    "\"100ms\"");
	else if (in_group(w) && is_set(w, name.n))
		note_name(w, name);
	copy(w, name.n);
}

/* An integer of `digits` characters, of which sign and 0x are the first. */
static void
copy_integer(struct walk *w, size_t digits, size_t all, bool hex)
{
	char text[32];
	bool fits = digits < sizeof(text);

	if (fits) {
		memcpy(text, w->rest.p, digits);
		text[digits] = '\0';
		errno = 0;
		(void)strtoll(text, NULL, hex ? 16 : 10);
		fits = errno == 0;
	}
	if (!fits && hex) { /* no floating point in base 16: say infinite */
		buf_add_str(&w->out->text, "1e999");
	} else {
		buf_add(&w->out->text, slice_make(w->rest.p, digits));
		buf_add_str(&w->out->text, fits ? "L" : ".0");
	}
	w->rest = slice_make(w->rest.p + all, w->rest.n - all);
}

static void
walk_number(struct walk *w)
{
	size_t n = 0, mark;

	if (w->last == ',' && in_group(w))
		doubt(w, w->line,
		    "want a setting after \",\": numbers take a point, as in "
		    "0.5");
	if (peek(w, 0) == '0' && (peek(w, 1) | 0x20) == 'x' &&
	    is_hex(peek(w, 2))) {
		for (n = 2; is_hex(peek(w, n)); n++)
			continue;
		mark = n;
		for (; peek(w, n) == 'L' && n < mark + 2; n++)
			continue;
		copy_integer(w, mark, n, true);
		return;
	}
	n += peek(w, 0) == '-' || peek(w, 0) == '+';
	mark = n;
	while (is_digit(peek(w, n)))
		n++;
	if (n > mark && peek(w, n) != '.' && (peek(w, n) | 0x20) != 'e') {
		mark = n;
		for (; peek(w, n) == 'L' && n < mark + 2; n++)
			continue;
		copy_integer(w, mark, n, false);
		return;
	}
	n += peek(w, n) == '.';
	while (is_digit(peek(w, n)))
		n++;
	if ((peek(w, n) | 0x20) == 'e') {
		n++;
		n += peek(w, n) == '-' || peek(w, n) == '+';
		while (is_digit(peek(w, n)))
			n++;
	}
	copy(w, n > 0 ? n : 1);
}

static void
open_bracket(struct walk *w, char c)
{
	if (w->depth == DEPTH_MAX) {
		refuse(w, "brackets nest too deeply");
		return;
	}
	if (c == '{' && w->last == '}' && !in_group(w))
		doubt(w, w->line, "want \",\" between two groups");
	if (c == '{' && w->depth > 0 && w->stack[w->depth - 1].open == '[')
		doubt(w, w->line, "want groups in ( ... ), not in [ ... ]");
	w->stack[w->depth].open = c;
	w->stack[w->depth].line = w->line;
	w->depth++;
}

static void
close_bracket(struct walk *w, char c)
{
	const char *pairs = "{}()[]", open = *(strchr(pairs, c) - 1);

	if (w->last == ',' && c != '}')
		doubt(w, w->line, "want no \",\" after the last element");
	if (w->depth == 0) {
		doubt(w, w->line, "\"%c\" closes nothing", c);
		return;
	}
	w->depth--;
	while (w->n_names > 0 && w->names[w->n_names - 1].depth > w->depth)
		w->n_names--;
	if (w->stack[w->depth].open != open)
		doubt(w, w->line, "\"%c\" meets the \"%c\" of line %u", c,
		    w->stack[w->depth].open, w->stack[w->depth].line);
}

/* Quotation marks and blanks that a word processor has put there. */
static void
doubt_character(struct walk *w)
{
	static const struct {
		const char *bytes, *hint;
	} known[] = {
		{ "\xe2\x80\x9c", ": strings take straight double quotes" },
		{ "\xe2\x80\x9d", ": strings take straight double quotes" },
		{ "\xe2\x80\x9e", ": strings take straight double quotes" },
		{ "\xe2\x80\x98", ": strings take straight double quotes" },
		{ "\xe2\x80\x99", ": strings take straight double quotes" },
		{ "\xc2\xa0", ": a blank that does not break is none" },
	};
	const char *hint = "";

	for (size_t i = 0; i < COUNT(known); i++)
		if (slice_starts(w->rest, slice_of(known[i].bytes)))
			hint = known[i].hint;
	doubt(w, w->line,
	    "want ASCII outside of strings and comments, got another "
	    "character%s",
	    hint);
}

static void
walk_token(struct walk *w)
{
	char c = peek(w, 0);

	if (c == '"') {
		walk_string(w);
	} else if (starts_name(c)) {
		walk_name(w);
	} else if (is_digit(c) || c == '-' || c == '+' || c == '.') {
		walk_number(w);
	} else {
		if (c == '{' || c == '(' || c == '[')
			open_bracket(w, c);
		else if (c == '}' || c == ')' || c == ']')
			close_bracket(w, c);
		else if (c == '\'')
			doubt(w, w->line, "strings take double quotes");
		else if (c == ';' && w->last == ';')
			doubt(w, w->line, "want one \";\", got two");
		else if ((unsigned char)c >= 0x80)
			doubt_character(w);
		else if (c == '@') /* what it includes slips past this walk */
			refuse(w,
			    "@include is not supported: the configuration is "
			    "one file");
		copy(w, 1);
	}
	w->last = c;
}

enum err
source_prepare(struct slice raw, struct source *out)
{
	struct walk w = { .rest = raw, .out = out, .line = 1 };
	char c;

	if (slice_starts(raw, SLICE("\xef\xbb\xbf"))) /* a byte order mark */
		w.rest = slice_make(raw.p + 3, raw.n - 3);
	if (raw.n > 0 && memchr(raw.p, '\0', raw.n) != NULL)
		refuse(&w, "there is a NUL byte in the file");
	while (w.rest.n > 0 && !out->refused) {
		c = w.rest.p[0];
		if (c == '#' ||
		    (c == '/' && (peek(&w, 1) == '/' || peek(&w, 1) == '*')))
			walk_comment(&w);
		else if (strchr(" \t\r\n\f", c) != NULL)
			copy(&w, 1);
		else
			walk_token(&w);
	}
	if (w.depth > 0)
		doubt(&w, w.stack[w.depth - 1].line,
		    "this \"%c\" is never closed", w.stack[w.depth - 1].open);
	buf_add_char(&out->text, '\0');
	return buf_err(&out->text);
}
