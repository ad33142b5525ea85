import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Virtuoso } from "react-virtuoso";
import ArrowDown from "lucide-react/dist/esm/icons/arrow-down.mjs";
import { Bar } from "./event_log_bar.jsx";
import { Row } from "./event_log_row.jsx";
import { Strip } from "./event_log_strip.jsx";
import { bracketed, grouped, lineOf } from "./event_log_text.js";
import { copy, useLogView } from "./event_log_view.js";

const HAND = 2000; // milliseconds in which a scroll still comes from a hand's last move

/** Says what came last, at most once a second, to those who asked for it. */
function Announcer({ log, isOn }) {
  const [words, setWords] = useState("");
  useEffect(() => {
    if (!isOn) return undefined;
    const timer = setInterval(() => {
      const row = log.visible.at(-1);
      setWords(row ? `${bracketed(row.tag)} ${row.text.slice(-200)}` : "");
    }, 1000);
    return () => clearInterval(timer);
  }, [log, isOn]);
  return <div aria-live={isOn ? "polite" : "off"} className="sr-only">{isOn ? words : ""}</div>;
}

/** Keep the list at its end while it grows, and notice when the reader, not the list itself, scrolls away or comes back. */
function useTail(view) {
  const { isFollowing, follow, log, bottom } = view;
  const scroller = useRef(null);
  const was = useRef({ top: 0, height: 0 });
  const moved = useRef(-HAND);
  const onMove = useCallback(() => { moved.current = performance.now(); }, []);
  const frame = useRef(0);
  const wanted = useRef(isFollowing);
  wanted.current = isFollowing;
  // In the next frame: by then the list has measured the lines that it drew just now, which it would draw again and again else.
  const toEnd = useCallback(() => {
    frame.current ||= requestAnimationFrame(() => {
      frame.current = 0;
      if (scroller.current && wanted.current) scroller.current.scrollTop = scroller.current.scrollHeight;
    });
  }, []);
  const onScroll = useCallback(({ currentTarget: { scrollTop: top, scrollHeight: height, clientHeight } }) => {
    const last = was.current;
    was.current = { top, height };
    if (height - top - clientHeight <= bottom) follow(log.isAttached);
    else if (top < last.top - 2 && height >= last.height && performance.now() - moved.current < HAND) follow(false);
  }, [bottom, follow, log]);
  return { scroller, toEnd, onScroll, onMove };
}

function useKeys(view, field, active, setActive, toggle) {
  return (event) => {
    if (event.target.closest("input, select, [popover]")) return;
    const { log, list } = view;
    const index = log.visible.findIndex((row) => row.from === active);
    const move = (to) => {
      const row = log.visible[Math.max(0, Math.min(log.visible.length - 1, to))];
      if (!row) return;
      view.follow(false);
      setActive(row.from);
      if (event.shiftKey) view.select(row, true);
      list.current?.scrollIntoView({ index: log.visible.indexOf(row), done: () => document.querySelector(`[data-line="${row.from}"]`)?.focus() });
    };
    const keys = {
      ArrowDown: () => move(index + 1), j: () => move(index + 1), ArrowUp: () => move(index - 1), k: () => move(index - 1),
      Home: () => move(0), End: () => view.toLatest(), "/": () => field.current?.focus(),
      c: () => index >= 0 && copy(lineOf(log.visible[index])), n: () => view.step(1), N: () => view.step(-1),
      ArrowRight: () => index >= 0 && toggle(log.visible[index], true), ArrowLeft: () => index >= 0 && toggle(log.visible[index], false),
    };
    const isFind = (event.ctrlKey || event.metaKey) && event.key === "f";
    const work = isFind ? keys["/"] : event.ctrlKey || event.metaKey || event.altKey ? null : keys[event.key];
    if (!work) return;
    event.preventDefault();
    event.stopPropagation();
    work();
  };
}

function Placeholder({ feed, view }) {
  const isEmpty = feed.isLoaded && !view.log.visible.length;
  if (feed.error) return <div role="alert" className="p-6 text-center font-sans text-sm text-bad">{feed.error}</div>;
  if (isEmpty && view.log.isFiltered) {
    return (
      <div className="p-6 text-center font-sans text-sm text-muted">
        No line passes the filter.{" "}
        <button type="button" className="text-accent underline" onClick={() => view.change({ categories: new Set(), level: 0, since: 0, until: 0 })}>Clear filters</button>
      </div>
    );
  }
  return <div aria-hidden="true" className="flex flex-col gap-2 p-4">{[60, 80, 45].map((width) => <div key={width} className="skeleton h-4 rounded" style={{ width: `${width}%` }} />)}</div>;
}

/** The lines that are seen. Where they start is decided once: a new `start` would make Virtuoso begin again. */
function Lines({ view, scroller, onScroll, toEnd, row }) {
  const { log, list } = view;
  const [start] = useState(() => view.start());
  return (
    <Virtuoso ref={list} scrollerRef={(element) => { scroller.current = element; }} style={{ height: "100%", width: "100%" }}
      tabIndex={0} totalCount={log.visible.length} firstItemIndex={log.base} increaseViewportBy={300} onScroll={onScroll}
      totalListHeightChanged={toEnd} initialTopMostItemIndex={start} rangeChanged={view.near}
      computeItemKey={(index) => log.visible[index - log.base]?.key ?? index}
      itemContent={(index) => (log.visible[index - log.base] ? row(log.visible[index - log.base]) : <div className="h-6" />)} />
  );
}

/** The log itself: line by line, filtered, searched and followed. */
export function Log({ feed }) {
  const view = useLogView(feed);
  const { log, preferences, selected } = view;
  const [open, setOpen] = useState(new Set());
  const [active, setActive] = useState(0);
  const field = useRef(null);
  const { scroller, toEnd, onScroll, onMove } = useTail(view);
  const toggle = useCallback((row, is) => setOpen((old) => {
    const next = new Set(old);
    if (is ?? !old.has(row.key)) next.add(row.key);
    else next.delete(row.key);
    return next;
  }), []);
  const actions = useMemo(() => ({
    press: (row, event) => {
      if (window.getSelection()?.toString()) return;
      setActive(row.from);
      view.select(row, event.shiftKey);
      if (event.shiftKey) return;
      view.follow(false); // what is opened stays in sight
      toggle(row);
    },
    copyLine: (row) => copy(lineOf(row)),
    copyLink: (row) => copy(`${window.location.origin}/runs/${feed.runId}?event=${row.from}`),
  }), [feed, toggle, view.follow, view.select]);
  const onKey = useKeys(view, field, active, setActive, toggle);
  const { isRunning } = feed;
  const startedTs = feed.meter.startedTs || log.rows[0]?.ts || 0;
  useEffect(toEnd);
  useEffect(() => { if (log.visible.length < 40) view.older(); }, [log.epoch, feed.isLoaded]);
  const count = selected.low !== selected.high ? selected.rows().length : 0;
  return (
    <div onKeyDown={onKey} className="flex min-h-0 w-full flex-1 flex-col font-mono text-xs leading-5">
      <Bar view={view} field={field} runId={feed.runId} />
      <Strip view={view} startedTs={startedTs} />
      <div role="log" aria-live="off" aria-label="Log of the run" onWheel={onMove} onTouchMove={onMove} onPointerDown={onMove} onKeyDown={onMove}
        className="relative min-h-0 w-full flex-1">
        {log.visible.length ? (
          <Lines key={log.epoch} view={view} scroller={scroller} onScroll={onScroll} toEnd={toEnd} row={(row) => (
            <Row row={row} version={row.version} startedTs={startedTs} preferences={preferences}
              isSelected={row.to >= selected.low && row.from <= selected.high} isCurrent={active === row.from} isRunning={isRunning} runId={feed.runId}
              pattern={view.pattern} isOpen={open.has(row.key)} actions={actions} />
          )} />
        ) : <Placeholder feed={feed} view={view} />}
        {!view.isFollowing && log.visible.length > 0 && (
          <button type="button" onClick={view.toLatest}
            className="absolute bottom-3 left-1/2 inline-flex h-8 -translate-x-1/2 items-center gap-1.5 rounded-full border border-line-strong bg-raised px-3 font-sans text-xs font-medium shadow-pop hover:bg-sunken">
            <ArrowDown size={14} aria-hidden="true" />Jump to latest{view.unseen > 0 ? ` (${grouped(view.unseen)} new)` : ""}
          </button>
        )}
        {count > 1 && (
          <div className="absolute top-2 right-3 flex items-center gap-1 rounded-lg border border-line bg-raised py-1 ps-3 pe-1 font-sans shadow-pop">
            {count} lines
            <button type="button" className="h-7 rounded px-2 font-medium text-accent hover:bg-sunken" onClick={() => copy(selected.rows().map(lineOf).join("\n"))}>Copy</button>
            <button type="button" className="h-7 rounded px-2 text-muted hover:bg-sunken" onClick={view.clearSelection}>Clear</button>
          </div>
        )}
      </div>
      <Announcer log={log} isOn={preferences.isAnnounced} />
    </div>
  );
}
