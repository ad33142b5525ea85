import { useState } from "react";

const BUTTON = "inline-flex h-7 items-center rounded-md border border-line-strong bg-surface px-2.5 font-sans text-xs font-medium hover:bg-sunken disabled:opacity-60";

async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 401) window.location.reload();
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message ?? "The server did not answer. Try again.");
  return body;
}

/** The last step that was done before moment `ts`. */
const stepBefore = (steps, ts) => steps.filter(({ at, can_fork: canFork }) => canFork && at && Date.parse(at) <= ts).at(-1);

/** Go on from the step before a line, in a new run; asks first, because what came after it happens again. */
export default function Again({ runId, ts }) {
  const [step, setStep] = useState(null);
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const doing = (work) => async () => {
    setBusy(true);
    setProblem("");
    try {
      await work();
    } catch (error) {
      setProblem(error.message);
      setBusy(false);
    }
  };
  const look = doing(async () => {
    const { items } = await ask(`/api/v1/runs/${runId}/steps`);
    const found = stepBefore(items, ts);
    if (found) setStep(found);
    else setProblem("No step before this line is kept any more. Press Retry to begin anew.");
    setBusy(false);
  });
  const begin = doing(async () => {
    const run = await ask(`/api/v1/runs/${runId}/fork`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ step: step.step }),
    });
    window.location.assign(`/runs/${run.id}`);
  });
  return (
    <div className="flex flex-wrap items-center gap-2 border-b border-line px-3 py-2 font-sans text-xs">
      {step ? (
        <>
          <span className="min-w-0 flex-1 basis-60 text-warn">A new run goes on after step {step.step}{step.node ? ` (${step.node})` : ""}. What comes after it is done again, with its side effects.</span>
          <button type="button" className={BUTTON} disabled={isBusy} onClick={begin}>Retry from here</button>
          <button type="button" className={BUTTON} disabled={isBusy} onClick={() => setStep(null)}>Cancel</button>
        </>
      ) : <button type="button" className={BUTTON} disabled={isBusy} onClick={look}>Retry from here</button>}
      {problem && <span role="alert" className="basis-full text-bad">{problem}</span>}
    </div>
  );
}
