// What every component's script ends with, run by `node --test`; its own function only writes down what it is given.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

const text = readFileSync(new URL("../assets/in_order.js", import.meta.url), "utf8");
const start = "export const calls = [];\nconst own = (given) => (calls.push(given.data), () => calls.push('left'));\n";
const { calls, default: component } = await import(`data:text/javascript,${encodeURIComponent(start + text)}`);

const shown = (data, parentElement) => component({ data, parentElement });
const block = (number, data, before = 0) => {
  const bytes = new Uint8Array(before + 8 + data.length);
  new DataView(bytes.buffer).setFloat64(before, number, true);
  bytes.set(data, before + 8);
  return bytes.subarray(before);
};

test("a block that comes after a newer one is not shown, the same one is, and each place counts by itself", () => {
  calls.length = 0;
  const [here, there] = [{ isConnected: true }, { isConnected: true }];
  shown({ number: 1796000000000002, data: "new" }, here);
  assert.equal(shown({ number: 1796000000000001, data: "old" }, here), undefined);
  shown({ number: 1796000000000002, data: "new again" }, here);
  shown({ number: 1, data: "first" }, there);
  shown({ number: 1796000000000003, data: "newest" }, here);
  assert.deepEqual(calls, ["new", "new again", "first", "newest"]);
});

test("bytes are read wherever they begin, and what has no data is shown", () => {
  calls.length = 0;
  const here = { isConnected: true };
  shown(block(2, [7, 8], 3), here);
  shown(block(1, [9], 5), here);
  shown(undefined, { isConnected: true });
  assert.deepEqual([...calls[0]], [7, 8]);
  assert.deepEqual(calls.slice(1), [undefined]);
});

test("the cleanup runs only when the component has left the page", () => {
  calls.length = 0;
  const here = { isConnected: true };
  const leave = shown({ number: 1, data: "one" }, here);
  leave();
  assert.deepEqual(calls, ["one"]);
  here.isConnected = false;
  leave();
  assert.deepEqual(calls, ["one", "left"]);
});
