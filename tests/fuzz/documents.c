/* tests/fuzz/documents.c - JSON documents by the million, for a fuzz target.
 *
 *	scan_documents COUNT SEED
 *
 * Objects of random shape; half of them are spoilt by a byte that is changed,
 * taken out, put in or cut off at. The same seed makes the same documents, so
 * that a count means something. One that the target aborts on is printed. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/lib/buf.h"
#include "gateway/lib/count.h"
#include "gateway/lib/rng.h"
#include "tests/fuzz/fuzz.h"

#define DOCUMENT_MAX ((size_t)1 << 16)
#define DEPTH_MAX 6
#define PICK(rng, list) (list)[rng_below((rng), COUNT(list))]

static struct buf doc;

static void add_value(struct rng *, unsigned depth);

/* --- what a document is made of --- */

static void
add_blank(struct rng *rng)
{
	static const char blanks[] = " \t\r\n";

	if (rng_below(rng, 8) == 0)
		buf_add(&doc, slice_make(blanks + rng_below(rng, 4), 1));
}

/* Three bytes of which a fair part is one character. */
static void
add_wide(struct rng *rng)
{
	const unsigned char bytes[] = { (unsigned char)(0xe0 +
					    rng_below(rng, 17)),
		(unsigned char)(0x80 + rng_below(rng, 68)),
		(unsigned char)(0x80 + rng_below(rng, 68)) };

	buf_add(&doc, slice_make((const char *)bytes, sizeof(bytes)));
}

/* Pieces of strings, good ones and bad ones. */
static void
add_piece(struct rng *rng)
{
	static const char *const pieces[] = { "\\\"", "\\\\", "\\/", "\\b",
		"\\n", "\\u0041", "\\u00e9", "\\ud83d\\ude00", "\\u0000",
		"\\ud83d", "\\ude00", "\\x", "\\u12g4", "\\", "\x01", "\x7f",
		"\xc3\xa9", "\xe5\x88\x97", "\xf0\x9f\x98\x80", "\xc0\xaf",
		"\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe5\x88", "\xff", "model",
		"stream", "messages", "{", "}", "[", ",", ":" };
	static const char letters[] = "the points must be set before it comes";
	size_t n;

	if (rng_below(rng, 4) > 0) {
		n = rng_below(rng, sizeof(letters));
		buf_add(&doc, slice_make(letters, n));
	} else if (rng_below(rng, 8) == 0) {
		add_wide(rng);
	} else if (rng_below(rng, 4) > 0) {
		buf_add_str(&doc, pieces[rng_below(rng, 9)]); /* good */
	} else {
		buf_add_str(&doc, PICK(rng, pieces));
	}
}

/* Now and then a long one, which is scanned by larger steps. */
static void
add_string(struct rng *rng)
{
	unsigned most = rng_below(rng, 16) == 0 ? 40 : 5;

	buf_add_char(&doc, '"');
	for (unsigned n = rng_below(rng, most); n > 0; n--)
		add_piece(rng);
	buf_add_char(&doc, '"');
}

static void
add_scalar(struct rng *rng)
{
	static const char *const words[] = { "true", "false", "null", "0", "-0",
		"1", "-17", "3.25", "1e5", "1E-5", "2.5e+3", "9007199254740993",
		"18446744073709551616", "1e400", "-1e400", "1e-400", "01", "1.",
		".5", "+1", "1e", "-", "nul", "True", "NaN", "0x10", "1 2" };

	if (rng_below(rng, 16) > 0)
		buf_add_str(&doc, words[rng_below(rng, 11)]); /* good */
	else
		buf_add_str(&doc, PICK(rng, words));
}

static void
add_array(struct rng *rng, unsigned depth)
{
	buf_add_char(&doc, '[');
	for (unsigned i = 0, n = rng_below(rng, 4); i < n; i++) {
		if (i > 0)
			buf_add_char(&doc, ',');
		add_value(rng, depth + 1);
	}
	buf_add_char(&doc, ']');
}

static void
add_object(struct rng *rng, unsigned depth)
{
	buf_add_char(&doc, '{');
	for (unsigned i = 0, n = rng_below(rng, depth == 0 ? 8 : 4); i < n;
	     i++) {
		if (i > 0)
			buf_add_char(&doc, ',');
		add_blank(rng);
		add_string(rng);
		add_blank(rng);
		buf_add_char(&doc, ':');
		add_value(rng, depth + 1);
	}
	buf_add_char(&doc, '}');
}

static void
add_value(struct rng *rng, unsigned depth)
{
	unsigned kind = depth < DEPTH_MAX ? rng_below(rng, 6) : 5;

	add_blank(rng);
	if (kind == 0)
		add_object(rng, depth);
	else if (kind == 1)
		add_array(rng, depth);
	else if (kind <= 3)
		add_string(rng);
	else
		add_scalar(rng);
	add_blank(rng);
}

/* A run of brackets around the limit of depth, now and then. */
static void
add_deep(struct rng *rng)
{
	unsigned n = rng_below(rng, 4096);

	buf_add_str(&doc, "{\"a\":");
	for (unsigned i = 0; i < n; i++)
		buf_add_char(&doc, '[');
	for (unsigned i = 0; i < n; i++)
		buf_add_char(&doc, ']');
	buf_add_char(&doc, '}');
}

static void
spoil(struct rng *rng)
{
	static const char bytes[] = "{}[]\",:\\0123456789-+.eEtfn \n\x80\xc3";
	size_t at = rng_below(rng, (uint32_t)doc.n);
	char byte = bytes[rng_below(rng, sizeof(bytes))]; /* NUL too */

	switch (rng_below(rng, 4)) {
	case 0:
		doc.p[at] = byte;
		break;
	case 1:
		doc.n = at;
		break;
	case 2:
		memmove(doc.p + at, doc.p + at + 1, --doc.n - at);
		break;
	default:
		buf_add_char(&doc, byte);
		memmove(doc.p + at + 1, doc.p + at, doc.n - 1 - at);
		doc.p[at] = byte;
		break;
	}
}

static void
make(struct rng *rng)
{
	buf_reset(&doc);
	if (rng_below(rng, 4096) == 0)
		add_deep(rng);
	else
		add_object(rng, 0);
	if (rng_below(rng, 2) == 0)
		spoil(rng);
}

/* --- */

static void
on_abort(int sig)
{
	(void)sig;
	(void)!write(STDOUT_FILENO, doc.p, doc.n);
	_exit(1);
}

int
main(int argc, char **argv)
{
	uint64_t count, seed;
	struct rng rng;

	if (argc != 3 || !slice_u64(slice_of(argv[1]), &count) ||
	    !slice_u64(slice_of(argv[2]), &seed)) {
		fprintf(stderr, "usage: %s COUNT SEED\n", argv[0]);
		return 2;
	}
	signal(SIGABRT, on_abort);
	rng_init(&rng, seed, 1);
	buf_init(&doc, DOCUMENT_MAX);
	for (uint64_t i = 0; i < count; i++) {
		make(&rng);
		LLVMFuzzerTestOneInput((const uint8_t *)doc.p, doc.n);
	}
	printf("%s documents, seed %s: scanner and jansson agree\n", argv[1],
	    argv[2]);
	buf_fini(&doc);
	return 0;
}
