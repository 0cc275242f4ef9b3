/* gateway/upstream/easy.h - an easy handle that is used again and again.
 *
 * Its options outlive a request, so that the next one to the same place sets
 * only what differs. What belongs to the place (socket path, certificates,
 * proxies) is never changed one by one: another place resets the handle. */
#ifndef GATEWAY_UPSTREAM_EASY_H
#define GATEWAY_UPSTREAM_EASY_H

#include <curl/curl.h>

#include "gateway/lib/buf.h"
#include "gateway/upstream/peer.h"
#include "gateway/upstream/trust.h"
#include "gateway/upstream/upstream.h"

/* A body up to this size is copied and goes out with the request line in one
 * piece (libcurl does so below 64 KiB); a longer one is read where it lies. */
#define EASY_COPY_MAX ((size_t)60 * 1024)

/* Set anew for every handle and after every reset. */
struct easy_callbacks {
	CURLSH *share;
	struct trust *trust;
	curl_write_callback on_header, on_bytes;
	curl_opensocket_callback on_open;
	curl_closesocket_callback on_close;
	void *arg; /* for on_header, on_bytes, on_open, CURLOPT_PRIVATE */
	void *close_arg; /* a connection outlives the transfer */
};

struct easy {
	CURL *curl;
	struct easy_callbacks callbacks;
	/* the place; strings are ours, NULL where there is none */
	char *url, *unix_path, *ca_file, *pin;
	CURLU *parsed; /* url, so that no transfer parses it again */
	char *opening; /* "/path?query HTTP/1.1\r\nHost: name"; NULL where more
			  than HTTP/1.1 to the origin is possible */
	unsigned ca_version; /* see trust_version() */
	struct trust_ask ask;
	bool tls, tls_insecure, local;
	bool proxied; /* libcurl looks for a proxy */
	bool fresh; /* CURLOPT_FRESH_CONNECT is set */
	bool forbidden; /* CURLOPT_FORBID_REUSE is */
	bool guards; /* this libcurl needs easy_guard() */
	bool guarded; /* CURLOPT_VERBOSE is set */
	long upload_buffer; /* bytes that libcurl sends from */
	struct buf header_text; /* as passed in, and then how that is said
				   behind the target, if it can be */
	size_t header_n; /* bytes as passed in */
	bool headed; /* it is set */
	bool targeted; /* it is, behind CURLOPT_REQUEST_TARGET */
	bool alone; /* header_text is all that is set */
	int64_t length; /* of the body, as it is said there */
	struct buf header_lines; /* else the same, cut into strings */
	struct curl_slist *resolve; /* of a name; NULL: none */
	struct curl_slist *headers; /* an array, linked; points into lines */
	size_t headers_cap;
	struct buf copy; /* of a short body */
	struct slice *pieces; /* of a long one */
	size_t n_pieces, pieces_cap, piece, offset; /* what is read next */
	size_t total; /* bytes of it, copied or not */
	bool body_gone; /* the pieces must not be read any more */
	char error[CURL_ERROR_SIZE];
};

enum err easy_init(
    struct easy *, const struct easy_callbacks *, struct errmsg *why) MUST_USE;
void easy_fini(struct easy *);

bool easy_is_for(const struct easy *, const struct transfer_request *);
/* ERR_MEMORY, or what libcurl refuses; the handle may be used again all the
 * same. */
enum err easy_prepare(
    struct easy *, const struct transfer_request *, struct errmsg *why);
/* From a status line to the first line that is a header: a line that begins
 * with a space there continues none, but libcurl before 8.1 would add it to the
 * last one of the handle's answer before this, in memory that it has freed.
 * From within libcurl, too. */
void easy_guard(struct easy *, bool on);
/* Once more from the start, on a new connection. */
void easy_retry(struct easy *);
/* A connection was made (NULL: nobody is to know). It ended so: where its name
 * was not found, or not in time, it goes where that led, from the next start
 * on; false: it does not. */
void easy_note_address(struct easy *, struct held_address *, usec now);
bool easy_use_address(struct easy *, struct held_address *, CURLcode, usec now);
/* Before each start. Where the last connection to that name could not be made,
 * it is looked up again, once a second at most. */
void easy_begin(struct easy *, struct held_address *, usec now);
/* Before an unfinished transfer leaves its multi: the far end must hear of it
 * at once, with HTTP/2 too. */
void easy_abandon(struct easy *);
/* libcurl has taken the whole body, if only for now: it may want it again
 * until an answer comes. Always true of a body that was copied. */
bool easy_body_taken(const struct easy *);
/* An answer has begun: where libcurl has sent it all, neither our copy nor its
 * own buffer is of use. Not from inside libcurl. */
void easy_free_body(struct easy *);
/* Gives back memory that only a large request needs. */
void easy_rest(struct easy *);

#endif
