/**
 * A clock for people, and below it the same time for machines.
 *
 * The strip is one row of equal cells: two magenta, 24 bits of Date.now() with the highest first, 8 bits of
 * checksum, two green. White is 1, black is 0. Whoever sees the strip in a picture knows when it was drawn.
 *
 *   type: custom:clock-card
 *   rate: 4          # how often a second it draws
 *   title: Kitchen   # optional
 */
const TIME_BITS = 24;
const CHECK_BITS = 8;
const MARK = '<i style="background:#f0f"></i><i style="background:#f0f"></i>';
const END_MARK = MARK.replaceAll("#f0f", "#0f0");

/** CRC-8 (polynomial 0x07) that starts with ones, so that neither all black nor all white is valid. */
function checksum(value) {
  let crc = 0xff;
  for (const byte of [value >>> 16, (value >>> 8) & 0xff, value & 0xff]) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 0x07) & 0xff : crc << 1;
  }
  return crc;
}

const STYLE = `
  ha-card {
    display: flex; flex-direction: column; justify-content: center; height: 100%;
    box-sizing: border-box; padding: 16px; overflow: hidden;
  }
  .title { font-size: var(--ha-font-size-m, 14px); color: var(--secondary-text-color, #727272); }
  .clock {
    font-size: 48px; line-height: 1.2; font-weight: 400; letter-spacing: 0.5px;
    font-variant-numeric: tabular-nums; color: var(--primary-text-color, #212121);
  }
  .strip { display: flex; height: 20px; margin-top: 12px; flex: none; }
  .strip i, .strip b { flex: 1; }
`;

class ClockCard extends HTMLElement {
  static getStubConfig() {
    return { rate: 4 };
  }

  setConfig(config) {
    const rate = config.rate ?? 4;
    if (!(rate > 0 && rate <= 30)) throw new Error("rate must be above 0 and at most 30 ticks a second");
    this._interval = 1000 / rate;
    this._build(config.title);
    this._draw();
  }

  getCardSize() {
    return 3;
  }

  getGridOptions() {
    return { columns: 12, rows: "auto", min_columns: 6 };
  }

  connectedCallback() {
    this._tick();
  }

  disconnectedCallback() {
    clearTimeout(this._timer);
  }

  _build(title) {
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${STYLE}</style><ha-card><div class="title"></div><div class="clock"></div>
      <div class="strip">${MARK}${"<b></b>".repeat(TIME_BITS + CHECK_BITS)}${END_MARK}</div></ha-card>`;
    const heading = root.querySelector(".title");
    heading.textContent = title ?? "";
    heading.hidden = !title;
    this._clock = root.querySelector(".clock");
    this._cells = [...root.querySelectorAll("b")];
  }

  /** Draws now, and again at the next multiple of the interval: a timer, so nothing is painted in between. */
  _tick() {
    if (this._clock) this._draw();
    clearTimeout(this._timer);
    const interval = this._interval ?? 250;
    this._timer = setTimeout(() => this._tick(), interval - (Date.now() % interval));
  }

  _draw() {
    const now = Date.now();
    this._clock.textContent = new Date(now).toTimeString().slice(0, 8);
    const time = now % 2 ** TIME_BITS;
    const bits = time * 2 ** CHECK_BITS + checksum(time);
    this._cells.forEach((cell, index) => {
      cell.style.background = (bits >>> (this._cells.length - 1 - index)) & 1 ? "#fff" : "#000";
    });
  }
}

customElements.define("clock-card", ClockCard);
(window.customCards ??= []).push({
  type: "clock-card",
  name: "Clock with a strip for machines",
  description: "Shows the time to people, and to whoever measures the delay of a picture",
});
