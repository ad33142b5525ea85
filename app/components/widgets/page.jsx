import { useEffect, useRef, useState } from "react";
import { createPortal } from "react-dom";
import { useLocation, useNavigate } from "react-router";

const opened = []; // dialogs, the newest last
const corner = typeof document === "undefined" ? null : document.createElement("div");

/** Put the notices into the newest dialog, or below the page: what is outside of a modal dialog can be neither clicked nor heard. */
function placeNotices() {
  const place = opened.at(-1) ?? document.body;
  if (corner.parentNode !== place) place.append(corner);
}

function openModal(element) {
  element.showModal();
  opened.push(element);
  placeNotices();
}

function forget(element) {
  if (!opened.includes(element)) return;
  opened.splice(opened.indexOf(element), 1);
  placeNotices();
}

/** Take the notices out of a dialog that goes away while it is open. */
function useForgotten(dialog) {
  useEffect(() => {
    const element = dialog.current;
    return () => forget(element);
  }, [dialog]);
}

/** Where notices appear, over everything. */
export function Notices({ className, children }) {
  const [isPlaced, setPlaced] = useState(false);
  useEffect(() => {
    placeNotices();
    setPlaced(true);
    return () => corner.remove();
  }, []);
  return isPlaced && createPortal(<div role="status" aria-live="polite" className={className}>{children}</div>, corner);
}

/** The browser's own modal dialog: it traps focus, closes on Escape, and gives focus back. */
export function Dialog({ open, onClose, label, className, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    const element = dialog.current;
    if (open && !element.open) openModal(element);
    if (!open && element.open) element.close();
  }, [open]);
  useForgotten(dialog);
  const cancel = (event) => { event.preventDefault(); onClose(); };
  const clickOutside = (event) => event.target === dialog.current && onClose();
  return (
    <dialog ref={dialog} aria-label={label} className={className} onCancel={cancel} onClose={() => forget(dialog.current)} onClick={clickOutside}>
      {open ? children : null}
    </dialog>
  );
}

/** Marked text that brings itself to the middle of the screen. */
export function Reveal({ children }) {
  const mark = useRef(null);
  useEffect(() => {
    const frame = requestAnimationFrame(() => mark.current?.scrollIntoView({ block: "center" }));
    return () => cancelAnimationFrame(frame);
  }, []);
  return <mark ref={mark} id="passage">{children}</mark>;
}

/** What brings itself into sight when it appears, and again when it grows. */
export function InSight({ children }) {
  const box = useRef(null);
  useEffect(() => {
    const watch = new ResizeObserver(() => box.current?.scrollIntoView({ block: "nearest" }));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);
  return <div ref={box}>{children}</div>;
}

const OFF = "shortcuts-off";
const typing = (element) => element?.closest("input, textarea, select, [contenteditable]");
const press = (selector) => {
  const target = document.querySelector(selector);
  if (!target) return false;
  target.matches("input, textarea") ? target.focus() : target.click();
  return true;
};

// Every page has its own frame, so what was shown last is remembered here.
let shown = "";

/** Put focus on the heading of a page that was reached without a reload, so that a screen reader says where it is. */
function useHeadingFocus() {
  const { pathname } = useLocation();
  useEffect(() => {
    const isFirst = !shown;
    if (shown === pathname) return;
    shown = pathname;
    if (isFirst) return;
    const frame = requestAnimationFrame(() => {
      window.scrollTo(0, 0);
      document.querySelector("h1")?.focus({ preventScroll: true });
    });
    return () => cancelAnimationFrame(frame);
  }, [pathname]);
}

/** Single keys for moving about, and the sheet that lists them; `places` maps a key to [path, words]. */
export function Shortcuts({ places, actions, words }) {
  const sheet = useRef(null);
  const waiting = useRef(0);
  const navigate = useNavigate();
  const [off, setOff] = useState(false);
  useHeadingFocus();
  useForgotten(sheet);
  useEffect(() => setOff(localStorage.getItem(OFF) === "1"), []);
  useEffect(() => {
    const onKey = (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
      if (event.key === "?") return void (sheet.current.open ? sheet.current.close() : openModal(sheet.current));
      if (off || document.querySelector("dialog[open]")) return;
      const isSecond = Date.now() - waiting.current < 1500;
      waiting.current = event.key === "g" ? Date.now() : 0;
      if (isSecond && places[event.key]) navigate(places[event.key][0]);
      else if (actions[event.key] && press(`[data-key="${event.key}"]`)) event.preventDefault();
    };
    const onAsk = (event) => event.target.closest?.("[data-shortcuts]") && openModal(sheet.current);
    document.addEventListener("keydown", onKey);
    document.addEventListener("click", onAsk);
    return () => {
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("click", onAsk);
    };
  }, [off, navigate, places, actions]);
  const toggle = (event) => {
    setOff(!event.target.checked);
    localStorage.setItem(OFF, event.target.checked ? "0" : "1");
  };
  const key = (text) => <kbd key={text} className="min-w-6 rounded border border-line-strong bg-sunken px-1.5 text-center font-mono text-xs">{text}</kbd>;
  const row = (keys, text) => (
    <li key={text} className="flex items-center justify-between gap-6 py-1.5">
      <span>{text}</span><span className="flex gap-1">{keys.map(key)}</span>
    </li>
  );
  return (
    <dialog ref={sheet} aria-label={words.title} onClose={() => forget(sheet.current)} onClick={(event) => event.target === sheet.current && sheet.current.close()}
      className="m-auto w-[min(26rem,calc(100vw-2rem))] rounded-xl border border-line bg-raised p-0 text-ink shadow-pop">
      <div className="p-5">
        <h2 className="mb-2 text-lg font-semibold">{words.title}</h2>
        <ul>
          {Object.entries(places).map(([k, [, text]]) => row(["g", k], text))}
          {Object.entries(actions).map(([k, text]) => row([k], text))}
          {row(["Esc"], words.escape)}
          {row(["?"], words.title)}
        </ul>
        <label className="mt-4 flex items-center gap-2 text-muted">
          <input type="checkbox" checked={!off} onChange={toggle} className="size-4 accent-accent" /> {words.enabled}
        </label>
        <button type="button" onClick={() => sheet.current.close()} className="mt-4 h-9 w-full rounded-lg border border-line-strong font-medium hover:bg-sunken">
          {words.close}
        </button>
      </div>
    </dialog>
  );
}

// Browsers take a frame or two to change the address, and the first words of an answer come before that matters.
const ADDRESS_DELAY_MS = 400;

/** Keeps the address's query in step with what is shown; there is one only after the page has read the address. */
export function Address({ query }) {
  const text = JSON.stringify(query);
  useEffect(() => {
    const change = setTimeout(() => show(JSON.parse(text)), ADDRESS_DELAY_MS);
    return () => clearTimeout(change);
  }, [text]);
  return null;
}

function show(query) {
  const address = new URL(window.location.href);
  for (const [name, value] of Object.entries(query)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  window.history.replaceState(window.history.state, "", address);
}
