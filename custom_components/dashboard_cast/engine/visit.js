// How far a web page is: its documents and fonts are there, and its layout has been still for a while.
(() => {
  const STILL_MS = 1000;
  const state = { signedIn: true, waitsFor: "", error: "", size: 0, origin: location.origin };
  if (document.readyState !== "complete") return { ...state, waitsFor: "the page" };
  if (document.fonts.status !== "loaded") return { ...state, waitsFor: "the fonts" };
  const size = document.querySelectorAll("*").length + document.documentElement.scrollHeight;
  const now = performance.now();
  if (globalThis.still?.size !== size) globalThis.still = { size, since: now };
  const waitsFor = now - globalThis.still.since < STILL_MS ? "the layout" : "";
  return { ...state, waitsFor, size };
})()
