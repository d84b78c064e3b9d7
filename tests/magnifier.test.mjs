// The magnifier's arithmetic, run by `node --test`.

import assert from "node:assert/strict";
import test from "node:test";
import { firstOf, ink, opaque, spoken, stepped, unpacked } from "../assets/magnifier.js";

test("a window has its middle under the pointer and stays inside the picture", () => {
  assert.equal(firstOf(50, 8, 100), 46);
  assert.equal(firstOf(0, 8, 100), 0);
  assert.equal(firstOf(99.9, 8, 100), 92);
  assert.equal(firstOf(3, 5, 5), 0);
});

test("every byte of every tint can be read: contrast of at least 4.5 to 1", () => {
  const linear = (byte) => (byte / 255 <= 0.04045 ? byte / 255 / 12.92 : ((byte / 255 + 0.055) / 1.055) ** 2.4);
  for (let channel = 0; channel < 3; channel++) {
    for (let value = 0; value < 256; value++) {
      const tint = [0, 0, 0];
      tint[channel] = value;
      const luminance = [0.2126, 0.7152, 0.0722].reduce((sum, part, place) => sum + part * linear(tint[place]), 0);
      const contrast = ink(...tint) === "#000" ? (luminance + 0.05) / 0.05 : 1.05 / (luminance + 0.05);
      assert.ok(contrast >= 4.5, `${tint} has ${contrast}`);
    }
  }
});

test("a picture's bytes become a canvas's, without a change and without light through them", () => {
  assert.deepEqual([...opaque(new Uint8Array([1, 2, 3, 4, 5, 6]))], [1, 2, 3, 255, 4, 5, 6, 255]);
});

test("arrows move by one pixel, with Shift by ten, and other keys are left alone", () => {
  assert.deepEqual(stepped({ row: 5, col: 7 }, "ArrowUp", false), { row: 4, col: 7 });
  assert.deepEqual(stepped({ row: 5, col: 7 }, "ArrowRight", true), { row: 5, col: 17 });
  assert.equal(stepped({ row: 5, col: 7 }, "Tab", false), null);
});

test("a message is unpacked also from the middle of a larger buffer", () => {
  const head = new TextEncoder().encode('{"height":1,"width":1,"alt":"ä"}');
  const whole = new Uint8Array(3 + 4 + head.length + 3);
  new DataView(whole.buffer).setUint32(3, head.length, true);
  whole.set(head, 7);
  whole.set([9, 8, 7], 7 + head.length);
  const { alt, pixels } = unpacked(whole.subarray(3));
  assert.equal(alt, "ä");
  assert.deepEqual([...pixels], [9, 8, 7]);
});

test("what is spoken names rows, columns and means", () => {
  assert.equal(
    spoken({ row: 2, col: 3 }, 4, [1, 2.26, 3]),
    "Rows 2 to 5, columns 3 to 6. Mean: red 1.0, green 2.3, blue 3.0.",
  );
});
