// The parts of the faces that were found. A face is { box, matrix, labels, side }: `matrix` maps places of the
// painting's grid to those of the aligned crop, whose label of each pixel is in `labels`, side × side. Places have their
// origin in the corner of the first pixel.

// Column and row in the crop of a pixel of the grid.
function toCrop({ matrix: [[a, b, c], [d, e, f]] }, column, row) {
  const x = column + 0.5, y = row + 0.5;
  return [a * x + b * y + c - 0.5, d * x + e * y + f - 0.5];
}

// The faces as the server tells them, on a grid of which a pixel has `scale` pixels of the photo.
export function onGrid({ box, matrix: [[a, b, c], [d, e, f]], labels, side }, scale) {
  return {
    box: box?.map((edge) => edge / scale),
    matrix: [[a * scale, b * scale, c], [d * scale, e * scale, f]],
    labels,
    side,
  };
}

// The face whose crop shows a place nearest to its middle, if any does.
export function faceAt(faces, x, y) {
  const away = (face) => Math.max(...toCrop(face, x, y).map((at) => Math.abs(at - (face.side - 1) / 2)));
  const nearest = faces.reduce((best, face) => (!best || away(face) < away(best) ? face : best), null);
  return nearest && away(nearest) <= nearest.side / 2 ? nearest : null;
}

export function labelAt(face, x, y) {
  const [column, row] = toCrop(face, x, y).map(Math.round);
  const inside = column >= 0 && row >= 0 && column < face.side && row < face.side;
  return inside ? face.labels[row * face.side + column] : null;
}

// Tells of a place of the grid whether it is in one of these classes, smooth between the pixels of the crop.
export function insideOf(face, classes) {
  const { labels, side } = face;
  const wanted = Uint8Array.from(labels, (label) => (classes.includes(label) ? 1 : 0));
  return (x, y) => {
    const [column, row] = toCrop(face, x, y), left = Math.floor(column), top = Math.floor(row);
    if (left < 0 || top < 0 || left + 1 >= side || top + 1 >= side) return false;
    const right = column - left, down = row - top, at = top * side + left;
    const upper = wanted[at] * (1 - right) + wanted[at + 1] * right;
    const lower = wanted[at + side] * (1 - right) + wanted[at + side + 1] * right;
    return upper * (1 - down) + lower * down >= 0.5;
  };
}

// The rectangle of the grid that the crop of a face covers.
export function coveredBy({ matrix: [[a, b, c], [d, e, f]], side }, { width, height }) {
  const scale = a * e - b * d;
  const corners = [[0, 0], [side, 0], [0, side], [side, side]].map(([column, row]) =>
    [(e * (column - c) - b * (row - f)) / scale, (a * (row - f) - d * (column - c)) / scale]);
  const xs = corners.map(([x]) => x), ys = corners.map(([, y]) => y);
  const x = Math.max(0, Math.floor(Math.min(...xs))), y = Math.max(0, Math.floor(Math.min(...ys)));
  const right = Math.min(width, Math.ceil(Math.max(...xs))), bottom = Math.min(height, Math.ceil(Math.max(...ys)));
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : null;
}

// The name of the smallest region that has this class.
export function regionOf(regions, label) {
  const having = Object.entries(regions).filter(([, classes]) => classes.includes(label));
  return having.reduce((best, one) => (!best || one[1].length < best[1].length ? one : best), null)?.[0] ?? null;
}
