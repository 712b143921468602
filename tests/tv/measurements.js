/**
 * What a viewer sees of a video. All times are in ms of `performance.now()` unless said.
 *
 * A stall is a picture that stays on the screen because the medium stands still: the time from one picture to
 * the next, less the time that the medium went on meanwhile. That counts a player that waits, for whatever
 * reason and whatever the frame rate is, but not a `waiting` event of a few milliseconds around a seek, which
 * shows in no picture. The pictures' own times would not do: of a slow medium Chromium shows some pictures
 * early, by 0.3 s for instance, and the next one is not late for that.
 */
import { StripReader, TIME_RANGE } from "./strip.js";

const SHORTEST_STALL = 250; // ms: nobody sees a dashboard's picture stay for less
const LONGEST_STILL = 1500; // ms that a person takes for a frozen screen, even when the medium has no picture
const LONGEST_DELAY = 120_000; // ms: a decoded time further off is a misread strip

export class Measurements {
  constructor(video) {
    this._video = video;
    this._reader = new StripReader();
    this.restart();
    video.addEventListener("seeking", () => this._onSeek());
  }

  /** Forgets the medium and measures the next one. */
  restart() {
    this._medium = Symbol("medium");
    this._last = null; // the newest picture, and when and at which position of the medium it was seen
    this._interval = 0; // ms that the medium went on between the two newest pictures
    this._sought = false; // since the newest picture
    this._time = null; // newest time read from the strip
    this._reader.reset();
    this.hold();
    this.reset();
  }

  /** Measures the same medium anew from now on. A stall that lasts counts with what is left of it. */
  reset() {
    this._since = performance.now();
    this._firstPicture = null;
    this._frames = this._stalled = this._seeks = 0;
    this._stalls = []; // when each was over
    this._resolution = { width: 0, height: 0 };
    this._latencies = [];
    this._moments = []; // when each of these pictures was presented
    this._reader.unreadable = 0;
    this._droppedBefore = this._dropped();
  }

  /** Says that the picture may rest: before it moves first, in a pause, after a seek that somebody asked for. */
  hold() {
    this._expecting = false;
  }

  /** Says that from the newest picture on they are to move. */
  expect() {
    this._expecting = true;
  }

  /** Takes a picture in, as `requestVideoFrameCallback` describes it; returns whether it differs from the last. */
  add({ expectedDisplayTime, mediaTime, presentedFrames }) {
    const now = performance.now();
    const position = this._video.currentTime;
    const presented = Date.now() + (expectedDisplayTime - now);
    const last = this._last;
    const stalled = this._stalledFor(now, position);
    if (stalled) this._stalls.push(presented);
    this._stalled += stalled;
    if (last && !this._sought) this._interval = 1000 * (position - last.position);
    this._frames += last ? Math.max(presentedFrames - last.presentedFrames, 1) : 1;
    this._last = { now, position, mediaTime, presentedFrames };
    this._sought = false;
    this._firstPicture ??= presented;
    this._resolution = { width: this._video.videoWidth, height: this._video.videoHeight };
    this._readLatency(this._medium, presented);
    return last !== null && last.mediaTime !== mediaTime;
  }

  /** What was seen since the last restart or reset; a screen that stands still right now counts too. */
  report() {
    const now = performance.now();
    const stalled = this._stalledFor(now, this._video.currentTime);
    return {
      ...this._resolution,
      frames: this._frames,
      dropped: this._dropped() - this._droppedBefore,
      seeks: this._seeks,
      stalls: stalled ? [...this._stalls, Date.now()] : this._stalls,
      stalled: this._stalled + stalled,
      seconds: (now - this._since) / 1000,
      firstPicture: this._firstPicture,
      latencies: this._latencies,
      moments: this._moments,
      unreadable: this._reader.unreadable,
    };
  }

  /** How long the newest picture has been due to change, with the medium at `position` s; 0 for no stall. */
  _stalledFor(now, position) {
    if (!this._expecting || !this._last) return 0;
    const shown = now - this._last.now;
    // A seek skips what the medium had in between: the next picture was due as soon as those before it.
    const due = this._sought ? this._interval : 1000 * (position - this._last.position);
    const late = shown > LONGEST_STILL ? shown : shown - due;
    return late > SHORTEST_STALL ? Math.min(late, now - this._since) : 0;
  }

  _onSeek() {
    this._sought = true;
    if (this._expecting) this._seeks++;
  }

  _dropped() {
    return this._video.getVideoPlaybackQuality().droppedVideoFrames;
  }

  async _readLatency(medium, presented) {
    const time = await this._reader.read(this._video);
    if (time === null || time === this._time || medium !== this._medium) return;
    // The first time read may have been on the screen for a while already: only a change has an age.
    if (this._time !== null) {
      const age = (((presented - time) % TIME_RANGE) + TIME_RANGE) % TIME_RANGE;
      const signed = age > TIME_RANGE / 2 ? age - TIME_RANGE : age;
      if (Math.abs(signed) < LONGEST_DELAY) {
        this._latencies.push(signed);
        this._moments.push(presented);
      }
    }
    this._time = time;
  }
}
