import { useState } from "react";
import { formatDuration, formatTime } from "./event_log_text.js";
import { StepsFrame } from "./view_frame.jsx";
import { useNow, useSelection } from "./view_selection.js";
import { StepIcon, stateOf } from "./view_step_icon.jsx";
import { stepsOf } from "./view_steps_feed.js";
import { criticalPath, flatten } from "./view_steps_model.js";

const FILLS = { llm: "bg-accent", tool: "bg-warn", retrieval: "bg-ok", human: "bg-warn/60", queue: "bg-line-strong", stage: "bg-line-strong", attempt: "bg-line-strong", note: "bg-faint" };
const LABELS = "w-36 shrink-0 sm:w-56";

function ticksOf(span) {
  const rough = span / 4;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((by) => by * size).find((by) => by >= rough);
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, at) => at * step);
}

function Axis({ span }) {
  return (
    <div aria-hidden="true" className="flex border-b border-line text-[11px] text-faint">
      <span className={`${LABELS} px-3 py-1`}>Step</span>
      <span className="relative me-3 min-w-0 flex-1 overflow-hidden tabular-nums">
        {ticksOf(span).map((at) => <span key={at} className="absolute top-1 border-s border-line ps-1 whitespace-nowrap" style={{ left: `${(at / span) * 100}%` }}>{at / span > 0.9 ? "" : at ? formatDuration(at) : "0"}</span>)}
      </span>
    </div>
  );
}

/** Where the words of a bar stand: after it, before it, or in it when it leaves room for neither. */
function placeOf(left, width) {
  if (left + width <= 70) return { left: `${left + width}%` };
  return { right: `${100 - (left >= 30 ? left : left + width)}%` };
}

function Bar({ step, depth, startedTs, span, now, isCritical, isSelected, onSelect }) {
  const end = step.end || now;
  const left = (Math.max(0, step.start - startedTs) / span) * 100;
  const width = Math.max(0, Math.min(100 - left, ((end - step.start) / span) * 100));
  const fill = step.isError ? "bg-bad" : step.kind === "end" ? "bg-ok" : FILLS[step.kind];
  const took = end - step.start >= 1 ? formatDuration(end - step.start) : "";
  return (
    <button type="button" data-step={step.seq} aria-pressed={isSelected} onClick={onSelect}
      aria-label={`${step.label}, ${stateOf(step)}, begins at ${formatTime(step.start, "relative", startedTs)}${took ? `, takes ${took}` : ""}${isCritical ? ", on the critical path" : ""}`}
      className={`flex h-8 w-full items-center border-b border-line/50 text-start -outline-offset-2 ${isSelected ? "bg-accent-soft" : "hover:bg-sunken/60"}`}>
      <span className={`${LABELS} flex min-w-0 items-center gap-1.5 pe-2 text-sm`} style={{ paddingInlineStart: `${0.75 + depth * 0.75}rem` }}>
        <span className="flex w-4 shrink-0 justify-center"><StepIcon step={step} /></span><span className="truncate">{step.label}</span>
      </span>
      <span className="relative me-3 h-full min-w-0 flex-1 overflow-hidden">
        <span className={`absolute top-2 h-4 min-w-0.5 rounded-xs ${fill} ${step.children.length ? "opacity-50" : ""} ${step.isOpen ? "animate-pulse" : ""} ${isCritical ? "ring-2 ring-bad/50" : ""}`} style={{ left: `${left}%`, width: `max(${width}%, 2px)` }} />
        {took && (
          <span className={`absolute top-2 px-1 text-[11px] leading-4 whitespace-nowrap tabular-nums ${left < 30 && left + width > 70 ? "rounded-xs bg-surface text-ink" : "text-muted"}`} style={placeOf(left, width)}>{took}</span>
        )}
      </span>
    </button>
  );
}

/** Where the pointer is, in time. */
function Crosshair({ at, span }) {
  return (
    <div aria-hidden="true" className="pointer-events-none absolute inset-y-0 z-10 border-s border-accent" style={{ left: at.x }}>
      <span className={`absolute top-0 rounded-xs bg-accent px-1 text-[11px] text-accent-ink tabular-nums ${at.share > 0.8 ? "right-0" : ""}`}>+{formatDuration(at.share * span)}</span>
    </div>
  );
}

/** When each step of a run began and how long it took; steps that went on at the same time lie under one another. */
export default function TimelineView({ feed, toLine }) {
  const model = stepsOf(feed);
  const { startedTs, endedTs, roots } = model.steps;
  const rows = flatten(roots).filter(({ step }) => step.kind !== "note" || step.end > step.start);
  const [selected, select] = useSelection(roots);
  const now = useNow(feed.isRunning);
  const [cross, setCross] = useState(null);
  const span = Math.max(1, (endedTs || now) - startedTs);
  const critical = criticalPath(roots);
  const onMove = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const area = event.target.closest("[data-step]")?.lastElementChild.getBoundingClientRect();
    if (!area || event.clientX < area.left || event.clientX > area.right) setCross(null);
    else setCross({ x: event.clientX - box.left, share: (event.clientX - area.left) / area.width });
  };
  return (
    <div className="relative flex min-h-0 flex-1 flex-col" onPointerMove={onMove} onPointerLeave={() => setCross(null)}>
      {cross && <Crosshair at={cross} span={span} />}
      <StepsFrame feed={feed} model={model} rows={rows} selected={selected} select={select} toLine={toLine} label="Timeline of the run" header={<div className="h-6"><Axis span={span} /></div>}>
        {({ step, depth }) => (
          <Bar step={step} depth={depth} startedTs={startedTs} span={span} now={now} isCritical={critical.has(step.seq)}
            isSelected={selected === step} onSelect={() => select(selected === step ? 0 : step.seq)} />
        )}
      </StepsFrame>
    </div>
  );
}
