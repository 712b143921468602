// A card that makes trouble once, when `sensor.trouble` gets the name of it.
const kept = [];

const TROUBLES = {
  // A script that never ends.
  spin: () => {
    for (;;);
  },
  // Memory that is never given back.
  leak: () => {
    setInterval(() => kept.push(new Array(2e6).fill(Math.random())), 20);
  },
  // The login page of Home Assistant.
  login: () => {
    const here = encodeURIComponent(`${location.origin}/`);
    location.assign(`/auth/authorize?response_type=code&client_id=${here}&redirect_uri=${here}`);
  },
  // An error page of the browser.
  error: () => location.assign("http://127.0.0.1:9/"),
  // A picture of one colour, though all is there.
  cover: () => {
    const cover = document.createElement("div");
    cover.style = "position: fixed; inset: 0; z-index: 9999; background: white";
    document.body.append(cover);
  },
  // A view in which nothing is.
  blank: (card) => {
    let node = card;
    while (node.localName !== "hui-view") node = node.parentNode || node.host;
    node.replaceChildren();
  },
};

class TroubleCard extends HTMLElement {
  setConfig() {
    this.textContent = "No trouble";
  }

  getCardSize() {
    return 1;
  }

  set hass(hass) {
    const trouble = hass.states["sensor.trouble"]?.state;
    // What was there when the page was loaded is over.
    if (this.known !== undefined && trouble !== this.known) TROUBLES[trouble]?.(this);
    this.known = trouble ?? "";
  }
}

customElements.define("trouble-card", TroubleCard);
