/** The steps of a feed's run, whole: from what the log has, from the server what it lacks, and then live. */
import { STEP_TYPES, Steps } from "./view_steps_model.js";
import { Walk } from "./view_graph_model.js";

const PAGE = 1000;
const PAGES_MAX = 10; // ten thousand steps are more than anybody reads; the log has all

const models = new WeakMap();

class Model {
  constructor(feed) {
    this.steps = new Steps();
    this.walk = new Walk();
    this.isLoaded = false;
    this.isWhole = true;
    this.at = 0;
    this.waiting = [];
    feed.taps.add((event) => (this.isLoaded ? this.#push(event) : this.waiting.push(event)));
    this.#load(feed);
  }

  async #load(feed) {
    await feed.whenLoaded();
    const own = feed.log.eventsAfter(0);
    const first = (own[0] ?? this.waiting[0])?.seq ?? 1;
    try {
      for (const event of await this.#before(feed, first)) this.#push(event);
    } catch {
      this.isWhole = false; // the line is lost; what is there is shown
    }
    for (const event of [...own, ...this.waiting]) this.#push(event);
    this.waiting = [];
    this.isLoaded = true;
    feed.paint();
  }

  async #before(feed, seq) {
    let found = [];
    for (let pages = 0; seq > 1 && pages < PAGES_MAX; pages += 1) {
      const page = await feed.page({ before: seq, limit: PAGE, types: STEP_TYPES });
      found = page.items.concat(found);
      if (!page.has_more) return found;
      seq = page.items[0].seq;
    }
    this.isWhole = seq <= 1;
    return found;
  }

  #push(event) {
    if (event.seq <= this.at) return;
    this.at = event.seq;
    this.steps.push(event);
    this.walk.push(event);
  }
}

/** What is known of the steps of a run; made once, by the first view that wants them. */
export function stepsOf(feed) {
  let model = models.get(feed);
  if (!model) models.set(feed, (model = new Model(feed)));
  return model;
}
