/* gateway/upstream/easy_parts.h - what easy.c and its parts share: the
 * options of one handle, each set only where it differs. */
#ifndef GATEWAY_UPSTREAM_EASY_PARTS_H
#define GATEWAY_UPSTREAM_EASY_PARTS_H

#include "gateway/upstream/easy.h"

#define RECEIVE_BYTES 16384L /* one read; the least libcurl uploads with */

/* Collects failures of curl_easy_setopt(); stays a macro because the option
 * decides the type of its value. */
#define SET(easy, rc, option, value)                                           \
	do {                                                                   \
		CURLcode set_rc =                                              \
		    curl_easy_setopt((easy)->curl, option, value);             \
		if ((rc) == CURLE_OK)                                          \
			(rc) = set_rc;                                         \
	} while (0)

/* --- easy_head.c --- */

/* Nothing of an earlier request's is set any more. */
void easy_forget_head(struct easy *);
/* It is sent: neither our text of it nor libcurl's is of use. */
void easy_drop_head(struct easy *);
/* The URL, parsed, and what libcurl would ask its host for. */
CURLcode easy_set_url(struct easy *, const char *url);
/* "name: value\n" lines, those that no other request has, and the body's
 * length; -1: there is none. After the URL. */
CURLcode easy_set_headers(
    struct easy *, struct slice lines, struct slice more, int64_t length);
CURLcode easy_set_method(
    struct easy *, const struct transfer_request *, bool has_body);

/* --- easy_name.c --- */

void easy_drop_address(struct easy *);
void easy_doubt_address(struct easy *, struct held_address *, usec now);

/* --- easy_list.c --- */

CURLcode easy_list(struct easy *, struct slice lines, struct slice more);
/* Where the lines stand elsewhere: nothing that libcurl would say by itself. */
CURLcode easy_list_nothing(struct easy *);

/* --- easy_body.c --- */

/* CURLOPT_READFUNCTION, CURLOPT_SEEKFUNCTION; the argument is the easy. */
size_t easy_on_read(char *to, size_t size, size_t n, void *arg);
int easy_on_seek(void *arg, curl_off_t offset, int origin);
CURLcode easy_set_body(
    struct easy *, const struct transfer_request *, size_t total);

#endif
