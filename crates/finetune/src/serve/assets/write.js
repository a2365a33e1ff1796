// A text that grows token by token, what else could stand at each place, and the tree of what was tried.
import { ask, attempt, el, listen, roving, say, unpack } from "./dom.js";
import { chances, flowing, named, percent, tokenButton, visible } from "./tokens.js";

/** The view; `lookAt` hears of tokens that are to be looked into. */
export function writeView(panel, model, lookAt) {
  const root = { children: [] };
  let prompt = []; // tokens that were given
  let leaf = root; // where the text that is shown ends
  let shown = null; // the token whose place is shown
  let running = null;

  const input = el("textarea", { id: "prompt", rows: 3, spellcheck: "false" }, model.answers ? "What is the opposite of sharp?" : "Once upon a time");
  const form = el("select", { id: "form" }, el("option", { value: "" }, "as it stands"), model.answers ? el("option", { value: "1", selected: true }, "as an instruction") : []);
  const range = (id, label, attributes) => {
    const slider = el("input", { id, type: "range", ...attributes, oninput: () => redraw() });
    return { slider, label: el("label", { for: id }, label + " ", el("output", { id: id + "-value", for: id })) };
  };
  const temperature = range("temperature", "Temperature", { min: 0, max: 2, step: 0.05, value: 0.8 });
  const topK = range("top-k", "Top-k", { min: 0, max: 100, step: 1, value: 0 });
  const topP = range("top-p", "Top-p", { min: 0.05, max: 1, step: 0.05, value: 1 });
  const length = el("input", { id: "length", type: "number", min: 1, max: 1000, value: 60, required: true });
  const go = el("button", { id: "go", class: "main", onclick: () => attempt(start) }, "Write");
  const stop = el("button", { id: "stop", disabled: true, onclick: () => running?.abort() }, "Stop");
  const more = el("button", { id: "more", disabled: true, onclick: () => attempt(() => grow(leaf)) }, "Go on");
  const look = el("button", { id: "look-at", disabled: true, onclick: () => lookAt(ids(leaf)) }, "Look into this text");
  const text = el("div", { class: "tokens", id: "text", role: "group", "aria-label": "The text, token by token" });
  const place = el("div", { id: "place", "aria-live": "polite" });
  const branches = el("div", { id: "branches" });
  roving(text);

  const settings = () => ({
    temperature: Number(temperature.slider.value),
    top_k: Number(topK.slider.value) || null,
    top_p: Number(topP.slider.value),
  });
  const path = (node) => (node.parent ? [...path(node.parent), node] : []);
  const ids = (node) => [...prompt, ...path(node)].map((token) => token.id);

  async function start() {
    if (!length.reportValidity()) return;
    running?.abort();
    const cut = await ask("tokens", { text: input.value, instruction: form.value === "1" });
    prompt = cut.ids.map((id, place) => ({ id, piece: cut.pieces[place] }));
    root.children = [];
    root.logits = null;
    shown = null;
    await grow(root);
  }

  /** Writes behind a token. */
  async function grow(node) {
    if (!length.reportValidity()) return;
    running?.abort();
    const [mine, held] = [(running = new AbortController()), document.activeElement];
    leaf = node;
    [stop.disabled, go.disabled, more.disabled] = [false, true, true];
    render();
    const body = { ids: ids(node), max_tokens: Number(length.value), ...settings() };
    try {
      await listen("write", body, (event) => hear(event, mine), mine.signal);
    } finally {
      if (running === mine) [stop.disabled, go.disabled, more.disabled, look.disabled] = [true, false, false, false];
      drawTree();
      reachable();
      // A button that cannot be pressed has lost the focus, and so has one that is gone.
      if (document.activeElement === document.body) (held.isConnected ? held : node.chip ?? go).focus();
    }
  }

  /** Tab leads to the first token that was written, the arrow keys to the others. */
  function reachable() {
    const first = text.querySelector("button:enabled");
    if (first && !text.querySelector('button:enabled[tabindex="0"]')) first.tabIndex = 0;
  }

  function hear(event, mine) {
    if (running !== mine) return;
    if (event.slides) say(`The text is longer than the ${model.context} tokens that the model sees; it reads the last ones only.`);
    if (event.end === "stop") text.append(el("span", { class: "quiet", title: "the token that ends a text" }, " ∎"));
    if (event.id === undefined) return;
    leaf = add(leaf, { id: event.id, piece: event.piece, p: event.p }, event.likeliest);
    text.append(...flowing([chip(leaf)]));
  }

  /** A child of a token; the same token twice is one. */
  function add(parent, token, likeliest) {
    parent.likeliest ??= likeliest;
    const known = parent.children.find((child) => child.id === token.id);
    if (known) return known;
    const child = { ...token, parent, children: [] };
    parent.children.push(child);
    return child;
  }

  function chip(node) {
    const see = () => show(node);
    return (node.chip = tokenButton(node, { onmouseenter: see, onfocus: see, onclick: see, "aria-current": String(node === shown) }));
  }

  function render() {
    text.replaceChildren(...flowing([...prompt.map((token) => tokenButton(token, { disabled: true })), ...path(leaf).map(chip)]));
    reachable();
    drawTree();
  }

  /** Shows what else could stand at the place of a token. */
  function show(node) {
    shown?.chip?.setAttribute("aria-current", "false");
    shown = node;
    node.chip.setAttribute("aria-current", "true");
    redraw();
    clearTimeout(show.timer);
    if (!node.parent.logits) show.timer = setTimeout(() => attempt(() => fetchLogits(node.parent)), 150);
  }

  /** All logits at a place, of which every setting of the sliders can be drawn at once. */
  async function fetchLogits(node) {
    if (running && !stop.disabled) return; // the model writes; what is known of the place is shown
    const next = await ask("next", { ids: ids(node) });
    node.logits = new Float32Array(unpack(next.logits).buffer);
    redraw();
  }

  function redraw() {
    const now = settings();
    document.getElementById("temperature-value").textContent = now.temperature === 0 ? "0: always the likeliest" : now.temperature;
    document.getElementById("top-k-value").textContent = now.top_k ?? "all";
    document.getElementById("top-p-value").textContent = now.top_p;
    if (!shown) return place.replaceChildren(el("h2", {}, "Alternatives"), el("p", { class: "quiet" }, "Point at a token, or move to it with the arrow keys, to see what else could stand there."));
    const { parent } = shown;
    const drawn = parent.logits && chances(parent.logits, now);
    const bar = ([id, piece, p]) => {
      const chance = drawn ? drawn[id] : p;
      const pick = () => attempt(() => grow(add(parent, { id, piece, p }, parent.likeliest)));
      const label = `${named(piece)}, id ${id}, ${percent(p)}${drawn ? `, by the sliders ${percent(chance)}` : ""}: write on from here`;
      return el("li", {}, el("button", { "aria-label": label, title: label, "aria-pressed": String(id === shown.id), style: { "--share": `${100 * chance}%` }, onclick: pick }, el("code", {}, named(piece)), el("span", {}, String(id)), el("span", {}, percent(chance))));
    };
    place.replaceChildren(
      el("h2", {}, "Instead of ", el("code", {}, named(shown.piece))),
      el("p", { class: "quiet" }, `Each token with its id and its ${drawn ? "chance by the sliders" : "probability"}. Choose one: a new branch begins with it, and this one stays.`),
      el("ul", { class: "bars" }, (parent.likeliest ?? []).map(bar)),
    );
  }

  /** Each fork with what follows up to the next one. */
  function drawTree() {
    const branch = (node) => {
      const segment = [node];
      while (segment.at(-1).children.length === 1) segment.push(segment.at(-1).children[0]);
      const last = segment.at(-1);
      const words = segment.map((token) => visible(token.piece)).join("").replace(/\s+/g, " ");
      const here = path(leaf).includes(node);
      const name = words.length > 70 ? words.slice(0, 70) + "…" : words;
      return el("li", {}, el("button", { "aria-current": String(here), onclick: () => visit(last) }, name), last.children.length ? el("ul", { class: "tree" }, last.children.map(branch)) : []);
    };
    branches.replaceChildren(root.children.length ? el("ul", { class: "tree" }, root.children.map(branch)) : el("p", { class: "quiet" }, stop.disabled ? "Nothing was written yet." : "The first is being written."));
  }

  /** Goes to the end of a branch, always along the first fork. */
  function visit(node) {
    while (node.children.length) node = node.children[0];
    leaf = node;
    render();
  }

  panel.replaceChildren(
    el("label", { for: "prompt" }, "What the model is to go on from"),
    input,
    el("div", { class: "row" }, el("label", {}, "It reads this ", form), el("label", { for: "length" }, "Tokens to write ", length), go, stop, more, look),
    el("div", { class: "row" }, [temperature, topK, topP].map(({ label, slider }) => el("div", { style: { flex: "1 1 9rem" } }, label, slider))),
    el(
      "div",
      { class: "two" },
      el("div", {}, el("h2", {}, "Text"), el("p", { class: "quiet" }, "The stronger its tint, the less probable was a token."), text),
      place,
      el("div", {}, el("h2", {}, "Branches"), branches),
    ),
  );
  redraw();
  drawTree();
}
