/* gateway/translation/bounds_test.c - what a request may take of its worker,
 * however it is made, and an answer. */
#include <stdio.h>
#include <time.h>

#include "gateway/lib/count.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define BODY_MAX ((size_t)32 << 20)
#define MANY 100001

/* `each` has a place for its number. */
static void
add_each(struct buf *body, const char *each, int n)
{
	char one[1024];

	for (int i = 0; i < n; i++) {
		snprintf(one, sizeof(one), each, i);
		buf_add_str(body, i > 0 ? "," : "");
		buf_add_str(body, one);
	}
}

static enum err
translate(enum dialect d, const struct buf *body, struct errmsg *why)
{
	const struct translation_about about = { .id = "req_ab12",
		.model = SLICE("m") };
	struct translation *t = translation_new(d, &about);
	struct slice chat;
	enum err rc = translation_request(t, buf_slice(body), &chat, why);

	translation_free(&t);
	return rc;
}

/* Of the processor; the least of five. */
static double
time_of(const char *before, const char *each, int n, const char *behind)
{
	struct errmsg why = { "" };
	double least = 1e9, took;
	struct buf body;
	clock_t began;

	buf_init(&body, BODY_MAX);
	buf_add_str(&body, before);
	add_each(&body, each, n);
	buf_add_str(&body, behind);
	for (int i = 0; i < 5; i++) {
		began = clock();
		if (translate(DIALECT_RESPONSES, &body, &why) != OK)
			fail_msg("%s", why.text);
		took = (double)(clock() - began) / CLOCKS_PER_SEC;
		least = took < least ? took : least;
	}
	buf_fini(&body);
	return least;
}

/* --- in number --- */

static void
there_is_an_end_to_what_is_within(void **state)
{
#define TEXT "{\"type\":\"text\",\"text\":\"\"}"
#define USER(content) "{\"role\":\"user\",\"content\":[" content
	static const struct {
		enum dialect dialect;
		const char *before, *each, *behind, *complaint;
	} rows[] = {
		{ DIALECT_MESSAGES,
		    "{\"messages\":[" USER(
			"{\"type\":\"tool_result\",\"tool_use_id\":\"a\","
			"\"content\":["),
		    TEXT, "]}]}]}",
		    "messages.0.content.0.content.99999: want fewer blocks" },
		{ DIALECT_MESSAGES,
		    "{\"messages\":[" USER(
			"{\"type\":\"document\",\"source\":{\"type\":"
			"\"content\",\"content\":["),
		    TEXT, "]}}]}]}",
		    "messages.0.content.0.content.99999: want fewer blocks" },
		{ DIALECT_MESSAGES, "{\"messages\":[" USER("]}],\"system\":["),
		    TEXT, "]}", "system.100000: want fewer blocks" },
		{ DIALECT_RESPONSES, "{\"input\":[",
		    "{\"role\":\"user\",\"content\":\"\"}", "]}",
		    "input[100000]: want fewer items and parts" },
		{ DIALECT_RESPONSES, "{\"input\":[" USER(""), TEXT, "]}]}",
		    "input[0].content[99999]: want fewer items and parts" },
	};
	struct errmsg why = { "" };
	struct buf body;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		buf_init(&body, BODY_MAX);
		buf_add_str(&body, rows[i].before);
		add_each(&body, rows[i].each, MANY);
		buf_add_str(&body, rows[i].behind);
		assert_int_equal(
		    translate(rows[i].dialect, &body, &why), ERR_INVALID);
		assert_string_equal(why.text, rows[i].complaint);
		buf_fini(&body);
	}
}

/* --- in time --- */

#define SAID "{\"role\":\"user\",\"content\":\"x\"}"

/* Calls that nobody answers: each has what follows looked through. */
static void
what_follows_a_call_is_looked_at_once(void **state)
{
	double calls = time_of("{\"input\":[",
	    "{\"type\":\"function_call\",\"call_id\":\"c%d\",\"name\":\"f\","
	    "\"arguments\":\"{}\"}," SAID,
	    5000, "]}");
	double none = time_of("{\"input\":[",
	    "{\"role\":\"assistant\",\"content\":\"c%d\"}," SAID, 5000, "]}");

	(void)state;
	if (calls > 3.5 * none)
		fail_msg(
		    "%.1f ms, %.1f ms without calls", calls * 1e3, none * 1e3);
}

#define TOOL "{\"type\":\"function\",\"name\":\"tool%d\"}"

static void
a_tool_is_looked_up_at_once(void **state)
{
	struct buf allowed;
	double some, all, late;

	(void)state;
	buf_init(&allowed, BODY_MAX);
	buf_add_str(&allowed,
	    "],\"input\":\"\",\"tool_choice\":{\"type\":\"allowed_tools\","
	    "\"mode\":\"auto\",\"tools\":[");
	add_each(&allowed, "{\"name\":\"%d\"}", 3000);
	buf_add_str(&allowed, "]}}");
	buf_add_char(&allowed, '\0');
	all = time_of("{\"tools\":[", TOOL, 1000, "],\"input\":\"x\"}");
	some = time_of("{\"tools\":[", TOOL, 1000, allowed.p);
	late = time_of("{\"input\":[" SAID
		       ",{\"type\":\"additional_tools\",\"tools\":[",
	    TOOL, 1000, "]}]}");
	buf_fini(&allowed);
	if (some > 20 * all || late > 20 * all)
		fail_msg(
		    "%.1f ms with those that are allowed, %.1f ms as items, "
		    "%.1f ms else",
		    some * 1e3, late * 1e3, all * 1e3);
}

/* Of the processor, to say an answer of calls whose names are no tool's. */
static double
time_of_calls(enum dialect d, const char *before, const char *tool, int tools,
    const char *behind)
{
	const struct translation_about about = { .id = "req_ab12",
		.model = SLICE("m") };
	const struct usage usage = { 0 };
	struct buf body, answer, out;
	struct errmsg why = { "" };
	struct translation *t;
	struct slice chat;
	double least = 1e9, took;
	clock_t began;

	buf_init(&body, BODY_MAX);
	buf_init(&answer, BODY_MAX);
	buf_init(&out, BODY_MAX);
	buf_add_str(&body, before);
	add_each(&body, tool, tools);
	buf_add_str(&body, behind);
	buf_add_str(&answer, "{\"choices\":[{\"message\":{\"tool_calls\":[");
	add_each(&answer,
	    "{\"id\":\"c%1$d\",\"function\":{\"name\":\"%1$064d\","
	    "\"arguments\":\"{}\"}}",
	    1000);
	buf_add_str(&answer, "]}}]}");
	for (int i = 0; i < 5; i++) {
		t = translation_new(d, &about);
		if (translation_request(t, buf_slice(&body), &chat, &why) != OK)
			fail_msg("%s", why.text);
		buf_reset(&out);
		began = clock();
		translation_answer(t, buf_slice(&answer), &usage, &out);
		took = (double)(clock() - began) / CLOCKS_PER_SEC;
		least = took < least ? took : least;
		assert_int_equal(buf_err(&out), OK);
		translation_free(&t);
	}
	buf_fini(&body);
	buf_fini(&answer);
	buf_fini(&out);
	return least;
}

static void
a_call_is_looked_up_at_once(void **state)
{
	static const struct {
		enum dialect dialect;
		const char *before, *tool, *behind;
	} rows[] = {
		{ DIALECT_MESSAGES, "{\"tools\":[", "{\"name\":\"t%0100d\"}",
		    "],\"messages\":[" SAID "]}" },
		{ DIALECT_RESPONSES,
		    "{\"tools\":[{\"type\":\"namespace\",\"name\":\"n\","
		    "\"tools\":[",
		    TOOL, "]}],\"input\":\"x\"}" },
	};
	double one, many;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		one = time_of_calls(rows[i].dialect, rows[i].before,
		    rows[i].tool, 1, rows[i].behind);
		many = time_of_calls(rows[i].dialect, rows[i].before,
		    rows[i].tool, 1000, rows[i].behind);
		if (many > 5 * one)
			fail_msg("%s: %.1f ms, %.1f ms where there is one tool",
			    dialect_name(rows[i].dialect), many * 1e3,
			    one * 1e3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_an_end_to_what_is_within),
		cmocka_unit_test(what_follows_a_call_is_looked_at_once),
		cmocka_unit_test(a_tool_is_looked_up_at_once),
		cmocka_unit_test(a_call_is_looked_up_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
