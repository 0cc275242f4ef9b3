/* tests/fuzz/scan_fuzz.c - the scanner against jansson.
 *
 * What jansson accepts we accept, but for depth and for a NUL byte, which it
 * overlooks after a number or word; what it refuses we refuse, but for numbers
 * beyond its range. Where both accept, cursors and tree agree on the names. */
#include <jansson.h>
#include <string.h>

#include "gateway/lib/scan.h"
#include "tests/fuzz/fuzz.h"

#define MEMBERS 64

/* Walks everything there is, so that over-reads show. */
static void
walk(struct slice value, enum scan_type type, struct buf *text)
{
	struct scan_member m;
	struct slice element;
	uint64_t u;

	if (type == SCAN_OBJECT) {
		while (scan_next_member(&value, &m))
			walk(m.value, m.type, text);
	} else if (type == SCAN_ARRAY) {
		while (scan_next_element(&value, &element, &type))
			walk(element, type, text);
	} else if (type == SCAN_STRING) {
		buf_reset(text);
		scan_unescape(value, text);
		FUZZ_REQUIRE(text->n == scan_text_length(value));
	} else if (type == SCAN_NUMBER) {
		FUZZ_REQUIRE(!scan_u64(value, &u) || u <= UINT64_C(1) << 53);
	}
}

/* Every name in the tree is found among the members, and no other. */
static void
compare_names(struct slice doc, json_t *want)
{
	struct slice rest = slice_trim(doc);
	struct scan_member m;
	const char *name;
	struct buf key;
	json_t *value;

	json_object_foreach (want, name, value)
		FUZZ_REQUIRE(scan_get(rest, name, &m));
	buf_init(&key, doc.n + 1);
	while (scan_next_member(&rest, &m)) {
		buf_reset(&key);
		scan_unescape(slice_make(m.key.p - 1, m.key.n + 2), &key);
		buf_add_char(&key, '\0');
		FUZZ_REQUIRE(json_object_get(want, key.p) != NULL);
	}
	buf_fini(&key);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice doc = slice_make((const char *)data, size);
	struct scan_member members[MEMBERS];
	struct errmsg why = { "" };
	json_error_t jerr;
	json_t *want = json_loadb(doc.p, doc.n, JSON_ALLOW_NUL, &jerr);
	struct buf text;
	size_t n;
	enum err rc = scan_object(doc, members, MEMBERS, &n, &why);

	if (rc == OK) {
		FUZZ_REQUIRE(want == NULL || json_is_object(want));
		FUZZ_REQUIRE(want != NULL ||
		    json_error_code(&jerr) == json_error_numeric_overflow ||
		    json_error_code(&jerr) == json_error_stack_overflow);
		buf_init(&text, doc.n);
		walk(slice_trim(doc), SCAN_OBJECT, &text);
		buf_fini(&text);
	} else if (rc == ERR_INVALID) {
		FUZZ_REQUIRE(!json_is_object(want));
	} else {
		FUZZ_REQUIRE(want == NULL || slice_find(doc, '\0') >= 0 ||
		    strstr(why.text, "too deep") != NULL);
	}
	if (rc == OK && want != NULL)
		compare_names(doc, want);
	json_decref(want);
	return 0;
}
