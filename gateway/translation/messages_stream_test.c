/* gateway/translation/messages_stream_test.c */
#include "gateway/translation/messages.h"

#include <stdio.h>
#include <string.h>

#include "gateway/lib/count.h"
#include "gateway/translation/translation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const struct usage counted = { .known = true, .input = 10, .output = 5 };

/* Single quotes stand for double ones. */
static struct slice
json_of(const char *text, struct buf *out)
{
	size_t from = out->n;

	buf_add_str(out, text);
	assert_int_equal(buf_err(out), OK);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] == '\'')
			out->p[i] = '"';
	return slice_make(out->p + from, out->n - from);
}

static struct translation *
asked(const char *more)
{
	const struct translation_about about = { .id = "req_0123456789abcdef",
		.model = SLICE("claude \"x\"") };
	struct translation *t = translation_new(DIALECT_MESSAGES, &about);
	struct errmsg why;
	struct slice chat;
	struct buf body;

	buf_init(&body, 4096);
	json_of("{'messages':[{'role':'user','content':'hi'}]", &body);
	json_of(more, &body);
	json_of("}", &body);
	assert_int_equal(
	    translation_request(t, buf_slice(&body), &chat, &why), OK);
	buf_fini(&body);
	return t;
}

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
#define USAGE                                                                  \
	"{'input_tokens':10,'cache_creation_input_tokens':0,"                  \
	"'cache_read_input_tokens':0,'output_tokens':5}"
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

#define THINKING_ON ",'thinking':{'type':'enabled','budget_tokens':1024}"

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

#define PARTS                                                                  \
	"[{'type':'thinking','thinking':[{'type':'text','text':'h'}]},"        \
	"{'type':'text','text':'a'}]"

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
no_more_calls_are_open_than_there_is_room_for(void **state)
{
	struct translation *t = asked("");
	struct messages_state *s = t->state;
	struct buf out, chunk, lines;
	char call[256];

	(void)state;
	buf_init(&out, 1 << 20);
	buf_init(&chunk, 1 << 16);
	buf_init(&lines, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		buf_reset(&chunk);
		snprintf(call, sizeof(call),
		    "{'choices':[{'delta':{'tool_calls':[{'index':%d,"
		    "'function':{'name':'f','arguments':'{'}}]}}]}",
		    i);
		translation_event(t, json_of(call, &chunk), &out);
		assert_true(s->n_open <= MESSAGES_CALLS_OPEN);
	}
	translation_end(t, &counted, &out);
	assert_int_equal(s->n_open, 0);
	assert_int_equal(s->blocks, 1000);
	take_data(buf_slice(&out), &lines);
	buf_fini(&out);
	buf_fini(&chunk);
	buf_fini(&lines);
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

/* --- whole answers --- */

static void
answers(const char *request, const char *chat, const char *content,
    const char *stop)
{
	struct translation *t = asked(request);
	struct buf in, want, out;
	struct errmsg why;
	size_t n;

	buf_init(&in, 65536);
	buf_init(&want, 65536);
	buf_init(&out, 65536);
	translation_answer(t, json_of(chat, &in), &counted, &out);
	assert_int_equal(scan_object(buf_slice(&out), NULL, 0, &n, &why), OK);
	json_of("{'id':'msg_0123456789abcdef','type':'message',"
		"'role':'assistant','model':'claude \\'x\\'','content':[",
	    &want);
	json_of(content, &want);
	json_of("],'stop_reason':", &want);
	json_of(stop, &want);
	json_of(",'usage':" USAGE "}", &want);
	if (!slice_eq(buf_slice(&out), buf_slice(&want)))
		fail_msg("want\n%.*s\ngot\n%.*s", SLICE_ARG(buf_slice(&want)),
		    SLICE_ARG(buf_slice(&out)));
	buf_fini(&in);
	buf_fini(&want);
	buf_fini(&out);
	translation_free(&t);
}

#define WHOLE(message, finish)                                                 \
	"{'choices':[{'message':" message ",'finish_reason':'" finish "'}]}"
#define WHOLE_CALL(arguments)                                                  \
	WHOLE("{'content':null,'tool_calls':[{'id':'c1','type':'function',"    \
	      "'function':{'name':'f','arguments':" arguments "}}]}",          \
	    "tool_calls")
#define WHOLE_USE(input)                                                       \
	"{'type':'tool_use','id':'c1','name':'f','input':" input "}"

static void
a_whole_answer_is_a_message(void **state)
{
	static const char *const none[] = { "'{\\'a'", "'[]'", "''",
		"'\\ud83d'", "null" };
	char chat[512];

	(void)state;
	answers("", WHOLE("{'content':'a\\n'}", "stop"),
	    "{'type':'text','text':'a\\n'}", "'end_turn','stop_sequence':null");
	answers(THINKING_ON,
	    WHOLE("{'reasoning':'hm','content':'a'}", "length"),
	    "{'type':'thinking','thinking':'hm','signature':''},"
	    "{'type':'text','text':'a'}",
	    "'max_tokens','stop_sequence':null");
	answers("", WHOLE("{'content':null,'refusal':'no'}", "stop"),
	    "{'type':'text','text':'no'}", "'refusal','stop_sequence':null");
	answers("", WHOLE_CALL("'{\\'a\\':\\'\\\\n\\\\u00e9\\'}'"),
	    WHOLE_USE("{'a':'\\n\\u00e9'}"), "'tool_use','stop_sequence':null");
	answers("", WHOLE_CALL("'{\\'\\ud83d\\':1}'"),
	    WHOLE_USE("{'\xef\xbf\xbd':1}"), "'tool_use','stop_sequence':null");
	for (size_t i = 0; i < COUNT(none); i++) {
		snprintf(chat, sizeof(chat), WHOLE_CALL("%s"), none[i]);
		answers("", chat, WHOLE_USE("{}"),
		    "'tool_use','stop_sequence':null");
	}
	answers("", WHOLE_CALL("{'a':1}"), WHOLE_USE("{'a':1}"),
	    "'tool_use','stop_sequence':null");
	answers(THINKING_ON, WHOLE("{'content':" PARTS "}", "stop"),
	    "{'type':'thinking','thinking':'h','signature':''},"
	    "{'type':'text','text':'a'}",
	    "'end_turn','stop_sequence':null");
	answers("", "{}", "", "'end_turn','stop_sequence':null");
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
		cmocka_unit_test(no_more_calls_are_open_than_there_is_room_for),
		cmocka_unit_test(reasons_to_stop),
		cmocka_unit_test(what_was_cached_is_counted_apart),
		cmocka_unit_test(a_whole_answer_is_a_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
