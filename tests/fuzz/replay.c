/* tests/fuzz/replay.c - runs a fuzz target over files, without libFuzzer.
 *
 *	scan_replay FILE...
 *
 * Each file is read into memory of its exact size, so that a sanitizer sees
 * the first byte too many. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

/* The bytes of a file; NULL when it cannot be read. */
static uint8_t *
read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = NULL;
	long size;

	if (f == NULL)
		return NULL;
	if (fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 &&
	    fseek(f, 0, SEEK_SET) == 0) {
		*n = (size_t)size;
		bytes = malloc(*n > 0 ? *n : 1);
		if (bytes != NULL && fread(bytes, 1, *n, f) != *n) {
			free(bytes);
			bytes = NULL;
		}
	}
	fclose(f);
	return bytes;
}

int
main(int argc, char **argv)
{
	uint8_t *bytes;
	size_t n;

	for (int i = 1; i < argc; i++) {
		bytes = read_file(argv[i], &n);
		if (bytes == NULL) {
			perror(argv[i]);
			return 1;
		}
		/* seen only if the target aborts */
		fprintf(stderr, "%s\n", argv[i]);
		LLVMFuzzerTestOneInput(bytes, n);
		free(bytes);
	}
	return 0;
}
