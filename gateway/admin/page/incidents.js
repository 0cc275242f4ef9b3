// Who misses its SLO, which backend is the cause, since when, and what it
// costs: one card for each tenant, model and class below its target.

import {attr, byId, h, keyed, mark, text} from './dom.js';
import {ago, clock, count, ms, percent, perHour, perSecond, times, usd, words} from './format.js';

const SHOWN = 8;

export const nameOf = (tenant) => !tenant || tenant === '-' ? 'all callers' : tenant;
export const classOf = (name) => !name || name === '-' ? 'no class' : name;

export const incidentsOf = (now) => now.objectives.filter((o) => o.since_ms !== null)
	.sort((a, b) => b.windows['5m'].missed - a.windows['5m'].missed);

const FAULTS = {
	refused: 'refuses connections', reset: 'resets connections', unreachable: 'cannot be reached',
	key: 'refuses its key', rate_limited: 'has no rate left (429)', server_error: 'answers with server errors (5xx)',
	ttft_timeout: 'sends no first token', connect_timeout: 'cannot be connected to in time',
	bad_answer: 'answers 200 with what is no answer', cut: 'breaks answers off', gap_timeout: 'falls silent in answers',
};

// Why a serving is not used, where no fault says it.
const OUT = {
	slowed: 'is far slower than usual', silent: 'is silent', failing: 'fails every time',
	answered_429: FAULTS.rate_limited, rate_used_up: 'has no rate left', key_rejected: FAULTS.key,
	model_missing: 'does not have the model', loading: 'is loading its model', drained: 'is drained by an operator',
	weight_zero: 'has weight 0', weight_taken: 'has no more places by its weight', slow_start: 'is filled slowly after an outage',
};
const outOfUse = (b) => `${b.backend} ${FAULTS[b.detail] ?? OUT[b.detail] ?? 'is out of use'}`;

// No backend was asked: there was none free, or none at all.
const short = (b) => b.backend === null && ['queue', 'refused'].includes(b.cause);

// A row of blame as words: what is wrong with whom.
function causeOf(b, model) {
	const out = b.state && b.state !== 'ok' ? ` (${words(b.state)})` : '';
	const said = {
		ttft: 'first tokens come late',
		itl: 'tokens come slowly',
		total: 'whole answers take too long',
		failed: FAULTS[b.detail] ?? `attempts fail: ${words(b.detail)}`,
		out: 'what answers instead is too slow',
		queue: 'requests wait for a free slot',
		refused: b.backend ? 'requests are refused' : `requests are refused: ${words(b.detail)}`,
		other: 'further causes',
	}[b.cause] ?? words(b.cause);

	if (short(b))
		return `too little capacity for ${model}: ${said}`;
	if (b.backend && b.cause === 'refused')
		return `${b.backend} is out of use${out}: ${said}`;
	if (b.backend && (b.cause === 'queue' || b.cause === 'out'))
		return `${outOfUse(b)}: ${said}`;
	return b.backend ? `${b.backend}${out}: ${said}` : said;
}

export function targetsOf(c) {
	const terms = [['ttft_ms', 'first token'], ['itl_ms', 'a token'], ['total_ms', 'whole answer']];

	return terms.filter(([member]) => c?.[member]).map(([member, name]) => `${name} within ${ms(c[member])}`)
		.join(', ');
}

// Where capacity is short: who takes most of it.
function crowd(o, now) {
	const rates = new Map();
	let all = 0;

	for (const other of now.objectives.filter((x) => x.model === o.model)) {
		rates.set(other.tenant, (rates.get(other.tenant) ?? 0) + other.requests_per_s);
		all += other.requests_per_s;
	}
	const [who, rate] = [...rates].sort((a, b) => b[1] - a[1])[0] ?? [];

	return all > 0 ? `most traffic on ${o.model}: ${nameOf(who)}, ${perSecond(rate)} of ${perSecond(all)}` : '';
}

// What ails whom it is because of, since when, as its own card says.
function presentOf(o, {cause, backend}, now) {
	const ails = now.servings.find((v) => v.model === o.model && v.backend === backend)?.cause;

	if (ails)
		return `${backend}: ${ails.text}`;
	return cause === 'out' ? `${backend} is in use again` : '';
}

function blameLines(o, now) {
	const missed = o.windows['5m'].missed;
	const [first, ...rest] = o.blame;

	if (!first)
		return ['cause not known', []];
	const lines = [`${count(first.misses)} of ${count(missed)} misses in 5 min (${percent(first.share)})`];

	if (short(first))
		lines.push(crowd(o, now));
	lines.push(presentOf(o, first, now));
	for (const b of rest.slice(0, 2))
		lines.push(`${causeOf(b, o.model)} (${percent(b.share)})`);
	return [causeOf(first, o.model), lines.filter(Boolean)];
}

// In a sentence: what it costs now against before.
function costLine(o) {
	const now = o.cost_per_hour_usd;
	const before = o.cost_per_hour_before_usd;

	if (now === null)
		return 'no price is known';
	if (before === null)
		return 'no traffic before to compare with';
	const more = now - before;
	const ratio = before > 0 && now > 0 ? ` · ${times(now / before)}` : '';

	return `${perHour(before)} before · ${more < 0 ? '' : '+'}${usd(more)}/h${ratio}`;
}

function make() {
	const fields = {};
	const pair = (name, label) => {
		fields[name] = h('dd', {class: 'first', 'data-of': name});
		fields[`${name}Lines`] = h('dd', {'data-of': `${name}-lines`});
		fields[`${name}Label`] = h('dt', {}, label);
		return h('div', {}, fields[`${name}Label`], fields[name], fields[`${name}Lines`]);
	};
	const node = h('dl', {class: 'incident'}, pair('who', 'Misses its SLO'), pair('cause', 'Because of'),
		pair('since', 'Since'), pair('met', 'Met in the last 5 min'), pair('cost', 'Costs now'));

	fields.whoName = h('span');
	fields.who.append(mark('bad'), fields.whoName);
	return {node, fields};
}

function update({node, fields}, o, state) {
	const slo = state.classes.find((c) => c.name === o.slo);
	const five = o.windows['5m'];
	const [cause, lines] = blameLines(o, state.now);

	attr(node, 'data-key', o.key);
	text(fields.whoLabel, five.attainment >= o.target ? 'Begins to miss its SLO' : 'Misses its SLO');
	text(fields.whoName, nameOf(o.tenant));
	text(fields.whoLines, `class ${classOf(o.slo)} on ${o.model}${slo ? `: ${targetsOf(slo)}` : ''}`);
	text(fields.cause, cause);
	text(fields.causeLines, lines.join(' · '));
	text(fields.since, ago(o.since_ms, state.now.time_ms));
	text(fields.sinceLines, `${clock(o.since_ms)} local time`);
	text(fields.met, percent(five.attainment));
	text(fields.metLines, `target ${percent(o.target)} · ${count(five.missed)} of ${count(five.met + five.missed)
	} missed · burn ${times(five.burn)} · budget left ${percent(o.budget_left)}`);
	text(fields.cost, perHour(o.cost_per_hour_usd));
	text(fields.costLines, costLine(o));
}

// What most misses have in common, of all that are told of.
function commonCause(objectives) {
	const sums = new Map();
	let all = 0;

	for (const o of objectives)
		for (const b of o.blame) {
			const said = causeOf(b, o.model);

			sums.set(said, (sums.get(said) ?? 0) + b.misses);
			all += b.misses;
		}
	const [said, n] = [...sums].sort((a, b) => b[1] - a[1])[0] ?? [];

	return all > 0 ? `. Their most frequent cause (${percent(n / all)}): ${said}` : '';
}

// Nothing is wrong, or not enough to be an incident, or nothing is known.
function calmWords({objectives, slo_5m: {asked, below, met, missed}}) {
	if (below)
		return ['warn', `Below target, by few requests each: ${count(below)} of ${count(asked)}`,
			`tenants and classes; ${count(missed)} of ${count(met + missed)} requests missed in the last 5 minutes`
			+ commonCause(objectives)];
	if (objectives.some((o) => o.target !== null && o.met_total + o.missed_total > 0))
		return ['good', 'Nobody misses its SLO',
			'every tenant with traffic was at or above its target in the last 5 minutes'];
	if (objectives.some((o) => o.requests_total > 0))
		return ['none', 'No request had an SLO', 'give its class targets in gateway.conf, or send x-slo-ttft-ms'];
	return ['none', 'No requests yet', 'send one from the playground below, or point an application at the gateway'];
}

function calm(state) {
	const [look, title, more] = calmWords(state.now);
	const node = byId('incident-list');

	if (node.querySelector('.calm')?.textContent.endsWith(title + more))
		return;
	keyed(node, []);
	node.replaceChildren(h('div', {class: `calm ${look}`}, mark(look), h('strong', {}, title),
		h('span', {class: 'quiet'}, more)));
}

export function draw(state) {
	const list = incidentsOf(state.now);
	const node = byId('incident-list');
	const said = list.slice(0, SHOWN).map((o) => `${nameOf(o.tenant)} misses its SLO on ${o.model} since ${
		clock(o.since_ms)}. Cause: ${o.blame[0] ? causeOf(o.blame[0], o.model) : 'not known'}.`);

	text(byId('incidents-title'), list.length > 1 ? `Incidents: ${list.length}` : 'Incidents');
	text(byId('incident-said'), said.join(' '));
	document.title = list.length ? `▲ ${list.length} · Pointsman` : 'Pointsman';
	if (!list.length)
		return calm(state);
	node.querySelector('.calm')?.remove();
	node.querySelector('.more')?.remove();
	keyed(node, list.slice(0, SHOWN), (o) => o.key, make, (row, o) => update(row, o, state));
	if (list.length > SHOWN)
		node.append(h('p', {class: 'more quiet'}, `and ${list.length - SHOWN} more: see Tenants`));
}
