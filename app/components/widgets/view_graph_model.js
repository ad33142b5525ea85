/** Which node of its graph a run is in, was in, and how long, as its events tell. Pure. */

/** The graphs of the kinds of agents, as `app/backend/agents/builder.py` wires them: nodes by column and row. */
export const GRAPHS = {
  tools: {
    nodes: { __start__: [0, 0], think: [0, 1], act: [1, 1], cite: [0, 2], __end__: [0, 3] },
    edges: [["__start__", "think"], ["think", "act"], ["think", "cite"], ["act", "act"], ["act", "think"], ["cite", "__end__"]],
  },
  answer: {
    nodes: {
      __start__: [1, 0], retrieve: [1, 1], quote: [0, 2], generate: [1, 2], refuse: [2, 2], cite: [1, 3], __end__: [1, 4],
    },
    edges: [
      ["__start__", "retrieve"], ["retrieve", "quote"], ["retrieve", "generate"], ["retrieve", "refuse"],
      ["generate", "cite"], ["quote", "__end__"], ["cite", "__end__"], ["refuse", "__end__"],
    ],
  },
};

export const WORDS = {
  __start__: ["Start", ""], __end__: ["End", ""],
  retrieve: ["Retrieve", "searches documents"], generate: ["Generate", "asks the model"], cite: ["Cite", "finds sources"],
  think: ["Think", "asks the model"], act: ["Act", "calls a tool"],
  quote: ["Quote", "gives passages"], refuse: ["Refuse", "finds no answer"],
};

export class Walk {
  constructor() {
    this.kind = "answer";
    this.current = "";
    this.failed = "";
    this.visits = new Map(); // node → { count, milliseconds, seq }
    this.taken = new Set(); // edges, "from>to"
    this.last = "";
    this.since = 0;
  }

  push({ seq, ts, type, payload }) {
    const node = this.#nodeOf(type, payload);
    // Each call of a tool is a step of its own, as each attempt is one at the same.
    if (node) this.#enter(node, seq, ts, type === "tool_called");
    if (type === "attempt_started") this.#leave(ts);
    if (type === "run_completed") {
      if (this.current === "think") this.#enter("cite", seq, ts);
      if (this.current === "retrieve") this.#enter(payload.output?.is_answered === false ? "refuse" : "quote", seq, ts);
      this.#enter("__end__", seq, ts);
      this.current = "";
    }
    if (["run_failed", "run_timed_out", "run_stopped"].includes(type)) {
      this.failed = this.current;
      this.#leave(ts);
    }
  }

  #nodeOf(type, payload) {
    if (type === "run_started") return "__start__";
    if (type === "stage_changed" && payload.stage === "generating" && this.last === "__start__") this.kind = "tools"; // nothing was retrieved
    if (this.kind === "tools") return { message_started: "think", tool_called: "act" }[type];
    if (type === "stage_changed") return { retrieving: "retrieve", generating: "generate" }[payload.stage];
    if (type === "message_completed" && this.current === "generate") return "cite";
    return undefined;
  }

  #enter(node, seq, ts, isAgain = false) {
    if (node === this.current && !isAgain) return;
    this.#leave(ts);
    if (this.last) this.taken.add(`${this.last}>${node}`);
    const visit = this.visits.get(node) ?? { count: 0, milliseconds: 0, seq };
    visit.count += 1;
    this.visits.set(node, visit);
    this.current = this.last = node;
    this.since = ts;
  }

  #leave(ts) {
    const visit = this.visits.get(this.current);
    if (visit) visit.milliseconds += ts - this.since;
    this.current = "";
  }
}
