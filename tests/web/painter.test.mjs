// The drawing core of the painter: `node --test tests/web`.
import assert from "node:assert/strict";
import { test } from "node:test";

import { fromColors, fromHex, LAYERS, packed, toColors, toHex } from "../../web/painter/layers.js";
import { gridOf, LONGEST_SIDE, MOST_STEPS, Painting } from "../../web/painter/painting.js";
import { drawSegment, fillPolygon, grow, isEmpty, makeRaster, putRuns, takeRuns, union } from "../../web/painter/raster.js";
import { coveredBy, faceAt, insideOf, labelAt, onGrid, regionOf } from "../../web/painter/regions.js";
import { blankState, readState, writeState } from "../../web/painter/state.js";

const PALETTE = [packed([255, 0, 0]), packed([255, 85, 0]), packed([0, 85, 255])];

const raster = (width = 20, height = 16) => makeRaster(width, height, Uint8Array);
const pixels = ({ width, pixels }) => [...pixels].flatMap((value, i) => (value ? [[i % width, Math.floor(i / width)]] : []));
const dot = (x, y, radius = 0) => ({ x, y, radius });

test("a stroke without a width is a line without gaps", () => {
  const drawn = raster();
  drawSegment(drawn, dot(2, 3), dot(15, 3), 1);
  assert.deepEqual(pixels(drawn), Array.from({ length: 14 }, (_, i) => [i + 2, 3]));
});

test("a dot is a disk, and its rectangle holds all of it", () => {
  const drawn = raster();
  const area = drawSegment(drawn, dot(8, 8, 3), dot(8, 8, 3), 1);
  for (const [x, y] of pixels(drawn)) {
    assert.ok(Math.hypot(x - 8, y - 8) <= 3);
    assert.ok(x >= area.x && x < area.x + area.width && y >= area.y && y < area.y + area.height);
  }
  assert.equal(pixels(drawn).length, 29);
});

test("a stroke becomes thinner where the pen presses less", () => {
  const drawn = raster(40, 20);
  drawSegment(drawn, dot(5, 10, 6), dot(35, 10, 1), 1);
  const column = (x) => pixels(drawn).filter(([at]) => at === x).length;
  assert.ok(column(5) > column(20) && column(20) > column(35));
});

test("strokes outside the raster draw nothing", () => {
  const drawn = raster();
  assert.equal(drawSegment(drawn, dot(-30, -30, 2), dot(-20, -20, 2), 1), null);
  assert.ok(isEmpty(drawn));
});

test("an outline is filled, and clipped at the border", () => {
  const drawn = raster(10, 10);
  fillPolygon(drawn, [{ x: 4, y: 4 }, { x: 30, y: 4 }, { x: 30, y: 6.5 }, { x: 4, y: 6.5 }], 1);
  assert.deepEqual(pixels(drawn).filter(([x]) => x < 4), []);
  assert.equal(pixels(drawn).length, 6 * 3);
});

test("growing is by a disk, and shrinking takes it back from a disk", () => {
  const drawn = raster(21, 21);
  drawn.pixels[10 * 21 + 10] = 1;
  grow(drawn, 4, 1);
  const expected = [];
  for (let y = 0; y < 21; y++) for (let x = 0; x < 21; x++) if (Math.hypot(x - 10, y - 10) <= 4) expected.push([x, y]);
  assert.deepEqual(pixels(drawn), expected);
  grow(drawn, -4, 1);
  assert.deepEqual(pixels(drawn), [[10, 10]]);
});

test("growing nothing and shrinking everything keeps it", () => {
  const none = raster(), all = raster();
  all.pixels.fill(1);
  grow(none, 5, 1);
  grow(all, -5, 1);
  assert.ok(isEmpty(none));
  assert.ok(all.pixels.every(Boolean));
});

test("runs give back the values of a rectangle, and nothing else", () => {
  const drawn = makeRaster(9, 7, Uint32Array), area = { x: 2, y: 1, width: 5, height: 4 };
  drawn.pixels.forEach((_, i) => { drawn.pixels[i] = 0xff000000 + (i % 4 < 2 ? 1 : i); });
  const before = drawn.pixels.slice(), runs = takeRuns(drawn, area);
  drawn.pixels.fill(0);
  putRuns(drawn, area, runs);
  drawn.pixels.forEach((value, i) => {
    const x = i % 9, y = Math.floor(i / 9);
    assert.equal(value, x >= 2 && x < 7 && y >= 1 && y < 5 ? before[i] : 0);
  });
});

test("rectangles are joined, and none counts for nothing", () => {
  const one = { x: 1, y: 2, width: 3, height: 4 };
  assert.equal(union(null, one), one);
  assert.deepEqual(union(one, { x: 5, y: 0, width: 1, height: 1 }), { x: 1, y: 0, width: 5, height: 6 });
});

const stroke = (painting, layer, x) => painting.change(layer, (drawn) => drawSegment(drawn, dot(x, 5, 1), dot(x, 9, 1), 1));
const contents = (painting) => JSON.stringify(LAYERS.map((layer) => [...painting.layers[layer].pixels]));

test("undo and redo go through all steps of all layers", () => {
  const painting = new Painting(20, 16), seen = [contents(painting)];
  LAYERS.forEach((layer, i) => {
    stroke(painting, layer, 3 * i + 2);
    seen.push(contents(painting));
  });
  for (let i = LAYERS.length; i-- > 0;) {
    assert.equal(painting.undo(), LAYERS[i]);
    assert.equal(contents(painting), seen[i]);
  }
  assert.equal(painting.undo(), null);
  for (const [i, layer] of LAYERS.entries()) {
    assert.equal(painting.redo(), layer);
    assert.equal(contents(painting), seen[i + 1]);
  }
  assert.ok(!painting.canRedo);
});

test("a new step after undo ends what could be redone", () => {
  const painting = new Painting(20, 16);
  stroke(painting, "mask", 3);
  painting.undo();
  stroke(painting, "mask", 8);
  assert.ok(!painting.canRedo);
});

test("a step that changes nothing is none", () => {
  const painting = new Painting(20, 16);
  assert.ok(stroke(painting, "mask", 3));
  assert.ok(!stroke(painting, "mask", 3));
  painting.undo();
  assert.ok(!painting.canUndo);
});

test("so many steps are kept, and no more", () => {
  const painting = new Painting(3 * MOST_STEPS, 12);
  for (let i = 0; i < MOST_STEPS + 10; i++) stroke(painting, "mask", 2 * i + 1);
  let undone = 0;
  while (painting.undo()) undone++;
  assert.equal(undone, MOST_STEPS);
});

test("large photos get a smaller grid of their shape", () => {
  assert.deepEqual(gridOf(600, 400), { width: 600, height: 400 });
  assert.deepEqual(gridOf(4 * LONGEST_SIDE, 2 * LONGEST_SIDE), { width: LONGEST_SIDE, height: LONGEST_SIDE / 2 });
});

test("every layer comes back from its file as it was", () => {
  const values = { mask: [0, 1, 1], sketch: [1, 0, 1], color: [0, packed([1, 2, 3]), packed([0, 0, 0])], semantic: [0, 1, 3] };
  for (const layer of LAYERS) {
    const colors = toColors(layer, { pixels: values[layer] }, PALETTE);
    assert.deepEqual([...fromColors(layer, colors, PALETTE)], values[layer]);
  }
});

test("colors are the same number from their text and in it", () => {
  assert.equal(fromHex("#0a14ff"), packed([10, 20, 255]));
  assert.equal(toHex(packed([10, 20, 255])), "#0a14ff");
});

// A crop of 4 × 4 pixels, two pixels of the photo each, that begins at the photo's (10, 20).
const FACE = {
  box: [10, 20, 18, 28],
  matrix: [[0.5, 0, -5], [0, 0.5, -10]],
  labels: [0, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0],
  side: 4,
};

test("a place has the label of the crop's pixel that it lies in", () => {
  assert.equal(labelAt(FACE, 10, 20), 0);
  assert.equal(labelAt(FACE, 12, 22), 1);
  assert.equal(labelAt(FACE, 15, 25), 1);
  assert.equal(labelAt(FACE, 16, 25), 0);
  assert.equal(labelAt(FACE, 9, 20), null);
});

test("a region on the grid is where the crop has its classes", () => {
  const inside = insideOf(FACE, [1]), area = coveredBy(FACE, { width: 40, height: 40 });
  assert.deepEqual(area, { x: 10, y: 20, width: 8, height: 8 });
  const found = [];
  for (let y = 20; y < 28; y++) for (let x = 10; x < 18; x++) if (inside(x, y)) found.push([x, y]);
  assert.equal(found.length, 16);
  assert.ok(found.every(([x, y]) => x >= 12 && x < 16 && y >= 22 && y < 26));
});

test("a coarser grid has the same face at the same place", () => {
  const face = onGrid(FACE, 2);
  assert.deepEqual(face.box, [5, 10, 9, 14]);
  assert.equal(labelAt(face, 6, 11), 1);
  assert.equal(labelAt(face, 5, 10), 0);
});

test("the face whose middle is nearest is meant", () => {
  const other = { ...FACE, matrix: [[0.5, 0, -8], [0, 0.5, -10]] };
  assert.equal(faceAt([FACE, other], 13, 23), FACE);
  assert.equal(faceAt([FACE, other], 21, 23), other);
  assert.equal(faceAt([FACE, other], 39, 39), null);
});

test("a class belongs to the smallest region that has it", () => {
  const regions = { brows: [2, 3], left_brow: [2], face: [1, 2, 3], hair: [17] };
  assert.equal(regionOf(regions, 2), "left_brow");
  assert.equal(regionOf(regions, 1), "face");
  assert.equal(regionOf(regions, 9), null);
});

test("a state comes back from its text", () => {
  const state = { ...blankState(), photo: "a.png", attributes: { smile: 0.5 }, seed: 7 };
  state.layers.mask.file = "facemug/b.png";
  state.layers.color.strength = 0.4;
  assert.deepEqual(readState(writeState(state)), state);
});

test("what is no state is a blank one, and what is missing is as in a blank one", () => {
  for (const text of ["", "{", "null", "[]", "3", '{"version": 99}']) assert.deepEqual(readState(text), blankState());
  assert.deepEqual(readState('{"version": 1, "seed": "x", "layers": {"mask": 3}, "photo": "a.png"}'),
    { ...blankState(), photo: "a.png" });
});
