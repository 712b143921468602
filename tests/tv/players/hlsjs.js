/** Plays HLS with hls.js. */
import {
  Failure, HLS_MANIFEST_PLAYLIST, HLS_NETWORK_PLAYLIST, LOAD_FAILED, MEDIA_ABORTED, SEGMENT_NETWORK,
  SOURCE_BUFFER_FAILURE,
} from "./failure.js";

function castCode({ type, details }) {
  const { NETWORK_ERROR, MEDIA_ERROR, MUX_ERROR } = Hls.ErrorTypes;
  if (/parsing|incompatible/i.test(details) && /manifest|level/.test(details)) return HLS_MANIFEST_PLAYLIST;
  if (type === NETWORK_ERROR) return /^(frag|part)/.test(details) ? SEGMENT_NETWORK : HLS_NETWORK_PLAYLIST;
  return type === MEDIA_ERROR || type === MUX_ERROR ? SOURCE_BUFFER_FAILURE : LOAD_FAILED;
}

function failure(data) {
  const url = data.url ?? data.context?.url ?? data.frag?.url ?? "";
  return new Failure(castCode(data), `hls.js ${data.details}: ${data.error?.message ?? ""} ${url}`);
}

export class Adapter {
  /** Calls `onFailure(failure)` when it gives up after the load; the video element says when it waits. */
  constructor(video, { onFailure }) {
    this._video = video;
    this._onFailure = onFailure;
    this._loading = Promise.withResolvers();
    this._hls = null;
  }

  /** Loads, to play from `start` seconds or where the player likes best. Throws Failure. */
  async load({ url, start, lowLatency }) {
    this._hls = new Hls({ lowLatencyMode: lowLatency, startPosition: start ?? -1 });
    this._hls.on(Hls.Events.ERROR, (_event, data) => data.fatal && this._fail(failure(data)));
    this._video.addEventListener("loadeddata", this._loading.resolve, { once: true });
    this._hls.loadSource(url);
    this._hls.attachMedia(this._video);
    await this._loading.promise;
  }

  get isBuffering() {
    return this._video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  get isLive() {
    return this._hls.latestLevelDetails?.live ?? false;
  }

  /** The latest position that can be sought, in seconds. */
  get end() {
    return this._hls.liveSyncPosition ?? this._video.duration;
  }

  async destroy() {
    this._video.removeEventListener("loadeddata", this._loading.resolve);
    this._loading.reject(new Failure(MEDIA_ABORTED, "another medium was loaded"));
    this._hls.destroy();
  }

  _fail(reason) {
    this._loading.reject(reason);
    this._onFailure(reason);
  }
}
