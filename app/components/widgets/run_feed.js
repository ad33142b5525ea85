/** Live logs over the /feed namespace: one socket a tab, one log a run, shared by all widgets that show it. */
import { useSyncExternalStore } from "react";
import io from "socket.io-client";
import { EventLog } from "./event_log_core.js";
import { addedCost, windowPercent } from "./event_log_text.js";
import { Unpacker } from "./feed_wire.js";

const TAIL = 500; // one batch of the server; older lines come when they are scrolled to
const PAGE = 500;
const TIMEOUT = 10_000;
const LINGER = 1000;
const SIGN_IN = "AUTH_REQUIRED";

const ENDS = { run_completed: "completed", run_failed: "failed", run_stopped: "stopped", run_timed_out: "timed_out" };

const RUNNING = new Set(["queued", "running", "waiting"]);

/** How a run is after an event: it waits for a person or a worker, or somebody works on it. */
function statusAfter(type, before) {
  if (type === "run_waiting") return "waiting";
  if (type === "run_queued" || type === "run_resumed" || (type === "queue_position" && before === "queued")) return "queued";
  return ENDS[type] ?? "running";
}

const feeds = new Map();
const streams = new Map(); // number → what it carries, while the socket lives
let socket = null;
let holders = 0;

/** What the connection banner shows; `caught` counts events that were fetched after a break. */
export const connection = { isOnline: true, isRefused: false, caught: 0, version: 0, listeners: new Set() };

function signIn() {
  const { pathname, search, hash } = window.location;
  window.location.assign(`/login?next=${encodeURIComponent(pathname + search + hash)}`);
}

function announce(change) {
  Object.assign(connection, change);
  connection.version += 1;
  for (const listener of connection.listeners) listener();
}

function connect() {
  if (socket) return;
  socket = io(`${window.location.origin}/feed`, {
    path: "/_event", transports: ["websocket"], forceNew: true, reconnectionDelay: 250, reconnectionDelayMax: 2000,
  });
  socket.on("connect", () => {
    announce({ isOnline: true, isRefused: false, caught: 0 });
    for (const feed of feeds.values()) feed.follow();
  });
  socket.on("disconnect", (reason) => {
    streams.clear();
    announce({ isOnline: false });
    // The library tries again by itself when the line is lost, not when the server hung up: its answer says why.
    if (reason === "io server disconnect") socket.connect();
  });
  socket.on("connect_error", (error) => {
    if (error.data?.code === SIGN_IN) return signIn();
    // Another refusal by the server is final.
    return announce({ isOnline: false, isRefused: !socket.active });
  });
  socket.on("begin", ({ stream, run_id, after }) => {
    for (const [number, { runId }] of streams) if (runId === run_id) streams.delete(number);
    streams.set(stream, { runId: run_id, unpacker: new Unpacker(after) });
  });
  socket.on("batch", (stream, items, ack) => {
    const { runId, unpacker } = streams.get(stream);
    feeds.get(runId)?.take(unpacker.unpack(items));
    ack();
  });
  socket.on("end", ({ stream, status }) => {
    feeds.get(streams.get(stream).runId)?.finish(status);
    streams.delete(stream);
  });
}

function disconnect() {
  if (feeds.size || holders || !socket) return;
  socket.disconnect();
  socket = null;
  announce({ isOnline: true });
}

/** Keep the socket open while a page may need it at once. */
export function hold() {
  holders += 1;
  connect();
  return () => {
    holders -= 1;
    setTimeout(disconnect, LINGER);
  };
}

async function ask(name, request) {
  const answer = await socket.timeout(TIMEOUT).emitWithAck(name, request);
  if (!answer.ok) throw Object.assign(new Error(answer.error), { code: answer.code });
  return answer;
}

class RunFeed {
  constructor(runId) {
    this.runId = runId;
    this.log = new EventLog();
    this.meter = { startedTs: 0, endedTs: 0, tokens: 0, tokensIn: 0, firstTs: 0, lastTs: 0, speed: 0, stage: "" };
    this.answer = { id: "", text: "", isDone: false };
    this.below = new Set(); // runs that this one waits for
    this.isAsking = false;
    this.output = null;
    this.hasPassages = false;
    this.status = "";
    this.error = "";
    this.isLoaded = false;
    this.uncounted = 0; // newest seq of a log that was opened and not yet counted
    this.version = 0;
    this.frame = 0;
    this.isStale = false; // events came after the last rendering
    this.isUrgent = false; // the first words of an answer came, which wait for no frame
    this.listeners = new Set();
    this.taps = new Set(); // get every event once, in order, while the log may keep only some
  }

  get isRunning() { return RUNNING.has(this.status); }

  /** As `status`, but one that waits for a run, not for a person, says so. */
  get shownStatus() {
    return this.isRunning && this.status !== "queued" && this.below.size && !this.isAsking ? "waiting_for_run" : this.status;
  }

  subscribe = (listener) => {
    this.listeners.add(listener);
    return () => {
      this.listeners.delete(listener);
      setTimeout(() => this.close(), LINGER); // a widget that is shown again meanwhile finds the log as it was
    };
  };

  /** Resolves when the newest lines are there. */
  async whenLoaded() {
    if (this.isLoaded) return;
    await new Promise((resolve) => {
      const look = () => {
        if (!this.isLoaded) return;
        this.listeners.delete(look);
        resolve();
      };
      this.listeners.add(look);
    });
  }

  getVersion = () => this.version;

  close() {
    if (this.listeners.size || feeds.get(this.runId) !== this) return;
    feeds.delete(this.runId);
    cancelAnimationFrame(this.frame);
    if (socket?.connected) socket.emit("unfollow", { run_id: this.runId });
    disconnect();
  }

  async follow() {
    const had = this.log.head;
    try {
      const answer = await ask("follow", { run_id: this.runId, ...(had === null ? { tail: TAIL } : { after: had }) });
      this.status = answer.status;
      this.error = "";
      if (had === null) {
        this.log.liveFrom = answer.last_seq;
        this.uncounted = answer.last_seq;
        if (this.isLoaded) await this.count();
      } else if (answer.last_seq > had) announce({ caught: connection.caught + answer.last_seq - had });
      if (answer.last_seq === 0) this.isLoaded = true;
    } catch (error) {
      this.error = error.message;
    }
    this.paint();
  }

  /** What a long log's end does not tell: how many lines there are of each type, and when it began. Asked for once the end is there: counting reads the whole log. */
  async count() {
    const lastSeq = this.uncounted;
    this.uncounted = 0;
    if (lastSeq <= TAIL) return;
    const [{ by_type: byType, strip }, { items }] = await Promise.all([ask("counts", { run_id: this.runId }), this.page({ after: 0, limit: 1 })]);
    const moments = strip.map((part) => ({ ...part, since: Date.parse(part.since), until: Date.parse(part.until) }));
    this.log.startCounts(byType, lastSeq, moments);
    if (items.length) this.meter.startedTs = items[0].ts;
    this.paint();
  }

  take(events) {
    if (!this.log.push(events)) this.follow();
    for (const event of events) if (event.seq <= this.log.head) this.note(event);
    this.isLoaded = true;
    this.paint();
    if (this.uncounted) this.count().catch(() => undefined); // without the counts the log is still whole
  }

  finish(status) {
    this.status = status;
    this.isLoaded = true;
    this.paint();
  }

  /** Keep the meter and the newest answer, from every event and whatever the window shows. */
  note(event) {
    const { seq, ts, type, payload } = event;
    if (seq <= (this.noted ?? 0)) return;
    this.meter.isWhole ??= seq === 1;
    this.noted = seq;
    for (const tap of this.taps) tap(event);
    // What came before the log was opened was over by then: the server has said how the run is.
    if (seq > this.log.liveFrom) this.status = statusAfter(type, this.status);
    const { meter, answer } = this;
    if (type === "message_delta") {
      meter.lastTs = ts;
      meter.firstTs ||= meter.lastTs;
      meter.tokens += payload.tokens;
      this.isUrgent ||= answer.id !== payload.message_id || answer.text === "";
      if (answer.id === payload.message_id) answer.text += payload.text;
      else {
        this.answer = { id: payload.message_id, text: payload.text, isDone: false };
        this.recall(this.answer, seq);
      }
    } else if (type === "run_queued" || type === "run_started") meter.startedTs ||= ts;
    else if (type === "child_started") this.below.add(payload.run_id);
    else if (type === "child_completed") this.below.delete(payload.run_id);
    else if (type === "run_waiting" || type === "run_resumed") this.isAsking = type === "run_waiting";
    else if (type === "retrieved") this.hasPassages ||= payload.passages.length > 0;
    else if (type === "stage_changed") meter.stage = payload.stage;
    else if (type === "message_started" && payload.role === "assistant") this.answer = { id: payload.message_id, text: "", isDone: false };
    else if (type === "message_completed" && payload.role === "assistant") this.answer = { id: payload.message_id, text: payload.text, isDone: true };
    else if (type === "usage_recorded") {
      meter.usedOut = (meter.usedOut ?? 0) + payload.tokens_out;
      meter.tokensIn += payload.tokens_in;
      meter.cost = addedCost(meter.cost, payload);
      if (payload.window) meter.window = windowPercent(payload);
      const seconds = (payload.milliseconds - payload.first_token_milliseconds) / 1000;
      if (seconds > 0 && payload.tokens_out > 1) meter.speed = (payload.tokens_out - 1) / seconds;
    } else if (ENDS[type]) {
      meter.endedTs = ts;
      meter.endCode = payload.code;
      this.output = payload.output ?? null;
    }
  }

  /** A log that is opened late has only the end of a long answer: fetch its beginning. */
  async recall(answer, before) {
    for (let isMore = true; isMore && before > 1;) {
      const page = await this.page({ before, limit: 1000, types: ["message_started", "message_delta"] });
      const own = page.items.filter(({ payload }) => payload.message_id === answer.id);
      answer.text = own.map(({ payload }) => payload.text ?? "").join("") + answer.text;
      isMore = page.has_more && own.length > 0 && own[0].type !== "message_started";
      before = own[0]?.seq ?? 0;
    }
    this.paint();
  }

  /** Render at once, then once a frame at most, but for first words; a hidden tab renders again when it is seen. */
  paint() {
    this.isStale = true;
    if (this.frame && !this.isUrgent) return;
    this.isStale = this.isUrgent = false;
    this.version += 1;
    for (const listener of this.listeners) listener();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      if (this.isStale) this.paint();
    });
  }

  async page(request) {
    const page = await ask("page", { run_id: this.runId, limit: PAGE, ...request });
    for (const event of page.items) event.ts = Date.parse(event.ts);
    return page;
  }
}

function feedOf(runId) {
  let feed = feeds.get(runId);
  if (!feed) {
    feed = new RunFeed(runId);
    feeds.set(runId, feed);
    connect();
    if (socket.connected) feed.follow();
  }
  return feed;
}

/** On a run's own page its log is asked for while the page is still being made. */
const early = typeof window !== "undefined" && window.location.pathname.match(/^\/runs\/([\da-f-]{36})\/?$/);
if (early) feedOf(early[1]);

const never = () => () => undefined;
const zero = () => 0;

/** The shared feed of a run; the component renders when it changes. */
export function useRunFeed(runId) {
  const feed = runId ? feedOf(runId) : null;
  useSyncExternalStore(feed?.subscribe ?? never, feed?.getVersion ?? zero, zero);
  return feed;
}

export function useConnection() {
  useSyncExternalStore(subscribeConnection, () => connection.version, zero);
  return connection;
}

function subscribeConnection(listener) {
  connection.listeners.add(listener);
  return () => connection.listeners.delete(listener);
}
