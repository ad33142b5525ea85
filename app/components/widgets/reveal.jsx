import { useEffect, useRef } from "react";

/** Marked text that brings itself to the middle of the screen. */
export function Reveal({ children }) {
  const mark = useRef(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => mark.current?.scrollIntoView({ block: "center" }));
    return () => cancelAnimationFrame(frame);
  }, []);
  return <mark ref={mark} id="passage">{children}</mark>;
}
