// Where a person paints: the photo with the layers over it, zoomed and moved, and the pointer's way to the tools.
import { make, shape } from "./dom.js";
import { overlay } from "./layers.js";

const MOST_ZOOM = 16;

export class Stage {
  #zoom = 1;
  #shift = [0, 0];
  #moving = null;

  // `tool` hears of the pointer: down(place, event), move(place, event), up(place), hover(place).
  constructor(tool, palette) {
    this.palette = palette;
    this.photo = make("canvas", { role: "img", "aria-label": "Photo with the painted layers" });
    this.layers = make("canvas", { class: "layers" });
    this.faces = make("div", { class: "faces" });
    this.sheet = make("div", { class: "sheet" }, this.photo, this.layers, this.faces);
    this.element = make("div", { class: "stage" }, this.sheet);
    this.#listen(tool);
  }

  // Begins anew with a photo on a grid.
  show(image, { width, height }) {
    for (const canvas of [this.photo, this.layers]) Object.assign(canvas, { width, height });
    this.photo.getContext("2d", { willReadFrequently: true }).drawImage(image, 0, 0, width, height);
    shape(this.element, width, height);
    this.faces.replaceChildren();
    this.#look(1, [0, 0]);
  }

  // Frames around the faces.
  frame(faces) {
    const { width, height } = this.photo;
    this.faces.replaceChildren(...faces.filter(({ box }) => box).map(({ box: [left, top, right, bottom] }) => make("div", {
      style: `left:${(100 * left) / width}%;top:${(100 * top) / height}%;` +
        `width:${(100 * (right - left)) / width}%;height:${(100 * (bottom - top)) / height}%`,
    })));
  }

  // Draws the layers again, all of them or within a rectangle.
  draw(painting, on, area = { x: 0, y: 0, width: painting.width, height: painting.height }) {
    const colors = overlay(painting.layers, on, this.palette, area);
    const data = new ImageData(new Uint8ClampedArray(colors.buffer), area.width, area.height);
    this.layers.getContext("2d").putImageData(data, area.x, area.y);
  }

  // The photo's color at a place.
  colorAt({ x, y }) {
    return [...this.photo.getContext("2d").getImageData(Math.round(x), Math.round(y), 1, 1).data];
  }

  get zoom() {
    return this.#zoom;
  }

  // Enlarges by a factor, around a place of the screen or around the middle.
  enlarge(factor, at) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.#zoom * factor)), change = zoom / this.#zoom;
    const { left, top, width, height } = this.element.getBoundingClientRect();
    const [x, y] = at ? [(at.clientX - left) / width, (at.clientY - top) / height] : [0.5, 0.5];
    this.#look(zoom, [x - (x - this.#shift[0]) * change, y - (y - this.#shift[1]) * change]);
  }

  // The shift is that of the sheet's corner, in sizes of the stage; the sheet always covers the stage.
  #look(zoom, shift) {
    this.#zoom = zoom;
    this.#shift = shift.map((part) => Math.min(0, Math.max(1 - zoom, part)));
    const [x, y] = this.#shift;
    this.sheet.style.transform = `translate(${100 * x}%, ${100 * y}%) scale(${zoom})`;
  }

  // The place of the grid under the pointer, at any zoom of the stage and of the graph.
  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.layers.getBoundingClientRect();
    return {
      x: ((clientX - left) / width) * this.layers.width - 0.5,
      y: ((clientY - top) / height) * this.layers.height - 0.5,
    };
  }

  #listen(tool) {
    const { element } = this, touches = new Map();
    let drawing = false;
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      if (event.pointerType === "touch") touches.set(event.pointerId, event);
      if (event.button === 1 || touches.size === 2) {
        if (drawing) tool.up(this.#place(event));
        drawing = false;
        this.#moving = event;
      } else if (touches.size < 2) {
        drawing = true;
        tool.down(this.#place(event), event);
      }
    });
    element.addEventListener("pointermove", (event) => {
      if (touches.size === 2) this.#pinch(touches, event);
      else if (this.#moving) this.#drag(event);
      else if (!drawing) tool.hover(this.#place(event));
      else for (const one of merged(event)) tool.move(this.#place(one), one);
    });
    const ended = (event) => {
      touches.delete(event.pointerId);
      if (drawing) tool.up(this.#place(event));
      drawing = false;
      this.#moving = null;
    };
    element.addEventListener("pointerup", ended);
    element.addEventListener("pointercancel", ended);
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.enlarge(Math.exp(-event.deltaY / 400), event);
    }, { passive: false });
  }

  #drag(event) {
    const { width, height } = this.element.getBoundingClientRect();
    const moved = [(event.clientX - this.#moving.clientX) / width, (event.clientY - this.#moving.clientY) / height];
    this.#moving = event;
    this.#look(this.#zoom, this.#shift.map((part, axis) => part + moved[axis]));
  }

  // Two fingers: their distance enlarges, and their middle moves.
  #pinch(touches, event) {
    const apart = () => {
      const [one, other] = [...touches.values()];
      return Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
    };
    const before = apart();
    touches.set(event.pointerId, event);
    if (before > 0) this.enlarge(apart() / before, event);
  }
}

// All places of the pointer since the last event.
function merged(event) {
  const events = event.getCoalescedEvents?.() ?? [];
  return events.length ? events : [event];
}
