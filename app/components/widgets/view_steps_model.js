/** The events of a run as steps: what began, what it was part of, and when it was over. Pure; an event costs the same however many came before. */
import { brief, childOf, count, describe, formatDuration, grouped, levelOf, limitWord, mainArgument } from "./event_log_text.js";

/** Types of which a step is made; texts as they grow and lines of the log only add to one. */
export const STEP_TYPES = [
  "run_queued", "run_started", "attempt_started", "stage_changed", "middleware_acted", "step", "message_started", "message_completed",
  "retry_scheduled", "fallback_asked", "tool_called", "tool_returned", "retrieved", "usage_recorded", "budget_noticed", "run_waiting", "run_resumed", "child_started", "child_completed",
  "run_completed", "run_failed", "run_stopped", "run_timed_out",
];
const ENDS = { run_completed: "Completed", run_failed: "Failed", run_stopped: "Stopped" };
const QUIET = new Set(["queue_position", "run_started"]);
const SILENT_STAGES = new Set(["started", "completed"]);

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export class Steps {
  constructor() {
    this.roots = [];
    this.size = 0;
    this.startedTs = 0;
    this.endedTs = 0;
    this.end = null; // the event that ended the run
    this.attempt = null;
    this.stage = null;
    this.queue = null;
    this.person = null;
    this.call = null; // the newest call of a model
    this.messages = new Map();
    this.tools = new Map();
  }

  push(event) {
    this.startedTs ||= event.ts;
    const work = this[`on_${event.type}`];
    if (work) work.call(this, event, event.payload);
    else if (ENDS[event.type] || event.type === "run_timed_out") this.#finish(event);
    else if (!QUIET.has(event.type)) this.#add(event, { kind: "note", label: describe(event)[1] });
  }

  on_run_queued(event) {
    this.queue = this.#add(event, { kind: "queue", label: "In the queue", isOpen: true });
  }

  on_run_started(event, { agent_name: name, model, worker }) {
    this.#close("queue", event.ts);
    if (this.roots[0]) this.roots[0].detail ||= `then ${name} with ${model || "no model"}${worker ? ` on ${worker}` : ""}`;
  }

  on_attempt_started(event, { attempt, attempts_max: most, reason }) {
    this.#closeAll(event.ts, "lost");
    this.attempt = null;
    this.attempt = this.#add(event, { kind: "attempt", label: `Attempt ${attempt} of ${most}`, detail: reason, isOpen: true });
  }

  on_stage_changed(event, { stage, message }) {
    this.#close("stage", event.ts);
    if (!SILENT_STAGES.has(stage)) this.stage = this.#add(event, { kind: "stage", label: capital(stage), detail: message, isOpen: true });
  }

  on_retrieved(event, { passages, query, milliseconds }) {
    const found = `${passages.length} passage${passages.length === 1 ? "" : "s"}`;
    this.#add(event, { kind: "retrieval", label: `Searched for “${brief(query, 60)}”`, detail: found, start: event.ts - milliseconds });
  }

  on_message_started(event, { message_id: id, role, model }) {
    if (role !== "assistant") return;
    this.call = this.#add(event, { kind: "llm", label: model || "Answer", isOpen: true, model });
    this.messages.set(id, this.call);
  }

  on_message_delta(event, { message_id: id, tokens }) {
    const step = this.messages.get(id);
    if (!step) return;
    step.tokens += tokens;
    step.firstTs ||= event.ts;
    step.to = event.seq;
  }

  on_reasoning_delta(event, { message_id: id, text }) {
    const step = this.messages.get(id);
    if (step) step.reasoning = (step.reasoning ?? 0) + text.length;
  }

  on_message_completed(event, { message_id: id, text, finish_reason: reason }) {
    const step = this.messages.get(id);
    if (!step) return;
    this.#end(step, event);
    Object.assign(step, { reason, text });
    step.detail = brief(text, 80);
    this.messages.delete(id);
  }

  on_usage_recorded(event, usage) {
    const step = this.call;
    if (!step) return;
    Object.assign(step, { usage, tokens: usage.tokens_out, model: usage.model, label: usage.model });
    step.start = Math.min(step.start, event.ts - usage.milliseconds);
    if (usage.first_token_milliseconds < usage.milliseconds) step.firstTs = step.start + usage.first_token_milliseconds;
  }

  on_tool_called(event, { tool_call_id: id, name, args }) {
    const step = this.#add(event, { kind: "tool", label: name, detail: mainArgument(args), args, isOpen: true });
    this.tools.set(id, step);
  }

  on_tool_returned(event, { tool_call_id: id, name, result, is_error: isError, milliseconds }) {
    const step = this.tools.get(id) ?? this.#add(event, { kind: "tool", label: name, start: event.ts - milliseconds });
    this.#end(step, event);
    Object.assign(step, { isError: isError === true, result, child: step.child || childOf(result) });
    this.tools.delete(id);
  }

  on_child_started(event, { run_id: child, agent_name: name, tool_call_id: id }) {
    const step = this.tools.get(id) ?? this.#add(event, { kind: "tool", label: "run_agent" });
    Object.assign(step, { child, detail: name });
  }

  on_child_completed() {
    // The call of the tool says how it ended.
  }

  on_middleware_acted(event, { name, message, milliseconds }) {
    const level = levelOf(event);
    const label = `${name}: ${message}`;
    this.#add(event, { kind: "note", label, start: event.ts - milliseconds, isError: level === 3, isWarning: level > 1 });
  }

  on_step(event, { content }) {
    this.#add(event, { kind: "note", label: content });
  }

  on_log(event, { message }) {
    if (levelOf(event) > 1) this.#add(event, { kind: "note", label: message, isError: levelOf(event) === 3, isWarning: true });
    else if (this.#parent()) this.#parent().lines += 1;
  }

  on_retry_scheduled(event) {
    this.#add(event, { kind: "note", label: describe(event)[1], isWarning: true });
  }

  on_fallback_asked(event) {
    this.#add(event, { kind: "note", label: describe(event)[1], isWarning: true });
  }

  on_budget_noticed(event, { message }) {
    this.#add(event, { kind: "note", label: message, isWarning: true });
  }

  on_run_waiting(event, { question }) {
    this.person = this.#add(event, { kind: "human", label: "Waits for you", detail: question, isOpen: true });
  }

  on_run_resumed(event) {
    this.#close("person", event.ts);
  }

  #finish(event) {
    const { type, payload, ts } = event;
    this.#closeAll(ts, type === "run_completed" ? "" : "cut");
    this.attempt = null;
    this.endedTs = ts;
    this.end = event;
    this.#add(event, { kind: "end", label: ENDS[type] ?? limitWord(payload.code), detail: payload.error ?? payload.reason ?? "", isError: type === "run_failed" || type === "run_timed_out" });
  }

  #parent() {
    return this.stage ?? this.attempt;
  }

  #add({ seq, ts, type, payload }, given) {
    const step = {
      seq, to: seq, type, payload, detail: "", start: ts, end: given.isOpen ? 0 : ts, isOpen: false, isError: false, tokens: 0, lines: 0, children: [], ...given,
    };
    const parent = ["queue", "end", "attempt"].includes(step.kind) ? null : step.kind === "stage" ? this.attempt : this.#parent();
    (parent?.children ?? this.roots).push(step);
    this.size += 1;
    return step;
  }

  #end(step, { seq, ts }) {
    Object.assign(step, { isOpen: false, end: ts, to: seq });
  }

  #close(name, ts) {
    if (this[name]?.isOpen) Object.assign(this[name], { isOpen: false, end: ts });
    this[name] = null;
  }

  /** What was going on when an attempt or the run was over went no further. */
  #closeAll(ts, why) {
    for (const step of [...this.messages.values(), ...this.tools.values()]) Object.assign(step, { isOpen: false, end: ts, isCut: why !== "" });
    this.messages.clear();
    this.tools.clear();
    for (const name of ["stage", "queue", "person"]) {
      if (this[name] && why) this[name].isCut = true;
      this.#close(name, ts);
    }
    if (this.attempt?.isOpen) Object.assign(this.attempt, { isOpen: false, end: ts, isCut: why === "lost" });
  }
}

/** The steps that are seen, top to bottom, with how deep each lies; those in `folded` hide what is in them. */
export function flatten(steps, folded = new Set(), depth = 0, into = []) {
  for (const step of steps) {
    into.push({ step, depth });
    if (step.children.length && !folded.has(step.seq)) flatten(step.children, folded, depth + 1, into);
  }
  return into;
}

/** The innermost step that event `seq` belongs to. */
export function stepAt(steps, seq) {
  let found = null;
  if (seq) for (const { step } of flatten(steps)) if (step.seq <= seq && (step.seq === seq || seq <= step.to)) found = step;
  return found;
}

/** Steps that the run could not have been shorter without: the one that ended last, and before it the last that was over when it began. */
export function criticalPath(steps) {
  const leaves = flatten(steps).map(({ step }) => step).filter((step) => !step.children.length && step.end > step.start).sort((a, b) => b.end - a.end);
  const path = new Set();
  let until = Infinity;
  for (const step of leaves) {
    if (step.end > until + 1) continue;
    path.add(step.seq);
    until = step.start;
  }
  return path;
}

const sum = (steps, value) => steps.reduce((total, step) => total + (value(step) ?? 0), 0);

/** What a run did, in three lines at most: what it read, what it asked models, what it called. */
export function summaryOf({ roots, startedTs, endedTs }) {
  const steps = flatten(roots).map(({ step }) => step);
  const of = (kind) => steps.filter((step) => step.kind === kind);
  const [searches, calls, tools, people] = [of("retrieval"), of("llm").filter((step) => step.model), of("tool"), of("human")];
  const found = sum(searches, (step) => step.payload.passages.length);
  const names = [...Map.groupBy(tools, (step) => step.label)].map(([name, list]) => (list.length > 1 ? `${name} ×${list.length}` : name));
  const failed = tools.filter((step) => step.isError).length;
  const read = searches.length ? `Searched ${count(searches.length, "time")} and found ${count(found, "passage")}.` : "";
  const models = [...new Set(calls.map((step) => step.model))].join(", ");
  const tokens = `${grouped(sum(calls, (step) => step.usage?.tokens_in))} tokens in, ${grouped(sum(calls, (step) => step.tokens))} out`;
  const isEstimated = calls.some((step) => step.usage?.is_estimated);
  const asked = calls.length ? `Asked ${models} ${count(calls.length, "time")}: ${tokens}${isEstimated ? " (estimated)" : ""}, ${formatDuration(sum(calls, (step) => step.end - step.start))}.` : "No model was asked.";
  const called = tools.length ? `Called ${brief(names.join(", "), 120)}${failed ? `; ${count(failed, "call")} failed` : ""}.` : "";
  const attempts = of("attempt").length;
  const part = (list, where) => (list.length ? `, ${formatDuration(sum(list, (step) => step.end - step.start))} of it ${where}` : "");
  const took = `Took ${formatDuration(endedTs - startedTs)}${attempts ? ` in ${attempts + 1} attempts` : ""}${part(of("queue"), "in the queue")}${part(people, "waiting for a person")}.`;
  return [[read, tools.length ? "" : took].filter(Boolean).join(" "), asked, called ? `${called} ${took}` : ""].filter(Boolean);
}
