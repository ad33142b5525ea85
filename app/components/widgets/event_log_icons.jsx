import Ban from "lucide-react/dist/esm/icons/circle-stop.mjs";
import Book from "lucide-react/dist/esm/icons/book-open.mjs";
import Check from "lucide-react/dist/esm/icons/circle-check.mjs";
import Circle from "lucide-react/dist/esm/icons/circle.mjs";
import Cross from "lucide-react/dist/esm/icons/circle-x.mjs";
import Fork from "lucide-react/dist/esm/icons/git-fork.mjs";
import Gauge from "lucide-react/dist/esm/icons/gauge.mjs";
import Hand from "lucide-react/dist/esm/icons/hand.mjs";
import Loader from "lucide-react/dist/esm/icons/loader-circle.mjs";
import Play from "lucide-react/dist/esm/icons/play.mjs";
import Again from "lucide-react/dist/esm/icons/rotate-cw.mjs";
import Sparkles from "lucide-react/dist/esm/icons/sparkles.mjs";
import Wrench from "lucide-react/dist/esm/icons/wrench.mjs";

const ICONS = { run_started: Play, run_completed: Check, run_stopped: Ban, run_failed: Cross, run_timed_out: Cross, usage_recorded: Gauge, attempt_started: Again, child_started: Fork, child_completed: Fork };
const CATEGORY_ICONS = { llm: Sparkles, tool: Wrench, retrieval: Book, human: Hand, error: Cross, output: Check, system: Circle };
export const COLORS = {
  llm: "text-accent", tool: "text-warn", retrieval: "text-ok", human: "text-warn", system: "text-faint", error: "text-bad", output: "text-ok",
};

/** What a line is about, at a glance; `isOpen` when it goes on at the moment. */
export function RowIcon({ row, isOpen }) {
  if (isOpen && !row.stream && row.type !== "run_waiting") return <Loader size={14} aria-hidden="true" className="animate-spin text-accent" />;
  if (row.type === "stage_changed") return <Check size={14} aria-hidden="true" className="text-ok" />;
  if (row.isFailed) return <Cross size={14} aria-hidden="true" className="text-bad" />;
  const Shown = ICONS[row.type] ?? CATEGORY_ICONS[row.category];
  return <Shown size={row.category === "system" && !ICONS[row.type] ? 10 : 14} aria-hidden="true" className={COLORS[row.category]} />;
}
