/** Run by test_event_log.py with `bun test`. */
import { describe as group, expect, test } from "bun:test";
import { EventLog, highlight, indexOfSeq, toPattern } from "../../../app/components/widgets/event_log_core.js";
import { placesOf, toRows } from "../../../app/components/widgets/event_log_rows.js";
import { Volume } from "../../../app/components/widgets/run_volume.js";
import { addedCost, childOfRow, describe, formatDuration, formatTime, isMarkdown, lineOf, nodesOf, pathOf, placeOf, prettyOf, typesOf, valueText } from "../../../app/components/widgets/event_log_text.js";

const START = Date.parse("2026-11-21T08:00:00Z");
const event = (seq, type = "log", payload = { message: `line ${seq}`, level: "info" }, ts = START + seq * 100) =>
  ({ seq, type, payload, ts });
const delta = (seq, text = `t${seq} `, message_id = "m") => event(seq, "message_delta", { message_id, text, tokens: 1 });
const logs = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
const texts = (log) => log.visible.map((row) => row.text);
const seqs = (log) => log.rows.map((row) => row.from);

group("what the server counted", () => {
  test("lines that came meanwhile are counted too, and once", () => {
    const log = new EventLog();
    log.push(logs(90, 104));
    log.startCounts({ log: 99, message_delta: 1 }, 100);
    log.push(logs(105, 106));
    expect(log.counts.categories.system).toBe(99 + 6);
    expect(log.counts.levels[1]).toBe(99 + 6);
  });
});

group("what two merged, repeated or lost batches do", () => {
  test("two batches merged into one are the same as one after the other", () => {
    const apart = new EventLog();
    apart.push(logs(1, 3));
    apart.push(logs(4, 6));
    const merged = new EventLog();
    merged.push([...logs(1, 3), ...logs(4, 6)]);
    expect(texts(merged)).toEqual(texts(apart));
  });

  test("an overlap is dropped", () => {
    const log = new EventLog();
    log.push(logs(1, 5));
    expect(log.push(logs(3, 8))).toBe(true);
    expect(seqs(log)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("the same batch twice adds nothing", () => {
    const log = new EventLog();
    log.push(logs(1, 5));
    log.push(logs(1, 5));
    expect(log.rows.length).toBe(5);
    expect(log.counts.categories.system).toBe(5);
  });

  test("a hole is refused, and closed by what is fetched after the last seq", () => {
    const log = new EventLog();
    log.push(logs(1, 3));
    expect(log.push(logs(6, 9))).toBe(false);
    expect(log.head).toBe(3);
    expect(log.push(logs(log.head + 1, 9))).toBe(true);
    expect(seqs(log)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("any order of 200 random batches with re-follow ends in the same whole log", () => {
    let seed = 7;
    const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const log = new EventLog();
    log.push(logs(1, 1));
    for (let i = 0; i < 200; i += 1) {
      const from = 1 + random(500);
      if (!log.push(logs(from, Math.min(500, from + random(40))))) log.push(logs(log.head + 1, Math.min(500, log.head + 20)));
    }
    log.push(logs(log.head + 1, 500));
    expect(seqs(log)).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
  });
});

group("a message", () => {
  test("grows in one row and is done when it is complete", () => {
    const log = new EventLog();
    log.push([event(1, "message_started", { message_id: "m", role: "assistant", model: "x" }), delta(2, "Hello "), delta(3, "world")]);
    expect(texts(log)).toEqual(["Hello world"]);
    expect(log.rows[0].isDone).toBe(false);
    log.push([event(4, "message_completed", { message_id: "m", role: "assistant", text: "Hello world.", finish_reason: "stop" })]);
    expect(log.rows).toMatchObject([{ text: "Hello world.", isDone: true, from: 1, to: 4, tokens: 2, tag: "MESSAGE" }]);
  });

  test("is not joined with another one or across other lines", () => {
    const log = new EventLog();
    log.push([delta(1, "a"), event(2), delta(3, "b"), delta(4, "c", "other")]);
    expect(texts(log)).toEqual(["a", "line 2", "b", "c"]);
  });

  test("cut by a page is whole again when the page before it comes", () => {
    const log = new EventLog();
    log.push([delta(6, "f"), delta(7, "g")]);
    const shown = log.prepend([event(4), delta(5, "e")]);
    expect(shown).toBe(1);
    expect(texts(log)).toEqual(["line 4", "efg"]);
    expect(log.first).toBe(4);
  });
});

group("the window", () => {
  test("keeps at most its limit, whatever comes", () => {
    const log = new EventLog({ limit: 100 });
    for (let at = 1; at <= 5000; at += 50) log.push(logs(at, at + 49));
    expect(log.rows.length).toBeLessThanOrEqual(105);
    expect(log.last).toBe(5000);
    expect(log.visible[0]).toBe(log.rows[0]);
    expect(log.counts.categories.system).toBe(5000);
  });

  test("keeps the index of a row for the list while rows before it come and go", () => {
    const log = new EventLog({ limit: 100 });
    log.push(logs(201, 300));
    const index = log.base + indexOfSeq(log.visible, 290);
    log.prepend(logs(199, 200));
    expect(log.visible[index - log.base].from).toBe(290);
    log.push(logs(301, 380));
    expect(log.visible[index - log.base].from).toBe(290);
  });

  test("lets go of the newest lines when many older ones are read, and counts what comes meanwhile", () => {
    const log = new EventLog({ limit: 100 });
    log.push(logs(901, 1000));
    log.prepend(logs(801, 900));
    expect(log.isAttached).toBe(false);
    expect([log.first, log.last, log.head]).toEqual([801, 900, 1000]);
    const before = log.added;
    log.push(logs(1001, 1010));
    expect(log.added - before).toBe(10);
    expect(log.last).toBe(900);
    log.append(logs(901, 1000)); // the rest came live and was remembered
    expect(log.isAttached).toBe(true);
    log.push(logs(1011, 1011));
    expect(log.last).toBe(1011);
  });

  test("starts anywhere when a line is opened by its address", () => {
    const log = new EventLog();
    log.push(logs(99_001, 100_000));
    log.reset(logs(50_000, 50_200));
    expect(log.isAttached).toBe(false);
    expect(log.visible[indexOfSeq(log.visible, 50_100)].from).toBe(50_100);
  });

  test("costs the same for each event however long the log is", () => {
    const log = new EventLog();
    const time = (from, to) => {
      const batches = [];
      for (let at = from; at < to; at += 20) batches.push(logs(at, at + 19));
      const started = performance.now();
      batches.forEach((batch) => log.push(batch));
      return performance.now() - started;
    };
    time(1, 5000);
    const early = time(5001, 25_000);
    const late = time(25_001, 105_000) / 4;
    expect(late).toBeLessThan(early * 4 + 20);
  });
});

group("filter and search", () => {
  const mixed = () => {
    const log = new EventLog();
    log.push([
      event(1, "run_started", { agent_name: "Ann", model: "m", worker: "w" }),
      event(2, "retrieved", { query: "q", passages: [], milliseconds: 3 }),
      event(3, "log", { level: "error", message: "it broke" }),
      event(4, "run_failed", { code: "x", error: "It failed." }),
    ]);
    return log;
  };

  test("shows only some categories, for lines that are there and lines that come", () => {
    const log = mixed();
    log.setFilter({ categories: new Set(["system"]), level: 0 });
    log.push(logs(5, 5));
    expect(log.visible.map((row) => row.from)).toEqual([1, 3, 5]);
  });

  test("shows a level and what is worse", () => {
    const log = mixed();
    log.setFilter({ categories: new Set(), level: 3 });
    expect(log.visible.map((row) => row.from)).toEqual([3, 4]);
  });

  test("takes the level of what a middleware did from itself", () => {
    const log = new EventLog();
    const acted = (seq, level) => event(seq, "middleware_acted", { name: "Check", message: `Saw ${seq}.`, milliseconds: 1, level });
    log.push([acted(1, "info"), acted(2, "warning"), acted(3, "error")]);
    log.setFilter({ categories: new Set(), level: 2 });
    expect(log.visible.map((row) => row.from)).toEqual([2, 3]);
  });

  test("takes a page of what the server found to pass", () => {
    const log = new EventLog();
    log.push(logs(100, 110));
    log.setFilter({ categories: new Set(["error"]), level: 0 });
    expect(log.prepend([event(7, "run_failed", { code: "x", error: "Early." })])).toBe(1);
    expect(log.oldest).toBe(7);
    log.setFilter({ categories: new Set(), level: 0 });
    expect(log.first).toBe(100);
  });

  test("finds in what is there and in what comes", () => {
    const log = mixed();
    log.setPattern(toPattern({ text: "IT" }));
    expect(log.matches.map((row) => row.from)).toEqual([1, 3, 4]);
    log.push([delta(5, "now "), delta(6, "with it")]);
    expect(log.matches.map((row) => row.from)).toEqual([1, 3, 4, 5]);
  });

  test("takes case and patterns, and says when a pattern is broken", () => {
    const log = mixed();
    log.setPattern(toPattern({ text: "^Error It", isRegex: true, isCase: true }));
    expect(log.matches.map((row) => row.from)).toEqual([4]);
    expect(() => toPattern({ text: "(", isRegex: true })).toThrow(SyntaxError);
    expect(toPattern({ text: "(" }).test("a (b)")).toBe(true);
  });

  test("a pattern's ends are those of a line, of each text, and of the words that are shown", () => {
    const log = new EventLog();
    log.push([event(1, "tool_returned", { name: "clock", result: { at: "nine\nsharp" } }), event(2, "stage_changed", { stage: "started", message: "Now." })]);
    const found = (text) => {
      log.setPattern(toPattern({ text, isRegex: true }));
      return log.matches.map((row) => row.from);
    };
    expect(found("^sharp$")).toEqual([1]);
    expect(found("^started: Now")).toEqual([2]);
    expect(found('"at":"nine')).toEqual([1]);
    expect(found("^harp")).toEqual([]);
  });

  test("what the server found of one message is one place", () => {
    const done = event(6, "message_completed", { message_id: "m", role: "assistant", text: "a b" });
    expect(placesOf([event(1), delta(2, "a"), delta(4, "b"), done, delta(8, "c", "other")])).toEqual([1, 2, 8]);
  });

  test("marks what was found", () => {
    expect(highlight("a Cat, a cat", toPattern({ text: "cat" }))).toEqual([["a ", false], ["Cat", true], [", a ", false], ["cat", true]]);
    const used = toPattern({ text: "cat" });
    used.test("a cat");
    expect(highlight("cat", used)).toEqual([["cat", true]]);
    expect(highlight("abc", toPattern({ text: "x*", isRegex: true }))).toEqual([["abc", false]]);
  });

  test("counts start from the server's", () => {
    const log = new EventLog();
    log.startCounts({ message_started: 1, message_delta: 500, message_completed: 1, run_failed: 1, log: 9 }, 512);
    log.push(logs(500, 520));
    expect(log.counts.categories).toMatchObject({ llm: 1, error: 1, system: 17 });
    expect(log.counts.levels).toEqual([0, 18, 0, 1]);
  });
});

group("one line for what belongs together", () => {
  const called = (seq, id, ts) => event(seq, "tool_called", { tool_call_id: id, name: "mail", args: { to: "Bo", n: 2 } }, ts);
  const returned = (seq, id, ts, more = {}) => event(seq, "tool_returned", { tool_call_id: id, name: "mail", result: "sent", is_error: false, milliseconds: 80, ...more }, ts);

  test("a call of a tool is open until it returns, and then has how it ended", () => {
    const log = new EventLog();
    log.push([called(1, "a", START), called(2, "b", START + 5)]);
    expect(log.visible.map((row) => row.isDone)).toEqual([false, false]);
    log.push([returned(3, "b", START + 90)]);
    expect(log.visible.map((row) => [row.from, row.isDone, row.duration, row.outcome?.result])).toEqual([[1, false, 0, undefined], [2, true, 80, "sent"]]);
    expect(lineOf(log.visible[1]).slice(25)).toBe('[STEP] mail {"to":"Bo","n":2} returned sent');
    expect(log.counts.categories.tool).toBe(2);
    expect(log.visible[log.indexOf(3)].from).toBe(2);
  });

  test("a run that was started is open until it has ended, and is shown behind both lines", () => {
    const log = new EventLog();
    const about = { run_id: "child", agent_name: "Bo" };
    log.push([called(1, "a", START), event(2, "child_started", { ...about, tool_call_id: "a", question: "Why?" }, START)]);
    expect(log.visible.map((row) => [row.isDone, childOfRow(row)])).toEqual([[false, ""], [false, "child"]]);
    log.push([event(3, "child_completed", { ...about, status: "failed", tokens_in: 1, tokens_out: 2, milliseconds: 1500 }, START + 60)]);
    expect(log.visible.map((row) => [row.isDone, row.duration])).toEqual([[false, 0], [true, 60], [true, 1500]]);
    expect(childOfRow(log.visible[2])).toBe("child");
    // What the tool measures is only its last attempt.
    log.push([returned(4, "a", START + 75)]);
    expect(log.visible[0]).toMatchObject({ isDone: true, duration: 75 });
    expect([log.visible[2].level, log.visible[2].text]).toEqual([2, "run of Bo failed after 1.5 s, 3 tokens"]);
  });

  test("a failure stays to be found by its level", () => {
    const log = new EventLog();
    log.push([called(1, "a"), returned(2, "a", undefined, { is_error: true })]);
    expect(log.visible.map((row) => [row.from, row.isFailed])).toEqual([[1, true]]);
    log.setFilter({ categories: new Set(), level: 3, hasRepeats: true });
    expect(log.visible.map((row) => row.from)).toEqual([2]);
  });

  test("calls of a lost attempt are cut off", () => {
    const log = new EventLog();
    log.push([called(1, "a", START), event(2, "attempt_started", { attempt: 2, attempts_max: 3, reason: "Lost." }, START + 40)]);
    expect(log.rows[0]).toMatchObject({ isDone: true, isCut: true, duration: 40 });
  });

  test("a search finds the call by what it returned", () => {
    const log = new EventLog();
    log.push([called(1, "a"), returned(2, "a")]);
    log.setPattern(toPattern({ text: "sent" }));
    expect(log.matches.map((row) => row.from)).toEqual([1]);
  });

  test("a message has its model, its reasoning, its usage and why it ended", () => {
    const log = new EventLog();
    log.push([
      event(1, "message_started", { message_id: "m", role: "assistant", model: "x" }, START), event(2, "reasoning_delta", { message_id: "m", text: "Hm " }),
      event(3, "reasoning_delta", { message_id: "m", text: "yes." }),
    ]);
    expect(log.visible).toMatchObject([{ tag: "REASONING", text: "", reasoning: "Hm yes." }]);
    log.push([
      { ...delta(4, "Yes"), ts: START + 70 }, event(5, "message_completed", { message_id: "m", role: "assistant", text: "Yes", finish_reason: "length" }),
      event(6, "usage_recorded", { model: "x", tokens_in: 9, tokens_out: 4, first_token_milliseconds: 70, milliseconds: 90 }),
    ]);
    expect(log.visible.length).toBe(1);
    expect(log.visible[0]).toMatchObject({ tag: "MESSAGE", text: "Yes", model: "x", reason: "length", tokens: 4, firstTs: START + 70, usage: { tokens_in: 9 } });
    expect(log.counts.categories.llm).toBe(1);
  });

  test("a message is found by what its model was asked", () => {
    const log = new EventLog();
    const call = { size: 1, messages: [{ n: 1, role: "user", text: "Is it Wednesday?" }], tools: [], temperature: 0, max_tokens: 9 };
    log.push([event(1, "message_started", { message_id: "m", role: "assistant", model: "x", call }, START), delta(2, "No")]);
    log.setPattern(toPattern({ text: "wednesday" }));
    expect(log.matches.map((row) => row.from)).toEqual([1]);
  });

  test("its events are all kept, in order", () => {
    const log = new EventLog();
    log.push([event(1), delta(2, "a"), delta(3, "b"), called(4, "a"), returned(5, "a")]);
    expect(log.eventsAfter(1).map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
  });
});

group("what is looked at", () => {
  test("a stretch of time, of lines that are there and that come", () => {
    const log = new EventLog();
    log.push(logs(1, 9));
    log.setFilter({ categories: new Set(), level: 0, since: START + 300, until: START + 1000, hasRepeats: true });
    log.push(logs(10, 12));
    expect(log.visible.map((row) => row.from)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    expect(log.isFiltered).toBe(true);
  });

  test("lines that say the same are one, with how often it was said", () => {
    const log = new EventLog();
    const same = (seq) => event(seq, "log", { message: "again", level: "info" });
    log.push([event(1), same(2), same(3)]);
    log.setFilter({ categories: new Set(), level: 0, hasRepeats: false });
    log.push([same(4), event(5)]);
    expect(log.visible.map((row) => [row.from, row.repeats])).toEqual([[1, 1], [2, 3], [5, 1]]);
    log.setFilter({ categories: new Set(), level: 0, hasRepeats: true });
    expect(log.visible.map((row) => row.repeats)).toEqual([1, 1, 1, 1, 1]);
  });

  test("the window is counted in events, also when many are one line", () => {
    const log = new EventLog({ limit: 100 });
    for (let seq = 1; seq <= 400; seq += 1) log.push([delta(seq, "t", `m${Math.floor(seq / 40)}`)]);
    expect(log.size).toBeLessThanOrEqual(105 + 40);
    expect(log.last).toBe(400);
  });
});

group("lines over time", () => {
  test("have bars that grow wider when there would be too many", () => {
    const volume = new Volume();
    for (let at = 0; at < 100_000; at += 100) volume.add(START + at, at % 1000 ? 1 : 3);
    expect(volume.width).toBe(1000);
    expect(volume.bars.length).toBe(100);
    expect(volume.bars[5]).toEqual([0, 9, 0, 1]);
  });

  test("take what the server counted, and what is older than all", () => {
    const volume = new Volume();
    volume.add(START + 1000, 1);
    volume.spread(START, START + 1000, 1, 4);
    expect(volume.from).toBe(START);
    expect(volume.bars.reduce((sum, bar) => sum + bar[1], 0)).toBe(5);
  });

  test("are those of the whole log once it was counted", () => {
    const log = new EventLog();
    log.push(logs(90, 104));
    log.startCounts({ log: 99 }, 100, [{ since: START, until: START + 10_000, level: "info", count: 99 }]);
    expect(log.volume.bars.reduce((sum, bar) => sum + bar[1], 0)).toBe(99 + 4);
  });
});

group("words", () => {
  test("lines have the forms that people know", () => {
    const row = (type, payload) => lineOf(toRows([event(1, type, payload, START)])[0]).slice(25);
    expect(row("stage_changed", { stage: "retrieving", message: "Searching 3 documents." })).toBe("[PROGRESS] retrieving: Searching 3 documents.");
    expect(row("message_completed", { message_id: "m", text: "Hi." })).toBe("[MESSAGE] Hi.");
    expect(row("message_started", { message_id: "m", model: "local/m" })).toBe("[MESSAGE] asks local/m");
    expect(row("message_completed", { message_id: "m", text: "", tools_called: ["mail"] })).toBe("[MESSAGE] (calls mail)");
    expect(row("attempt_started", { attempt: 2, attempts_max: 3, reason: "The worker before was shut down." })).toBe("[PROGRESS] Tried again (2 of 3): The worker before was shut down.");
    expect(row("step", { content: "Read the file." })).toBe("[STEP] Read the file.");
    expect(row("run_started", { agent_name: "Ann", model: "local/m" })).toBe("Started Ann with local/m");
    expect(row("run_completed", { output: { answer: "Yes." } })).toBe("Completed Yes.");
    expect(row("run_failed", { error: "No model." })).toBe("Error No model.");
    expect(row("run_stopped", { text: "" })).toBe("Stopped before the first word");
  });

  test("a passage says where it is from, and whether it is Markdown", () => {
    const passage = { n: 2, document_name: "kiln.pdf", page: 3, score: 0.827, text: "Hot." };
    expect(placeOf(passage)).toBe("[2] kiln.pdf, page 3, score 0.83");
    expect(placeOf({ ...passage, page: null })).toBe("[2] kiln.pdf, score 0.83");
    expect(["a.MD", "a.docx", "a.htm", "a.html", "a.pdf", "md"].map(isMarkdown)).toEqual([true, true, true, true, false, false]);
  });

  test("JSON is indented, and what only looks like it stays", () => {
    expect([prettyOf('{"a":[1]}'), prettyOf("[not json"), prettyOf("plain")]).toEqual(['{\n  "a": [\n    1\n  ]\n}', "[not json", "plain"]);
  });

  test("a call that nobody answered has no first token", () => {
    const used = { model: "x", tokens_in: 0, tokens_out: 0, first_token_milliseconds: 248, milliseconds: 248, cost_micros: 0, outcome: "failed" };
    expect(describe(event(1, "usage_recorded", used))).toEqual(["STEP", "x: 0 tokens in, 0 out, $0, failed"]);
  });

  test("costs add up, and are the least where a price is not known", () => {
    const known = addedCost(undefined, { cost_micros: 19000, is_estimated: true });
    expect(known).toEqual({ micros: 19000, isLeast: false, isEstimated: true });
    expect(addedCost(known, { cost_micros: null })).toEqual({ micros: 19000, isLeast: true, isEstimated: true });
  });

  test("an unknown event is still a line", () => {
    expect(describe(event(1, "invented_later", { a: 1 }))).toEqual(["STEP", 'invented_later {"a":1}']);
  });

  test("a stage knows how long it took, and silence is a gap", () => {
    const log = new EventLog();
    log.push([
      event(1, "stage_changed", { stage: "initializing", message: "" }, START),
      event(2, "stage_changed", { stage: "generating", message: "" }, START + 7000),
    ]);
    expect(log.rows.map((row) => [row.duration, row.gap])).toEqual([[7000, 0], [0, 7000]]);
  });

  test("times and durations", () => {
    expect(formatTime(START + 72_440, "relative", START)).toBe("+01:12.4");
    expect(formatTime(START + 3_672_440, "relative", START)).toBe("+1:01:12.4");
    expect(formatTime(START, "iso")).toBe("2026-11-21T08:00:00.000Z");
    expect([12, 1500, 75_000, 3_700_000].map(formatDuration)).toEqual(["12 ms", "1.5 s", "1m 15s", "1h 01m"]);
  });

  test("categories become the types that a server knows", () => {
    expect(typesOf(new Set(["retrieval", "output"]))).toEqual(["retrieved", "run_completed"]);
  });
});

group("the data of a line", () => {
  const data = { seq: 1, args: { "a b": [true, { deep: null }] }, empty: {} };
  const paths = (toggled = []) => nodesOf(data, new Set(toggled)).map((node) => node.path);

  test("is open to the second level, and what is pressed opens or closes", () => {
    expect(paths()).toEqual(["seq", "args", 'args["a b"]', "empty"]);
    expect(paths(['args["a b"]'])).toEqual(["seq", "args", 'args["a b"]', 'args["a b"][0]', 'args["a b"][1]', "empty"]);
    expect(paths(["args"])).toEqual(["seq", "args", "empty"]);
  });

  test("has paths that can be used in a program", () => {
    expect(pathOf(["passages", 0, "text"])).toBe("passages[0].text");
    expect(pathOf(["größe", "a-b", "1"])).toBe('größe["a-b"]["1"]');
    expect(pathOf(["a b"])).toBe('["a b"]');
  });

  test("is copied as text, or as JSON", () => {
    expect(valueText('say "no"')).toBe('say "no"');
    expect([valueText(null), valueText(3), valueText([1])]).toEqual(["null", "3", "[\n  1\n]"]);
  });
});
