import { useEffect, useState } from "react";
import { highlight } from "./event_log_core.js";
import { bracketed, brief, formatDuration, formatMoney, grouped, mainArgument, prettyOf, saidOf, speedOf, windowPercent } from "./event_log_text.js";
import { COLORS } from "./event_log_icons.jsx";

const SOURCES = { recorded: "done before, its result is used", person: "as a person says" };
const SHOWN = 4000; // characters of a text that are laid out in each frame
const tailOf = (text) => (text.length > SHOWN ? `…${text.slice(-SHOWN)}` : text);

/** A text with what a search found in it. */
export function Words({ text, pattern }) {
  return highlight(text, pattern).map(([words, isFound], index) => (isFound ? <mark key={index}>{words}</mark> : words));
}

/** How long something has taken; it counts while it goes on. */
export function Took({ row, isOpen }) {
  const [, tick] = useState(0);
  useEffect(() => {
    if (!isOpen) return undefined;
    const timer = setInterval(() => document.hidden || tick((n) => n + 1), 200);
    return () => clearInterval(timer);
  }, [isOpen]);
  const milliseconds = isOpen ? Math.max(0, Date.now() - row.ts) : row.duration;
  return milliseconds > 0 ? formatDuration(milliseconds) : "";
}

/** A call of a tool in one line: its name, what it was about, and how it ended. */
function ToolWords({ row, pattern, isOpen, isPretty }) {
  const { name, args } = row.payload;
  const argument = mainArgument(args);
  const { outcome, isFailed } = row;
  const ended = outcome ? brief(outcome.result?.answer ?? outcome.result, 200) : row.isCut ? "cut off" : "";
  return (
    <>
      <span className={`font-medium ${isFailed ? "text-bad" : COLORS.tool} ${isOpen ? "shimmer-text" : ""}`}><Words text={name} pattern={pattern} /></span>{" "}
      {argument && <span className="rounded bg-sunken px-1.5 py-px text-ink"><Words text={argument} pattern={pattern} /></span>}
      {SOURCES[outcome?.source] && <span className="ms-1 rounded border border-line px-1 text-[11px] text-muted">{SOURCES[outcome.source]}</span>}
      {isPretty && <span className="block whitespace-pre-wrap">{JSON.stringify(args, null, 2)}</span>}
      {ended && <span className={isFailed ? "text-bad" : "text-muted"}>{" "}{isFailed ? "failed:" : row.isCut ? "" : "→"} <Words text={ended.replace(/\s*\n\s*/g, " ")} pattern={pattern} /></span>}
    </>
  );
}

/** An attempt that is waited for: how long still, while it is. */
function RetryWords({ row, isRunning }) {
  const { what, attempt, attempts_max: most, seconds, reason } = row.payload;
  const [now, setNow] = useState(Date.now);
  const left = row.ts + seconds * 1000 - now;
  const isWaiting = isRunning && left > 0;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, [isWaiting]);
  return (
    <>
      <span className="font-medium text-warn">{what}: attempt {attempt}/{most}{isWaiting ? `, next in ${Math.ceil(left / 1000)} s` : ""}</span> <span className="text-muted">{reason}</span>
    </>
  );
}

/** The words of a line. */
export function RowWords({ row, pattern, isOpen, isRunning, isStreaming, isPretty }) {
  if (row.type === "retry_scheduled" && !pattern) return <RetryWords row={row} isRunning={isRunning} />;
  if (row.type === "tool_called") return <ToolWords row={row} pattern={pattern} isOpen={isOpen} isPretty={isPretty} />;
  const isThinking = row.stream && !row.text && row.reasoning && !row.isDone;
  const said = saidOf(row);
  const flat = said.slice(0, SHOWN).replace(/\s*\n\s*/g, " ");
  const text = isStreaming ? tailOf(said) : isPretty ? prettyOf(said.slice(0, SHOWN)) : flat;
  return (
    <>
      <span className={`font-medium ${row.level === 3 ? "text-bad" : COLORS[row.category]}`}>{bracketed(row.tag)}</span>{" "}
      <span className={isThinking ? "text-muted italic" : ""}><Words text={text} pattern={pattern} /></span>
      {row.reason === "cut" && <span className="text-warn">{" "}(broke off)</span>}
      {isStreaming && <span aria-hidden="true" className="ms-0.5 inline-block h-3.5 w-1.5 translate-y-0.5 animate-pulse rounded-xs bg-accent" />}
    </>
  );
}

/** What is known of a model's call: its model, why it ended, its tokens and how fast they came. */
export function CallFacts({ row }) {
  const { usage, reason, reasoning } = row;
  const facts = [
    usage?.model ?? row.model,
    reason && reason !== "stop" ? `ended by ${reason}` : "",
    usage ? `${grouped(usage.tokens_in)} in${usage.tokens_cached ? ` (${grouped(usage.tokens_cached)} cached)` : ""}, ${grouped(usage.tokens_out)} out${usage.is_estimated ? " (estimated)" : ""}` : "",
    usage ? `first token after ${formatDuration(usage.first_token_milliseconds)}` : row.firstTs ? `first token after ${formatDuration(row.firstTs - row.ts)}` : "",
    usage && usage.cost_micros != null ? formatMoney(usage.cost_micros) : "",
    usage?.window ? `${windowPercent(usage)} % of the window` : "",
    usage && speedOf(usage) ? `${speedOf(usage).toFixed(1)} tokens/s` : "",
    reasoning && row.text ? "with reasoning" : "",
  ].filter(Boolean);
  return facts.length ? <span className="line-clamp-2 text-[11px] text-faint tabular-nums">{facts.join(" · ")}</span> : null;
}
