"use strict";

// The page holds its families and themes as HTML already; this script draws the views, fills in firms, topics and sentences
// when a reader opens them, and filters and sorts. The files report_*.js stand before it.

const FIRMS_AT_ONCE = 50;

const report = JSON.parse(document.getElementById("report-data").textContent);
const searchBox = document.getElementById("search");
const hitsLine = document.getElementById("hits");

// --- joining the tables -----------------------------------------------------------------------

Object.assign(report, joinedRows(report));

function joined(group) {
  return {
    ...group,
    quotations: group.quotations.map((number) => report.sentences[number]),
    evidence: group.evidence.map((number) => report.sentences[number]),
    byFirm: group.byFirm.map(([firm, n]) => [report.firms[firm], n]),
    before: group.before ?? null,
    history: group.history ?? [],
    card: document.getElementById(group.id),
  };
}

const themes = report.themes.map((theme, place) => ({ ...joined(theme), topics: report.topics.filter((topic) => topic.theme === place) }));
const families = report.families.map((family, place) => ({ ...joined(family), themes: themes.filter((theme) => theme.family === place) }));
const ownTopics = {
  topics: report.topics.filter((topic) => topic.theme === null),
  card: document.getElementById("own-topics"),
};
const sectors = report.sectors?.filter(Boolean) ?? [...new Set(report.firms.map((firm) => firm.sector).filter(Boolean))].sort();
const firmsOfSector = new Map(sectors.map((sector) => [sector, report.firms.filter((firm) => firm.sector === sector).length]));

// --- sentences, topics, firms -----------------------------------------------------------------

function sentenceItem(sentence, isRepresentative = false) {
  const about = element("p", "about-sentence", element("span", "", saidBy(sentence, false).join(" · ")));
  if (isRepresentative === true) about.append(element("span", "representative", "representative"));
  about.append(element("code", "", sentence.id), copyButtons(sentence));
  return element("li", "sentence", textElement("p", "sentence-text", sentence.text), about);
}

function topicSection(topic, level) {
  const list = element("ol", "sentence-list");
  const best = new Set(topic.sentences.slice(0, topic.representative));
  const item = (sentence) => sentenceItem(sentence, best.has(sentence));
  const matching = topic.sentences.filter((sentence) => sentence.isHit);
  const first = matching.length ? matching : [...best];
  list.append(...first.map(item));

  const named = topic.method === "llm" ? "named by LLM" : "named by keywords";
  const section = element(
    "section",
    "topic",
    textElement(level, "topic-name", topic.name),
    element("p", "topic-counts", `${plural(topic.total, "sentence")} · ${named} `, element("span", "take", copyLink(`topic:${topic.id}`))),
    textElement("p", "keywords", topic.keywords.join(" · ")),
    list,
  );
  if (first.length < topic.sentences.length) {
    const showAll = button(`Show all ${plural(topic.sentences.length, "sentence")}`, () => {
      list.replaceChildren(...topic.sentences.map(item));
      list.tabIndex = -1;
      list.focus();
      showAll.remove();
    });
    section.append(showAll);
  }
  if (topic.sentences.length < topic.total) section.append(linkTo(`topic:${topic.id}`, "Its sentences", "permalink"));
  return section;
}

// `level`: of its heading, 3 or 5; those of its topics are one below.
function firmDetails({ firm, topics, sentences }, level) {
  const details = element("details", "firm");
  const counts = `${plural(topics.length, "topic")} · ${plural(sentences, "sentence")} · call of ${firm.callDate}`;
  const summary = element(
    "summary",
    "",
    textElement(`h${level}`, "firm-name", firmLabel(firm)),
    element("span", "firm-counts", counts),
  );
  const example = topics.flatMap((topic) => topic.sentences.slice(0, 1))[0];
  if (example) summary.append(textElement("p", "example", example.text));
  details.append(summary);
  fillWhenOpened(details, () => details.append(...topics.map((topic) => topicSection(topic, `h${level + 1}`))));
  details.open = topics.some((topic) => topic.sentenceHits > 0);
  return details;
}

// Topics by firm, the firm with the most sentences first.
function byFirm(topics) {
  const groups = new Map();
  for (const topic of topics) {
    if (!groups.has(topic.firm)) groups.set(topic.firm, { firm: topic.firm, topics: [], sentences: 0 });
    const group = groups.get(topic.firm);
    group.topics.push(topic);
    group.sentences += topic.total;
  }
  return [...groups.values()].sort((one, other) => other.sentences - one.sentences);
}

// The firms of these topics, FIRMS_AT_ONCE at a time.
function firmsWithMore(topics, level) {
  return inSteps(byFirm(topics), FIRMS_AT_ONCE, (firm) => firmDetails(firm, level), "firm", element("div", "firms"));
}

// --- themes -----------------------------------------------------------------------------------

function fillGroup(group) {
  const holder = group.card.querySelector(".contents");
  if (!group.id && isParted()) return holder.replaceChildren(element("p", "cut", "Open a firm, by a link with its name, to see its topics."));
  if (!isAtHand(group)) return loadGroup(group, holder, fillGroup);
  if (isParted()) group.evidence = evidenceHere(group);
  const hits = group.topics.filter((topic) => topic.isHit);
  holder.replaceChildren(...firmsWithMore(hits.length ? hits : group.topics, group.id ? 5 : 3));
  if (group.id) {
    const shown = new Set(group.topics.map((topic) => topic.firm)).size;
    const about = `The topics that are mostly about it, of ${shown.toLocaleString("en")} of its ${plural(group.firms, "firm")}`;
    holder.prepend(...groupParts(group), heading(about));
  }
  group.isFilled = true;
}

function fillFamily(family) {
  const holder = family.card.querySelector(".about-family");
  if (!isAtHand(family)) return loadGroup(family, holder, fillFamily);
  if (isParted()) family.evidence = evidenceHere(family);
  holder.replaceChildren(element("h4", "part", "The family as a whole"), ...groupParts(family));
  family.isFilled = true;
}

// A search opens every family that it finds: in a large report each would load its file.
function offerFamily(family) {
  family.card.querySelector(".about-family").replaceChildren(button("The family as a whole", () => fillFamily(family)));
}

function refreshGroup(group) {
  group.isFilled = false;
  if (group.card.open && !group.card.hidden) fillGroup(group);
}

// Families, and within each its themes; the general families stay in their own list.
function sortGroups(by) {
  const order = {
    rank: () => 0, // as they are in the data
    firms: (one, other) => other.firms - one.firms || other.sentences - one.sentences,
    sentences: (one, other) => other.sentences - one.sentences || other.firms - one.firms,
    name: (one, other) => one.name.localeCompare(other.name),
  }[by];
  for (const group of [...families].sort(order)) group.card.parentElement.append(group.card);
  for (const family of families) {
    for (const theme of [...family.themes].sort(order)) theme.card.parentElement.append(theme.card);
  }
}

// --- search and filters -------------------------------------------------------------------------

function markTopics() {
  const bySentenceOnly = Boolean(filters.speaker || filters.section);
  for (const topic of topicsHere()) {
    topic.sentenceHits = topic.sentences.filter((sentence) => sentence.isHit).length;
    const isNamed_ = anyMatches(topic.name, topic.firm.name, topic.firm.ticker, ...topic.keywords);
    topic.isHit = topic.sentenceHits > 0 || (isNamed_ && topic.firm.isIn && !bySentenceOnly);
  }
}

function applyFilters() {
  markSentences();
  markTopics();
  if (isParted()) loadForFilters();
  for (const theme of themes) showThemeHits(theme);
  for (const family of families) showFamilyHits(family);
  if (ownTopics.card) showGroupHits(ownTopics, false);
  showTotals();
  showControls();
  showView();
}

// How many firms and sentences of a group pass the filters; all that count when nothing is filtered.
function countShown(group) {
  const [firms, sentences] = isFiltering() ? (isParted() ? countedBeside(group) : countedHere(group)) : [0, 0];
  const isCounted = isFiltering() && !(sentences === 0 && isNamed(group));
  group.shownSentences = isCounted ? sentences : group.sentences;
  group.shownFirms = isCounted ? firms : group.firms;
}

function countedHere(group) {
  const hits = group.evidence.filter((sentence) => sentence.isHit);
  return [new Set(hits.map((sentence) => sentence.firm)).size, hits.length];
}

function showThemeHits(theme) {
  countShown(theme);
  markTexts(theme);
  showGroupHits(theme, isNamed(theme) || (isFiltering() && theme.shownSentences > 0));
  theme.isShown = (!isFiltering() || theme.isHit) && theme.shownFirms >= filters.least;
  theme.card.hidden = !theme.isShown;
}

function markTexts({ card, name, description, keywords }) {
  card.querySelector(".theme-name").replaceChildren(...marked(name));
  card.querySelector(".theme-description").replaceChildren(...marked(description));
  card.querySelector(".keywords").replaceChildren(...marked(keywords.join(" · ")));
}

function isNamed({ name, description, keywords }) {
  return anyMatches(name, description, ...keywords);
}

// A family is found by its own words or by its themes. While something is searched for it stands open, so that the
// themes with hits are seen; if only its own words are found, all its themes are.
function showFamilyHits(family) {
  countShown(family);
  markTexts(family);
  const found = family.themes.filter((theme) => theme.isHit);
  family.isHit = found.length > 0 || isNamed(family) || (isFiltering() && family.shownSentences > 0);
  family.isShown = (!isFiltering() || family.isHit) && family.shownFirms >= filters.least;
  family.card.hidden = !family.isShown;
  if (isFiltering() && found.length === 0) for (const theme of family.themes) theme.card.hidden = false;
  if (pattern !== null) family.wasOpen ??= family.card.open;
  family.card.open = pattern === null ? (family.wasOpen ?? family.card.open) : family.isHit;
  if (pattern === null) family.wasOpen = undefined;
  const line = family.card.querySelector(".theme-hits");
  line.hidden = pattern === null || found.length > 0;
  line.textContent = "Found in the family’s name, keywords or description";
  family.isFilled = false;
  // Later, one at a time: a search opens every family that has a hit, and the reader is still typing.
  if (family.card.open) setTimeout(() => fillIfSeen(family));
}

function fillIfSeen(family) {
  if (!family.isFilled && family.card.open && !family.card.hidden) (isAtHand(family) ? fillFamily : offerFamily)(family);
}

// Hides a group without hits; says how many hits the others have. `isFound`: it has some beside its topics'.
function showGroupHits(group, isFound) {
  const hits = group.topics.filter((topic) => topic.isHit);
  group.isHit = isFound || hits.length > 0;
  group.card.hidden = isFiltering() && !group.isHit;
  const line = group.card.querySelector(".theme-hits");
  line.hidden = !isFiltering() || !group.isHit;
  line.textContent = hits.length ? `Found: ${hitCounts(hits)}` : "Found in the theme’s name, keywords or description";
  if (!hits.length && !isNamed({ keywords: [], ...group })) line.textContent = foundText(group.shownSentences ?? 0);
  refreshGroup(group);
}

function foundText(n) {
  return `Found: ${isAtMost() ? "at most " : ""}${plural(n, "sentence")} that ${n === 1 ? "counts" : "count"}`;
}

function hitCounts(topics) {
  const firms = new Set(topics.map((topic) => topic.firm)).size;
  const sentences = sum(topics.map((topic) => topic.sentenceHits));
  return `${plural(sentences, "sentence")}, ${plural(topics.length, "topic")}, ${plural(firms, "firm")}`;
}

function showTotals() {
  const found = themes.filter((theme) => theme.isHit).length;
  const hits = isParted() ? countsHint() : `: ${hitCounts(report.topics.filter((topic) => topic.isHit))}`;
  hitsLine.textContent = isFiltering() ? `Found in ${isAtMost() ? "at most " : ""}${plural(found, "theme")}${hits}` : "";
}

// --- the address ----------------------------------------------------------------------------------

function openGroup(group) {
  const family = families[group.family] ?? group;
  if (group.card.hidden || family.card.hidden) {
    clearFilters();
    applyFilters();
  }
  const general = family.card.closest("#general-families");
  if (general) general.open = true;
  family.card.open = true;
  group.card.open = true;
  // Before the page scrolls there, so that nothing grows above it afterwards.
  if (!family.isFilled) (group === family || isAtHand(family) ? fillFamily : offerFamily)(family);
  if (group !== family && !group.isFilled) fillGroup(group);
  writeFragment();
  group.card.scrollIntoView();
  group.card.querySelector("summary").focus({ preventScroll: true });
}

// Opens a theme, a firm, a topic or a sentence, and says so in the address.
function goTo(place) {
  const written = fragment(place);
  if (location.hash.slice(1) !== written) history.pushState(null, "", `#${written}`);
  showPlace(place);
}

function followAddress() {
  const place = readFragment();
  openPlace = place;
  applyFilters();
  showPlace(place);
}

function clearSearch() {
  setFilter("search", "");
}

// --- what the reader does -----------------------------------------------------------------------

const waiting = {};
// A page may hold a hundred thousand sentences: filter when the typing pauses, not at every letter.
for (const name of ["search", "firm", "least"]) {
  control(name).addEventListener("input", (event) => {
    clearTimeout(waiting[name]);
    const value = event.target.value;
    waiting[name] = setTimeout(() => setFilter(name, name === "least" ? Math.max(0, Number.parseInt(value, 10) || 0) : value), 150);
  });
}
for (const name of ["sector", "speaker", "section"]) {
  control(name).addEventListener("change", (event) => setFilter(name, event.target.value));
}
if (control("views-title")) {
  control("general").addEventListener("change", (event) => setFilter("general", event.target.checked));
  control("save-rows").addEventListener("click", saveRows);
  for (const view of VIEWS) control(`tab-${view}`).addEventListener("click", () => setFilter("view", view));
  control("tab-map").parentElement.addEventListener("keydown", moveTab);
  control("general").closest("label").hidden = !families.some((family) => family.general);
  control("tab-heat").hidden = sectors.length < 2;
  control("tab-quarters").hidden = !report.history.length;
}

// "Enter" in a field leads to the first family that it leaves.
for (const name of ["search", "firm"]) {
  control(name).addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // it would open the family, too
    clearTimeout(waiting[name]);
    setFilter(name, event.target.value);
    focusFirstFamily();
  });
}

// In a large report when all is loaded that the filters need: a word leads to firms, which are loaded next.
async function focusFirstFamily() {
  let last = null;
  while (isParted() && last !== filtersLoaded) {
    last = filtersLoaded;
    await last;
  }
  families.find((family) => family.isShown && !family.general)?.card.querySelector("summary").focus();
}

// The arrow keys go from tab to tab, as in every row of tabs.
function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const offered = VIEWS.filter((view) => !control(`tab-${view}`).hidden);
  const next = offered[(offered.indexOf(filters.view) + step + offered.length) % offered.length];
  setFilter("view", next);
  control(`tab-${next}`).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "SELECT", "TEXTAREA"].includes(event.target.tagName)) {
    event.preventDefault();
    searchBox.focus();
  }
  if (event.key === "Escape" && searchBox.value) clearSearch();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a");
  const address = link?.getAttribute("href");
  if (!address?.startsWith("#") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(decoded(address.slice(1)));
});

control("sort").addEventListener("change", (event) => sortGroups(event.target.value));
window.addEventListener("hashchange", followAddress);
window.addEventListener("popstate", followAddress);
let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (filters.view === "map" && width !== window.innerWidth) showView();
  width = window.innerWidth;
});

for (const group of ownTopics.card ? [...themes, ownTopics] : themes) {
  group.card.addEventListener("toggle", () => {
    if (group.card.open && !group.isFilled) fillGroup(group);
  });
}
for (const family of families) {
  family.card.addEventListener("toggle", (event) => {
    if (event.target === family.card) fillIfSeen(family);
  });
}
offerFilters();
readFragment();
applyFilters();
// Not before the page has loaded: until then the browser itself goes to the #theme, and takes the focus off it.
window.addEventListener("load", () => showPlace(readFragment()));
