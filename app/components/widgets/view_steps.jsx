import { useState } from "react";
import Chevron from "lucide-react/dist/esm/icons/chevron-right.mjs";
import { formatDuration, grouped } from "./event_log_text.js";
import { StepsFrame } from "./view_frame.jsx";
import { useNow, useSelection } from "./view_selection.js";
import { StepIcon, stateOf } from "./view_step_icon.jsx";
import { stepsOf } from "./view_steps_feed.js";
import { flatten } from "./view_steps_model.js";

function Step({ step, depth, isFolded, isSelected, now, onToggle, onSelect }) {
  const milliseconds = (step.end || now) - step.start;
  return (
    <div className={`flex items-stretch border-b border-line/60 ${isSelected ? "bg-accent-soft" : "hover:bg-sunken/60"}`}>
      <span aria-hidden="true" className="flex shrink-0 ps-2">{Array.from({ length: depth }, (_, at) => <span key={at} className="ms-2.5 w-3 border-s border-line" />)}</span>
      {step.children.length > 0 ? (
        <button type="button" tabIndex={-1} aria-label={isFolded ? "Show what is in it" : "Hide what is in it"} aria-expanded={!isFolded} onClick={onToggle}
          className="inline-flex w-6 shrink-0 items-center justify-center rounded text-faint hover:text-ink"><Chevron size={14} aria-hidden="true" className={isFolded ? "" : "rotate-90"} /></button>
      ) : <span className="w-6 shrink-0" />}
      <button type="button" data-step={step.seq} aria-pressed={isSelected} onClick={onSelect} className="flex min-h-9 min-w-0 flex-1 items-center gap-2 py-1 pe-3 text-start -outline-offset-2">
        <span className="flex w-4 shrink-0 justify-center"><StepIcon step={step} /></span>
        <span className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-2">
          <span className={`max-w-full break-words ${step.kind === "note" ? "text-sm text-muted" : "font-medium"} ${step.isError ? "text-bad" : ""} ${step.isOpen ? "shimmer-text" : ""}`}>{step.label}</span>
          <span className="sr-only">{stateOf(step)}</span>
          {step.detail && <span className={`min-w-0 truncate text-sm text-muted ${step.kind === "tool" ? "rounded bg-sunken px-1.5 font-mono text-xs" : ""}`}>{step.detail}</span>}
        </span>
        {step.tokens > 0 && <span className="hidden shrink-0 text-xs text-faint tabular-nums sm:inline">{grouped(step.tokens)} tok</span>}
        <span className="w-16 shrink-0 text-end text-xs text-faint tabular-nums">{milliseconds >= 1 ? formatDuration(milliseconds) : ""}</span>
      </button>
    </div>
  );
}

/** What a run did, as a tree: attempts, stages, and in them searches, models and tools. */
export default function StepsView({ feed, toLine }) {
  const model = stepsOf(feed);
  const [folded, setFolded] = useState(() => new Set());
  const rows = flatten(model.steps.roots, folded);
  const [selected, select] = useSelection(model.steps.roots);
  const now = useNow(feed.isRunning);
  const toggle = (seq, isFolded) => setFolded((old) => {
    const next = new Set(old);
    if (isFolded ?? !old.has(seq)) next.add(seq);
    else next.delete(seq);
    return next;
  });
  const onKey = (event, { step }) => {
    if (event.key === "ArrowRight" || event.key === "ArrowLeft") toggle(step.seq, event.key === "ArrowLeft");
  };
  return (
    <StepsFrame feed={feed} model={model} rows={rows} selected={selected} select={select} toLine={toLine} label="Steps of the run" onKey={onKey}>
      {({ step, depth }) => (
        <Step step={step} depth={depth} now={now} isFolded={folded.has(step.seq)} isSelected={selected === step}
          onToggle={() => toggle(step.seq)} onSelect={() => select(selected === step ? 0 : step.seq)} />
      )}
    </StepsFrame>
  );
}
