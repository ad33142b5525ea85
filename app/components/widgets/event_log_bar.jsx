import { useId } from "react";
import ArrowDown from "lucide-react/dist/esm/icons/arrow-down-to-line.mjs";
import Down from "lucide-react/dist/esm/icons/chevron-down.mjs";
import Download from "lucide-react/dist/esm/icons/download.mjs";
import Search from "lucide-react/dist/esm/icons/search.mjs";
import Sliders from "lucide-react/dist/esm/icons/sliders-horizontal.mjs";
import Up from "lucide-react/dist/esm/icons/chevron-up.mjs";
import { CATEGORIES, LEVELS, grouped, typesOf } from "./event_log_text.js";
import { COLORS } from "./event_log_icons.jsx";

const TOOL = "inline-flex h-7 shrink-0 items-center gap-1.5 rounded-md px-2 text-xs font-medium text-muted hover:bg-sunken hover:text-ink aria-pressed:bg-accent-soft aria-pressed:text-accent";
const MENU = "menu min-w-52 rounded-lg border border-line bg-raised p-1.5 font-sans text-sm text-ink shadow-pop";
const ITEM = "flex min-h-8 w-full cursor-pointer items-center gap-2 rounded-md px-2 text-start hover:bg-sunken";

function Toggle({ label, title, isOn, onToggle }) {
  return (
    <button type="button" aria-pressed={isOn} aria-label={title} title={title} onClick={() => onToggle(!isOn)}
      className="h-6 min-w-6 rounded px-1 font-mono text-[11px] text-muted hover:bg-sunken aria-pressed:bg-accent-soft aria-pressed:text-accent">{label}</button>
  );
}

function Check({ label, isOn, onToggle }) {
  return <label className={ITEM}><input type="checkbox" className="size-4 accent-accent" checked={isOn} onChange={(event) => onToggle(event.target.checked)} />{label}</label>;
}

function SearchField({ view, field, problem }) {
  const { query, change, search, step } = view;
  const onKey = (event) => {
    if (event.key === "Enter") { event.preventDefault(); step(event.shiftKey ? -1 : 1); }
    if (event.key === "Escape" && query.text) { event.preventDefault(); event.stopPropagation(); change({ text: "" }); }
  };
  const more = search.isBusy ? "…" : search.isMore ? "+" : "";
  const count = search.isBroken ? "not a pattern" : `${search.n || "–"} of ${grouped(search.total)}${more}`;
  return (
    <div role="search" className={`flex h-8 min-w-0 flex-1 basis-full items-center sm:basis-0 gap-0.5 rounded-md border bg-surface ps-2 pe-1 focus-within:outline-2 focus-within:outline-accent ${search.isBroken ? "border-bad" : "border-line-strong"}`}>
      <Search size={14} aria-hidden="true" className="shrink-0 text-faint" />
      <input ref={field} type="text" value={query.text} onChange={(event) => change({ text: event.target.value })} onKeyDown={onKey}
        aria-label="Search the log" placeholder="Search the log" spellCheck={false} aria-invalid={search.isBroken} aria-describedby={problem} style={{ outline: "none" }}
        className="h-full min-w-0 flex-1 bg-transparent px-1.5 font-sans text-sm text-ink placeholder:text-faint" />
      {query.text && <span role="status" className={`shrink-0 px-1 text-[11px] tabular-nums ${search.isBroken ? "text-bad" : "text-muted"}`}>{count}</span>}
      {query.text && <button type="button" aria-label="Previous result" title="Previous result (Shift+Enter)" onClick={() => step(-1)} className="inline-flex size-6 items-center justify-center rounded text-muted hover:bg-sunken"><Up size={14} aria-hidden="true" /></button>}
      {query.text && <button type="button" aria-label="Next result" title="Next result (Enter)" onClick={() => step(1)} className="inline-flex size-6 items-center justify-center rounded text-muted hover:bg-sunken"><Down size={14} aria-hidden="true" /></button>}
      <Toggle label="Aa" title="Match case" isOn={query.isCase} onToggle={(isCase) => change({ isCase })} />
      <Toggle label=".*" title="Search with a pattern (regular expression)" isOn={query.isRegex} onToggle={(isRegex) => change({ isRegex })} />
    </div>
  );
}

function Menu({ label, icon: Icon, text, children }) {
  const id = useId();
  return (
    <>
      <button type="button" popoverTarget={id} aria-label={label} title={label} className={TOOL}><Icon size={14} aria-hidden="true" /><span className="hidden sm:inline">{text}</span></button>
      <div id={id} popover="auto" className={MENU}>{children}</div>
    </>
  );
}

function ViewMenu({ preferences, prefer }) {
  const name = useId();
  return (
    <Menu label="How lines are shown" icon={Sliders} text="View">
      <fieldset>
        <legend className="px-2 pt-1 text-xs text-muted">Time</legend>
        {[["relative", "Since the start"], ["clock", "Clock"], ["iso", "ISO 8601, UTC"]].map(([value, words]) => (
          <label key={value} className={ITEM}><input type="radio" name={name} className="size-4 accent-accent" checked={preferences.time === value} onChange={() => prefer({ time: value })} />{words}</label>
        ))}
      </fieldset>
      <hr className="my-1 border-t border-line" />
      <Check label="Wrap long lines" isOn={preferences.isWrapped} onToggle={(isWrapped) => prefer({ isWrapped })} />
      <Check label="Indent JSON" isOn={preferences.isPretty} onToggle={(isPretty) => prefer({ isPretty })} />
      <Check label="Fold repeated lines" isOn={!preferences.hasRepeats} onToggle={(isFolded) => prefer({ hasRepeats: !isFolded })} />
      <Check label="Compact" isOn={preferences.isCompact} onToggle={(isCompact) => prefer({ isCompact })} />
      <Check label="Announce new lines" isOn={preferences.isAnnounced} onToggle={(isAnnounced) => prefer({ isAnnounced })} />
    </Menu>
  );
}

function Chips({ view }) {
  const { query, change, log } = view;
  const toggle = (name) => {
    const categories = new Set(query.categories);
    if (!categories.delete(name)) categories.add(name);
    change({ categories });
  };
  return (
    <div role="group" aria-label="Show only" className="flex min-w-0 items-center gap-1 overflow-x-auto py-0.5 [scrollbar-width:none]">
      {CATEGORIES.map((name) => (
        <button key={name} type="button" aria-pressed={query.categories.has(name)} onClick={() => toggle(name)}
          className="inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full border border-line px-2 text-xs text-muted hover:border-line-strong hover:text-ink aria-pressed:border-accent aria-pressed:bg-accent-soft aria-pressed:text-accent">
          <span aria-hidden="true" className={`size-1.5 rounded-full bg-current ${COLORS[name]}`} />{name}
          <span className="tabular-nums text-faint">{grouped(log.counts.categories[name])}</span>
        </button>
      ))}
    </div>
  );
}

/** The server writes the files; what is filtered is told in the address. */
function DownloadMenu({ query, isFiltered, runId }) {
  const address = (format, isAll) => {
    const wanted = new URLSearchParams({ format });
    if (!isAll) {
      for (const type of query.categories.size ? typesOf(query.categories) : []) wanted.append("type", type);
      if (query.level) wanted.set("level", LEVELS[query.level]);
      if (query.since) wanted.set("since", new Date(query.since).toISOString());
      if (query.until) wanted.set("until", new Date(query.until).toISOString());
      if (query.text) wanted.set("q", query.text);
      if (query.text && query.isRegex) wanted.set("regex", "true");
      if (query.text && query.isCase) wanted.set("case", "true");
    }
    return `/api/v1/runs/${runId}/log?${wanted}`;
  };
  const link = (words, format, isAll = true) => <a key={words} className={ITEM} href={address(format, isAll)} download>{words}</a>;
  return (
    <Menu label="Download the log" icon={Download} text="Download">
      {link("All events, JSON lines", "jsonl")}
      {isFiltered && link("Filtered events, JSON lines", "jsonl", false)}
      {link("All lines, text", "text")}
      {isFiltered && link("Filtered lines, text", "text", false)}
      {link("Spans, OTLP JSON", "otlp")}
    </Menu>
  );
}

/** What can be done with a log. */
export function Bar({ view, field, runId }) {
  const { query, change, log, preferences, prefer, isFollowing, follow, toLatest, search } = view;
  const from = (level) => grouped(log.counts.levels.slice(level).reduce((sum, n) => sum + n, 0));
  const problem = useId();
  return (
    <div className="flex flex-col gap-1.5 border-b border-line bg-surface p-2 font-sans">
      <div className="flex flex-wrap items-center gap-1">
        <SearchField view={view} field={field} problem={problem} />
        <button type="button" aria-pressed={isFollowing} title="Stay at the newest line" onClick={() => (isFollowing ? follow(false) : toLatest())} className={TOOL}>
          <ArrowDown size={14} aria-hidden="true" />Follow
        </button>
        <ViewMenu preferences={preferences} prefer={prefer} />
        <DownloadMenu query={query} isFiltered={log.isFiltered || Boolean(query.text)} runId={runId} />
        <label className="ms-auto shrink-0 text-xs sm:ms-0">
          <span className="sr-only">Lowest level</span>
          <select value={query.level} onChange={(event) => change({ level: Number(event.target.value) })} className="h-7 rounded-md border border-line bg-surface px-1 text-xs text-ink">
            {LEVELS.map((name, level) => <option key={name} value={level}>{level ? `${name} and above` : "all levels"} ({from(level)})</option>)}
          </select>
        </label>
      </div>
      {query.text && search.problem && <p id={problem} role="alert" className={`px-1 text-xs break-words ${search.isBroken ? "text-bad" : "text-warn"}`}>{search.problem}</p>}
      <Chips view={view} />
    </div>
  );
}
