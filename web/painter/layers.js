// The layers of a painting: what a value of each means, and how it is shown and kept in a PNG file.
// Colors are 32-bit numbers as canvases have them: 0xAABBGGRR.

const OPAQUE = 0xff000000, WHITE = 0xffffffff, BLACK = 0xff000000;

export const LAYERS = ["mask", "sketch", "color", "semantic"];
export const GUIDES = LAYERS.slice(1);

export const rasterType = (layer) => (layer === "color" ? Uint32Array : Uint8Array);

export const packed = ([red, green, blue]) => (OPAQUE | (blue << 16) | (green << 8) | red) >>> 0;

export const fromHex = (hex) => packed([1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));

export const toHex = (color) =>
  `#${[color, color >>> 8, color >>> 16].map((part) => (part & 255).toString(16).padStart(2, "0")).join("")}`;

const dark = (color) => 0.299 * (color & 255) + 0.587 * ((color >>> 8) & 255) + 0.114 * ((color >>> 16) & 255) < 128;
const opaque = (color) => color >>> 24 >= 128;

// For each layer the color of a value in its file, and the value of a color; `palette` holds the colors of the parts.
const FILES = {
  mask: { color: (value) => (value ? WHITE : BLACK), value: (color) => (opaque(color) && !dark(color) ? 1 : 0) },
  sketch: { color: (value) => (value ? BLACK : 0), value: (color) => (opaque(color) && dark(color) ? 1 : 0) },
  color: { color: (value) => value, value: (color) => (opaque(color) ? (color | OPAQUE) >>> 0 : 0) },
  semantic: {
    color: (value, palette) => (value ? palette[value - 1] : 0),
    value: (color, palette) => (opaque(color) ? palette.indexOf((color | OPAQUE) >>> 0) + 1 : 0),
  },
};

// A raster as the colors of its file.
export function toColors(layer, raster, palette) {
  const { color } = FILES[layer];
  return Uint32Array.from(raster.pixels, (value) => color(value, palette));
}

// The values of a file's colors.
export function fromColors(layer, colors, palette) {
  const { value } = FILES[layer], Type = rasterType(layer);
  return Type.from(colors, (color) => value(color, palette));
}

// How a painting is shown over its photo: the topmost layer that has something at a place, of those that are on.
const SHOWN = [
  ["sketch", () => 0xffffe500],
  ["color", (value) => value],
  ["semantic", (value, palette) => ((palette[value - 1] & 0xffffff) | 0xa0000000) >>> 0],
  ["mask", () => 0x705040ff],
];

// Colors of a rectangle of the painting; `on` tells of each layer whether it is shown.
export function overlay(layers, on, palette, area) {
  const colors = new Uint32Array(area.width * area.height);
  const shown = SHOWN.filter(([layer]) => on[layer]).map(([layer, color]) => [layers[layer], color]);
  for (let y = 0; y < area.height; y++) {
    for (let x = 0; x < area.width; x++) {
      for (const [raster, color] of shown) {
        const value = raster.pixels[(area.y + y) * raster.width + area.x + x];
        if (value === 0) continue;
        colors[y * area.width + x] = color(value, palette);
        break;
      }
    }
  }
  return colors;
}

// A name for what colors show: the same for the same ones, and another for others.
export function nameOf(colors) {
  let one = 0xdeadbeef, other = 0x41c6ce57;
  for (const color of colors) {
    one = Math.imul(one ^ color, 2654435761);
    other = Math.imul(other ^ color, 1597334677) ^ (one >>> 15);
  }
  return [one, other].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}
