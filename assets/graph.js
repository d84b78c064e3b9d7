// The layer graph's drawing. Places come from convviz.graph.layout; here they become shapes, with every name as text.
// Streamlit calls the default function for every new data and every change of theme without its cleanup: handlers are
// assigned, not added, and what outlives a call is kept on the element.

const SVG = "http://www.w3.org/2000/svg";
const CLOSEST = 3, FARTHEST = 0.06; // times its size

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".graph");
  const board = root.querySelector(".board");
  const first = !root.view;
  const view = (root.view ??= { zoom: 1 });
  const pick = (name) => setTriggerValue("picked", name);
  board.replaceChildren(draw(data, pick));
  const svg = board.firstChild;
  const find = (name) => root.querySelector(name);
  const fit = () => Math.min(1.15, (board.clientWidth - 20) / data.width);

  const zoomed = (zoom, x = board.clientWidth / 2, y = board.clientHeight / 2) => {
    const next = Math.min(CLOSEST, Math.max(FARTHEST, zoom));
    const before = svg.getBoundingClientRect(), frame = board.getBoundingClientRect();
    const at = [(x - (before.left - frame.left)) / view.zoom, (y - (before.top - frame.top)) / view.zoom];
    view.zoom = next;
    svg.setAttribute("width", data.width * next);
    svg.setAttribute("height", data.height * next);
    const after = svg.getBoundingClientRect();
    board.scrollLeft += at[0] * next - (x - (after.left - frame.left));
    board.scrollTop += at[1] * next - (y - (after.top - frame.top));
  };
  const center = () => {
    const box = data.nodes.find((node) => node.id === data.chosen);
    if (!box) return;
    if (view.zoom < 0.6) zoomed(Math.min(1, Math.max(fit(), 0.75)));
    const left = Math.max(0, (board.clientWidth - data.width * view.zoom) / 2);
    board.scrollLeft = left + (box.x + box.w / 2) * view.zoom - board.clientWidth / 2;
    board.scrollTop = (box.y + box.h / 2) * view.zoom - board.clientHeight / 2;
  };
  const step = (factor) => zoomed(view.zoom * factor);

  find(".in").onclick = () => step(1.3);
  find(".out").onclick = () => step(1 / 1.3);
  find(".wide").onclick = () => zoomed(fit());
  find(".whole").onclick = () => zoomed(Math.min(fit(), (board.clientHeight - 20) / data.height));
  find(".find").onclick = center;
  board.onwheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = board.getBoundingClientRect();
    zoomed(view.zoom * Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
  };
  board.onkeydown = (event) => walk(event, board, step);
  drags(board);

  if (first) view.zoom = Math.max(fit(), 0.5);
  zoomed(view.zoom, 0, 0);
  if (first || view.chosen !== data.chosen || view.size !== data.nodes.length) center();
  view.chosen = data.chosen;
  view.size = data.nodes.length;
}

function shape(kind, attributes, text) {
  const element = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function draw(data, pick) {
  const svg = shape("svg", { viewBox: `0 0 ${data.width} ${data.height}`, width: data.width, height: data.height });
  svg.setAttribute("role", "group");
  svg.setAttribute("aria-label", data.alt);
  for (const frame of data.frames) {
    const group = pickable(frame, `Close the part ${frame.id}`, "frame", pick);
    group.append(shape("rect", { x: frame.x, y: frame.y, width: frame.w, height: frame.h, rx: 8 }));
    group.append(shape("text", { class: "frame", x: frame.x + 8, y: frame.y + 15 }, frame.title));
    svg.append(group);
  }
  for (const edge of data.edges) {
    const near = edge.source === data.chosen || edge.target === data.chosen ? " near" : "";
    const [x, y] = edge.end;
    svg.append(shape("path", { class: `edge${near}`, d: edge.path }));
    svg.append(shape("path", { class: `edge${near}`, d: `M${x - 4},${y - 7}l4,7l4,-7` }));
    svg.append(shape("text", { class: "shape", x: edge.label[0], y: edge.label[1] }, edge.shape));
  }
  for (const node of data.nodes) {
    const kind = `box ${node.family}${node.id === data.chosen ? " chosen" : ""}`;
    const group = pickable(node, node.said, kind, pick);
    if (node.id === data.chosen) group.setAttribute("aria-current", "true");
    group.append(shape("title", {}, node.said));
    group.append(shape("rect", { x: node.x, y: node.y, width: node.w, height: node.h, rx: node.round }));
    group.append(shape("text", { class: "name", x: node.x + node.w / 2, y: node.y + 21 }, node.title));
    group.append(shape("text", { class: "kind", x: node.x + node.w / 2, y: node.y + 39 }, node.below));
    svg.append(group);
  }
  const begin = [...svg.querySelectorAll(".box")].find((box) => box.classList.contains("chosen"));
  (begin ?? svg.querySelector(".box"))?.setAttribute("tabindex", "0");
  return svg;
}

function pickable(what, said, kind, pick) {
  const group = shape("g", { class: kind, role: "button", tabindex: "-1", "aria-label": said });
  group.onclick = () => group.closest(".board").dataset.moved !== "yes" && pick(what.id);
  group.onkeydown = (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    pick(what.id);
  };
  return group;
}

// One stop for the Tab key; the arrows go from box to box, plus and minus zoom.
function walk(event, board, step) {
  if (event.key === "+" || event.key === "-") return step(event.key === "+" ? 1.3 : 1 / 1.3);
  const way = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
  const boxes = [...board.querySelectorAll(".frame, .box")];
  const place = boxes.indexOf(board.getRootNode().activeElement);
  if (!way || place < 0) return;
  event.preventDefault();
  boxes[place].setAttribute("tabindex", "-1");
  const next = boxes[Math.min(boxes.length - 1, Math.max(0, place + way))];
  next.setAttribute("tabindex", "0");
  next.focus();
}

// Drag the background with a mouse; touch scrolls by itself.
function drags(board) {
  let start = null;
  board.onpointerdown = (event) => {
    board.dataset.moved = "no";
    if (event.pointerType === "mouse" && event.button === 0) {
      start = [event.clientX + board.scrollLeft, event.clientY + board.scrollTop, event.clientX, event.clientY];
    }
  };
  board.onpointermove = (event) => {
    if (!start || !(event.buttons & 1)) return;
    if (Math.hypot(event.clientX - start[2], event.clientY - start[3]) < 5) return;
    board.dataset.moved = "yes";
    board.classList.add("dragged");
    board.scrollLeft = start[0] - event.clientX;
    board.scrollTop = start[1] - event.clientY;
  };
  board.onpointerup = board.onpointerleave = () => {
    start = null;
    board.classList.remove("dragged");
  };
}
