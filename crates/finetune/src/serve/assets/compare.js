// Two models, or two checkpoints of one, on the same text.
import { ask, attempt, el, listen } from "./dom.js";
import { flowing, named, surprise, tokenButton, visible } from "./tokens.js";

/** The view; the first name is that of `model`. */
export function compareView(panel, names, model) {
  // What its own run has kept is named from there on, which fits on a phone.
  const short = (name) => (name.startsWith(names[0] + "/") ? "…" + name.slice(names[0].length) : name);
  const choice = (side, chosen) => el("select", { id: `model-${side}`, "aria-label": `Model on the ${side}` }, names.map((name) => el("option", { value: name, selected: name === chosen }, short(name))));
  const sides = [
    { side: "left", pick: choice("left", names[0]) },
    { side: "right", pick: choice("right", names.findLast((name) => name.includes("pretraining")) ?? names[1] ?? names[0]) },
  ].map((one) => ({ ...one, out: el("div", { class: "tokens", id: `out-${one.side}`, "aria-live": "polite" }), sum: el("p", { class: "quiet" }) }));
  const input = el("textarea", { id: "compare-text", rows: 4, spellcheck: "false" }, model.answers ? "What is the opposite of sharp?" : "Once upon a time there was a");
  const go = el("button", { id: "both-write", onclick: () => attempt(() => both(goOn)) }, "Let both go on");
  const form = el("select", { id: "compare-form" }, el("option", { value: "" }, "as it stands"), model.answers ? el("option", { value: "1", selected: true }, "as an instruction") : []);
  const measure = el("button", { id: "both-measure", onclick: () => attempt(() => both(losses)) }, "Measure this text");

  async function both(work) {
    [go.disabled, measure.disabled] = [true, true];
    try {
      for (const one of sides) {
        one.out.replaceChildren();
        one.sum.textContent = "";
      }
      for (const one of sides) await work(one);
    } finally {
      [go.disabled, measure.disabled] = [false, false];
    }
  }

  /** The likeliest continuation of each. */
  async function goOn({ pick, out, sum }) {
    const model = pick.value;
    const cut = await ask("tokens", { model, text: input.value, instruction: form.value === "1" });
    out.replaceChildren(...flowing(cut.pieces.map((piece, place) => tokenButton({ piece, id: cut.ids[place] }, { disabled: true }))));
    await listen("write", { model, ids: cut.ids, max_tokens: 60 }, ({ id, piece, p }) => {
      if (id !== undefined) out.append(...flowing([tokenButton({ id, piece, p }, { disabled: true })]));
    });
    sum.textContent = "Always the likeliest token.";
  }

  /** What each token of the text cost either. */
  async function losses({ pick, out, sum }) {
    const said = await ask("losses", { model: pick.value, text: input.value });
    const known = said.losses.filter((loss) => loss !== null);
    const total = known.reduce((a, b) => a + b, 0);
    const chip = (piece, place) => {
      const loss = said.losses[place];
      const label = `${named(piece)}, id ${said.ids[place]}` + (loss === null ? "" : `, loss ${loss.toFixed(3)}`);
      return el("span", { class: "token" + (typeof piece === "string" ? "" : " bytes"), title: label, style: { "--amount": loss === null ? 0 : surprise(Math.exp(-loss)) } }, visible(piece));
    };
    out.replaceChildren(...said.pieces.map(chip));
    const rest = said.left_out ? `; ${said.left_out} tokens behind its context are left out` : "";
    sum.textContent = `${known.length} tokens, loss ${(total / known.length).toFixed(3)} a token, ${(total / Math.LN2 / said.bytes).toFixed(3)} bits a byte${rest}`;
  }

  panel.replaceChildren(
    el("label", { for: "compare-text" }, "A text for both"),
    input,
    el("div", { class: "row" }, el("label", {}, "They read this ", form), go, measure),
    el("p", { class: "quiet" }, "The stronger its tint, the less probable was a token. A text is always measured as it stands. Models with different vocabularies cut a text differently: compare their bits a byte (chapter 4.1)."),
    el("div", { class: "half" }, sides.map(({ pick, out, sum }) => el("div", {}, pick, out, sum))),
  );
}
