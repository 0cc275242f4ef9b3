/* gateway/dialects/multipart_test.c - forms, and what only looks like one. */
#include "gateway/dialects/dialect_test.h"
#include "gateway/dialects/multipart.h"

#include <string.h>

#define TYPE "multipart/form-data; boundary=b"
#define PART(name, value)                                                      \
	"--b\r\nContent-Disposition: form-data; name=\"" name                  \
	"\"\r\n\r\n" value "\r\n"
#define END "--b--\r\n"

/* All parts as "name=value;", or why not. */
static const char *
parts(const char *type, struct slice body)
{
	static struct errmsg why;
	static char said[4096];
	struct multipart_part p;
	struct multipart m;
	enum err rc = multipart_begin(&m, slice_of(type), body, &why);
	struct buf b;

	buf_on(&b, said, sizeof(said) - 1);
	while (rc == OK && (rc = multipart_next(&m, &p, &why)) == OK)
		buf_addf(&b, "%.*s%s=%.*s;", SLICE_ARG(p.name),
		    p.file ? "(file)" : "", SLICE_ARG(p.value));
	said[b.n] = '\0';
	return rc == ERR_NOT_FOUND ? said : why.text;
}

static const char *
of(const char *body)
{
	return parts(TYPE, slice_of(body));
}

static void
assert_says(const char *said, const char *phrase)
{
	if (strstr(said, phrase) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", said, phrase);
}

static void
parts_are_found(void **state)
{
	static const char binary[] = PART("a", "\0\r\n\r\n--\r\n-b") END;

	assert_string_equal(of(PART("a", "1") PART("b", "") END), "a=1;b=;");
	assert_string_equal(of("\r\n" PART("a", "1") "--b--"), "a=1;");
	assert_string_equal(of(PART("a", "\r\n") "--b--  \r\n\r\n"), "a=\r\n;");
	assert_string_equal(
	    of("--b \t\r\n"
	       "content-type: audio/wav\r\n"
	       "CONTENT-DISPOSITION: Form-Data; "
	       "filename=\"a\\\";b.wav\"; NAME=file;\r\n\r\nx\r\n"
	       "--b--"),
	    "file(file)=x;");
	assert_string_equal(of("--b\r\ncontent-disposition:form-data;"
			       "name=\"a;b=c\";filename*=UTF-8''x\r\n\r\n\r\n"
			       "--b--"),
	    "a;b=c(file)=;");
	assert_true(strncmp(parts(TYPE, slice_make(binary, sizeof(binary) - 1)),
			"a=", 2) == 0);
}

static void
boundaries_are_checked(void **state)
{
	struct slice body = SLICE(PART("a", "1") END);

	assert_string_equal(
	    parts("Multipart/Form-Data;charset=utf-8; Boundary=\"b\"", body),
	    "a=1;");
	assert_says(parts("multipart/form-data", body), "no boundary");
	assert_says(parts("multipart/form-data; boundary=", body), "be read");
	assert_says(
	    parts("multipart/form-data; boundary=\"\"", body), "not one");
	assert_says(
	    parts("multipart/form-data; boundary=\"b", body), "be read");
	assert_says(parts(TYPE "; boundary=b", body), "there are two");
	assert_says(
	    parts("multipart/form-data; boundary=\"b \"", body), "not one");
	assert_says(
	    parts("multipart/form-data; boundary=\"\\b\"", body), "not one");
	assert_says(parts("multipart/form-data; boundary="
			  "0123456789012345678901234567890123456789"
			  "0123456789012345678901234567890",
			body),
	    "not one");
	assert_says(parts("multipart/mixed; boundary=b", body), "only");
	assert_says(parts("multipart/form-data boundary=b", body), "be read");
	assert_says(parts(TYPE "\r\nx-evil: 1", body), "no text");
	assert_says(
	    parts("multipart/form-data; boundary=c", body), "not begin");
	assert_true(multipart_is(SLICE("MULTIPART/form-data")));
	assert_false(multipart_is(SLICE("application/json")));
}

/* Each of them some reader takes for other parts than we would. */
static void
what_reads_in_two_ways_is_refused(void **state)
{
	assert_says(of(""), "not begin");
	assert_says(of("hello\r\n" PART("a", "1") END), "not begin");
	assert_says(of(PART("a", "1")), "no end");
	assert_says(of(PART("a", "1") "--b"), "neither");
	assert_says(of(PART("a", "1") "--bc--"), "neither");
	assert_says(of(PART("a", "1") END PART("a", "2") END), "behind");
	assert_says(of(PART("a", "1\n--b\nmore") END), "inside");
	assert_says(of("--b\r\ncontent-disposition: form-data; name=a\r\n\r\n"
		       "--b--"),
	    "inside");
	assert_says(of("--b\ncontent-disposition: form-data; name=a\n\n1\n"
		       "--b--"),
	    "neither");
	assert_says(of("--b\r\ncontent-disposition: form-data;\r\n name=a"
		       "\r\n\r\n1\r\n--b--"),
	    "names nothing");
	assert_says(of("--b\r\ncontent-disposition: form-data; name=a\n"
		       "x: y\r\n\r\n1\r\n--b--"),
	    "malformed");
	assert_says(of("--b\r\ncontent-disposition : form-data; name=a"
		       "\r\n\r\n1\r\n--b--"),
	    "malformed");
	assert_says(of("--b\r\nno colon\r\n\r\n1\r\n--b--"), "malformed");
	assert_says(of("--b\r\n\r\n1\r\n--b--"), "no name");
	assert_says(of("--b\r\nx: y\r\n\r\n1\r\n--b--"), "no name");
	assert_says(of("--b\r\nx: y\r\n--b--"), "no end");
	assert_says(of("--b\r\ncontent-disposition: attachment; name=a"
		       "\r\n\r\n1\r\n--b--"),
	    "not form-data");
	assert_says(of("--b\r\ncontent-disposition: form-data; name"
		       "\r\n\r\n1\r\n--b--"),
	    "cannot be read");
	assert_says(of("--b\r\ncontent-disposition: form-data; name=a; name=b"
		       "\r\n\r\n1\r\n--b--"),
	    "two names");
	assert_says(of("--b\r\ncontent-disposition: form-data; name=a; "
		       "name*=UTF-8''b\r\n\r\n1\r\n--b--"),
	    "two names");
	assert_says(of("--b\r\ncontent-disposition: form-data; "
		       "name=\"mo\\del\"\r\n\r\n1\r\n--b--"),
	    "escapes");
	assert_says(of("--b\r\ncontent-disposition: form-data; name=a\r\n"
		       "content-disposition: form-data; name=b\r\n\r\n1\r\n"
		       "--b--"),
	    "more than one");
}

static void
it_has_bounds(void **state)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (unsigned i = 0; i < MULTIPART_PARTS_MAX; i++)
		buf_add_str(&b, PART("a", ""));
	buf_add_str(&b, END);
	assert_true(strncmp(parts(TYPE, buf_slice(&b)), "a=;", 3) == 0);
	b.n -= strlen(END);
	buf_add_str(&b, PART("a", "") END);
	assert_says(parts(TYPE, buf_slice(&b)), "parts");
	buf_reset(&b);
	buf_add_str(&b, "--b\r\nx: ");
	for (size_t i = 0; i < MULTIPART_HEAD_MAX; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\r\n\r\n1\r\n--b--");
	assert_says(parts(TYPE, buf_slice(&b)), "no end");
	buf_fini(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_found),
		cmocka_unit_test(boundaries_are_checked),
		cmocka_unit_test(what_reads_in_two_ways_is_refused),
		cmocka_unit_test(it_has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
