/* gateway/translation/responses_tools.c - tools of responses, as functions of
 * chat.
 *
 * One that takes free text is a function with one string. One in a namespace
 * has that ahead of its name. A client's search for tools is a function, too;
 * what it finds is there from then on. Those that a server would run are left
 * out. */
#include "gateway/lib/arena.h"
#include "gateway/lib/map.h"
#include "gateway/translation/chat_writer.h"
#include "gateway/translation/responses.h"

#define TYPE_MAX 40 /* of a type that is told of, with NUL */
/* What is looked up in lists has ends that no application comes near. */
#define TOOLS_MAX 1024
#define TOOL_NAME_MAX 256
#define ALLOWED_MAX ((size_t)64 << 10) /* bytes */
#define TOLD_BYTES ((size_t)1 << 20)

struct tools {
	struct translation *t;
	struct buf *out;
	struct map allowed; /* names, where `limited` */
	struct map told; /* as they are called in chat: of those kept */
	struct arena names; /* of those */
	size_t n; /* that were written */
	size_t seen, kept; /* that were read; whose names are kept */
	bool limited; /* by the choice of a tool */
	bool late; /* they come as items, some once more */
	struct errmsg *why;
};

/* --- names --- */

void
responses_add_name(struct buf *out, const struct responses_tool *tool)
{
	size_t from = out->n;

	buf_add(out, tool->namespace);
	if (tool->namespace.n > 0 && !slice_ends(tool->namespace, SLICE("__")))
		buf_add_str(out, "__");
	buf_add(out, tool->name);
	if (tool->namespace.n > 0)
		chat_writer_shorten(out, from);
}

/* For the answer: `as` it is called in chat. */
static enum err
keep_name(struct tools *w, const struct responses_tool *tool, struct slice as)
{
	struct buf *out = &w->t->kept;
	char *copy;

	if (tool->namespace.n == 0 && tool->kind == RESPONSES_CALL && !w->late)
		return OK;
	copy = arena_dup(&w->names, as);
	if (copy == NULL || map_put(&w->told, slice_make(copy, as.n), w) != OK)
		return fail(w->why, ERR_MEMORY, "out of memory");
	buf_add_str(out, w->kept++ == 0 ? "{\"as\":\"" : ",{\"as\":\"");
	buf_add(out, as);
	buf_add_str(out, "\",\"name\":\"");
	buf_add(out, tool->name);
	buf_add_str(out, "\",\"namespace\":\"");
	buf_add(out, tool->namespace);
	buf_addf(out, "\",\"kind\":%d}", (int)tool->kind);
	return OK;
}

/* From what chat calls them to where their rows are. */
static enum err
map_rows(struct map *m, const struct buf *kept, size_t from)
{
	struct slice rest = slice_make(kept->p + from, kept->n - from), row, as;
	enum scan_type type;
	enum err rc = OK;

	while (rc == OK && scan_next_element(&rest, &row, &type)) {
		as = responses_get_text(row, "as");
		if (map_get(m, as) == NULL) /* of two the first is meant */
			rc = map_put(m, as, kept->p + (row.p - kept->p));
	}
	if (rc != OK)
		map_fini(m);
	return rc;
}

enum err
responses_find_tool(
    const struct translation *t, struct slice name, struct responses_tool *tool)
{
	struct responses_state *s = t->state;
	uint64_t kind = RESPONSES_CALL;
	struct scan_member m;
	struct scan_walk at;
	struct slice row;
	enum err rc = OK;

	*tool = (struct responses_tool){ .name = name, .kind = RESPONSES_CALL };
	if (s->tools.n == 0 && t->kept.n > s->echoed)
		rc = map_rows(&s->tools, &t->kept, s->echoed);
	at.p = map_get(&s->tools, name);
	at.end = t->kept.p + t->kept.n;
	if (at.p == NULL)
		return rc;
	row = scan_walk_skip(&at);
	if (scan_get(row, "kind", &m))
		(void)scan_u64(m.value, &kind);
	*tool = (struct responses_tool){
		.name = responses_get_text(row, "name"),
		.namespace = responses_get_text(row, "namespace"),
		.kind = (enum responses_kind)kind,
	};
	return OK;
}

/* --- one of them --- */

/* A header tells of it. */
static void
leave_out(struct translation *t, struct slice type)
{
	char word[TYPE_MAX];

	for (size_t i = 0; i < type.n; i++)
		if (type.p[i] != '_' && (type.p[i] < 'a' || type.p[i] > 'z') &&
		    (type.p[i] < '0' || type.p[i] > '9'))
			type.n = 0;
	slice_copy(word, sizeof(word), type.n > 0 ? type : SLICE("tool"));
	translation_leave_out(t, word);
}

static bool
is_allowed(const struct tools *w, const struct responses_tool *tool)
{
	return !w->limited || map_get(&w->allowed, tool->name) != NULL;
}

static void
add_member(struct buf *out, struct slice object, const char *name)
{
	struct scan_member m;

	if (!scan_get(object, name, &m) || m.type == SCAN_NULL)
		return;
	buf_add_char(out, ',');
	buf_add(out, m.whole);
}

/* The grammar of its text is all that a model is told of it. */
static void
add_text_parameter(struct buf *out, struct slice tool)
{
	struct scan_member format;
	struct slice grammar = SLICE("");

	if (scan_get(tool, "format", &format) && format.type == SCAN_OBJECT)
		grammar = responses_get_text(format.value, "definition");
	buf_add_str(out,
	    ",\"parameters\":{\"type\":\"object\",\"properties\":{\"input\":{"
	    "\"type\":\"string\"");
	if (grammar.n > 0) {
		buf_add_str(out, ",\"description\":\"In this grammar (");
		buf_add(out, responses_get_text(format.value, "syntax"));
		buf_add_str(out, "):\\n");
		buf_add(out, grammar);
		buf_add_char(out, '"');
	}
	buf_add_str(out, "}},\"required\":[\"input\"]}");
}

/* Strict is what chat is not unless told so. */
static enum err
add_function(
    struct tools *w, struct slice object, const struct responses_tool *tool)
{
	struct buf *out = w->out;
	struct scan_member m;
	size_t before = out->n, from;
	struct slice name;
	enum err rc;

	if (!is_allowed(w, tool))
		return OK;
	buf_add_str(out, w->n == 0 ? ",\"tools\":[" : ",");
	buf_add_str(out, "{\"type\":\"function\",\"function\":{\"name\":\"");
	from = out->n;
	responses_add_name(out, tool);
	if (buf_err(out) != OK)
		return buf_err(out);
	name = slice_make(out->p + from, out->n - from);
	if (w->late && map_get(&w->told, name) != NULL) {
		out->n = before;
		return OK;
	}
	rc = keep_name(w, tool, name);
	if (rc != OK)
		return rc;
	w->n++;
	buf_add_char(out, '"');
	add_member(out, object, "description");
	if (tool->kind == RESPONSES_CUSTOM_CALL)
		add_text_parameter(out, object);
	else
		add_member(out, object, "parameters");
	if (scan_get(object, "strict", &m) && m.type == SCAN_TRUE)
		buf_add_str(out, ",\"strict\":true");
	buf_add_str(out, "}}");
	return OK;
}

/* Of those kinds that a client runs itself. */
static bool
is_function(struct slice object, struct slice type, struct responses_tool *tool)
{
	tool->kind = RESPONSES_CALL;
	if (slice_is(type, "custom")) {
		tool->kind = RESPONSES_CUSTOM_CALL;
	} else if (slice_is(type, RESPONSES_SEARCH) &&
	    slice_is(responses_get_text(object, "execution"), "client")) {
		tool->kind = RESPONSES_SEARCH_CALL;
		tool->name = SLICE(RESPONSES_SEARCH);
	} else {
		return slice_is(type, "function");
	}
	return true;
}

static enum err add_array(struct tools *, struct slice tools, const char *place,
    struct slice namespace);

static enum err
add_tool(struct tools *w, struct slice object, const char *place,
    struct slice namespace)
{
	struct slice type = responses_get_text(object, "type");
	struct responses_tool tool = {
		.name = responses_get_text(object, "name"),
		.namespace = namespace,
	};
	struct scan_member inner;

	if (type.n == 0)
		return fail(w->why, ERR_INVALID, "%s: one has no type", place);
	if (w->seen++ == TOOLS_MAX || tool.name.n > TOOL_NAME_MAX)
		return fail(w->why, ERR_INVALID,
		    "%s: more than %d, or a name of more than %d bytes", place,
		    TOOLS_MAX, TOOL_NAME_MAX);
	if (slice_is(type, "namespace") && namespace.n == 0 &&
	    scan_get(object, "tools", &inner) && inner.type == SCAN_ARRAY)
		return add_array(w, inner.value, place, tool.name);
	if (!is_function(object, type, &tool)) {
		leave_out(w->t, type);
		return OK;
	}
	if (tool.name.n == 0)
		return fail(w->why, ERR_INVALID, "%s: one has no name", place);
	return add_function(w, object, &tool);
}

static enum err
add_array(struct tools *w, struct slice tools, const char *place,
    struct slice namespace)
{
	struct slice one;
	enum scan_type type;
	enum err rc = OK;

	while (rc == OK && scan_next_element(&tools, &one, &type))
		rc = type == SCAN_OBJECT
		    ? add_tool(w, one, place, namespace)
		    : fail(w->why, ERR_INVALID, "%s: one is not an object",
			  place);
	return rc;
}

/* --- all of them --- */

/* Some come as items of the input: what a client has found for the model it
 * may find again. */
static enum err
add_more(struct tools *w, const struct scan_member *input)
{
	struct slice rest = input->value, item, kind;
	struct scan_member m;
	enum scan_type type;
	enum err rc = OK;

	w->late = true;
	if (input->type != SCAN_ARRAY)
		return OK;
	while (rc == OK && scan_next_element(&rest, &item, &type)) {
		if (type != SCAN_OBJECT)
			continue;
		kind = responses_get_text(item, "type");
		if ((slice_is(kind, "additional_tools") ||
			slice_is(kind, "tool_search_output")) &&
		    scan_get(item, "tools", &m) && m.type == SCAN_ARRAY)
			rc = add_array(w, m.value, "input's tools", SLICE(""));
	}
	return rc;
}

/* One of the words that both formats have, or one function. */
static enum err
add_choice(struct tools *w, const struct scan_member *choice)
{
	struct slice word = scan_inside(choice), type = SLICE("");
	struct responses_tool tool = { .kind = RESPONSES_CALL };

	if (choice->type == SCAN_OBJECT) {
		type = responses_get_text(choice->value, "type");
		tool.name = responses_get_text(choice->value, "name");
		tool.namespace = responses_get_text(choice->value, "namespace");
	}
	if (slice_is(type, "allowed_tools"))
		word = responses_get_text(choice->value, "mode");
	else if (type.n > 0 && !slice_is(type, "function") &&
	    !slice_is(type, "custom"))
		return fail(w->why, ERR_UNSUPPORTED,
		    "tool_choice: %.*s has no counterpart in "
		    "chat" RESPONSES_ELSEWHERE,
		    SLICE_SHORT(type, TYPE_MAX));
	if (w->n == 0 && (slice_is(word, "required") || tool.name.n > 0))
		return fail(w->why, ERR_UNSUPPORTED,
		    "tool_choice: there is no tool that chat could "
		    "call" RESPONSES_ELSEWHERE);
	if (w->n == 0)
		return OK;
	buf_add_str(w->out, ",\"tool_choice\":");
	if (word.n > 0) {
		buf_add_char(w->out, '"');
		buf_add(w->out, word);
		buf_add_char(w->out, '"');
		return OK;
	}
	if (tool.name.n == 0)
		return fail(w->why, ERR_INVALID, "tool_choice: it has no name");
	buf_add_str(w->out, "{\"type\":\"function\",\"function\":{\"name\":\"");
	responses_add_name(w->out, &tool);
	buf_add_str(w->out, "\"}}");
	return OK;
}

static enum err
read_allowed(struct tools *w, const struct scan_member *choice)
{
	struct scan_member list;
	struct slice rest, one;
	enum scan_type type;
	enum err rc = OK;

	w->limited = choice->type == SCAN_OBJECT &&
	    slice_is(
		responses_get_text(choice->value, "type"), "allowed_tools") &&
	    scan_get(choice->value, "tools", &list) && list.type == SCAN_ARRAY;
	if (!w->limited)
		return OK;
	if (list.value.n > ALLOWED_MAX)
		return fail(
		    w->why, ERR_INVALID, "tool_choice: it allows too many");
	rest = list.value;
	while (rc == OK && scan_next_element(&rest, &one, &type))
		if (type == SCAN_OBJECT)
			rc = map_put(
			    &w->allowed, responses_get_text(one, "name"), w);
	return rc == OK ? OK : fail(w->why, rc, "out of memory");
}

static enum err
add_all(struct tools *w, const struct responses_body *body)
{
	const struct scan_member *choice = &body->at[RESPONSES_TOOL_CHOICE];
	const struct scan_member *tools = &body->at[RESPONSES_TOOLS];
	enum err rc = read_allowed(w, choice);

	if (rc != OK)
		return rc;
	buf_add_char(&w->t->kept, '[');
	if (tools->type == SCAN_ARRAY)
		rc = add_array(w, tools->value, "tools", SLICE(""));
	if (rc == OK)
		rc = add_more(w, &body->at[RESPONSES_INPUT]);
	buf_add_char(&w->t->kept, ']');
	if (rc != OK)
		return rc;
	if (w->n > 0)
		buf_add_char(w->out, ']');
	if (choice->type != SCAN_NULL)
		rc = add_choice(w, choice);
	if (w->n > 0 &&
	    body->at[RESPONSES_PARALLEL_TOOL_CALLS].type == SCAN_FALSE)
		buf_add_str(w->out, ",\"parallel_tool_calls\":false");
	return rc;
}

enum err
responses_add_tools(struct translation *t, const struct responses_body *body,
    struct buf *chat, struct errmsg *why)
{
	struct tools w = { .t = t, .out = chat, .why = why };
	enum err rc;

	map_init(&w.allowed);
	map_init(&w.told);
	arena_init(&w.names, TOLD_BYTES);
	rc = add_all(&w, body);
	map_fini(&w.allowed);
	map_fini(&w.told);
	arena_fini(&w.names);
	return rc;
}
