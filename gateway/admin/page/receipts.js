// The newest receipts, a line each; one of them opens to all that is known of
// it. The list stands still while somebody reads, points at or is inside it.

import {attr, byId, h, keyed, text} from './dom.js';
import {clock, count, ms, words} from './format.js';
import {classOf, nameOf} from './incidents.js';
import {fetchReceipt} from './receipt.js';

const KEPT = 50;
const FEW = 12; // are shown until more are asked for
const COLUMNS = [['tenant', 'Tenant'], ['model', 'Model'], ['slo', 'Class'], ['backend', 'Served by'],
	['ttft', 'TTFT', 'n'], ['itl', 'ITL', 'n'], ['total', 'Total', 'n'], ['end', 'End']];

let list = []; // newest first
let waiting = []; // come in while the list stands still
let open = null; // id
let pointed = false;
let body = null;
let missedOnly = null;
let all = false; // are shown
let more = null;

function build() {
	const head = [['time', 'Time'], ...COLUMNS].map(([, label, look]) =>
		h('th', {scope: 'col', role: 'columnheader', class: look}, label));

	body = h('tbody', {role: 'rowgroup', pointerenter: () => pointed = true, pointerleave: () => pointed = false});
	byId('receipt-table').replaceChildren(
		h('table', {class: 'stack', role: 'table', 'aria-labelledby': 'receipts-title'},
			h('thead', {role: 'rowgroup'}, h('tr', {role: 'row'}, head)), body),
		h('p', {class: 'empty'}),
		more = h('button', {type: 'button', click: () => {
			all = !all;
			render();
		}}));
	missedOnly = byId('receipts-missed');
	missedOnly.addEventListener('change', () => render());
	byId('receipts-fresh').addEventListener('click', () => {
		open = null;
		take([], true);
	});
}

const TERMS = {ttft: 'TTFT', itl: 'ITL', total: 'total time'};

// How it ended, as [look, words].
function endOf(r) {
	const missed = r.missed?.length ? `missed ${r.missed.map((m) => TERMS[m] ?? m).join(', ')}` : 'missed';

	if (r.result !== 'ok')
		return ['bad', r.result === 'client_gone' ? 'client left' : `${words(r.result)}: ${words(r.reason)}`];
	if (r.slo_met === null)
		return ['none', 'no target'];
	return r.slo_met ? ['good', r.attempts > 1 ? `met, ${r.attempts} attempts` : 'met'] : ['bad', missed];
}

function toggle(row) {
	const closing = open === row.id;

	open = closing ? null : row.id;
	render();
	if (!closing)
		fetchReceipt(row.id, row.detail);
}

function make(r) {
	const row = {id: r.id};
	const [, end] = endOf(r);
	const texts = {tenant: nameOf(r.tenant), model: r.model, slo: classOf(r.slo), backend: r.backend ?? 'nobody',
		ttft: ms(r.ttft_ms), itl: ms(r.itl_ms), total: ms(r.total_ms), end};
	const cells = COLUMNS.map(([name, label, look]) => h('td',
		{role: 'cell', class: name === 'end' && endOf(r)[0] === 'bad' ? 'bad' : look, 'data-label': label},
		h('span', {}, texts[name])));

	row.button = h('button', {type: 'button', class: 'open', 'aria-expanded': 'false', click: () => toggle(row)},
		clock(Date.parse(r.time)));
	row.detail = h('td', {colspan: COLUMNS.length + 1, role: 'cell'});
	row.more = h('tr', {role: 'row', hidden: true}, row.detail);
	row.line = h('tr', {role: 'row', 'data-id': r.id}, h('th', {scope: 'row', role: 'rowheader'}, row.button), cells);
	return row;
}

function update(row) {
	attr(row.button, 'aria-expanded', String(open === row.id));
	attr(row.more, 'hidden', open !== row.id);
}

// Two rows of the table for each: the line, and what it opens to.
function rowsOf(items) {
	return items.flatMap((r) => [{key: r.id, r}, {key: `${r.id} more`, r}]);
}

const made = new Map();

function rowOf(r) {
	if (!made.has(r.id))
		made.set(r.id, make(r));
	return made.get(r.id);
}

function render() {
	const wanted = list.filter((r) => !missedOnly.checked || r.slo_met === false);
	const shown = all ? wanted : wanted.slice(0, Math.max(FEW, wanted.findIndex((r) => r.id === open) + 1));
	const [table, empty] = byId('receipt-table').children;

	keyed(body, rowsOf(shown), ({key}) => key,
		({key, r}) => ({node: key === r.id ? rowOf(r).line : rowOf(r).more}), (_, {r}) => update(rowOf(r)));
	for (const id of made.keys())
		if (!list.some((r) => r.id === id))
			made.delete(id);
	attr(more, 'hidden', wanted.length <= FEW);
	text(more, all ? `Show ${FEW}` : `Show all ${count(wanted.length)}`);
	attr(table, 'hidden', !shown.length);
	attr(empty, 'hidden', shown.length > 0);
	text(empty, list.length ? 'None of the latest missed a target.'
		: 'No request has ended yet: each leaves a receipt that says why it went where it went.');
}

const held = () => open !== null || pointed || body.contains(document.activeElement);

export function begin(doc) {
	if (!body)
		build();
	attr(byId('receipts'), 'hidden', !doc.receipts_kept);
	open = null;
	list = [];
	waiting = doc.receipts ?? [];
	take([], true);
}

export function take(receipts, now = false) {
	const known = new Set([...waiting, ...list].map((r) => r.id)); // one may be told twice

	waiting = [...receipts.filter((r) => !known.has(r.id)), ...waiting].slice(0, KEPT);
	if (now || !held()) {
		if (waiting.length || now) {
			list = [...waiting, ...list].slice(0, KEPT);
			waiting = [];
			render();
		}
	}
	attr(byId('receipts-fresh'), 'hidden', !waiting.length);
	text(byId('receipts-fresh'), `Held while you read: show ${count(waiting.length)}${
		waiting.length === KEPT ? ' or more' : ''} newer`);
}
