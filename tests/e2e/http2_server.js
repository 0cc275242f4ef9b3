// A backend that speaks HTTP/2, by node's own server. Each request says what it
// is to be answered with ("play words 5"); what it does and hears is told line
// by line, as JSON. Lines that it reads: "go" ends what is held, "drop" cuts
// every connection.
"use strict";
const fs = require("fs");
const http2 = require("http2");

const [folder, streams] = process.argv.slice(2);
const server = http2.createSecureServer({
	key: fs.readFileSync(folder + "/key.pem"),
	cert: fs.readFileSync(folder + "/cert.pem"),
	allowHTTP1: false,
	settings: { maxConcurrentStreams: Number(streams) || 100 },
});
const sessions = new Map();
const sockets = new Set();
const once = new Set();
const held = [];
let cut = false;
let connections = 0;

function tell(what) {
	process.stdout.write(JSON.stringify(what) + "\n");
}

function event(delta, why = null) {
	return "data: " + JSON.stringify({
		id: "x", object: "chat.completion.chunk", created: 1,
		model: "m",
		choices: [{ index: 0, delta, finish_reason: why }],
	}) + "\n\n";
}

function begin(stream, type = "text/event-stream") {
	stream.respond({ ":status": 200, "content-type": type },
		{ waitForTrailers: stream.trails });
}

function end(stream) {
	if (!stream.destroyed)
		stream.end(event({}, "stop") + "data: [DONE]\n\n");
}

function words(stream, n) {
	const all = Array.from({ length: n },
		(_, i) => event({ content: `w${i} ` }));

	begin(stream);
	stream.write(all.join(""));
	end(stream);
}

function hold(stream, text = "held") {
	begin(stream);
	stream.write(event({ content: text }));
	held.push(() => end(stream));
}

// True the first time.
function first(name) {
	return !once.has(name) && once.add(name);
}

const plays = {
	words,
	hold: (stream) => hold(stream),
	long: (stream, n) => hold(stream, "x".repeat(n)),
	sound(stream, n) {
		begin(stream, "audio/mpeg");
		stream.end(Buffer.alloc(n, "abcdefg"));
	},
	// until connections are cut
	silent(stream) {
		if (cut)
			words(stream, 3);
	},
	hints(stream) {
		stream.additionalHeaders({ ":status": 103, link: "</a>" });
		words(stream, 3);
	},
	heads(stream, n) {
		stream.respond({ ":status": 200,
			"content-type": "text/event-stream",
			"x-long": "h".repeat(n) });
		stream.write(event({ content: "x".repeat(n) }));
		held.push(() => end(stream));
	},
	trailers(stream) {
		stream.trails = true;
		stream.on("wantTrailers", () =>
			stream.sendTrailers({ "x-cost": "7" }));
		words(stream, 3);
	},
	refuse(stream) {
		if (first("refuse"))
			stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
		else
			words(stream, 3);
	},
	refuseall(stream) {
		stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
	},
	misdirect(stream) {
		if (first("misdirect"))
			stream.respond({ ":status": 421 }, { endStream: true });
		else
			words(stream, 3);
	},
	leave(stream) {
		hold(stream);
		stream.session.goaway(0, stream.id);
	},
	reset(stream) {
		begin(stream);
		stream.write(event({ content: "held" }));
		held.push(() => stream.close(
			http2.constants.NGHTTP2_INTERNAL_ERROR));
	},
};

function play(stream, body) {
	const [, name, n] = /play (\w+) ?(\d*)/.exec(body);

	stream.on("aborted", () => tell({ left: stream.id }));
	tell({ play: name, stream: stream.id,
		connection: sessions.get(stream.session) });
	plays[name](stream, Number(n));
}

server.on("connection", (socket) => {
	sockets.add(socket);
	socket.on("close", () => sockets.delete(socket));
});
server.on("session", (session) => {
	sessions.set(session, ++connections);
	session.on("error", () => {});
	session.on("close", () => {
		tell({ closed: sessions.get(session) });
		sessions.delete(session);
	});
});
server.on("sessionError", () => {});
server.on("stream", (stream) => {
	let body = "";

	stream.on("error", () => {});
	stream.on("data", (bytes) => { body += bytes; });
	stream.on("end", () => play(stream, body));
});
require("readline").createInterface({ input: process.stdin })
	.on("line", (line) => {
		if (line === "go") {
			for (const finish of held.splice(0))
				finish();
		} else if (line === "drop") {
			cut = true;
			for (const socket of sockets)
				socket.destroy();
		}
	})
	.on("close", () => process.exit());
server.listen(0, "127.0.0.1", () => tell({ port: server.address().port }));
