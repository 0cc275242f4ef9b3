// The live feed: one long answer of events, read by fetch so that the admin
// key can go along; begun anew whenever it ends.

import {remembered} from './store.js';

const SILENCE = 8000; // ms without a byte: the line is dead
const WAITS = [0, 500, 1000, 2000, 5000]; // ms before each further try

export const adminKey = remembered(() => sessionStorage, 'pointsman-admin-key');

export function ask(path, options = {}) {
	const key = adminKey.get();
	const headers = key ? {authorization: `Bearer ${key}`} : {};

	return fetch(path, {...options, headers, cache: 'no-store', credentials: 'omit'});
}

// What an answer that is no success says of itself.
export async function complaint(answer) {
	try {
		return (await answer.json()).error.message;
	} catch {
		return `the answer was a ${answer.status}`;
	}
}

// Splits a body into events; yields {name, data} with data as text.
export async function* events(body, alive = () => {}) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let rest = '';

	for (;;) {
		const {done, value} = await reader.read();

		if (done)
			return;
		alive();
		const blocks = (rest + value).replaceAll('\r\n', '\n').split('\n\n');

		rest = blocks.pop();
		for (const block of blocks) {
			const event = {name: 'message', data: ''};

			for (const line of block.split('\n')) {
				if (line.startsWith('event:'))
					event.name = line.slice(6).trim();
				else if (line.startsWith('data:'))
					event.data += line.slice(5).trimStart();
			}
			if (event.data)
				yield event;
		}
	}
}

// A mistake in a panel is no reason to leave the feed.
function tell(heard, data) {
	try {
		heard?.(JSON.parse(data));
	} catch (e) {
		console.error(e);
	}
}

// One visit: returns when it ends, throws when it breaks.
async function visit(on) {
	const stop = new AbortController();
	let watch = 0;
	const alive = () => {
		clearTimeout(watch);
		watch = setTimeout(() => stop.abort(), SILENCE);
	};

	alive();
	try {
		const answer = await ask('admin/v1/live', {signal: stop.signal});

		if (!answer.ok) {
			const error = new Error(await complaint(answer));

			error.status = answer.status;
			throw error;
		}
		for await (const {name, data} of events(answer.body, alive))
			tell(on[name], data);
	} finally {
		clearTimeout(watch);
		stop.abort();
	}
}

// Follows the feed until it is refused for want of a key. on: `history`,
// `step` and `now` are given its events; `lost(error, wait)` is told that it
// broke and is tried again in so many ms; `refused(status, message)` ends it.
export async function follow(on) {
	let failures = 0;
	const heard = {
		history: on.history,
		step: on.step,
		now: (doc) => {
			failures = 0;
			on.now(doc);
		},
	};

	for (;;) {
		let error = null;

		try {
			await visit(heard);
		} catch (e) {
			error = e;
		}
		if (error?.status === 401 || error?.status === 403)
			return on.refused(error.status, error.message);
		const wait = WAITS[Math.min(failures, WAITS.length - 1)];

		failures += 1;
		if (error || failures > 1)
			on.lost(error, wait);
		await new Promise((resolve) => setTimeout(resolve, wait));
	}
}
