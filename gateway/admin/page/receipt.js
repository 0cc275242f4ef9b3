// One receipt in full: the reason in a sentence, targets against what it took,
// each plan with its candidates, what happened and when.

import {ask, complaint} from './feed.js';
import {h, mark, s} from './dom.js';
import {count, ms, number, percent, usd, words} from './format.js';
import {targetsOf} from './incidents.js';

const pairs = (...list) => h('dl', {class: 'pairs'},
	list.filter(([, v]) => v !== null && v !== undefined)
		.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))));

const VERDICTS = {
	chosen: 'chosen', dearer: 'adequate, but scored worse', unlikely: 'not likely enough', ailing: 'ailing',
	crowded: 'too full for its class', reserved: 'rate kept for higher ones', tried: 'tried before, and failed',
	late: 'asked already, and late', fallback: 'a fallback, not needed', ineligible: 'cannot or may not',
	out: 'out of use', limited: 'over its rate limit', cold: 'model not loaded', busy: 'no free slot',
	drained: 'drained by an operator',
};

function candidates(plan) {
	const head = ['Candidate', 'Why in or out', 'Chance', 'Price', 'Score', 'In use', 'TTFT expected', 'ITL expected',
		'TTFT p99 of late', 'ITL p99 of late'];

	return h('div', {class: 'wide-table', tabindex: '0', role: 'region', 'aria-label': 'Candidates'}, h('table', {},
		h('thead', {}, h('tr', {}, head.map((name, i) => h('th', {scope: 'col', class: i > 1 ? 'n' : null}, name)))),
		h('tbody', {}, plan.candidates.map((c) => h('tr', {},
			h('th', {scope: 'row'}, c.verdict === 'chosen' ? '▸ ' : '', c.backend ?? ''),
			h('td', {}, VERDICTS[c.verdict] ?? words(c.verdict), c.cause ? h('div', {class: 'quiet'}, c.cause.text) : null),
			[percent(c.confidence), usd(c.price_usd), number(c.score), count(c.in_flight), ms(c.expected.ttft_ms),
				ms(c.expected.itl_ms), ms(c.live.ttft.p99_ms), ms(c.live.itl.p99_ms)]
				.map((v) => h('td', {class: 'n'}, v)))))));
}

function planTitle(p, i, made) {
	const where = p.kind === 'go' ? `${p.hedge ? 'a second copy to' : 'go to'} ${p.backend}`
		: p.kind === 'wait' ? 'wait' : 'refuse';

	return `Plan ${i + 1} of ${made}, at ${ms(p.at_ms)}: ${where} (${words(p.reason)})`;
}

function plan(p, i, made) {
	const said = p.confidence === null ? null
		: `chance ${percent(p.confidence)}${p.required === null ? '' : `, ${percent(p.required)} required`}`;

	return h('div', {}, h('h3', {}, planTitle(p, i, made), said ? h('span', {class: 'quiet'}, ` ${said}`) : null),
		p.candidates?.length ? candidates(p) : null);
}

// [at, words] of all that happened.
function story(doc) {
	const list = doc.plans.map((p, i) => [p.at_ms, planTitle(p, i, doc.plans_made).replace(/, at [^:]*/, '')]);

	for (const a of doc.outcome.attempts) {
		const name = `attempt ${a.number}`;

		list.push([a.began_ms, `${name}${a.hedge ? ', a second copy' : ''}: sent to ${a.backend}, ${a.upstream_model}${a.translated ? ', as chat' : ''}`]);
		if (a.ttft_ms !== null)
			list.push([a.began_ms + a.ttft_ms, `${name}: first token, ${ms(a.ttft_ms)} after it was sent`]);
		if (a.ended_ms !== null)
			list.push([a.ended_ms, a.fault ? `${name}: failed, ${words(a.fault)}${a.status ? `, status ${a.status}` : ''}`
				: `${name}: ended${a.itl_ms === null ? '' : `, ${ms(a.itl_ms)} a token`}`]);
	}
	const end = doc.outcome.phases.total_ms;

	if (end !== null)
		list.push([end, `end: ${words(doc.outcome.result)}${doc.outcome.status ? `, status ${doc.outcome.status}` : ''}`]);
	return list.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
}

function missedWords(doc) {
	const {slo_met: met, missed} = doc.outcome;

	if (met === null)
		return 'no target';
	if (met)
		return [mark('good'), ' met'];
	const names = {ttft: 'first token', itl: 'a token', total: 'whole answer'};
	return [mark('bad'), ' missed ', missed.map((m) => m.by_ms === null ? names[m.term]
		: `${names[m.term]}: ${ms(m.took_ms)} instead of ${ms(m.target_ms)}`).join('; ')];
}

// The request's time, to scale: in the queue, to the first token, tokens.
function spans(doc) {
	const p = doc.outcome.phases;
	const total = p.total_ms;

	if (!total || p.ttft_ms === null)
		return null;
	const queue = Math.min(p.queue_ms ?? 0, p.ttft_ms);
	const parts = [['waiting here', queue, 'edge-fill'], ['to the first token', p.ttft_ms - queue, 'wide'],
		['tokens', Math.max(0, total - p.ttft_ms), 'narrow']];
	let x = 0;

	const bars = parts.map(([, v, look]) => {
		const bar = s('rect', {class: look, x, y: 0, width: v / total * 1000, height: 12});

		x += v / total * 1000;
		return bar;
	});

	return h('div', {},
		s('svg', {class: 'spans', viewBox: '0 0 1000 12', preserveAspectRatio: 'none', 'aria-hidden': 'true'}, bars),
		h('p', {class: 'key'},
			parts.map(([name, v, look]) => [h('span', {class: `swatch ${look}`}), ` ${name} ${ms(v)} `]).flat()));
}

function receiptNode(doc) {
	const {outcome} = doc;
	const usage = outcome.usage;

	return h('div', {class: 'receipt'},
		h('p', {class: 'why'}, doc.why || 'There was nothing to choose.'),
		pairs(['SLO', h('span', {}, missedWords(doc))],
			['Class', `${doc.slo.class} (${doc.slo.priority})${targetsOf(doc.slo) ? `: ${targetsOf(doc.slo)}` : ''}`],
			['First token', ms(outcome.phases.ttft_ms)], ['A token', ms(outcome.phases.itl_ms)],
			['Whole answer', ms(outcome.phases.total_ms)],
			['Tokens', usage && `${count(usage.input)} in, ${count(usage.output)} out${usage.reported ? '' : ' (estimated)'}`],
			['Cost', usd(outcome.cost_usd)], ['Policy', doc.policy]),
		spans(doc),
		doc.plans.map((p, i) => plan(p, i, doc.plans_made)),
		h('div', {}, h('h3', {}, 'What happened'), h('ol', {class: 'steps'}, story(doc).map(([at, what]) =>
			h('li', {}, h('span', {}, ms(at)), h('span', {}, what))))),
		h('p', {class: 'quiet'}, h('code', {}, doc.id), ` · ${doc.time}`));
}

// Fills `into` with a receipt, or with why there is none. One that has just
// ended is written a moment later: tried again for two seconds.
export async function fetchReceipt(id, into, tries = 8) {
	into.replaceChildren(h('p', {class: 'quiet'}, 'loading'));
	for (;; tries--) {
		let why = 'the gateway cannot be reached';

		try {
			const answer = await ask(`admin/v1/receipts/${encodeURIComponent(id)}`);

			if (answer.ok)
				return into.replaceChildren(receiptNode(await answer.json()));
			why = await complaint(answer);
			if (answer.status !== 404)
				tries = 0;
		} catch {
			tries = 0;
		}
		if (tries <= 0)
			return into.replaceChildren(h('p', {class: 'bad'}, why));
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
}
