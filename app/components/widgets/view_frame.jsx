import { useRef } from "react";
import { Virtuoso } from "react-virtuoso";
import { StepDetails } from "./view_step_details.jsx";

/** A list of steps and, beside it or on a phone over it, all about the chosen one. */
export function StepsFrame({ feed, model, rows, selected, select, toLine, label, header, children, onKey }) {
  const list = useRef(null);
  const move = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && selected) {
      event.stopPropagation();
      select(0);
      return;
    }
    const at = rows.findIndex(({ step }) => step === selected);
    const to = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined && rows.length) {
      const next = Math.max(0, Math.min(rows.length - 1, to));
      event.preventDefault();
      select(rows[next].step.seq);
      list.current.scrollIntoView({ index: next, done: () => document.querySelector(`[data-step="${rows[next].step.seq}"]`)?.focus() });
    } else if (at >= 0) onKey?.(event, rows[at]);
  };
  if (!model.isLoaded) return <div aria-hidden="true" className="flex flex-col gap-2 p-4">{[50, 70, 40].map((width) => <div key={width} className="skeleton h-5 rounded" style={{ width: `${width}%` }} />)}</div>;
  if (!rows.length) return <p className="p-6 text-center text-sm text-muted">The steps of the run appear here when it begins.</p>;
  return (
    <div className="relative flex min-h-0 flex-1">
      <div className="flex min-w-0 flex-1 flex-col">
        {!model.isWhole && <p className="border-b border-line bg-warn-soft px-3 py-1.5 text-xs text-warn">Only the newest steps are shown. The log has all of them.</p>}
        {header}
        <div aria-label={label} role="group" onKeyDown={move} className="min-h-0 flex-1">
          <Virtuoso ref={list} style={{ height: "100%", width: "100%" }} totalCount={rows.length} increaseViewportBy={300}
            computeItemKey={(index) => rows[index]?.step.seq ?? index} itemContent={(index) => rows[index] && children(rows[index], index)} />
        </div>
      </div>
      {selected && (
        <div className="absolute inset-y-0 end-0 w-full overflow-hidden border-s border-line bg-surface shadow-pop sm:w-96 lg:static lg:w-88 lg:shadow-none">
          <StepDetails step={selected} startedTs={model.steps.startedTs} again={selected.isError && !feed.isRunning ? feed.runId : ""} toLine={toLine} onClose={() => select(0)} />
        </div>
      )}
    </div>
  );
}
