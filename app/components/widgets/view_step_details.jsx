import Cross from "lucide-react/dist/esm/icons/circle-x.mjs";
import { Suspense, lazy } from "react";
import Details from "./event_log_details.jsx";
import { formatDuration, formatMoney, formatTime, grouped as n, speedOf, windowPercent } from "./event_log_text.js";
import { stateOf } from "./view_step_icon.jsx";

const NestedRun = lazy(() => import("./view_nested.jsx"));

function Fact({ name, children }) {
  return (
    <div className="flex items-baseline justify-between gap-4 py-1">
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 text-end break-words tabular-nums">{children}</dd>
    </div>
  );
}

function Facts({ step, startedTs }) {
  const { usage, payload: { call } } = step;
  const speed = usage ? speedOf(usage) : 0;
  return (
    <dl className="divide-y divide-line text-sm">
      <Fact name="Began">{formatTime(step.start, "relative", startedTs)}</Fact>
      {step.end > step.start && <Fact name="Took">{formatDuration(step.end - step.start)}</Fact>}
      {step.firstTs > 0 && <Fact name="First token after">{formatDuration(step.firstTs - step.start)}</Fact>}
      {usage && <Fact name="Tokens in, out">{n(usage.tokens_in)}, {n(usage.tokens_out)}{usage.is_estimated ? " (estimated)" : ""}</Fact>}
      {usage && usage.cost_micros != null && <Fact name="Cost">{formatMoney(usage.cost_micros)}</Fact>}
      {usage?.window > 0 && <Fact name="Context window">{`${windowPercent(usage)} % used`}</Fact>}
      {usage?.tokens_cached > 0 && <Fact name="Tokens from cache">{n(usage.tokens_cached)}</Fact>}
      {speed > 0 && <Fact name="Tokens a second">{speed.toFixed(1)}</Fact>}
      {call && <Fact name="Temperature, most tokens">{call.temperature}, {n(call.max_tokens)}</Fact>}
      {step.reason && <Fact name="Finish reason">{step.reason}</Fact>}
      {step.lines > 0 && <Fact name="Lines of log">{n(step.lines)}</Fact>}
    </dl>
  );
}

/** The line that the details of the log can show. */
const rowOf = (step) => ({
  from: step.seq, to: step.to, ts: step.start, tag: "STEP", type: step.kind === "llm" ? "message_completed" : step.type, version: step.to,
  stream: step.kind === "llm" ? "message" : "", text: step.text ?? "", events: [step],
  payload: { ...step.payload, ...(step.result === undefined ? {} : { result: step.result }), ...(step.usage ? { usage: step.usage } : {}) },
});

/** All about one step. */
export function StepDetails({ step, startedTs, again, toLine, onClose }) {
  const button = "inline-flex h-8 items-center rounded-lg border border-line-strong px-3 text-sm font-medium hover:bg-sunken";
  return (
    <section aria-label="Step" className="flex h-full flex-col overflow-auto p-3">
      <div className="flex items-start gap-2">
        <h3 className="min-w-0 flex-1 font-semibold break-words">{step.label}</h3>
        <button type="button" aria-label="Close the step" onClick={onClose} className="inline-flex size-7 shrink-0 items-center justify-center rounded-md text-muted hover:bg-sunken"><Cross size={16} aria-hidden="true" /></button>
      </div>
      <p className="mb-1 text-sm break-words text-muted">{[stateOf(step), step.kind === "llm" ? "" : step.detail].filter(Boolean).join(", ")}</p>
      <Facts step={step} startedTs={startedTs} />
      <div className="my-3 flex flex-wrap gap-2">
        <button type="button" className={button} onClick={() => toLine(step.seq)}>Show in log</button>
        {step.child && <a className={button} href={`/runs/${step.child}`}>Open its run</a>}
      </div>
      {step.child && <Suspense fallback={null}><NestedRun runId={step.child} /></Suspense>}
      <div className="-mx-3 font-mono text-xs leading-5 sm:-ms-9 sm:-me-3"><Details key={step.seq} row={rowOf(step)} again={again} /></div>
    </section>
  );
}
