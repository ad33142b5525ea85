/** How many lines a run wrote at which time, by level: bars of one width, which doubles when there would be too many. Pure. */
const WIDTH = 250; // milliseconds of a bar at first
const MOST = 120;
const LEVELS = 4;

export class Volume {
  constructor() {
    this.width = WIDTH;
    this.from = 0; // when the first bar begins
    this.bars = []; // each as many numbers as there are levels
  }

  get to() { return this.from + this.bars.length * this.width; }

  add(ts, level, n = 1) {
    if (!this.bars.length) this.from = ts;
    if (ts < this.from) this.#extend(ts);
    while (ts - this.from >= this.width * MOST) this.#double();
    const at = Math.floor((ts - this.from) / this.width);
    while (this.bars.length <= at) this.bars.push(new Array(LEVELS).fill(0));
    this.bars[at][level] += n;
  }

  /** Add what a server counted between two moments, as if it had come evenly. */
  spread(from, to, level, n) {
    const parts = Math.min(n, Math.max(1, Math.ceil((to - from) / this.width)));
    let left = n;
    for (let part = 0; part < parts; part += 1) {
      const share = Math.round(left / (parts - part));
      this.add(from + ((to - from) * part) / parts, level, share);
      left -= share;
    }
  }

  #double() {
    const old = this.bars;
    this.width *= 2;
    this.bars = [];
    for (let at = 0; at < old.length; at += 2) this.bars.push(old[at].map((n, level) => n + (old[at + 1]?.[level] ?? 0)));
  }

  #extend(ts) {
    const more = Math.ceil((this.from - ts) / this.width);
    this.from -= more * this.width;
    this.bars = [...Array.from({ length: more }, () => new Array(LEVELS).fill(0)), ...this.bars];
    while (this.bars.length > MOST) this.#double();
  }
}
