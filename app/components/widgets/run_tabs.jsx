import { Suspense, lazy, useCallback, useRef, useState } from "react";
import { Log } from "./event_log_lines.jsx";
import { readQuery, writeQuery } from "./run_address.js";

const STATE = "state";
const VIEWS = {
  steps: lazy(() => import("./view_steps.jsx")),
  timeline: lazy(() => import("./view_timeline.jsx")),
  graph: lazy(() => import("./view_graph.jsx")),
  raw: lazy(() => import("./view_raw.jsx")),
};
const TABS = [["log", "Log"], ["steps", "Steps"], ["timeline", "Timeline"], ["graph", "Graph"], [STATE, "State"], ["raw", "Raw"]];

function Loading() {
  return <div aria-hidden="true" className="flex flex-1 flex-col gap-2 p-4">{[50, 70, 40].map((width) => <div key={width} className="skeleton h-5 rounded" style={{ width: `${width}%` }} />)}</div>;
}

/** Which tab is open, as the address says; the log is what an address without a tab shows. */
function useTab(names) {
  const [tab, setTab] = useState(() => {
    const wanted = readQuery().get("tab");
    return names.includes(wanted) ? wanted : names[0];
  });
  const open = useCallback((name, event) => {
    writeQuery({ tab: name === names[0] ? "" : name, ...(event ? { event } : {}) });
    setTab(name);
  }, [names]);
  return [tab, open];
}

function Bar({ names, tab, open }) {
  const row = useRef(null);
  const onKey = (event) => {
    const at = names.indexOf(tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const next = (to + names.length) % names.length;
    open(names[next]);
    row.current.children[next].focus();
  };
  return (
    <div ref={row} role="tablist" aria-label="Views of this run" onKeyDown={onKey} className="flex shrink-0 gap-0.5 overflow-x-auto border-b border-line px-2 sm:gap-1 [scrollbar-width:none]">
      {TABS.filter(([name]) => names.includes(name)).map(([name, words]) => (
        <button key={name} type="button" role="tab" id={`tab-${name}`} aria-selected={tab === name} aria-controls="run-view" tabIndex={tab === name ? 0 : -1} onClick={() => open(name)}
          className="-mb-px h-10 shrink-0 border-b-2 border-transparent px-1.5 text-sm sm:px-2.5 font-medium text-muted -outline-offset-2 hover:text-ink aria-selected:border-accent aria-selected:text-ink">{words}</button>
      ))}
    </div>
  );
}

/** One run in several views; all read the same feed, and a view's code comes when its tab opens. */
export function RunTabs({ feed, children }) {
  const [names] = useState(() => TABS.map(([name]) => name).filter((name) => name !== STATE || children));
  const [tab, open] = useTab(names);
  const View = VIEWS[tab];
  const toLine = useCallback((seq) => open("log", seq), [open]);
  return (
    <>
      <Bar names={names} tab={tab} open={open} />
      <div role="tabpanel" id="run-view" aria-labelledby={`tab-${tab}`} className="flex min-h-0 w-full min-w-0 flex-1 flex-col">
        <Suspense fallback={<Loading />}>
          {tab === "log" && <Log feed={feed} />}
          {tab === STATE && <div className="min-h-0 flex-1 overflow-auto p-4">{children}</div>}
          {View && <View feed={feed} toLine={toLine} />}
        </Suspense>
      </div>
    </>
  );
}
