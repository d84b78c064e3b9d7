// The explorer's arithmetic against definitions, and against cells that the package traced (tests/test_explorer.py).
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import * as logic from "../assets/explorer_logic.js";

const CASES = process.env.EXPLORER_CASES;
const written = { skip: !CASES || !existsSync(CASES) ? "EXPLORER_CASES names no folder; pytest writes one" : false };
const axis = (choices) => ({
  kind: "convolution", size: 5, kernel: 3, stride: 1, dilation: 1, before: 0, after: 0, mode: "zero", cut: 0, outs: 3, ...choices,
});
const array = (values, shape, more = {}) => ({ values: Float32Array.from(values), shape, origin: [0, 0], ...more });

function cases() {
  return JSON.parse(readFileSync(join(CASES, "cases.json"))).map((one) => ({
    ...one,
    model: logic.unpack(new Uint8Array(readFileSync(join(CASES, one.file)))),
  }));
}

function near(found, wanted, what) {
  const scale = Math.max(1, Math.abs(wanted));
  assert.ok(Math.abs(found - wanted) <= 1e-9 * scale, `${what}: ${found} is not ${wanted}`);
}

test("every traced cell has the package's window, products and sum", written, () => {
  let checked = 0;
  for (const { file, model, cells } of cases()) {
    for (const { row, col, rows, cols, parts, sums } of cells) {
      const told = logic.explain(model, { grid: "result", row, col });
      const what = `${file} row ${row} column ${col}`;
      assert.deepEqual([told.marks.source.rows, told.marks.source.cols], [rows, cols], what);
      told.sums.forEach((sum, n) => near(sum, sums[n], what));
      assert.equal(told.sums.length, sums.length, what);
      if (parts) {
        const found = told.parts.flat(2);
        assert.equal(found.length, parts.length, what);
        found.forEach((part, n) => (parts[n] === null ? assert.equal(part, null, what) : near(part, parts[n], what)));
      }
      checked++;
    }
  }
  assert.ok(checked > 500, `${checked} cells`);
});

test("what the output array holds agrees with the sum that is written out", written, () => {
  for (const { file, model, cells } of cases()) {
    for (const { row, col } of cells) {
      const { sums } = logic.explain(model, { grid: "result", row, col });
      sums.forEach((sum, n) => {
        const held = logic.valueAt(model.result, row, col, n);
        assert.ok(Math.abs(sum - held) <= 1e-3, `${file}: ${sum}, ${held}`); // of values up to 255
      });
    }
  }
});

test("an input cell lights up exactly the outputs that read its pixel", written, () => {
  for (const { file, model } of cases()) {
    if (model.axes.some(({ outs, size }) => outs * size > 400)) continue;
    for (const [n, one] of model.axes.entries()) {
      for (let place = -one.before; place < one.size + one.after; place++) {
        const wanted = [];
        const same = (other) => {
          const source = logic.sourceOf(one, place);
          return source < 0 ? other === place : logic.sourceOf(one, other) === source;
        };
        for (let out = 0; out < one.outs; out++) {
          if (logic.tapsOf(one, out).some((tap) => same(tap.place))) wanted.push(out);
        }
        const focus = { grid: "source", row: 0, col: 0, [n ? "col" : "row"]: place };
        const { marks } = logic.explain(model, focus);
        const found = [...new Set(n ? marks.result.cols : marks.result.rows)].sort((a, b) => a - b);
        assert.deepEqual(found, wanted, `${file}, axis ${n}, place ${place}`);
      }
    }
  }
});

test("a kernel cell lights up everything that it multiplies", written, () => {
  for (const { file, model } of cases()) {
    if (!model.weights) continue;
    const [down, across] = model.axes;
    const { marks } = logic.explain(model, { grid: "weights", row: down.kernel - 1, col: 0, channel: 0 });
    const wanted = (one, tap) => {
      const places = new Set();
      for (let out = 0; out < one.outs; out++) {
        for (const found of logic.tapsOf(one, out)) if (found.tap === tap) places.add(found.place);
      }
      return [...places].sort((a, b) => a - b);
    };
    assert.deepEqual(marks.source, { rows: wanted(down, down.kernel - 1), cols: wanted(across, 0) }, file);
  }
});

test("padding reads the pixels that NumPy's modes read", () => {
  const read = (mode, size) => [-3, -2, -1, 0, size - 1, size, size + 1].map((at) => logic.sourceOf({ mode, size }, at));
  assert.deepEqual(read("zero", 3), [-1, -1, -1, 0, 2, -1, -1]);
  assert.deepEqual(read("replicate", 3), [0, 0, 0, 0, 2, 2, 2]);
  assert.deepEqual(read("circular", 3), [0, 1, 2, 0, 2, 0, 1]);
  assert.deepEqual(read("reflect", 3), [1, 2, 1, 0, 2, 1, 0]);
  assert.deepEqual(read("reflect", 1), [0, 0, 0, 0, 0, 0, 0]);
});

test("a view never has more than 64 cells of a side, and shows an output", () => {
  for (let seed = 0; seed < 600; seed++) {
    const pick = (least, most) => least + Math.floor(Math.abs(Math.sin(seed * 12.9898 + least * 78.233 + most) * 43758.5453) % (most - least + 1));
    const kind = seed % 3 ? "convolution" : "transposed";
    const one = axis({ kind, size: pick(1, 1024), kernel: pick(1, 11), stride: pick(1, 16) });
    if (kind === "convolution") Object.assign(one, { dilation: pick(1, 8), before: pick(0, 32), after: pick(0, 31) });
    const spare = one.before + one.size + one.after - logic.reach(one);
    if (spare < 0) continue;
    one.outs = kind === "convolution" ? Math.floor(spare / one.stride) + 1 : (one.size - 1) * one.stride + one.kernel;
    const [least, most] = logic.viewLimits(one);
    assert.ok(least >= 1 && least <= most && most <= logic.MOST, JSON.stringify(one));
    for (const count of [least, most]) {
      for (const first of [-one.before, one.size + one.after - count]) {
        const [start, outs] = logic.outsInView(one, first, count);
        assert.ok(start >= 0 && outs >= 1 && outs <= logic.MOST && start + outs <= one.outs, JSON.stringify(one));
      }
    }
  }
});

test("a scan goes over every output that was sent with all its places", () => {
  const whole = axis({ size: 128, kernel: 7, outs: 122 });
  assert.deepEqual(logic.outsToScan(whole, [0, 128], [0, 122]), [0, 122]);
  const cut = axis({ size: 500, kernel: 3, stride: 2, dilation: 2, before: 2, after: 2, outs: 250 });
  assert.deepEqual(logic.outsToScan(cut, [100, 20], [50, 11]), [51, 8], "the first place of out 51 is 100, 58 ends at 118");
  const laid = axis({ kind: "transposed", size: 500, kernel: 3, stride: 2, outs: 1001 });
  assert.deepEqual(logic.outsToScan(laid, [100, 10], [200, 21]), [201, 19], "out 200 also reads place 99, out 220 place 110");
});

test("a whole picture in view shows the whole output", () => {
  assert.deepEqual(logic.outsInView(axis({ size: 28, before: 1, after: 1, outs: 28 }), -1, 30), [0, 28]);
  assert.deepEqual(logic.outsInView(axis({ kind: "transposed", size: 4, stride: 2, outs: 9 }), 0, 4), [0, 9]);
});

test("numbers are written whole, or with six figures, and never as something else", () => {
  const wanted = { 320: "320", "-12.5": "−12.5", 0.1111111119389534: "0.111111", 1e12: "1e12", "1e-9": "1e−9" };
  for (const [number, text] of Object.entries(wanted)) assert.equal(logic.exact(Number(number)), text);
  assert.equal(logic.exact(-0), "0");
  assert.equal(logic.exact(Number.NaN), "NaN");
  assert.equal(logic.exact(Number.NEGATIVE_INFINITY), "−∞");
  assert.equal(logic.exact(undefined), "…");
  assert.equal(logic.short(-1020, 4), "", "no figure is dropped where a place would move");
  assert.equal(logic.short(-1020, 5), "−1020");
  assert.equal(logic.short(-0.732267, 5), "−.732");
  assert.equal(logic.short(299.06, 5), "299");
  assert.equal(logic.short(1e6, 4), "1e6");
  assert.equal(logic.short(-3.5e-7, 5), "", "a third figure would be missing");
});

test("neighbours are gathered into runs", () => {
  assert.deepEqual(logic.runs([3, 1, 2, 7, 7]), [[1, 3], [7, 7]]);
  assert.deepEqual(logic.runs([]), []);
});

const pool = (values, more) => ({
  kind: "pooling", mode: "max", bias: 0,
  axes: [axis({ kind: "pooling", size: 2, kernel: 2, stride: 2, outs: 1 }), axis({ kind: "pooling", size: 2, kernel: 2, stride: 2, outs: 1 })],
  source: array(values, [2, 2, 1]), result: array([0], [1, 1, 1]), ...more,
});

test("the winner of a window is its first largest, and NaN wins", () => {
  const winner = (values) => logic.explain(pool(values), { grid: "result", row: 0, col: 0 }).rings[0];
  assert.deepEqual([winner([1, 5, 5, 2]).row, winner([1, 5, 5, 2]).col], [0, 1]);
  assert.ok(Number.isNaN(winner([1, Number.NaN, 5, 2]).value));
  assert.ok(Number.isNaN(winner([1, 9, 5, Number.NaN]).value));
});

test("cells outside the picture do not count in a pool", () => {
  const corner = pool([-4, -4, -4, -4]);
  for (const one of corner.axes) Object.assign(one, { size: 1, after: 1 });
  const told = logic.explain(corner, { grid: "result", row: 0, col: 0 });
  assert.deepEqual(told.sums, [-4]);
  assert.match(JSON.stringify(told.blocks), /3 cells of the window outside/);
});

test("a bias is written out and added", () => {
  const model = {
    kind: "convolution", bias: 0.5, axes: [axis({ size: 1, kernel: 1, outs: 1 }), axis({ size: 2, kernel: 2, outs: 1 })],
    source: array([3, 4], [1, 2, 1]), weights: array([2, -1], [1, 2, 1]), result: array([2.5], [1, 1, 1]),
  };
  const { title, blocks, sums } = logic.explain(model, { grid: "result", row: 0, col: 0 });
  assert.deepEqual(sums, [2.5]);
  assert.equal(title, "Output row 0, column 0: 2.5");
  assert.deepEqual(blocks.flat().map(({ terms, equals }) => [terms, equals]), [["3 × 2 + 4 × −1", "2"], ["2 + bias 0.5", "2.5"]]);
});

test("a negative term is taken away, not added", () => {
  const ones = (count) => axis({ size: count, kernel: count, outs: 1 });
  const model = {
    kind: "convolution", bias: 0, axes: [ones(3), ones(2)],
    source: array([1, -2, -29, 0, -17, 0], [3, 2, 1]), weights: array([2, 2, 2, 1, 2, -3], [3, 2, 1]),
    result: array([-94], [1, 1, 1]),
  };
  const { blocks } = logic.explain(model, { grid: "result", row: 0, col: 0 });
  assert.deepEqual(blocks.flat().map(({ terms }) => terms), [
    "1 × 2 − 2 × 2", "−29 × 2 + 0 × 1", "−17 × 2 + 0 × −3", "−2 − 58 − 34",
  ]);
});

test("where the array holds another number than the sum, that is said", () => {
  const model = {
    kind: "convolution", bias: 0, axes: [axis({ size: 1, kernel: 1, outs: 1 }), axis({ size: 1, kernel: 1, outs: 1 })],
    source: array([3], [1, 1, 1]), weights: array([2], [1, 1, 1]), result: array([6.25], [1, 1, 1]),
  };
  assert.match(JSON.stringify(logic.explain(model, { grid: "result", row: 0, col: 0 }).blocks), /holds 6\.25/);
});

test("numbers that were not sent are never made up", () => {
  const model = {
    kind: "convolution", bias: 0, axes: [axis({ size: 500, outs: 498 }), axis({ size: 500, outs: 498 })],
    source: array(Array(100).fill(1), [10, 10, 1], { origin: [100, 100] }), weights: array(Array(9).fill(1), [3, 3, 1]),
    result: array(Array(64).fill(9), [8, 8, 1], { origin: [100, 100] }),
  };
  assert.deepEqual(logic.explain(model, { grid: "result", row: 107, col: 107 }).sums, [9]);
  for (const grid of ["result", "source"]) {
    const told = logic.explain(model, { grid, row: 200, col: 107 });
    assert.match(told.title, /on their way/);
    assert.deepEqual(told.blocks, []);
  }
});

test("one row is not called rows, nor one column columns", () => {
  const model = {
    kind: "convolution", bias: 0, axes: [axis({ size: 1, kernel: 1, outs: 1 }), axis({ size: 4, kernel: 2, outs: 3 })],
    source: array([1, 2, 3, 4], [1, 4, 1]), weights: array([2, 1], [1, 2, 1]), result: array([4, 7, 10], [1, 3, 1]),
  };
  const said = (focus) => logic.explain(model, focus).spoken;
  assert.match(said({ grid: "source", row: 0, col: 0 }), /feeds 1 output cell: row 0, column 0$/);
  assert.match(said({ grid: "source", row: 0, col: 2 }), /feeds 2 output cells: row 0, columns 1 to 2$/);
  assert.match(said({ grid: "weights", row: 0, col: 1 }), /multiplies 3 input cells: row 0, columns 1 to 3$/);
});
