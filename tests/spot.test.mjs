// The pointed-at map's arithmetic, run by `node --test`.

import assert from "node:assert/strict";
import test from "node:test";
import { cellAt, spoken, stepped, unpacked } from "../assets/spot.js";

test("a point of the picture lies in one cell, its edges included", () => {
  assert.deepEqual(cellAt(0, 0, 3, 4), { row: 0, col: 0 });
  assert.deepEqual(cellAt(0.34, 0.76, 3, 4), { row: 1, col: 3 });
  assert.deepEqual(cellAt(1, 1.2, 3, 4), { row: 2, col: 3 });
  assert.deepEqual(cellAt(-0.1, 0.5, 1, 1), { row: 0, col: 0 });
});

test("arrow keys stay on the map and other keys lead nowhere", () => {
  assert.deepEqual(stepped({ row: 0, col: 2 }, "ArrowUp", false, 3, 4), { row: 0, col: 2 });
  assert.deepEqual(stepped({ row: 0, col: 2 }, "ArrowDown", true, 3, 4), { row: 2, col: 2 });
  assert.deepEqual(stepped({ row: 0, col: 2 }, "ArrowRight", false, 3, 4), { row: 0, col: 3 });
  assert.equal(stepped({ row: 0, col: 0 }, "Enter", false, 3, 4), null);
});

test("a cell is said with its number", () => {
  assert.equal(spoken({ row: 1, col: 0 }, new Float32Array([1, 2, -0.12345678, 4]), 2), "Row 1, column 0: −0.1235");
  assert.equal(spoken({ row: 0, col: 0 }, new Float32Array([NaN]), 1), "Row 0, column 0: not a number");
});

test("a message that begins at an odd byte is read", () => {
  const text = new TextEncoder().encode('{"height":1,"width":2,"row":0,"col":1}  ');
  const whole = new Uint8Array(1 + 4 + text.length + 8 + 6);
  const view = new DataView(whole.buffer, 1);
  view.setUint32(0, text.length, true);
  whole.set(text, 5);
  view.setFloat32(4 + text.length, 0.5, true);
  view.setFloat32(8 + text.length, -3, true);
  whole.set([1, 2, 3, 4, 5, 6], 5 + text.length + 8);
  const found = unpacked(whole.subarray(1));
  assert.deepEqual([...found.values], [0.5, -3]);
  assert.deepEqual([...found.pixels], [1, 2, 3, 4, 5, 6]);
  assert.equal(found.col, 1);
});
