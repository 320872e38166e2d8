// The edit as it will be, beside the painting: asked for again after every change, first as a draft.
import { ask, loadImage } from "./client.js";
import { make, shape } from "./dom.js";

export class Result {
  #asked = null;
  #photo = null;

  // `say` shows a sentence.
  constructor(say) {
    this.say = say;
    this.edited = make("canvas", { role: "img", "aria-label": "The edited photo" });
    this.original = make("canvas", { class: "original", "aria-hidden": "true" });
    this.divider = make("input", {
      type: "range", min: 0, max: 100, value: 0, "aria-label": "Before and after", title: "Before and after",
      oninput: () => this.#divide(Number(this.divider.value)),
    });
    this.picture = make("div", { class: "picture" }, this.edited, this.original);
    this.element = make("div", { class: "result" }, this.picture, this.divider);
    this.#divide(0);
  }

  // Begins anew with a photo on a grid; a pixel of the grid has `scale` pixels of the photo.
  show(image, { width, height }, scale) {
    this.stop();
    this.#photo = { image, scale };
    for (const canvas of [this.edited, this.original]) {
      Object.assign(canvas, { width, height });
      canvas.getContext("2d").drawImage(image, 0, 0, width, height);
    }
    shape(this.picture, width, height);
  }

  // Holds the original before the edit, or puts it away.
  compare(on) {
    this.#divide(on ? 100 : Number(this.divider.value));
  }

  stop() {
    this.#asked?.abort();
    this.#asked = null;
    this.element.removeAttribute("aria-busy");
  }

  // Asks for the edit; whatever was asked before is not waited for any more.
  async refresh(question) {
    this.stop();
    const asked = this.#asked = new AbortController();
    this.element.setAttribute("aria-busy", "true");
    try {
      for (const draft of [true, false]) {
        const answer = await ask("preview", { ...question, draft }, asked.signal);
        const part = await loadImage(answer.picture);
        if (asked.signal.aborted) return;
        this.#draw(part, answer);
        this.say(answer.warnings.join(" "));
      }
      this.element.dataset.shown = question.painting;
    } catch (error) {
      if (asked.signal.aborted) return;
      this.plain();
      this.say(error.message);
    }
    this.stop();
  }

  // Shows the photo as it is.
  plain() {
    if (this.#photo) this.#draw(null);
  }

  #draw(part, { x, y } = {}) {
    const { image, scale } = this.#photo, context = this.edited.getContext("2d");
    context.drawImage(image, 0, 0, this.edited.width, this.edited.height);
    if (part) context.drawImage(part, x / scale, y / scale, part.width / scale, part.height / scale);
  }

  #divide(share) {
    this.original.style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  }
}
