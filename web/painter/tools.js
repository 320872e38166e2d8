// The tools: what the pointer does to the layer that is painted.
import { fromHex, toHex, packed } from "./layers.js";
import { drawSegment, fillPolygon, fillWhere, union } from "./raster.js";
import { coveredBy, faceAt, insideOf, labelAt, regionOf } from "./regions.js";

export const TOOLS = {
  brush: { sign: "Brush", title: "Brush (B)", key: "b" },
  eraser: { sign: "Eraser", title: "Eraser (E); the right mouse button erases, too", key: "e" },
  lasso: { sign: "Lasso", title: "Lasso: fill an outline (L)", key: "l" },
  region: { sign: "Face part", title: "Fill a part of the face by a click (R)", key: "r" },
  pick: { sign: "Pick", title: "Take a color from the photo (P)", key: "p" },
};

const THINNEST = 0.25; // share of the radius that a pen draws which hardly presses
const ERASING_BUTTONS = 2 | 32; // the right mouse button, and a pen's eraser

// Hears of the pointer on the stage, and paints. `panel` has painting, faces, regions, choice { tool, layer, radius,
// color, part }, and hears of redraw(area), stepped(layer) and picked(color).
export class Pointer {
  #step = null;

  constructor(panel) {
    this.panel = panel;
  }

  down(place, event) {
    const { panel } = this, { tool, layer } = panel.choice;
    if (!panel.painting) return;
    const value = tool === "eraser" || event.buttons & ERASING_BUTTONS ? 0 : panel.value;
    if (tool === "pick") panel.picked(toHex(packed(panel.colorAt(place))));
    else if (tool === "region") this.#fillRegion(place, value);
    else if (tool === "lasso") this.#step = lasso(panel, layer, value);
    else this.#step = stroke(panel, layer, value);
    this.#step?.move(place, event);
  }

  move(place, event) {
    this.#step?.move(place, event);
  }

  up() {
    this.#step?.end();
    this.#step = null;
  }

  hover(place) {
    const { panel } = this;
    if (panel.choice.tool !== "region" || !panel.painting) return;
    panel.pointedAt(this.#regionAt(place)?.name ?? "");
  }

  #regionAt({ x, y }) {
    const face = faceAt(this.panel.faces, x, y), label = face && labelAt(face, x, y);
    const name = label == null ? null : regionOf(this.panel.regions, label);
    return name && { face, name };
  }

  #fillRegion(place, value) {
    const found = this.#regionAt(place);
    if (found) fillRegion(this.panel, [found.face], found.name, value);
    else this.panel.say("There is no part of a face here.");
  }
}

// Fills a part of faces, by its name.
export function fillRegion(panel, faces, name, value) {
  const { painting, choice: { layer }, regions } = panel;
  const changed = painting.change(layer, (raster) => faces.reduce((area, face) => {
    const inside = insideOf(face, regions[name]);
    return union(area, fillWhere(raster, coveredBy(face, raster), inside, value));
  }, null));
  if (changed) panel.stepped(layer);
}

function stroke(panel, layer, value) {
  const step = panel.painting.begin(layer);
  let last = null;
  return {
    move(place, event) {
      const pressure = event.pointerType === "pen" ? THINNEST + (1 - THINNEST) * event.pressure : 1;
      const next = { ...place, radius: panel.choice.radius * pressure };
      panel.redraw(step.draw((raster) => drawSegment(raster, last ?? next, next, value)));
      last = next;
    },
    end() {
      if (step.end()) panel.stepped(layer);
    },
  };
}

function lasso(panel, layer, value) {
  const outline = [];
  return {
    move(place) {
      outline.push(place);
      panel.trace(outline);
    },
    end() {
      const changed = panel.painting.change(layer, (raster) => fillPolygon(raster, outline, value));
      if (changed) panel.stepped(layer);
      else panel.redraw();
    },
  };
}

export const valueOf = ({ layer, color, part }) => ({ mask: 1, sketch: 1, color: fromHex(color), semantic: part + 1 })[layer];
