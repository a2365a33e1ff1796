// What all views need: elements without markup, requests, and a line in which something is said.

/** An element with attributes and children; a text stays a text, whatever it holds. */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in a drawing. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [property, setting] of Object.entries(value)) element.style.setProperty(property, setting);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity));
  return element;
}

/** Says something in the line above the views, or takes it away. */
export function say(sentence = "") {
  document.getElementById("status").textContent = sentence;
}

async function request(path, body, signal) {
  const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal };
  const response = await fetch("api/" + path, options);
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  throw new Error(problem.error?.message ?? `the server answered with status ${response.status}`);
}

/** What the server answers: to a question with `body`, to a look without. */
export async function ask(path, body) {
  return (await request(path, body)).json();
}

/** Hands each event of an answer to `hear` as it comes. */
export async function listen(path, body, hear, signal) {
  const reader = (await request(path, body, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const line of blocks.flatMap((block) => block.split("\n")).filter((line) => line.startsWith("data: "))) {
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      hear(event);
    }
  }
}

/** Does something and says what goes wrong in it. */
export async function attempt(work) {
  try {
    say();
    return await work();
  } catch (problem) {
    if (problem.name !== "AbortError") say(problem.message.includes("fetch") ? "The server does not answer; is it still running?" : problem.message);
  }
}

/** Bytes out of base64. */
export function unpack(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** Arrow keys move the focus among the buttons of a group, of which Tab reaches one. */
export function roving(group) {
  group.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = [...group.querySelectorAll("button")];
    const next = all[all.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    event.preventDefault();
    all.forEach((button) => (button.tabIndex = -1));
    next.tabIndex = 0;
    next.focus();
  });
}
