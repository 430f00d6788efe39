"use strict";

// What a large report has beside it, in data/*.js (parts.py): all that a few firms say, of each family and theme the
// sentences nearest to it, and where a word is said. They are loaded when they are needed, and let go again. `report.files` has the hash of each;
// a small report has everything in the page, and no files.
//
// A file hands over JSON as text, because a page from disk may load scripts only. It is read if its hash is right.

const GROUPS_KEPT = 6;
const FILES_KEPT = 20;
const FILES_AT_ONCE = 8; // of firms, for a filter; PARTS_OF_RARE_WORD in parts.py
const WORDS_LOOKED_FOR = 6;
const ALL_SPEAKERS = [null, "ceo", "cfo", "other", "analysts"]; // in the order of the totals
const ALL_SECTIONS = [null, "prepared", "qa"];

const handedOver = new Map();
const loading = new Map();
const atHand = new Map(); // files of firms and of words, the one loaded last at the end
const notThere = new Set();
const groupsAtHand = []; // families and themes with their sentences, the one loaded last at the end

function isParted() {
  return Boolean(report.files);
}

// Called by the files.
function ftmData(name, text) {
  handedOver.set(name, text);
}

// --- loading ------------------------------------------------------------------------------------

function loadFile(name) {
  if (!loading.has(name)) loading.set(name, readFile(name).finally(() => loading.delete(name)));
  return loading.get(name);
}

async function readFile(name) {
  if (!crypto.subtle) throw new Error("This page cannot check its files over http: open it from disk, by https, or with ftm report --serve");
  const path = `data/${name}.js`;
  const advice = "keep the folder data beside this page, or write the report again with ftm report";
  await new Promise((resolve, reject) => {
    const script = element("script", "");
    script.src = path;
    script.addEventListener("load", () => resolve(script.remove()));
    script.addEventListener("error", () => reject(new Error(`${path} is missing: ${advice}`)));
    document.head.append(script);
  });
  const text = handedOver.get(name);
  handedOver.delete(name);
  if (text === undefined || (await hashOf(text)) !== report.files[name]) throw new Error(`${path} is of another run: ${advice}`);
  return JSON.parse(text);
}

async function hashOf(text) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

// Of a file it stays until the page is loaded again.
function sayProblem(text) {
  control("missing").textContent = text;
  control("missing").hidden = false;
}

// The rows of a file, or of a small page, as objects that know one another.
function joinedRows(rows) {
  const sentences = rows.sentences.map(([id, text, speaker, section, date, firm]) => ({ id, text, speaker: rows.speakers[speaker], section, date, firm: report.firms[firm] }));
  const topics = rows.topics.map((topic) => ({ ...topic, firm: report.firms[topic.firm], sentences: topic.sentences.map((number) => sentences[number]) }));
  return { sentences, topics };
}

// --- a family or theme ----------------------------------------------------------------------------

function numberOf(group) {
  return group.themes ? families.indexOf(group) : families.length + themes.indexOf(group);
}

function isAtHand(group) {
  return !isParted() || groupsAtHand.includes(group);
}

// Loads what belongs to a group and then fills it; the one loaded longest ago is let go.
function loadGroup(group, holder, fill) {
  const name = `group_${String(numberOf(group)).padStart(4, "0")}`;
  holder.replaceChildren(element("p", "cut", "Loading \u2026"));
  loadFile(name).then(
    (file) => {
      const rows = joinedRows(file);
      Object.assign(group, { near: rows.sentences, byFirm: file.byFirm.map(([firm, n]) => [report.firms[firm], n]) });
      if (!group.themes) group.topics = rows.topics;
      if (!groupsAtHand.includes(group)) groupsAtHand.push(group);
      if (groupsAtHand.length > GROUPS_KEPT) letGo(groupsAtHand.shift());
      markSentences();
      markTopics();
      fill(group);
    },
    (problem) => {
      holder.replaceChildren();
      notThere.add(name);
      sayProblem(problem.message);
    },
  );
}

function letGo(group) {
  Object.assign(group, { near: [], evidence: [], byFirm: [], isFilled: false });
  if (group.themes) return offerFamily(group);
  group.topics = [];
  group.card.open = false;
  group.card.querySelector(".contents").replaceChildren();
}

// --- firms ----------------------------------------------------------------------------------------

function keepFile(name, content) {
  atHand.set(name, content);
  if (atHand.size > FILES_KEPT) atHand.delete(atHand.keys().next().value);
}

async function loadAtHand(name) {
  try {
    const file = await loadFile(name);
    if (!name.startsWith("firms_")) return keepFile(name, file);
    const rows = joinedRows(file);
    for (const [firm, more] of file.firms) Object.assign(report.firms[firm], more);
    keepFile(name, { ...rows, counted: new Map(file.counted.map(([group, numbers]) => [group, numbers.map((number) => rows.sentences[number])])) });
    markSentences();
    markTopics();
  } catch (problem) {
    notThere.add(name);
    sayProblem(problem.message);
  }
}

// Shows a firm, or what is said by it, now or when its file is there.
function withFirm(firm, show) {
  if (!isParted() || !firm?.part || atHand.has(firm.part)) return show();
  if (!notThere.has(firm.part)) loadAtHand(firm.part).then(() => atHand.has(firm.part) && show());
}

// The firm of a topic or sentence: ids begin with the firm's.
function firmOfId(id) {
  const found = report.firms.filter((firm) => id.startsWith(`${firm.id}_`));
  return found.sort((one, other) => other.id.length - one.id.length)[0];
}

function filesOfFirms() {
  return [...atHand].filter(([name]) => name.startsWith("firms_")).map(([, file]) => file);
}

// All sentences that are here: on the page, of open groups and of firms.
function sentencesHere() {
  return [...report.sentences, ...groupsAtHand.flatMap((group) => group.near), ...filesOfFirms().flatMap((file) => file.sentences)];
}

// All topics that are here; those of firms come first, because they have all of their sentences.
function topicsHere() {
  return [...report.topics, ...filesOfFirms().flatMap((file) => file.topics), ...groupsAtHand.flatMap((group) => group.topics ?? [])];
}

function topicsOf(firm) {
  const all = isParted() ? atHand.get(firm.part)?.topics ?? [] : report.topics;
  return all.filter((topic) => topic.firm === firm);
}

// Of a group in a large report: the nearest sentences of each firm, and all of those firms among which the hits are.
function evidenceHere(group) {
  const found = new Map((isCountedHere() ? sentencesOfHits(group) : []).map((sentence) => [sentence.id, sentence]));
  for (const sentence of group.near) if (!found.has(sentence.id)) found.set(sentence.id, sentence);
  return [...found.values()];
}

// The sentences of a firm that count for a group.
function evidenceOfFirm(group, firm) {
  const all = isParted() ? atHand.get(firm.part)?.counted.get(numberOf(group)) ?? [] : group.evidence;
  return all.filter((sentence) => sentence.firm === firm);
}

// --- counting what is not here --------------------------------------------------------------------

function totalsOf(group, sector, speaker, section) {
  const place = (ALL_SPEAKERS.indexOf(speaker || null) * ALL_SECTIONS.length + ALL_SECTIONS.indexOf(section || null)) * report.sectors.length;
  const counted = sector ? [report.sectors.indexOf(sector)] : report.sectors.keys();
  const sums = [0, 0];
  for (const number of counted) {
    sums[0] += group.totals[2 * (place + number)] ?? 0;
    sums[1] += group.totals[2 * (place + number) + 1] ?? 0;
  }
  return sums;
}

// Firms and sentences that count for a group in a sector, whoever speaks.
function countedInSector(group, sector) {
  if (isParted()) return totalsOf(group, sector);
  const own = group.byFirm.filter(([firm]) => firm.sector === sector);
  return [own.length, sum(own.map(([, n]) => n))];
}

function wordsLookedFor() {
  return pattern === null ? [] : (filters.search.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).slice(0, WORDS_LOOKED_FOR);
}

function fileOfWord(word) {
  return /^[a-z]/.test(word) ? `words_${word[0]}` : "words_other";
}

// The word in its file; the last one, which may be unfinished, stands for all words that begin so.
function formsOf(said, word, isLast) {
  return isLast ? Object.keys(said).filter((key) => key.startsWith(word)) : [word].filter((key) => Object.hasOwn(said, key));
}

// How many sentences of each group have a word.
function saidByGroup(word, isLast) {
  const said = atHand.get(fileOfWord(word))?.said ?? {};
  const found = new Map();
  for (const counted of formsOf(said, word, isLast).map((form) => said[form])) {
    for (let at = 0; at < counted.length; at += 2) found.set(counted[at], (found.get(counted[at]) ?? 0) + counted[at + 1]);
  }
  return found;
}

// The files of firms that have a word; null where it is said in too many, or not known.
function filesOfWord(word, isLast) {
  const name = fileOfWord(word);
  if (!atHand.has(name)) return report.files[name] ? null : [];
  const { said, files } = atHand.get(name);
  const lists = formsOf(said, word, isLast).map((form) => (Object.hasOwn(files, form) ? files[form] : null));
  return lists.includes(null) ? null : lists.flat().map((number) => `firms_${String(number).padStart(4, "0")}`);
}

// The files of firms in which all hits are: of the firms asked for, and of those that say rare words. null: any.
function filesOfHits() {
  const words = wordsLookedFor();
  const lists = words.map((word, place) => filesOfWord(word, place === words.length - 1));
  if (filters.firm.trim()) lists.push(report.firmsIn.map((firm) => firm.part));
  const [first, ...others] = lists.filter((list) => list !== null);
  if (!first) return null;
  const found = [...new Set(first)].filter((name) => name && others.every((list) => list.includes(name)));
  return found.length <= FILES_AT_ONCE ? found : null;
}

// Whether the files with all hits are here: then they are counted one by one.
function isCountedHere() {
  return isFiltering() && report.filesOfHits !== null && report.filesOfHits.every((name) => atHand.has(name));
}

function sentencesOfHits(group) {
  return report.filesOfHits.flatMap((name) => atHand.get(name).counted.get(numberOf(group)) ?? []);
}

// In a large report it is known which sentences have each word of a search, but not which have all of them in a row.
function isAtMost() {
  return isParted() && pattern !== null && !isCountedHere();
}

// What the filters need and is not here is loaded, and then they are applied once more.
let filtersLoaded = Promise.resolve();

function loadForFilters() {
  const words = wordsLookedFor();
  const wanted = [...new Set(words.map(fileOfWord)), ...(report.filesOfHits ?? [])].filter((name) => report.files[name] && !atHand.has(name) && !notThere.has(name));
  if (wanted.length) filtersLoaded = Promise.all(wanted.map(loadAtHand)).then(applyFilters);
  report.said = words.map((word, place) => saidByGroup(word, place === words.length - 1));
  if (pattern !== null && !words.length) report.said = [new Map()]; // signs only: not looked for
}

// Firms and sentences of a group that pass the filters. Of a search it is known how many have its words, each by itself.
function countedBeside(group) {
  if (isCountedHere()) {
    const hits = sentencesOfHits(group).filter((sentence) => sentence.isHit);
    return [new Set(hits.map((sentence) => sentence.firm)).size, hits.length];
  }
  const counted = totalsOf(group, filters.sector, filters.speaker, filters.section);
  const most = Math.min(...(report.said ?? []).map((said) => said.get(numberOf(group)) ?? 0));
  return counted.map((n) => Math.min(n, most));
}

// What the counts leave out, or do not know exactly.
function countsHint() {
  const byBeginning = pattern === null ? "" : "; a search finds words by their beginning here";
  if (isCountedHere()) return byBeginning;
  const asked = filters.firm.trim();
  const atMost = isAtMost() ? `${byBeginning}, and its counts are upper bounds: a theme that is opened shows its nearest sentences` : "";
  if (!asked) return atMost;
  const found = report.firmsIn.length;
  const isLoadable = new Set(report.firmsIn.map((firm) => firm.part)).size <= FILES_AT_ONCE;
  const why = isLoadable ? "its sentences are not loaded" : `${plural(found, "firm")} match \u201c${asked}\u201d; type more of the name`;
  return `${atMost}; not filtered by firm: ${why}`;
}
