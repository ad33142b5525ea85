/** Unfolds the short form of the /feed namespace; `app/backend/runs/packing.py` tells how it is made. */
export class Unpacker {
  constructor(after) {
    this.seq = after;
    this.at = 0; // microseconds
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

  #toEvent(row) {
    const { type, share, keys } = this.table;
    const payload = { ...share };
    for (let at = 0; at < keys.length; at += 1) payload[keys[at]] = row[at + 1];
    this.seq += 1;
    this.at += row[0];
    return { seq: this.seq, ts: Math.floor(this.at / 1000), type, payload };
  }
}
