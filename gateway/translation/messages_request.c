/* gateway/translation/messages_request.c - a request of Anthropic's messages,
 * but for its conversation, as one of chat.
 *
 * Members that say nothing of the answer's content go without a word. top_k
 * does, too: OpenAI and Cerebras refuse it. */
#include "gateway/lib/count.h"
#include "gateway/translation/messages.h"
#include "gateway/translation/schema.h"

#define ROOM 1024 /* what a request of chat is longer by, in most cases */
#define TOOLS_MAX 10000
#define NEEDS_NATIVE "use a backend that speaks /v1/messages"

enum member {
	/* those of the same name and meaning first */
	TEMPERATURE,
	TOP_P,
	STREAM,
	SAME,
	MAX_TOKENS = SAME,
	STOP_SEQUENCES,
	SYSTEM,
	MESSAGES,
	TOOLS,
	TOOL_CHOICE,
	THINKING,
	OUTPUT_CONFIG,
	OUTPUT_FORMAT,
	MCP_SERVERS,
	CONTAINER,
	THREAD,
	COMPACTION,
	MEMBERS
};

static const char *const names[MEMBERS] = {
	[TEMPERATURE] = "temperature",
	[TOP_P] = "top_p",
	[STREAM] = "stream",
	[MAX_TOKENS] = "max_tokens",
	[STOP_SEQUENCES] = "stop_sequences",
	[SYSTEM] = "system",
	[MESSAGES] = "messages",
	[TOOLS] = "tools",
	[TOOL_CHOICE] = "tool_choice",
	[THINKING] = "thinking",
	[OUTPUT_CONFIG] = "output_config",
	[OUTPUT_FORMAT] = "output_format",
	[MCP_SERVERS] = "mcp_servers",
	[CONTAINER] = "container",
	[THREAD] = "thread",
	[COMPACTION] = "compaction",
};

/* null is as good as absent. */
static void
read_members(struct slice body, struct scan_member found[MEMBERS])
{
	struct scan_member m;

	for (size_t i = 0; i < MEMBERS; i++)
		found[i] = (struct scan_member){ .type = SCAN_NULL };
	while (scan_next_member(&body, &m))
		for (size_t i = 0; i < MEMBERS; i++)
			if (scan_key_is(&m, names[i])) {
				found[i] = m;
				break;
			}
}

static void
add_member(struct buf *out, const char *name, struct slice value)
{
	buf_add_str(out, ",\"");
	buf_add_str(out, name);
	buf_add_str(out, "\":");
	buf_add(out, value);
}

/* To Anthropic a property may be optional; OpenAI refuses a strict schema with
 * one. */
static void
add_strict(struct translation *t, struct slice schema)
{
	struct messages_state *s = t->state;
	size_t budget = MESSAGES_SCHEMAS - s->schemas;

	if (schema_is_strict(schema, &budget))
		buf_add_str(&t->chat, ",\"strict\":true");
	s->schemas = MESSAGES_SCHEMAS - budget;
}

/* --- tools --- */

/* What the choice of a tool demands. */
struct choice {
	struct scan_member type, name;
	bool forced; /* any of them, or that one */
	bool met; /* it is among those that chat has */
};

/* Of a tool that only Anthropic has: its type, as a word for a header. */
static void
leave_out(struct translation *t, const struct scan_member *type)
{
	char word[48];
	size_t n = 0;

	for (size_t i = 1; i + 1 < type->value.n && n + 1 < sizeof(word); i++)
		if (slice_find(SLICE("abcdefghijklmnopqrstuvwxyz0123456789_-"),
			type->value.p[i]) >= 0)
			word[n++] = type->value.p[i];
	word[n] = '\0';
	translation_leave_out(t, n > 0 ? word : "tool");
}

struct tool {
	struct scan_member type, name, description, schema, strict;
};

static void
read_tool(struct slice value, struct tool *out)
{
	const struct {
		const char *name;
		struct scan_member *to;
	} rows[] = {
		{ "type", &out->type },
		{ "name", &out->name },
		{ "description", &out->description },
		{ "input_schema", &out->schema },
		{ "strict", &out->strict },
	};
	struct scan_member m;

	for (size_t i = 0; i < COUNT(rows); i++)
		*rows[i].to = (struct scan_member){ .type = SCAN_NULL };
	while (scan_next_member(&value, &m))
		for (size_t i = 0; i < COUNT(rows); i++)
			if (scan_key_is(&m, rows[i].name))
				*rows[i].to = m;
}

static enum err
check_tool(const struct tool *t, size_t at, struct errmsg *why)
{
	if (!scan_nonempty_string(&t->name))
		return fail(why, ERR_INVALID,
		    "tools.%zu.name: want a string, and not an empty one", at);
	if (t->description.type != SCAN_STRING &&
	    t->description.type != SCAN_NULL)
		return fail(why, ERR_INVALID,
		    "tools.%zu.description: want a string", at);
	if (t->schema.type != SCAN_OBJECT && t->schema.type != SCAN_NULL)
		return fail(why, ERR_INVALID,
		    "tools.%zu.input_schema: want an object", at);
	return OK;
}

static void
add_tool(struct translation *t, const struct tool *tool)
{
	struct buf *out = &t->chat;

	buf_add_str(out, "{\"type\":\"function\",\"function\":{\"name\":");
	messages_add_name(out, tool->name.value);
	if (tool->description.type == SCAN_STRING)
		add_member(out, "description", tool->description.value);
	if (tool->schema.type == SCAN_OBJECT)
		add_member(out, "parameters", tool->schema.value);
	if (tool->strict.type == SCAN_TRUE && tool->schema.type == SCAN_OBJECT)
		add_strict(t, tool->schema.value);
	buf_add_str(out, "}}");
}

/* One of them; *n counts those that chat has. */
static enum err
take_tool(struct translation *t, struct slice value, size_t at, size_t *n,
    struct choice *choice, struct errmsg *why)
{
	struct tool tool;
	enum err rc;

	if (at >= TOOLS_MAX)
		return fail(why, ERR_INVALID, "tools: want fewer of them");
	read_tool(value, &tool);
	if (tool.type.type == SCAN_STRING &&
	    !scan_string_is(&tool.type, "custom")) {
		leave_out(t, &tool.type);
		return OK;
	}
	rc = check_tool(&tool, at, why);
	if (rc != OK)
		return rc;
	buf_add_str(&t->chat, (*n)++ > 0 ? "," : ",\"tools\":[");
	add_tool(t, &tool);
	messages_keep_name(t, tool.name.value);
	choice->met |= choice->name.type != SCAN_STRING ||
	    slice_eq(choice->name.value, tool.name.value);
	return OK;
}

static enum err
add_tools(struct translation *t, const struct scan_member *tools, size_t *n,
    struct choice *choice, struct errmsg *why)
{
	struct slice rest = tools->value, value;
	enum scan_type type;
	enum err rc = OK;

	if (tools->type == SCAN_NULL)
		return OK;
	if (tools->type != SCAN_ARRAY)
		return fail(why, ERR_INVALID, "tools: want an array");
	for (size_t i = 0; rc == OK && scan_next_element(&rest, &value, &type);
	     i++)
		rc = type == SCAN_OBJECT
		    ? take_tool(t, value, i, n, choice, why)
		    : fail(why, ERR_INVALID, "tools.%zu: want an object", i);
	if (*n > 0)
		buf_add_char(&t->chat, ']');
	return rc;
}

static enum err
read_choice(const struct scan_member *m, struct choice *out, struct errmsg *why)
{
	static const char *const types[] = { "auto", "any", "tool", "none" };
	bool known = false;

	*out = (struct choice){ .type = messages_member(m, "type") };
	out->name.type = SCAN_NULL;
	if (m->type == SCAN_NULL)
		return OK;
	for (size_t i = 0; i < COUNT(types); i++)
		known |= scan_string_is(&out->type, types[i]);
	if (!known)
		return fail(why, ERR_INVALID,
		    "tool_choice.type: want one of auto, any, tool, none");
	if (scan_string_is(&out->type, "tool"))
		out->name = messages_member(m, "name");
	if (scan_string_is(&out->type, "tool") &&
	    !scan_nonempty_string(&out->name))
		return fail(why, ERR_INVALID,
		    "tool_choice.name: want the name of a tool");
	out->forced =
	    out->name.type == SCAN_STRING || scan_string_is(&out->type, "any");
	return OK;
}

static void
add_choice(const struct scan_member *m, const struct choice *c, struct buf *out)
{
	struct scan_member single =
	    messages_member(m, "disable_parallel_tool_use");

	if (c->name.type == SCAN_STRING) {
		buf_add_str(out,
		    ",\"tool_choice\":{\"type\":\"function\","
		    "\"function\":{\"name\":");
		messages_add_name(out, c->name.value);
		buf_add_str(out, "}}");
	} else if (c->type.type == SCAN_STRING) {
		add_member(out, "tool_choice",
		    c->forced ? SLICE("\"required\"") : c->type.value);
	}
	if (single.type == SCAN_TRUE)
		add_member(out, "parallel_tool_calls", SLICE("false"));
}

/* A choice without tools is refused by some. */
static enum err
add_tooling(struct translation *t, const struct scan_member found[MEMBERS],
    struct errmsg *why)
{
	struct choice choice;
	size_t n = 0;
	enum err rc = read_choice(&found[TOOL_CHOICE], &choice, why);

	if (rc == OK)
		rc = add_tools(t, &found[TOOLS], &n, &choice, why);
	if (rc != OK)
		return rc;
	if (choice.forced && !choice.met)
		return fail(why, ERR_UNSUPPORTED,
		    "tool_choice: it demands a tool that chat does not "
		    "have: " NEEDS_NATIVE);
	if (n > 0)
		add_choice(&found[TOOL_CHOICE], &choice, &t->chat);
	return OK;
}

/* --- what the answer is to be like --- */

static enum err
add_stops(const struct scan_member *stops, struct messages_state *s,
    struct buf *out, struct errmsg *why)
{
	if (stops->type != SCAN_ARRAY && stops->type != SCAN_NULL)
		return fail(why, ERR_INVALID, "stop_sequences: want an array");
	s->has_stops = scan_has_elements(stops);
	if (s->has_stops)
		add_member(out, "stop", stops->value);
	return OK;
}

/* To Anthropic `high` is as good as nothing said, and Claude Code always says
 * it: models that cannot reason refuse the member. The two beyond are
 * Anthropic's alone. */
static void
add_effort(const struct scan_member *effort, struct buf *out)
{
	static const struct {
		const char *name, *chat;
	} rows[] = {
		{ "low", "\"low\"" },
		{ "medium", "\"medium\"" },
		{ "xhigh", "\"high\"" },
		{ "max", "\"high\"" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		if (scan_string_is(effort, rows[i].name))
			add_member(
			    out, "reasoning_effort", slice_of(rows[i].chat));
}

/* Where it is asked for in messages the router does not see it: who speaks them
 * may know it without knowing chat's. */
static enum err
add_format(struct translation *t, const struct scan_member *format,
    const char *where, struct errmsg *why)
{
	struct scan_member type = messages_member(format, "type"), schema;

	if (format->type == SCAN_NULL)
		return OK;
	if (!scan_string_is(&type, "json_schema"))
		return fail(why, ERR_UNSUPPORTED,
		    "%s.type: only json_schema has a counterpart in "
		    "chat: " NEEDS_NATIVE,
		    where);
	if (!t->formats)
		return fail(why, ERR_UNSUPPORTED,
		    "%s: the chat of this backend knows no schemas "
		    "(json_mode): "
		    "use one that does, or speaks /v1/messages",
		    where);
	schema = messages_member(format, "schema");
	if (schema.type != SCAN_OBJECT)
		return fail(
		    why, ERR_INVALID, "%s.schema: want an object", where);
	buf_add_str(&t->chat,
	    ",\"response_format\":{\"type\":\"json_schema\","
	    "\"json_schema\":{\"name\":\"answer\"");
	add_strict(t, schema.value);
	add_member(&t->chat, "schema", schema.value);
	buf_add_str(&t->chat, "}}");
	return OK;
}

static enum err
add_output(struct translation *t, const struct scan_member found[MEMBERS],
    struct errmsg *why)
{
	const struct scan_member *config = &found[OUTPUT_CONFIG];
	struct scan_member format = messages_member(config, "format");
	struct scan_member effort = messages_member(config, "effort");

	add_effort(&effort, &t->chat);
	if (format.type != SCAN_NULL)
		return add_format(t, &format, "output_config.format", why);
	return add_format(t, &found[OUTPUT_FORMAT], "output_format", why);
}

/* How long a model thinks chat has no word for that all understand. */
static bool
shows_thinking(const struct scan_member *thinking)
{
	struct scan_member type = messages_member(thinking, "type");
	struct scan_member display = messages_member(thinking, "display");

	return (scan_string_is(&type, "enabled") ||
		   scan_string_is(&type, "adaptive")) &&
	    !scan_string_is(&display, "omitted");
}

/* --- all of it --- */

/* What the server is to hold, of which a client sends no more than the next
 * turn then, and what asks for another kind of answer. Anthropic's SDKs read
 * the code, and send all from then on. */
static enum err
refuse_stored(struct translation *t, const struct scan_member found[MEMBERS],
    struct errmsg *why)
{
	if (found[THREAD].type != SCAN_NULL) {
		t->details = "\"details\":{\"error_code\":"
			     "\"thread_unsupported_request\","
			     "\"unsupported\":[\"thread\"]}";
		return fail(why, ERR_UNSUPPORTED,
		    "thread: nothing is stored for chat: send all messages, "
		    "or " NEEDS_NATIVE);
	}
	if (found[COMPACTION].type != SCAN_NULL)
		return fail(why, ERR_UNSUPPORTED,
		    "compaction: it has no counterpart in chat: " NEEDS_NATIVE);
	return OK;
}

enum err
messages_request(struct translation *t, struct slice body, struct buf *chat,
    struct errmsg *why)
{
	struct scan_member found[MEMBERS];
	struct messages_state *s = t->state;
	enum err rc;

	read_members(body, found);
	rc = refuse_stored(t, found, why);
	if (rc != OK)
		return rc;
	s->has_tools = scan_has_elements(&found[TOOLS]);
	(void)buf_reserve_exactly(chat, body.n + ROOM);
	buf_add_str(chat, "{\"messages\":");
	rc = messages_turns(t, &found[SYSTEM], &found[MESSAGES], why);
	if (rc == OK)
		rc = add_tooling(t, found, why);
	if (rc == OK && found[MAX_TOKENS].type != SCAN_NULL)
		add_member(chat, t->length, found[MAX_TOKENS].value);
	for (size_t i = 0; rc == OK && i < SAME; i++)
		if (found[i].type != SCAN_NULL)
			add_member(chat, names[i], found[i].value);
	if (rc == OK)
		rc = add_stops(&found[STOP_SEQUENCES], s, chat, why);
	if (rc == OK)
		rc = add_output(t, found, why);
	buf_add_char(chat, '}');
	s->shows_thinking = shows_thinking(&found[THINKING]);
	if (scan_has_elements(&found[MCP_SERVERS]))
		translation_leave_out(t, "mcp_servers");
	if (found[CONTAINER].type != SCAN_NULL)
		translation_leave_out(t, "container");
	return rc;
}
