import { StepIcon, stateOf } from "./view_step_icon.jsx";
import { formatDuration } from "./event_log_text.js";
import { stepsOf } from "./view_steps_feed.js";
import { flatten } from "./view_steps_model.js";
import { useNow } from "./view_selection.js";
import { useRunFeed } from "./run_feed.js";

const SHOWN = 200;

/** A run that a tool started: its steps, live, below the call, and the way to its own page. */
export default function NestedRun({ runId }) {
  const feed = useRunFeed(runId);
  const model = stepsOf(feed);
  const rows = flatten(model.steps.roots);
  const now = useNow(feed.isRunning);
  return (
    <section aria-label="Run that this call started" className="ms-6 me-3 mb-2 border-s-2 border-line ps-3 font-sans sm:ms-10">
      <p className="flex flex-wrap items-center gap-x-3 py-1 text-xs text-muted">
        <span className="font-medium">A run of its own{feed.status ? `, ${feed.status.replace("_", " ")}` : ""}</span>
        <a className="font-medium text-accent underline" href={`/runs/${runId}`}>Open as own run</a>
      </p>
      {feed.error && <p role="alert" className="pb-1 text-sm text-bad">{feed.error}</p>}
      {!model.isLoaded && !feed.error && <div aria-hidden="true" className="skeleton my-1 h-5 w-2/3 rounded" />}
      <ol>
        {rows.slice(-SHOWN).map(({ step, depth }) => (
          <li key={step.seq} className="flex min-h-6 items-center gap-2 text-sm" style={{ paddingInlineStart: `${depth}rem` }}>
            <span className="flex w-4 shrink-0 justify-center"><StepIcon step={step} /></span>
            <span className={`min-w-0 flex-1 truncate ${step.isError ? "text-bad" : ""}`}>{step.label}<span className="sr-only">, {stateOf(step)}</span> <span className="text-muted">{step.detail}</span></span>
            <span className="shrink-0 text-xs text-faint tabular-nums">{(step.end || now) > step.start ? formatDuration((step.end || now) - step.start) : ""}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}
