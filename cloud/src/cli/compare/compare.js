"use strict";

// One question at a time, and the judge's choices: kept in the browser so that a closed tab loses nothing, and saved by
// the judge as a small file.

const KEYS = { 1: "left", 2: "right", "=": "same", 0: "neither" };

const { comparison, choicesFile } = document.body.dataset;
const storageKey = `ftm compare ${comparison}`;
const sections = [...document.querySelectorAll(".question")];
const questions = [...document.querySelectorAll("fieldset")];
const judged = document.getElementById("judged");
const asText = document.getElementById("as-text");
// The way back leads to names of one of the runs: only when nothing is left to judge.
const wayBack = document.getElementById("judged-all");

// By question from 1 on; a question without a choice is left out.
function choices() {
  const made = questions.map((question, place) => [place + 1, question.querySelector(":checked")?.value]);
  return Object.fromEntries(made.filter(([, choice]) => choice));
}

function show() {
  const made = choices();
  judged.textContent = `${Object.keys(made).length} of ${questions.length} judged.`;
  document.getElementById("progress").value = Object.keys(made).length;
  if (wayBack) wayBack.hidden = Object.keys(made).length < questions.length;
  asText.value = JSON.stringify({ comparison, choices: made });
}

// A browser may refuse storage to a page opened from disk: then the choices last as long as the page is open.
function stored() {
  try {
    return JSON.parse(localStorage.getItem(storageKey)) ?? {};
  } catch {
    return {};
  }
}

function store(made) {
  try {
    localStorage.setItem(storageKey, JSON.stringify(made));
  } catch {
    // As above.
  }
}

function restore(made) {
  for (const [number, choice] of Object.entries(made)) {
    const box = [...questions[number - 1].querySelectorAll("input")].find(({ value }) => value === choice);
    if (box) box.checked = true;
  }
}

// --- one question at a time -----------------------------------------------------------------------

let current = 0;

function go(place) {
  current = Math.min(Math.max(place, 0), sections.length - 1);
  sections.forEach((section, number) => section.classList.toggle("current", number === current));
  document.getElementById("back").disabled = current === 0;
  document.getElementById("next").disabled = current === sections.length - 1;
}

// The address names a question, so that one can be pointed at: judge.html#question-3.
function goToAddress() {
  const place = sections.findIndex(({ id }) => `#${id}` === location.hash);
  if (place >= 0) go(place);
}

function choose(value) {
  questions[current].querySelector(`input[value="${value}"]`).click();
  go(current + 1);
  sections[current].focus();
}

document.getElementById("back").addEventListener("click", () => go(current - 1));
document.getElementById("next").addEventListener("click", () => go(current + 1));
window.addEventListener("hashchange", goToAddress);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.tagName === "TEXTAREA") return;
  if (Object.hasOwn(KEYS, event.key)) choose(KEYS[event.key]);
  // In a row of choices the arrows change the choice, as everywhere.
  else if (event.target.type !== "radio" && event.key === "ArrowRight") go(current + 1);
  else if (event.target.type !== "radio" && event.key === "ArrowLeft") go(current - 1);
});

document.addEventListener("change", () => {
  store(choices());
  show();
});

document.getElementById("download").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([asText.value], { type: "application/json" }));
  link.download = choicesFile;
  link.click();
  URL.revokeObjectURL(link.href);
});

document.getElementById("clear").addEventListener("click", () => {
  for (const box of document.querySelectorAll("input:checked")) box.checked = false;
  store({});
  show();
});

asText.addEventListener("focus", () => asText.select());

restore(stored());
show();
if (sections.length) {
  document.body.classList.add("by-steps");
  document.getElementById("steps").hidden = false;
  go(Math.max(0, questions.findIndex((question) => !question.querySelector(":checked"))));
  goToAddress();
}
