import { useEffect, useRef, useState } from "react";
import { formatDuration, formatMoney, grouped, limitWord } from "./event_log_text.js";
import { useConnection } from "./run_feed.js";

const REFRESH = 500; // milliseconds between two changes of the figures
const PAUSED = { queued: "Queued", waiting: "Needs you", waiting_for_run: "Waits for a run" };
const END = { completed: "Completed", failed: "Failed", stopped: "Stopped", timed_out: "Limit reached" };

function Elapsed({ startedTs, endedTs }) {
  const [, tick] = useState(0);
  const isTicking = startedTs > 0 && !endedTs;
  useEffect(() => {
    if (!isTicking) return undefined;
    const timer = setInterval(() => document.hidden || tick((n) => n + 1), 100);
    return () => clearInterval(timer);
  }, [isTicking]);
  return startedTs ? formatDuration(Math.max(0, (endedTs || Date.now()) - startedTs)) : "0 ms";
}

function Figure({ label, children }) {
  return <span className="inline-flex items-baseline gap-1 whitespace-nowrap"><span className="text-ink tabular-nums">{children}</span><span className="text-faint">{label}</span></span>;
}

/** What a feed counts, as it was at most half a second ago: figures that change more often cannot be read. */
function useFigures(feed) {
  const read = () => ({ ...feed.meter, events: feed.log.head ?? 0 });
  const [figures, setFigures] = useState(read);
  const shownAt = useRef(0);
  const version = feed.getVersion();
  useEffect(() => {
    const wait = feed.isRunning ? Math.max(0, shownAt.current + REFRESH - performance.now()) : 0;
    const timer = setTimeout(() => {
      shownAt.current = performance.now();
      setFigures(read());
    }, wait);
    return () => clearTimeout(timer);
  }, [feed, version]);
  return figures;
}

/** What a run does now, how long it has taken, and how fast its model writes. */
export function Meter({ feed }) {
  const { isRunning, shownStatus: status } = feed;
  const meter = useFigures(feed);
  const { isOnline } = useConnection();
  const live = (meter.lastTs - meter.firstTs) / 1000;
  const speed = meter.speed || (meter.tokens > 1 && live > 0.2 ? (meter.tokens - 1) / live : 0);
  const tokens = Math.max(meter.tokens, meter.usedOut ?? 0);
  const words = !isOnline ? "Reconnecting…" : isRunning ? PAUSED[status] ?? (meter.stage || status) : status === "timed_out" ? limitWord(meter.endCode) : END[status] ?? "Loading…";
  const dot = !isOnline ? "bg-warn" : status === "waiting" ? "bg-warn" : isRunning ? "bg-accent animate-pulse" : status === "completed" ? "bg-ok" : status in END ? (status === "stopped" ? "bg-faint" : "bg-bad") : "bg-line-strong";
  return (
    <div className="flex min-h-8 flex-wrap items-center gap-x-4 gap-y-0.5 border-t border-line bg-surface px-3 py-1 font-sans text-xs">
      <span className="inline-flex min-w-24 items-center gap-2 text-muted"><span aria-hidden="true" className={`size-2 rounded-full ${dot}`} />{words}</span>
      <Figure label="elapsed"><Elapsed startedTs={meter.startedTs} endedTs={meter.endedTs} /></Figure>
      {tokens > 0 && <Figure label={tokens === 1 ? "token" : "tokens"}>{grouped(tokens)}</Figure>}
      {meter.isWhole && meter.cost && <Figure label={meter.cost.isEstimated ? "estimated" : "cost"}>{meter.cost.isLeast && "at least "}{formatMoney(meter.cost.micros)}</Figure>}
      {meter.window !== undefined && <Figure label="of the window">{meter.window} %</Figure>}
      {speed > 0 && <Figure label="tokens/s">{speed.toFixed(1)}</Figure>}
      <span className="ms-auto text-faint tabular-nums">{grouped(meter.events)} event{meter.events === 1 ? "" : "s"}</span>
    </div>
  );
}
