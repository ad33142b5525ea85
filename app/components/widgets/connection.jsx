import { useEffect, useRef, useState } from "react";
import { grouped } from "./event_log_text.js";
import { useConnection } from "./run_feed.js";

const PATIENCE = 2000; // a shorter break is not worth a word
const SHOWN = 4000;

/** Says that the connection is lost, and what was caught up when it is back. `isDown` is the page's own socket. */
export function Connection({ isDown, words }) {
  const feed = useConnection();
  const isLost = isDown || !feed.isOnline;
  const [phase, setPhase] = useState("");
  const phaseNow = useRef("");
  const show = (next) => { phaseNow.current = next; setPhase(next); };
  useEffect(() => {
    if (isLost) {
      const timer = setTimeout(() => show("lost"), PATIENCE);
      return () => clearTimeout(timer);
    }
    if (phaseNow.current !== "lost") return undefined;
    show("back");
    const timer = setTimeout(() => show(""), SHOWN);
    return () => clearTimeout(timer);
  }, [isLost]);
  const caught = feed.caught === 1 ? words.caught_one : words.caught.replace("{n}", grouped(feed.caught));
  const text = phase === "lost" ? words.lost : feed.caught ? caught : words.back;
  return (
    <div role="status" className="pointer-events-none fixed inset-x-3 bottom-20 z-50 flex justify-center md:bottom-6">
      {phase && (
        <div data-phase={phase} className={`flex items-center gap-2.5 rounded-full border px-4 py-2 text-sm font-medium shadow-pop ${phase === "lost" ? "border-warn/40 bg-warn-soft text-warn" : "border-ok/40 bg-ok-soft text-ok"}`}>
          <span aria-hidden="true" className={`size-2 rounded-full bg-current ${phase === "lost" ? "animate-pulse" : ""}`} />{text}
        </div>
      )}
    </div>
  );
}
