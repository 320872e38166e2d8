// What a node keeps of a painting: names of files and settings, as one JSON text. nodes/painting.py reads it, too.
import { GUIDES, LAYERS } from "./layers.js";

export const VERSION = 1;

export function blankState() {
  return {
    version: VERSION,
    photo: "",
    layers: Object.fromEntries(LAYERS.map((layer) =>
      [layer, { file: "", on: true, ...(GUIDES.includes(layer) ? { strength: 1 } : {}) }])),
    style: "auto",
    exemplar: "",
    style_mix: 0,
    seed: 0,
    attributes: {},
    text: "",
    text_amount: 1,
  };
}

// A state from its text; what is missing or not understood is as in a blank one.
export function readState(text) {
  const blank = blankState();
  let saved;
  try {
    saved = JSON.parse(text || "{}");
  } catch {
    return blank;
  }
  return saved?.version === VERSION ? likeBlank(blank, saved) : blank;
}

export const writeState = (state) => JSON.stringify(state);

function likeBlank(blank, saved) {
  return Object.fromEntries(Object.entries(blank).map(([name, value]) => {
    const own = saved[name];
    if (typeof own !== typeof value || own === null) return [name, value];
    const fields = typeof value === "object" && Object.keys(value).length > 0;
    return [name, fields ? likeBlank(value, own) : own];
  }));
}
