// The page: four views of which one is shown, or of a file the one that it holds.
import { ask, attempt } from "./dom.js";
import { writeView } from "./write.js";
import { lookView } from "./look.js";
import { compareView } from "./compare.js";
import { watchView } from "./watch.js";

const VIEWS = ["write", "look", "compare", "watch"];
const part = (name) => document.getElementById(name);

function showView(name, lookAt, watch) {
  for (const view of VIEWS) {
    part(`view-${view}`).hidden = view !== name;
    part(`tab-${view}`).setAttribute("aria-selected", String(view === name));
    part(`tab-${view}`).tabIndex = view === name ? 0 : -1;
  }
  if (name === "look") lookAt();
  if (name === "watch") watch.shown();
  else watch?.left();
}

function moveAmongTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const here = VIEWS.findIndex((view) => part(`tab-${view}`) === document.activeElement);
  const next = part(`tab-${VIEWS[(here + step + VIEWS.length) % VIEWS.length]}`);
  next.focus();
  next.click();
}

async function begin() {
  const data = part("data");
  if (data) {
    const seen = JSON.parse(data.textContent);
    part("about").textContent = `${seen.model}, on one text. With \`cargo run -p finetune -- serve\` the page takes others.`;
    part("tabs").hidden = true;
    showView("look", lookView(part("view-look"), seen));
    return;
  }
  const [model, { models }] = await Promise.all([ask("model", {}), ask("models")]);
  const count = model.parameters.toLocaleString("en");
  part("about").textContent = `${model.name}: ${count} parameters, ${model.layers} blocks, ${model.heads} heads, ${model.channels} channels, a context of ${model.context} tokens, a vocabulary of ${model.vocabulary.toLocaleString("en")}.`;
  const watch = watchView(part("view-watch"));
  const lookAt = lookView(part("view-look"));
  writeView(part("view-write"), model, (ids) => {
    showView("look", () => lookAt(ids), watch);
  });
  compareView(part("view-compare"), models, model);
  for (const view of VIEWS) part(`tab-${view}`).addEventListener("click", () => showView(view, lookAt, watch));
  part("tabs").addEventListener("keydown", moveAmongTabs);
  const wanted = location.hash.slice(1);
  showView(VIEWS.includes(wanted) ? wanted : "write", lookAt, watch);
}

attempt(begin);
