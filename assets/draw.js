// Drawing by hand: a square sheet, a pen, an eraser. What is drawn stays here until it is taken, as a PNG file.
// The pure part is at the top and is tested with node.

export const SIDE = 280 // pixels of the sheet's side
const STEP = 7 // pixels that an arrow key moves the pen
const MOST = 400 // strokes that are kept

/** A stroke with one more point; points closer than a pixel add nothing. */
export function extended(stroke, x, y) {
  const last = stroke.points.at(-1)
  if (last && Math.hypot(last[0] - x, last[1] - y) < 1) return stroke
  return { ...stroke, points: [...stroke.points, [x, y]] }
}

/** A place on the sheet from a place on the screen, kept on the sheet. */
export function placed(clientX, clientY, box) {
  const within = (at, start, length) => Math.min(SIDE, Math.max(0, ((at - start) / length) * SIDE))
  return [within(clientX, box.left, box.width), within(clientY, box.top, box.height)]
}

/** The pen after an arrow key, or the same place for another key. */
export function moved([x, y], key) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? [0, 0]
  const kept = (value) => Math.min(SIDE, Math.max(0, value))
  return [kept(x + dx * STEP), kept(y + dy * STEP)]
}

/** The history after a new stroke: at most so many, and nothing left to redo. */
export function added(sheet, stroke) {
  return { ...sheet, strokes: [...sheet.strokes, stroke].slice(-MOST), undone: [] }
}

/** The history with its last stroke (or clearing) taken back. */
export function undone(sheet) {
  if (!sheet.strokes.length) return sheet
  return { ...sheet, strokes: sheet.strokes.slice(0, -1), undone: [...sheet.undone, sheet.strokes.at(-1)] }
}

/** The history with what was taken back last done again. */
export function redone(sheet) {
  if (!sheet.undone.length) return sheet
  return { ...sheet, strokes: [...sheet.strokes, sheet.undone.at(-1)], undone: sheet.undone.slice(0, -1) }
}

/** The strokes that are to be seen: those after the last clearing. */
export function visible(strokes) {
  const cleared = strokes.findLastIndex((stroke) => stroke.clears)
  return strokes.slice(cleared + 1)
}

export function blank() {
  return { strokes: [], undone: [], dark: true, width: 16, erasing: false, pen: [SIDE / 2, SIDE / 2], down: false }
}

/** Draw everything anew. */
export function paint(context, sheet, unfinished) {
  const [ground, ink] = sheet.dark ? ["#000000", "#ffffff"] : ["#ffffff", "#000000"]
  context.fillStyle = ground
  context.fillRect(0, 0, SIDE, SIDE)
  context.lineCap = context.lineJoin = "round"
  for (const stroke of [...visible(sheet.strokes), ...(unfinished ? [unfinished] : [])]) {
    context.strokeStyle = stroke.erases ? ground : ink
    context.lineWidth = stroke.width
    context.beginPath()
    const [[x, y], ...rest] = stroke.points
    context.moveTo(x, y)
    context.lineTo(x, y)
    for (const point of rest) context.lineTo(...point)
    context.stroke()
  }
}

// The one sheet of this tab outlives the closing of its window, after which this module and its key are new ones.
const KEPT = "convvizSheet"

export default function ({ parentElement, setTriggerValue }) {
  let sheet = globalThis[KEPT] ?? blank()
  let stroke = null
  const find = (name) => parentElement.querySelector(`[data-name="${name}"]`)
  const canvas = find("sheet")
  const context = canvas.getContext("2d")
  const said = find("said")

  const say = (text) => {
    said.textContent = text
  }
  const press = (name, on) => find(name).setAttribute("aria-pressed", String(on))
  const show = () => {
    globalThis[KEPT] = sheet
    paint(context, sheet, stroke)
    press("pen", !sheet.erasing)
    press("eraser", sheet.erasing)
    find("undo").disabled = !sheet.strokes.length
    find("redo").disabled = !sheet.undone.length
    find("clear").disabled = find("use").disabled = !visible(sheet.strokes).length
    find("width").value = sheet.width
    const cross = find("cross")
    cross.style.left = `${(100 * sheet.pen[0]) / SIDE}%`
    cross.style.top = `${(100 * sheet.pen[1]) / SIDE}%`
    cross.classList.toggle("down", sheet.down)
  }
  const change = (next, text) => {
    sheet = next
    show()
    if (text) say(text)
  }
  const started = (point) => ({ points: [point], width: sheet.width, erases: sheet.erasing })
  const finish = () => {
    if (stroke) sheet = added(sheet, stroke)
    stroke = null
    show()
  }

  canvas.onpointerdown = (event) => {
    if (event.button) return
    canvas.setPointerCapture(event.pointerId)
    stroke = started(placed(event.clientX, event.clientY, canvas.getBoundingClientRect()))
    sheet = { ...sheet, down: false }
    event.preventDefault()
    canvas.focus({ preventScroll: true })
    show()
  }
  canvas.onpointermove = (event) => {
    if (!stroke || !canvas.hasPointerCapture(event.pointerId)) return
    const box = canvas.getBoundingClientRect()
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      stroke = extended(stroke, ...placed(one.clientX, one.clientY, box))
    }
    show()
  }
  canvas.onpointerup = canvas.onpointercancel = finish

  canvas.onkeydown = (event) => {
    const undo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z"
    if (undo) {
      change(event.shiftKey ? redone(sheet) : undone(sheet), event.shiftKey ? "Done again" : "Taken back")
    } else if (event.key === " " || event.key === "Enter") {
      if (sheet.down) finish()
      else stroke = started(sheet.pen)
      change({ ...sheet, down: !sheet.down }, sheet.down ? "Pen up" : "Pen down")
    } else if (event.key.startsWith("Arrow")) {
      const pen = moved(sheet.pen, event.key)
      if (sheet.down) stroke = extended(stroke ?? started(sheet.pen), ...pen)
      change({ ...sheet, pen }, `${sheet.down ? "Pen down" : "Pen up"}, ${Math.round(pen[0])} across, ${Math.round(pen[1])} down`)
    } else {
      return
    }
    event.preventDefault()
    event.stopPropagation()
  }
  canvas.onblur = () => {
    if (sheet.down) finish()
    change({ ...sheet, down: false })
  }

  find("pen").onclick = () => change({ ...sheet, erasing: false }, "Pen")
  find("eraser").onclick = () => change({ ...sheet, erasing: true }, "Eraser")
  find("undo").onclick = () => change(undone(sheet), "Taken back")
  find("redo").onclick = () => change(redone(sheet), "Done again")
  find("clear").onclick = () => change(added(sheet, { clears: true, points: [] }), "Empty sheet; Undo brings the drawing back")
  find("ground").onclick = () => change({ ...sheet, dark: !sheet.dark }, sheet.dark ? "Black on white" : "White on black")
  find("width").oninput = (event) => change({ ...sheet, width: Number(event.target.value) })
  find("use").onclick = () => {
    setTriggerValue("taken", canvas.toDataURL("image/png"))
    say("Taken as your picture")
  }
  show()
}
