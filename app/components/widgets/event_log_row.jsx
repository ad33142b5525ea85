import { Suspense, lazy, memo, useState } from "react";
import Check from "lucide-react/dist/esm/icons/circle-check.mjs";
import Clipboard from "lucide-react/dist/esm/icons/clipboard.mjs";
import Chevron from "lucide-react/dist/esm/icons/chevron-right.mjs";
import Link from "lucide-react/dist/esm/icons/link.mjs";
import { childOfRow, formatDuration, formatTime, grouped } from "./event_log_text.js";
import { RowIcon } from "./event_log_icons.jsx";
import { CallFacts, RowWords, Took } from "./event_log_words.jsx";

const Details = lazy(() => import("./event_log_details.jsx"));
const NestedRun = lazy(() => import("./view_nested.jsx"));
const GAP = 5000;
const LEVEL_LOOKS = ["", "", "bg-warn-soft/50", "bg-bad-soft/70"];

function Action({ icon: Shown, label, onClick }) {
  return (
    <button type="button" tabIndex={-1} title={label} aria-label={label} onClick={onClick}
      className="inline-flex size-6 items-center justify-center rounded text-muted hover:bg-line hover:text-ink">
      <Shown size={13} aria-hidden="true" />
    </button>
  );
}

function Gap({ milliseconds }) {
  return (
    <div className="flex items-center gap-2 px-3 py-0.5 text-[11px] text-faint">
      <span className="h-px flex-1 bg-line" />nothing for {formatDuration(milliseconds)}<span className="h-px flex-1 bg-line" />
    </div>
  );
}

const wrapOf = (isStreaming, isWrapped, isPretty) =>
  isStreaming || isPretty ? "whitespace-pre-wrap [overflow-wrap:anywhere]" : isWrapped ? "line-clamp-3 [overflow-wrap:anywhere]" : "truncate";

/** What can be done with a line; only of the one that is pointed at or current, since these are half of all elements. */
function Actions({ row, actions }) {
  const [isCopied, setCopied] = useState("");
  const did = (name, work) => async (event) => {
    event.stopPropagation();
    await work(row);
    setCopied(name);
    setTimeout(() => setCopied(""), 1200);
  };
  return (
    <span className="absolute end-1 top-0 flex gap-0.5 rounded-md border border-line bg-raised p-px shadow-card">
      <Action icon={isCopied === "line" ? Check : Clipboard} label="Copy line" onClick={did("line", actions.copyLine)} />
      <Action icon={isCopied === "link" ? Check : Link} label="Copy link to this line" onClick={did("link", actions.copyLink)} />
    </span>
  );
}

/** One line of the log, and what is behind it. */
export const Row = memo(function Row({ row, startedTs, preferences, isSelected, isCurrent, isRunning, runId, pattern, isOpen, actions }) {
  const [isHovered, setHovered] = useState(false);
  const { time, isWrapped, isCompact, isPretty } = preferences;
  const isGoingOn = isRunning && !row.isDone;
  const isStreaming = isGoingOn && Boolean(row.stream);
  const level = row.isFailed ? 3 : row.level;
  const child = childOfRow(row);
  return (
    <div data-seq={row.from} className="pb-px">
      {row.gap > GAP && <Gap milliseconds={row.gap} />}
      <div onPointerEnter={() => setHovered(true)} onPointerLeave={() => setHovered(false)}
        className={`relative flex items-start gap-x-2.5 px-3 ${isCompact ? "py-px" : "py-1"} ${isSelected ? "bg-accent-soft" : `${LEVEL_LOOKS[level]} hover:bg-sunken`}`}>
        {(isSelected || level === 3) && <span aria-hidden="true" className={`absolute inset-y-0 start-0 w-0.5 ${isSelected ? "bg-accent" : "bg-bad"}`} />}
        <button type="button" data-line={row.from} tabIndex={-1} aria-expanded={isOpen} onClick={(event) => actions.press(row, event)}
          className="flex min-w-0 flex-1 cursor-pointer items-start gap-x-2.5 rounded text-start select-text focus-visible:outline-offset-1">
          <Chevron size={12} aria-hidden="true" className={`mt-1 shrink-0 text-faint transition-transform ${isOpen ? "rotate-90" : ""}`} />
          <span className={`hidden shrink-0 text-faint tabular-nums sm:inline ${time === "iso" ? "w-50" : "w-20"}`} title={new Date(row.ts).toISOString()}>
            {formatTime(row.ts, time, startedTs)}
          </span>
          <span className="mt-0.5 flex h-4 w-4 shrink-0 items-center justify-center"><RowIcon row={row} isOpen={isGoingOn} /></span>
          <span className="min-w-0 flex-1">
            <span className={`block ${wrapOf(isStreaming, isWrapped, isPretty)} ${isGoingOn && row.type === "stage_changed" ? "font-medium" : ""}`}>
              <RowWords row={row} pattern={pattern} isOpen={isGoingOn} isRunning={isRunning} isStreaming={isStreaming} isPretty={isPretty} />
            </span>
            {row.stream && row.isDone && !isCompact && <CallFacts row={row} />}
          </span>
          <span className="flex shrink-0 gap-3 text-end text-faint tabular-nums">
            {row.repeats > 1 && <span className="rounded-full bg-sunken px-1.5 font-medium text-muted">×{grouped(row.repeats)}</span>}
            {row.tokens > 0 && <span className="hidden md:inline">{grouped(row.tokens)} tok</span>}
            <span className="min-w-12"><Took row={row} isOpen={isGoingOn && row.type === "tool_called"} /></span>
          </span>
        </button>
        {(isCurrent || isHovered) && <Actions row={row} actions={actions} />}
      </div>
      {isOpen && (
        <Suspense fallback={<div className="skeleton mx-10 my-2 h-16 rounded-md" />}>
          <Details row={row} version={row.version} again={level === 3 && !isRunning ? runId : ""} />
          {child && <NestedRun runId={child} />}
        </Suspense>
      )}
    </div>
  );
});
