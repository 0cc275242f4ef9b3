// The page: follows the feed and hands what it says to the panels.

import {attr, byId, h, mark, text} from './dom.js';
import {adminKey, follow} from './feed.js';
import {clock, count, ms, percent, perHour, perSecond, span} from './format.js';
import {History} from './history.js';
import * as incidents from './incidents.js';
import * as playground from './playground.js';
import * as receipts from './receipts.js';
import * as servings from './servings.js';
import {remembered} from './store.js';
import * as tenants from './tenants.js';
import * as traffic from './traffic.js';

const state = {
	now: null,
	history: new History(),
	classes: [],
	step: 5000, // ms
	missing: new Set(), // tenant and class that are below target
	marks: [], // spans of trouble, for charts
	drawCharts: true, // something in them has changed
};

// --- the head ---

const figures = {};

function figure(name, label, value) {
	if (!figures[name]) {
		figures[name] = h('dd', {'data-of': name});
		byId('now').append(h('div', {}, h('dt', {}, label), figures[name]));
	}
	text(figures[name], value);
}

function drawHead({now}) {
	const add = (list, name) => list.reduce((sum, x) => sum + x[name], 0);
	const {met, missed} = now.slo_5m;
	const usable = now.servings.filter((v) => v.usable && v.state !== 'off').length;

	figure('rate', 'Requests', perSecond(add(now.traffic, 'requests_per_s')));
	figure('met', 'SLO met, 5 min', percent(met + missed ? met / (met + missed) : null));
	figure('cost', 'Cost', perHour(now.cost.per_hour_usd));
	figure('tokens', 'Tokens out', perSecond(add(now.traffic, 'tokens_out_per_s')));
	figure('requests', 'Under way', count(now.requests));
	figure('queued', 'Waiting here', count(now.queued));
	figure('usable', 'Servings usable', `${count(usable)} of ${count(now.servings.length)}`);
	figure('uptime', 'Up for', span(now.uptime_s * 1000));
}

// --- the line ---

let lostAt = null;
let linked = '';

function link(look, words) {
	if (linked === words)
		return;
	linked = words;
	byId('link').replaceChildren(mark(look), ` ${words}`);
}

function live(now) {
	lostAt = null;
	attr(byId('lost'), 'hidden', true);
	byId('main').classList.remove('stale');
	link(now.draining ? 'warn' : 'good', now.draining ? 'draining' : 'live');
}

function lost(error, wait) {
	lostAt ??= Date.now();
	byId('main').classList.add('stale');
	link('bad', 'connection lost');
	attr(byId('lost'), 'hidden', false);
	const why = error?.status ? ` (${error.message})` : '';

	const again = wait >= 1000 ? ` every ${ms(wait)}` : '';

	text(byId('lost'), `▲ No word from the gateway since ${clock(lostAt)}${why}. `
		+ `What you see is from then; trying again${again}.`);
	if (!state.now)
		attr(byId('main'), 'hidden', false);
}

// --- what the feed says ---

function draw() {
	if (!state.now)
		return;
	const list = incidents.incidentsOf(state.now);

	state.missing = new Set(list.map((o) => `${o.tenant}\n${o.slo}`));
	state.marks = list.length ? [{at: Math.min(...list.map((o) => o.since_ms)), look: 'trouble'}] : [];
	drawHead(state);
	for (const panel of [incidents, tenants, servings, traffic])
		panel.draw(state);
	drawLook();
	state.drawCharts = false;
}

const on = {
	history: (doc) => {
		state.history.begin(doc);
		state.classes = doc.classes;
		state.step = doc.step_ms;
		state.drawCharts = true;
		receipts.begin(doc);
		playground.begin(doc);
		text(byId('about'), `Pointsman ${doc.version}, configuration ${doc.config_version}, started ${
			clock(doc.started_ms)}. Times are local; latencies are of the last minute, as /metrics has them.`);
	},
	step: (doc) => {
		state.history.append(doc);
		state.drawCharts = true;
	},
	now: (doc) => {
		state.now = doc;
		attr(byId('main'), 'hidden', false);
		live(doc);
		receipts.take(doc.receipts);
		draw();
	},
	lost,
	refused: (status, message) => door(status, message),
};

// --- looking back ---

function drawLook() {
	const {history} = state;
	const look = byId('look');
	const last = Math.max(0, history.times.length - 1);

	attr(look, 'max', last);
	attr(look, 'disabled', last === 0);
	if (history.cursor === null)
		look.value = last;
	else
		look.value = history.cursor;
	const moment = history.moment();
	const words = moment === null ? 'now' : clock(moment);

	text(byId('look-at'), words);
	attr(look, 'aria-valuetext', words);
}

byId('look').addEventListener('input', (e) => {
	const at = Number(e.target.value);

	state.history.cursor = at >= state.history.times.length - 1 ? null : at;
	state.drawCharts = true;
	draw();
});

// --- key and theme ---

function door(status, message) {
	const tried = adminKey.get() !== null;

	adminKey.forget();
	attr(byId('door'), 'hidden', false);
	attr(byId('main'), 'hidden', true);
	attr(byId('forget'), 'hidden', true);
	byId('now').replaceChildren();
	for (const name of Object.keys(figures))
		delete figures[name];
	link('warn', 'locked');
	text(byId('door-why'), tried ? `Not with that key: ${message}` : '');
	byId('door-key').focus();
}

byId('door').addEventListener('submit', (e) => {
	e.preventDefault();
	adminKey.set(byId('door-key').value);
	byId('door-key').value = '';
	attr(byId('door'), 'hidden', true);
	enter();
});

byId('forget').addEventListener('click', () => {
	adminKey.forget();
	location.reload();
});

const THEMES = ['system', 'light', 'dark'];
const chosenTheme = remembered(() => localStorage, 'pointsman-theme');

function theme(name) {
	attr(document.documentElement, 'data-theme', name === 'system' ? null : name);
	text(byId('theme'), `Theme: ${name}`);
	chosenTheme.set(name);
}

byId('theme').addEventListener('click', () => {
	const at = THEMES.indexOf(chosenTheme.get());

	theme(THEMES[(at + 1) % THEMES.length]);
});

function enter() {
	attr(byId('forget'), 'hidden', adminKey.get() === null);
	link('none', 'connecting');
	follow(on);
}

theme(THEMES.includes(chosenTheme.get()) ? chosenTheme.get() : 'system');
enter();
