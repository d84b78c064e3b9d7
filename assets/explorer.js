// The explorer: the view, the pointer, the keys, the scan; all of it answered in the browser. Streamlit calls the
// default function for every new block of data and every change of theme, without its cleanup: listeners are therefore
// assigned, not added, and what outlives a call is kept on the element, because several explorers share this module.
import { Drawing } from "./explorer_drawing.js";
import { MOST, explain, outsInView, outsToScan, reach, unpack, viewLimits } from "./explorer_logic.js";

const SPOKEN_AFTER = 150; // milliseconds of rest before a cell is spoken
const ASKED_AFTER = 250; // milliseconds of rest before another crop is asked for

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".explorer");
  root.explorer ??= new Explorer(root);
  root.explorer.say = setStateValue;
  root.explorer.receive(data);
  return () => root.explorer.stop();
}

class Explorer extends Drawing {
  constructor(root) {
    super();
    this.root = root;
    this.cursor = [0, 0]; // of the output
    this.hover = this.pinned = this.playing = null;
    this.grids = Object.fromEntries(
      ["source", "weights", "parts", "result"].map((name) => {
        const figure = this.find(`figure.${name}`);
        const [base, dim] = [document.createElement("canvas"), document.createElement("canvas")];
        return [name, { name, figure, canvas: figure.querySelector("canvas"), base, dim }];
      }),
    );
    this.scratch = document.createElement("canvas");
    this.wire();
  }

  /** New data, or the same again: any run of the page sends it, and so does a change of theme. */
  receive(bytes) {
    const known = this.bytes?.length === bytes.length && this.bytes.every((byte, n) => byte === bytes[n]);
    this.bytes = bytes;
    if (!known) this.show(unpack(bytes));
    this.watcher ??= new ResizeObserver(() => this.width !== this.root.clientWidth && this.layout());
    this.watcher.observe(this.root);
    this.layout();
  }

  show(model) {
    const before = this.model;
    const same = before?.kind === model.kind && model.axes.every((axis, n) => axis.size === before.axes[n].size);
    const isHere = model.at && String(this.cursor) === String(model.at); // the page follows what was pinned
    const stays = same && (isHere || String(before.at) === String(model.at));
    this.halt();
    this.model = model;
    this.hover = null;
    const { source, result } = model;
    const sent = ({ origin, shape }, n) => [origin[n], shape[n]];
    this.scan = model.axes.map((axis, n) => outsToScan(axis, sent(source, n), sent(result, n)));
    const room = (axis) => (axis.kind === "transposed" ? 0 : Math.min(reach(axis) + 5 * axis.stride, MOST));
    if (!same) this.cells = Math.max(model.cells, ...model.axes.map(room)); // for several outputs side by side
    if (!stays) {
      this.view = model.axes.map((axis, n) => ({ first: centreOf(axis, model.at?.[n]), centred: true, count: 0 }));
      this.pinned = null;
      this.look(0, 0);
      const spare = model.axes.map(({ stride, before }, n) => (this.view[n].first + before) % stride);
      if (model.kind !== "transposed") this.look(-spare[0], -spare[1]); // so that a window begins where the view does
      this.cursor = model.at ?? this.outs.map(([first, count]) => first + (count >> 1));
    }
    this.look(0, 0);
    this.clampCursor();
    if (this.pinned && !this.exists(this.pinned)) this.pinned = null;
  }

  /** The first and the last row (or column) of a grid. */
  ends(name, axis) {
    if (name === "weights") return [0, axis.kernel - 1];
    return name === "result" ? [0, axis.outs - 1] : [-axis.before, axis.size + axis.after - 1];
  }

  exists({ grid, row, col }) {
    if (grid === "weights" && !this.model.weights) return false;
    return this.model.axes.every((axis, n) => {
      const [first, last] = this.ends(grid, axis);
      return [row, col][n] >= first && [row, col][n] <= last;
    });
  }

  stop() {
    this.halt();
    this.watcher?.disconnect();
    this.watcher = null;
  }

  // --- the view -----------------------------------------------------------------------------------------------------

  /** Move the view by so many places, keep it legal, and find the outputs that belong to it. */
  look(down, across, { asks = true } = {}) {
    const { axes, source } = this.model;
    this.view = this.view.map(({ first, count, centred }, n) => {
      const [least, most] = viewLimits(axes[n]);
      const wanted = Math.min(Math.max(this.cells, least), most);
      const centre = centred ? first : first + count / 2;
      const low = -axes[n].before;
      const high = axes[n].size + axes[n].after - wanted;
      const start = Math.round(centre - wanted / 2) + [down, across][n];
      return { first: Math.min(Math.max(start, low), high), count: wanted };
    });
    this.outs = axes.map((axis, n) => outsInView(axis, this.view[n].first, this.view[n].count));
    const missing = this.view.some(
      ({ first, count }, n) => first < source.origin[n] || first + count > source.origin[n] + source.shape[n],
    );
    clearTimeout(this.asking);
    if (missing && asks) {
      const place = this.view.map(({ first, count }) => Math.round(first + count / 2));
      this.asking = setTimeout(() => this.say("place", place), ASKED_AFTER);
    }
  }

  zoom(factor) {
    const limits = this.model.axes.map(viewLimits);
    const [least, most] = [Math.max(...limits.map(([low]) => low)), Math.max(...limits.map(([, high]) => high))];
    this.cells = Math.min(Math.max(Math.round(Math.min(this.cells, most) * factor), Math.min(least, 4)), MOST);
    this.look(0, 0);
    this.clampCursor();
    this.layout();
  }

  pan(down, across) {
    this.look(down, across);
    this.clampCursor();
    this.moved();
  }

  /** The view shows other cells, at its edges perhaps more or fewer outputs. */
  moved() {
    const before = String(this.grids.result.count);
    this.measure();
    if (String(this.grids.result.count) === before) this.paint(["source", "result"]);
    else this.layout();
  }

  clampCursor() {
    this.cursor = this.cursor.map((at, n) =>
      Math.min(Math.max(at, this.outs[n][0]), this.outs[n][0] + this.outs[n][1] - 1),
    );
  }

  // --- painting -----------------------------------------------------------------------------------------------------

  paint(names = ["source", "weights", "result"]) {
    this.told = explain(this.model, this.focus());
    for (const name of names) if (!this.grids[name].figure.hidden) this.drawBase(this.grids[name]);
    this.overview();
    this.refresh();
  }

  // --- what belongs together ----------------------------------------------------------------------------------------

  focus() {
    return this.pinned ?? this.hover ?? { grid: "result", row: this.cursor[0], col: this.cursor[1] };
  }

  /** After the cell under attention changed: marks, sum, speech; nothing leaves the browser. */
  refresh() {
    const started = performance.now();
    const focus = this.focus();
    this.told = explain(this.model, focus);
    if (!this.grids.parts.figure.hidden) this.drawBase(this.grids.parts);
    for (const grid of Object.values(this.grids)) if (!grid.figure.hidden) this.drawMarks(grid, focus);
    this.write();
    const scrub = this.find(".scrub");
    scrub.max = this.scan[0][1] * this.scan[1][1] - 1;
    scrub.value = this.scanned();
    scrub.setAttribute("aria-valuetext", `output row ${this.cursor[0]}, column ${this.cursor[1]}`);
    clearTimeout(this.speaking);
    if (!this.playing)
      this.speaking = setTimeout(() => (this.find(".said").textContent = this.told.spoken), SPOKEN_AFTER);
    this.root.dataset.milliseconds = (performance.now() - started).toFixed(2);
  }

  // --- pointer, keys, scan ------------------------------------------------------------------------------------------

  wire() {
    for (const name of ["source", "weights", "result"]) {
      const { canvas } = this.grids[name];
      canvas.onpointermove = (event) => this.pointed(name, event);
      canvas.onpointerleave = () => this.left();
      canvas.onpointerdown = (event) =>
        (this.drag = { name, x: event.clientX, y: event.clientY, moved: false, mouse: event.pointerType === "mouse" });
      canvas.onpointerup = (event) => this.released(name, event);
      canvas.onpointercancel = () => (this.drag = null);
      canvas.onkeydown = (event) => this.key(name, event);
      canvas.onwheel = (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoom(event.deltaY > 0 ? 1.25 : 0.8);
      };
    }
    const overview = this.find(".overview");
    overview.onpointerdown = overview.onpointermove = (event) => {
      if (!event.buttons) return;
      const box = overview.getBoundingClientRect();
      const shares = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
      this.view = this.view.map(({ count }, n) => ({
        first: Math.round(shares[n] * this.model.axes[n].size),
        count,
        centred: true,
      }));
      this.pan(0, 0);
    };
    this.find(".play").onclick = () => (this.playing ? this.halt() : this.play());
    this.find(".back").onclick = () => this.stepped(-1);
    this.find(".step").onclick = () => this.stepped(1);
    this.find(".scrub").oninput = (event) => this.goTo(Number(event.target.value));
    this.find(".closer").onclick = () => this.zoom(0.7);
    this.find(".farther").onclick = () => this.zoom(1.4);
    this.root.onkeydown = (event) => {
      if (event.key === "Escape" && this.pinned) this.pin(null);
    };
  }

  /** The cell under the pointer. */
  cellAt(name, event) {
    const grid = this.grids[name];
    const box = grid.canvas.getBoundingClientRect();
    const [x, y] = [
      (event.clientX - box.left) * (grid.canvas.width / box.width),
      (event.clientY - box.top) * (grid.canvas.height / box.height),
    ];
    const tall = grid.count[0] * grid.px + grid.gap;
    const panel = Math.min(Math.max(Math.floor(y / tall), 0), grid.panels - 1);
    const clamp = (at, count) => Math.min(Math.max(at, 0), count - 1);
    const row = clamp(Math.floor((y - panel * tall) / grid.px), grid.count[0]) + grid.first[0];
    const col = clamp(Math.floor(x / grid.px), grid.count[1]) + grid.first[1];
    return { grid: name, row, col, channel: panel };
  }

  pointed(name, event) {
    if (this.drag?.mouse && this.drag.name === name && event.buttons && name !== "weights") {
      const { px } = this.grids[name];
      const stride =
        name === "result" && this.model.kind !== "transposed" ? this.model.axes.map((axis) => axis.stride) : [1, 1];
      const [down, across] = [this.drag.y - event.clientY, this.drag.x - event.clientX].map((by, n) =>
        Math.trunc((by * this.dpr * stride[n]) / px),
      );
      if (!down && !across) return;
      Object.assign(this.drag, { moved: true, x: event.clientX, y: event.clientY });
      this.pan(down, across);
      return;
    }
    const cell = this.cellAt(name, event);
    if (
      this.hover &&
      this.hover.grid === cell.grid &&
      this.hover.row === cell.row &&
      this.hover.col === cell.col &&
      this.hover.channel === cell.channel
    )
      return;
    this.hover = cell;
    const glance = this.playing || this.pinned || this.model.pins; // of which the page writes out another cell
    if (name === "result" && !glance) this.cursor = [cell.row, cell.col];
    if (!this.pinned) this.soon();
  }

  /** Once a frame is enough. */
  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.refresh();
    });
  }

  left() {
    this.hover = null;
    if (!this.pinned) this.soon();
  }

  released(name, event) {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.moved || drag.name !== name) return;
    const cell = this.cellAt(name, event);
    const again = this.pinned && ["grid", "row", "col", "channel"].every((part) => this.pinned[part] === cell[part]);
    this.pin(again ? null : cell);
  }

  /** A cell stays under attention; without one, an output cell that was freed does until the pointer moves on. */
  pin(cell) {
    if (!cell && this.pinned?.grid === "result") this.hover = null;
    this.hold(cell);
    this.halt();
    this.refresh();
  }

  free() {
    if (this.pinned) this.hold(null);
  }

  /** What is pinned changes, and the page that asks for it hears so. */
  hold(cell) {
    const kept = (one) => (one?.grid === "result" ? [one.row, one.col] : null);
    const changed = String(kept(this.pinned)) !== String(kept(cell));
    this.pinned = cell;
    if (kept(cell)) this.cursor = kept(cell);
    if (changed && this.model.pins) this.say("pinned", kept(cell));
  }

  key(name, event) {
    const moves = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      PageUp: [-8, 0],
      PageDown: [8, 0],
      Home: [0, -1e9],
      End: [0, 1e9],
    };
    if (event.key === "Enter" || event.key === " ") {
      const { grid, row, col, channel = 0 } = this.focus();
      this.pin(this.pinned ? null : { grid, row, col, channel });
    } else if (event.key === "+" || event.key === "=") this.zoom(0.7);
    else if (event.key === "-") this.zoom(1.4);
    else if (moves[event.key] && !event.altKey && !event.ctrlKey && !event.metaKey)
      this.move(name, ...moves[event.key]);
    else return;
    event.preventDefault();
  }

  /** The cell under attention moves, and the view follows it. */
  move(name, down, across) {
    const { axes } = this.model;
    const now = this.focus();
    const grid = this.grids[name];
    const start =
      now.grid === name
        ? [now.row, now.col]
        : name === "result"
          ? this.cursor
          : grid.first.map((first, n) => first + (grid.count[n] >> 1));
    const ends = axes.map((axis) => this.ends(name, axis));
    const cell = start.map((at, n) => Math.min(Math.max(at + [down, across][n], ends[n][0]), ends[n][1]));
    if (this.pinned) this.pin(null);
    this.halt();
    this.hover = { grid: name, row: cell[0], col: cell[1], channel: now.grid === name ? (now.channel ?? 0) : 0 };
    if (name === "result") this.cursor = cell;
    const painted = name !== "weights" && this.follow(name, cell);
    if (!painted) this.refresh();
  }

  /** The view moves as far as it takes to show a cell; whether it did, and all was painted. */
  follow(name, cell, choices) {
    const { first, count } = this.grids[name];
    const off = cell.map((at, n) => Math.min(at - first[n], 0) + Math.max(at - (first[n] + count[n] - 1), 0));
    if (!off[0] && !off[1]) return false;
    const { axes, kind } = this.model;
    const by = axes.map((axis, n) => {
      if (name === "source") return off[n];
      return kind === "transposed"
        ? Math.sign(off[n]) * Math.ceil(Math.abs(off[n]) / axis.stride)
        : off[n] * axis.stride;
    });
    const kept = this.cursor;
    this.look(...by, choices);
    if (name === "result") this.cursor = kept;
    this.clampCursor();
    this.moved();
    return true;
  }

  /** Where the scan is: the outputs are counted row by row, all that were sent. */
  scanned() {
    const [row, col] = this.scan.map(([first, count], n) => Math.min(Math.max(this.cursor[n] - first, 0), count - 1));
    return row * this.scan[1][1] + col;
  }

  stepped(by) {
    this.halt();
    const all = this.scan[0][1] * this.scan[1][1];
    this.goTo((this.scanned() + by + all) % all);
  }

  /** The scan goes to one of its outputs, and the view follows; it asks for no others, which would stop the scan. */
  goTo(index) {
    const cols = this.scan[1][1];
    this.cursor = [this.scan[0][0] + Math.floor(index / cols), this.scan[1][0] + (index % cols)];
    this.hover = null;
    this.free();
    if (!this.follow("result", this.cursor, { asks: false })) this.refresh();
  }

  /** The window slides over all outputs, row by row. Where the system asks for less motion it makes one step. */
  play() {
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return this.stepped(1);
    const all = this.scan[0][1] * this.scan[1][1];
    let index = this.scanned();
    if (index >= all - 1) index = 0;
    let due = performance.now();
    this.find(".play").textContent = "Pause";
    this.goTo(index);
    const tick = (now) => {
      const pause = 1000 / Number(this.find(".speed").value);
      if (now - due >= pause - 4) {
        due = now;
        if (index >= all - 1) return this.halt();
        this.goTo(++index);
      }
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    return undefined;
  }

  halt() {
    if (this.playing) cancelAnimationFrame(this.playing);
    this.playing = null;
    this.find(".play").textContent = "Play";
  }
}

/** The place in the middle of what an output is made of. */
function centreOf(axis, out) {
  if (out === undefined) return axis.size >> 1;
  if (axis.kind === "transposed") return Math.floor((out + axis.cut) / axis.stride);
  return out * axis.stride - axis.before + (reach(axis) >> 1);
}
