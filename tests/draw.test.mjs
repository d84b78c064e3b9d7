// The drawing sheet's arithmetic: run with `node --test tests/draw.test.mjs`.

import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import test from "node:test"

const text = readFileSync(new URL("../assets/draw.js", import.meta.url))
const draw = await import(`data:text/javascript;base64,${text.toString("base64")}`)
const stroke = (...points) => ({ points, width: 8, erases: false })

test("points closer than a pixel add nothing, others do, and the old stroke stays as it was", () => {
  const first = stroke([10, 10])
  assert.equal(draw.extended(first, 10.5, 10), first)
  assert.deepEqual(draw.extended(first, 12, 10).points, [[10, 10], [12, 10]])
  assert.equal(first.points.length, 1)
})

test("a place on the screen becomes a place on the sheet, whatever its size, and stays on it", () => {
  const box = { left: 100, top: 50, width: 140, height: 140 }
  assert.deepEqual(draw.placed(170, 120, box), [140, 140])
  assert.deepEqual(draw.placed(0, 1000, box), [0, draw.SIDE])
})

test("arrow keys move the pen and stop at the border", () => {
  assert.deepEqual(draw.moved([140, 140], "ArrowLeft"), [133, 140])
  assert.deepEqual(draw.moved([140, 140], "ArrowDown"), [140, 147])
  assert.deepEqual(draw.moved([2, 280], "ArrowLeft"), [0, 280])
  assert.deepEqual(draw.moved([2, 280], "ArrowDown"), [2, 280])
  assert.deepEqual(draw.moved([2, 3], "x"), [2, 3])
})

test("undo takes back one stroke, redo brings it again, a new stroke forgets what was taken back", () => {
  const one = draw.added(draw.blank(), stroke([1, 1]))
  const two = draw.added(one, stroke([2, 2]))
  const back = draw.undone(two)
  assert.deepEqual(back.strokes, one.strokes)
  assert.deepEqual(draw.redone(back).strokes, two.strokes)
  assert.deepEqual(draw.redone(draw.added(back, stroke([3, 3]))).strokes.at(-1).points, [[3, 3]])
  assert.deepEqual(draw.undone(draw.blank()).strokes, [])
  assert.deepEqual(draw.redone(draw.blank()).strokes, [])
})

test("clearing hides what was drawn, and undo brings it back", () => {
  const one = draw.added(draw.blank(), stroke([1, 1]))
  const cleared = draw.added(one, { clears: true, points: [] })
  assert.deepEqual(draw.visible(cleared.strokes), [])
  assert.deepEqual(draw.visible(draw.undone(cleared).strokes), one.strokes)
  assert.equal(draw.visible(draw.added(cleared, stroke([4, 4])).strokes).length, 1)
})

test("the history is bounded", () => {
  let sheet = draw.blank()
  for (let count = 0; count < 1000; count++) sheet = draw.added(sheet, stroke([count, 0]))
  assert.ok(sheet.strokes.length <= 400)
  assert.deepEqual(sheet.strokes.at(-1).points, [[999, 0]])
})

test("an eraser paints the ground, a pen the ink, and swapping the colours swaps both", () => {
  const told = []
  const context = new Proxy({}, {
    get: (known, name) => known[name] ?? (() => {}),
    set: (known, name, value) => (name === "strokeStyle" && told.push(value), true),
  })
  const sheet = { ...draw.blank(), strokes: [stroke([1, 1]), { ...stroke([2, 2]), erases: true }] }
  draw.paint(context, sheet)
  draw.paint(context, { ...sheet, dark: false })
  assert.deepEqual(told, ["#ffffff", "#000000", "#000000", "#ffffff"])
})
