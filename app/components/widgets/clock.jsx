import { useEffect, useRef, useState } from "react";

const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];
// Made once: making one takes much longer than using it, and lists show dozens of moments.
const TWO = "2-digit";
const TITLE = new Intl.DateTimeFormat("sv-SE", {
  year: "numeric", month: TWO, day: TWO, hour: TWO, minute: TWO, second: TWO, timeZoneName: "short",
});
const ABSOLUTE = { dateStyle: "medium", timeStyle: "medium" };
const LOCAL = new Intl.DateTimeFormat("en-GB", ABSOLUTE);
const UTC = new Intl.DateTimeFormat("en-GB", { ...ABSOLUTE, timeZone: "UTC" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const listeners = new Set();
let timer = 0;

/** Call `update` about once a second, from one timer for the whole page. */
function useSecond(active) {
  const [, update] = useState(0);
  useEffect(() => {
    if (!active) return;
    const tick = () => update((n) => n + 1);
    listeners.add(tick);
    timer ||= setInterval(() => document.hidden || listeners.forEach((f) => f()), 1000);
    return () => {
      listeners.delete(tick);
      if (!listeners.size) timer = clearInterval(timer) || 0;
    };
  }, [active]);
}

function relative(date) {
  const seconds = (date - Date.now()) / 1000;
  if (Math.abs(seconds) < 45) return "just now";
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? ["minute", 60];
  const amount = Math.round(seconds / size) || Math.sign(seconds);
  return RELATIVE.format(amount, unit);
}

const absolute = (date, isUtc) => (isUtc ? UTC.format(date) + " UTC" : LOCAL.format(date));

/** A moment: relative, absolute or UTC; the exact one with its zone is in the tooltip. */
export function TimeAgo({ at, mode = "relative", className }) {
  useSecond(mode === "relative");
  if (!at) return null;
  const date = new Date(at);
  const text = mode === "relative" ? relative(date) : absolute(date, mode === "utc");
  return <time dateTime={at} title={TITLE.format(date)} className={className}>{text}</time>;
}

function span(seconds) {
  if (seconds < 60) return seconds.toFixed(1) + " s";
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const text = parts.map((n) => String(n).padStart(2, "0")).join(":");
  return parts[0] ? text : text.slice(3);
}

const took = (seconds) => (seconds < 1 ? `${Math.round(seconds * 1000)} ms` : span(seconds));

/** How long something took, or has taken until now. */
export function Elapsed({ start, end, className }) {
  useSecond(Boolean(start && !end));
  if (!start) return null;
  const seconds = Math.max(0, ((end ? new Date(end) : Date.now()) - new Date(start)) / 1000);
  return <span className={"tabular-nums " + (className ?? "")}>{end ? took(seconds) : span(Math.floor(seconds)).replace(".0", "")}</span>;
}

/** Ask for news every `seconds` while the page is looked at; a hidden or closed tab asks for nothing. */
export function Pulse({ seconds, onPulse }) {
  const pulse = useRef(onPulse);
  pulse.current = onPulse;
  useEffect(() => {
    if (!seconds) return;
    const ask = () => document.hidden || pulse.current();
    const handle = setInterval(ask, seconds * 1000);
    document.addEventListener("visibilitychange", ask);
    return () => {
      clearInterval(handle);
      document.removeEventListener("visibilitychange", ask);
    };
  }, [seconds]);
  return null;
}
