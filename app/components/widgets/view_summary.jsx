import { stepsOf } from "./view_steps_feed.js";
import { summaryOf } from "./view_steps_model.js";

/** What a run that is over did, in three lines at most. */
export default function Summary({ feed }) {
  const model = stepsOf(feed);
  if (!model.isLoaded || !model.steps.end) return null;
  return (
    <section aria-label="What it did" className="mb-4 rounded-xl border border-line bg-surface px-4 py-3 shadow-card sm:px-5">
      <h3 className="mb-1 text-sm font-semibold">What it did</h3>
      <ul className="flex flex-col gap-0.5 text-sm text-muted">
        {summaryOf(model.steps).map((line) => <li key={line} className="flex gap-2"><span aria-hidden="true" className="text-faint">•</span><span className="min-w-0 break-words">{line}</span></li>)}
      </ul>
    </section>
  );
}
