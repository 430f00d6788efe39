"use strict";

// Which sentences the reader wants to see, and the address that says so: "#theme_2023Q1_001&sector=Energy&search=tax".
// The first part, without "=", is what is open: a theme or family, firm:ID, topic:ID or sentence:ID.

const SHORTEST_SEARCH = 2;
const SPEAKERS = { ceo: ["CEO", "CEO"], cfo: ["CFO", "CFO"], other: ["Executive", "other management"], analysts: ["Analyst", "analysts"] };
const SECTIONS = { prepared: "prepared remarks", qa: "Q&A" };
const VIEWS = ["map", "heat", "quarters", "table"];

const filters = { search: "", firm: "", sector: "", speaker: "", section: "", least: 0, general: false, view: "map" };
let openPlace = "";

function isFiltering() {
  return pattern !== null || Boolean(filters.firm || filters.sector || filters.speaker || filters.section);
}

function patternOf(text) {
  const trimmed = text.trim();
  if (trimmed.length < SHORTEST_SEARCH) return null;
  const literal = trimmed
    .replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")
    .replace(/\s+/g, "\\s+")
    .replace(/['’]/g, "['’]")
    .replace(/["“”]/g, '["“”]');
  return new RegExp(`(${literal})`, "iu");
}

function anyMatches(...texts) {
  return pattern !== null && texts.some((text) => text && pattern.test(text));
}

function firmLabel(firm) {
  return firm.ticker ? `${firm.name} (${firm.ticker})` : firm.name;
}

// Whether the firm is one of those asked for: by its label, ticker or id, or else by a part of its name.
function markFirms() {
  const wanted = filters.firm.trim().toLowerCase();
  const is = (firm) => [firmLabel(firm), firm.ticker ?? "", firm.id].some((name) => name.toLowerCase() === wanted);
  const exact = report.firms.some(is);
  for (const firm of report.firms) {
    const named = !wanted || (exact ? is(firm) : firm.name.toLowerCase().includes(wanted));
    firm.isIn = named && (!filters.sector || firm.sector === filters.sector);
  }
  report.firmsIn = report.firms.filter((firm) => firm.isIn);
  report.filesOfHits = isParted() ? filesOfHits() : null;
  // A large report has the sentences of a few firms at hand, not of many: these are as none, and countsHint() says so.
  const inSector = filters.sector ? firmsOfSector.get(filters.sector) : report.firms.length;
  report.nFirmsIn = isParted() && wanted && !isCountedHere() ? inSector : report.firmsIn.length;
}

function markSentences() {
  pattern = patternOf(filters.search);
  markFirms();
  const type = filters.speaker ? SPEAKERS[filters.speaker][0] : null;
  const filtering = isFiltering();
  for (const sentence of sentencesHere()) {
    sentence.isHit =
      filtering &&
      sentence.firm.isIn &&
      (!type || sentence.speaker.type === type) &&
      (!filters.section || sentence.section === filters.section) &&
      (pattern === null || pattern.test(sentence.text));
  }
}

// --- the address --------------------------------------------------------------------------------

function fragment(place = openPlace) {
  const on = Object.entries(filters).filter(([name, value]) => (name === "view" ? value !== "map" : Boolean(value)));
  return [place && encodeURIComponent(place), ...on.map(([name, value]) => `${name}=${encodeURIComponent(value)}`)].filter(Boolean).join("&");
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

// Only what the page offers is taken from an address; anything else is as if it were not there.
function readFragment() {
  const wanted = { place: "" };
  for (const part of location.hash.slice(1).split("&")) {
    const at = part.indexOf("=");
    if (at < 0) wanted.place ||= decoded(part);
    else wanted[decoded(part.slice(0, at))] = decoded(part.slice(at + 1));
  }
  const oneOf = (value, allowed) => (allowed.includes(value) ? value : "");
  filters.search = wanted.search ?? "";
  filters.firm = wanted.firm ?? "";
  filters.sector = oneOf(wanted.sector, sectors);
  filters.speaker = oneOf(wanted.speaker, Object.keys(SPEAKERS));
  filters.section = oneOf(wanted.section, Object.keys(SECTIONS));
  filters.least = Math.max(0, Number.parseInt(wanted.least, 10) || 0);
  filters.general = wanted.general === "true";
  filters.view = oneOf(wanted.view, VIEWS) || "map";
  return wanted.place;
}

function writeFragment() {
  const written = fragment();
  // Without adding to the browser's history: "back" leads to the theme before, not to the letter before.
  if (location.hash.slice(1) !== written) history.replaceState(null, "", `#${written}`);
}

// --- the controls -------------------------------------------------------------------------------

function control(name) {
  return document.getElementById(name);
}

function showControls() {
  for (const name of ["search", "firm", "sector", "speaker", "section"]) control(name).value = filters[name];
  control("least").value = filters.least || "";
  if (control("general")) control("general").checked = filters.general;
  const on = [
    filters.search && ["search", `“${filters.search}”`],
    filters.firm && ["firm", `firm: ${filters.firm}`],
    filters.sector && ["sector", filters.sector],
    filters.speaker && ["speaker", SPEAKERS[filters.speaker][1]],
    filters.section && ["section", SECTIONS[filters.section]],
    filters.least && ["least", `at least ${plural(filters.least, "firm")}`],
  ].filter(Boolean);
  control("chips").replaceChildren(
    ...on.map(([name, label]) => {
      const chip = button(`${label} ×`, () => setFilter(name, name === "least" ? 0 : ""), "chip");
      chip.setAttribute("aria-label", `Remove the filter ${label}`);
      return element("li", "", chip);
    }),
  );
}

// A filter of which nothing is known in this quarter is not offered.
function offerFilters() {
  const offer = (name, options) => {
    control(name).append(...options.map(([value, label]) => new Option(label, value)));
    control(name).closest("label").hidden = options.length < 2;
  };
  const types = new Set(report.speakers.map((speaker) => speaker.type));
  const found = new Set(report.sentences.map((sentence) => sentence.section));
  if (isParted()) {
    const isSaid = (speaker, section) => families.some((family) => totalsOf(family, "", speaker, section)[1] > 0);
    for (const [speaker, [type]] of Object.entries(SPEAKERS)) if (isSaid(speaker, "")) types.add(type);
    for (const section of Object.keys(SECTIONS)) if (isSaid("", section)) found.add(section);
  }
  offer("sector", sectors.map((sector) => [sector, sector]));
  offer("speaker", Object.entries(SPEAKERS).filter(([, [type]]) => types.has(type)).map(([value, [, label]]) => [value, label]));
  offer("section", Object.entries(SECTIONS).filter(([value]) => found.has(value)));
  control("firm-list").append(...report.firms.map((firm) => new Option("", firmLabel(firm))));
}

function setFilter(name, value) {
  filters[name] = value;
  writeFragment();
  applyFilters();
}

function clearFilters() {
  Object.assign(filters, { search: "", firm: "", sector: "", speaker: "", section: "", least: 0 });
}
