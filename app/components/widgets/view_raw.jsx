import { useEffect, useMemo, useRef, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import { copy } from "./event_log_view.js";

const NEAR = 100;

const jsonOf = ({ seq, ts, type, payload }) => JSON.stringify({ seq, ts: new Date(ts).toISOString(), type, payload });

function Line({ event }) {
  const [isCopied, setCopied] = useState(false);
  const text = jsonOf(event);
  const press = async () => {
    await copy(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <div className="group flex items-start gap-2 border-b border-line/50 px-3 py-1 hover:bg-sunken/60">
      <code className="min-w-0 flex-1 [overflow-wrap:anywhere] whitespace-pre-wrap">{text.length > 4000 ? `${text.slice(0, 4000)}…` : text}</code>
      <button type="button" onClick={press} aria-label={`Copy event ${event.seq}`} className="h-6 shrink-0 rounded px-1.5 font-sans text-[11px] font-medium text-muted hover:bg-line hover:text-ink">{isCopied ? "Copied" : "Copy"}</button>
    </div>
  );
}

/** The events as they are stored, one JSON object a line; the same window of them that the log holds. */
export default function RawView({ feed }) {
  const { log } = feed;
  const isBusy = useRef(false);
  useEffect(() => {
    log.setFilter({ categories: new Set(), level: 0 }); // the log sets its own again when it is shown
    feed.paint();
  }, [feed, log]);
  const events = useMemo(() => log.eventsAfter(0), [log, feed.getVersion()]);
  const older = async () => {
    if (isBusy.current || log.first <= 1) return;
    isBusy.current = true;
    try {
      log.prepend((await feed.page({ before: log.first })).items);
    } catch {
      // The line is lost; the reader scrolls again when it is back.
    }
    isBusy.current = false;
    feed.paint();
  };
  if (!events.length) return <p className="p-6 text-center text-sm text-muted">No event yet.</p>;
  return (
    <div className="min-h-0 flex-1 font-mono text-xs leading-5" role="group" aria-label="Events as JSON">
      <Virtuoso style={{ height: "100%", width: "100%" }} tabIndex={0} totalCount={events.length} firstItemIndex={events[0].seq} increaseViewportBy={300}
        initialTopMostItemIndex={{ index: "LAST", align: "end" }} followOutput={(isAtEnd) => isAtEnd}
        rangeChanged={({ startIndex }) => startIndex - events[0].seq < NEAR && older()}
        computeItemKey={(index) => index} itemContent={(index) => (events[index - events[0].seq] ? <Line event={events[index - events[0].seq]} /> : <div className="h-6" />)} />
    </div>
  );
}
