/**
 * The screen of the television: plays one medium at a time and tells Python what it sees. Python calls
 * `television.*`; events go back through `tell`, each with the media session they belong to.
 */
import { StripReader, TIME_RANGE } from "./strip.js";

const GAP = 1500; // ms without a new picture, while playing, that a person takes for a frozen screen
const LONGEST_DELAY = 120_000; // ms: a decoded time further off is a misread strip
const HLS = /mpegurl/i;

// Cast's detailed error codes: developers.google.com/cast/docs/web_receiver/error_codes
const MEDIA_ABORTED = 101;
const MEDIA_SRC_NOT_SUPPORTED = 104;
const SOURCE_BUFFER_FAILURE = 110;
const SEGMENT_NETWORK = 301;
const HLS_NETWORK_PLAYLIST = 312;
const HLS_MANIFEST_PLAYLIST = 412;
const LOAD_FAILED = 905;

const video = document.querySelector("video");
const idle = document.querySelector("#idle");
const reader = new StripReader();

let session = null; // the media session that plays, null when nothing does
let state = "IDLE";
let player = null; // Shaka's, for HLS
let measured = null;
let lastPicture = null; // {at, mediaTime, presentedFrames} of the newest picture
let lastTime = null; // newest time read from the strip

function freshMeasurements() {
  return {
    since: Date.now(),
    width: 0,
    height: 0,
    frames: 0,
    firstPicture: null,
    stalls: 0,
    stalled: 0,
    stallStart: null,
    latencies: [],
  };
}

function resetMeasurements() {
  measured = freshMeasurements();
  reader.unreadable = 0;
}

function setState(next, details = {}) {
  if (state === next || session === null) return;
  state = next;
  window.tell({ session, state, currentTime: video.currentTime, duration: duration(), ...details });
}

function duration() {
  return Number.isFinite(video.duration) && !player?.isLive() ? video.duration : null;
}

// --- what the pictures say --------------------------------------------------------------------------------

function beginStall(at) {
  if (measured.stallStart !== null) return;
  measured.stalls++;
  measured.stallStart = at;
}

function endStall(at) {
  if (measured.stallStart === null) return;
  measured.stalled += at - measured.stallStart;
  measured.stallStart = null;
}

function onWaiting() {
  if (state !== "PLAYING") return;
  beginStall(performance.now());
  setState("BUFFERING");
}

async function readLatency(own, presented) {
  const time = await reader.read(video);
  if (time === null || time === lastTime || own !== session) return;
  // The first time read may have been on the screen for a while already: only a change has an age.
  if (lastTime !== null) {
    const age = (((presented - time) % TIME_RANGE) + TIME_RANGE) % TIME_RANGE;
    const signed = age > TIME_RANGE / 2 ? age - TIME_RANGE : age;
    if (Math.abs(signed) < LONGEST_DELAY) measured.latencies.push(signed);
  }
  lastTime = time;
}

function onPicture(_now, { expectedDisplayTime, mediaTime, presentedFrames }) {
  video.requestVideoFrameCallback(onPicture);
  if (session === null) return;
  const presented = Date.now() + (expectedDisplayTime - performance.now());
  const previous = lastPicture;
  lastPicture = { at: expectedDisplayTime, mediaTime, presentedFrames };
  measured.frames += previous ? Math.max(presentedFrames - previous.presentedFrames, 1) : 1;
  measured.firstPicture ??= presented;
  [measured.width, measured.height] = [video.videoWidth, video.videoHeight];
  if (state === "PLAYING" && previous && expectedDisplayTime - previous.at > GAP) beginStall(previous.at);
  endStall(expectedDisplayTime);
  const moves = previous && previous.mediaTime !== mediaTime && video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA;
  if (moves && state === "BUFFERING" && !player?.isBuffering()) setState("PLAYING");
  readLatency(session, presented);
}

// --- loading ----------------------------------------------------------------------------------------------

/** Cast's code for what Shaka calls an error. */
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

function explain(error) {
  if (error instanceof shaka.util.Error) {
    const details = (error.data ?? []).filter((detail) => typeof detail !== "object");
    return { code: castCode(error), message: `Shaka error ${error.code}: ${details.join(", ")}` };
  }
  if (error instanceof MediaError) return { code: 100 + error.code, message: error.message };
  return { code: MEDIA_SRC_NOT_SUPPORTED, message: String(error) };
}

async function loadHls(url, start) {
  const own = new shaka.Player();
  player = own;
  own.addEventListener("buffering", ({ buffering }) => buffering && own === player && onWaiting());
  own.addEventListener("error", ({ detail }) => own === player && fail(detail));
  await own.attach(video);
  await own.load(url, start, "application/x-mpegurl");
}

/** Plays as a page with nothing but a video element does; `play()` at once, as `autoplay` waits for seconds. */
async function loadPlain(url, contentType, start) {
  // Reading the strip needs CORS; sound needs nothing.
  video.crossOrigin = contentType.startsWith("audio/") ? null : "anonymous";
  const loaded = new Promise((resolve, reject) => {
    video.onloadeddata = resolve;
    video.onerror = () => reject(video.error);
  });
  video.src = url;
  if (start) video.currentTime = start;
  video.play().catch(() => {}); // its failure comes as an error event too
  await loaded;
}

async function tearDown() {
  const old = player;
  player = null;
  video.onloadeddata = video.onerror = null;
  if (old) await old.destroy();
  video.removeAttribute("src");
  video.load();
}

async function fail(error) {
  if (state === "LOADING" || session === null) return; // load() hears of it as well
  const { code, message } = explain(error);
  setState("IDLE", { idleReason: "ERROR", code, message });
  await stop();
}

function afterLoad(contentType, autoplay) {
  video.onerror = () => fail(video.error);
  setState("BUFFERING");
  if (!autoplay) {
    video.pause();
    setState("PAUSED");
    return;
  }
  video.play().catch(() => {}); // interrupted by the next command
  if (contentType.startsWith("audio/")) setState("PLAYING");
}

/** Loads and plays; resolves to null, or to {code, message} when it failed or another load came. */
async function load(own, { url, contentType, start, autoplay }) {
  session = own;
  state = "LOADING";
  lastPicture = lastTime = null;
  reader.reset();
  resetMeasurements();
  idle.hidden = true;
  try {
    await tearDown();
    if (session === own) await (HLS.test(contentType) ? loadHls(url, start) : loadPlain(url, contentType, start));
    if (session !== own) return { code: MEDIA_ABORTED, message: "another medium was loaded" };
  } catch (error) {
    if (session === own) await stop();
    return explain(error);
  }
  afterLoad(contentType, autoplay);
  return null;
}

// --- commands ---------------------------------------------------------------------------------------------

/** Stops and shows the idle screen; tells nobody, as who stops knows the reason. */
async function stop() {
  session = null;
  state = "IDLE";
  idle.hidden = false;
  await tearDown();
}

async function play() {
  if (state === "PAUSED") setState("BUFFERING");
  await video.play();
}

function pause() {
  video.pause();
  setState("PAUSED");
}

function seek(seconds) {
  video.currentTime = player?.isLive() ? Math.min(seconds, player.seekRange().end) : seconds;
}

function showIdle(title, hint) {
  const [name, note] = idle.children;
  name.textContent = title;
  note.textContent = hint;
}

function position() {
  return { currentTime: video.currentTime, duration: duration() };
}

/** A screen that is frozen right now counts too, though no picture has ended the gap yet. */
function frozen(now) {
  return state === "PLAYING" && measured.stallStart === null && lastPicture && now - lastPicture.at > GAP;
}

/** Measures anew; a stall that goes on goes on counting. */
function remeasure() {
  const stalls = measured.stallStart !== null;
  resetMeasurements();
  if (stalls) beginStall(performance.now());
}

function report() {
  const now = performance.now();
  const still = measured.stallStart ?? (frozen(now) ? lastPicture.at : now);
  return {
    width: measured.width,
    height: measured.height,
    frames: measured.frames,
    stalls: measured.stalls + (frozen(now) ? 1 : 0),
    stalled: measured.stalled + now - still,
    seconds: (Date.now() - measured.since) / 1000,
    firstPicture: measured.firstPicture,
    latencies: measured.latencies,
    unreadable: reader.unreadable,
  };
}

resetMeasurements();
shaka.polyfill.installAll();
video.addEventListener("waiting", onWaiting);
video.addEventListener("ended", async () => {
  setState("IDLE", { idleReason: "FINISHED" });
  await stop();
});
video.requestVideoFrameCallback(onPicture);
window.television = { load, stop, play, pause, seek, showIdle, position, report, remeasure };
