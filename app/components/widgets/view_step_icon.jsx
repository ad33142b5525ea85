import Again from "lucide-react/dist/esm/icons/rotate-cw.mjs";
import Book from "lucide-react/dist/esm/icons/book-open.mjs";
import Check from "lucide-react/dist/esm/icons/circle-check.mjs";
import Circle from "lucide-react/dist/esm/icons/circle.mjs";
import Cross from "lucide-react/dist/esm/icons/circle-x.mjs";
import Hand from "lucide-react/dist/esm/icons/hand.mjs";
import Loader from "lucide-react/dist/esm/icons/loader-circle.mjs";
import Sparkles from "lucide-react/dist/esm/icons/sparkles.mjs";
import Stop from "lucide-react/dist/esm/icons/circle-stop.mjs";
import Wrench from "lucide-react/dist/esm/icons/wrench.mjs";

const ICONS = { llm: Sparkles, tool: Wrench, retrieval: Book, human: Hand, attempt: Again, end: Check, stage: Check, queue: Check };
const COLORS = { llm: "text-accent", tool: "text-warn", retrieval: "text-ok", human: "text-warn", attempt: "text-warn", end: "text-ok", stage: "text-ok", queue: "text-faint", note: "text-faint" };

/** In words, for who does not see the icon. */
export const stateOf = (step) => (step.isOpen ? "running" : step.isError ? "failed" : step.isCut ? "cut off" : step.kind === "note" ? "" : "done");

/** What a step is, and how it stands: running, done, failed or cut off. */
export function StepIcon({ step }) {
  const isFailed = step.isError;
  const isLoading = step.isOpen && step.kind !== "human";
  const Shown = isLoading ? Loader : isFailed ? Cross : step.isCut || step.type === "run_stopped" ? Stop : ICONS[step.kind] ?? Circle;
  const color = isLoading ? "animate-spin text-accent" : isFailed ? "text-bad" : step.isCut || step.isWarning ? "text-warn" : COLORS[step.kind];
  return <Shown size={step.kind === "note" && !isFailed ? 9 : 15} aria-hidden="true" className={color} />;
}
