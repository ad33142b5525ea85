/** What the reader of a log does: follow, filter, search, page, jump, copy, download; kept in the address and on the device. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { CATEGORIES, LEVELS, typesOf } from "./event_log_text.js";
import { indexOfSeq, toPattern } from "./event_log_core.js";
import { usePreferences } from "./event_log_preferences.js";
import { placesOf } from "./event_log_rows.js";
import { readQuery, writeQuery } from "./run_address.js";

const SEARCH_PAGE = 1000;
const AROUND = 400; // more than NEAR, so that nothing is fetched while the list finds its place
const NEAR = 150;
const BOTTOM = 40;
const NOTHING = { before: [], after: [], isMore: false, isBusy: false, problem: "" };

function readAddress() {
  const query = readQuery();
  return {
    categories: new Set((query.get("types") ?? "").split(",").filter((name) => CATEGORIES.includes(name))),
    level: Math.max(0, LEVELS.indexOf(query.get("level"))),
    text: query.get("q") ?? "", isRegex: query.has("regex"), isCase: query.has("case"),
    event: Number(query.get("event")) || 0, since: Number(query.get("since")) || 0, until: Number(query.get("until")) || 0,
  };
}

function writeAddress({ categories, level, text, isRegex, isCase, event, since, until }) {
  writeQuery({
    types: [...categories].join(","), level: level ? LEVELS[level] : "", event, since, until,
    q: text, regex: isRegex && text ? "1" : "", case: isCase && text ? "1" : "",
  });
}

/** Copy text; where the clipboard needs HTTPS and there is none, through a field. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/** The pattern that a query asks for, or why it is none: an unfinished pattern finds nothing, and the field says so. */
function readPattern(query) {
  try {
    return [toPattern(query), ""];
  } catch (error) {
    return [undefined, `This is not a pattern: ${error.message.split(": ").at(-1)}.`];
  }
}

/** What the server finds on one side of the window: page after page, because a page of a long search may be short. */
async function findAll(feed, request, edge, isWanted) {
  const [name] = Object.keys(edge);
  let items = [];
  let isMore = true;
  while (isMore && items.length < SEARCH_PAGE && isWanted()) {
    const page = await feed.page({ ...request, ...edge, limit: SEARCH_PAGE });
    items = name === "before" ? page.items.concat(items) : items.concat(page.items);
    isMore = page.has_more;
    edge = { [name]: page.next_seq };
  }
  return { places: placesOf(items), isMore };
}

/** The server looks where the browser has nothing. */
function useOutside(feed, query, wanted, pattern) {
  const { log } = feed;
  const [outside, setOutside] = useState(NOTHING);
  useEffect(() => {
    const isWhole = log.first <= 1 && log.isAttached;
    setOutside(pattern && !isWhole ? { ...NOTHING, isBusy: true } : NOTHING);
    if (!pattern || isWhole || !feed.isLoaded) return undefined;
    let isCurrent = true;
    const isWanted = () => isCurrent;
    const timer = setTimeout(async () => {
      const request = { ...wanted, text: query.text, is_regex: query.isRegex, is_case: query.isCase };
      const none = { places: [], isMore: false };
      try {
        const before = log.first > 1 ? await findAll(feed, request, { before: log.first }, isWanted) : none;
        const after = log.isAttached ? none : await findAll(feed, request, { after: log.last }, isWanted);
        if (isCurrent) setOutside({ ...NOTHING, before: before.places, after: after.places, isMore: before.isMore || after.isMore });
      } catch (error) {
        const why = error.code ? error.message : "The server did not answer.";
        if (isCurrent) setOutside({ ...NOTHING, problem: `Only the lines that are loaded were searched. ${why}` });
      }
    }, 250);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [feed, feed.isLoaded, pattern, wanted, log.epoch]);
  return outside;
}

export function useLogView(feed) {
  const { log, runId } = feed;
  const [query, setQuery] = useState(readAddress);
  const [preferences, prefer] = usePreferences(feed.reader);
  const [isFollowing, setFollowing] = useState(!query.event);
  const [seen, setSeen] = useState(0);
  const [current, setCurrent] = useState(0); // seq of the search result that is shown
  const [selection, setSelection] = useState({ from: query.event, to: query.event });
  const list = useRef(null);
  const target = useRef(query.event);
  const busy = useRef(false);
  const more = useRef(true); // whether the server has older lines that pass the filter

  const wanted = useMemo(() => ({
    ...(query.categories.size ? { types: typesOf(query.categories) } : {}),
    ...(query.level ? { level: LEVELS[query.level] } : {}),
    ...(query.since ? { since: new Date(query.since).toISOString() } : {}),
    ...(query.until ? { until: new Date(query.until).toISOString() } : {}),
  }), [query.categories, query.level, query.since, query.until]);

  const [pattern, mistake] = useMemo(() => readPattern(query), [query.text, query.isRegex, query.isCase]);
  const found = useOutside(feed, query, wanted, pattern);
  // Older pages may have come into the window since.
  const outside = { ...found, before: found.before.filter((seq) => seq < log.first), after: found.after.filter((seq) => seq > log.last) };

  const change = useCallback((part) => setQuery((old) => ({ ...old, ...part })), []);
  useEffect(() => writeAddress(query), [query]);

  useEffect(() => {
    more.current = true;
    const { categories, level, since, until } = query;
    log.setFilter({ categories, level, since, until, hasRepeats: preferences.hasRepeats });
    feed.paint();
  }, [feed, query.categories, query.level, query.since, query.until, preferences.hasRepeats]);

  useEffect(() => {
    log.setPattern(pattern ?? null);
    feed.paint();
  }, [feed, pattern]);

  const once = useCallback(async (work) => {
    if (busy.current) return;
    busy.current = true;
    try {
      await work();
    } catch {
      // The line is lost: the feed follows again when it is back, and the reader scrolls again.
    } finally {
      busy.current = false;
      feed.paint();
    }
  }, [feed]);

  const older = useCallback(() => once(async () => {
    const isMore = log.isFiltered ? more.current : log.first > 1;
    if (!isMore || !log.rows.length) return;
    const page = await feed.page({ before: log.oldest, ...wanted });
    log.prepend(page.items);
    more.current = page.has_more;
  }), [feed, log, once, wanted]);

  const newer = useCallback(() => once(async () => {
    if (log.isAttached) return;
    log.append((await feed.page({ after: log.last })).items);
  }), [feed, log, once]);

  /** Fetch the next page before the reader reaches it. */
  const near = useCallback(({ startIndex, endIndex }) => {
    if (startIndex - log.base < NEAR) older();
    if (log.base + log.visible.length - endIndex < NEAR) newer();
  }, [log, newer, older]);

  const goTo = useCallback((seq) => once(async () => {
    setFollowing(false);
    setSelection({ from: seq, to: seq });
    target.current = seq; // where the list starts, should it be shown anew
    if (seq < log.first || seq > log.last) log.reset((await feed.page({ before: seq + AROUND, limit: 2 * AROUND })).items);
    else list.current?.scrollToIndex({ index: log.indexOf(seq), align: "center" });
  }), [feed, log, once]);

  const toLatest = useCallback(() => once(async () => {
    if (!log.isAttached) {
      log.reset((await feed.page({})).items);
      log.append([]);
    }
    target.current = 0;
    setFollowing(true);
    requestAnimationFrame(() => list.current?.scrollToIndex({ index: "LAST", align: "end" }));
  }), [feed, log, once]);

  useEffect(() => {
    if (feed.isLoaded && query.event) goTo(query.event);
  }, [feed.isLoaded]);

  useEffect(() => setSeen(log.added), [isFollowing]);
  const start = () => (target.current ? { index: log.indexOf(target.current), align: "center" } : { index: "LAST", align: "end" });
  const follow = useCallback((is) => setFollowing((was) => (was === is ? was : is)), []);

  const place = indexOfSeq(log.matches, current);
  const total = outside.before.length + log.matches.length + outside.after.length;
  const step = useCallback((by) => {
    const all = [...outside.before, ...log.matches.map((row) => row.from), ...outside.after];
    if (!all.length) return;
    const at = all.indexOf(current);
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length];
    setCurrent(next);
    goTo(next);
  }, [current, goTo, log, found]);

  const select = useCallback((row, isExtended) => {
    setSelection((old) => (isExtended && old.from ? { from: old.from, to: row.from } : { from: row.from, to: row.from }));
    change({ event: row.from });
  }, [change]);
  const selected = useMemo(() => {
    const [low, high] = [Math.min(selection.from, selection.to), Math.max(selection.from, selection.to)];
    return { low, high, rows: () => log.visible.filter((row) => row.to >= low && row.from <= high) };
  }, [log, selection]);

  return {
    log, list, start, query, change, preferences, prefer, pattern, isFollowing, follow, toLatest, older, near, goTo, step,
    unseen: isFollowing ? 0 : log.added - seen,
    search: {
      total, isMore: outside.isMore, isBusy: outside.isBusy, isBroken: Boolean(mistake), problem: mistake || outside.problem,
      n: current && log.matches[place]?.from === current ? outside.before.length + place + 1 : 0,
    },
    current, selected, select, clearSelection: () => { setSelection({ from: 0, to: 0 }); change({ event: 0 }); },
    bottom: BOTTOM,
  };
}
