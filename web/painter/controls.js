// Buttons, sliders and choices of the panel.
import { inputFiles, upload } from "./client.js";
import { button, make, plain, select, setChoices, slider } from "./dom.js";
import { GUIDES, LAYERS } from "./layers.js";
import { TOOLS } from "./tools.js";

const NAMES = { mask: "Mask", sketch: "Sketch", color: "Color", semantic: "Parts" };
const MEANINGS = {
  mask: "Where the photo is edited",
  sketch: "Lines that the edit follows",
  color: "Colors that the edit takes",
  semantic: "Which part of the face is where",
};
const SIDES = { l: "left", r: "right" };
const WHOLE = { eye_g: "glasses", ear_r: "earring", neck_l: "necklace", l_lip: "lower lip", u_lip: "upper lip" };
const GROWTH = 4; // pixels of the grid by which the mask grows at a click, for a grid of 512

const partName = (label) => WHOLE[label] ?? plain(label.replace(/^([lr])_/, (_, side) => `${SIDES[side]} `));

export class Controls {
  #panel;

  constructor(panel, { labels, palette, styles, attributes }) {
    this.#panel = panel;
    this.top = make("div", { class: "bars" }, this.#photoBar(), this.#layerBar(), this.#toolBar(labels, palette));
    this.bottom = make("div", { class: "bars" }, this.#styleBar(styles), this.#sliders(attributes));
    this.listFiles();
  }

  // Brings all controls to the panel's state and choice.
  show() {
    const { state, choice, painting, parts } = this.#panel;
    this.photo.value = state.photo;
    this.exemplar.value = state.exemplar;
    this.undo.disabled = !painting?.canUndo;
    this.redo.disabled = !painting?.canRedo;
    for (const layer of LAYERS) {
      this.layers[layer].setAttribute("aria-pressed", layer === choice.layer);
      this.shown[layer].checked = state.layers[layer].on;
    }
    for (const tool of Object.keys(TOOLS)) this.tools[tool].setAttribute("aria-pressed", tool === choice.tool);
    this.radius.set(Math.round(2 * choice.radius));
    this.color.value = choice.color;
    this.part.value = choice.part;
    setChoices(this.region, parts.map((name) => [name, plain(name)]));
    if (!this.region.value) this.region.selectedIndex = 0;
    for (const [element, layers] of this.of) element.hidden = !layers.includes(choice.layer);
    if (choice.layer !== "mask") this.strength.set(state.layers[choice.layer].strength);
    this.style.value = state.style;
    this.mix.set(state.style_mix);
    this.seed.value = state.seed;
    this.text.value = state.text;
    this.amount.set(state.text_amount);
    for (const [name, one] of Object.entries(this.attributes)) one.set(state.attributes[name] ?? 0);
  }

  // Asks the host anew which pictures there are.
  async listFiles() {
    const files = await inputFiles(), { photo, exemplar } = this.#panel.state;
    const all = [...new Set([...files, photo, exemplar])].filter(Boolean);
    setChoices(this.photo, [["", "Choose a photo …"], ...all]);
    setChoices(this.exemplar, [["", "nobody"], ...all]);
    this.photo.value = photo;
    this.exemplar.value = exemplar;
  }

  // Changes a setting of the state.
  #set(name, value) {
    this.#panel.state[name] = value;
    this.#panel.changed();
  }

  #fileButton(title, chosen) {
    const input = make("input", {
      type: "file", accept: "image/*", hidden: true, onchange: () => input.files[0] && chosen(input.files[0]),
    });
    return make("span", {}, button("Upload", title, () => input.click()), input);
  }

  #photoBar() {
    const panel = this.#panel;
    this.photo = select("Photo", [], (file) => panel.choosePhoto(file));
    this.undo = button("↶", "Undo (Ctrl+Z)", () => panel.undo());
    this.redo = button("↷", "Redo (Ctrl+Shift+Z)", () => panel.redo());
    const compare = (on) => () => panel.result.compare(on);
    return make("div", { class: "bar", role: "toolbar", "aria-label": "Photo and view" },
      this.photo, this.#fileButton("Upload a photo", (file) => panel.uploadPhoto(file)),
      make("span", { class: "gap" }), this.undo, this.redo,
      button("−", "Smaller (-)", () => panel.stage.enlarge(0.8)),
      button("+", "Larger (+)", () => panel.stage.enlarge(1.25)),
      button("Original", "Hold to see the original (O)", () => {}, {
        onpointerdown: compare(true), onpointerup: compare(false), onpointerleave: compare(false),
      }));
  }

  #layerBar() {
    const panel = this.#panel;
    this.layers = {};
    this.shown = {};
    return make("div", { class: "bar layers", role: "toolbar", "aria-label": "Layers" }, ...LAYERS.map((layer) => {
      this.layers[layer] = button(NAMES[layer], MEANINGS[layer], () => panel.choose({ layer }), { "data-layer": layer });
      this.shown[layer] = make("input", {
        type: "checkbox", title: `Use ${NAMES[layer]}`, "aria-label": `Use ${NAMES[layer]}`,
        onchange: () => {
          panel.state.layers[layer].on = this.shown[layer].checked;
          panel.redraw();
          panel.changed();
        },
      });
      return make("span", { class: "layer" }, this.shown[layer], this.layers[layer]);
    }));
  }

  #toolBar(labels, palette) {
    const panel = this.#panel, { choice } = panel;
    this.tools = Object.fromEntries(Object.entries(TOOLS).map(([tool, { sign, title }]) =>
      [tool, button(sign, title, () => panel.choose({ tool }), { "data-tool": tool })]));
    this.radius = slider("width", { min: 1, max: 200, step: 1, value: 2 * choice.radius },
      (width) => { choice.radius = width / 2; });
    this.color = make("input", {
      type: "color", "aria-label": "Color", title: "Color", value: choice.color,
      oninput: () => { choice.color = this.color.value; },
    });
    this.part = select("Part to paint", labels.map((label, i) => [i, partName(label)]),
      (part) => { choice.part = Number(part); });
    for (const [i, option] of [...this.part.options].entries()) {
      option.style.background = `color-mix(in srgb, rgb(${palette[i]}) 45%, #202020)`;
    }
    this.strength = slider("strength", { min: 0, max: 1, step: 0.05, value: 1 },
      (strength) => { panel.state.layers[choice.layer].strength = strength; }, () => panel.changed());
    this.region = select("Part of the face", [], () => {});
    const growth = () => Math.max(1, Math.round((GROWTH * panel.painting?.width) / 512));
    const growing = make("span", { class: "group" },
      button("Shrink", "Shrink the mask", () => panel.growMask(-growth())),
      button("Grow", "Grow the mask", () => panel.growMask(growth())));
    const fill = (value) => () => panel.fillRegion(this.region.value, value());
    const filling = make("span", { class: "group" }, this.region,
      button("Fill", "Fill this part of the face", fill(() => panel.value)),
      button("Erase", "Erase this part of the face", fill(() => 0)));
    this.of = [[growing, ["mask"]], [this.color, ["color"]], [this.part, ["semantic"]], [this.strength.element, GUIDES]];
    return make("div", { class: "bar", role: "toolbar", "aria-label": "Tools" },
      ...Object.values(this.tools), this.radius.element, this.color, this.part, growing, filling,
      this.strength.element, button("Clear layer", "Clear the layer", () => panel.clear()));
  }

  #styleBar(styles) {
    const panel = this.#panel;
    const chosen = (exemplar) => {
      panel.state.exemplar = exemplar;
      this.#set("style", exemplar ? "exemplar" : "auto");
      this.show();
    };
    const brought = async (file) => {
      try {
        const exemplar = await upload(file, file.name);
        panel.state.exemplar = exemplar;
        await this.listFiles();
        chosen(exemplar);
      } catch (error) {
        panel.say(error.message);
      }
    };
    this.style = select("Where the style comes from", styles, (style) => this.#set("style", style));
    this.exemplar = select("Exemplar: a photo of another person", [], chosen);
    this.mix = slider("mix", { min: 0, max: 1, step: 0.05, value: 0 }, () => {}, (mix) => this.#set("style_mix", mix));
    this.seed = make("input", {
      type: "number", min: 0, step: 1, class: "seed", "aria-label": "Seed", title: "Seed of random styles",
      onchange: () => this.#set("seed", Math.max(0, Math.trunc(Number(this.seed.value)))),
    });
    const dice = () => {
      this.seed.value = Math.floor(Math.random() * 1e9);
      this.#set("seed", Number(this.seed.value));
    };
    this.text = make("input", {
      type: "text", placeholder: "a text, such as: curly blond hair", "aria-label": "Text that the face follows",
      onchange: () => this.#set("text", this.text.value),
    });
    this.amount = slider("amount", { min: -2, max: 2, step: 0.1, value: 1 }, () => {},
      (amount) => this.#set("text_amount", amount));
    return make("div", { class: "bar", role: "group", "aria-label": "Style" },
      labelled("style", this.style), labelled("exemplar", this.exemplar), this.#fileButton("Upload an exemplar", brought),
      this.mix.element, labelled("seed", this.seed), button("New", "Another seed", dice), this.text, this.amount.element);
  }

  #sliders(attributes) {
    const panel = this.#panel;
    this.attributes = Object.fromEntries(Object.entries(attributes).map(([name, [min, max]]) =>
      [name, slider(plain(name), { min, max, step: 0.05, value: 0 }, () => {}, (amount) => {
        const { [name]: _, ...others } = panel.state.attributes;
        this.#set("attributes", amount === 0 ? others : { ...others, [name]: amount });
      })]));
    return make("details", {}, make("summary", {}, "Smile, age, light …"),
      make("div", { class: "sliders" }, ...Object.values(this.attributes).map(({ element }) => element)));
  }
}

const labelled = (name, element) => make("label", {}, make("span", {}, name), element);
