"use strict";

// Making elements. Text from the data is only ever set as text, never as HTML.

// What the reader searches for, as a pattern with one group; null when nothing is searched for.
let pattern = null;

function element(tag, className, ...contents) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...contents.filter((content) => content !== null && content !== undefined));
  return made;
}

// The text as nodes, with what is searched for marked.
function marked(text) {
  if (!pattern) return [text];
  // A pattern with one group splits into: text, match, text, match, ...
  return text.split(pattern).map((piece, place) => (place % 2 ? element("mark", "", piece) : piece));
}

function textElement(tag, className, text) {
  const made = element(tag, className, ...marked(text));
  made.dir = "auto";
  return made;
}

// As textElement, without marks: for what is not searched.
function plainText(tag, className, text) {
  const made = element(tag, className, text);
  made.dir = "auto";
  return made;
}

function button(label, onPress, className = "") {
  const made = element("button", className, label);
  made.type = "button";
  made.addEventListener("click", onPress);
  return made;
}

function linkTo(place, label, className = "") {
  const made = plainText("a", className, label);
  made.href = `#${encodeURIComponent(place)}`;
  return made;
}

function svg(tag, attributes, ...contents) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...contents);
  return made;
}

// A bar from 0 to 1, with a tick where something else would end.
function bar(part, tick = null) {
  const drawn = svg("svg", { class: "meter", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  drawn.append(svg("rect", { class: "track", width: 100, height: 10 }));
  drawn.append(svg("rect", { class: "filled", width: (100 * Math.min(1, part)).toFixed(2), height: 10 }));
  if (tick !== null) drawn.append(svg("rect", { class: "tick", x: (99 * Math.min(1, tick)).toFixed(2), width: 1.5, height: 10 }));
  return drawn;
}

// A line through shares from 0 to the largest of them, with gaps where there is none, and a dot at the last one.
function sparkline(shares, label) {
  const most = Math.max(...shares) || 1;
  const step = 60 / Math.max(1, shares.length - 1);
  const spot = (share, place) => [2 + place * step, 14 - (12 * share) / most].map((n) => n.toFixed(1));
  const drawn = svg("svg", { class: "sparkline", viewBox: "0 0 64 16", role: "img", "aria-label": label });
  const title = svg("title", {});
  title.textContent = label;
  drawn.append(title);
  let path = "";
  shares.forEach((share, place) => {
    if (share !== null) path += `${place && shares[place - 1] !== null ? "L" : "M"}${spot(share, place).join(" ")}`;
  });
  const [x, y] = spot(shares.at(-1), shares.length - 1);
  drawn.append(svg("path", { d: path }), svg("circle", { cx: x, cy: y, r: 2 }));
  return drawn;
}

function plural(count, word, words = `${word}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? word : words}`;
}

function percent(share, digits = 0) {
  return `${(100 * share).toFixed(digits)}%`;
}

function points(change) {
  const rounded = Math.round(100 * change);
  return `${rounded > 0 ? "+" : rounded < 0 ? "\u2212" : "\u00b1"}${Math.abs(rounded)}`;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// A list that grows by steps when the reader asks for more: a theme may have thousands of firms.
function inSteps(items, step, makeItem, word, holder = element("div", "")) {
  const more = button("", showMore, "more");
  function showMore() {
    const shown = holder.childElementCount;
    const next = items.slice(shown, shown + step).map(makeItem);
    holder.append(...next);
    const left = items.length - holder.childElementCount;
    more.hidden = left <= 0;
    more.textContent = `Show ${Math.min(left, step)} of ${plural(left, `more ${word}`)}`;
    if (shown && next.length) (next[0].querySelector("summary, a, button") ?? next[0]).focus();
  }
  showMore();
  return [holder, more];
}

function fillWhenOpened(details, fill) {
  details.addEventListener("toggle", fill, { once: true });
}
