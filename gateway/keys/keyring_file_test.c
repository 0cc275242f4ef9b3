/* gateway/keys/keyring_file_test.c - the file of keys made at run time: what is
 * written, and what is taken for one. */
#include <fcntl.h>

#include "gateway/keys/testing.h"

/* Nothing is written through what lies where the new file is to be. */
static void
what_lies_in_the_way_is_left_alone(void **state)
{
	struct bench *b = *state;
	char victim[96], key[KEY_BYTES], text[64] = "";
	struct stat st;
	FILE *f;

	snprintf(victim, sizeof(victim), "%s/victim", b->folder);
	f = fopen(victim, "w");
	assert_non_null(f);
	assert_true(fputs("mine", f) >= 0);
	fclose(f);
	assert_int_equal(chmod(victim, 0644), 0);
	assert_int_equal(symlink(victim, b->other), 0);
	assert_int_equal(add(b, "acme", "ci", key), OK);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	f = fopen(victim, "r");
	assert_non_null(f);
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "mine");
	unlink(victim);
}

/* As it is on the disk, so it is here. */
static void
what_cannot_be_written_is_not_so(void **state)
{
	struct bench *b = *state;
	char key[KEY_BYTES], lost[KEY_BYTES];

	assert_int_equal(add(b, "acme", "ci", key), OK);
	assert_int_equal(mkdir(b->other, 0700), 0);
	assert_int_equal(add(b, "acme", "more", lost), ERR_IO);
	assert_non_null(strstr(b->why.text, "cannot write "));
	assert_null(find(b, lost));
	assert_int_equal(
	    keyring_revoke(b->ring, SLICE("acme"), SLICE("ci"), &b->why),
	    ERR_IO);
	assert_non_null(find(b, key));
	assert_null(keyring_at(b->ring, 1));
	open_again(b);
	assert_non_null(find(b, key));
	assert_int_equal(rmdir(b->other), 0);
	assert_int_equal(add(b, "acme", "more", lost), OK);
	assert_non_null(find(b, lost));
}

/* Also between two changes, when the file was replaced. */
static void
one_process_at_a_time(void **state)
{
	struct bench *b = *state;
	struct keyring *next = NULL;
	char key[KEY_BYTES], words[160];

	assert_int_equal(add(b, "acme", "ci", key), OK);
	assert_int_equal(
	    keyring_open(b->path, b->quotas, &next, &b->why), ERR_AGAIN);
	snprintf(words, sizeof(words),
	    "keys_file: cannot lock %s: another gateway writes to it", b->path);
	assert_string_equal(b->why.text, words);
	/* one that ends leaves it to the next; those it let in stay */
	keyring_release(b->ring);
	assert_int_equal(keyring_open(b->path, b->quotas, &next, &b->why), OK);
	assert_int_equal(add(b, "acme", "more", key), ERR_IO);
	assert_int_equal(
	    keyring_revoke(b->ring, SLICE("acme"), SLICE("ci"), &b->why),
	    ERR_IO);
	assert_non_null(keyring_at(b->ring, 0));
	assert_null(keyring_at(b->ring, 1));
	assert_int_equal(
	    keyring_revoke(next, SLICE("acme"), SLICE("ci"), &b->why), OK);
	keyring_free(&next);
}

/* Nothing is written without the lock; those that are there get in. */
static void
without_a_lock_nothing_changes(void **state)
{
	struct bench *b = *state;
	char key[KEY_BYTES], lost[KEY_BYTES];

	assert_int_equal(add(b, "acme", "ci", key), OK);
	assert_int_equal(unlink(b->lock), 0);
	assert_int_equal(mkdir(b->lock, 0700), 0);
	open_again(b);
	assert_non_null(find(b, key));
	assert_int_equal(add(b, "acme", "more", lost), ERR_IO);
	assert_non_null(strstr(b->why.text, ".lock"));
	assert_int_equal(rmdir(b->lock), 0);
}

static void
a_folder_is_no_file(void **state)
{
	struct bench *b = *state;
	char words[160];

	keyring_free(&b->ring);
	assert_int_equal(mkdir(b->path, 0700), 0);
	assert_int_equal(
	    keyring_open(b->path, b->quotas, &b->ring, &b->why), ERR_IO);
	snprintf(words, sizeof(words),
	    "keys_file: %s: cannot read: Is a directory", b->path);
	assert_string_equal(b->why.text, words);
	assert_int_equal(rmdir(b->path), 0);
}

/* To have no keys then would lock all their owners out. */
static void
what_cannot_be_looked_at_is_not_taken_for_none(void **state)
{
	struct bench *b = *state;
	char loop[80], path[96];

	keyring_free(&b->ring);
	snprintf(loop, sizeof(loop), "%s/loop", b->folder);
	snprintf(path, sizeof(path), "%s/keys.json", loop);
	assert_int_equal(symlink(loop, loop), 0);
	assert_int_equal(
	    keyring_open(path, b->quotas, &b->ring, &b->why), ERR_IO);
	assert_non_null(strstr(b->why.text, "Too many levels"));
	assert_null(b->ring);
	assert_int_equal(unlink(loop), 0);
}

/* It leads to where a secret is to be kept, perhaps. */
static void
a_link_stays_one(void **state)
{
	struct bench *b = *state;
	struct keyring *next = NULL;
	char real[96], lock[112], key[KEY_BYTES];
	struct stat st;

	keyring_free(&b->ring);
	snprintf(real, sizeof(real), "%s/real", b->folder);
	snprintf(lock, sizeof(lock), "%s.lock", real);
	assert_int_equal(symlink(real, b->path), 0);
	assert_int_equal(
	    keyring_open(b->path, b->quotas, &b->ring, &b->why), ERR_IO);
	assert_non_null(strstr(b->why.text, "cannot follow it"));
	write_file(real, "{\"version\": 1, \"keys\": []}");
	open_again(b);
	assert_int_equal(add(b, "acme", "ci", key), OK);
	assert_int_equal(lstat(b->path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* by whichever name, it is one file */
	assert_int_equal(
	    keyring_open(real, b->quotas, &next, &b->why), ERR_AGAIN);
	open_again(b);
	assert_non_null(find(b, key));
	unlink(real);
	unlink(lock);
}

/* Whoever takes a leaked key out by hand is not to find it there again. */
static void
what_others_have_changed_is_not_written_over(void **state)
{
	struct bench *b = *state;
	char key[KEY_BYTES], lost[KEY_BYTES], text[256];

	assert_int_equal(add(b, "acme", "leaked", key), OK);
	assert_int_equal(add(b, "acme", "ci", key), OK);
	write_file(b->path, "{\"version\": 1, \"keys\": []}");
	assert_int_equal(add(b, "acme", "more", lost), ERR_IO);
	assert_non_null(strstr(b->why.text, "somebody else has changed it"));
	assert_null(find(b, lost));
	assert_int_equal(
	    keyring_revoke(b->ring, SLICE("acme"), SLICE("ci"), &b->why),
	    ERR_IO);
	read_file(b, text, sizeof(text));
	assert_null(strstr(text, "leaked"));
	open_again(b);
	assert_null(find(b, key));
	assert_int_equal(add(b, "acme", "more", key), OK);
	assert_int_equal(unlink(b->path), 0);
	assert_int_equal(add(b, "acme", "and", lost), ERR_IO);
}

/* As a backup that puts files back does, or who only looked at it. */
static void
what_others_have_only_touched_is_ours(void **state)
{
	const struct timespec then[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct bench *b = *state;
	char key[KEY_BYTES], text[4096], copy[300];

	assert_int_equal(add(b, "acme", "one", key), OK);
	for (int i = 0; i < 2;
	     i++) { /* as it was written, and as it was read */
		assert_int_equal(utimensat(AT_FDCWD, b->path, then, 0), 0);
		assert_int_equal(add(b, "acme", i ? "three" : "two", key), OK);
		read_file(b, text, sizeof(text));
		snprintf(copy, sizeof(copy), "%s.copy", b->path);
		write_file(copy, text);
		assert_int_equal(rename(copy, b->path), 0);
		assert_int_equal(add(b, "acme", i ? "five" : "four", key), OK);
		open_again(b);
		assert_non_null(find(b, key));
	}
}

/* A name is data, whatever is in it. */
static void
names_stay_names(void **state)
{
	struct bench *b = *state;
	const char *odd = "a\"},{\"sha256\":\"\\u0000\n\xc3\xa4";
	char key[KEY_BYTES];

	assert_int_equal(add(b, odd, odd, key), OK);
	open_again(b);
	assert_string_equal(find(b, key)->tenant, odd);
	assert_string_equal(find(b, key)->key.name, odd);
	assert_null(keyring_at(b->ring, 1));
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ONE(more)                                                              \
	"{\"version\": 1, \"keys\": [{\"tenant\": \"t\", \"name\": \"n\", "    \
	"\"sha256\": \"" HEX "\"" more "}]}"

#define OTHER "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TWO(name, hex)                                                         \
	ONE("}, {\"tenant\": \"t\", \"name\": \"" name                         \
	    "\", \"sha256\": \"" hex "\"")

static void
assert_refused(struct bench *b, const char *text, const char *words)
{
	struct keyring *ring = NULL;

	write_file(b->path, text);
	keyring_free(&b->ring);
	assert_int_equal(
	    keyring_open(b->path, b->quotas, &ring, &b->why), ERR_INVALID);
	assert_null(ring);
	if (strstr(b->why.text, words) == NULL)
		fail_msg("want \"%s\", got \"%s\"", words, b->why.text);
}

/* A key for so many models. */
static void
write_models(char *text, size_t cap, unsigned n)
{
	size_t at = (size_t)snprintf(text, cap, "%s",
	    "{\"version\": 1, \"keys\": [{\"tenant\": \"t\", \"name\": "
	    "\"n\", \"sha256\": \"" HEX "\", \"models\": [");

	for (unsigned i = 0; i < n; i++)
		at += (size_t)snprintf(
		    text + at, cap - at, "%s\"m%u\"", i > 0 ? "," : "", i);
	snprintf(text + at, cap - at, "]}]}");
}

static void
as_many_models_as_there_is_room_for(void **state)
{
	struct bench *b = *state;
	const struct grant *g;
	char text[2048];

	write_models(text, sizeof(text), KEY_MODELS_MAX + 1);
	assert_refused(b, text, "keys[0].models: want 1..64");
	write_models(text, sizeof(text), KEY_MODELS_MAX);
	write_file(b->path, text);
	open_again(b);
	g = keyring_at(b->ring, 0);
	assert_non_null(g);
	assert_string_equal(g->models[KEY_MODELS_MAX - 1], "m63");
	assert_null(g->models[KEY_MODELS_MAX]);
	/* fewer after more */
	write_file(b->path,
	    ONE(", \"models\": [\"a\", \"b\"]}, {\"tenant\": \"t\", "
		"\"name\": \"m\", \"sha256\": \"" OTHER
		"\", \"models\": [\"c\"], \"created\": 1, "
		"\"expires\": 100000000000"));
	open_again(b);
	g = keyring_at(b->ring, 1);
	assert_non_null(g);
	assert_string_equal(g->models[0], "c");
	assert_null(g->models[1]);
	assert_int_equal(g->created, USEC_SEC);
	assert_int_equal(g->expires, 100000000000 * USEC_SEC);
}

/* What is misread would be a key for ever, or without limits, or none. */
static void
a_file_that_is_not_understood_is_refused(void **state)
{
	struct bench *b = *state;

	assert_refused(b, "", "keys.json: want JSON");
	assert_refused(b, "{\"version\": 1, \"keys\": [}", "want JSON");
	assert_refused(b, "[]", "keys.json: want");
	assert_refused(b, "{\"version\": 2, \"keys\": []}", "\"version\": 1");
	assert_refused(b, "{\"version\": 1, \"keys\": {}}", "\"keys\": [...]");
	assert_refused(b, "{\"version\": 1, \"keys\": [1]}", "keys[0].tenant");
	assert_refused(b, ONE(", \"expires\": 1.5"), "keys[0].expires: want");
	assert_refused(b, ONE(", \"expires\": null"), "keys[0].expires");
	assert_refused(b, ONE(", \"expires\": 1e30"), "keys[0].expires");
	assert_refused(
	    b, ONE(", \"expires\": 100000000001"), "keys[0].expires: want");
	assert_refused(b, ONE(", \"created\": 0"), "keys[0].created");
	assert_refused(b, "{\"version\": 1, \"keys\": [{\"tenant\": \"t\"}]}",
	    "keys[0].name: want a name");
	assert_refused(
	    b, ONE(", \"models\": []"), "keys[0].models: want 1..64");
	assert_refused(
	    b, ONE(", \"models\": [1]"), "keys[0].models: want names");
	assert_refused(b, ONE(", \"models\": \"a\""), "keys[0].models");
	assert_refused(b, ONE(", \"limits\": null"), "keys[0].limits");
	assert_refused(b, ONE(", \"limits\": {\"rpm\": 1}"), "keys[0].limits");
	assert_refused(b, ONE(", \"limits\": {\"max_tokens\": 0}"),
	    "keys[0].max_tokens: want a whole number within its bounds");
	assert_refused(b, ONE(", \"limits\": {\"concurrent\": 2.5}"),
	    "keys[0].concurrent: want a whole number");
	assert_refused(b, ONE(", \"limits\": {\"daily_budget\": -0.5}"),
	    "keys[0].daily_budget: want a number");
	assert_refused(b, ONE(", \"limits\": {\"max_tokens\": \"1\"}"),
	    "keys[0].max_tokens");
	assert_refused(b, ONE(", \"limits\": {\"daily_budget\": \"1\"}"),
	    "keys[0].daily_budget");
	assert_refused(b, ONE(", \"limits\": {\"max_tokens\": 1e30}"),
	    "keys[0].max_tokens");
	assert_refused(
	    b, ONE(", \"expire\": 5"), "keys[0].expire: want a known member");
	assert_refused(b, ONE(", \"model\": [\"a\"]"), "keys[0].model: want");
	assert_refused(b, ONE(", \"expires\": 5, \"expires\": 99999999999"),
	    "keys[0]: want JSON with each member once");
	/* when one of them is revoked, the other would still let in */
	assert_refused(b, TWO("n", OTHER), "keys[1].name: want");
	assert_refused(b, TWO("m", HEX), "keys[1].sha256: want");
	assert_refused(b, TWO("m", "ff"), "keys[1].sha256: want 64");
	assert_refused(b,
	    "{\"version\": 1, \"keys\": [{\"tenant\": \"t\", "
	    "\"name\": \"n\"}]}",
	    "keys[0].sha256: want 64");
	assert_refused(b,
	    TWO("m",
		"e3b0c44298fc1c149afbf4c8996fb924"
		"27ae41e4649b934ca495991b7852b855"),
	    "keys[1].sha256: want that of a key");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_lies_in_the_way_is_left_alone),
		TEST(what_cannot_be_written_is_not_so),
		TEST(one_process_at_a_time),
		TEST(without_a_lock_nothing_changes),
		TEST(a_folder_is_no_file),
		TEST(what_cannot_be_looked_at_is_not_taken_for_none),
		TEST(a_link_stays_one),
		TEST(what_others_have_changed_is_not_written_over),
		TEST(what_others_have_only_touched_is_ours),
		TEST(names_stay_names),
		TEST(as_many_models_as_there_is_room_for),
		TEST(a_file_that_is_not_understood_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
