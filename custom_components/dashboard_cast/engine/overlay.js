// Draws messages over whatever page shows, in a world of its own. `cards` comes from overlay.py: all that are
// due, newest first. Nothing of them is ever read as HTML. Lengths are in parts of the picture's smaller side,
// so neither zoom nor size of the picture change how large a card is on the TV.
((cards) => {
  const STYLE = `
    :host {
      all: initial !important; display: block !important; position: fixed !important; inset: 0 !important;
      width: 100% !important; height: 100% !important; z-index: 2147483647 !important;
      pointer-events: none !important; overflow: hidden !important;
      font: 400 3.4vmin/1.35 Roboto, "Noto Sans", system-ui, sans-serif !important;
      --ground: #fff; --ink: #1c1c1c; --faint: #5e5e5e; --accent: #0288d1; --alarm: #c62828;
    }
    @media (prefers-color-scheme: dark) {
      :host { --ground: #24272b; --ink: #f1f1f1; --faint: #b9bdc2; --accent: #4fc3f7; --alarm: #ff6f60; }
    }
    .place { position: absolute; display: flex; flex-direction: column; gap: 2vmin; width: 60vmin; }
    .top_left, .top_right { top: 4vmin; }
    .bottom_left, .bottom_right { bottom: 4vmin; flex-direction: column-reverse; }
    .top_left, .bottom_left { left: 4vmin; }
    .top_right, .bottom_right { right: 4vmin; }
    .urgent {
      inset: 0; width: auto; align-items: center; justify-content: center; background: rgb(0 0 0 / 0.6);
    }
    .place:empty { display: none; }
    .card {
      display: grid; grid-template-columns: auto minmax(0, 1fr); align-items: center; column-gap: 2.4vmin;
      box-sizing: border-box; width: 100%; max-height: 88vh; padding: 2.4vmin 2.8vmin; overflow: hidden;
      color: var(--ink); background: var(--ground); border-radius: 2vmin;
      box-shadow: 0 0 0 0.15vmin rgb(128 128 128 / 0.35), 0 1vmin 4vmin rgb(0 0 0 / 0.45);
    }
    .words { grid-column: 2; }
    .words:first-child { grid-column: 1 / -1; }
    .title { font-size: 4vmin; font-weight: 700; line-height: 1.25; }
    .title + .text { color: var(--faint); }
    .title, .text {
      display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 5; overflow: hidden;
      white-space: pre-line; overflow-wrap: anywhere; text-align: start;
    }
    .title { -webkit-line-clamp: 2; }
    svg { width: 7vmin; height: 7vmin; fill: var(--accent); }
    canvas {
      grid-column: 1 / -1; justify-self: center; max-width: 100%; max-height: 34vmin;
      border-radius: 1.2vmin; margin-bottom: 1.6vmin;
    }
    .urgent .card { width: 104vmin; max-width: 88vw; padding: 4vmin 4.4vmin; border: 0.9vmin solid var(--alarm); }
    .urgent .title { font-size: 6.4vmin; }
    .urgent .text { font-size: 4.8vmin; }
    .urgent svg { width: 13vmin; height: 13vmin; fill: var(--alarm); }
    .urgent canvas { max-height: 48vmin; }
    .enters { animation: enter 0.25s ease-out; }
    @keyframes enter { from { opacity: 0; translate: 0 -2vmin; } }
    @media (prefers-reduced-motion: reduce) { .enters { animation: none; } }
  `;
  const SVG = "http://www.w3.org/2000/svg";
  // A card that was drawn elsewhere before does not come in once more.
  const NEW_MS = 1000;

  const element = (name, kind, text = "") => {
    const node = document.createElement(name);
    node.className = kind;
    node.textContent = text;
    return node;
  };

  const words = (card) => {
    const node = element("div", "words");
    for (const kind of ["title", "text"]) {
      if (!card[kind]) continue;
      const line = element("div", kind, card[kind]);
      line.dir = "auto";
      node.append(line);
    }
    return node;
  };

  const outline = (path) => {
    const icon = document.createElementNS(SVG, "svg");
    icon.setAttribute("viewBox", "0 0 24 24");
    const shape = document.createElementNS(SVG, "path");
    shape.setAttribute("d", path);
    icon.append(shape);
    return icon;
  };

  // A canvas: a page may forbid pictures from wherever an element could have them.
  const picture = async (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const canvas = document.createElement("canvas");
    canvas.width = bitmap.width;
    canvas.height = bitmap.height;
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    return canvas;
  };

  const build = async (card) => {
    const node = element("div", card.age < NEW_MS ? "card enters" : "card");
    // A picture that cannot be read is no reason to say nothing.
    if (card.image) node.append(await picture(card.image).catch(() => ""));
    if (card.icon) node.append(outline(card.icon));
    node.append(words(card));
    return node;
  };

  const create = () => {
    const host = document.createElement("div");
    const root = host.attachShadow({ mode: "closed" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const places = {};
    for (const name of ["top_left", "top_right", "bottom_left", "bottom_right", "urgent"]) {
      places[name] = element("div", `place ${name}`);
      root.append(places[name]);
    }
    host.popover = "manual";
    const shown = new Map();

    const remove = (number) => {
      const { node, timer } = shown.get(number);
      clearTimeout(timer);
      node.remove();
      shown.delete(number);
      if (!shown.size) host.remove();
    };

    const add = (card, node) => {
      const timer = setTimeout(remove, card.left, card.number);
      shown.set(card.number, { node, timer });
      places[card.urgent ? "urgent" : card.place].prepend(node);
    };

    return {
      async show(wanted) {
        const numbers = new Set(wanted.map((card) => card.number));
        const fresh = wanted.filter((card) => !shown.has(card.number)).reverse();
        const nodes = await Promise.all(fresh.map(build));
        for (const number of [...shown.keys()]) if (!numbers.has(number)) remove(number);
        fresh.forEach((card, index) => shown.has(card.number) || add(card, nodes[index]));
        if (!host.isConnected) document.documentElement.append(host);
        // Above the dialogs of the page as well.
        if (!host.matches(":popover-open")) host.showPopover();
      },
    };
  };

  globalThis.dashboardCastOverlay ??= create();
  return globalThis.dashboardCastOverlay.show(cards);
})(__CARDS__);
