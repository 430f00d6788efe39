"use strict";

// The page's choices: kept in the browser so that a closed tab loses nothing, and saved by the judge as a small file.

const { comparison, choicesFile } = document.body.dataset;
const storageKey = `ftm compare ${comparison}`;
const questions = [...document.querySelectorAll("fieldset")];
const judged = document.getElementById("judged");
const asText = document.getElementById("as-text");

// By question from 1 on; a question without a choice is left out.
function choices() {
  const made = questions.map((question, place) => [place + 1, question.querySelector(":checked")?.value]);
  return Object.fromEntries(made.filter(([, choice]) => choice));
}

function show() {
  const made = choices();
  judged.textContent = `${Object.keys(made).length} of ${questions.length} judged.`;
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
