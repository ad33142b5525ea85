/** How an event of a run reads as a line: its category, level, tag and words. Pure. */

export const CATEGORIES = ["llm", "tool", "retrieval", "human", "system", "error", "output"];
export const LEVELS = ["debug", "info", "warning", "error"];

const CATEGORY_OF = {
  message_started: "llm", message_delta: "llm", message_completed: "llm", reasoning_delta: "llm", usage_recorded: "llm",
  tool_called: "tool", tool_returned: "tool", middleware_acted: "tool", child_started: "tool", child_completed: "tool",
  retrieved: "retrieval",
  run_waiting: "human", run_resumed: "human",
  run_queued: "system", queue_position: "system", run_started: "system", attempt_started: "system",
  stage_changed: "system", step: "system", log: "system", retry_scheduled: "system", fallback_asked: "system", budget_noticed: "system", run_stopped: "system",
  run_failed: "error", run_timed_out: "error",
  run_completed: "output",
};
const LEVEL_OF = {
  message_delta: "debug", reasoning_delta: "debug",
  run_waiting: "warning", run_stopped: "warning", attempt_started: "warning", retry_scheduled: "warning", fallback_asked: "warning", budget_noticed: "warning",
  run_failed: "error", run_timed_out: "error",
};

/** What a limit that ended a run is called; `code` says which one it was. */
export const limitWord = (code) => ({ OVER_BUDGET: "Over budget", OUT_OF_TIME: "Timed out" })[code] ?? "Limit reached";

export const categoryOf = (type) => CATEGORY_OF[type] ?? "system";

/** The event types of some categories: what a server is asked for. */
export const typesOf = (categories) =>
  Object.keys(CATEGORY_OF).filter((type) => categories.has(CATEGORY_OF[type]));

/** Rank of an event's level; the text that streams counts as `info`, like the message it becomes. */
export function levelOf({ type, payload }) {
  if (type === "log" || type === "middleware_acted") return Math.max(0, LEVELS.indexOf(payload.level ?? "info"));
  if (type === "tool_returned" && payload.is_error) return 3;
  if (type === "child_completed" && payload.status !== "completed") return 2;
  if (type === "message_delta") return 1;
  return LEVELS.indexOf(LEVEL_OF[type] ?? "info");
}

/** A whole number with commas; the browser's own way takes 20 ms the first time. */
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

export const count = (n, noun) => `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
export const brief = (value, most = 120) => {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "";
  return text.length > most ? `${text.slice(0, most)}…` : text;
};

/** Tokens a second of a model call, or 0 when there is nothing to divide. */
export function speedOf({ tokens_out: tokens, milliseconds, first_token_milliseconds: first }) {
  const seconds = (milliseconds - first) / 1000;
  return tokens > 1 && seconds > 0 ? (tokens - 1) / seconds : 0;
}

function describeRetrieval({ passages, query }) {
  if (!passages.length) return `Found no passage for “${brief(query)}”`;
  const names = [...new Set(passages.map((passage) => passage.document_name))].join(", ");
  const best = Math.max(...passages.map((passage) => passage.score));
  return `Found ${count(passages.length, "passage")} in ${brief(names)}, best score ${best.toFixed(2)}`;
}

/** A cost in millionths of a dollar. */
export function formatMoney(micros) {
  if (!micros) return "$0";
  if (micros < 100) return "<$0.0001";
  const digits = micros < 1_000_000 ? 4 : 2;
  const [whole, rest] = (micros / 1_000_000).toFixed(digits).split(".");
  return `$${grouped(whole)}.${rest}`;
}

/** How much of its context window a model's call took, in percent; 0 when the window is not known. */
export const windowPercent = ({ tokens_in: tokens, window: size }) => (size ? Math.floor((tokens * 100) / size) : 0);

/** The cost of the calls so far with that of one more; where a price is not known, it is the least. */
export const addedCost = ({ micros, isLeast, isEstimated } = { micros: 0, isLeast: false, isEstimated: false }, call) => ({
  micros: micros + (call.cost_micros ?? 0),
  isLeast: isLeast || call.cost_micros == null,
  isEstimated: isEstimated || Boolean(call.is_estimated),
});

function describeUsage(payload) {
  const speed = speedOf(payload);
  const first = formatDuration(payload.first_token_milliseconds);
  return [
    `${payload.model}: ${count(payload.tokens_in, "token")} in, ${grouped(payload.tokens_out)} out`,
    speed ? `${speed.toFixed(1)} tokens/s` : "",
    payload.tokens_out ? `first token after ${first}` : "",
    payload.is_estimated ? "estimated" : "",
    payload.cost_micros == null ? "" : formatMoney(payload.cost_micros),
    payload.window ? `${windowPercent(payload)} % of the window` : "",
    (payload.outcome ?? "completed") === "completed" ? "" : payload.outcome,
  ].filter(Boolean).join(", ");
}

function describeChild({ agent_name: name, status, tokens_in: tokensIn, tokens_out: tokensOut, milliseconds }) {
  return `run of ${name} ${status.replace("_", " ")} after ${formatDuration(milliseconds)}, ${count(tokensIn + tokensOut, "token")}`;
}

// As `is_markdown` of app/backend/knowledge/excerpts.py.
const MARKDOWN = /\.(md|markdown|docx|html?)$/i;
export const isMarkdown = (name) => MARKDOWN.test(name);

/** Where a passage is from: `[1] manual.md, page 3, score 0.83`. */
export const placeOf = ({ n, document_name, page, score }) =>
  `[${n}] ${document_name}${page ? `, page ${page}` : ""}, score ${score.toFixed(2)}`;

const DESCRIBE = {
  run_queued: () => ["PROGRESS", "queued: waiting for a worker"],
  queue_position: (p) => ["PROGRESS", p.position ? `queued: ${p.position} before this run at ${p.part}` : `queued: next at ${p.part}`],
  run_started: (p) => ["Started", `${p.agent_name} with ${p.model || "no model"}`],
  attempt_started: (p) => ["PROGRESS", `Tried again (${p.attempt} of ${p.attempts_max}): ${p.reason}`],
  stage_changed: (p) => ["PROGRESS", `${p.stage}: ${p.message}`],
  middleware_acted: (p) => ["STEP", `${p.name}, ${p.phase ?? "before"} the model: ${p.message} (${p.milliseconds.toFixed(1)} ms)`],
  step: (p) => ["STEP", p.content],
  message_started: () => ["MESSAGE", ""],
  message_delta: (p) => ["MESSAGE", p.text],
  message_completed: (p) => ["MESSAGE", p.text],
  reasoning_delta: (p) => ["REASONING", p.text],
  tool_called: (p) => ["STEP", `${p.name} ${brief(p.args)}`],
  tool_returned: (p) => ["STEP", `${p.name} ${outcomeOf(p)}`],
  retrieved: (p) => ["STEP", describeRetrieval(p)],
  log: (p) => ["STEP", p.message],
  retry_scheduled: (p) => ["STEP", `${p.what}: attempt ${p.attempt}/${p.attempts_max} in ${formatDuration(p.seconds * 1000)}: ${p.reason}`],
  fallback_asked: (p) => ["STEP", `${p.model} is asked in the place of ${p.instead_of}: ${p.reason}`],
  usage_recorded: (p) => ["STEP", describeUsage(p)],
  budget_noticed: (p) => ["STEP", p.message],
  run_waiting: (p) => ["PROGRESS", `waiting: ${p.question}`],
  run_resumed: (p) => ["PROGRESS", p.label ? `answered: ${brief(p.label)}` : "answered"],
  child_started: (p) => ["STEP", `asks ${p.agent_name}: ${brief(p.question)}`],
  child_completed: (p) => ["STEP", describeChild(p)],
  run_completed: (p) => ["Completed", p.output?.answer ?? ""],
  run_failed: (p) => ["Error", p.error],
  run_stopped: (p) => ["Stopped", p.text ? `after ${count(p.text.length, "character")} of answer, which are kept` : "before the first word"],
  run_timed_out: (p) => ["Error", p.reason],
};

/** Tag and words of an event. */
export function describe({ type, payload }) {
  return DESCRIBE[type]?.(payload) ?? ["STEP", `${type} ${brief(payload)}`];
}

/** `PROGRESS`, `MESSAGE` and `STEP` stand in brackets, the ends of a run are words. */
export const bracketed = (tag) => (tag === tag.toUpperCase() ? `[${tag}]` : tag);

export const formatDuration = (milliseconds) => {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)}m ${String(seconds % 60).padStart(2, "0")}s`
    : `${Math.floor(seconds / 3600)}h ${String(Math.floor(seconds / 60) % 60).padStart(2, "0")}m`;
};

/** Time of a line: `relative` to the start of the run, on the `clock`, or as `iso`. */
export function formatTime(ts, mode, startedTs) {
  const date = new Date(ts);
  if (mode === "iso") return date.toISOString();
  if (mode === "clock") {
    const pad = (n, size = 2) => String(n).padStart(size, "0");
    return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
  }
  const tenths = Math.max(0, Math.round((ts - startedTs) / 100));
  const hours = Math.floor(tenths / 36_000);
  const minutes = String(Math.floor(tenths / 600) % 60).padStart(2, "0");
  const seconds = String(Math.floor(tenths / 10) % 60).padStart(2, "0");
  return `+${hours ? `${hours}:` : ""}${minutes}:${seconds}.${tenths % 10}`;
}

/** How a call of a tool ended, in words. */
export const outcomeOf = ({ is_error: isError, result }) => `${isError ? "failed" : "returned"} ${brief(result)}`;

/** What stands for a message without words. */
const wordless = ({ payload, reason }) => (payload.tools_called?.length ? `(calls ${payload.tools_called.join(", ")})` : reason === "tool_calls" ? "(asks for tools)" : "(no text)");

/** What a line says; a call of a model without text says whom it asks, or what it ended with. */
export function saidOf(row) {
  if (row.text || !row.stream) return row.text;
  if (row.isDone) return wordless(row);
  return row.reasoning || (row.model ? `asks ${row.model}` : "");
}

/** A row as plain text, for the clipboard. */
export const lineOf = (row) =>
  `${new Date(row.ts).toISOString()} ${bracketed(row.tag)} ${saidOf(row)}${row.outcome ? ` ${outcomeOf(row.outcome)}` : ""}`.trimEnd();

/** A text that is JSON, in lines that can be read; any other as it is. */
export function prettyOf(text) {
  if (!/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The argument that says most about a call: its first short text, or what comes first. */
export function mainArgument(args) {
  const values = Object.values(args ?? {});
  const chosen = values.find((value) => typeof value === "string" && value) ?? values[0];
  return chosen === undefined ? "" : brief(chosen, 60);
}

/** The run that a line is about and that the run of the log started. */
export const childOfRow = ({ type, payload, outcome }) => (type === "child_started" || type === "child_completed" ? payload.run_id : childOf(outcome?.result));

/** The run that a tool started, if it did. */
export const childOf = (result) => (result && typeof result === "object" && typeof result.run_id === "string" ? result.run_id : "");

/** Bytes as people read them. */
export function formatSize(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

const OPEN_DEPTH = 2; // levels of data that are open at first
const WORD = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/** Whether a value of some data has values of its own. */
export const isBranch = (value) => value !== null && typeof value === "object";

/** Where a value is: `passages[0].text`, and in brackets what is no word. */
export const pathOf = (keys) => keys.map((key, at) => {
  if (typeof key === "number") return `[${key}]`;
  return WORD.test(key) ? `${at ? "." : ""}${key}` : `[${JSON.stringify(key)}]`;
}).join("");

/** A value for the clipboard: a text as it is, all else as JSON. */
export const valueText = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

/** What a tree of `data` shows, top to bottom; `toggled` are the paths that are not as they were at first. */
export function nodesOf(data, toggled, above = []) {
  const names = Array.isArray(data) ? data.map((_, index) => index) : Object.keys(data);
  return names.flatMap((name) => {
    const keys = [...above, name];
    const value = data[name];
    const path = pathOf(keys);
    const isOpen = isBranch(value) && (keys.length < OPEN_DEPTH) !== toggled.has(path);
    return [{ keys, path, value, isOpen }, ...(isOpen ? nodesOf(value, toggled, keys) : [])];
  });
}
