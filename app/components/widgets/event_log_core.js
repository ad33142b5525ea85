/**
 * The log of one run as a browser holds it: a window of rows, what passes the filter, and what a search found.
 * Pure. Adding an event costs the same however long the log is; only a change of filter or search looks at all rows.
 */
import { FOLDED, RowMaker, toRows } from "./event_log_rows.js";
import { CATEGORIES, LEVELS, categoryOf, levelOf } from "./event_log_text.js";
import { Volume } from "./run_volume.js";

const BASE = 10_000_000; // Virtuoso's index of the first row; smaller ones are for older pages.
const RECENT = 1000;

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

/** What a search looks through in a row: what is shown of it, and the data of the events that it stands for. */
function hayOf(row) {
  const payloads = [row.payload, ...(row.outcome ? [row.outcome] : []), ...(row.usage ? [row.usage] : [])];
  const data = row.stream ? textsOf(row.events[0]?.payload.call?.messages) : payloads.flatMap((payload) => [...textsOf(payload), JSON.stringify(payload)]);
  return [`${row.tag} ${row.text}`, row.reasoning ?? "", ...data].join("\n");
}

const NOTHING_FILTERED = { categories: new Set(), level: 0, since: 0, until: 0, hasRepeats: true };

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
    this.filter = NOTHING_FILTERED;
    this.pattern = null;
    this.recent = [];
    this.countedTo = 0;
    this.counts = emptyCounts();
    this.volume = new Volume();
    this.reset([]);
  }

  get first() { return this.rows[0]?.from ?? 0; }
  get last() { return this.rows.at(-1)?.to ?? 0; }
  /** The events of the window that follow `seq`, which are one stretch. */
  eventsAfter(seq) {
    return this.rows.slice(indexOfSeq(this.rows, seq + 1)).flatMap((row) => row.events).filter((event) => event.seq > seq);
  }
  get isFiltered() {
    const { categories, level, since, until } = this.filter;
    return categories.size > 0 || level > 0 || since > 0 || until > 0;
  }

  /** Events that the window stands for. */
  get size() { return this.rows.length ? this.last - this.first + 1 : 0; }
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

  /** Start from what the server counted up to `seq`, by type and by time; later events are counted as they come. */
  startCounts(byType, seq, strip = []) {
    this.countedTo = seq;
    this.counts = emptyCounts();
    this.volume = new Volume();
    for (const { since, until, level, count } of strip) this.volume.spread(since, until, Math.max(0, LEVELS.indexOf(level)), count);
    for (const [type, n] of Object.entries(byType)) {
      if (FOLDED.has(type)) continue;
      this.counts.categories[categoryOf(type)] += n;
      this.counts.levels[levelOf({ type, payload: {} })] += n;
    }
    // Lines that came while the server counted.
    for (let at = indexOfSeq(this.rows, seq + 1); at < this.rows.length; at += 1) {
      const { from, ts, type, category, level } = this.rows[at];
      if (from <= seq || FOLDED.has(type)) continue;
      this.counts.categories[category] += 1;
      this.counts.levels[level] += 1;
      this.volume.add(ts, level);
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
    if (this.size > this.limit + this.slack) this.#trimEnd();
    return shown;
  }

  /** Hold another stretch of the run. */
  reset(events) {
    this.maker = new RowMaker();
    this.rows = toRows(events, this.maker);
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
    const row = this.maker.take(event, last);
    if (row === true) {
      if (this.pattern && this.visible.at(-1) === last && this.matches.at(-1) !== last && this.#isFound(last)) this.matches.push(last);
      return;
    }
    this.rows.push(row);
    if (this.#passes(row) && !this.#repeats(row, this.visible.at(-1))) {
      this.visible.push(row);
      if (this.pattern && this.#isFound(row)) this.matches.push(row);
    }
    if (this.size > this.limit + this.slack) this.#trimStart();
  }

  #count(event) {
    const { type, seq, ts } = event;
    if (seq <= this.countedTo || FOLDED.has(type)) return;
    const level = levelOf(event);
    this.counts.categories[categoryOf(type)] += 1;
    this.counts.levels[level] += 1;
    this.volume.add(ts, level);
  }

  /** A page may end in the middle of a message whose rest is the first row of the window. */
  #mergeInto(row, fresh) {
    const before = fresh.at(-1);
    if (!row || before.isDone || !row.stream || before.stream !== row.stream || before.to + 1 !== row.from) return false;
    if (row.type !== "message_completed") row.text = before.text + row.text;
    if (before.reasoning) row.reasoning = before.reasoning + (row.reasoning ?? "");
    row.model ??= before.model;
    row.firstTs = before.firstTs || row.firstTs;
    row.events = before.events.concat(row.events);
    row.from = before.from;
    row.ts = before.ts;
    row.gap = before.gap;
    row.tokens += before.tokens;
    row.duration = row.end - row.ts;
    row.hay = "";
    row.version += 1;
    return true;
  }

  #show(rows) {
    const fresh = this.#withoutRepeats(rows);
    this.visible = fresh.concat(this.visible);
    this.base -= fresh.length;
    if (this.pattern) this.matches = fresh.filter((row) => this.#isFound(row)).concat(this.matches);
    return fresh.length;
  }

  #trimStart() {
    const kept = Math.min(this.rows.length - 1, indexOfSeq(this.rows, this.last - this.limit + 1));
    for (let at = 0; at < kept; at += 1) this.rows[at].isGone = true;
    this.rows = this.rows.slice(kept);
    const gone = indexOfSeq(this.visible, this.first);
    this.visible = this.visible.slice(gone);
    this.base += gone;
    this.matches = this.matches.slice(indexOfSeq(this.matches, this.first));
  }

  #trimEnd() {
    this.rows.length = Math.max(1, indexOfSeq(this.rows, this.first + this.limit));
    const last = this.last;
    while (this.visible.length && this.visible.at(-1).from > last) this.visible.pop();
    while (this.matches.length && this.matches.at(-1).from > last) this.matches.pop();
    this.maker = new RowMaker(); // what comes next does not follow on the window
  }

  #rebuild() {
    this.base = BASE;
    this.epoch = (this.epoch ?? 0) + 1;
    for (const row of this.rows) row.repeats = 1;
    this.visible = this.#withoutRepeats(this.rows.filter((row) => this.#passes(row)));
    this.setPattern(this.pattern);
  }

  #withoutRepeats(rows) {
    if (this.filter.hasRepeats) return rows;
    let last;
    return rows.filter((row) => !this.#repeats(row, last) && (last = row));
  }

  /** Whether a line says the same as the one before, which then counts it. */
  #repeats(row, last) {
    if (this.filter.hasRepeats || !last || last.tag !== row.tag || last.text !== row.text || row.stream || !row.isDone) return false;
    last.repeats += 1;
    last.version += 1;
    return true;
  }

  #passes(row) {
    if (row.owner && !row.owner.isGone && this.#passes(row.owner)) return false; // shown there
    const { categories, level, since, until } = this.filter;
    return row.level >= level && (categories.size === 0 || categories.has(row.category))
      && (!since || row.end >= since) && (!until || row.ts <= until);
  }

  /** Index of the line that shows event `seq`, or of the first after it. */
  indexOf(seq) {
    const row = this.rows[indexOfSeq(this.rows, seq)];
    const shown = row?.owner && row.from <= seq && this.visible[indexOfSeq(this.visible, row.owner.from)] === row.owner ? row.owner.from : seq;
    return indexOfSeq(this.visible, shown);
  }

  #isFound(row) {
    row.hay ||= hayOf(row);
    return this.#has(row.hay) || this.#has(row.text);
  }

  #has(text) {
    this.pattern.lastIndex = 0;
    return this.pattern.test(text);
  }
}
