import { Suspense, lazy, memo, useState } from "react";
import Ban from "lucide-react/dist/esm/icons/circle-stop.mjs";
import Book from "lucide-react/dist/esm/icons/book-open.mjs";
import Check from "lucide-react/dist/esm/icons/circle-check.mjs";
import Clipboard from "lucide-react/dist/esm/icons/clipboard.mjs";
import Chevron from "lucide-react/dist/esm/icons/chevron-right.mjs";
import Circle from "lucide-react/dist/esm/icons/circle.mjs";
import Cross from "lucide-react/dist/esm/icons/circle-x.mjs";
import Gauge from "lucide-react/dist/esm/icons/gauge.mjs";
import Hand from "lucide-react/dist/esm/icons/hand.mjs";
import Link from "lucide-react/dist/esm/icons/link.mjs";
import Loader from "lucide-react/dist/esm/icons/loader-circle.mjs";
import Play from "lucide-react/dist/esm/icons/play.mjs";
import Again from "lucide-react/dist/esm/icons/rotate-cw.mjs";
import Sparkles from "lucide-react/dist/esm/icons/sparkles.mjs";
import Wrench from "lucide-react/dist/esm/icons/wrench.mjs";
import { bracketed, formatDuration, formatTime } from "./event_log_text.js";
import { highlight } from "./event_log_core.js";

const Details = lazy(() => import("./event_log_details.jsx"));
const GAP = 5000;
const STREAM_SHOWN = 4000; // characters of a growing text that are laid out in each frame

const tailOf = (text) => (text.length > STREAM_SHOWN ? `…${text.slice(-STREAM_SHOWN)}` : text);

const ICONS = { run_started: Play, run_completed: Check, run_stopped: Ban, run_failed: Cross, run_timed_out: Cross, usage_recorded: Gauge, attempt_started: Again };
const CATEGORY_ICONS = { llm: Sparkles, tool: Wrench, retrieval: Book, human: Hand, error: Cross, output: Check, system: Circle };
export const COLORS = {
  llm: "text-accent", tool: "text-warn", retrieval: "text-ok", human: "text-warn", system: "text-faint", error: "text-bad", output: "text-ok",
};
const LEVEL_LOOKS = ["", "", "bg-warn-soft/50", "bg-bad-soft/70"];

function Icon({ row, isOpen }) {
  if (row.type === "stage_changed") {
    return isOpen
      ? <Loader size={14} aria-hidden="true" className="animate-spin text-accent" />
      : <Check size={14} aria-hidden="true" className="text-ok" />;
  }
  const Shown = ICONS[row.type] ?? CATEGORY_ICONS[row.category];
  return <Shown size={row.category === "system" && !ICONS[row.type] ? 10 : 14} aria-hidden="true" className={COLORS[row.category]} />;
}

function Words({ text, pattern }) {
  return highlight(text, pattern).map(([words, isFound], index) => (isFound ? <mark key={index}>{words}</mark> : words));
}

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

/** One line of the log, and what is behind it. */
export const Row = memo(function Row({ row, startedTs, time, isWrapped, isCompact, isSelected, isCurrent, isRunning, pattern, isOpen, actions }) {
  const [isCopied, setCopied] = useState("");
  const [isHovered, setHovered] = useState(false); // the actions of rows that nobody points at would be half of all elements
  const isOpenStage = isRunning && row.type === "stage_changed" && !row.isDone;
  const isStreaming = Boolean(row.stream) && !row.isDone && isRunning;
  const text = isStreaming ? tailOf(row.text) : row.text.slice(0, STREAM_SHOWN).replace(/\s*\n\s*/g, " ");
  const did = (name, work) => async (event) => {
    event.stopPropagation();
    await work(row);
    setCopied(name);
    setTimeout(() => setCopied(""), 1200);
  };
  const wrap = isStreaming ? "whitespace-pre-wrap [overflow-wrap:anywhere]" : isWrapped ? "line-clamp-3 [overflow-wrap:anywhere]" : "truncate";
  const look = isSelected ? "bg-accent-soft" : LEVEL_LOOKS[row.level];
  return (
    <div data-seq={row.from} className="pb-px">
      {row.gap > GAP && <Gap milliseconds={row.gap} />}
      <div onPointerEnter={() => setHovered(true)} onPointerLeave={() => setHovered(false)}
        className={`relative flex items-start gap-x-2.5 px-3 ${isCompact ? "py-px" : "py-1"} ${look} ${isSelected ? "" : "hover:bg-sunken"}`}>
        {(isSelected || row.level === 3) && <span aria-hidden="true" className={`absolute inset-y-0 start-0 w-0.5 ${isSelected ? "bg-accent" : "bg-bad"}`} />}
        <button type="button" data-line={row.from} tabIndex={-1} aria-expanded={isOpen} onClick={(event) => actions.press(row, event)}
          className="flex min-w-0 flex-1 cursor-pointer items-start gap-x-2.5 rounded text-start select-text focus-visible:outline-offset-1">
          <Chevron size={12} aria-hidden="true" className={`mt-1 shrink-0 text-faint transition-transform ${isOpen ? "rotate-90" : ""}`} />
          <span className={`hidden shrink-0 text-faint tabular-nums sm:inline ${time === "iso" ? "w-50" : "w-20"}`} title={new Date(row.ts).toISOString()}>
            {formatTime(row.ts, time, startedTs)}
          </span>
          <span className="mt-0.5 flex h-4 w-4 shrink-0 items-center justify-center"><Icon row={row} isOpen={isOpenStage} /></span>
          <span className={`min-w-0 flex-1 ${wrap} ${isOpenStage ? "font-medium" : ""}`}>
            <span className={`font-medium ${row.level === 3 ? "text-bad" : COLORS[row.category]}`}>{bracketed(row.tag)}</span>{" "}
            <Words text={text} pattern={pattern} />
            {isStreaming && <span aria-hidden="true" className="ms-0.5 inline-block h-3.5 w-1.5 translate-y-0.5 animate-pulse rounded-xs bg-accent" />}
          </span>
          <span className="flex shrink-0 gap-3 text-end text-faint tabular-nums">
            {row.tokens > 0 && <span className="hidden md:inline">{row.tokens.toLocaleString("en")} tok</span>}
            <span className="min-w-12">{row.duration > 0 ? formatDuration(row.duration) : ""}</span>
          </span>
        </button>
        {(isCurrent || isHovered) && (
          <span className="absolute end-1 top-0 flex gap-0.5 rounded-md border border-line bg-raised p-px shadow-card">
            <Action icon={isCopied === "line" ? Check : Clipboard} label="Copy line" onClick={did("line", actions.copyLine)} />
            <Action icon={isCopied === "link" ? Check : Link} label="Copy link to this line" onClick={did("link", actions.copyLink)} />
          </span>
        )}
      </div>
      {isOpen && (
        <Suspense fallback={<div className="skeleton mx-10 my-2 h-16 rounded-md" />}>
          <Details row={row} />
        </Suspense>
      )}
    </div>
  );
});
