/* gateway/translation/messages_stream_test.c */
#include "gateway/translation/messages_testing.h"

/* Events as their data alone, a line each: each has its type for a name. */
static void
take_data(struct slice sse, struct buf *lines)
{
	struct slice line, name = SLICE("");
	struct scan_member type;
	struct errmsg why;
	size_t n;

	while (slice_next(&sse, '\n', &line)) {
		if (slice_starts(line, SLICE("event: "))) {
			name = slice_make(line.p + 7, line.n - 7);
		} else if (slice_starts(line, SLICE("data: "))) {
			line = slice_make(line.p + 6, line.n - 6);
			assert_int_equal(
			    scan_object(line, NULL, 0, &n, &why), OK);
			assert_true(scan_get(line, "type", &type));
			assert_true(slice_eq(scan_inside(&type), name));
			buf_add(lines, line);
			buf_add_char(lines, '\n');
		} else {
			assert_int_equal(line.n, 0);
		}
	}
}

#define START                                                                  \
	"{'type':'message_start','message':{'id':'msg_0123456789abcdef',"      \
	"'type':'message','role':'assistant','model':'claude \\'x\\'',"        \
	"'content':[],'stop_reason':null,'stop_sequence':null,'usage':"        \
	"{'input_tokens':0,'cache_creation_input_tokens':0,"                   \
	"'cache_read_input_tokens':0,'output_tokens':0}}}\n"
#define BLOCK(i, block)                                                        \
	"{'type':'content_block_start','index':" i ",'content_block':" block   \
	"}\n"
#define DELTA(i, delta)                                                        \
	"{'type':'content_block_delta','index':" i ",'delta':" delta "}\n"
#define STOP(i) "{'type':'content_block_stop','index':" i "}\n"
#define TEXT(i) BLOCK(i, "{'type':'text','text':''}")
#define PIECE(i, text) DELTA(i, "{'type':'text_delta','text':'" text "'}")
#define THINKING(i) BLOCK(i, "{'type':'thinking','thinking':'','signature':''}")
#define THOUGHT(i, text)                                                       \
	DELTA(i, "{'type':'thinking_delta','thinking':'" text "'}")
#define UNSIGNED(i) DELTA(i, "{'type':'signature_delta','signature':''}")
#define USE(i, id, name)                                                       \
	BLOCK(i,                                                               \
	    "{'type':'tool_use','id':'" id "','name':'" name "','input':{}}")
#define INPUT(i, json)                                                         \
	DELTA(i, "{'type':'input_json_delta','partial_json':'" json "'}")
#define END_AS(reason, sequence, usage)                                        \
	"{'type':'message_delta','delta':{'stop_reason':'" reason              \
	"','stop_sequence':" sequence "},'usage':" usage "}\n"                 \
	"{'type':'message_stop'}\n"
#define END(reason) END_AS(reason, "null", USAGE)

#define CHUNK(delta) "{'choices':[{'index':0,'delta':" delta "}]}\n"
#define FINISH(reason)                                                         \
	"{'choices':[{'index':0,'delta':{},'finish_reason':'" reason "'}]}\n"
#define SAYS(text) CHUNK("{'content':'" text "'}")
#define THINKS(text) CHUNK("{'reasoning_content':'" text "'}")
#define CALLS(calls) CHUNK("{'tool_calls':[" calls "]}")
#define CALL(i, id, name, arguments)                                           \
	"{'index':" i ",'id':'" id                                             \
	"','type':'function','function':{'name':'" name                        \
	"','arguments':'" arguments "'}}"
#define MORE(i, arguments)                                                     \
	"{'index':" i ",'function':{'arguments':'" arguments "'}}"

static void
streams_as(const char *request, const char *chunks, const struct usage *usage,
    const char *events)
{
	struct translation *t = asked(request);
	struct buf in, want, out, got;
	struct slice rest, chunk;

	buf_init(&in, 65536);
	buf_init(&want, 65536);
	buf_init(&out, 65536);
	buf_init(&got, 65536);
	rest = json_of(chunks, &in);
	while (slice_next(&rest, '\n', &chunk))
		if (chunk.n > 0)
			translation_event(t, chunk, &out);
	translation_end(t, usage, &out);
	assert_int_equal(buf_err(&out), OK);
	take_data(buf_slice(&out), &got);
	json_of(events, &want);
	if (!slice_eq(buf_slice(&got), buf_slice(&want)))
		fail_msg("want\n%.*s\ngot\n%.*s", SLICE_ARG(buf_slice(&want)),
		    SLICE_ARG(buf_slice(&got)));
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&out);
	buf_fini(&got);
	translation_free(&t);
}

static void
streams(const char *chunks, const char *events)
{
	streams_as("", chunks, &counted, events);
}

static void
text_is_a_block(void **state)
{
	(void)state;
	streams(CHUNK("{'role':'assistant','content':''}") SAYS("a\\n")
		    SAYS("\\u00e9") FINISH(
			"stop") "{'choices':[],'usage':{'prompt_tokens':10}}\n",
	    START TEXT("0") PIECE("0", "a\\n") PIECE("0", "\\u00e9") STOP("0")
		END("end_turn"));
}

static void
nothing_is_an_empty_message(void **state)
{
	(void)state;
	streams("", START END("end_turn"));
	streams(FINISH("length"), START END("max_tokens"));
}

static void
thinking_is_shown_to_who_asked(void **state)
{
	(void)state;
	streams(THINKS("hm") SAYS("a") FINISH("stop"),
	    START TEXT("0") PIECE("0", "a") STOP("0") END("end_turn"));
	streams_as(THINKING_ON,
	    THINKS("h") THINKS("m") SAYS("a") FINISH("stop"), &counted,
	    START THINKING("0") THOUGHT("0", "h") THOUGHT("0", "m")
		UNSIGNED("0") STOP("0") TEXT("1") PIECE("1", "a") STOP("1")
		    END("end_turn"));
	streams_as(",'thinking':{'type':'adaptive'}",
	    THINKS("h") FINISH("length"), &counted,
	    START THINKING("0") THOUGHT("0", "h") UNSIGNED("0") STOP("0")
		END("max_tokens"));
	streams_as(",'thinking':{'type':'adaptive','display':'omitted'}",
	    THINKS("h") SAYS("a") FINISH("stop"), &counted,
	    START TEXT("0") PIECE("0", "a") STOP("0") END("end_turn"));
	streams_as(",'thinking':{'type':'disabled'}",
	    THINKS("h") SAYS("a") FINISH("stop"), &counted,
	    START TEXT("0") PIECE("0", "a") STOP("0") END("end_turn"));
}

static void
content_may_be_parts(void **state)
{
	(void)state;
	streams_as(THINKING_ON, CHUNK("{'content':" PARTS "}") FINISH("stop"),
	    &counted,
	    START THINKING("0") THOUGHT("0", "h") UNSIGNED("0") STOP("0")
		TEXT("1") PIECE("1", "a") STOP("1") END("end_turn"));
	streams(CHUNK("{'content':" PARTS "}") FINISH("stop"),
	    START TEXT("0") PIECE("0", "a") STOP("0") END("end_turn"));
}

static void
who_thinks_unseen_pings(void **state)
{
	struct buf chunks;

	(void)state;
	buf_init(&chunks, 1 << 16);
	for (int i = 0; i < 130; i++)
		buf_add_str(&chunks, THINKS("h"));
	buf_add_str(&chunks, FINISH("length"));
	buf_add(&chunks, slice_make("", 1)); /* NUL */
	streams(chunks.p,
	    START "{'type':'ping'}\n{'type':'ping'}\n" END("max_tokens"));
	buf_fini(&chunks);
}

static void
a_call_is_a_block(void **state)
{
	(void)state;
	streams(SAYS("a") CALLS(CALL("0", "c1", "f", ""))
		    CALLS(MORE("0", "{\\'x\\'")) CALLS(MORE("0", ":1}"))
			FINISH("tool_calls"),
	    START TEXT("0") PIECE("0", "a") STOP("0") USE("1", "c1", "f") INPUT(
		"1", "{\\'x\\'") INPUT("1", ":1}") STOP("1") END("tool_use"));
	/* whole in one part, and `stop` all the same */
	streams(CALLS(CALL("0", "c1", "f", "{}")) FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0")
		END("tool_use"));
	/* and the other way round */
	streams(SAYS("a") FINISH("tool_calls"),
	    START TEXT("0") PIECE("0", "a") STOP("0") END("end_turn"));
	streams(CALLS(CALL("0", "c1", "f", "{")) FINISH("length"),
	    START USE("0", "c1", "f") INPUT("0", "{") STOP("0")
		END("max_tokens"));
}

static void
calls_follow_each_other(void **state)
{
	(void)state;
	streams(CALLS(CALL("0", "c1", "f", "{}"))
		    CALLS(CALL("1", "c2", "g", "{\\'}\\\\\\'\\':["))
			CALLS(MORE("1", "]}")) SAYS("b") FINISH("tool_calls"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0") USE(
		"1", "c2", "g") INPUT("1", "{\\'}\\\\\\'\\':[") INPUT("1", "]}")
		STOP("1") TEXT("2") PIECE("2", "b") STOP("2") END("tool_use"));
	/* all in one event */
	streams(CALLS(CALL("0", "c1", "f", "{}") "," CALL("1", "c2", "g", "{}"))
		    FINISH("tool_calls"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0")
		USE("1", "c2", "g") INPUT("1", "{}") STOP("1") END("tool_use"));
}

static void
calls_at_the_same_time(void **state)
{
	(void)state;
	streams(CALLS(CALL("0", "c1", "f", "")) CALLS(CALL("1", "c2", "g", ""))
		    CALLS(MORE("0", "{}")) CALLS(MORE("1", "{\\'a\\'"))
			SAYS("b") CALLS(MORE("1", ":2}")) FINISH("tool_calls"),
	    START USE("0", "c1", "f") USE("1", "c2", "g") INPUT("0", "{}")
		INPUT("1", "{\\'a\\'") STOP("0") TEXT("2") PIECE("2", "b")
		    INPUT("1", ":2}") STOP("2") STOP("1") END("tool_use"));
}

static void
odd_ways_to_call(void **state)
{
	(void)state;
	/* no index; ids tell */
	streams(CALLS("{'id':'c1','function':{'name':'f','arguments':'{}'}}")
		    CALLS("{'id':'c2','function':{'name':'f','arguments':'{'}}")
			CALLS("{'function':{'arguments':'}'}}") FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0") USE("1", "c2",
		"f") INPUT("1", "{") INPUT("1", "}") STOP("1") END("tool_use"));
	/* one index for all */
	streams(CALLS(CALL("0", "c1", "f", "{}"))
		    CALLS(CALL("0", "c2", "f", "{}")) FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0")
		USE("1", "c2", "f") INPUT("1", "{}") STOP("1") END("tool_use"));
	/* another id for each part; the same name again */
	streams(CALLS(CALL("0", "c1", "f", "{")) CALLS(
		    "{'index':0,'id':'c2','function':{'arguments':'\\'a'}}")
		    CALLS(CALL("0", "c1", "f", "\\':1}")) FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{") INPUT("0", "\\'a")
		INPUT("0", "\\':1}") STOP("0") END("tool_use"));
	/* arguments that are no string */
	streams(CALLS("{'index':0,'id':'c1','function':{'name':'f',"
		      "'arguments':{'a':1}}}") FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{\\'a\\':1}") STOP("0")
		END("tool_use"));
	/* no id, nor index */
	streams(CALLS("{'function':{'name':'f','arguments':'{}'}}")
		    CALLS("{'function':{'name':'g','arguments':'{}'}}")
			FINISH("stop"),
	    START USE("0", "toolu_0123456789abcdef_1", "f") INPUT("0", "{}")
		STOP("0") USE("1", "toolu_0123456789abcdef_2", "g")
		    INPUT("1", "{}") STOP("1") END("tool_use"));
	/* a name that comes late, one that never comes, and nonsense */
	streams(CALLS("{'index':0,'id':'c1'}") CALLS(CALL("0", "c1", "f", "{}"))
		    CALLS(MORE("7", "{}") ",7,{}") FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0")
		END("tool_use"));
	/* once more, all of it */
	streams(CALLS(CALL("0", "c1", "f", "{}\\n"))
		    CALLS(CALL("0", "c1", "f", "{}")) FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0")
		END("tool_use"));
}

static void
arguments_may_come_before_the_name(void **state)
{
	(void)state;
	streams(CALLS("{'index':0,'id':'c1','function':{'arguments':'{'}}")
		    CALLS(MORE("0", "\\'x\\'"))
			CALLS("{'index':0,'function':{'name':'f',"
			      "'arguments':':1'}}") CALLS(MORE("0", "}"))
			    FINISH("tool_calls"),
	    START USE("0", "c1", "f") INPUT("0", "{\\'x\\'") INPUT("0", ":1")
		INPUT("0", "}") STOP("0") END("tool_use"));
	/* of two in turns; without an index; an object */
	streams(CALLS(MORE("0", "[0") "," MORE("1", "[1"))
		    CALLS("{'index':1,'id':'c2','function':{'name':'g'}}")
			CALLS(CALL("0", "c1", "f", "]")) CALLS(MORE("1", "]"))
			    FINISH("stop"),
	    START USE("0", "c2", "g") INPUT("0", "[1") USE("1", "c1", "f")
		INPUT("1", "[0") INPUT("1", "]") INPUT("0", "]") STOP("0")
		    STOP("1") END("tool_use"));
	streams(CALLS("{'function':{'arguments':{'a':1}}}")
		    CALLS("{'id':'c1','function':{'name':'f'}}") FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{\\'a\\':1}") STOP("0")
		END("tool_use"));
	/* what comes too late is none of the next call with that index */
	streams(CALLS(CALL("0", "c1", "f", "{}")) SAYS("a")
		    CALLS(MORE("0", "{}")) CALLS(CALL("0", "c2", "g", "[]"))
			FINISH("stop"),
	    START USE("0", "c1", "f") INPUT("0", "{}") STOP("0") TEXT("1")
		PIECE("1", "a") STOP("1") USE("2", "c2", "g") INPUT("2", "[]")
		    STOP("2") END("tool_use"));
}

#define BEGINS "{'index':%d,'function':{'name':'f','arguments':'{'}}"
#define ENDS "{'index':%d,'function':{'arguments':'}'}}"

static void
add_call(struct translation *t, const char *form, int i, struct buf *out)
{
	struct buf chunk;
	char call[2048];

	buf_init(&chunk, 1 << 16);
	snprintf(call, sizeof(call), form, i);
	translation_event(t, json_of(call, &chunk), out);
	buf_fini(&chunk);
}

static void
no_argument_is_lost_to_calls_at_the_same_time(void **state)
{
	struct translation *t = asked("");
	struct messages_state *s = t->state;
	struct buf out, lines;
	char block[128];

	(void)state;
	buf_init(&out, 1 << 20);
	buf_init(&lines, 1 << 20);
	for (int i = 0; i < MESSAGES_CALLS_OPEN; i++)
		add_call(t, CALLS(BEGINS), i, &out);
	for (int i = 0; i < MESSAGES_CALLS_OPEN; i++) {
		buf_reset(&out);
		add_call(t, CALLS(ENDS), i, &out);
		buf_add_char(&out, '\0');
		snprintf(block, sizeof(block), "\"index\":%d,", i);
		assert_non_null(strstr(out.p, block));
		assert_non_null(strstr(out.p, "\"partial_json\":\"}\""));
	}
	buf_reset(&out);
	translation_end(t, &counted, &out);
	take_data(buf_slice(&out), &lines);
	assert_int_equal(s->n_open, 0);
	assert_int_equal(s->blocks, MESSAGES_CALLS_OPEN);
	buf_fini(&out);
	buf_fini(&lines);
	translation_free(&t);
}

static void
more_calls_than_there_is_room_for_are_told_of(void **state)
{
	struct translation *t = asked("");
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 20);
	for (int i = 0; i < MESSAGES_CALLS_OPEN; i++)
		add_call(t, CALLS(BEGINS), i, &out);
	assert_int_equal(buf_err(&out), OK);
	add_call(t, CALLS(BEGINS), MESSAGES_CALLS_OPEN, &out);
	assert_int_equal(buf_err(&out), ERR_LIMIT);
	assert_string_equal(
	    translation_passed(t), "more than 1024 calls at a time");
	buf_fini(&out);
	translation_free(&t);
}

static void
a_call_without_a_name_cannot_fill_the_memory(void **state)
{
	struct translation *t = asked("");
	char call[2048];
	struct buf out;
	size_t n = 0;

	(void)state;
	buf_init(&out, 1 << 20);
	snprintf(call, sizeof(call), CALLS(MORE("%%d", "%01024d")), 0);
	for (; n < 2048 && buf_err(&out) == OK; n++)
		add_call(t, call, (int)n % 100, &out);
	assert_int_equal(buf_err(&out), ERR_LIMIT);
	assert_in_range(n, 1024, 1800); /* of 64 indexes in 100 */
	assert_string_equal(
	    translation_passed(t), "more than 1 MiB of calls without a name");
	buf_fini(&out);
	translation_free(&t);
}

static void
reasons_to_stop(void **state)
{
	(void)state;
	streams(FINISH("content_filter"), START END("refusal"));
	streams(CHUNK("{'refusal':'no'}") FINISH("stop"),
	    START TEXT("0") PIECE("0", "no") STOP("0") END("refusal"));
	streams_as(",'stop_sequences':['\\n']",
	    "{'choices':[{'delta':{'content':'a'},'finish_reason':'stop',"
	    "'stop_reason':'\\n'}]}\n",
	    &counted,
	    START TEXT("0") PIECE("0", "a") STOP("0")
		END_AS("stop_sequence", "'\\n'", USAGE));
	streams_as(",'stop_sequences':['\\n']",
	    "{'choices':[{'delta':{},'finish_reason':'stop',"
	    "'matched_stop':2}]}\n",
	    &counted, START END("end_turn"));
	streams("{'choices':[{'delta':{},'finish_reason':'stop',"
		"'stop_reason':'</s>'}]}\n",
	    START END("end_turn"));
}

static void
what_was_cached_is_counted_apart(void **state)
{
	const struct usage usage = { .known = true,
		.input = 10,
		.cached = 4,
		.output = 5,
		.reasoning = 3 };

	(void)state;
	streams_as("", FINISH("stop"), &usage,
	    START END_AS("end_turn", "null",
		"{'input_tokens':6,'cache_creation_input_tokens':0,"
		"'cache_read_input_tokens':4,'output_tokens':5,"
		"'output_tokens_details':{'thinking_tokens':3}}"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_a_block),
		cmocka_unit_test(nothing_is_an_empty_message),
		cmocka_unit_test(thinking_is_shown_to_who_asked),
		cmocka_unit_test(content_may_be_parts),
		cmocka_unit_test(who_thinks_unseen_pings),
		cmocka_unit_test(a_call_is_a_block),
		cmocka_unit_test(calls_follow_each_other),
		cmocka_unit_test(calls_at_the_same_time),
		cmocka_unit_test(odd_ways_to_call),
		cmocka_unit_test(arguments_may_come_before_the_name),
		cmocka_unit_test(no_argument_is_lost_to_calls_at_the_same_time),
		cmocka_unit_test(more_calls_than_there_is_room_for_are_told_of),
		cmocka_unit_test(a_call_without_a_name_cannot_fill_the_memory),
		cmocka_unit_test(reasons_to_stop),
		cmocka_unit_test(what_was_cached_is_counted_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
