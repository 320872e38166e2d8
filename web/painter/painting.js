// A painting: four layers on one grid, and what was done to them.
import { LAYERS, rasterType } from "./layers.js";
import { isEmpty, makeRaster, putRuns, takeRuns, union } from "./raster.js";

export const MOST_STEPS = 100;
export const LONGEST_SIDE = 2048; // of the grid: a finer one would show nowhere, as faces are edited at 1024 at most

// The grid for a photo: its own, or a smaller one of its shape.
export function gridOf(width, height) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

export class Painting {
  #undone = [];
  #done = [];

  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.layers = Object.fromEntries(
      LAYERS.map((layer) => [layer, makeRaster(width, height, rasterType(layer))]));
  }

  // Begins a step in a layer: draw(how) lets how(raster) draw and return the rectangle that it may have changed, end()
  // makes all of it one step and tells whether it changed anything.
  begin(layer) {
    const raster = this.layers[layer], before = { ...raster, pixels: raster.pixels.slice() };
    let area = null;
    return {
      draw: (how) => {
        const drawn = how(raster);
        area = union(area, drawn);
        return drawn;
      },
      end: () => {
        if (!area) return false;
        const runs = takeRuns(before, area);
        if (same(runs, takeRuns(raster, area))) return false;
        this.#done.push({ layer, area, runs });
        this.#done.splice(0, Math.max(0, this.#done.length - MOST_STEPS));
        this.#undone = [];
        return true;
      },
    };
  }

  // A whole step at once.
  change(layer, how) {
    const step = this.begin(layer);
    step.draw(how);
    return step.end();
  }

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  // Takes back the last step; returns the layer that it changed, or null.
  undo() {
    return this.#move(this.#done, this.#undone);
  }

  redo() {
    return this.#move(this.#undone, this.#done);
  }

  isEmpty(layer) {
    return isEmpty(this.layers[layer]);
  }

  #move(from, to) {
    const step = from.pop();
    if (!step) return null;
    const { layer, area, runs } = step, raster = this.layers[layer];
    to.push({ layer, area, runs: takeRuns(raster, area) });
    putRuns(raster, area, runs);
    return layer;
  }
}

const same = (one, other) => one.length === other.length && one.every((value, i) => value === other[i]);
