// The window of numbers: a picture, a frame that follows the pointer, and the numbers under it. Everything is answered
// here; the server hears only of a position that was clicked, typed or reached by keys.

const NAMES = ["Red", "Green", "Blue"];
const TALLEST = 430; // pixels of the picture on the screen
const REST = 500; // milliseconds after the last arrow key, before the server hears of it

/** The first row (or column) of a window that has its middle there and stays inside. */
export function firstOf(middle, side, size) {
  return Math.max(0, Math.min(size - side, Math.round(middle - side / 2)));
}

/** Black or white, whichever can be told better from a colour. */
export function ink(red, green, blue) {
  const linear = (byte) => {
    const share = byte / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
  return (luminance + 0.05) ** 2 > 1.05 * 0.05 ? "#000" : "#fff";
}

/** Bytes of a picture (H, W, 3) as those of a canvas (H, W, 4). */
export function opaque(pixels) {
  const drawn = new Uint8ClampedArray((pixels.length / 3) * 4);
  for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
    drawn[to] = pixels[from];
    drawn[to + 1] = pixels[from + 1];
    drawn[to + 2] = pixels[from + 2];
    drawn[to + 3] = 255;
  }
  return drawn;
}

/** Where an arrow key leads, or null for another key. */
export function stepped(at, key, far) {
  const by = far ? 10 : 1;
  const moves = { ArrowUp: [-by, 0], ArrowDown: [by, 0], ArrowLeft: [0, -by], ArrowRight: [0, by] };
  return key in moves ? { row: at.row + moves[key][0], col: at.col + moves[key][1] } : null;
}

/** A message of the server's: the length of its head, the head as JSON, the picture's bytes. */
export function unpacked(message) {
  const size = new DataView(message.buffer, message.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(message.subarray(4, 4 + size)));
  return { ...head, pixels: message.subarray(4 + size) };
}

/** What a window holds, for those who cannot see it. */
export function spoken(at, side, means) {
  const middle = NAMES.map((name, channel) => `${name.toLowerCase()} ${means[channel].toFixed(1)}`).join(", ");
  return `Rows ${at.row} to ${at.row + side - 1}, columns ${at.col} to ${at.col + side - 1}. Mean: ${middle}.`;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const find = (name) => parentElement.querySelector(`.${name}`);
  const root = find("magnifier");
  const { height, width, side, row, col, alt, pixels } = unpacked(data);
  const inside = (at) => ({
    row: Math.max(0, Math.min(height - side, at.row)),
    col: Math.max(0, Math.min(width - side, at.col)),
  });
  let pinned = inside({ row, col });
  const picture = find("picture");
  const frame = find("frame");
  const field = find("field");
  const inked = new ImageData(opaque(pixels), width, height);
  picture.width = width;
  picture.height = height;
  picture.getContext("2d").putImageData(inked, 0, 0);
  field.style.width = `min(100%, ${Math.round((TALLEST * width) / height)}px)`;
  field.setAttribute("aria-label", `${alt}. Arrow keys move the window, with Shift by ten pixels.`);
  const close = find("close");
  close.width = close.height = side;
  const tables = [...root.querySelectorAll("table")];
  if (tables[0].rows.length !== side) {
    for (const table of tables) {
      const body = document.createElement("tbody");
      for (let row = 0; row < side; row++) {
        const line = body.insertRow();
        for (let col = 0; col < side; col++) line.insertCell();
      }
      table.replaceChildren(table.caption, body);
    }
  }
  root.style.setProperty("--side", side);

  const show = (at, say) => {
    const means = [0, 0, 0];
    for (let row = 0; row < side; row++) {
      for (let col = 0; col < side; col++) {
        const from = 3 * ((at.row + row) * width + at.col + col);
        for (let channel = 0; channel < 3; channel++) {
          const value = pixels[from + channel];
          const cell = tables[channel].rows[row].cells[col];
          const tint = [0, 0, 0];
          tint[channel] = value;
          means[channel] += value / (side * side);
          cell.textContent = value;
          cell.style.backgroundColor = `rgb(${tint})`;
          cell.style.color = ink(...tint);
        }
      }
    }
    close.getContext("2d").putImageData(inked, -at.col, -at.row, at.col, at.row, side, side);
    frame.style.left = `${(100 * at.col) / width}%`;
    frame.style.top = `${(100 * at.row) / height}%`;
    frame.style.width = `${(100 * side) / width}%`;
    frame.style.height = `${(100 * side) / height}%`;
    find("where").textContent = spoken(at, side, means);
    if (say) find("live").textContent = spoken(at, side, means);
  };
  const pin = (at, soon) => {
    pinned = inside(at);
    show(pinned, true);
    clearTimeout(root.later);
    root.later = setTimeout(() => setTriggerValue("at", [pinned.row, pinned.col]), soon);
  };
  const under = (event) => {
    const box = picture.getBoundingClientRect();
    return {
      row: firstOf(((event.clientY - box.top) / box.height) * height, side, height),
      col: firstOf(((event.clientX - box.left) / box.width) * width, side, width),
    };
  };
  // Assigned, not added: this function is called again for new data and a new theme, without an end in between.
  field.onpointermove = (event) => {
    if (event.pointerType !== "touch") show(under(event), false);
  };
  field.onpointerleave = () => show(pinned, false);
  field.onclick = (event) => pin(under(event), 0);
  field.onkeydown = (event) => {
    const to = stepped(pinned, event.key, event.shiftKey);
    if (to === null) return;
    event.preventDefault();
    pin(to, REST);
  };
  show(pinned, false);
}
