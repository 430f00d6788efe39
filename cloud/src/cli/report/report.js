"use strict";

// The page holds its families and themes as HTML already; this script fills in firms, topics and sentences when a reader opens
// them, and searches and sorts. Text from the data is only ever set as text, never as HTML.

const FIRMS_AT_ONCE = 50;
const SHORTEST_SEARCH = 2;

const report = JSON.parse(document.getElementById("report-data").textContent);
const searchBox = document.getElementById("search");
const hitsLine = document.getElementById("hits");

// What the reader searches for, as a pattern with one group; null when nothing is searched for.
let pattern = null;

// --- joining the tables -----------------------------------------------------------------------

for (const topic of report.topics) {
  topic.firm = report.firms[topic.firm];
  topic.sentences = topic.sentences.map(([id, text, speaker, section, date], place) => ({
    id,
    text,
    speaker: report.speakers[speaker],
    section,
    date,
    isRepresentative: place < topic.representative,
  }));
}

const themes = report.themes.map((theme, place) => ({
  ...theme,
  topics: report.topics.filter((topic) => topic.theme === place),
  card: document.getElementById(theme.id),
}));
const families = report.families.map((family, place) => ({
  ...family,
  themes: themes.filter((theme) => theme.family === place),
  card: document.getElementById(family.id),
}));
const ownTopics = {
  topics: report.topics.filter((topic) => topic.theme === null),
  card: document.getElementById("own-topics"),
};

// --- making elements --------------------------------------------------------------------------

function element(tag, className, ...contents) {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...contents);
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

function button(label, onPress) {
  const made = element("button", "", label);
  made.type = "button";
  made.addEventListener("click", onPress);
  return made;
}

function plural(count, word) {
  return `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

// --- sentences, topics, firms -----------------------------------------------------------------

function sectionName(section) {
  return { qa: "Q&A", prepared: "prepared remarks" }[section] ?? section;
}

function sentenceItem(sentence) {
  const { name, type } = sentence.speaker;
  const said = [name, type, sectionName(sentence.section), sentence.date].filter(Boolean).join(" · ");
  const about = element("p", "about-sentence", element("span", "", said));
  if (sentence.isRepresentative) about.append(element("span", "representative", "representative"));
  about.append(element("code", "", sentence.id));
  return element("li", "sentence", textElement("p", "sentence-text", sentence.text), about);
}

function topicSection(topic) {
  const list = element("ol", "sentence-list");
  const matching = topic.sentences.filter(isHit);
  const first = matching.length ? matching : topic.sentences.slice(0, topic.representative);
  list.append(...first.map(sentenceItem));

  const named = topic.method === "llm" ? "named by LLM" : "named by keywords";
  const section = element(
    "section",
    "topic",
    textElement("h6", "topic-name", topic.name),
    element("p", "topic-counts", `${plural(topic.total, "sentence")} · ${named}`),
    textElement("p", "keywords", topic.keywords.join(" · ")),
    list,
  );
  if (first.length < topic.sentences.length) {
    const showAll = button(`Show all ${plural(topic.sentences.length, "sentence")}`, () => {
      list.replaceChildren(...topic.sentences.map(sentenceItem));
      list.tabIndex = -1;
      list.focus();
      showAll.remove();
    });
    section.append(showAll);
  }
  if (topic.sentences.length < topic.total) {
    const missing = plural(topic.total - topic.sentences.length, "more sentence");
    section.append(element("p", "cut", `${missing} of topic ${topic.id} in the Parquet tables only`));
  }
  return section;
}

function firmDetails({ firm, topics, sentences }) {
  const details = element("details", "firm");
  const counts = `${plural(topics.length, "topic")} · ${plural(sentences, "sentence")} · call of ${firm.callDate}`;
  const summary = element(
    "summary",
    "",
    textElement("h5", "firm-name", firm.ticker ? `${firm.name} (${firm.ticker})` : firm.name),
    element("span", "firm-counts", counts),
  );
  const example = topics.flatMap((topic) => topic.sentences.slice(0, 1))[0];
  if (example) summary.append(textElement("p", "example", example.text));
  details.append(summary);
  fillWhenOpened(details, () => details.append(...topics.map(topicSection)));
  details.open = topics.some((topic) => topic.sentences.some(isHit));
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

// The firms of these topics, FIRMS_AT_ONCE at a time: a theme may have thousands.
function firmsWithMore(topics) {
  const firms = byFirm(topics);
  const holder = element("div", "firms");
  const more = button("", showMore);

  function showMore() {
    const shown = holder.childElementCount;
    const next = firms.slice(shown, shown + FIRMS_AT_ONCE).map(firmDetails);
    holder.append(...next);
    const left = firms.length - holder.childElementCount;
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(left, FIRMS_AT_ONCE)} of ${plural(left, "more firm")}`;
    if (shown) next[0].firstChild.focus();
  }

  showMore();
  return [holder, more];
}

function fillWhenOpened(details, fill) {
  details.addEventListener("toggle", fill, { once: true });
}

// --- themes -----------------------------------------------------------------------------------

function fillGroup(group) {
  const hits = group.topics.filter((topic) => topic.isHit);
  const contents = group.card.querySelector(".contents");
  contents.replaceChildren(...firmsWithMore(hits.length ? hits : group.topics));
  if (group.id) {
    const link = element("a", "permalink", group.id);
    link.href = `#${group.id}`;
    const shown = new Set(group.topics.map((topic) => topic.firm)).size;
    contents.prepend(
      element("p", "about-theme", "Link to this theme: ", link),
      element(
        "p",
        "about-theme",
        `Below are the topics that are mostly about it, of ${shown.toLocaleString("en")} of its ${plural(group.firms, "firm")}. Every sentence that counts: `,
        element("code", "", `ftm explain ${group.id}`),
      ),
    );
  }
  group.isFilled = true;
}

function refreshGroup(group) {
  group.isFilled = false;
  if (group.card.open) fillGroup(group);
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

// --- search -----------------------------------------------------------------------------------

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

function isHit(sentence) {
  return pattern !== null && pattern.test(sentence.text);
}

function anyMatches(...texts) {
  return pattern !== null && texts.some((text) => text && pattern.test(text));
}

function searchFor(text) {
  pattern = patternOf(text);
  for (const topic of report.topics) {
    topic.sentenceHits = topic.sentences.filter(isHit).length;
    topic.isHit =
      topic.sentenceHits > 0 || anyMatches(topic.name, topic.firm.name, topic.firm.ticker, ...topic.keywords);
  }
  for (const theme of themes) showThemeHits(theme);
  for (const family of families) showFamilyHits(family);
  if (ownTopics.card) showGroupHits(ownTopics, false);
  showTotals();
}

function showThemeHits(theme) {
  markTexts(theme);
  showGroupHits(theme, isNamed(theme));
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
  markTexts(family);
  const found = family.themes.filter((theme) => theme.isHit);
  family.isHit = found.length > 0 || isNamed(family);
  family.card.hidden = pattern !== null && !family.isHit;
  if (found.length === 0) for (const theme of family.themes) theme.card.hidden = false;
  if (pattern !== null) family.wasOpen ??= family.card.open;
  family.card.open = pattern === null ? (family.wasOpen ?? family.card.open) : family.isHit;
  if (pattern === null) family.wasOpen = undefined;
  const line = family.card.querySelector(".theme-hits");
  line.hidden = pattern === null || found.length > 0;
  line.textContent = "Found in the family’s name, keywords or description";
}

// Hides a group without hits; says how many hits the others have. `isNamed`: the words stand in its name or keywords.
function showGroupHits(group, isNamed) {
  const hits = group.topics.filter((topic) => topic.isHit);
  group.isHit = isNamed || hits.length > 0;
  group.card.hidden = pattern !== null && !group.isHit;
  const line = group.card.querySelector(".theme-hits");
  line.hidden = pattern === null || !group.isHit;
  line.textContent = hits.length ? `Found: ${hitCounts(hits)}` : "Found in the theme’s name, keywords or description";
  refreshGroup(group);
}

function hitCounts(topics) {
  const firms = new Set(topics.map((topic) => topic.firm)).size;
  const sentences = sum(topics.map((topic) => topic.sentenceHits));
  return `${plural(sentences, "sentence")}, ${plural(topics.length, "topic")}, ${plural(firms, "firm")}`;
}

function showTotals() {
  const found = themes.filter((theme) => theme.isHit).length;
  const hits = report.topics.filter((topic) => topic.isHit);
  hitsLine.textContent = pattern === null ? "" : `Found in ${plural(found, "theme")}: ${hitCounts(hits)}`;
}

// --- the address: #theme_2023Q1_001 opens that theme, #family_2023Q1_001 that family ------------

function openGroup(hash) {
  const group = [...families, ...themes].find(({ id }) => `#${id}` === hash);
  if (!group) return;
  const family = families[group.family] ?? group;
  if (group.card.hidden || family.card.hidden) clearSearch();
  family.card.open = true;
  group.card.open = true;
  group.card.scrollIntoView();
  group.card.querySelector("summary").focus({ preventScroll: true });
}

function clearSearch() {
  searchBox.value = "";
  searchFor("");
}

// --- what the reader does -----------------------------------------------------------------------

let waiting;
searchBox.addEventListener("input", () => {
  clearTimeout(waiting);
  // A page may hold a hundred thousand sentences: search when the typing pauses, not at every letter.
  waiting = setTimeout(() => searchFor(searchBox.value), 150);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== searchBox) {
    event.preventDefault();
    searchBox.focus();
  }
  if (event.key === "Escape" && searchBox.value) clearSearch();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link) openGroup(link.getAttribute("href"));
});

document.getElementById("sort").addEventListener("change", (event) => sortGroups(event.target.value));
window.addEventListener("hashchange", () => openGroup(location.hash));

for (const group of ownTopics.card ? [...themes, ownTopics] : themes) {
  group.card.addEventListener("toggle", () => {
    if (group.card.open && !group.isFilled) fillGroup(group);
  });
}
// Not before the page has loaded: until then the browser itself goes to the #theme, and takes the focus off it.
window.addEventListener("load", () => openGroup(location.hash));
clearSearch();
