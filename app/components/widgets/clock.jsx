import { useEffect, useRef, useState } from "react";

const UNITS = [["yr", 31536000], ["mo", 2592000], ["wk", 604800], ["day", 86400], ["hr", 3600], ["min", 60]];
const ABSOLUTE = { dateStyle: "medium", timeStyle: "medium" };
// Each is made when it is first needed, and once: the first one takes a browser 20 ms, and lists show dozens of moments.
const FORMATS = {
  absolute: () => new Intl.DateTimeFormat("en-GB", ABSOLUTE),
  utc: () => new Intl.DateTimeFormat("en-GB", { ...ABSOLUTE, timeZone: "UTC" }),
};
const made = {};
const format = (name, date) => (made[name] ??= FORMATS[name]()).format(date);
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
  const [unit, size] = UNITS.find(([, s]) => Math.abs(seconds) >= s) ?? ["min", 60];
  const amount = Math.max(1, Math.round(Math.abs(seconds) / size));
  if (unit === "day" && amount === 1) return seconds < 0 ? "yesterday" : "tomorrow";
  const words = `${amount} ${unit}${unit === "day" ? "s" : ""}`;
  return seconds < 0 ? `${words} ago` : `in ${words}`;
}

const absolute = (date, mode) => format(mode, date) + (mode === "utc" ? " UTC" : "");

const two = (n) => String(n).padStart(2, "0");

/** The moment as ISO 8601 has it, in the zone of the browser. */
function exact(date) {
  const minutes = -date.getTimezoneOffset();
  const zone = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return new Date(date.getTime() + minutes * 60000).toISOString().slice(0, 19) + zone;
}

/** A moment: relative, absolute or UTC; the exact one with its zone is in the tooltip. */
export function TimeAgo({ at, mode = "relative", className }) {
  useSecond(mode === "relative");
  if (!at) return null;
  const date = new Date(at);
  const text = mode === "relative" ? relative(date) : absolute(date, mode);
  return <time dateTime={at} title={exact(date)} className={className}>{text}</time>;
}

function span(seconds) {
  if (seconds < 60) return seconds.toFixed(1) + " s";
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const text = parts.map(two).join(":");
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
