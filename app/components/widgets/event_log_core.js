/**
 * The log of one run as a browser holds it: a window of rows, what passes the filter, and what a search found.
 * Pure. Adding an event costs the same however long the log is; only a change of filter or search looks at all rows.
 */
import { CATEGORIES, LEVELS, categoryOf, describe, levelOf } from "./event_log_text.js";

const BASE = 10_000_000; // Virtuoso's index of the first row; smaller ones are for older pages.
const MESSAGE = { message_started: "message", message_delta: "message", message_completed: "message", reasoning_delta: "reasoning" };
const RECENT = 1000;
const ENDS = new Set(["run_completed", "run_failed", "run_stopped", "run_timed_out"]);
const FOLDED = new Set(["message_delta", "message_completed", "reasoning_delta"]); // part of a line that another event began

let keys = 0;

function makeRow(event) {
  const [tag, text] = describe(event);
  const { type, payload, ts } = event;
  return {
    key: ++keys, version: 0, from: event.seq, to: event.seq, ts, end: ts, gap: 0, type, payload, tag, text,
    category: categoryOf(type), level: levelOf(event),
    duration: payload.milliseconds ?? 0,
    tokens: type === "message_delta" ? payload.tokens : type === "usage_recorded" ? payload.tokens_out : 0,
    stream: MESSAGE[type] ? `${MESSAGE[type]}:${payload.message_id}` : "",
    isDone: type === "message_completed" || !(MESSAGE[type] || type === "stage_changed"),
    hay: "",
  };
}

const joins = (row, event) =>
  row !== undefined && !row.isDone && row.to + 1 === event.seq
  && row.stream === `${MESSAGE[event.type]}:${event.payload.message_id}`;

/** Let the text of a message grow in its row. */
function grow(row, event) {
  const { type, payload } = event;
  if (type === "message_completed") {
    row.text = payload.text || row.text;
    row.isDone = true;
  } else {
    row.text += payload.text ?? "";
    row.tokens += payload.tokens ?? 0;
  }
  row.type = type;
  row.payload = payload;
  row.to = event.seq;
  row.end = event.ts;
  row.duration = row.end - row.ts;
  row.hay = "";
  row.version += 1;
}

/** A stage lasts until the next one, or the end of the run. Returns the stage that is open after `row`. */
function closeStage(stage, row) {
  if (row.type !== "stage_changed" && !ENDS.has(row.type)) return stage;
  if (stage) {
    stage.duration = row.ts - stage.ts;
    stage.isDone = true;
    stage.version += 1;
  }
  return row.type === "stage_changed" ? row : null;
}

/** Rows of a stretch of events; neighbours in `seq` that belong to one message share a row. */
export function toRows(events) {
  const rows = [];
  let stage = null;
  for (const event of events) {
    const last = rows.at(-1);
    if (joins(last, event)) grow(last, event);
    else {
      const row = makeRow(event);
      if (last?.to + 1 === row.from) row.gap = row.ts - last.end;
      stage = closeStage(stage, row);
      rows.push(row);
    }
  }
  return rows;
}

/** Where found events are shown: neighbours in `seq` share a row, and all of one message count once. */
export function placesOf(events) {
  const seen = new Set();
  return toRows(events).filter(({ stream }) => !stream || (!seen.has(stream) && seen.add(stream))).map((row) => row.from);
}

/** Test for a text in rows, as the server searches them; throws SyntaxError on a bad pattern. */
export function toPattern({ text, isRegex, isCase }) {
  if (!text) return null;
  const source = isRegex ? text : text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(source, `gm${isCase ? "" : "i"}`);
}

/** Each text in a payload, in lines of its own, as `lines_of` of app/backend/runs/search.py. */
function textsOf(value) {
  if (typeof value === "string") return [value];
  return value && typeof value === "object" ? Object.values(value).flatMap(textsOf) : [];
}

/** `text` cut at what `pattern` finds: [words, isFound] pairs. */
export function highlight(text, pattern, most = 200) {
  if (!pattern) return [[text, false]];
  const parts = [];
  let at = 0;
  pattern.lastIndex = 0; // where a test of another row may have left it
  for (const match of text.matchAll(pattern)) {
    if (!match[0] || parts.length >= most) break;
    if (match.index > at) parts.push([text.slice(at, match.index), false]);
    parts.push([match[0], true]);
    at = match.index + match[0].length;
  }
  if (at < text.length) parts.push([text.slice(at), false]);
  return parts;
}

/** First index in `rows`, which rise by `from`, whose row ends at or after `seq`. */
export function indexOfSeq(rows, seq) {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle].to < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

const emptyCounts = () => ({ categories: Object.fromEntries(CATEGORIES.map((name) => [name, 0])), levels: LEVELS.map(() => 0) });

export class EventLog {
  constructor({ limit = 20_000 } = {}) {
    this.limit = limit;
    this.slack = Math.max(1, Math.ceil(limit / 20)); // trimmed in strides, so that trimming costs O(1) an event
    this.head = null; // newest seq that is known
    this.liveFrom = 0; // newest seq when the log was opened
    this.added = 0; // lines that came since
    this.filter = { categories: new Set(), level: 0 };
    this.pattern = null;
    this.recent = [];
    this.countedTo = 0;
    this.counts = emptyCounts();
    this.reset([]);
  }

  get first() { return this.rows[0]?.from ?? 0; }
  get last() { return this.rows.at(-1)?.to ?? 0; }
  get isFiltered() { return this.filter.categories.size > 0 || this.filter.level > 0; }
  /** Whether the newest line is in the window, so that live ones can be appended. */
  get isAttached() { return !this.rows.length || this.last === this.head; }
  /** Where the next older page ends. */
  get oldest() { return this.isFiltered ? this.visible[0]?.from ?? this.first : this.first; }

  /** Add a live stretch: known events are dropped. Returns false on a hole, when nothing after it was taken. */
  push(events) {
    this.head ??= events.length ? events[0].seq - 1 : null;
    for (const event of events) {
      if (event.seq <= this.head) continue;
      if (event.seq !== this.head + 1) return false;
      const isAttached = this.isAttached;
      this.head = event.seq;
      this.#count(event);
      if (event.seq > this.liveFrom && !FOLDED.has(event.type)) this.added += 1;
      if (isAttached) this.#append(event);
      else this.#remember(event);
    }
    return true;
  }

  /** Start from what the server counted up to `seq`; later events are counted as they come. */
  startCounts(byType, seq) {
    this.countedTo = seq;
    this.counts = emptyCounts();
    for (const [type, n] of Object.entries(byType)) {
      if (FOLDED.has(type)) continue;
      this.counts.categories[categoryOf(type)] += n;
      this.counts.levels[levelOf({ type, payload: {} })] += n;
    }
    // Lines that came while the server counted.
    for (let at = indexOfSeq(this.rows, seq + 1); at < this.rows.length; at += 1) {
      const { from, category, level } = this.rows[at];
      if (from <= seq) continue;
      this.counts.categories[category] += 1;
      this.counts.levels[level] += 1;
    }
  }

  /** Add the page after the window, when the newest lines are not in it. */
  append(events) {
    for (const event of events) if (event.seq === this.last + 1) this.#append(event);
    for (const event of this.recent) if (event.seq === this.last + 1) this.#append(event);
    this.head = Math.max(this.head ?? 0, this.last);
  }

  /** Live events that the window has no place for: the newest page, fetched meanwhile, may end before them. */
  #remember(event) {
    this.recent.push(event);
    if (this.recent.length > 2 * RECENT) this.recent = this.recent.slice(-RECENT);
  }

  /** Add the page before the window; with a filter, a page of what the server found to pass it. */
  prepend(events) {
    const fresh = toRows(events.filter((event) => event.seq < this.oldest));
    if (!fresh.length) return 0;
    if (this.isFiltered) return this.#show(fresh.filter((row) => this.#passes(row)));
    const merged = this.#mergeInto(this.rows[0], fresh);
    if (merged) fresh.pop();
    else if (fresh.at(-1).to + 1 === this.first) this.rows[0].gap = this.rows[0].ts - fresh.at(-1).end;
    this.rows = fresh.concat(this.rows);
    const shown = this.#show(fresh);
    if (this.rows.length > this.limit + this.slack) this.#trimEnd();
    return shown;
  }

  /** Hold another stretch of the run. */
  reset(events) {
    this.rows = toRows(events);
    this.stage = this.rows.findLast((row) => row.type === "stage_changed") ?? null;
    this.head = events.length ? Math.max(this.head ?? 0, this.last) : this.head;
    this.#rebuild();
  }

  setFilter(filter) {
    this.filter = filter;
    this.#rebuild();
  }

  setPattern(pattern) {
    this.pattern = pattern;
    this.matches = pattern ? this.visible.filter((row) => this.#isFound(row)) : [];
  }

  #append(event) {
    const last = this.rows.at(-1);
    if (joins(last, event)) {
      grow(last, event);
      if (this.pattern && this.visible.at(-1) === last && this.matches.at(-1) !== last && this.#isFound(last)) this.matches.push(last);
      return;
    }
    const row = makeRow(event);
    if (last) row.gap = row.ts - last.end;
    this.stage = closeStage(this.stage, row);
    this.rows.push(row);
    if (this.#passes(row)) {
      this.visible.push(row);
      if (this.pattern && this.#isFound(row)) this.matches.push(row);
    }
    if (this.rows.length > this.limit + this.slack) this.#trimStart();
  }

  #count({ type, payload, seq }) {
    if (seq <= this.countedTo || FOLDED.has(type)) return;
    this.counts.categories[categoryOf(type)] += 1;
    this.counts.levels[levelOf({ type, payload })] += 1;
  }

  /** A page may end in the middle of a message whose rest is the first row of the window. */
  #mergeInto(row, fresh) {
    const before = fresh.at(-1);
    if (!row || before.isDone || !row.stream || before.stream !== row.stream || before.to + 1 !== row.from) return false;
    if (row.type !== "message_completed") row.text = before.text + row.text;
    row.from = before.from;
    row.ts = before.ts;
    row.gap = before.gap;
    row.tokens += before.tokens;
    row.duration = row.end - row.ts;
    row.hay = "";
    row.version += 1;
    return true;
  }

  #show(fresh) {
    this.visible = fresh.concat(this.visible);
    this.base -= fresh.length;
    if (this.pattern) this.matches = fresh.filter((row) => this.#isFound(row)).concat(this.matches);
    return fresh.length;
  }

  #trimStart() {
    this.rows = this.rows.slice(this.rows.length - this.limit);
    const gone = indexOfSeq(this.visible, this.first);
    this.visible = this.visible.slice(gone);
    this.base += gone;
    this.matches = this.matches.slice(indexOfSeq(this.matches, this.first));
  }

  #trimEnd() {
    this.rows.length = this.limit;
    const last = this.last;
    while (this.visible.length && this.visible.at(-1).from > last) this.visible.pop();
    while (this.matches.length && this.matches.at(-1).from > last) this.matches.pop();
  }

  #rebuild() {
    this.base = BASE;
    this.epoch = (this.epoch ?? 0) + 1;
    this.visible = this.rows.filter((row) => this.#passes(row));
    this.setPattern(this.pattern);
  }

  #passes(row) {
    const { categories, level } = this.filter;
    return row.level >= level && (categories.size === 0 || categories.has(row.category));
  }

  #isFound(row) {
    row.hay ||= [`${row.tag} ${row.text}`, ...(row.stream ? [] : [...textsOf(row.payload), JSON.stringify(row.payload)])].join("\n");
    return this.#has(row.hay) || this.#has(row.text);
  }

  #has(text) {
    this.pattern.lastIndex = 0;
    return this.pattern.test(text);
  }
}
