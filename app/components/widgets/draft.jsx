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

/** React hears of a new text only when it does not come through its own setter. */
function type(element, text) {
  if (element.value === text) return;
  Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), "value").set.call(element, text);
  element.dispatchEvent(new Event("input", { bubbles: true }));
}

function write(form, values) {
  for (const element of form.elements) {
    if (!(element.name in values)) continue;
    const value = values[element.name];
    if (element.type === "checkbox") element.checked = value;
    else if (element.type === "radio") element.checked = element.value === value;
    else type(element, value);
  }
}

const isEmpty = (values) => !Object.values(values).some(Boolean);

function recall(key) {
  const kept = JSON.parse(localStorage.getItem(key) ?? "null");
  return kept && Date.now() - kept.at < MONTH ? kept.values : null;
}

function keep(key, values) {
  if (isEmpty(values)) localStorage.removeItem(key);
  else localStorage.setItem(key, JSON.stringify({ at: Date.now(), values }));
}

/**
 * Keeps what was typed into the surrounding form in this browser until it is saved. With `restoredText` it says so when
 * it brings something back; without, it only fills a form that is empty.
 */
export function Draft({ name, savedAt, restoredText, discardText }) {
  const place = useRef(null);
  const note = useRef(null);
  const first = useRef(savedAt);
  const key = PREFIX + name;
  useEffect(() => {
    const form = place.current.closest("form");
    const original = read(form);
    const values = recall(key);
    const isUseful = values && (restoredText ? JSON.stringify(values) !== JSON.stringify(original) : isEmpty(original));
    note.current.hidden = !isUseful || !restoredText;
    if (isUseful) write(form, values);
    let timer = 0;
    const keepSoon = () => {
      clearTimeout(timer);
      timer = setTimeout(() => keep(key, read(form)), 300);
    };
    const discard = () => {
      write(form, original);
      clearTimeout(timer);
      localStorage.removeItem(key);
      note.current.hidden = true;
    };
    // A field that is filled by the page itself tells nobody: look once more at the end.
    const leave = () => restoredText || keep(key, read(form));
    const button = note.current.querySelector("button");
    form.addEventListener("input", keepSoon);
    button.addEventListener("click", discard);
    window.addEventListener("pagehide", leave);
    return () => {
      clearTimeout(timer);
      form.removeEventListener("input", keepSoon);
      button.removeEventListener("click", discard);
      window.removeEventListener("pagehide", leave);
      leave();
    };
  }, [key, restoredText]);
  useEffect(() => {
    if (savedAt !== first.current) localStorage.removeItem(key);
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
