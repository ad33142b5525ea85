/** Which step is chosen, as the address says, and time that goes on while something runs. */
import { useCallback, useEffect, useState } from "react";
import { readQuery, writeQuery } from "./run_address.js";
import { stepAt } from "./view_steps_model.js";

export function useSelection(steps) {
  const [seq, setSeq] = useState(() => Number(readQuery().get("event")) || 0);
  const select = useCallback((next) => {
    writeQuery({ event: next || "" });
    setSeq(next);
  }, []);
  return [stepAt(steps, seq), select];
}

/** The present while `isRunning`, five times a second. */
export function useNow(isRunning) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(() => document.hidden || setNow(Date.now()), 200);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
