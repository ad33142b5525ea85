import { formatDuration } from "./event_log_text.js";
import { useNow } from "./view_selection.js";
import { GRAPHS, WORDS } from "./view_graph_model.js";
import { stepsOf } from "./view_steps_feed.js";

const WIDTH = 134;
const HEIGHT = 52;
const GAPS = { answer: 146, tools: 190 }; // between the columns
const ROW = 86;
const BEND = 14;

const placeOf = ([column, row], gap) => ({ x: column * gap, y: row * ROW });

/** Straight down in a column, a curve to the next row, and around what lies between to a row further down. */
function pathOf(a, b) {
  const [x1, y1, x2, y2] = [a.x + WIDTH / 2, a.y + HEIGHT, b.x + WIDTH / 2, b.y];
  if (a.x === b.x && a.y === b.y) return `M${a.x + WIDTH - 34},${a.y} c-4,-34 30,-34 22,-2`;
  if (a.y === b.y) return a.x < b.x ? `M${a.x + WIDTH},${a.y + HEIGHT / 3} H${b.x}` : `M${a.x},${a.y + (2 * HEIGHT) / 3} H${b.x + WIDTH}`;
  if (x1 === x2) return `M${x1},${y1} V${y2}`;
  if (b.y - a.y <= ROW) return `M${x1},${y1} C${x1},${y2 - 8} ${x2},${y1 + 8} ${x2},${y2}`;
  const towards = Math.sign(x2 - x1);
  return `M${x1},${y1} V${y2 + HEIGHT / 2 - BEND} Q${x1},${y2 + HEIGHT / 2} ${x1 + towards * BEND},${y2 + HEIGHT / 2} H${towards > 0 ? b.x : b.x + WIDTH}`;
}

function Edge({ a, b, isTaken }) {
  return <path d={pathOf(a, b)} fill="none" markerEnd={isTaken ? "url(#arrow-taken)" : "url(#arrow)"} className={isTaken ? "stroke-accent" : "stroke-line-strong"} strokeWidth={isTaken ? 2 : 1.25} strokeDasharray={isTaken ? "" : "4 4"} />;
}

function Node({ name, place, visit, isCurrent, isFailed, milliseconds, onSelect }) {
  const { x, y } = place;
  const [title, about] = WORDS[name] ?? [name, ""];
  const state = isCurrent ? "running now" : isFailed ? "failed" : visit ? "done" : "not visited";
  const look = isFailed ? "fill-bad-soft stroke-bad" : isCurrent ? "fill-accent-soft stroke-accent" : visit ? "fill-ok-soft stroke-ok" : "fill-surface stroke-line-strong";
  const took = milliseconds >= 1 ? formatDuration(milliseconds) : "";
  const below = [visit?.count > 1 ? `${visit.count} times` : "", took].filter(Boolean).join(", ") || about;
  const isEnd = name.startsWith("__");
  const press = visit ? () => onSelect(visit.seq) : undefined;
  return (
    <g role={press ? "button" : "img"} tabIndex={press ? 0 : undefined} aria-label={`${title}, ${state}${took ? `, ${took}` : ""}`} onClick={press} data-node={name} data-state={state}
      onKeyDown={(event) => press && (event.key === "Enter" || event.key === " ") && (event.preventDefault(), press())} className={press ? "cursor-pointer" : ""}>
      {isCurrent && <rect x={x - 4} y={y - 4} width={WIDTH + 8} height={HEIGHT + 8} rx={isEnd ? 30 : 16} fill="none" strokeWidth={2} className="animate-pulse stroke-accent" />}
      <rect x={x} y={y} width={WIDTH} height={HEIGHT} rx={isEnd ? 26 : 12} strokeWidth={1.5} className={look} />
      <text x={x + WIDTH / 2} y={y + (isEnd ? 31 : 23)} textAnchor="middle" className="fill-ink text-[15px] font-semibold">{visit && !isCurrent && !isFailed ? "✓ " : isFailed ? "✕ " : ""}{title}</text>
      {!isEnd && <text x={x + WIDTH / 2} y={y + 41} textAnchor="middle" className="fill-muted text-[12px] tabular-nums">{below}</text>}
    </g>
  );
}

/** The graph of the agent: where the run is, where it was, and for how long. */
export default function GraphView({ feed, toLine }) {
  const { walk, isLoaded } = stepsOf(feed);
  const now = useNow(feed.isRunning);
  const { nodes, edges } = GRAPHS[walk.kind];
  const places = Object.fromEntries(Object.entries(nodes).map(([name, place]) => [name, placeOf(place, GAPS[walk.kind])]));
  const width = Math.max(...Object.values(places).map(({ x }) => x)) + WIDTH;
  const height = Math.max(...Object.values(places).map(({ y }) => y)) + HEIGHT;
  if (!isLoaded) return <div aria-hidden="true" className="flex flex-1 flex-col items-center gap-6 p-6">{[1, 2, 3].map((at) => <div key={at} className="skeleton h-14 w-44 rounded-xl" />)}</div>;
  return (
    <div className="min-h-0 flex-1 overflow-auto p-4" tabIndex={0} role="group" aria-label="Graph of the agent">
      <svg viewBox={`-6 -6 ${width + 12} ${height + 12}`} className="mx-auto h-auto w-full max-w-md">
        <defs>
          {["arrow", "arrow-taken"].map((id) => (
            <marker key={id} id={id} viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0,0 L8,4 L0,8 z" className={id === "arrow" ? "fill-line-strong" : "fill-accent"} /></marker>
          ))}
        </defs>
        {edges.map(([from, to]) => <Edge key={`${from}>${to}`} a={places[from]} b={places[to]} isTaken={walk.taken.has(`${from}>${to}`)} />)}
        {Object.entries(places).map(([name, place]) => {
          const visit = walk.visits.get(name);
          const isCurrent = walk.current === name;
          return <Node key={name} name={name} place={place} visit={visit} isCurrent={isCurrent} isFailed={walk.failed === name} onSelect={toLine}
            milliseconds={(visit?.milliseconds ?? 0) + (isCurrent ? Math.max(0, now - walk.since) : 0)} />;
        })}
      </svg>
    </div>
  );
}
