import { useEffect, useRef } from "react";

const PREFIX = "draft:";
const MONTH = 30 * 24 * 3600 * 1000;

function read(form) {
  const values = {};
  for (const element of form.elements) {
    if (!element.name || element.type === "password" || element.type === "hidden") continue;
    if (element.type === "checkbox") values[element.name] = element.checked;
    else if (element.type !== "radio" || element.checked) values[element.name] = element.value;
  }
  return values;
}

function write(form, values) {
  for (const element of form.elements) {
    if (!(element.name in values)) continue;
    const value = values[element.name];
    if (element.type === "checkbox") element.checked = value;
    else if (element.type === "radio") element.checked = element.value === value;
    else element.value = value;
  }
}

/** Keeps what was typed into the surrounding form in this browser until it is saved. */
export function Draft({ name, savedAt, restoredText, discardText }) {
  const place = useRef(null);
  const note = useRef(null);
  const key = PREFIX + name;
  useEffect(() => {
    const form = place.current.closest("form");
    const original = read(form);
    const kept = JSON.parse(localStorage.getItem(key) ?? "null");
    const isUseful = kept && Date.now() - kept.at < MONTH && JSON.stringify(kept.values) !== JSON.stringify(original);
    note.current.hidden = !isUseful;
    if (isUseful) write(form, kept.values);
    let timer = 0;
    const keep = () => {
      clearTimeout(timer);
      timer = setTimeout(() => localStorage.setItem(key, JSON.stringify({ at: Date.now(), values: read(form) })), 300);
    };
    const discard = () => {
      clearTimeout(timer);
      localStorage.removeItem(key);
      write(form, original);
      note.current.hidden = true;
    };
    const button = note.current.querySelector("button");
    form.addEventListener("input", keep);
    button.addEventListener("click", discard);
    return () => {
      clearTimeout(timer);
      form.removeEventListener("input", keep);
      button.removeEventListener("click", discard);
    };
  }, [key]);
  useEffect(() => {
    if (savedAt) localStorage.removeItem(key);
  }, [savedAt, key]);
  return (
    <div ref={place} className="contents">
      <p ref={note} hidden role="status" className="flex items-center gap-2 rounded-lg bg-accent-soft px-3 py-2 text-sm [&[hidden]]:hidden">
        <span className="min-w-0 flex-1">{restoredText}</span>
        <button type="button" className="h-6 shrink-0 rounded font-medium text-accent hover:underline">{discardText}</button>
      </p>
    </div>
  );
}
