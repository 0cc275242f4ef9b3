// Sends one request straight to the data listener with a chosen SLO, and
// shows when each token came.

import {attr, byId, h, s, text} from './dom.js';
import {complaint, events} from './feed.js';
import {count, ms, percent} from './format.js';
import {targetsOf} from './incidents.js';
import {fetchReceipt} from './receipt.js';

const TERMS = [['ttft', 'First token, ms'], ['itl', 'A token, ms'], ['total', 'Whole answer, ms']];
const STRIP = {height: 92, left: 8, right: 8, top: 26, bottom: 20};

let ui = null;
let front = null; // base URL
let classes = [];
let running = null; // AbortController
let run = null; // {began, headers, tokens: [ms], ended, target}

function field(label, node) {
	return h('label', {}, label, node);
}

function build() {
	ui = {
		model: h('input', {list: 'models', required: true, autocomplete: 'off', size: 18}),
		models: h('datalist', {id: 'models'}),
		slo: h('select', {change: () => chosen()}),
		terms: Object.fromEntries(TERMS.map(([name]) => [name, h('input', {type: 'number', min: 1, step: 'any'})])),
		key: h('input', {type: 'password', autocomplete: 'off', size: 18}),
		most: h('input', {type: 'number', min: 1, max: 4096, value: 64}),
		prompt: h('textarea', {rows: 2, required: true}, 'Name three colours, and say where each is found.'),
		go: h('button', {type: 'submit', class: 'go'}, 'Send'),
		stop: h('button', {type: 'button', disabled: true, click: () => running?.abort()}, 'Stop'),
		said: h('p', {role: 'status'}),
		strip: s('svg', {class: 'chart strip', role: 'img'}),
		facts: h('p', {class: 'facts'}),
		answer: h('div', {class: 'answer', tabindex: '0', role: 'region', 'aria-label': 'Answer'}),
		receipt: h('div'),
	};
	ui.keyField = field('Tenant key', ui.key);
	ui.custom = h('div', {class: 'fields'}, TERMS.map(([name, label]) => field(label, ui.terms[name])));
	ui.legend = h('p', {class: 'key'});
	ui.result = h('div', {class: 'result', hidden: true}, ui.facts, ui.strip, ui.legend, ui.answer, ui.receipt);
	ui.form = h('form', {submit: (e) => {
		e.preventDefault();
		send();
	}}, h('div', {class: 'fields'}, field('Model', ui.model), ui.models, ui.keyField, field('Tokens at most', ui.most)),
	h('fieldset', {}, h('legend', {}, 'SLO'), h('div', {class: 'fields'}, field('Class', ui.slo), ui.custom),
		ui.targets = h('p', {class: 'quiet'})),
	field('Prompt', ui.prompt), h('div', {class: 'fields'}, ui.go, ui.stop));
	byId('playground-body').replaceChildren(h('div', {class: 'play'}, ui.form, h('div', {}, ui.said, ui.result)));
	new ResizeObserver(() => run && drawStrip()).observe(ui.strip);
}

function chosen() {
	const c = classes.find((x) => x.name === ui.slo.value);

	attr(ui.custom, 'hidden', ui.slo.value !== '*');
	text(ui.targets, c ? `${targetsOf(c) || 'no targets'}; ${percent(c.percentile / 100)} of requests, ${c.priority}`
		: '');
}

export function begin(doc) {
	const before = ui?.slo.value;

	if (!ui)
		build();
	classes = doc.classes;
	front = doc.front && `${doc.front.scheme}://${location.hostname}:${doc.front.port}/v1`;
	attr(ui.form, 'hidden', !front);
	text(ui.said, front ? '' : 'The data listener is a Unix socket: a browser cannot reach it.');
	attr(ui.keyField, 'hidden', doc.open);
	ui.models.replaceChildren(...doc.models.map((m) => h('option', {value: m})));
	ui.model.value ||= doc.models[0] ?? '';
	ui.slo.replaceChildren(h('option', {value: ''}, 'the tenant’s own, or the default'),
		...classes.map((c) => h('option', {value: c.name}, c.name)), h('option', {value: '*'}, 'targets of my own'));
	ui.slo.value = before ?? '';
	chosen();
}

function headersOf() {
	const headers = {'content-type': 'application/json'};

	if (ui.key.value)
		headers.authorization = `Bearer ${ui.key.value}`;
	if (ui.slo.value === '*') {
		for (const [name] of TERMS)
			if (ui.terms[name].value)
				headers[`x-slo-${name}-ms`] = ui.terms[name].value;
	} else if (ui.slo.value) {
		headers['x-slo-class'] = ui.slo.value;
	}
	return headers;
}

// What it has to hold, in ms, as far as the page knows.
function targets() {
	const c = classes.find((x) => x.name === ui.slo.value);

	return Object.fromEntries(TERMS.map(([name]) => [name,
		ui.slo.value === '*' ? Number(ui.terms[name].value) || null : c?.[`${name}_ms`] ?? null]));
}

async function send() {
	running?.abort();
	running = new AbortController();
	run = {began: performance.now(), tokens: [], ended: null, target: targets(), headers: null};
	attr(ui.result, 'hidden', false);
	attr(ui.stop, 'disabled', false);
	ui.answer.replaceChildren();
	ui.receipt.replaceChildren();
	text(ui.said, 'sent, waiting for the first token');
	const frame = setInterval(drawRun, 100);

	try {
		await stream(running.signal);
		text(ui.said, `whole: ${count(run.tokens.length)} pieces`);
	} catch (e) {
		text(ui.said, e.name === 'AbortError' ? 'stopped' : `failed: ${e.message}`);
	}
	clearInterval(frame);
	run.ended = performance.now() - run.began;
	attr(ui.stop, 'disabled', true);
	drawRun();
	const receipt = run.headers?.get('x-pointsman-receipt');

	if (receipt)
		fetchReceipt(receipt, ui.receipt);
}

async function stream(signal) {
	const body = {model: ui.model.value, stream: true, max_tokens: Number(ui.most.value) || 64,
		messages: [{role: 'user', content: ui.prompt.value}]};
	const answer = await fetch(`${front}/chat/completions`, {method: 'POST', headers: headersOf(), signal,
		credentials: 'omit', body: JSON.stringify(body)});

	run.headers = answer.headers;
	if (!answer.ok)
		throw new Error(await complaint(answer));
	for await (const {data} of events(answer.body)) {
		if (data === '[DONE]')
			continue;
		const doc = JSON.parse(data);

		if (doc.error)
			throw new Error(doc.error.message);
		take(doc.choices?.[0]?.delta ?? {});
	}
}

function take(delta) {
	const piece = delta.content ?? delta.reasoning_content ?? '';

	if (!piece)
		return;
	if (!run.tokens.length)
		text(ui.said, 'streaming');
	run.tokens.push(performance.now() - run.began);
	ui.answer.append(piece);
}

const gaps = () => run.tokens.slice(1).map((t, i) => t - run.tokens[i]);

function quantile(list, q) {
	const sorted = list.toSorted((a, b) => a - b);

	return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : null;
}

const against = (v, target) => target === null || v === null ? ''
	: v <= target ? ` (● within ${ms(target)})` : ` (▲ over ${ms(target)})`;

function drawRun() {
	const [first] = run.tokens;
	const mean = run.tokens.length > 1 ? (run.tokens.at(-1) - first) / (run.tokens.length - 1) : null;
	const facts = [['first token', ms(first) + against(first ?? null, run.target.ttft)],
		['a token', ms(mean) + against(mean, run.target.itl)],
		['slowest gap', ms(quantile(gaps(), 1))], ['in all', ms(run.ended ?? performance.now() - run.began)
			+ against(run.ended, run.target.total)],
		['served by', run.headers?.get('x-pointsman-backend')], ['attempts', run.headers?.get('x-pointsman-attempts')]];

	ui.facts.replaceChildren(...facts.filter(([, v]) => v).map(([label, v]) =>
		h('span', {}, `${label} `, h('b', {'data-of': label}, v))));
	text(ui.legend, `A stroke for each token; tall and red: later than its target${run.target.itl === null ? ''
		: ` (${ms(run.target.itl)} after the one before)`}.`);
	attr(ui.legend, 'hidden', run.target.itl === null && run.target.ttft === null);
	drawStrip();
}

// A stroke for each token on a line of time; late ones are taller and red.
function drawStrip() {
	const width = ui.strip.clientWidth || 300;
	const {target, tokens} = run;
	const all = Math.max(run.ended ?? performance.now() - run.began, (target.ttft ?? 0) * 1.1, 1);
	const x = (t) => STRIP.left + t / all * (width - STRIP.left - STRIP.right);
	const base = STRIP.height - STRIP.bottom;
	const late = (t, i) => i ? target.itl !== null && t - tokens[i - 1] > target.itl
		: target.ttft !== null && t > target.ttft;
	const label = (t, y, words, anchor) =>
		s('text', {class: 'tick', x: x(t), y, 'text-anchor': anchor}, words);
	const upright = (t, look, top) => s('line', {class: look, x1: x(t), x2: x(t), y1: top, y2: base});
	const nodes = [
		s('rect', {class: 'wait', x: x(0), y: STRIP.top, width: x(tokens[0] ?? all) - x(0), height: base - STRIP.top}),
		s('line', {class: 'grid', x1: x(0), x2: x(all), y1: base, y2: base}),
		...tokens.map((t, i) => late(t, i) ? upright(t, 'late', STRIP.top - 6) : upright(t, 'token', STRIP.top)),
		label(0, STRIP.height - 5, 'sent', 'start'), label(all, STRIP.height - 5, ms(all), 'end'),
	];

	if (target.ttft !== null)
		nodes.push(upright(target.ttft, 'target', STRIP.top - 10),
			label(target.ttft, 11, `target ${ms(target.ttft)}`, x(target.ttft) > width / 2 ? 'end' : 'start'));
	attr(ui.strip, 'viewBox', `0 0 ${width} ${STRIP.height}`);
	attr(ui.strip, 'aria-label',
		`Time line: first token after ${ms(tokens[0])}, ${count(tokens.length)} tokens in ${ms(all)}`);
	ui.strip.replaceChildren(...nodes);
}
