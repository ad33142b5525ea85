/** Unfolds the short form of the /feed namespace; `app/backend/api/feed_wire.py` tells how it is made. */
export class Unpacker {
  constructor(after) {
    this.seq = after;
    this.ts = 0;
    this.table = null;
  }

  /** The events of the stream's next batch; `ts` in milliseconds. */
  unpack(items) {
    const events = [];
    for (const item of items) {
      if (Array.isArray(item)) events.push(this.#toEvent(item));
      else this.table = item;
    }
    return events;
  }

  #toEvent([milliseconds, ...values]) {
    const { type, share, keys } = this.table;
    const payload = { ...share };
    for (let at = 0; at < keys.length; at += 1) payload[keys[at]] = values[at];
    this.seq += 1;
    this.ts += milliseconds;
    return { seq: this.seq, ts: this.ts, type, payload };
  }
}
