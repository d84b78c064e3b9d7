// A feature map of which a cell can be pointed at, clicked, and reached by the arrow keys. Everything is answered here;
// the server hears only of a cell that was chosen.

const REST = 500; // milliseconds after the last arrow key, before the server hears of it

/** A message of the server's: the length of its head, the head as JSON, the values, the picture's bytes. */
export function unpacked(message) {
  const copy = message.slice(); // begins where its buffer does, so that the values are aligned
  const size = new DataView(copy.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(copy.subarray(4, 4 + size)));
  const cells = head.height * head.width;
  return {
    ...head,
    values: new Float32Array(copy.buffer, 4 + size, cells),
    pixels: copy.subarray(4 + size + 4 * cells),
  };
}

/** The cell under a share of the picture's height and width. */
export function cellAt(down, across, height, width) {
  const clamp = (at, count) => Math.min(Math.max(Math.floor(at * count), 0), count - 1);
  return { row: clamp(down, height), col: clamp(across, width) };
}

/** Where an arrow key leads, or null for another key; the map's edge is not left. */
export function stepped(at, key, far, height, width) {
  const by = far ? 10 : 1;
  const moves = { ArrowUp: [-by, 0], ArrowDown: [by, 0], ArrowLeft: [0, -by], ArrowRight: [0, by] };
  if (!(key in moves)) return null;
  const clamp = (place, count) => Math.min(Math.max(place, 0), count - 1);
  return { row: clamp(at.row + moves[key][0], height), col: clamp(at.col + moves[key][1], width) };
}

/** A cell with its number. */
export function spoken(at, values, width) {
  const value = values[at.row * width + at.col];
  const text = Number.isFinite(value) ? String(Number(value.toPrecision(4))).replace("-", "−") : "not a number";
  return `Row ${at.row}, column ${at.col}: ${text}`;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const find = (name) => parentElement.querySelector(`.${name}`);
  const { height, width, row, col, alt, values, pixels } = unpacked(data);
  const [picture, field, frame] = [find("picture"), find("field"), find("frame")];
  let chosen = { row, col };
  const drawn = new ImageData(width, height);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    drawn.data.set([pixels[from], pixels[from + 1], pixels[from + 2], 255], to);
  }
  picture.width = width;
  picture.height = height;
  picture.getContext("2d").putImageData(drawn, 0, 0);
  field.setAttribute("aria-label", `${alt}. Arrow keys choose a cell, with Shift ten cells farther.`);
  const show = (at, say) => {
    frame.style.left = `${(100 * at.col) / width}%`;
    frame.style.top = `${(100 * at.row) / height}%`;
    frame.style.width = `${100 / width}%`;
    frame.style.height = `${100 / height}%`;
    find("where").textContent = spoken(at, values, width);
    if (say) find("live").textContent = spoken(at, values, width);
  };
  const choose = (at, soon) => {
    chosen = at;
    show(at, true);
    clearTimeout(field.later);
    field.later = setTimeout(() => setTriggerValue("at", [at.row, at.col]), soon);
  };
  const under = (event) => {
    const box = picture.getBoundingClientRect();
    return cellAt((event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width, height, width);
  };
  // Assigned, not added: this function is called again for new data and a new theme, without an end in between.
  field.onpointermove = (event) => {
    if (event.pointerType !== "touch") show(under(event), false);
  };
  field.onpointerleave = () => show(chosen, false);
  field.onclick = (event) => choose(under(event), 0);
  field.onkeydown = (event) => {
    const to = stepped(chosen, event.key, event.shiftKey, height, width);
    if (to === null) return;
    event.preventDefault();
    choose(to, REST);
  };
  show(chosen, false);
}
