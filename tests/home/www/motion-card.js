// Something everywhere on the screen changes with every frame: the hardest case for a browser and an encoder.

const BANDS = 9;
const BALLS = 14;
const WORDS = "Home Assistant on every screen  ·  ";

class MotionCard extends HTMLElement {
  setConfig() {}

  set hass(_hass) {}

  getCardSize() {
    return 12;
  }

  connectedCallback() {
    this.style.cssText = "display:block;position:fixed;inset:0;z-index:1;background:#000";
    this.canvas = document.createElement("canvas");
    this.canvas.style.cssText = "display:block;width:100%;height:100%";
    this.replaceChildren(this.canvas);
    this.context = this.canvas.getContext("2d", { alpha: false });
    this.frame = requestAnimationFrame((time) => this.draw(time));
  }

  disconnectedCallback() {
    cancelAnimationFrame(this.frame);
  }

  draw(time) {
    const width = this.clientWidth;
    const height = this.clientHeight;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const seconds = time / 1000;
    this.drawBands(width, height, seconds);
    this.drawBalls(width, height, seconds);
    this.drawWords(width, height, seconds);
    this.frame = requestAnimationFrame((next) => this.draw(next));
  }

  drawBands(width, height, seconds) {
    const step = height / BANDS;
    for (let band = 0; band < BANDS; band += 1) {
      const hue = (seconds * 40 + band * 28) % 360;
      const shift = (Math.sin(seconds * 0.9 + band) + 1) / 2;
      const fill = this.context.createLinearGradient(0, 0, width, 0);
      fill.addColorStop(0, `hsl(${hue} 70% 32%)`);
      fill.addColorStop(shift, `hsl(${(hue + 70) % 360} 75% 52%)`);
      fill.addColorStop(1, `hsl(${(hue + 150) % 360} 70% 34%)`);
      this.context.fillStyle = fill;
      this.context.fillRect(0, Math.floor(band * step), width, Math.ceil(step) + 1);
    }
  }

  drawBalls(width, height, seconds) {
    for (let ball = 0; ball < BALLS; ball += 1) {
      const x = width * (0.5 + 0.46 * Math.sin(seconds * (0.5 + ball * 0.07) + ball * 2.1));
      const y = height * (0.5 + 0.42 * Math.cos(seconds * (0.6 + ball * 0.05) + ball * 1.3));
      const radius = height * (0.05 + 0.03 * Math.sin(seconds + ball));
      this.context.fillStyle = `hsl(${(ball * 26 + seconds * 60) % 360} 90% 66% / 0.72)`;
      this.context.beginPath();
      this.context.arc(x, y, radius, 0, 2 * Math.PI);
      this.context.fill();
    }
  }

  drawWords(width, height, seconds) {
    const size = Math.round(height / 12);
    this.context.font = `600 ${size}px system-ui, sans-serif`;
    this.context.fillStyle = "#fff";
    const length = this.context.measureText(WORDS).width;
    for (let row = 0; row < 3; row += 1) {
      const offset = (seconds * (90 + row * 60)) % length;
      for (let x = -offset; x < width; x += length) {
        this.context.fillText(WORDS, x, height * (0.25 + row * 0.28));
      }
    }
  }
}

customElements.define("motion-card", MotionCard);
