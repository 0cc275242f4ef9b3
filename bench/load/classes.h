/* bench/load/classes.h - whose traffic it is, and what it should get.
 *
 * A class is one tenant's kind of traffic, written as
 *	name=voice,share=20,key=env:VOICE_KEY,model=gemma,priority=premium,
 *	ttft=250ms,itl=15ms,total=10s,percentile=99,slo=voice,headers=no
 * of which every part may be left out. Keys are read from the environment or
 * a file; nothing here ever prints one. */
#ifndef BENCH_LOAD_CLASSES_H
#define BENCH_LOAD_CLASSES_H

#include "gateway/lib/buf.h"
#include "gateway/lib/inference.h"

struct load_class {
	char *name, *model, *slo_class; /* NULL: not given */
	char *key; /* the secret itself */
	double share; /* of all requests, relative to the others' */
	struct slo slo; /* the terms by which it is judged; percentile 0: any
			   share of requests may miss them */
	bool headers; /* tell the server of the terms */
};

/* On failure *out needs no load_class_fini(). `ordinal` names a class that has
 * no name: "1", "2", ... */
enum err load_class_parse(struct slice spec, unsigned ordinal,
    struct load_class *out, struct errmsg *) MUST_USE;
void load_class_fini(struct load_class *);

/* "env:NAME" or "file:PATH"; the caller frees. */
enum err load_key_read(struct slice, char **key, struct errmsg *) MUST_USE;

/* What a class adds to a request: "name: value\n" lines. */
void load_class_headers(const struct load_class *, struct buf *);

#endif
