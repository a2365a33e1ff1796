// Tokens as one can see them: where a text is cut, how probable each was.
import { el } from "./dom.js";

const UNSEEN = { "\n": "↵\n", "\r": "␍", "\t": "⇥\t" };

const hex = (number, digits) => number.toString(16).toUpperCase().padStart(digits, "0");

/** A piece in a text: line ends are marked, what has no picture is named by its number, and bytes that are no whole characters by theirs. */
export function visible(piece) {
  if (typeof piece !== "string") return piece.map((byte) => hex(byte, 2)).join(" ");
  return piece.replace(/[\p{Cc}\p{Cf}]/gu, (character) => UNSEEN[character] ?? `U+${hex(character.codePointAt(0), 4)}`);
}

/** A piece by itself, where a space must be seen as well. */
export function named(piece) {
  return visible(piece).replace(/\n/g, "").replace(/^ | $/g, "␣") || "(nothing)";
}

/** A probability in few digits. */
export function percent(p) {
  if (p >= 0.1) return (100 * p).toFixed(0) + " %";
  if (p >= 0.001) return (100 * p).toFixed(1) + " %";
  if (p >= 0.0001) return (100 * p).toFixed(2) + " %";
  return p > 0 ? "<0.01 %" : "0 %";
}

/** How surprising a token of this probability is, from 0 to 1, which it is from 1/1024 on. */
export function surprise(p) {
  return Math.min(1, -Math.log2(p) / 10);
}

/** A token as a button, tinted where it was surprising. */
export function tokenButton({ piece, id, p }, more = {}) {
  const label = `${named(piece)}, id ${id}` + (p == null ? "" : `, probability ${percent(p)}`);
  return el(
    "button",
    {
      class: "token" + (typeof piece === "string" ? "" : " bytes") + (p == null ? " given" : ""),
      "aria-label": label,
      title: label,
      tabindex: -1,
      style: p == null ? {} : { "--amount": surprise(p) },
      ...more,
    },
    visible(piece),
  );
}

/** Tokens as a text in lines: a button cannot end one. */
export function flowing(buttons) {
  return buttons.flatMap((button) => (button.textContent.endsWith("\n") ? [button, "\n"] : [button]));
}

/** What temperature, top-k and top-p make of logits: the probability with which each token is chosen. */
export function chances(logits, { temperature, top_k, top_p }) {
  const order = [...logits.keys()].sort((a, b) => logits[b] - logits[a]);
  const result = new Float64Array(logits.length);
  if (temperature === 0) {
    result[order[0]] = 1;
    return result;
  }
  const least = top_k ? logits[order[Math.min(top_k, order.length) - 1]] : -Infinity;
  const powers = logits.map((logit) => (logit < least ? 0 : Math.exp((logit - logits[order[0]]) / temperature)));
  const sum = powers.reduce((a, b) => a + b, 0);
  let before = 0;
  let kept = 0;
  for (const id of order) {
    if (before >= (top_p ?? 1) && top_p < 1) break;
    result[id] = powers[id] / sum;
    before += result[id];
    kept = before;
  }
  return result.map((p) => p / kept);
}
