// Each serving: its state, its load, and bands of TTFT and ITL over time.

import {Chart} from './chart.js';
import {attr, byId, h, keyed, mark, text} from './dom.js';
import {clock, count, ms, percent, perSecond, words} from './format.js';
import {incidentsOf} from './incidents.js';

const STATES = {
	ok: ['good', 'in use'], half_open: ['warn', 'tried again after failures'], cold: ['warn', 'model is loading'],
	blocked: ['warn', 'over its rate limit'], breaker_open: ['bad', 'breaker open'],
	model_missing: ['bad', 'model missing'], key_rejected: ['bad', 'key rejected'],
	drained: ['none', 'drained by an operator'],
	off: ['none', 'off'],
};
const PHASES = [['ttft', 'TTFT'], ['itl', 'ITL']];

const QUANTILES = ['p50', 'p95', 'p99'];

function makePhase(name, label) {
	const read = Object.fromEntries(QUANTILES.map((q) => [q, h('b', {'data-of': `${name}-${q}`})]));
	const chart = new Chart('', 'ms', ms);

	return {read, chart, label, nodes: [
		h('p', {class: 'read'}, h('b', {}, label), h('span', {}, QUANTILES.map((q) => [` ${q} `, read[q]]).flat())),
		chart.node]};
}

function make() {
	const f = {title: h('h3'), state: h('p', {class: 'state'}), sign: h('span'), said: h('span', {'data-of': 'state'}),
		why: h('p', {'data-of': 'cause'}), kind: h('p', {class: 'quiet'}), blamed: h('p', {class: 'bad'})};
	const facts = ['in_flight', 'waiting', 'rate', 'errors', 'cache'].map((name) => f[name] = h('b', {'data-of': name}));
	const labels = ['under way', 'wait at the backend', 'requests', 'attempts failed', 'of its KV cache'];

	f.state.append(f.sign, ' ', f.said);
	f.facts = h('p', {class: 'facts'}, facts.map((b, i) => h('span', {}, b, ` ${labels[i]}`)));
	f.phases = Object.fromEntries(PHASES.map(([name, label]) => [name, makePhase(name, label)]));
	return {
		fields: f,
		node: h('article', {class: 'panel serving'}, h('div', {class: 'top'}, f.title, f.state), f.why, f.kind,
			f.blamed, f.facts, Object.values(f.phases).flatMap((p) => p.nodes)),
		end: () => Object.values(f.phases).forEach((p) => p.chart.end()),
	};
}

function priceOf({input, output, hourly, ...sold}) {
	const units = {request: 'a call', image: 'a picture', characters: 'a million characters', minute: 'a minute of sound'};
	const tokens = input !== null && output !== null ? `$${input} in, $${output} out a million tokens` : null;
	const others = Object.entries(units).map(([name, of]) => sold[name] && `$${sold[name]} ${of}`);

	return [tokens, ...others, hourly === null ? null : `$${hourly}/h`].filter(Boolean).join(', ') || 'price not known';
}

const nullIfNone = (v) => v === null || v === undefined ? null : v;

function updateFacts(f, v, state) {
	const back = state.history.moment() !== null;
	const past = (name) => state.history.at(state.history.column('servings', v.key, name));
	const inFlight = back ? past('in_flight') : v.in_flight;

	text(f.in_flight, v.slots ? `${count(inFlight)} of ${count(v.slots)} slots` : count(inFlight));
	const facts = {
		waiting: nullIfNone(v.backend_waiting) && count(v.backend_waiting),
		rate: perSecond(back ? past('attempts') / state.step * 1000 : v.requests_per_s),
		errors: count(back ? past('errors') : v.errors_total),
		cache: nullIfNone(v.cache_use) === null ? null : percent(v.cache_use),
	};

	for (const [name, value] of Object.entries(facts)) {
		attr(f[name].parentNode, 'hidden', value === null || back && (name === 'waiting' || name === 'cache'));
		text(f[name], String(value));
	}
}

function drawPhase(phase, name, v, state, marks) {
	const column = (q) => state.history.column('servings', v.key, `${name}_${q}_ms`);
	const band = Object.fromEntries(QUANTILES.map((q) => [q, column(q)]));
	const back = state.history.moment() !== null;
	const at = Object.fromEntries(QUANTILES.map((q) => [q, back ? state.history.at(band[q]) : v[name][`${q}_ms`]]));

	for (const q of QUANTILES)
		text(phase.read[q], ms(at[q]));
	if (!state.drawCharts)
		return;
	phase.chart.label = `${phase.label} of ${v.backend} for ${v.model}, over time`;
	phase.chart.draw({times: state.history.times, band, marks, cursor: state.history.cursor,
		said: QUANTILES.map((q) => `${q} ${ms(at[q])}`).join(', ')});
}

function update({node, fields: f}, v, state) {
	const [look, said] = STATES[v.state] ?? ['warn', words(v.state)];
	const blames = incidentsOf(state.now).filter((o) => o.model === v.model && o.blame[0]?.backend === v.backend);
	const since = blames.length ? Math.min(...blames.map((o) => o.since_ms)) : null;

	attr(node, 'data-key', v.key);
	attr(node, 'class', `panel serving${since === null ? '' : ' blamed'}`);
	text(f.title, `${v.backend} · ${v.model}`);
	if (f.look !== look)
		f.sign.replaceChildren(mark(f.look = look));
	text(f.said, said);
	attr(f.why, 'hidden', !v.cause);
	text(f.why, v.cause?.text ?? '');
	attr(f.state, 'class', `state ${look}`);
	const kind = [v.upstream_model, v.hardware || v.adapter, v.region, priceOf(v.price)];

	text(f.kind, kind.concat(v.fallback ? 'fallback only' : '').filter(Boolean).join(' · '));
	attr(f.blamed, 'hidden', since === null);
	text(f.blamed, since === null ? '' : `▲ blamed for misses since ${clock(since)}`);
	updateFacts(f, v, state);
	for (const node_ of Object.values(f.phases).flatMap((p) => p.nodes))
		attr(node_, 'hidden', v.state === 'off');
	for (const [name] of PHASES)
		drawPhase(f.phases[name], name, v, state, since === null ? [] : [{at: since, look: 'trouble'}]);
}

export function draw(state) {
	const list = state.now.servings;
	const node = byId('serving-list');

	node.querySelector('.empty')?.remove();
	keyed(node, list, (v) => v.key, make, (row, v) => update(row, v, state));
	if (!list.length)
		node.append(h('p', {class: 'empty'},
			'No backend is on. Export the variables that gateway.conf names, or add one under `backends`, and reload.'));
}
