// What the model passes through on a text: heads, the logit lens, the length of the stream, and where the text is cut.
import { ask, attempt, draw, el, roving, unpack } from "./dom.js";
import { flowing, named, percent, tokenButton } from "./tokens.js";

/** A map of more tokens has no words beside it. */
const MOST_WORDS = 40;

/** A weight in as many digits as were sent of it. */
const rough = (share) => (share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`);

/** The view; without a server it shows `given` and takes no text. Returns what shows other tokens. */
export function lookView(panel, given) {
  let seen = given; // what the server has sent
  let weights; // of all heads, as bytes
  let chosen = { layer: 0, head: 0, token: 0 };

  const input = el("textarea", { id: "look-text", rows: 2, spellcheck: "false" }, "The rabbit slept because it was tired.");
  const go = el("button", { id: "look", class: "main", onclick: () => attempt(async () => lookAt(await cut())) }, "Look");
  const tokens = el("div", { class: "tokens", id: "look-tokens", role: "group", "aria-label": "The tokens of the text" });
  const heads = el("div", { class: "heads", id: "heads", role: "group", "aria-label": "All heads: a row for each block" });
  const head = el("div", { id: "head" });
  const lens = el("div", { class: "scroll", id: "lens", tabindex: 0, role: "region", "aria-label": "The logit lens" });
  const ranks = el("div", { class: "scroll", id: "ranks", tabindex: 0, role: "region", "aria-label": "The ten likeliest tokens after the chosen one" });
  const lengths = el("div", { id: "lengths" });
  const note = el("p", { class: "quiet" });
  roving(tokens);
  roving(heads);

  const text = () => seen.pieces.length;
  const rowsBefore = (row) => (row * (row + 1)) / 2;
  /** How much a reader takes of a token, from 0 to 1. */
  const weight = (layer, number, reader, read) => weights[(layer * seen.heads + number) * rowsBefore(text()) + rowsBefore(reader) + read] / 255;

  const cut = async () => (await ask("tokens", { text: input.value })).ids;

  /** The text of tokens, some of which may hold parts of a character. */
  function joined(pieces) {
    const bytes = pieces.flatMap((piece) => (typeof piece === "string" ? [...new TextEncoder().encode(piece)] : piece));
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  async function lookAt(ids) {
    if (!ids.length) throw new Error("There is no token to look at; give a text.");
    seen = await ask("look", { ids });
    render();
  }

  function render() {
    weights = unpack(seen.attention);
    chosen.token = text() - 1;
    note.textContent = seen.left_out ? `Of this text the first ${seen.left_out} tokens are left out: the model reads the last ${text()}, as if it began there.` : "";
    tokens.replaceChildren(...flowing(seen.pieces.map((piece, place) => tokenButton({ piece, id: seen.ids[place] }, { onclick: () => choose({ token: place }) }))));
    tokens.firstChild.tabIndex = 0;
    drawHeads();
    choose({});
  }

  /** Changes what is looked at, and draws what depends on it. */
  function choose(change) {
    chosen = { ...chosen, ...change };
    [...tokens.children].forEach((chip, place) => chip.setAttribute("aria-current", String(place === chosen.token)));
    for (const button of heads.querySelectorAll("button")) {
      const pressed = Number(button.dataset.layer) === chosen.layer && Number(button.dataset.head) === chosen.head;
      button.setAttribute("aria-pressed", String(pressed));
      button.tabIndex = pressed ? 0 : -1;
    }
    drawHead();
    drawLens();
    drawLengths();
  }

  /** A head as a map: readers in rows, what they read in columns; the darker, the more. */
  function paint(canvas, layer, number) {
    const size = text();
    [canvas.width, canvas.height] = [size, size];
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    for (const [color, alpha] of [["--card", () => 1], ["--sure", (reader, read) => Math.sqrt(weight(layer, number, reader, read))]]) {
      context.fillStyle = style.getPropertyValue(color);
      for (let reader = 0; reader < size; reader++)
        for (let read = 0; read <= reader; read++) {
          context.globalAlpha = alpha(reader, read);
          context.fillRect(read, reader, 1, 1);
        }
    }
    return canvas;
  }

  function drawHeads() {
    heads.style.gridTemplateColumns = `1.4rem repeat(${seen.heads}, minmax(24px, 5rem))`;
    const cell = (layer) => (_, number) => {
      const name = `block ${layer + 1}, head ${number + 1}`;
      return el("button", { "aria-label": name, title: name, "data-layer": layer, "data-head": number, onclick: () => choose({ layer, head: number }) }, paint(el("canvas"), layer, number));
    };
    heads.replaceChildren(...Array.from({ length: seen.layers }, (_, layer) => [el("span", {}, `${layer + 1}`), ...Array.from({ length: seen.heads }, cell(layer))]).flat());
  }

  /** The chosen head: its map, and lines from the chosen token to what it reads. */
  function drawHead() {
    const { layer, head: number, token } = chosen;
    const [step, top] = [20, 16];
    const lines = seen.pieces.slice(0, token + 1).map((piece, place) => ({ piece, place, share: weight(layer, number, token, place) }));
    const most = Math.max(...lines.map(({ share }) => share));
    const y = (place) => top + place * step;
    const drawing = draw(
      "svg",
      { viewBox: `0 0 340 ${y(token) + step}`, role: "img", "aria-label": `What ${named(seen.pieces[token])} reads in block ${layer + 1}, head ${number + 1}`, width: "100%", style: { "max-width": "28rem" } },
      lines.map(({ place, share }) => draw("line", { x1: 120, y1: y(token) - 4, x2: 200, y2: y(place) - 4, stroke: "var(--sure)", "stroke-width": 0.5 + 5 * share, "stroke-opacity": 0.1 + (0.9 * share) / most })),
      draw("text", { x: 112, y: y(token), "text-anchor": "end", "font-weight": 700 }, named(seen.pieces[token]).slice(0, 15)),
      lines.map(({ piece, place, share }) => [draw("text", { x: 208, y: y(place) }, named(piece).slice(0, 12)), draw("text", { x: 336, y: y(place), "text-anchor": "end", class: "quiet" }, rough(share))]),
    );
    const box = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "What the chosen token reads" }, drawing);
    head.replaceChildren(el("h2", {}, `Block ${layer + 1}, head ${number + 1}`), el("div", { class: "half" }, box, map(layer, number)));
    box.scrollTop = box.scrollHeight; // the chosen token is the last row
  }

  /** A head as a large map, with the readers on its left and what they read below it. */
  function map(layer, number) {
    const canvas = paint(el("canvas", { role: "img", "aria-label": "The map of this head: readers in rows, what they read in columns" }), layer, number);
    if (text() > MOST_WORDS) return canvas;
    const words = () => seen.pieces.map((piece, place) => el("span", { "aria-current": String(place === chosen.token) }, named(piece)));
    return el("div", { class: "map", "aria-hidden": "true" }, el("div", {}, words()), canvas, el("span"), el("div", {}, words()));
  }

  /** Depths in columns: what the head would say if the stream ended there. In rows the positions, and for the chosen one the ten likeliest. */
  function drawLens() {
    const cell = ([id, p]) => el("td", { style: { "--amount": p } }, named(seen.words[id]), el("small", {}, " " + percent(p)));
    const table = (corner, rows) => {
      const depths = seen.lens.map((_, depth) => el("th", { scope: "col" }, depth ? `block ${depth}` : "embedding"));
      return el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, corner), depths)), el("tbody", {}, rows));
    };
    const row = (piece, place) => el("tr", { "aria-current": String(place === chosen.token) }, el("th", { scope: "row" }, named(piece)), seen.lens.map((depth) => cell(depth[place][0])));
    lens.replaceChildren(table("after", seen.pieces.map(row)));
    const here = seen.lens.map((depth) => depth[chosen.token]);
    const rank = (_, number) => el("tr", {}, el("th", { scope: "row" }, `${number + 1}`), here.map((likeliest) => cell(likeliest[number])));
    ranks.replaceChildren(table(named(seen.pieces[chosen.token]), here[0].map(rank)));
  }

  /** How long the vector of the chosen token is at each depth, beside the mean of all. */
  function drawLengths() {
    const [width, height, left, bottom] = [380, 190, 44, 26];
    const own = seen.lengths.map((row) => row[chosen.token]);
    const mean = seen.lengths.map((row) => row.reduce((a, b) => a + b, 0) / row.length);
    const most = Math.max(...own, ...mean);
    const x = (depth) => left + (depth * (width - left - 14)) / (own.length - 1);
    const y = (value) => height - bottom - (value * (height - bottom - 14)) / most;
    const points = (values) => values.map((value, depth) => `${x(depth)},${y(value)}`).join(" ");
    lengths.replaceChildren(
      draw(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, width: "100%", style: { "max-width": "34rem" }, role: "img", "aria-label": `The length of the stream at ${named(seen.pieces[chosen.token])}: ${own.map((value) => value.toFixed(1)).join(", ")}` },
        draw("line", { class: "axis", x1: left, y1: height - bottom, x2: width, y2: height - bottom }),
        [0, most].map((value) => draw("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(1))),
        own.map((_, depth) => (depth % Math.ceil(own.length / 13) ? [] : draw("text", { x: x(depth), y: height - 8, "text-anchor": "middle", class: "quiet" }, String(depth)))),
        draw("polyline", { points: points(mean), fill: "none", stroke: "var(--quiet)", "stroke-width": 1.5, "stroke-dasharray": "5 4" }),
        draw("polyline", { points: points(own), fill: "none", stroke: "var(--sure)", "stroke-width": 2.5 }),
        own.map((value, depth) => draw("circle", { cx: x(depth), cy: y(value), r: 3, fill: "var(--sure)" })),
      ),
    );
  }

  panel.replaceChildren(
    ...(given ? [] : [el("label", { for: "look-text" }, "Text to look into"), input, el("div", { class: "row" }, go)]),
    note,
    el("h2", {}, "Tokens"),
    el("p", { class: "quiet" }, "Where the text is cut (chapter 1.2). Choose the token that is looked at."),
    tokens,
    el("h2", {}, "Heads"),
    el("p", { class: "quiet" }, "Who reads whom (chapter 2.7): a row of maps for each block. In a map, each row is a reader, and the stronger a place, the more it is read."),
    heads,
    head,
    el("h2", {}, "Logit lens"),
    el("p", { class: "quiet" }, "What the model would say after each token if the stream ended at this depth (chapter 3.9)."),
    lens,
    el("p", { class: "quiet" }, "And the ten likeliest tokens after the chosen one:"),
    ranks,
    el("h2", {}, "Length of the residual stream"),
    el("p", { class: "quiet" }, "By depth, for the chosen token (line) and on average (dashed): each block adds to the stream (chapter 3.4)."),
    lengths,
  );
  if (given) render();
  /** Looks at these tokens, or where nothing was looked at yet, at the text that stands there. */
  return (ids) =>
    attempt(async () => {
      if (ids || !seen) await lookAt(ids ?? (await cut()));
      if (ids) input.value = joined(seen.pieces);
    });
}
