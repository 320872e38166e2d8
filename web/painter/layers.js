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
