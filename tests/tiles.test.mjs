// The arithmetic of tiles, run by `node --test`.

import assert from "node:assert/strict";
import test from "node:test";
import { boxOf, placeAt, spoken, stepped, unpacked } from "../assets/tiles.js";

const grid = { tile: [3, 5], gap: 1, columns: 4, count: 10, width: 23, height: 11 };

test("a point finds its tile, and none on a gap, outside or behind the last one", () => {
  assert.equal(placeAt(0, 0, grid), 0);
  assert.equal(placeAt(4.9, 2.9, grid), 0);
  assert.equal(placeAt(5.2, 0, grid), null);
  assert.equal(placeAt(6, 4, grid), 5);
  assert.equal(placeAt(0, 3.5, grid), null);
  assert.equal(placeAt(12.5, 8, grid), null);
  assert.equal(placeAt(-1, 0, grid), null);
  assert.equal(placeAt(24, 0, grid), null);
});

test("the middle of every tile's box is found to lie in that tile", () => {
  for (let place = 0; place < grid.count; place++) {
    const box = boxOf(place, grid);
    const x = ((box.left + box.width / 2) / 100) * grid.width;
    const y = ((box.top + box.height / 2) / 100) * grid.height;
    assert.equal(placeAt(x, y, grid), place);
  }
});

test("arrow keys stay on the tiles", () => {
  assert.equal(stepped(0, "ArrowRight", grid), 1);
  assert.equal(stepped(0, "ArrowUp", grid), 0);
  assert.equal(stepped(7, "ArrowDown", grid), 7);
  assert.equal(stepped(5, "Home", grid), 0);
  assert.equal(stepped(5, "End", grid), 9);
  assert.equal(stepped(5, "x", grid), null);
});

test("a tile is told by its name, a cell by row and column", () => {
  assert.equal(spoken(1, { names: ["channel 7", "channel 2"], columns: 2 }), "channel 2");
  assert.equal(spoken(9, { names: null, columns: 4 }), "row 2, column 1");
});

test("a message is taken apart", () => {
  const head = new TextEncoder().encode(JSON.stringify({ count: 3 }));
  const message = new Uint8Array(4 + head.length + 2);
  new DataView(message.buffer).setUint32(0, head.length, true);
  message.set(head, 4);
  message.set([9, 8], 4 + head.length);
  assert.deepEqual(unpacked(message), { count: 3, file: new Uint8Array([9, 8]) });
});
