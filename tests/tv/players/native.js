/** Plays as a page with nothing but a video element does: files, endless answers, and HLS where the browser can. */
import { Failure, MEDIA_ABORTED, elementFailure } from "./failure.js";

export class Adapter {
  /** The video element itself says when it waits, and when it gives up after the load. */
  constructor(video) {
    this._video = video;
    this._loading = Promise.withResolvers();
    this._fail = () => this._loading.reject(elementFailure(video.error));
  }

  /** Loads, to play from `start` seconds or where the browser likes best. Throws Failure. */
  async load({ url, start, contentType }) {
    const video = this._video;
    // Reading the strip needs CORS; sound needs nothing.
    video.crossOrigin = contentType.startsWith("audio/") ? null : "anonymous";
    video.addEventListener("loadeddata", this._loading.resolve, { once: true });
    video.addEventListener("error", this._fail, { once: true });
    video.src = url;
    if (start) video.currentTime = start;
    video.play().catch(() => {}); // at once, as `autoplay` waits for seconds; its failure is an error event too
    await this._loading.promise;
  }

  get isBuffering() {
    return this._video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  get isLive() {
    return this._video.duration === Infinity;
  }

  /** The latest position that can be sought, in seconds: a live medium's lies in what has been loaded. */
  get end() {
    const { seekable, buffered, currentTime } = this._video;
    const ranges = seekable.length ? seekable : buffered;
    return ranges.length ? ranges.end(ranges.length - 1) : currentTime;
  }

  async destroy() {
    this._video.removeEventListener("loadeddata", this._loading.resolve);
    this._video.removeEventListener("error", this._fail);
    this._loading.reject(new Failure(MEDIA_ABORTED, "another medium was loaded"));
  }
}
