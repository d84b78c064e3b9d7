// The explorer's arithmetic: which cells belong together, what their numbers are, and how that is said. No page here.
//
// Along an axis, a *place* is a row (or column) of the padded picture; 0 is the picture's first, padding before it is
// negative. An *out* is a row of the output, a *tap* a row of the kernel. Rows and columns never mix, so everything is
// worked out axis by axis:
//   {kind, size, kernel, stride, dilation, before, after, mode, cut, outs}

export const MOST = 64; // cells of a side in view

// --- along one axis -----------------------------------------------------------------------------------------------

/** Places from the first tap to the last. */
export const reach = (axis) => (axis.kernel - 1) * axis.dilation + 1;

/** Which pixel of the picture stands at a place; -1 where none does. */
export function sourceOf({ size, mode }, place) {
  if (place >= 0 && place < size) return place;
  if (mode === "replicate") return Math.min(Math.max(place, 0), size - 1);
  if (mode === "circular") return ((place % size) + size) % size;
  if (mode !== "reflect") return -1;
  const period = Math.max(2 * (size - 1), 1);
  const at = ((place % period) + period) % period;
  return size > 1 ? Math.min(at, period - at) : 0;
}

/** What an out is made of: [{tap, place}]. */
export function tapsOf(axis, out) {
  const taps = [];
  for (let tap = 0; tap < axis.kernel; tap++) {
    if (axis.kind !== "transposed") {
      taps.push({ tap, place: out * axis.stride - axis.before + tap * axis.dilation });
      continue;
    }
    const place = (out + axis.cut - tap) / axis.stride;
    if (Number.isInteger(place) && place >= 0 && place < axis.size) taps.push({ tap, place });
  }
  return taps;
}

/** Which outs a place feeds, and through which tap: [{tap, out}]. */
export function outsOf(axis, place) {
  const found = [];
  for (let tap = 0; tap < axis.kernel; tap++) {
    const out =
      axis.kind === "transposed"
        ? place * axis.stride + tap - axis.cut
        : (place + axis.before - tap * axis.dilation) / axis.stride;
    if (Number.isInteger(out) && out >= 0 && out < axis.outs) found.push({ tap, out });
  }
  return found;
}

/** All places that hold the same pixel: the place itself, and what padding repeats of it. */
export function copiesOf(axis, place) {
  const source = sourceOf(axis, place);
  if (source < 0 || axis.mode === "zero") return [place];
  const copies = [];
  for (let at = -axis.before; at < axis.size + axis.after; at++) if (sourceOf(axis, at) === source) copies.push(at);
  return copies;
}

/** All places that a tap multiplies, in order. */
export function placesOf(axis, tap) {
  const places = new Set();
  for (let out = 0; out < axis.outs; out++) {
    for (const found of tapsOf(axis, out)) if (found.tap === tap) places.add(found.place);
  }
  return [...places].sort((a, b) => a - b);
}

/** The outs to show beside `count` places from `first` on: [first, count], at least one. */
export function outsInView(axis, first, count) {
  let low, high;
  if (axis.kind === "transposed") {
    low = first * axis.stride - axis.cut;
    high = (first + count - 1) * axis.stride + axis.kernel - 1 - axis.cut;
  } else {
    const slack = reach(axis) > count ? Math.floor(reach(axis) / 2) : 0;
    low = Math.ceil((first + axis.before - slack) / axis.stride);
    high = Math.floor((first + count - reach(axis) + axis.before + slack) / axis.stride);
  }
  low = Math.min(Math.max(low, 0), axis.outs - 1);
  high = Math.min(Math.max(high, low), axis.outs - 1);
  return [low, Math.min(high - low + 1, MOST)];
}

/** How few and how many places a view may have. */
export function viewLimits(axis) {
  const all = axis.before + axis.size + axis.after;
  if (axis.kind !== "transposed") return [Math.min(all, MOST, reach(axis) + axis.stride), Math.min(all, MOST)];
  const most = Math.max(1, Math.floor((MOST - axis.kernel) / axis.stride) + 1);
  return [Math.min(all, most, 2), Math.min(all, most)];
}

/** Consecutive numbers as [first, last]. */
export function runs(numbers) {
  const found = [];
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else found.push([number, number]);
  }
  return found;
}

// --- numbers in words -----------------------------------------------------------------------------------------------

/** A number as it is written out: whole numbers whole, others with six figures. */
export function exact(x) {
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x < 0 ? "−∞" : "∞";
  const text = Number.isInteger(x) && Math.abs(x) < 1e9 ? String(x) : String(Number(x.toPrecision(6)));
  return (Object.is(x, -0) ? "0" : text).replace("e+", "e").replaceAll("-", "−");
}

/** A number in at most so many letters, for a cell; "" if that cannot be done without a lie. */
export function short(x, letters) {
  if (exact(x).length <= letters) return exact(x);
  for (let figures = 3; figures > 0; figures--) {
    const text = exact(Number(x.toPrecision(figures))).replace(/^(−?)0\./, "$1.");
    if (text.length <= letters) return text;
  }
  return "";
}

const counted = (count, thing) => `${count} ${thing}${count === 1 ? "" : "s"}`;
const at = (row, col) => `row ${exact(row)}, column ${exact(col)}`;
const sumOf = (numbers) => numbers.reduce((total, number) => total + number, 0);
const listed = (numbers) => numbers.map(exact).join(" + ");

function spanned(numbers) {
  const found = runs(numbers);
  if (found.length === 1) return found[0][0] === found[0][1] ? exact(found[0][0]) : found[0].map(exact).join(" to ");
  const step = numbers[1] - numbers[0];
  return `${exact(numbers[0])} to ${exact(numbers.at(-1))} in steps of ${step}`;
}

// --- the data ---------------------------------------------------------------------------------------------------------

/** A model from the bytes that the page sent: a length, a header in JSON, arrays one after the other. */
export function unpack(bytes) {
  const copy = bytes.slice(); // aligned
  const length = new DataView(copy.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(copy.subarray(4, 4 + length)));
  const types = { u1: Uint8Array, f4: Float32Array };
  for (const { name, type, shape, offset } of header.arrays) {
    const values = new types[type](copy.buffer, 4 + length + offset, shape.reduce((a, b) => a * b, 1));
    header[name] = { ...header[name], values, shape };
  }
  return header;
}

/** The number at a row and column of an array that may be a crop; undefined where it was not sent. */
export function valueAt(array, row, col, channel = 0) {
  const [height, width, channels] = array.shape;
  const [y, x] = [row - array.origin[0], col - array.origin[1]];
  if (y < 0 || x < 0 || y >= height || x >= width) return undefined;
  return array.values[(y * width + x) * channels + channel];
}

/** Whether a place lies in the picture, not in its padding. */
export const inside = ({ axes }, row, col) =>
  row >= 0 && col >= 0 && row < axes[0].size && col < axes[1].size;

const weightAt = ({ weights }, row, col, channel) =>
  weights.values[(row * weights.shape[1] + col) * weights.shape[2] + (weights.shape[2] > 1 ? channel : 0)];

const channelNames = ({ source }) => {
  const channels = source.shape[2];
  if (channels === 1) return [""];
  return channels === 3 ? ["red", "green", "blue"] : Array.from({ length: channels }, (_, n) => `channel ${n}`);
};

const grid = (rows, cols) => ({ rows, cols });
const noted = (text) => ({ terms: text, equals: "" });

// --- what a cell means --------------------------------------------------------------------------------------------------

/**
 * What belongs to a cell and how its number comes about.
 *
 * focus: {grid: "source" | "weights" | "result", row, col, channel}
 * gives {title, lines: [{terms, equals, strong}], spoken, marks: {source, weights, result: {rows, cols}}, rings, parts}
 * where parts are numbers for the small grid in the middle, [channel][row][col], null where there is none.
 */
export function explain(model, focus) {
  const tell = EXPLAIN[focus.grid][model.kind] ?? EXPLAIN[focus.grid].convolution;
  return { rings: [], parts: null, lines: [], ...tell(model, focus) };
}

function cellOfConvolution(model, { row, col }) {
  const [rows, cols] = [tapsOf(model.axes[0], row), tapsOf(model.axes[1], col)];
  const names = channelNames(model);
  const lines = [];
  const totals = [];
  const parts = names.map((name, channel) => {
    const sums = [];
    const products = rows.map((down) => {
      const terms = cols.map((across) => {
        const value = valueAt(model.source, down.place, across.place, channel);
        return [value, weightAt(model, down.tap, across.tap, channel)];
      });
      const line = terms.map(([value, weight]) => value * weight);
      sums.push(sumOf(line));
      lines.push({ terms: terms.map((pair) => pair.map(exact).join(" × ")).join(" + "), equals: exact(sums.at(-1)) });
      return line;
    });
    totals.push(sumOf(sums));
    if (name || rows.length > 1) {
      lines.push({ terms: `${name ? `${name}: ` : ""}${listed(sums)}`, equals: exact(totals.at(-1)), strong: true });
    }
    return products;
  });
  const each = model.result.shape[2] > 1; // every channel by itself
  if (!each && (names.length > 1 || model.bias)) {
    const bias = model.bias ? ` + bias ${exact(model.bias)}` : "";
    lines.push({ terms: listed(totals) + bias, equals: exact(sumOf(totals) + model.bias), strong: true });
  }
  const sums = each ? totals : [sumOf(totals) + model.bias];
  const count = rows.length * cols.length * (each ? 1 : names.length);
  return finished(model, row, col, sums, each ? names : [""], lines, {
    how: `the sum of ${counted(count, "product")}`,
    marks: { source: grid(places(rows), places(cols)), weights: grid(taps(rows), taps(cols)) },
    parts,
  });
}

const places = (found) => found.map(({ place }) => place);
const taps = (found) => found.map(({ tap }) => tap);
const outs = (found) => found.map(({ out }) => out);

/** What every cell of the output is told with: its sum, and what the array holds where that differs. */
function finished(model, row, col, sums, names, lines, { how, marks, parts = null, rings = [] }) {
  const held = sums.map((_, channel) => valueAt(model.result, row, col, channel));
  const told = sums.map((sum, n) => `${names[n] ? `${names[n]} ` : ""}${exact(sum)}`).join(", ");
  sums.forEach((sum, n) => {
    if (held[n] !== undefined && exact(Math.fround(sum)) !== exact(held[n])) {
      lines.push(noted(`${names[n] ? `${names[n]}: ` : ""}the array holds ${exact(held[n])}, rounded to float32 on the way`));
    }
  });
  const title = `Output ${at(row, col)}: ${told}`;
  return { title, spoken: `${title}, ${how}`, lines, parts, rings, marks: { ...marks, result: grid([row], [col]) } };
}

function cellOfPool(model, { row, col }) {
  const [rows, cols] = [tapsOf(model.axes[0], row), tapsOf(model.axes[1], col)];
  const names = channelNames(model);
  const [lines, sums, rings] = [[], [], []];
  const parts = names.map((name, channel) => {
    const cells = [];
    const window = rows.map((down) =>
      cols.map((across) => {
        if (!inside(model, down.place, across.place)) return null;
        const value = valueAt(model.source, down.place, across.place, channel);
        cells.push({ value, row: down.place, col: across.place, tap: [down.tap, across.tap] });
        return value;
      }),
    );
    const label = name ? `${name}: ` : "";
    if (model.mode === "average") {
      const mean = sumOf(cells.map(({ value }) => value)) / cells.length;
      sums.push(mean);
      lines.push({ terms: `${label}(${listed(cells.map(({ value }) => value))}) / ${cells.length}`, equals: exact(mean), strong: true });
    } else {
      const best = cells.reduce((a, b) => (Number.isNaN(a.value) || a.value >= b.value ? a : b));
      sums.push(best.value);
      rings.push({ ...best, letter: name ? name[0].toUpperCase() : "" });
      const others = cells.map(({ value }) => exact(value)).join(", ");
      lines.push({ terms: `${label}the largest of ${others}`, equals: exact(best.value), strong: true });
      lines.push(noted(`${label}found at ${at(best.row, best.col)} of the input`));
    }
    return window;
  });
  const missing = rows.length * cols.length - parts[0].flat().filter((value) => value !== null).length;
  if (missing) lines.push(noted(`${counted(missing, "cell")} of the window outside the picture: not counted`));
  const how = model.mode === "average" ? "the mean of its window" : "the largest value of its window";
  const marks = { source: grid(places(rows), places(cols)), weights: null };
  return finished(model, row, col, sums, names, lines, { how, marks, parts, rings });
}

function cellOfTransposed(model, { row, col }) {
  const [rows, cols] = [tapsOf(model.axes[0], row), tapsOf(model.axes[1], col)];
  const names = channelNames(model);
  const each = model.result.shape[2] > 1;
  const [lines, totals] = [[], []];
  const parts = names.map((name, channel) => {
    const panel = Array.from({ length: model.axes[0].kernel }, () => Array(model.axes[1].kernel).fill(null));
    const products = [];
    for (const down of rows) {
      for (const across of cols) {
        const value = valueAt(model.source, down.place, across.place, channel);
        const weight = weightAt(model, down.tap, across.tap, channel);
        products.push((panel[down.tap][across.tap] = value * weight));
        lines.push({
          terms: `${name ? `${name}, ` : ""}input ${at(down.place, across.place)}: ${exact(value)} × ${exact(weight)}`,
          equals: exact(products.at(-1)),
        });
      }
    }
    totals.push(sumOf(products));
    if (name || products.length > 1) {
      lines.push({ terms: `${name ? `${name}: ` : ""}${listed(products)}`, equals: exact(totals.at(-1)), strong: true });
    }
    return panel;
  });
  if (!each && (names.length > 1 || model.bias)) {
    const bias = model.bias ? ` + bias ${exact(model.bias)}` : "";
    lines.push({ terms: listed(totals) + bias, equals: exact(sumOf(totals) + model.bias), strong: true });
  }
  const overlaps = rows.length * cols.length;
  if (!overlaps) lines.push(noted("no input cell reaches this place"));
  const sums = each ? totals : [sumOf(totals) + model.bias];
  return finished(model, row, col, sums, each ? names : [""], lines, {
    how: overlaps === 1 ? "reached by one input cell" : `the sum of ${overlaps} overlapping patches`,
    marks: { source: grid(places(rows), places(cols)), weights: grid(taps(rows), taps(cols)) },
    parts,
  });
}

function cellOfPadding(model, { row, col }) {
  const [down, across] = [row - model.axes[0].before, col - model.axes[1].before];
  const [y, x] = [sourceOf(model.axes[0], down), sourceOf(model.axes[1], across)];
  const values = channelNames(model).map((_, channel) => valueAt(model.result, row, col, channel));
  const told = values.map(exact).join(", ");
  const title = `Padded picture, ${at(down, across)}: ${told}`;
  let why = "a pixel of the picture itself";
  if (!inside(model, down, across)) {
    why = y < 0 || x < 0 ? "outside the picture: zero" : `outside the picture: ${model.axes[0].mode} reads ${at(y, x)}`;
  }
  const source = y < 0 || x < 0 ? grid([], []) : grid([y], [x]);
  return { title, spoken: `${title}, ${why}`, lines: [noted(why)], marks: { source, weights: null, result: grid([row], [col]) } };
}

function cellOfInput(model, { row, col }) {
  const [downs, acrosses] = model.axes.map((axis, n) => {
    const copies = axis.kind === "transposed" ? [[row, col][n]] : copiesOf(axis, [row, col][n]);
    return copies.flatMap((place) => outsOf(axis, place).map((found) => ({ place, ...found })));
  });
  const [rows, cols] = model.axes.map((axis, n) => copiesOf(axis, [row, col][n]));
  const values = channelNames(model).map((_, channel) => valueAt(model.source, row, col, channel));
  const padded = inside(model, row, col) ? "" : " (padding)";
  const title = `Input ${at(row, col)}${padded}: ${values.map(exact).join(", ")}`;
  const fed = new Set(outs(downs)).size * new Set(outs(acrosses)).size;
  const feeds = fed ? `feeds ${counted(fed, "output cell")}` : "feeds no output cell";
  const lines = [noted(feeds + (fed > 1 ? `: rows ${spanned(sorted(outs(downs)))}, columns ${spanned(sorted(outs(acrosses)))}` : ""))];
  if (rows.length * cols.length > 1) lines.push(noted(`padding shows this pixel ${counted(rows.length * cols.length, "time")} in all`));
  let parts = null;
  if (model.weights && fed) {
    const pairs = downs.flatMap((down) => acrosses.map((across) => ({ down, across })));
    for (const { down, across } of pairs.slice(0, 9)) {
      values.forEach((value, channel) => {
        const weight = weightAt(model, down.tap, across.tap, channel);
        lines.push({ terms: `output ${at(down.out, across.out)}: ${exact(value)} × ${exact(weight)}`, equals: exact(value * weight) });
      });
    }
    if (pairs.length > 9) lines.push(noted(`and ${pairs.length - 9} more products`));
    if (model.kind === "transposed") {
      parts = values.map((value, channel) => range(model.axes[0].kernel).map((i) => range(model.axes[1].kernel).map((j) => value * weightAt(model, i, j, channel))));
    }
  }
  const weights = model.weights && fed ? grid(taps(downs), taps(acrosses)) : null;
  const marks = { source: grid(rows, cols), weights, result: grid(outs(downs), outs(acrosses)) };
  return { title, spoken: `${title}, ${feeds}`, lines, marks, parts };
}

const range = (count) => Array.from({ length: count }, (_, n) => n);
const sorted = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);

function cellOfKernel(model, { row, col, channel = 0 }) {
  const [rows, cols] = [placesOf(model.axes[0], row), placesOf(model.axes[1], col)];
  const title = `Weight ${at(row, col)}: ${exact(weightAt(model, row, col, channel))}`;
  const transposed = model.kind === "transposed";
  const touched = [rows, cols].map((found) => found.length);
  const says = touched[0] && touched[1]
    ? `multiplies ${counted(touched[0] * touched[1], "input cell")}: rows ${spanned(rows)}, columns ${spanned(cols)}`
    : "multiplies no input cell";
  const result = model.axes.map((axis, n) =>
    transposed ? [rows, cols][n].flatMap((place) => outsOf(axis, place).filter(({ tap }) => tap === [row, col][n]).map(({ out }) => out)) : range(axis.outs),
  );
  const marks = { source: grid(rows, cols), weights: grid([row], [col]), result: grid(...result) };
  return { title, spoken: `${title}, ${says}`, lines: [noted(says)], marks };
}

const EXPLAIN = {
  result: { convolution: cellOfConvolution, pooling: cellOfPool, transposed: cellOfTransposed, padding: cellOfPadding },
  source: { convolution: cellOfInput },
  weights: { convolution: cellOfKernel },
};
