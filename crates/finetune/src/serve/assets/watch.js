// The curve of a run while it trains, and what it writes on the way.
import { ask, attempt, draw, el } from "./dom.js";

const EVERY_MS = 2000;

/** The view. Returns what is to be called when it is shown and when it is left. */
export function watchView(panel) {
  const pick = el("select", { id: "run", "aria-label": "Run", onchange: () => begin() });
  const curve = el("div", { id: "curve" });
  const state = el("p", { class: "quiet", id: "run-state" });
  const samples = el("div", { id: "samples" });
  let [steps, validations, from, timer] = [[], [], 0, null];

  async function runs() {
    const { runs: all } = await ask("runs");
    pick.replaceChildren(...all.map(({ name, stage, steps: count }) => el("option", { value: name }, `${name}: ${stage}, ${count} steps`)));
    if (!all.length) state.textContent = "There is no run in runs/ yet.";
    else begin();
  }

  function begin() {
    [steps, validations, from] = [[], [], 0];
    samples.replaceChildren();
    curve.replaceChildren();
    clearTimeout(timer);
    attempt(() => follow(pick.value));
  }

  async function follow(run) {
    const said = await ask(`metrics?${new URLSearchParams({ run, from })}`);
    if (run !== pick.value || panel.hidden) return;
    const fresh = said.next > from;
    if (said.next < from) return begin(); // it was begun anew
    from = said.next;
    for (const line of said.lines) {
      if ("loss" in line) steps.push([line.step, line.loss]);
      else if ("validation_loss" in line) validations.push([line.step, line.validation_loss]);
      else samples.prepend(el("p", { class: "quiet" }, `after ${line.step} steps`), el("pre", {}, line.sample));
    }
    if (fresh && steps.length + validations.length) drawCurve();
    if (fresh && said.lines.length) return follow(run); // there may be more
    const [last, best] = [steps.at(-1), Math.min(...validations.map(([, loss]) => loss))];
    state.textContent = `${said.running ? "Training now" : "Not training now"}${last ? `, step ${last[0]}, loss ${last[1].toFixed(3)}` : ""}${validations.length ? `, best validation loss ${best.toFixed(3)}` : ""}`;
    if (said.running) timer = setTimeout(() => attempt(() => follow(run)), EVERY_MS);
  }

  /** At most so many points as can be seen, each the mean of its neighbors. */
  function thinned(points) {
    const size = Math.ceil(points.length / 400);
    const mean = (group) => [group.at(-1)[0], group.reduce((sum, [, loss]) => sum + loss, 0) / group.length];
    return Array.from({ length: Math.ceil(points.length / size) }, (_, part) => mean(points.slice(part * size, (part + 1) * size)));
  }

  function drawCurve() {
    const [width, height, left, bottom] = [Math.min(720, curve.clientWidth), 300, 44, 30]; // in pixels, so that letters keep their size
    const training = steps.length ? thinned(steps) : [];
    const all = [...training, ...validations];
    const [most, least, end] = [Math.max(...all.map(([, loss]) => loss)), Math.min(...all.map(([, loss]) => loss)), Math.max(1, ...all.map(([step]) => step))];
    const x = (step) => left + (step * (width - left - 10)) / end;
    const y = (loss) => 12 + ((most - loss) * (height - bottom - 12)) / (most - least || 1);
    const points = (line) => line.map(([step, loss]) => `${x(step).toFixed(1)},${y(loss).toFixed(1)}`).join(" ");
    curve.replaceChildren(
      draw(
        "svg",
        { viewBox: `0 0 ${width} ${height}`, width, role: "img", "aria-label": `The loss from ${most.toFixed(2)} down to ${least.toFixed(2)} in ${end} steps` },
        draw("line", { class: "axis", x1: left, y1: height - bottom, x2: width, y2: height - bottom }),
        [most, (most + least) / 2, least].map((loss) => draw("text", { x: left - 6, y: y(loss) + 4, "text-anchor": "end" }, loss.toFixed(2))),
        [0, end].map((step) => draw("text", { x: x(step), y: height - 10, "text-anchor": step ? "end" : "start", class: "quiet" }, `${step} steps`)),
        draw("polyline", { points: points(training), fill: "none", stroke: "var(--sure)", "stroke-width": 1.5 }),
        draw("polyline", { points: points(validations), fill: "none", stroke: "var(--surprise)", "stroke-width": 2.5, "stroke-dasharray": "7 3" }),
        draw("text", { x: width - 10, y: 20, "text-anchor": "end" }, "training: line, validation: dashed"),
      ),
    );
  }

  panel.replaceChildren(el("div", { class: "row" }, el("label", { style: { "flex-basis": "18rem" } }, "Run ", pick), el("button", { onclick: () => attempt(runs) }, "Look for runs")), state, curve, el("h2", {}, "What it wrote on the way"), samples);
  return { shown: () => attempt(runs), left: () => clearTimeout(timer) };
}
