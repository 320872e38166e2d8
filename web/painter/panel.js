// The painter's panel: it holds the state and the painting of a node, and brings their parts together.
import { ask, fileUrl, loadImage, upload } from "./client.js";
import { Controls } from "./controls.js";
import { make } from "./dom.js";
import { fromColors, LAYERS, nameOf, packed, toColors } from "./layers.js";
import { gridOf, Painting } from "./painting.js";
import { grow } from "./raster.js";
import { onGrid } from "./regions.js";
import { Result } from "./result.js";
import { Stage } from "./stage.js";
import { blankState, readState, writeState } from "./state.js";
import { fillRegion, Pointer, TOOLS, valueOf } from "./tools.js";

const RADII = { mask: 0.04, sketch: 0.003, color: 0.025, semantic: 0.02 }; // of the brush, in widths of the grid
const PAUSE = 150; // milliseconds without a change before a preview is asked for

const KEYS = "B brush, E eraser, L lasso, R face part, P pick a color, [ and ] width, + and - zoom, O original, " +
  "Ctrl+Z undo, Ctrl+Shift+Z redo";

export class Panel {
  state = blankState();
  painting = null;
  faces = [];
  choice = { tool: "brush", layer: "mask", radius: 20, color: "#a03040", part: 17 };
  #text = "";
  #saved = Promise.resolve();
  #loading = 0;
  #timer = null;
  #asked = new AbortController();

  // `options` are those of the node's input; `node` has model(), which one it takes, and changed().
  constructor(options, node) {
    this.node = node;
    this.labels = options.labels;
    this.regions = options.regions;
    this.palette = options.palette.map(packed);
    this.stage = new Stage(new Pointer(this), this.palette);
    this.result = new Result((sentence) => this.say(sentence));
    this.controls = new Controls(this, options);
    this.status = make("div", { class: "status", role: "status", "aria-live": "polite" });
    // Has the focus while a person paints: the host takes keys for its graph unless an input has it.
    this.keys = make("input", { class: "keys", readonly: true, "aria-label": "Keys of the painter", title: KEYS });
    this.element = make("div", { class: "facemug-painter empty", role: "group", "aria-label": "Face painter" },
      this.keys, this.controls.top, make("div", { class: "panes" }, this.stage.element, this.result.element),
      this.status, this.controls.bottom);
    this.#listen();
    this.controls.show();
    this.say("Choose a photo to begin.");
  }

  // The node's text.
  get text() {
    return this.#text;
  }

  // The node's text once all that was painted is stored.
  async saved() {
    await this.#saved;
    return this.#text;
  }

  // Shows the painting of a text.
  async load(text) {
    if (text === this.#text) return;
    this.#text = text;
    this.state = readState(text);
    this.controls.show();
    await this.#open();
  }

  // Begins anew with another photo; the settings stay.
  async choosePhoto(file) {
    this.state.photo = file;
    for (const layer of LAYERS) this.state.layers[layer].file = "";
    this.changed();
    this.controls.show();
    await this.#open();
  }

  // Waits for no answer any more.
  close() {
    clearTimeout(this.#timer);
    this.#asked.abort();
    this.result.stop();
  }

  say(sentence) {
    this.status.textContent = sentence;
  }

  get value() {
    return valueOf(this.choice);
  }

  colorAt(place) {
    return this.stage.colorAt(place);
  }

  picked(color) {
    this.choose({ color, layer: "color", tool: "brush" });
  }

  pointedAt(region) {
    this.stage.element.title = region.replaceAll("_", " ");
  }

  // Another tool, layer, color, …
  choose(choice) {
    const { layer } = this.choice;
    Object.assign(this.choice, choice);
    if (this.choice.layer !== layer) this.#usualRadius();
    this.controls.show();
    this.redraw();
  }

  redraw(area) {
    if (!this.painting || area === null) return;
    const on = Object.fromEntries(LAYERS.map((layer) => [layer, this.state.layers[layer].on]));
    this.stage.draw(this.painting, on, area);
  }

  // The outline of a lasso that is being drawn.
  trace(outline) {
    const context = this.stage.layers.getContext("2d"), [from, to] = outline.slice(-2);
    context.strokeStyle = "white";
    context.lineWidth = Math.max(1, this.painting.width / 400);
    context.beginPath();
    context.moveTo(from.x + 0.5, from.y + 0.5);
    if (to) context.lineTo(to.x + 0.5, to.y + 0.5);
    context.stroke();
  }

  // A layer has changed.
  stepped(layer) {
    this.redraw();
    this.controls.show();
    this.#saved = this.#saved.then(() => this.#store(layer)).then(() => this.changed(), (error) => this.say(error.message));
  }

  // The state has changed.
  changed() {
    this.#text = writeState(this.state);
    this.node.changed();
    this.preview();
  }

  undo() {
    const layer = this.painting?.undo();
    if (layer) this.stepped(layer);
  }

  redo() {
    const layer = this.painting?.redo();
    if (layer) this.stepped(layer);
  }

  clear() {
    const { layer } = this.choice;
    const all = { x: 0, y: 0, width: this.painting?.width, height: this.painting?.height };
    const changed = this.painting?.change(layer, (raster) => {
      raster.pixels.fill(0);
      return all;
    });
    if (changed) this.stepped(layer);
  }

  growMask(pixels) {
    if (this.painting?.change("mask", (raster) => grow(raster, pixels, 1))) this.stepped("mask");
  }

  fillRegion(name, value) {
    if (this.painting) fillRegion(this, this.faces, name, value);
  }

  // Names of the parts that the faces have.
  get parts() {
    const found = new Set(this.faces.flatMap(({ labels }) => [...new Set(labels)]));
    return Object.keys(this.regions).filter((name) => this.regions[name].some((label) => found.has(label)));
  }

  preview() {
    clearTimeout(this.#timer);
    this.result.stop();
    if (!this.painting) return;
    const { file, on } = this.state.layers.mask;
    if (!file || !on) {
      this.result.plain();
      return this.say("Brush over what is to be edited, or click a part of the face.");
    }
    this.say("");
    this.#timer = setTimeout(() => this.result.refresh(this.#question()), PAUSE);
  }

  #question() {
    return { painting: this.#text, ...this.node.model() };
  }

  #usualRadius() {
    if (this.painting) this.choice.radius = Math.max(0.5, RADII[this.choice.layer] * this.painting.width);
  }

  // Shows the state's photo, layers and faces.
  async #open() {
    const number = ++this.#loading, { photo, layers } = this.state;
    this.painting = null;
    this.faces = [];
    this.close();
    this.element.classList.toggle("empty", !photo);
    if (!photo) return this.say("Choose a photo to begin.");
    try {
      const image = await loadImage(fileUrl(photo));
      const grid = gridOf(image.naturalWidth, image.naturalHeight), scale = image.naturalWidth / grid.width;
      const painting = new Painting(grid.width, grid.height);
      await Promise.all(LAYERS.filter((layer) => layers[layer].file).map(async (layer) => {
        const drawn = await loadImage(fileUrl(layers[layer].file));
        painting.layers[layer].pixels.set(fromColors(layer, colorsOf(drawn, grid), this.palette));
      }));
      if (number !== this.#loading) return;
      this.painting = painting;
      this.#usualRadius();
      this.stage.show(image, grid);
      this.result.show(image, grid, scale);
      this.redraw();
      this.controls.show();
      await this.#findFaces(scale, number);
    } catch (error) {
      if (number === this.#loading) this.say(error.message);
    }
  }

  async #findFaces(scale, number) {
    this.say("Looking for faces …");
    this.#asked = new AbortController();
    const { faces } = await ask("faces", this.#question(), this.#asked.signal);
    const found = await Promise.all(faces.map(async (face) => {
      const labels = await loadImage(face.labels);
      const colors = colorsOf(labels, labels);
      return onGrid({ ...face, labels: Uint8Array.from(colors, (color) => color & 255), side: labels.width }, scale);
    }));
    if (number !== this.#loading) return;
    this.faces = found;
    this.stage.frame(found);
    this.controls.show();
    if (found.length) this.preview();
    else this.say("No face was found in this photo.");
  }

  async #store(layer) {
    const { painting } = this, kept = this.state.layers[layer];
    if (painting.isEmpty(layer)) {
      kept.file = "";
      return;
    }
    const colors = toColors(layer, painting.layers[layer], this.palette);
    kept.file = await upload(await pngOf(colors, painting), `${layer}_${nameOf(colors)}.png`, true);
  }

  #listen() {
    const { element } = this;
    // The graph must not take what is meant for the panel: dragging, shortcuts, zoom.
    for (const kind of ["pointerdown", "mousedown", "dblclick", "wheel", "contextmenu", "keyup", "copy", "paste"]) {
      element.addEventListener(kind, (event) => event.stopPropagation());
    }
    element.addEventListener("mousedown", (event) => {
      if (event.target.closest("input, select, label, summary")) return;
      event.preventDefault();
      this.keys.focus({ preventScroll: true });
    });
    element.addEventListener("keydown", (event) => this.#key(event));
    element.addEventListener("keyup", (event) => { if (event.key === "o") this.result.compare(false); });
    element.addEventListener("dragover", (event) => event.preventDefault());
    element.addEventListener("drop", (event) => this.#drop(event));
  }

  #key(event) {
    event.stopPropagation();
    if (event.target.matches("input:not([type=range], .keys), select")) return;
    const key = event.key.toLowerCase(), command = event.ctrlKey || event.metaKey;
    const tool = Object.keys(TOOLS).find((name) => TOOLS[name].key === key);
    if (command && key === "z") event.shiftKey ? this.redo() : this.undo();
    else if (command && key === "y") this.redo();
    else if (command) return;
    else if (tool) this.choose({ tool });
    else if (key === "[" || key === "]") this.choose({ radius: this.choice.radius * (key === "[" ? 0.8 : 1.25) });
    else if (key === "+" || key === "-") this.stage.enlarge(key === "+" ? 1.25 : 0.8);
    else if (key === "o") this.result.compare(true);
    else return;
    event.preventDefault();
  }

  async #drop(event) {
    const file = event.dataTransfer?.files[0];
    if (!file?.type.startsWith("image/")) return;
    event.preventDefault();
    event.stopPropagation();
    await this.uploadPhoto(file);
  }

  async uploadPhoto(file) {
    try {
      await this.choosePhoto(await upload(file, file.name));
      this.controls.listFiles();
    } catch (error) {
      this.say(error.message);
    }
  }
}

// A picture's colors on a grid, each the nearest.
function colorsOf(image, { width, height }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = false;
  context.drawImage(image, 0, 0, width, height);
  return new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
}

function pngOf(colors, { width, height }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(colors.buffer), width, height), 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
