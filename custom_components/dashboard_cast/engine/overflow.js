// Tells how much longer the page is than its screen ("fill"), or goes on to its next part ("scroll") and tells
// whether that is its beginning or its end.
(what) => {
  const GLIDE_MS = 1200;
  // Something of the part before stays in sight.
  const STEP = 0.75;

  const parent = (node) => node.assignedSlot || node.parentElement || node.getRootNode().host;
  const deepest = (x, y) => {
    let node = document.elementFromPoint(x, y);
    while (node?.shadowRoot) {
      const inner = node.shadowRoot.elementFromPoint(x, y);
      if (!inner || inner === node) break;
      node = inner;
    }
    return node;
  };
  const scrolls = (node) =>
    node.scrollHeight > node.clientHeight + 1 && node.clientHeight > innerHeight / 2 &&
    ["auto", "scroll"].includes(getComputedStyle(node).overflowY);

  const page = document.scrollingElement;
  let scroller = page;
  if (page.scrollHeight <= innerHeight + 1) {
    // Panels that are no dashboards scroll something within.
    let node = deepest(innerWidth / 2, innerHeight / 2);
    while (node && !scrolls(node)) node = parent(node);
    scroller = node || page;
  }
  const room = scroller === page ? innerHeight : scroller.clientHeight;
  const end = scroller.scrollHeight - room;
  if (what === "fill") return end > 1 ? scroller.scrollHeight / room : 1;
  if (end <= 1) return true;

  const from = scroller.scrollTop;
  const to = from >= end - 1 ? 0 : Math.min(end, from + STEP * room);
  const begun = performance.now();
  const glide = (now) => {
    const share = Math.min(1, Math.max(0, (now - begun) / GLIDE_MS));
    const eased = share * share * (3 - 2 * share);
    scroller.scrollTo({ top: from + (to - from) * eased, behavior: "instant" });
    if (share < 1) requestAnimationFrame(glide);
  };
  requestAnimationFrame(glide);
  return to === 0 || to === end;
}
