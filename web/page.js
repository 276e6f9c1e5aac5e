// The page, over the HTTP API alone.  Names, answers and captions become text nodes, never HTML.

const $ = (id) => document.getElementById(id);
// Rows of the timeline: key of a clip's score, name, meaning, whether the top is its greatest value.
const ATTENDS = [
	["appearance", "Appearance", "fit of its pictures to the question", false],
	["motion", "Motion", "fit of its motion to it", false],
	["weight", "Weight", "its share of the answer", true],
];
const ALONE = [["alone", "By itself", "the same answer, from it alone", true]];
const player = $("player");
const touch = matchMedia("(pointer: coarse)"); // focus opens a keyboard

let info = null; // what the server does
let video = null; // what it told last of the video that is shown
let source = null; // {file} or {example}; null after a reload
let flow = new AbortController(); // all that is about it; aborted when it is left
let ready = null; // a promise: it can be asked about
let asking = new AbortController(); // what was asked or searched last
let answer = null; // the last
let here = 0; // the clip that is shown
let stopAt = Infinity; // seconds at which to stop playing
let recent = []; // questions with their answers; their places are their digits

// What is thrown has the form of the server's errors.
const fault = (code, message, cure) => ({ code, message, cure });
const offline = fault("offline", "The server does not answer.", "See that it runs.");

// Small things

function make(tag, props = {}, ...children) {
	const own = typeof props === "string" ? { className: props } : props;
	const node = Object.assign(document.createElement(tag), own);
	node.append(...children);
	return node;
}

const button = (className, onclick, ...inside) =>
	make("button", { type: "button", className, onclick }, ...inside);
const fill = (id, ...inside) => $(id).replaceChildren(...inside);
const hide = (hidden, ...ids) => ids.forEach((id) => ($(id).hidden = hidden));
const busy = (is) => document.body.classList.toggle("busy", is);
const say = (text) => fill("said", text);
const bounded = (value, low, high) => Math.min(Math.max(value, low), high);
const sized = (node, side, share) => ((node.style[side] = `${100 * share}%`), node);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const percent = (p) => `${(100 * p).toFixed(1)} %`;
const bytes = (n) => (n < 1e6 ? `${Math.ceil(n / 1e3)} kB` : `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} MB`);
const many = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
const lasting = (seconds) => many(Math.ceil(seconds / 60), "minute");
const sentence = (text) => text && text[0].toUpperCase() + text.slice(1);
const span = ({ start, end }) => `${clock(start)} – ${clock(end)}`;

function clock(seconds) {
	const tenths = Math.round(10 * seconds);
	const hours = Math.floor(tenths / 36000);
	const rest = new Date(100 * tenths).toISOString().slice(tenths < 6000 ? 15 : 14, 21);
	return hours ? `${hours}:${rest}` : rest;
}

// What outlives a reload, where there is storage.
function kept(key, value) {
	try {
		if (value !== undefined) sessionStorage[key] = JSON.stringify(value);
		return JSON.parse(sessionStorage[key] ?? "null");
	} catch {
		return null;
	}
}

// The server

function faultOf(status, text) {
	try {
		const { code, message, cure } = JSON.parse(text).error;
		return { code, message, cure };
	} catch {
		return fault("", `The server answered with status ${status}.`, "Try again in a while.");
	}
}

async function call(path, { body, file, signal, method = body ? "POST" : "GET" } = {}) {
	try {
		const headers = body ? { "Content-Type": "application/json" } : {};
		const sent = { method, signal, headers, body: body && JSON.stringify(body) };
		const response = await fetch(path, sent);
		if (!response.ok) throw faultOf(response.status, await response.text());
		return file ? response : await response.json();
	} catch (error) {
		throw "cure" in error || error.name === "AbortError" ? error : offline;
	}
}

// The same, but a server that does not answer is asked again.
async function patiently(path, signal) {
	for (let misses = 1; ; misses++) {
		try {
			const told = await call(path, { signal });
			if (misses > 1) fill("notice");
			return told;
		} catch (error) {
			if (error.code !== "offline") throw error;
			if (misses === 2) notice(error.message, "Trying again.");
			await pause(2000);
			signal.throwIfAborted();
		}
	}
}

// Show what is wrong, and what helps; `again` is what a button does.
function notice(message, cure, again, label = "Try again") {
	const buttons = make("div", "buttons", button("quiet", () => fill("notice"), "Close"));
	if (again) buttons.prepend(button("", () => (fill("notice"), again()), label));
	const words = make("div", {}, make("strong", {}, sentence(message)), make("p", {}, sentence(cure)));
	fill("notice", words, buttons);
}

function report(error, again, label) {
	if (error.name === "AbortError") return;
	if (!("cure" in error)) throw error;
	if (["unknown_video", "deleted"].includes(error.code)) gone();
	else notice(error.message, error.cure, again, label);
}

// The server was restarted, or has deleted the video.
function gone() {
	const [from, question] = [source, asked()];
	leave();
	const again = () => (from ? begin(from, question) : $("file").click());
	const why = "It was idle for too long, or the server was restarted.";
	notice("The server no longer has this video.", why, again, "Send it again");
}

async function busily(act, again) {
	busy(true);
	try {
		return await act();
	} catch (error) {
		report(error, again);
	} finally {
		busy(false);
	}
}

// A video: sent, followed until it is ready, shown, left

const asked = () => $("question").value.trim() || answer?.question || "";

function begin(from, question = "") {
	const { file, example } = from;
	if (file?.size > info.limits.bytes) {
		const most = `the most is ${bytes(info.limits.bytes)}.`;
		return notice(`${file.name} has ${bytes(file.size)}; ${most}`, "Send a part, or a smaller copy.");
	}
	leave();
	source = from;
	const { signal } = flow;
	fill("notice");
	fill("name", file?.name ?? example.title);
	fill("facts");
	suggest(example?.questions ?? []);
	step("sending", file ? `Sending ${bytes(file.size)}` : "Taking the example");
	ready = take(from, signal).then((told) => follow(told, signal));
	show();
	ready.catch((error) => {
		if (signal.aborted) return;
		const last = asked();
		report(error, () => begin(from, last), "Send it again");
		leave();
	});
	if (question) ask(question);
	else $(touch.matches ? "name" : "question").focus({ preventScroll: true });
}

function take({ file, example }, signal) {
	if (example) return call(`examples/${example.id}`, { method: "POST", signal });
	return new Promise((done, fail) => {
		const request = new XMLHttpRequest(); // fetch tells no progress
		request.open("POST", `videos?name=${encodeURIComponent(file.name.toWellFormed())}`);
		request.setRequestHeader("Content-Type", "application/octet-stream");
		request.upload.onprogress = ({ loaded, total }) =>
			step("sending", `Sending: ${bytes(loaded)} of ${bytes(total)}`, loaded / total);
		request.onload = () => {
			if (request.status < 400) done(JSON.parse(request.responseText));
			else fail(faultOf(request.status, request.responseText));
		};
		request.onerror = () => fail(fault("", "The upload broke off.", "See that the server runs."));
		request.onabort = () => fail(signal.reason);
		signal.onabort = () => request.abort();
		request.send(file);
	});
}

// Until it can be asked about.
async function follow(told, signal) {
	video = told;
	kept("video", told.id);
	while (video.state !== "ready") {
		const { state, message, cure } = video;
		if (state === "failed") throw fault(state, message, cure);
		step(state, `${sentence(message)}.`);
		video = await patiently(`videos/${video.id}?wait=1`, signal);
	}
	showVideo();
	copied(signal).catch(report);
}

// A copy may still be made.
async function copied(signal) {
	while (video.playback.state === "preparing") {
		await pause(1500);
		signal.throwIfAborted();
		video = await patiently(`videos/${video.id}`, signal);
		showVideo();
	}
}

// The server deletes it now.
function leave() {
	flow.abort();
	asking.abort();
	flow = new AbortController();
	if (video) fetch(`videos/${video.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
	video = source = ready = answer = null;
	kept("video", null);
	player.removeAttribute("src");
	player.load();
	hide(true, "timeline", "answer", "tell", "over");
	steps = [];
	for (const id of ["playback", "captions", "actions"]) fill(id);
	show();
}

const stage = (shows) => ($("stage").dataset.shows = shows);

function step(state, words, share) {
	stage("progress");
	fill("doing", words);
	if (share === undefined) $("bar").removeAttribute("value");
	else $("bar").value = share;
	for (const one of $("steps").children) one.className = one.dataset.state === state ? "now" : "";
}

function showVideo() {
	const { playback, clips, duration, frames, note } = video;
	const plays = playback.state === "ready";
	const facts = [duration && clock(duration), frames && many(frames, "frame"), bytes(video.bytes), note];
	fill("name", video.name);
	fill("facts", facts.filter(Boolean).join(" · "));
	if (plays && !player.src) player.src = playback.url;
	stage(plays ? "player" : "still");
	const meanwhile = playback.state === "preparing" ? ": a copy is being made; ask meanwhile" : "";
	fill("playback", sentence(playback.message + (playback.message && meanwhile)));
	if (!$("timeline").hidden) return;
	buildTimeline(clips);
	hide(false, "tell");
	if ($("ask").hidden && !$("follow").hidden) stream();
	say("The video is ready; ask about it.");
}

// Not in this browser, or the server has it no more.
const unplayable = () => busily(async () => {
	if (!video) return;
	await call(`videos/${video.id}`);
	stage("still");
	fill("playback", "This browser does not play it: pictures are shown.");
});

// The timeline: a column a clip, a row of pictures and a row a score.  Each cell is a button that
// seeks; Tab reaches one of them, arrow keys the others.

function buildTimeline(clips) {
	hide(!clips.length, "timeline");
	$("tracks").style.setProperty("--clips", clips.length);
	const pictures = clips.map(({ thumbnail }) => make("img", { src: thumbnail, alt: "" }));
	fill("rows", row("film", "Clips", "", pictures, clips.map(named)));
	fill("most");
	if (!clips.length) return;
	hold(cell(0, 0));
	player.poster = clips[0].thumbnail;
	mark(0);
	place(0);
}

const named = (clip, i) => `Clip ${i + 1}, ${clock(clip.start)} to ${clock(clip.end)}`;
const cell = (at, clip) => $("rows").children[at].querySelectorAll("button")[clip];
const rowOf = (one) => [...$("rows").children].indexOf(one.closest(".row"));

function row(className, name, meaning, inside, labels) {
	const cells = inside.map((content, i) => {
		const one = button("", () => seek(i), content);
		one.tabIndex = -1;
		one.ariaLabel = labels[i];
		one.onpointerenter = () => peek(i, one);
		one.onfocus = () => (peek(i, one), hold(one));
		return make("div", { role: "gridcell", className: "cell" }, one);
	});
	const words = [make("strong", {}, name), make("span", {}, meaning)];
	const head = make("div", { role: "rowheader", className: "rowhead" }, ...words);
	return make("div", { role: "row", className: `row ${className}` }, head, ...cells);
}

// Tab reaches this cell.
function hold(one) {
	for (const held of $("rows").querySelectorAll("[tabindex='0']")) held.tabIndex = -1;
	one.tabIndex = 0;
}

function showScores(told) {
	const { clips } = told;
	const kinds = told.attends ? ATTENDS : ALONE;
	const rows = kinds.map(([key, name, meaning, relative]) => {
		const values = clips.map((clip) => clip[key] ?? 0);
		const top = relative ? Math.max(...values, 1e-9) : 1;
		const bars = values.map((value) => sized(make("i"), "height", Math.min(1, value / top)));
		const score = (value) => (relative ? percent(value) : value.toFixed(2));
		const label = (clip, i) => `${named(clip, i)}, ${name.toLowerCase()} ${score(values[i])}`;
		const scale = relative ? `; top: ${percent(top)}` : "";
		return row(key, name, meaning + scale, bars, clips.map(label));
	});
	const inside = $("rows").contains(document.activeElement);
	fill("rows", $("rows").firstChild, ...rows);
	if (!$("rows").querySelector("[tabindex='0']")) hold(cell(0, here));
	if (inside) cell(0, here).focus();
	mark(here);
	showMost(clips, kinds.at(-1)[0]);
}

// Which clip the answer came from, if one stands out.
function showMost(clips, key) {
	const values = clips.map((clip) => clip[key] ?? 0);
	const best = values.indexOf(Math.max(...values));
	const weighs = key === "weight";
	if (clips.length < 2) return fill("most");
	if (values[best] * clips.length < 1.15 * values.reduce((a, b) => a + b)) {
		return fill("most", weighs ? "It weighed all clips alike." : "All clips say about the same.");
	}
	const play = button("link", () => playPart(best), span(clips[best]));
	play.ariaLabel = `Play ${span(clips[best])}`;
	const words = weighs ? "It weighed most: " : "What speaks for it most: ";
	fill("most", words, play, ` (${percent(values[best])})`);
}

function seek(clip, at = video.clips[clip].middle) {
	stopAt = Infinity;
	player.currentTime = at;
	mark(clip);
	place(at);
}

function playPart(clip) {
	const { start, end } = video.clips[clip];
	seek(clip, start);
	stopAt = end;
	player.play().catch(() => {});
}

// Show which clip is on the screen.
function mark(clip) {
	here = clip;
	$("still").src = video.clips[clip].thumbnail;
	for (const now of $("rows").querySelectorAll(".now")) now.classList.remove("now");
	[...$("rows").children].forEach((_, at) => cell(at, clip).parentNode.classList.add("now"));
}

// The playhead at a time -> the clip: in the middle of a column at its clip's middle.
function place(seconds) {
	moment(seconds);
	const { clips } = video;
	const times = [clips[0].start, ...clips.map((clip) => clip.middle), clips.at(-1).end];
	const last = bounded(times.findLastIndex((time) => time <= seconds), 0, clips.length);
	const part = (seconds - times[last]) / (times[last + 1] - times[last] || 1);
	const x = bounded(last - 0.5 + part, 0, clips.length);
	sized($("playhead"), "left", x / clips.length);
	return Math.min(Math.floor(x), clips.length - 1);
}

function follows() {
	if (!video?.clips.length) return;
	const clip = place(player.currentTime);
	if (player.currentTime >= stopAt) {
		stopAt = Infinity;
		player.pause();
	}
	if (player.paused) return;
	if (clip !== here) mark(clip);
	requestAnimationFrame(follows);
}

// A clip's picture and a cell's words above its column.
function peek(clip, at) {
	const figure = $("peek");
	figure.firstChild.src = video.clips[clip].thumbnail;
	figure.lastChild.replaceChildren(at.ariaLabel);
	figure.style.left = `clamp(5.5rem, ${(100 * (clip + 0.5)) / video.clips.length}%, 100% - 5.5rem)`;
}

// Questions

async function ask(question) {
	question = question.trim();
	if (!question || !ready) return;
	asking.abort();
	const { signal } = (asking = new AbortController());
	const waiting = ready;
	$("question").value = question;
	busy(true);
	try {
		await waiting;
		signal.throwIfAborted();
		const body = { question, run: currentRun().name };
		const choices = $("choices").value.match(/\S(.*\S)?/g);
		if (choices) body.choices = choices;
		if ($("count").checked && currentRun().kind === "open") body.count = true;
		answer = await call(`videos/${video.id}/questions?wait=30`, { body, signal });
		if ($("question").value === question) $("question").value = "";
		recall(answer);
		showAnswer(answer);
	} catch (error) {
		if (video?.state === "ready") report(error, () => ask(question));
	} finally {
		if (!signal.aborted || !ready) busy(false);
	}
}

function currentRun() {
	const runs = info.runs.filter((run) => run.task === "questions");
	return runs.find((run) => run.name === $("run").value) ?? runs[0];
}

function showAnswer(told) {
	const { question, answers, without_video: without, unknown_words: unknown, advice } = told;
	const [[first], [before]] = [answers, without];
	const chance = (one) => (one?.probability == null ? "" : percent(one.probability));
	const words = question.split(/([\p{L}\p{N}'’-]+)/u).map((part) => {
		return unknown.includes(part.toLowerCase()) ? make("span", "unknown", part) : part;
	});
	fill("asked", ...words);
	const value = told.value === null ? "" : `from ${told.value.toFixed(2)}`;
	fill("best-answer", first?.answer ?? "no answer");
	fill("best-share", chance(first) || value);
	hide(!before, "without");
	fill("instead", before?.answer ?? "");
	fill("instead-share", chance(before) && ` (${chance(before)})`);
	const was = new Map(without.map((one) => [one.answer, one.probability]));
	fill("answers", ...answers.map((one) => bar(one, was.get(one.answer))));
	hide(!chance(first), "answers");
	fill("advice", advice);
	fill("meta", `${told.run}, ${Math.ceil(told.milliseconds)} ms`);
	hide(false, "answer");
	showScores(told);
	say(["asked", "best", "without", "advice"].map((id) => $(id).textContent).join(" "));
	if (touch.matches) $("question").blur();
	$("answer").scrollIntoView({ block: "nearest" });
}

// An answer with its bar; `before`: its probability without the video, a tick.
function bar({ answer: text, probability }, before) {
	const track = make("span", "track", sized(make("i"), "width", probability));
	const share = make("span", "share", probability === null ? "" : percent(probability));
	if (before != null) {
		track.append(sized(make("b"), "left", before));
		share.append(make("span", "unseen", `, without the video ${percent(before)}`));
	}
	return make("li", {}, make("span", "name", text), track, share);
}

function recall({ question, answers: [first] }) {
	const known = recent.findIndex((one) => one.question === question);
	recent[known < 0 ? recent.length : known] = { question, told: first?.answer ?? "" };
	kept("recent", (recent = recent.slice(-9)));
	showRecent();
}

function showRecent() {
	const row = ({ question, told }, i) => {
		const inside = [make("kbd", {}, i + 1), make("span", {}, question), make("em", {}, told)];
		return make("li", {}, button("", () => ask(question), ...inside));
	};
	fill("recent", ...recent.map(row));
}

const chip = (text, act, of = "") => make("li", of, button("chip", act, text));

function suggest(questions) {
	fill("suggested", ...questions.map((question) => chip(question, () => ask(question))));
}

// What is told without a question

async function tell(id, path, showIt) {
	const { signal } = flow;
	$(id).disabled = true;
	try {
		await showIt(await call(`videos/${video.id}/${path}wait=30`, { method: "POST", signal }));
	} catch (error) {
		report(error, () => tell(id, path, showIt));
	}
	$(id).disabled = false;
}

function showCaptions({ captions }) {
	fill("captions", make("ol", {}, ...captions.map(({ text }) => make("li", {}, sentence(text)))));
	say($("captions").textContent);
}

function showActions({ actions, times, values }) {
	fill("actions", make("ol", "bars", ...actions.map((one) => bar(one))));
	if (values.length) showSteps(times.map((time, i) => ({ time, value: values[i], number: 0, warm: true })));
	say($("actions").textContent);
}

// What is said over time: columns, as they come, and over them a slider that seeks

let steps = [];
const go = (seconds) => seek(place(seconds), seconds);

const stream = (all = []) => tell("follow", `stream?after=${all.length}&`, (told) => {
	showSteps((all = all.concat(told.steps)), told.message);
	return told.done ? say("Followed to the end.") : stream(all);
});

function showSteps(all, message = "") {
	if (!all[0]) return;
	steps = all;
	const isValue = all[0].answer == null;
	const levels = all.map((one) => one.probability ?? one.value);
	const [low, high] = [Math.min(0, ...levels), isValue ? Math.max(0, ...levels) : 1];
	const last = all.at(-1).time;
	const max = Math.max(video.duration, last) || 1;
	const step = last / (all.length - 1) || max;
	const every = Math.ceil(all.length / 240); // of so many, one is drawn
	const look = ({ number, warm }) => `k${number % 6}${warm ? "" : " cold"}`;
	const column = (one, i) => {
		const node = sized(make("i", look(one)), "left", one.time / max);
		sized(node, "width", (every * step) / max);
		sized(node, "height", Math.abs(levels[i]) / (high - low));
		return sized(node, "bottom", (Math.min(levels[i], 0) - low) / (high - low));
	};
	fill("columns", ...all.flatMap((one, i) => (i % every ? [] : column(one, i))));
	const changes = all.filter((one, i) => !isValue && one.answer !== all[i - 1]?.answer);
	fill("changes", ...changes.slice(0, 100).map((one) => {
		return chip(`${clock(one.time)} ${one.answer}`, () => go(one.time), look(one));
	}));
	const range = isValue ? `Bottom ${low.toFixed(2)}, top ${high.toFixed(2)}. ` : "";
	fill("stream-facts", range + sentence(message));
	Object.assign($("at"), { max, step });
	hide(false, "over");
	moment(player.currentTime);
}

// What is said at a time.
function moment(seconds) {
	const one = steps.findLast(({ time }) => time <= seconds + 1e-3);
	if (!one) return;
	const said = one.answer ? `${one.answer} ${percent(one.probability)}` : one.value;
	const words = `${clock(one.time)} ${said}${one.warm ? "" : ", less seen than in training"}`;
	Object.assign($("at"), { value: seconds, ariaValueText: words });
	fill("now", words);
}

// The library

let moments = []; // hits that are shown, in their order
let search = null; // what was looked for, and the page of it

function find(wanted) {
	const filters = [...$("filters").querySelectorAll("[data-where]")].filter((one) => one.value.trim());
	const term = ({ value, dataset }) => dataset.where.replace("?", () => value.trim());
	const where = filters.map(term).join(" ");
	const form = Object.fromEntries(new FormData($("search")));
	const asks = new URLSearchParams({ ...form, ...wanted, where });
	asking.abort();
	const { signal } = (asking = new AbortController());
	return busily(async () => {
		const told = await call(`library/search?${asks}`, { signal });
		search = { ...wanted, page: told.page };
		moments = told.hits;
		hide(told.pages < 2, "pages");
		fill("page-number", `${told.page} of ${told.pages}`);
		$("previous").disabled = told.page <= 1;
		$("next").disabled = told.page >= told.pages;
		const found = told.total ? `${many(told.total, "moment")}, ${Math.ceil(told.milliseconds)} ms.` : "";
		showHits(`${found} ${sentence(told.message)}`);
	}, () => find(wanted));
}

function showHits(words) {
	fill("hits", ...moments.map(hit));
	fill("found", words);
	say(words);
	countChosen();
}

function hit(moment) {
	const { id, name, score, why, was } = moment;
	const image = make("img", { src: moment.thumbnail, alt: "", loading: "lazy" });
	image.onerror = () => image.remove();
	const open = button("open", () => playMoment(moment), image, make("span", {}, span(moment)));
	open.ariaLabel = `Play ${name}, ${span(moment)}`;
	const chosen = make("input", { type: "checkbox", checked: moment.chosen ?? false });
	chosen.onchange = () => ((moment.chosen = chosen.checked), countChosen());
	const before = was ? ` · was ${was}` : "";
	const like = button("link", () => find({ like: id, page: 1 }), "more like it");
	like.ariaLabel = `More like ${name}, ${span(moment)}`;
	const label = make("label", "check", chosen, make("strong", {}, name));
	return make("li", {}, open, label, make("p", {}, `${score.toFixed(3)}${before} · ${why} `, like));
}

function playMoment(moment) {
	const { name, why, url, start, end } = moment;
	fill("moment-title", `${name}, ${span(moment)}`);
	fill("moment-why", why);
	$("moment-player").src = `${url}#t=${start},${end}`;
	$("moment").showModal();
}

const chosen = () => moments.filter((one) => one.chosen);

const countChosen = () => fill("selected", chosen().length ? `${chosen().length} chosen` : "all");

function rerank() {
	const question = $("rerank-question").value.trim();
	const candidates = moments.map(({ id, score }) => ({ id, score }));
	const body = { candidates, question, answer: $("rerank-answer").value.trim() || null };
	return busily(async () => {
		const { ranked, failed, milliseconds } = await call("library/rerank", { body });
		const by = Object.fromEntries(moments.map((one) => [one.id, one]));
		const unread = Object.entries(failed).map(([id, why]) => ({ ...by[id], why }));
		moments = [...ranked.map((one) => ({ ...by[one.id], ...one })), ...unread];
		showHits(`In the order of “${question}”, ${Math.ceil(milliseconds)} ms.`);
		$("library-title").focus();
	}, rerank);
}

function exportHits() {
	const hits = (chosen().length ? chosen() : moments).map(({ id, start, end }) => ({ id, start, end }));
	const body = { hits, ...Object.fromEntries(new FormData($("export"))) };
	return busily(async () => {
		const response = await call("library/export", { body, file: true });
		const [, name] = /"(.+)"/.exec(response.headers.get("Content-Disposition"));
		const href = URL.createObjectURL(await response.blob());
		make("a", { href, download: name }).click();
		say(`Exported ${many(hits.length, "moment")}.`);
	}, exportHits);
}

// The page itself

function show() {
	const library = info?.library != null && location.hash === "#library";
	hide(!library, "library");
	hide(library || !!ready, "start");
	hide(library || !ready, "work");
	for (const link of $("places").children) {
		link.ariaCurrent = (link.hash === "#library") === library ? "page" : null;
	}
	if (library) player.pause();
}

function showInfo({ limits, runs, library }, examples) {
	const of = (task) => runs.filter((run) => run.task === task);
	fill("most-bytes", bytes(limits.bytes));
	fill("most-seconds", lasting(limits.duration));
	fill("idle", lasting(limits.keep));
	fill("server", [...new Set(runs.map((run) => run.name))].join(", "));
	$("question").maxLength = limits.question;
	hide(library === null, "places");
	if (library !== null) fill("library-title", `Find a moment among ${many(library, "clip")}`);
	const option = ({ name, kind }) => make("option", { value: name }, `${name} (${kind})`);
	fill("run", ...of("questions").map(option));
	hide(of("questions").length < 2, "run-part");
	for (const one of document.querySelectorAll("[data-task]")) one.hidden = !of(one.dataset.task)[0];
	fill("examples", ...examples.map((example) => {
		const { title, thumbnail, questions: [question] } = example;
		const image = make("img", { src: thumbnail, alt: "" });
		const asks = make("ul", {}, chip(question, () => begin({ example }, question)));
		return make("li", {}, button("take", () => begin({ example }), image, title), asks);
	}));
	chooseRun();
}

function chooseRun() {
	const kind = currentRun()?.kind;
	hide(kind !== "open", "count-part");
	hide(kind === "count", "choices-part");
	$("more").open = kind === "choice";
}

// Keys of the timeline, and those that work where nothing is typed.
function pressed(event) {
	const { target, key } = event;
	const step = {
		ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
		Home: [0, -Infinity], End: [0, Infinity],
	}[key];
	const inside = target.closest(".cell");
	const field = target.closest("input:not([type=checkbox]), textarea, select, video");
	const typing = field && (field !== $("question") || field.value);
	if (event.ctrlKey || event.metaKey || event.altKey || $("work").hidden || typing) return;
	if (!inside && (!$("keys").checked || (step && !/Left|Right/.test(key)))) return;
	if (step && video?.clips.length) {
		const clip = bounded(here + step[1], 0, video.clips.length - 1);
		seek(clip);
		const rows = $("rows").children.length;
		if (inside) cell(bounded(rowOf(inside) + step[0], 0, rows - 1), clip).focus();
	} else if (recent[key - 1]) ask(recent[key - 1].question);
	else if (key === "/" && !field) $("question").focus();
	else return;
	event.preventDefault();
}

function listen() {
	const submit = (id, act) => ($(id).onsubmit = (event) => (event.preventDefault(), act()));
	$("file").onchange = () => {
		const [file] = $("file").files;
		if (file && info) begin({ file });
		$("file").value = ""; // it may be chosen again
	};
	$("another").onclick = () => (leave(), $("start-title").focus());
	$("cancel").onclick = () => ($("another").onclick(), say("Cancelled."));
	$("describe").onclick = () => tell("describe", "captions?", showCaptions);
	$("classify").onclick = () => tell("classify", "actions?", showActions);
	$("follow").onclick = () => stream();
	$("at").oninput = () => go(+$("at").value);
	$("run").onchange = chooseRun;
	player.onplay = player.onseeked = player.ontimeupdate = follows;
	player.onerror = unplayable;
	$("previous").onclick = () => find({ ...search, page: search.page - 1 });
	$("next").onclick = () => find({ ...search, page: search.page + 1 });
	$("moment-close").onclick = () => $("moment").close();
	$("moment").onclose = () => $("moment-player").pause();
	submit("ask", () => ask($("question").value));
	submit("search", () => find({ q: $("query").value.trim(), page: 1 }));
	submit("rerank", rerank);
	submit("export", exportHits);
	addEventListener("keydown", pressed);
	addEventListener("hashchange", show);
	const drop = (type, act) => addEventListener(type, (event) => {
		if (!event.dataTransfer?.types.includes("Files")) return;
		event.preventDefault();
		hide(act(event), "dropping");
	});
	drop("dragover", () => false);
	drop("dragleave", (event) => !event.relatedTarget);
	drop("drop", ({ dataTransfer: { files: [file] } }) => {
		location.hash = "#video";
		if (file && info) begin({ file });
		return true;
	});
}

async function restore() {
	recent = kept("recent") ?? [];
	showRecent();
	const old = kept("video");
	if (!old) return;
	try {
		video = await call(`videos/${old}`);
		ready = follow(video, flow.signal);
		await ready;
	} catch (error) {
		leave();
		report(error);
	}
}

async function start() {
	try {
		info = await call("info");
		showInfo(info, (await call("examples")).examples);
	} catch (error) {
		return report(error, start);
	}
	show();
	await restore();
	show();
}

listen();
start();
