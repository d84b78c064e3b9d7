// A picture made of tiles, or of the cells of a map: pointing says which one, a click or Enter chooses it. Everything is
// answered here; the server hears only of what was chosen.

/** The place under a point, from 0 and row by row, or null on a gap or beyond the last tile. */
export function placeAt(x, y, { tile, gap, columns, count }) {
  const [height, width] = tile;
  const row = Math.floor(y / (height + gap));
  const col = Math.floor(x / (width + gap));
  const inside = x >= 0 && y >= 0 && x - col * (width + gap) < width && y - row * (height + gap) < height;
  const place = row * columns + col;
  return inside && col < columns && place < count ? place : null;
}

/** Where a tile lies: left, top, width and height in percent of the picture. */
export function boxOf(place, { tile, gap, columns, width, height }) {
  const row = Math.floor(place / columns);
  const col = place % columns;
  return {
    left: (100 * col * (tile[1] + gap)) / width,
    top: (100 * row * (tile[0] + gap)) / height,
    width: (100 * tile[1]) / width,
    height: (100 * tile[0]) / height,
  };
}

/** Where an arrow key leads, or null for another key. */
export function stepped(place, key, { columns, count }) {
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -place, End: count - 1 - place };
  if (!(key in by)) return null;
  const to = place + by[key];
  return to >= 0 && to < count ? to : place;
}

/** A tile in words. */
export function spoken(place, { names, columns }) {
  return names ? names[place] : `row ${Math.floor(place / columns)}, column ${place % columns}`;
}

/** A message of the server's: the length of its head, the head as JSON, the picture's file. */
export function unpacked(message) {
  const size = new DataView(message.buffer, message.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(message.subarray(4, 4 + size)));
  return { ...head, file: message.slice(4 + size) };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const find = (name) => parentElement.querySelector(`.${name}`);
  const field = find("field");
  const picture = find("picture");
  const head = unpacked(data);
  let here = head.chosen ?? 0;
  const url = URL.createObjectURL(new Blob([head.file], { type: "image/png" }));
  picture.onload = () => {
    URL.revokeObjectURL(url);
    picture.classList.toggle("enlarged", picture.clientWidth * devicePixelRatio > picture.naturalWidth);
  };
  picture.src = url;
  find("tiles").classList.toggle("wide", head.wide);
  field.style.maxWidth = head.most ? `${head.most}px` : "";
  field.setAttribute("aria-label", `${head.alt}. Arrow keys move, Enter chooses.`);
  const laid = (frame, place) => {
    frame.hidden = place === null;
    if (place === null) return;
    for (const [side, share] of Object.entries(boxOf(place, head))) frame.style[side] = `${share}%`;
  };
  const rest = () => {
    laid(find("here"), null);
    find("where").textContent = head.caption;
  };
  const show = (place, say) => {
    laid(find("here"), place);
    find("where").textContent = place === null ? head.caption : `${spoken(place, head)}. ${head.does}`;
    if (say && place !== null) find("live").textContent = spoken(place, head);
  };
  const under = (event) => {
    const box = picture.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * head.width;
    const y = ((event.clientY - box.top) / box.height) * head.height;
    return placeAt(x, y, head);
  };
  // Assigned, not added: this function is called again for new data and a new theme, without an end in between.
  field.onpointermove = (event) => {
    if (event.pointerType !== "touch") show(under(event), false);
  };
  field.onpointerleave = rest;
  field.onblur = rest;
  field.onclick = (event) => {
    const place = under(event);
    if (place !== null) setTriggerValue("picked", (here = place));
  };
  field.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      setTriggerValue("picked", here);
      return;
    }
    const to = stepped(here, event.key, head);
    if (to === null) return;
    event.preventDefault();
    show((here = to), true);
  };
  laid(find("kept"), head.chosen ?? null);
  rest();
}
