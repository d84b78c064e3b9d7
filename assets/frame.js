// What the stylesheet cannot do, once for each tab: the history, pictures' edges, the theme's ink, choices that fold on a phone.
(() => {
  if (window.convvizFrame) return;
  window.convvizFrame = true;
  const narrow = window.matchMedia("(max-width: 640px)");
  let touched = false; // whether the visitor used the choices since they were folded last

  // A choice changes the address in place; only another page is a new entry, so that Back means the page before. What
  // one click leads to is one entry; where the page that is left writes its address late, that is too late. The first
  // click may come before this script.
  let acted = navigator.userActivation?.hasBeenActive ?? false;
  let here = location.pathname;
  let left = null; // the path of the page before this one
  for (const kind of ["pointerdown", "keydown", "click"]) document.addEventListener(kind, () => (acted = true), true);
  const push = history.pushState.bind(history);
  history.pushState = (state, unused, url) => {
    const path = new URL(url ?? location.href, location.href).pathname;
    const samePage = path === location.pathname;
    if (samePage || !acted) {
      if (path === left && !samePage) return;
      here = path;
      history.replaceState(state, unused, url);
    } else {
      acted = false;
      [left, here] = [here, path];
      push(state, unused, url);
    }
    if (samePage && touched) fold();
  };
  window.addEventListener("popstate", () => ([left, here] = [here, location.pathname]));

  // On a phone the choices fold after a choice, so that its result is in sight; their heading opens them again.
  const boxes = () => 
    document.querySelectorAll(".st-key-choices > [data-testid=stLayoutWrapper] > [data-testid=stExpander] > details");
  const fold = () => {
    touched = false;
    if (narrow.matches) boxes().forEach((box) => box.open && box.querySelector("summary").click());
  };
  const unfold = () => narrow.matches || boxes().forEach((box) => box.open || box.querySelector("summary").click());
  narrow.addEventListener("change", unfold);
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, (event) => {
      const place = event.target.closest?.(".st-key-choices, .st-key-scenes");
      if (place && !event.target.closest("summary")) touched = true;
    }, true);
  }

  // A picture that the browser enlarges keeps its square pixels; one that it reduces is averaged, not thinned out.
  const judge = (image) => {
    const ratio = window.devicePixelRatio || 1;
    image.classList.toggle("enlarged", image.clientWidth * ratio > image.naturalWidth);
  };
  const sizes = new ResizeObserver((entries) => entries.forEach((entry) => judge(entry.target)));
  const watch = (image) => {
    if (image.dataset.watched) return;
    image.dataset.watched = "yes";
    image.addEventListener("load", () => judge(image));
    sizes.observe(image);
  };
  // The colour of text, by its name for the stylesheet; it changes with the theme.
  let app = null;
  const ink = () => document.documentElement.style.setProperty("--ink", getComputedStyle(app).color);
  const theme = new MutationObserver(ink);
  const dress = () => {
    const now = document.querySelector('[data-testid="stApp"]');
    if (!now || now === app) return;
    app = now;
    theme.disconnect();
    theme.observe(app, { attributes: true, attributeFilter: ["class"] });
    ink();
  };

  const look = () => {
    document.querySelectorAll('[data-testid="stImage"] img').forEach(watch);
    dress();
  };
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  look();
})();
