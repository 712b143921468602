"""What any browser needs to show a dashboard as a picture: a signed-in frontend without its controls."""

import json

TOKEN_LIFE_S = 1800

# With externalApp in the window the frontend asks it for tokens, and never shows a login page.
_SIGN_IN = """
window.externalApp = {
  getExternalAuth: (message) =>
    window[JSON.parse(message).callback](true, {access_token: %s, expires_in: %d}),
  revokeExternalAuth: (message) => window[JSON.parse(message).callback](true),
};
"""

# The toolbar lives in a shadow root that appears late, and anew for each dashboard.
KIOSK_SCRIPT = """
localStorage.setItem("suspendWhenHidden", "false");
localStorage.setItem("dockedSidebar", '"always_hidden"');
const below = (root, names) => names.reduce((node, name) => {
  const within = node && (node.shadowRoot || node);
  return within && within.querySelector(name);
}, root);
const hideToolbar = () => {
  const path = ["home-assistant", "home-assistant-main", "ha-panel-lovelace", "hui-root"];
  const root = below(document, path);
  if (!root || !root.shadowRoot || root.shadowRoot.querySelector("style.kiosk")) return;
  window.dispatchEvent(new CustomEvent("hass-kiosk-mode", {detail: {enable: true}}));
  const style = document.createElement("style");
  style.className = "kiosk";
  style.textContent = `.header { display: none !important }
    #view { padding-top: 0 !important; min-height: 100vh !important }`;
  root.shadowRoot.append(style);
};
setInterval(hideToolbar, 250);
"""

# Every text below the page, shadow roots included: error cards say what is wrong in theirs.
ERRORS_SCRIPT = """
() => {
  const errors = [];
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (["hui-error-card", "hui-warning", "hui-error-badge"].includes(node.localName)) {
        errors.push(node.localName + ": " + (node.shadowRoot?.textContent || node.textContent).trim());
      }
      if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document);
  return errors;
}
"""

# How many cards stand on the page; they come after their view does.
CARDS_SCRIPT = """
() => {
  let cards = 0;
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      if (node.localName === "hui-card") cards += 1;
      if (node.shadowRoot) walk(node.shadowRoot);
    }
  };
  walk(document);
  return cards;
}
"""


def sign_in_script(token: str) -> str:
    """Return JavaScript that signs a page in with this access token; to run before the page's own."""
    return _SIGN_IN % (json.dumps(token), TOKEN_LIFE_S)
