/** Rows of a log: what of a run's events is one line, and how a line grows. Pure. */
import { categoryOf, describe, levelOf } from "./event_log_text.js";

const MESSAGE = new Set(["message_started", "message_delta", "message_completed", "reasoning_delta"]);
const ENDS = new Set(["run_completed", "run_failed", "run_stopped", "run_timed_out"]);
const OPEN = new Set(["stage_changed", "tool_called", "run_waiting", "child_started"]); // over when another event says so

/** Part of a line that another event began. */
export const FOLDED = new Set(["message_delta", "message_completed", "reasoning_delta", "tool_returned", "usage_recorded"]);

let keys = 0;

function makeRow(event) {
  const [tag, text] = describe(event);
  const { type, payload, ts } = event;
  const isMessage = MESSAGE.has(type);
  const row = {
    key: ++keys, version: 0, from: event.seq, to: event.seq, ts, end: ts, gap: 0, type, payload, tag, text,
    category: categoryOf(type), level: levelOf(event), repeats: 1,
    duration: payload.milliseconds ?? 0,
    tokens: type === "message_delta" ? payload.tokens : type === "usage_recorded" ? payload.tokens_out : 0,
    stream: isMessage ? payload.message_id : "",
    isDone: type === "message_completed" || !(isMessage || OPEN.has(type)),
    owner: null, // the row that this one is a part of, and is shown in
    hay: "",
    events: [event], // all that the row stands for
  };
  if (type === "message_started") row.model = payload.model;
  if (type === "message_completed") row.reason = payload.finish_reason;
  if (type === "reasoning_delta") Object.assign(row, { text: "", reasoning: payload.text, tag: "REASONING" });
  return row;
}

const joins = (row, event) => row !== undefined && !row.isDone && row.to + 1 === event.seq && MESSAGE.has(event.type) && row.stream === event.payload.message_id;

/** Let the text of a message grow in its row. */
function grow(row, event) {
  const { type, payload, ts } = event;
  if (type === "message_completed") {
    row.text = payload.text || row.text;
    row.isDone = true;
    row.reason = payload.finish_reason;
  } else if (type === "reasoning_delta") row.reasoning = (row.reasoning ?? "") + payload.text;
  else {
    row.text += payload.text ?? "";
    row.tokens += payload.tokens ?? 0;
    row.firstTs ||= ts;
  }
  if (type !== "reasoning_delta") Object.assign(row, { type, payload });
  row.tag = row.text || row.isDone ? "MESSAGE" : row.reasoning ? "REASONING" : row.tag;
  row.level = Math.max(row.level, levelOf(event));
  row.to = event.seq;
  row.end = ts;
  row.events.push(event);
  row.duration = ts - row.ts;
  touch(row);
}

export function touch(row) {
  row.hay = "";
  row.version += 1;
}

/** Makes rows of events that follow on each other, and remembers what is open between them. */
export class RowMaker {
  constructor() {
    this.stage = null;
    this.person = null;
    this.child = null;
    this.message = null; // the newest call of a model
    this.calls = new Map(); // tool_call_id → row
  }

  /** Take an event: true when it became part of `last`, else the row that it begins. */
  take(event, last) {
    if (joins(last, event)) {
      grow(last, event);
      return true;
    }
    const row = makeRow(event);
    if (last && last.to + 1 === row.from) row.gap = row.ts - last.end;
    this.#link(row);
    return row;
  }

  /** Go on from rows that others made. */
  adopt(rows) {
    for (const row of rows) if (!row.owner) this.#link(row, true);
  }

  #link(row, isKnown = false) {
    const { type, payload } = row;
    if (row.stream && row.tag !== "USER") this.message = row;
    if (type === "stage_changed" || ENDS.has(type)) this.stage = this.#over("stage", row, isKnown);
    if (type === "run_waiting" || type === "run_resumed" || ENDS.has(type)) this.person = this.#over("person", row, isKnown);
    if (type === "child_started" || type === "child_completed" || ENDS.has(type)) this.child = this.#over("child", row, isKnown);
    if (type === "tool_called") this.calls.set(payload.tool_call_id, row);
    if (type === "child_started") Object.assign(this.calls.get(payload.tool_call_id) ?? {}, { hasWaited: true });
    if (type === "attempt_started" || ENDS.has(type)) this.#cut(row.ts);
    if (type === "tool_returned") this.#return(row);
    if (type === "usage_recorded" && this.message?.isDone && !this.message.usage) {
      this.message.usage = payload;
      this.message.tokens = payload.tokens_out;
      this.#give(row, this.message);
      this.message = null;
    }
  }

  /** A stage lasts until the next one, a question until it is answered, a child until it has ended, all at most until the end of the run. */
  #over(name, row, isKnown) {
    const open = this[name];
    if (open && !isKnown) {
      Object.assign(open, { duration: row.ts - open.ts, isDone: true });
      touch(open);
    }
    return row.isDone ? null : row;
  }

  #return(row) {
    const { tool_call_id: id, is_error: isError, milliseconds } = row.payload;
    const call = this.calls.get(id);
    if (!call) return;
    this.calls.delete(id);
    Object.assign(call, { outcome: row.payload, isDone: true, isFailed: isError === true, duration: (!call.hasWaited && milliseconds) || row.ts - call.ts });
    this.#give(row, call);
  }

  #cut(ts) {
    for (const call of this.calls.values()) {
      Object.assign(call, { isDone: true, isCut: true, duration: ts - call.ts });
      touch(call);
    }
    this.calls.clear();
  }

  #give(row, owner) {
    row.owner = owner;
    touch(owner);
  }
}

/** Rows of a stretch of events; neighbours in `seq` that belong to one message share a row. */
export function toRows(events, maker = new RowMaker()) {
  const rows = [];
  for (const event of events) {
    const row = maker.take(event, rows.at(-1));
    if (row !== true) rows.push(row);
  }
  return rows;
}

/** Where found events are shown: neighbours in `seq` share a row, and all of one message count once. */
export function placesOf(events) {
  const seen = new Set();
  return toRows(events).filter((row) => !row.owner && (!row.stream || (!seen.has(row.stream) && seen.add(row.stream)))).map((row) => row.from);
}
