// Rasters and what draws into them. A raster has one value a pixel, and 0 stands for nothing:
// { width, height, pixels: a typed array }. Pixel centers have whole coordinates. Everything that draws returns the
// rectangle { x, y, width, height } that it may have changed, or null.

export function makeRaster(width, height, Type) {
  return { width, height, pixels: new Type(width * height) };
}

export const isEmpty = (raster) => raster.pixels.every((value) => value === 0);

export function union(one, other) {
  if (!one || !other) return one ?? other;
  const x = Math.min(one.x, other.x), y = Math.min(one.y, other.y);
  const right = Math.max(one.x + one.width, other.x + other.width);
  const bottom = Math.max(one.y + one.height, other.y + other.height);
  return { x, y, width: right - x, height: bottom - y };
}

// The pixels of a raster between two corners.
function within(raster, left, top, right, bottom) {
  const x = Math.max(0, Math.ceil(left)), y = Math.max(0, Math.ceil(top));
  const width = Math.min(raster.width - 1, Math.floor(right)) + 1 - x;
  const height = Math.min(raster.height - 1, Math.floor(bottom)) + 1 - y;
  return width > 0 && height > 0 ? { x, y, width, height } : null;
}

// Sets the pixels of a rectangle for which inside(x, y) holds.
export function fillWhere(raster, area, inside, value) {
  if (!area) return null;
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++) {
      if (inside(x, y)) raster.pixels[y * raster.width + x] = value;
    }
  }
  return area;
}

// One piece of a stroke, between two points { x, y, radius }. The nearest pixel is always set: thin lines have no gaps.
export function drawSegment(raster, from, to, value) {
  const dx = to.x - from.x, dy = to.y - from.y, length = dx * dx + dy * dy;
  const most = Math.max(from.radius, to.radius, 0.5);
  const area = within(raster, Math.min(from.x, to.x) - most, Math.min(from.y, to.y) - most,
    Math.max(from.x, to.x) + most, Math.max(from.y, to.y) + most);
  return fillWhere(raster, area, (x, y) => {
    const along = length === 0 ? 0 : ((x - from.x) * dx + (y - from.y) * dy) / length;
    const share = Math.min(1, Math.max(0, along));
    const radius = Math.max(0.71, from.radius + share * (to.radius - from.radius));
    return Math.hypot(x - from.x - share * dx, y - from.y - share * dy) <= radius;
  }, value);
}

// The inside of a closed outline of points { x, y }; where it crosses itself, what is inside twice is outside.
export function fillPolygon(raster, points, value) {
  const xs = points.map(({ x }) => x), ys = points.map(({ y }) => y);
  const area = within(raster, Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
  if (!area) return null;
  for (let y = area.y; y < area.y + area.height; y++) {
    const crossings = points.flatMap((from, i) => {
      const to = points[(i + 1) % points.length];
      return (from.y <= y) === (to.y <= y) ? [] : [from.x + ((y - from.y) / (to.y - from.y)) * (to.x - from.x)];
    }).sort((one, other) => one - other);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const first = Math.max(0, Math.ceil(crossings[i]));
      const last = Math.min(raster.width - 1, Math.floor(crossings[i + 1]));
      if (first <= last) raster.pixels.fill(value, y * raster.width + first, y * raster.width + last + 1);
    }
  }
  return area;
}

// Grows what is set by a disk of this radius, with the given value; a negative radius shrinks it. Pixels beyond the
// raster neither grow nor shrink it.
export function grow(raster, radius, value) {
  const set = Uint8Array.from(raster.pixels, (pixel) => (pixel !== 0) === radius > 0 ? 1 : 0);
  const squared = squaredDistances(set, raster.width, raster.height);
  const limit = radius * radius, to = radius > 0 ? value : 0;
  squared.forEach((distance, i) => { if (!set[i] && distance <= limit) raster.pixels[i] = to; });
  return { x: 0, y: 0, width: raster.width, height: raster.height };
}

// Squared distance of each pixel to the nearest one that is set (Meijster et al., 2000).
function squaredDistances(set, width, height) {
  const far = width + height, columns = new Int32Array(width * height);
  for (let x = 0; x < width; x++) {
    let away = far;
    for (let y = 0; y < height; y++) columns[y * width + x] = away = set[y * width + x] ? 0 : Math.min(far, away + 1);
    for (let y = height - 1; y >= 0; y--) {
      columns[y * width + x] = away = Math.min(columns[y * width + x], away + 1);
    }
  }
  const result = new Float64Array(width * height);
  const centers = new Int32Array(width), starts = new Int32Array(width);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    const at = (x, center) => (x - center) ** 2 + columns[row + center] ** 2;
    let last = 0;
    centers[0] = starts[0] = 0;
    for (let x = 1; x < width; x++) {
      while (last >= 0 && at(starts[last], centers[last]) > at(starts[last], x)) last--;
      const before = centers[last];
      const start = last < 0 ? 0 : 1 + Math.floor(
        (x * x - before * before + columns[row + x] ** 2 - columns[row + before] ** 2) / (2 * (x - before)));
      if (start < width) {
        centers[++last] = x;
        starts[last] = start;
      }
    }
    for (let x = width - 1; x >= 0; x--) {
      result[row + x] = at(x, centers[last]);
      if (x === starts[last]) last--;
    }
  }
  return result;
}

// The values of a rectangle as runs: length, value, length, value, …
export function takeRuns(raster, area) {
  const runs = [];
  let count = 0, value = 0;
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++) {
      const pixel = raster.pixels[y * raster.width + x];
      if (count && pixel !== value) {
        runs.push(count, value);
        count = 0;
      }
      value = pixel;
      count++;
    }
  }
  if (count) runs.push(count, value);
  return Uint32Array.from(runs);
}

export function putRuns(raster, area, runs) {
  let run = 0, left = runs[0];
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let x = area.x; x < area.x + area.width; x++) {
      if (left === 0) left = runs[run += 2];
      raster.pixels[y * raster.width + x] = runs[run + 1];
      left--;
    }
  }
}
