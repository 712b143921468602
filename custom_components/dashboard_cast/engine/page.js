// Runs in the dashboard's own document before any other script: signs in, hides what is not dashboard, and
// tells what is drawn. `settings` comes from page.py.
((settings) => {
  const signIn = window[settings.signIn];
  const changed = window[settings.changed];
  const callUs = window[settings.look];
  // Only we can ask for a token, or have the page drawn or looked at: not its frames, not another page in its
  // place.
  delete window[settings.signIn];
  delete window[settings.changed];
  delete window[settings.look];
  if (window !== window.top || location.origin !== settings.origin) return;

  for (const [name, value] of Object.entries(settings.storage)) {
    localStorage.setItem(name, JSON.stringify(value));
  }

  // A service worker would keep files that nobody else gets.
  delete Navigator.prototype.serviceWorker;

  // With externalApp in the window the frontend asks it for tokens and never shows a login page.
  window.externalApp = {
    getExternalAuth: (message) => signIn(message),
    revokeExternalAuth: (message) => window[JSON.parse(message).callback](true),
  };

  // Tells that the page is about to change, once per frame. What was told is drawn at once.
  const requestFrame = window.requestAnimationFrame.bind(window);
  let told = false;
  const tell = () => {
    if (told) return;
    told = true;
    changed("");
    requestFrame(() => { told = false; });
  };
  const observer = new MutationObserver(tell);
  const observe = (root) => {
    if (!settings.tells) return;
    observer.observe(root, { attributes: true, characterData: true, childList: true, subtree: true });
  };
  if (settings.tells) {
    window.requestAnimationFrame = (callback) => {
      tell();
      return requestFrame(callback);
    };
  }
  observe(document);

  // What the user has once chosen for all devices is not asked for where the source says something else.
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    const asked = typeof data === "string" && data.includes('"frontend/subscribe_user_data"') && JSON.parse(data);
    const own = asked && settings.own.includes(asked.key);
    return send.call(this, own ? JSON.stringify({ ...asked, key: `dashboard_cast_${asked.key}` }) : data);
  };

  const sheet = new CSSStyleSheet();
  const rules = [];
  if (settings.kiosk) rules.push("--header-height: 0px !important");
  if (settings.fontScale !== 1) rules.push(`--ha-font-size-scale: ${settings.fontScale} !important`);
  // The frontend loads itself anew after an update: meanwhile there is the colour that was there before.
  const BACKGROUND = "dashboardCastBackground";
  const background = sessionStorage.getItem(BACKGROUND);
  const launch = background ? `#ha-launch-screen { background: ${background} !important }` : "";
  if (background) rules.push(`background-color: ${background}`);
  sheet.replaceSync(`html { ${rules.join("; ")} } ${launch}`);
  document.adoptedStyleSheets = [sheet];
  addEventListener("pagehide", () => {
    sessionStorage.setItem(BACKGROUND, getComputedStyle(document.documentElement).backgroundColor);
  });

  // Toolbars live in shadow roots. A style that is in there before the first drawing hides them without a
  // flash, in every root that is made later as well. Dialogs and notes lie beside the frontend's main element.
  const BAR = ".top-app-bar { display: none !important }";
  const SUBPAGE = ".header, .toolbar { display: none !important } .content { height: 100% !important }";
  const HIDDEN = {
    "home-assistant": "*:not(home-assistant-main, ha-init-page) { display: none !important }",
    "ha-panel-home": ".banner { display: none !important }",
    "ha-top-app-bar-fixed": BAR,
    "ha-two-pane-top-app-bar-fixed": BAR,
    "hass-subpage": SUBPAGE,
    "hass-tabs-subpage": SUBPAGE,
    "hui-root": `.header { display: none !important }
      #view, hui-view-container { padding-top: 0 !important; min-height: 100vh !important }`,
  };
  const attachShadow = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    if (settings.kiosk && HIDDEN[this.localName]) {
      const element = document.createElement("style");
      element.textContent = HIDDEN[this.localName];
      root.append(element);
    }
    observe(root);
    return root;
  };

  const LOADING = new Set(["hass-loading-screen", "ha-init-page", "ha-spinner", "ha-circular-progress"]);
  const ERRORS = new Set(["hass-error-screen"]);

  const elements = function* (root) {
    for (const node of root.querySelectorAll("*")) {
      yield node;
      if (node.shadowRoot) yield* elements(node.shadowRoot);
    }
  };
  const visible = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const below = (...names) =>
    names.reduce((node, name) => node && (node.shadowRoot || node).querySelector(name), document);

  const panel = () => {
    const resolver = below("home-assistant", "home-assistant-main", "partial-panel-resolver");
    return resolver && [...resolver.children].find(visible);
  };

  const view = (shown) => (shown.localName === "ha-panel-lovelace"
    ? below("home-assistant", "home-assistant-main", "ha-panel-lovelace", "hui-root", "hui-view") : shown);

  // A frontend that could not connect says so, and tries again after a minute: which is too late for a start.
  const RETRY_MS = 2000;
  const retry = () => {
    const notice = document.querySelector("ha-init-page");
    if (notice && notice.error && performance.now() > RETRY_MS) location.reload();
  };

  // A frontend that hears of the themes before it knows its configuration never applies one.
  const applyTheme = (home) => {
    const { config, themes } = home.hass;
    if (!config || !themes || themes.darkMode !== undefined || !home._applyTheme) return;
    home._applyTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  };

  let kioskAsked = false;

  // What is still to come, in words for the log; empty when everything is drawn. `size` tells whether the
  // page still grows.
  const state = () => {
    const home = document.querySelector("home-assistant");
    const signedIn = Boolean(home && home.hass && home.hass.user);
    const result = { signedIn, waitsFor: "", error: "", size: 0 };
    if (!signedIn) retry();
    if (!signedIn || !home.hass.connected) return { ...result, waitsFor: "the connection to Home Assistant" };
    // Null until Home Assistant has told.
    if (home.hass.config === null || home.hass.themes === null) return { ...result, waitsFor: "the theme" };
    applyTheme(home);
    const shown = panel();
    if (!shown) return { ...result, waitsFor: "the dashboard" };
    if (settings.kiosk && !home.hass.kioskMode && !kioskAsked) {
      // Once: each time the frontend hands every card a new state to draw.
      kioskAsked = true;
      window.dispatchEvent(new CustomEvent("hass-kiosk-mode", { detail: { enable: true } }));
    }
    let cards = 0;
    for (const node of elements(shown.shadowRoot || shown)) {
      result.size += 1;
      const name = node.localName;
      if (name === "hui-card") cards += 1;
      if (ERRORS.has(name)) result.error = node.error || node.shadowRoot.textContent.trim();
      else if (LOADING.has(name) && visible(node)) result.waitsFor = name;
      else if (name === "hui-card" && !node.hidden && !node.firstElementChild) result.waitsFor = "a card";
      else if (name === "img" && node.src && !node.complete && visible(node)) result.waitsFor = "a picture";
    }
    if (LOADING.has(shown.localName)) result.waitsFor = shown.localName;
    if (ERRORS.has(shown.localName)) result.error = shown.error || shown.shadowRoot.textContent.trim();
    if (!result.size) result.waitsFor = "the dashboard";
    if (!view(shown)) result.waitsFor = "the view";
    if (document.fonts.status !== "loaded") result.waitsFor = "the fonts";
    return { ...result, cards };
  };

  // Tells at once when the connection to Home Assistant is lost or back, and when the dashboard goes away:
  // before that is drawn.
  const look = () => callUs("");
  const guard = new MutationObserver(() => {
    if (health().waitsFor) look();
  });
  let heard = null;
  const hear = (connection, ...nodes) => {
    for (const node of nodes) guard.observe(node, { childList: true });
    if (!connection || connection === heard) return;
    heard = connection;
    for (const event of ["disconnected", "ready"]) connection.addEventListener(event, look);
  };

  // Whether the page is well, without a walk through it: this is asked every few seconds.
  const health = () => {
    const home = document.querySelector("home-assistant");
    const { user, connected, connection } = (home && home.hass) || {};
    const result = {
      signedIn: Boolean(user), connected: Boolean(connected), waitsFor: "", error: "",
      version: (connection && connection.haVersion) || "",
    };
    if (document.querySelector("ha-authorize")) return { ...result, error: "the login page" };
    if (!user) return result;
    const shown = panel();
    if (!shown) return { ...result, waitsFor: "the dashboard" };
    if (ERRORS.has(shown.localName)) return { ...result, error: shown.localName };
    if (LOADING.has(shown.localName)) return { ...result, waitsFor: shown.localName };
    const node = view(shown);
    if (!node || !visible(node)) return { ...result, waitsFor: "the view" };
    const inside = node.shadowRoot || node;
    hear(connection, shown.parentNode, inside);
    return { ...result, waitsFor: inside.firstElementChild ? "" : "the view" };
  };

  // Whether there is something to see: a card or badge of a dashboard, or whatever another panel has.
  const filled = () => {
    const shown = panel();
    const inside = shown ? [...elements(shown.shadowRoot || shown)] : [];
    if (!shown || shown.localName !== "ha-panel-lovelace") return inside.length > 0;
    const items = inside.filter((node) => node.localName === "hui-card" || node.localName === "hui-badge");
    return items.some((node) => node.firstElementChild && visible(node));
  };

  Object.defineProperty(window, "dashboardCast", { value: { state, health, filled } });
})(__SETTINGS__);
