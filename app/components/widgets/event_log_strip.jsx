import { useRef, useState } from "react";
import { formatTime, grouped } from "./event_log_text.js";

const HEIGHT = 24;
const FILLS = ["fill-line-strong", "fill-line-strong", "fill-warn", "fill-bad"];
const LINES_MIN = 20; // fewer are seen at once

/** One bar: its levels on top of each other, the worst lowest, so that one error among many lines is seen. */
function Bar({ counts, most, x }) {
  let y = HEIGHT;
  return [3, 2, 1, 0].map((level) => {
    const n = counts[level];
    if (!n) return null;
    const height = Math.max(level > 1 ? 3 : 1, (n / most) * HEIGHT);
    y -= height;
    return <rect key={level} x={x + 0.1} y={Math.max(0, y)} width={0.8} height={height} className={FILLS[level]} />;
  });
}

/** How many lines came when, by level; a stretch that is drawn over, or chosen by keys, is all that is shown. */
export function Strip({ view, startedTs }) {
  const { log, query, change } = view;
  const { volume } = log;
  const box = useRef(null);
  const [drag, setDrag] = useState(null); // bars, from and to
  const [cursor, setCursor] = useState(-1);
  const { bars, width, from } = volume;
  if (bars.length < 2 || (log.head ?? 0) < LINES_MIN) return null;
  const most = Math.max(...bars.map((counts) => counts.reduce((sum, n) => sum + n, 0)));
  const zoomed = query.since ? { low: (query.since - from) / width, high: (query.until - from) / width } : null;
  const shown = drag ? { low: Math.min(drag.from, drag.to), high: Math.max(drag.from, drag.to) + 1 } : zoomed;
  const barAt = ({ clientX }) => {
    const { left, width: wide } = box.current.getBoundingClientRect();
    return Math.max(0, Math.min(bars.length - 1, Math.floor(((clientX - left) / wide) * bars.length)));
  };
  const zoom = (low, high) => {
    view.follow(false);
    change({ since: from + low * width, until: from + (high + 1) * width });
  };
  const clear = () => change({ since: 0, until: 0 });
  const onKey = (event) => {
    const work = {
      ArrowRight: () => setCursor(Math.min(bars.length - 1, cursor + 1)), ArrowLeft: () => setCursor(Math.max(0, cursor - 1)),
      Enter: () => zoom(at, at), Escape: zoomed && clear,
    }[event.key];
    if (!work) return;
    event.preventDefault();
    event.stopPropagation();
    work();
  };
  const words = (bar) => `${formatTime(from + bar * width, "relative", startedTs)}, ${grouped(bars[bar].reduce((sum, n) => sum + n, 0))} lines`;
  const at = Math.max(0, Math.min(cursor, bars.length - 1));
  return (
    <div className="flex shrink-0 items-center gap-2 border-b border-line bg-surface px-2 py-1 font-sans">
      <div ref={box} role="slider" tabIndex={0} aria-label="Lines over time: arrow keys choose a moment, Enter shows only it" aria-valuemin={0} aria-valuemax={bars.length - 1} aria-valuenow={at} aria-valuetext={words(at)}
        title="Draw over a stretch to see only it" onKeyDown={onKey} className="relative h-6 min-w-0 flex-1 cursor-crosshair touch-none rounded-sm"
        onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); setDrag({ from: barAt(event), to: barAt(event) }); }}
        onPointerMove={(event) => (drag ? setDrag({ ...drag, to: barAt(event) }) : setCursor(barAt(event)))}
        onPointerCancel={() => setDrag(null)} onPointerLeave={() => setCursor(-1)} onBlur={() => setCursor(-1)}
        onPointerUp={() => { if (drag) zoom(Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)); setDrag(null); }}>
        <svg aria-hidden="true" viewBox={`0 0 ${bars.length} ${HEIGHT}`} preserveAspectRatio="none" className="h-full w-full">
          {shown && <rect x={shown.low} y={0} width={Math.max(0, shown.high - shown.low)} height={HEIGHT} className="fill-accent-soft" />}
          {bars.map((counts, x) => <Bar key={x} counts={counts} most={most} x={x} />)}
          {cursor >= 0 && <rect x={at} y={0} width={1} height={HEIGHT} className="fill-accent/15" />}
        </svg>
      </div>
      {zoomed && <button type="button" onClick={clear} className="h-6 shrink-0 rounded px-2 text-xs font-medium text-accent hover:bg-sunken">Show all times</button>}
    </div>
  );
}
