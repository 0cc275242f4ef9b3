/* backends/whole_test.c - a long answer in slices means what it does whole. */
#include "backends/whole.h"

#include <string.h>

#include "gateway/lib/count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SCRATCH_MAX ((size_t)1 << 20)
#define SLICES 3

static struct buf body;

/* `n` bytes of `part`, over and over. */
static void
add(const char *part, size_t n)
{
	for (size_t end = body.n + n; body.n < end;)
		buf_add_str(&body, part);
}

/* How many slices it takes. */
static unsigned
agrees(enum dialect dialect, unsigned bits)
{
	struct whole *w = whole_new(buf_slice(&body));
	struct event once, sliced;
	struct buf first, second;
	unsigned n = 1;

	buf_init(&first, SCRATCH_MAX);
	buf_init(&second, SCRATCH_MAX);
	backend_decode(dialect, SLICE(""), buf_slice(&body), &once, &first);
	while (whole_more(w))
		n++;
	whole_decode(w, dialect, &sliced, &second);
	assert_int_equal(once.bits, bits);
	assert_int_equal(sliced.bits, bits);
	assert_int_equal(sliced.bytes, once.bytes);
	assert_memory_equal(&sliced.usage, &once.usage, sizeof(once.usage));
	assert_true(slice_eq(sliced.error_message, once.error_message));
	whole_free(&w);
	buf_fini(&first);
	buf_fini(&second);
	return n;
}

static void
vectors_take_several_slices(void **state)
{
	buf_add_str(&body, "{\"data\":[{\"embedding\":[0.5");
	add(",-0.01234567", SLICES * SCAN_SLICE);
	buf_add_str(&body, "]}],\"usage\":{\"prompt_tokens\":7}} \n");
	assert_int_equal(agrees(DIALECT_EMBEDDINGS,
			     EVENT_TOKEN | EVENT_FINISH | EVENT_USAGE),
	    SLICES + 1);
}

static void
empty_vectors_are_no_answer(void **state)
{
	buf_add_str(&body, "{\"data\":[{\"embedding\":[]}");
	add(",{\"embedding\":[]}", SCAN_SLICE);
	buf_add_str(&body, "]}");
	agrees(DIALECT_EMBEDDINGS, 0);
	body.n -= 2;
	buf_add_str(&body, ",{\"embedding\":[1]}]}");
	agrees(DIALECT_EMBEDDINGS, EVENT_TOKEN | EVENT_FINISH);
}

/* It ends, and says as little as a short one. */
static void
a_long_blank_is_no_answer(void **state)
{
	struct whole *w;
	struct event e;
	struct buf scratch;
	unsigned n = 0;

	add(" ", SCAN_SLICE + 1);
	w = whole_new(buf_slice(&body));
	buf_init(&scratch, SCRATCH_MAX);
	while (whole_more(w))
		assert_true(++n < SLICES);
	backend_decode(DIALECT_CHAT, SLICE(""), buf_slice(&body), &e, &scratch);
	assert_int_equal(e.bits, EVENT_IGNORED);
	whole_decode(w, DIALECT_CHAT, &e, &scratch);
	assert_int_equal(e.bits, EVENT_IGNORED);
	whole_free(&w);
	buf_fini(&scratch);
}

/* Wherever an escape is cut. */
static void
what_clients_take_is_taken(void **state)
{
	static const char chat[] = "{\"choices\":[{\"message\":{\"content\":\"";

	for (size_t shift = 0; shift < 8; shift++) {
		buf_reset(&body);
		buf_add_str(&body, chat);
		for (size_t i = 0; i < shift; i++)
			buf_add_char(&body, 'x');
		add("\\\\\\ud83d\xff\\n", SLICES * SCAN_SLICE);
		buf_add_str(
		    &body, "\"},\"finish_reason\":\"stop\",\"index\":0}]}");
		agrees(DIALECT_CHAT, EVENT_TOKEN | EVENT_FINISH);
	}
}

static void
what_is_no_object_is_an_error(void **state)
{
	static const char *const ends[] = { "", "]", "]}}", "]}x", "]," };
	size_t n;

	buf_add_str(&body, "{\"data\":[0");
	add(",12345", SLICES * SCAN_SLICE);
	n = body.n;
	for (size_t i = 0; i < COUNT(ends); i++) {
		body.n = n;
		buf_add_str(&body, ends[i]);
		agrees(DIALECT_EMBEDDINGS, EVENT_ERROR);
	}
	buf_reset(&body);
	buf_add_str(&body, "[0");
	add(",12345", SCAN_SLICE);
	buf_add_str(&body, "]");
	agrees(DIALECT_EMBEDDINGS, EVENT_ERROR);
}

static void
an_error_inside_is_told(void **state)
{
	buf_add_str(&body, "{\"data\":[0");
	add(",12345", SLICES * SCAN_SLICE);
	buf_add_str(&body, "],\"error\":{\"message\":\"no room\"}}");
	agrees(DIALECT_EMBEDDINGS, EVENT_ERROR);
}

static int
set_up(void **state)
{
	buf_init(&body, (size_t)8 << 20);
	return 0;
}

static int
tear_down(void **state)
{
	buf_fini(&body);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vectors_take_several_slices),
		TEST(empty_vectors_are_no_answer),
		TEST(a_long_blank_is_no_answer),
		TEST(what_clients_take_is_taken),
		TEST(what_is_no_object_is_an_error),
		TEST(an_error_inside_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
