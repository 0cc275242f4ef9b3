/* gateway/conf/settings_listen.c - settings of how the gateway is reached: its
 * listeners, the keys of operators, TLS. */
#include "gateway/conf/settings_rows.h"

/* --- listen, admin --- */

#define LISTEN_ROWS(default_port, keys)                                        \
	{ "address", SETTING_STRING, AT(conf_listen, address),                 \
		.value = "127.0.0.1",                                          \
		.help =                                                        \
		    "IP address, or `localhost`. Other than loopback needs "   \
		    "`" keys "`." },                                           \
	    { "port", SETTING_INT, AT(conf_listen, port), BOUNDS(1, 65535),    \
		    .value = default_port, .help = "TCP port." },              \
	{                                                                      \
		"path", SETTING_PATH, AT(conf_listen, path),                   \
		    .otherwise = "none: TCP",                                  \
		    .help = "Unix socket, instead of `address` and `port`."    \
	}

static const struct setting listen_rows[] = { LISTEN_ROWS("7070", "tenants") };
static const struct setting admin_rows[] = {
	LISTEN_ROWS("7071", "admin_keys"),
	{ "tls", SETTING_BOOL, SETTING_RELOADED, AT(conf_listen, tls),
	    .value = "false",
	    .help = "Whether it speaks TLS, with `tls.certificate`. Operators "
		    "come by their keys: certificates of clients are not asked "
		    "for. A reload changes it at once." },
};

const struct setting_group settings_listen = {
	.title = "listen",
	.intro = "Where applications connect: the OpenAI-compatible API.",
	ROWS(listen_rows, conf_listen),
};

const struct setting_group settings_admin = {
	.title = "admin",
	.intro = "Where operators connect: health, metrics, the admin API. "
		 "It asks for a key where `admin_keys` has any.",
	ROWS(admin_rows, conf_listen),
};

/* --- admin_keys --- */

static const char *const role_words[] = { "read", "operate", "admin", NULL };

const char *
conf_role_name(enum conf_role role)
{
	return role_words[role];
}

static const struct setting operator_rows[] = {
	{ "key", SETTING_KEY, SETTING_REQUIRED, AT(setting_operator, key),
	    .help = "`\"env:NAME\"`, `\"file:PATH\"` or `\"sha256:HEX\"`." },
	{ "role", SETTING_ENUM, SETTING_REQUIRED, AT(setting_operator, role),
	    .words = role_words,
	    .help = "`read`: everything that changes nothing. `operate`: also "
		    "reloads and drills. `admin`: also keys of tenants." },
	{ "name", SETTING_NAME, AT(setting_operator, name),
	    .otherwise = "that of the variable or file",
	    .help = "Whose it is, in logs." },
};

const struct setting_group settings_operators = {
	.title = "admin_keys[]",
	.intro = "A key for the admin listener that may do less than all; "
		 "[admin-api](admin-api.md) says what wants which role.",
	ROWS(operator_rows, setting_operator),
};

/* --- tls --- */

static const char *const tls_words[] = { "1.2", "1.3", NULL };

static const struct setting tls_rows[] = {
	{ "certificate", SETTING_PATH, AT(conf_tls, certificate),
	    .otherwise = "none: plain HTTP",
	    .help = "The gateway's certificate and those between it and the "
		    "authority, PEM." },
	{ "key", SETTING_PATH, AT(conf_tls, key), .otherwise = "none",
	    .help = "Its private key, PEM, without a passphrase." },
	{ "min_version", SETTING_WORD, AT(conf_tls, min_version),
	    .words = tls_words, .value = "1.2",
	    .help = "Older versions of TLS are refused." },
	{ "client_ca", SETTING_PATH, AT(conf_tls, client_ca),
	    .otherwise = "none: clients are not asked",
	    .help = "Authorities, PEM, that vouch for certificates of "
		    "clients; whose they are is said by "
		    "`tenants[].certificates`." },
	{ "require_client", SETTING_BOOL, AT(conf_tls, require_client),
	    .value = "false",
	    .help = "Whether a client without such a certificate gets a 401, "
		    "whatever key it has." },
};

const struct setting_group settings_tls = {
	.title = "tls",
	.intro = "TLS for `listen`, and for `admin` where that says `tls`. "
		 "The files are read again by each reload: new connections "
		 "get the new certificate, open ones go on with theirs.",
	ROWS(tls_rows, conf_tls),
};
