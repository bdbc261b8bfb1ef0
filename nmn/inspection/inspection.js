// Makes a drawn view one that can be looked into: nodes are selected by mouse and keyboard, played, and made larger.
// Everything is in the page already; this file only shows, hides and marks.

const PLAY_EVERY = 1100; // ms
const SCALES = [0.6, 0.7, 0.85, 1, 1.2, 1.5, 2];

function nmnInspect(article) {
  const data = article.querySelector(".nmn-data");
  if (!data || article.dataset.ready) return;
  article.dataset.ready = "yes";
  const nodes = JSON.parse(data.textContent).nodes;
  const all = (selector) => Array.from(article.querySelectorAll(selector));
  const one = (selector) => article.querySelector(selector);
  const drawn = all("[data-node]");
  const layers = all(".nmn-layer");
  const panels = all(".nmn-panel");
  const rows = all("[data-row]");
  const edges = all(".nmn-edge");
  const caption = one("figcaption");
  const question = one(".nmn-question");
  const asked = question ? Array.from(question.textContent) : [];
  const scroll = one(".nmn-scroll");
  const graph = one(".nmn-graph");
  const slider = one(".nmn-slider");
  const step = one(".nmn-step");
  let selected = Number(article.dataset.selected);
  let timer = 0;

  function showLayer(index) {
    layers.forEach((each) => each.toggleAttribute("hidden", Number(each.dataset.for) !== index));
    if (caption) caption.textContent = nodes[index].said;
  }

  function showSpan(index) {
    if (!question) return;
    const span = nodes[index].span;
    const [start, end] = span || [0, 0];
    const part = (from, to) => document.createTextNode(asked.slice(from, to).join(""));
    const mark = document.createElement("mark");
    mark.append(part(start, end));
    question.replaceChildren(part(0, start), ...(span ? [mark] : []), part(end));
  }

  function select(index, options = {}) {
    selected = Math.min(Math.max(index, 0), nodes.length - 1);
    article.dataset.selected = selected;
    drawn.forEach((each) => {
      const own = Number(each.dataset.node) === selected;
      each.classList.toggle("nmn-selected", own);
      each.classList.toggle("nmn-later", Boolean(options.stepping) && Number(each.dataset.node) > selected);
      each.setAttribute("tabindex", own ? "0" : "-1");
      each.setAttribute("aria-pressed", own ? "true" : "false");
      if (own && options.focus) each.focus({ preventScroll: true });
      if (own && !options.still) bringIntoSight(each);
    });
    edges.forEach((each) => {
      each.classList.toggle("nmn-near", [each.dataset.from, each.dataset.to].includes(String(selected)));
    });
    panels.forEach((each) => each.toggleAttribute("hidden", Number(each.dataset.for) !== selected));
    rows.forEach((each) => each.classList.toggle("nmn-current", Number(each.dataset.row) === selected));
    showLayer(selected);
    showSpan(selected);
    slider.value = selected;
    step.textContent = `${selected + 1} of ${nodes.length}`;
    article.dispatchEvent(new CustomEvent("nmn-select", { bubbles: true, detail: { node: selected, quiet: options.quiet } }));
  }

  function bringIntoSight(node) {
    const place = node.getBoundingClientRect();
    const window_ = scroll.getBoundingClientRect();
    if (place.top < window_.top + 8) scroll.scrollTop -= window_.top + 8 - place.top;
    if (place.bottom > window_.bottom - 8) scroll.scrollTop += place.bottom - window_.bottom + 8;
    if (place.left < window_.left + 8) scroll.scrollLeft -= window_.left + 8 - place.left;
    if (place.right > window_.right - 8) scroll.scrollLeft += place.right - window_.right + 8;
  }

  function beside(direction) {
    const own = drawn[selected];
    const row = drawn.filter((each) => each.dataset.layer === own.dataset.layer);
    row.sort((one_, other) => Number(one_.dataset.x) - Number(other.dataset.x));
    const next = row[row.indexOf(own) + direction];
    return next ? Number(next.dataset.node) : selected;
  }

  function reader() {
    const found = nodes.findIndex((node) => node.inputs.includes(selected));
    return found < 0 ? selected : found;
  }

  const keys = {
    ArrowUp: () => (nodes[selected].inputs.length ? nodes[selected].inputs[0] : selected),
    ArrowDown: reader,
    ArrowLeft: () => beside(-1),
    ArrowRight: () => beside(1),
    Home: () => 0,
    End: () => nodes.length - 1,
    Enter: () => selected,
    " ": () => selected,
  };

  function pause() {
    clearInterval(timer);
    timer = 0;
    const button = one('[data-action="play"]');
    button.textContent = "▶";
    button.setAttribute("aria-label", "Play the steps");
  }

  function play() {
    if (timer) return pause();
    const button = one('[data-action="play"]');
    button.textContent = "❚❚";
    button.setAttribute("aria-label", "Pause");
    select(selected === nodes.length - 1 ? 0 : selected, { stepping: true });
    timer = setInterval(() => {
      if (!article.isConnected || selected === nodes.length - 1) return pause();
      select(selected + 1, { stepping: true });
    }, PLAY_EVERY);
  }

  const natural = { width: graph.viewBox.baseVal.width, height: graph.viewBox.baseVal.height };
  let scale = 1;
  function resize(next) {
    scale = next;
    graph.style.width = `${natural.width * scale}px`;
    graph.style.height = `${natural.height * scale}px`;
  }
  function fit(least) {
    resize(Math.max(least, Math.min(1, (scroll.clientWidth - 4) / natural.width)));
  }
  const actions = {
    play,
    larger: () => resize(SCALES.find((each) => each > scale + 0.01) || scale),
    smaller: () => resize(SCALES.filter((each) => each < scale - 0.01).pop() || scale),
    fit: () => fit(0.3),
  };

  article.addEventListener("click", (event) => {
    const node = event.target.closest("[data-node]");
    const action = event.target.closest("[data-action]");
    const row = event.target.closest("[data-row]");
    if (node) {
      pause();
      select(Number(node.dataset.node), { focus: true });
    } else if (action && actions[action.dataset.action]) {
      actions[action.dataset.action]();
    } else if (row) {
      select(Number(row.dataset.row));
    }
  });
  article.addEventListener("keydown", (event) => {
    if (!event.target.closest(".nmn-nodes") || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    pause();
    select(keys[event.key](), { focus: true });
  });
  drawn.forEach((each) => {
    // A page that scrolls under a resting pointer is no wish to see another node.
    each.addEventListener("pointermove", (event) => {
      if (event.movementX || event.movementY) showLayer(Number(each.dataset.node));
    });
    each.addEventListener("pointerleave", () => showLayer(selected));
  });
  all("tr[data-object]").forEach((each) => {
    const glow = (on) =>
      all(`.nmn-overlay [data-chip="${each.dataset.object}"]`).forEach((chip) => chip.classList.toggle("nmn-glow", on));
    each.addEventListener("pointerenter", () => glow(true));
    each.addEventListener("pointerleave", () => glow(false));
  });
  slider.addEventListener("input", () => {
    pause();
    select(Number(slider.value), { stepping: true });
  });
  one(".nmn-toolbar").removeAttribute("hidden");
  article.nmnSelect = select;
  fit(0.7);
  select(selected, { quiet: true });
}

// Two views side by side: selecting a node in one selects the node that stands for it in the other.
function nmnPair(root) {
  const pair = Array.from(root.querySelectorAll("[data-nmn]")).filter((each) => each.nmnSelect);
  if (pair.length !== 2) return;
  pair.forEach((article, place) => {
    const nodes = JSON.parse(article.querySelector(".nmn-data").textContent).nodes;
    article.addEventListener("nmn-select", (event) => {
      const other = nodes[event.detail.node].other;
      if (!event.detail.quiet && other !== null) pair[1 - place].nmnSelect(other, { quiet: true });
    });
  });
}
