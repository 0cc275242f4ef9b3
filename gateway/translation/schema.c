/* gateway/translation/schema.c - what OpenAI's strict mode asks of a schema.
 *
 * Anthropic's asks less: what is optional there is refused by OpenAI. A name of
 * a property that reads like a word of schemas makes a schema pass for one that
 * is not strict, which costs a promise and no answer. */
#include "gateway/translation/schema.h"

#include "gateway/lib/count.h"

static bool
spend(size_t *budget, size_t n)
{
	if (n > *budget) {
		*budget = 0;
		return false;
	}
	*budget -= n;
	return true;
}

static bool
has_string(const struct scan_member *array, struct slice key)
{
	struct slice rest = array->value, one;
	enum scan_type type;

	while (scan_next_element(&rest, &one, &type))
		if (type == SCAN_STRING &&
		    slice_eq(slice_make(one.p + 1, one.n - 2), key))
			return true;
	return false;
}

static bool
all_required(const struct scan_member *properties,
    const struct scan_member *required, size_t *budget)
{
	struct slice rest = properties->value;
	struct scan_member m;

	while (scan_next_member(&rest, &m))
		if (required->type != SCAN_ARRAY ||
		    !spend(budget, required->value.n) ||
		    !has_string(required, m.key))
			return false;
	return true;
}

/* Strict mode does not know them. */
static bool
is_too_much(const struct scan_member *m)
{
	static const char *const words[] = { "allOf", "oneOf", "not",
		"patternProperties" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (scan_key_is(m, words[i]))
			return true;
	return false;
}

static bool value_is_strict(
    struct slice value, enum scan_type type, size_t *budget);

static bool
object_is_strict(struct slice object, size_t *budget)
{
	struct scan_member m, properties = { .type = SCAN_NULL },
			      required = { .type = SCAN_NULL };
	bool closed = false, is_object = false;

	while (scan_next_member(&object, &m)) {
		if (is_too_much(&m) ||
		    !value_is_strict(m.value, m.type, budget))
			return false;
		if (scan_key_is(&m, "properties"))
			properties = m;
		else if (scan_key_is(&m, "required"))
			required = m;
		else if (scan_key_is(&m, "additionalProperties"))
			closed = m.type == SCAN_FALSE;
		else if (scan_key_is(&m, "type"))
			is_object = scan_string_is(&m, "object");
	}
	if (properties.type != SCAN_OBJECT)
		return closed || !is_object;
	return closed && all_required(&properties, &required, budget);
}

/* As deep as JSON that was validated. */
static bool
value_is_strict(struct slice value, enum scan_type type, size_t *budget)
{
	struct slice one;

	if (type != SCAN_OBJECT && type != SCAN_ARRAY)
		return true;
	if (!spend(budget, value.n))
		return false;
	if (type == SCAN_OBJECT)
		return object_is_strict(value, budget);
	while (scan_next_element(&value, &one, &type))
		if (!value_is_strict(one, type, budget))
			return false;
	return true;
}

bool
schema_is_strict(struct slice schema, size_t *budget)
{
	return value_is_strict(schema, SCAN_OBJECT, budget);
}
