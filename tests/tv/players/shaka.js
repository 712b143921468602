/** Plays HLS with Shaka Player, 4 or 5. */
import {
  Failure, HLS_MANIFEST_PLAYLIST, HLS_NETWORK_PLAYLIST, LOAD_FAILED, SEGMENT_NETWORK, SOURCE_BUFFER_FAILURE,
} from "./failure.js";

shaka.polyfill.installAll();

function castCode({ code, category, data }) {
  const { Category, Code } = shaka.util.Error;
  if (category === Category.NETWORK) {
    const request = data?.[code === Code.BAD_HTTP_STATUS ? 4 : 2];
    return request === shaka.net.NetworkingEngine.RequestType.SEGMENT ? SEGMENT_NETWORK : HLS_NETWORK_PLAYLIST;
  }
  if (category === Category.MANIFEST) return HLS_MANIFEST_PLAYLIST;
  if (category === Category.MEDIA || category === Category.STREAMING) return SOURCE_BUFFER_FAILURE;
  return LOAD_FAILED;
}

function failure(error) {
  if (!(error instanceof shaka.util.Error)) return new Failure(LOAD_FAILED, `Shaka broke: ${error?.stack ?? error}`);
  const details = (error.data ?? []).filter((detail) => typeof detail !== "object");
  return new Failure(castCode(error), `Shaka error ${error.code}: ${details.join(", ")}`);
}

export class Adapter {
  /** Calls `onBuffering()` when it waits for data, and `onFailure(failure)` when it gives up after the load. */
  constructor(video, { onBuffering, onFailure }) {
    this._video = video;
    this._player = new shaka.Player();
    this._player.addEventListener("buffering", ({ buffering }) => buffering && onBuffering());
    this._player.addEventListener("error", ({ detail }) => onFailure(failure(detail)));
  }

  /** Loads, to play from `start` seconds or where the player likes best. Throws Failure. */
  async load({ url, start, lowLatency }) {
    this._player.configure("streaming.lowLatencyMode", lowLatency);
    try {
      await this._player.attach(this._video);
      await this._player.load(url, start, "application/x-mpegurl");
    } catch (error) {
      throw error instanceof shaka.util.Error ? failure(error) : error;
    }
  }

  get isBuffering() {
    return this._player.isBuffering();
  }

  get isLive() {
    return this._player.isLive();
  }

  /** The latest position that can be sought, in seconds. */
  get end() {
    return this._player.seekRange().end;
  }

  async destroy() {
    await this._player.destroy();
  }
}
