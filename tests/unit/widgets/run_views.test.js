/** Run by test_event_log.py with `bun test`. */
import { describe as group, expect, test } from "bun:test";
import { Walk } from "../../../app/components/widgets/view_graph_model.js";
import { mainArgument } from "../../../app/components/widgets/event_log_text.js";
import { Steps, criticalPath, flatten, stepAt, summaryOf } from "../../../app/components/widgets/view_steps_model.js";

const START = Date.parse("2026-11-21T08:00:00Z");

/** Events at milliseconds after the start: [at, type, payload]. */
const eventsOf = (lines) => lines.map(([at, type, payload = {}], index) => ({ seq: index + 1, ts: START + at, type, payload }));
const stepsOf = (lines) => {
  const steps = new Steps();
  for (const event of eventsOf(lines)) steps.push(event);
  return steps;
};
const walkOf = (lines) => {
  const walk = new Walk();
  for (const event of eventsOf(lines)) walk.push(event);
  return walk;
};
const shape = (steps) => flatten(steps.roots).map(({ step, depth }) => `${"  ".repeat(depth)}${step.kind} ${step.label} ${step.end ? step.end - step.start : "…"}`);

const message = (id, text = "Yes.", reason = "stop") => ({ message_id: id, role: "assistant", text, finish_reason: reason });
const ANSWERED = [
  [0, "run_queued", { trigger: "user", input: {} }],
  [400, "run_started", { agent_name: "Ann", model: "m", worker: "w" }],
  [400, "stage_changed", { stage: "started", message: "" }],
  [410, "stage_changed", { stage: "retrieving", message: "Searching." }],
  [600, "retrieved", { query: "q", passages: [{}, {}], milliseconds: 180 }],
  [610, "stage_changed", { stage: "generating", message: "m writes." }],
  [610, "message_started", { message_id: "a", role: "assistant", model: "m" }],
  [700, "message_delta", { message_id: "a", text: "Ye", tokens: 1 }],
  [900, "message_completed", message("a")],
  [900, "usage_recorded", { model: "m", tokens_in: 9, tokens_out: 3, first_token_milliseconds: 90, milliseconds: 290 }],
  [910, "stage_changed", { stage: "completed", message: "Done." }],
  [920, "run_completed", { output: { answer: "Yes.", is_answered: true } }],
];

group("steps", () => {
  test("of a run lie in its stages, each with what it took", () => {
    expect(shape(stepsOf(ANSWERED))).toEqual([
      "queue In the queue 400",
      "stage Retrieving 200", "  retrieval Searched for “q” 180",
      "stage Generating 300", "  llm m 290",
      "end Completed 0",
    ]);
  });

  test("a model's call knows its tokens, its first one and why it ended", () => {
    const { call } = stepsOf(ANSWERED);
    expect(call).toMatchObject({ tokens: 3, firstTs: START + 700, reason: "stop", text: "Yes.", seq: 7, to: 9 });
  });

  test("tools that go on side by side are steps of their own, open until they return", () => {
    const steps = stepsOf([
      [0, "stage_changed", { stage: "generating", message: "" }],
      [0, "tool_called", { tool_call_id: "a", name: "slow", args: { day: "Tuesday", limits: [1] } }],
      [5, "tool_called", { tool_call_id: "b", name: "quick", args: {} }],
      [50, "tool_returned", { tool_call_id: "b", name: "quick", result: { run_id: "child" }, milliseconds: 45 }],
      [60, "tool_returned", { tool_call_id: "c", name: "unseen", result: "no", is_error: true, milliseconds: 20 }],
    ]);
    expect(shape(steps)).toEqual(["stage Generating …", "  tool slow …", "  tool quick 45", "  tool unseen 20"]);
    expect(flatten(steps.roots).map(({ step }) => [step.isOpen, step.isError, step.child ?? ""])).toEqual([
      [true, false, ""], [true, false, ""], [false, false, "child"], [false, true, ""],
    ]);
  });

  test("a call that starts a run has that run while it goes on and afterwards", () => {
    const lines = [
      [0, "tool_called", { tool_call_id: "a", name: "run_agent", args: { agent: "Bo", question: "?" } }],
      [1, "child_started", { run_id: "child", agent_name: "Bo", tool_call_id: "a", question: "?" }],
    ];
    expect(stepsOf(lines).roots).toMatchObject([{ child: "child", detail: "Bo", isOpen: true }]);
    const steps = stepsOf([
      ...lines,
      [80, "child_completed", { run_id: "child", agent_name: "Bo", status: "completed" }],
      [90, "tool_returned", { tool_call_id: "a", name: "run_agent", result: "Hot.", milliseconds: 1 }],
    ]);
    expect(shape(steps)).toEqual(["tool run_agent 90"]);
    expect(steps.roots[0].child).toBe("child");
  });

  test("of a lost attempt are cut off, and the next attempt has its own", () => {
    const steps = stepsOf([
      [0, "stage_changed", { stage: "generating", message: "" }],
      [1, "message_started", { message_id: "a", role: "assistant", model: "m" }],
      [9, "attempt_started", { attempt: 2, attempts_max: 3, reason: "Its worker was lost." }],
      [10, "stage_changed", { stage: "generating", message: "" }],
      [20, "run_stopped", { text: "" }],
    ]);
    expect(shape(steps)).toEqual(["stage Generating 9", "  llm m 8", "attempt Attempt 2 of 3 11", "  stage Generating 10", "end Stopped 0"]);
    expect(flatten(steps.roots).filter(({ step }) => step.isCut).map(({ step }) => step.seq)).toEqual([1, 2, 4]);
  });

  test("a limit says of what it was", () => {
    const words = ["OVER_BUDGET", "OUT_OF_TIME", "RUN_LIMIT", undefined].map((code) => shape(stepsOf([[0, "run_timed_out", { code, reason: "No." }]])));
    expect(words.flat()).toEqual(["end Over budget 0", "end Timed out 0", "end Limit reached 0", "end Limit reached 0"]);
  });

  test("lines of the log are counted, warnings and unknown events are steps", () => {
    const steps = stepsOf([
      [0, "stage_changed", { stage: "generating", message: "" }],
      [1, "log", { level: "info", message: "quiet" }],
      [2, "log", { level: "warning", message: "Slow." }],
      [3, "invented_later", { a: 1 }],
    ]);
    expect(steps.stage.lines).toBe(1);
    expect(shape(steps).slice(1)).toEqual(["  note Slow. 0", '  note invented_later {"a":1} 0']);
  });

  test("are found by any event that belongs to them", () => {
    const { roots } = stepsOf(ANSWERED);
    expect(stepAt(roots, 8)?.label).toBe("m");
    expect(stepAt(roots, 12)?.label).toBe("Completed");
    expect(stepAt(roots, 99)).toBe(null);
  });

  test("on the critical path wait for one another", () => {
    const { roots } = stepsOf([
      [0, "tool_called", { tool_call_id: "a", name: "long", args: {} }],
      [0, "tool_called", { tool_call_id: "b", name: "short", args: {} }],
      [40, "tool_returned", { tool_call_id: "b", name: "short", result: "" }],
      [90, "tool_returned", { tool_call_id: "a", name: "long", result: "" }],
      [91, "tool_called", { tool_call_id: "c", name: "last", args: {} }],
      [99, "tool_returned", { tool_call_id: "c", name: "last", result: "" }],
    ]);
    expect([...criticalPath(roots)]).toEqual([5, 1]);
  });

  test("a call is told by its most telling argument", () => {
    expect([mainArgument({ n: 3, city: "Rome" }), mainArgument({ n: 3 }), mainArgument({}), mainArgument(undefined)]).toEqual(["Rome", "3", "", ""]);
  });
});

group("the summary", () => {
  test("says in three lines what was read, asked and called", () => {
    const lines = [
      ...ANSWERED.slice(0, 10),
      [1000, "tool_called", { tool_call_id: "a", name: "mail", args: {} }], [1090, "tool_returned", { tool_call_id: "a", name: "mail", result: "", is_error: true }],
      [2000, "run_completed", { output: {} }],
    ];
    expect(summaryOf(stepsOf(lines))).toEqual([
      "Searched 1 time and found 2 passages.", "Asked m 1 time: 9 tokens in, 3 out, 290 ms.", "Called mail; 1 call failed. Took 2.0 s, 400 ms of it in the queue.",
    ]);
  });

  test("of a run without model or tools is short", () => {
    expect(summaryOf(stepsOf([[0, "run_queued", {}], [500, "run_stopped", { text: "" }]]))).toEqual(["Took 500 ms, 500 ms of it in the queue.", "No model was asked."]);
  });
});

group("the walk through the graph", () => {
  test("of an answered run goes through its model, and says where it is", () => {
    const walk = walkOf(ANSWERED);
    expect([...walk.visits.keys()]).toEqual(["__start__", "retrieve", "generate", "cite", "__end__"]);
    expect([...walk.taken]).toEqual(["__start__>retrieve", "retrieve>generate", "generate>cite", "cite>__end__"]);
    expect(walkOf(ANSWERED.slice(0, 8)).current).toBe("generate");
    expect(walk.visits.get("generate").milliseconds).toBe(290);
  });

  test("of a refusal and of a quote never meets the model", () => {
    const until = ANSWERED.slice(0, 5);
    const said = (is_answered) => [...until, [700, "message_started", { message_id: "a", role: "assistant", model: "" }], [700, "message_completed", message("a")], [710, "run_completed", { output: { is_answered } }]];
    expect([...walkOf(said(false)).visits.keys()]).toContain("refuse");
    expect([...walkOf(said(true)).visits.keys()]).toEqual(["__start__", "retrieve", "quote", "__end__"]);
  });

  test("of an agent with tools thinks and acts by turns", () => {
    const call = (id) => ["tool_called", { tool_call_id: id, name: "t", args: {} }];
    const think = ["message_started", { message_id: "a", role: "assistant", model: "m" }];
    const walk = walkOf([
      [0, "run_started", { agent_name: "Ann", model: "m", worker: "w" }], [10, "stage_changed", { stage: "generating", message: "" }], [10, ...think],
      [50, ...call("a")], [60, ...call("b")], [80, ...think], [90, "run_completed", { output: { is_answered: true } }],
    ]);
    expect(walk.kind).toBe("tools");
    expect([...walk.visits].map(([node, { count, milliseconds }]) => [node, count, milliseconds])).toEqual([
      ["__start__", 1, 10], ["think", 2, 50], ["act", 2, 30], ["cite", 1, 0], ["__end__", 1, 0],
    ]);
    expect([...walk.taken]).toEqual(["__start__>think", "think>act", "act>act", "act>think", "think>cite", "cite>__end__"]);
  });

  test("of a failed run ends where it failed", () => {
    const walk = walkOf([...ANSWERED.slice(0, 8), [800, "run_failed", { code: "x", error: "No." }]]);
    expect([walk.failed, walk.current, walk.visits.has("__end__")]).toEqual(["generate", "", false]);
  });
});
