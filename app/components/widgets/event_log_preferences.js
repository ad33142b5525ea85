/** How a reader likes the log, remembered on the device for each person who signs in there. */
import { useCallback, useEffect, useState } from "react";

const NAME = "atelier-log";
const DEFAULTS = { time: "relative", isWrapped: true, isCompact: false, isPretty: false, hasRepeats: true, isAnnounced: false };

function read(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

/** The preferences of `reader`; until it is known who reads, those of whoever read last. */
export function usePreferences(reader) {
  const [preferences, setPreferences] = useState(() => ({ ...DEFAULTS, ...read(NAME) }));
  const own = reader ? `${NAME}:${reader}` : NAME;
  useEffect(() => {
    if (reader) setPreferences({ ...DEFAULTS, ...(read(own) ?? {}) });
  }, [own, reader]);
  const prefer = useCallback((change) => setPreferences((old) => {
    const next = { ...old, ...change };
    for (const name of [NAME, own]) localStorage.setItem(name, JSON.stringify(next));
    return next;
  }), [own]);
  return [preferences, prefer];
}
