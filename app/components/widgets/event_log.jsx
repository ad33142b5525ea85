import { Suspense, lazy, useEffect, useRef } from "react";
import { useParams } from "react-router";
import { Log } from "./event_log_lines.jsx";
import { Meter } from "./run_meter.jsx";
import { RunTabs } from "./run_tabs.jsx";
import { hold, useConnection, useRunFeed } from "./run_feed.js";

const Summary = lazy(() => import("./view_summary.jsx"));

/**
 * The live log of a run; `onConnection` tells whether it is connected. Without a run it only gets ready for one.
 * On a run's own page the address names it, so that the log does not wait for the page's first data; there it has tabs,
 * which show the same events in other ways, and `children` is what the tab State shows.
 */
export function EventLog({ runId, height = "32rem", hasTabs = false, reader = "", onConnection, children }) {
  const { run_ref: named = runId } = useParams();
  const feed = useRunFeed(named);
  useEffect(hold, []);
  const { isOnline } = useConnection();
  const tell = useRef(onConnection);
  tell.current = onConnection;
  const first = useRef(true);
  useEffect(() => {
    if (!first.current || !isOnline) tell.current?.(isOnline);
    first.current = false;
  }, [isOnline]);
  if (!feed) return null;
  feed.reader = reader;
  return (
    <>
      {hasTabs && feed.meter.endedTs > 0 && <Suspense fallback={null}><Summary feed={feed} /></Suspense>}
      <div style={{ height }} data-testid="event-log" data-count={feed.log.head ?? 0} data-status={feed.status}
        className="relative flex w-full min-w-0 flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-card">
        {hasTabs ? <RunTabs key={named} feed={feed}>{children}</RunTabs> : <Log key={named} feed={feed} />}
        <Meter feed={feed} />
      </div>
    </>
  );
}
