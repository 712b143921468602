// A dashboard strategy that never answers.
customElements.define(
  "ll-strategy-dashboard-stuck",
  class extends HTMLElement {
    static generate() {
      return new Promise(() => {});
    }
  },
);
