/**
 * The screen of the television: plays one medium at a time and tells Python what it sees. Python calls
 * `television.*`; events go back through `tell`, each with the media session they belong to. The page's
 * `adapter` parameter names the module in players/ that plays HLS.
 */
import { Measurements } from "./measurements.js";
import { Failure, LOAD_FAILED, MEDIA_ABORTED, elementFailure } from "./players/failure.js";
import { Adapter as Native } from "./players/native.js";

const HLS = /mpegurl/i;
const name = new URLSearchParams(location.search).get("adapter");
const { Adapter: HlsAdapter } = await import(`./players/${name}.js`);

const video = document.querySelector("video");
const idle = document.querySelector("#idle");
const measurements = new Measurements(video);

let session = null; // the media session that plays, null when nothing does
let state = "IDLE";
let player = null; // the adapter that plays

function setState(next, details = {}) {
  if (state === next || session === null) return;
  state = next;
  window.tell({ session, state, currentTime: video.currentTime, duration: duration(), ...details });
}

function duration() {
  return Number.isFinite(video.duration) && !player?.isLive ? video.duration : null;
}

function onWaiting() {
  if (state === "PLAYING") setState("BUFFERING");
}

function onPicture(_now, frame) {
  video.requestVideoFrameCallback(onPicture);
  if (session === null) return;
  const moves = measurements.add(frame) && !video.seeking && !player?.isBuffering;
  if (moves && state === "BUFFERING") setState("PLAYING");
  if (state === "PLAYING") measurements.expect();
}

// --- loading ----------------------------------------------------------------------------------------------

async function tearDown() {
  const old = player;
  player = null;
  if (old) await old.destroy();
  video.removeAttribute("src");
  video.load();
}

async function fail({ code, message }) {
  if (state === "LOADING" || session === null) return; // load() hears of it as well
  setState("IDLE", { idleReason: "ERROR", code, message });
  await stop();
}

async function loadInto(media) {
  const own = new (HLS.test(media.contentType) ? HlsAdapter : Native)(video, {
    onBuffering: () => own === player && onWaiting(),
    onFailure: (failure) => own === player && fail(failure),
  });
  player = own;
  await own.load(media);
}

function afterLoad({ contentType, autoplay }) {
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
async function load(own, media) {
  session = own;
  state = "LOADING";
  idle.hidden = true;
  try {
    await tearDown();
    measurements.restart();
    if (session === own) await loadInto(media);
    if (session !== own) return { code: MEDIA_ABORTED, message: "another medium was loaded" };
  } catch (error) {
    if (session === own) await stop();
    const code = error instanceof Failure ? error.code : LOAD_FAILED;
    return { code, message: error.message };
  }
  afterLoad(media);
  return null;
}

// --- commands ---------------------------------------------------------------------------------------------

/** Stops and shows the idle screen; tells nobody, as who stops knows the reason. */
async function stop() {
  session = null;
  state = "IDLE";
  idle.hidden = false;
  measurements.hold();
  await tearDown();
}

async function play() {
  if (state === "PAUSED") setState("BUFFERING");
  await video.play();
}

function pause() {
  video.pause();
  setState("PAUSED");
  measurements.hold();
}

function seek(seconds) {
  onWaiting();
  measurements.hold();
  video.currentTime = player?.isLive ? Math.min(seconds ?? Infinity, player.end) : (seconds ?? 0);
}

function showIdle(title, hint) {
  const [heading, note] = idle.children;
  heading.textContent = title;
  note.textContent = hint;
}

function position() {
  return { currentTime: video.currentTime, duration: duration() };
}

video.addEventListener("waiting", onWaiting);
video.addEventListener("error", () => fail(elementFailure(video.error)));
video.addEventListener("ended", async () => {
  setState("IDLE", { idleReason: "FINISHED" });
  await stop();
});
video.requestVideoFrameCallback(onPicture);
window.television = {
  load, stop, play, pause, seek, showIdle, position,
  report: () => measurements.report(),
  remeasure: () => measurements.reset(),
};
