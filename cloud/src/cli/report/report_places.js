"use strict";

// What is open: a theme or family among the cards; a firm, a topic or a sentence on a page of its own above them.

const FIRMS_FIRST = 10;
const SENTENCES_AT_ONCE = 30;

// --- a theme or family ----------------------------------------------------------------------------

function quotation(sentence) {
  const about = element("p", "about-sentence", linkTo(`firm:${sentence.firm.id}`, firmLabel(sentence.firm)), element("span", "", saidBy(sentence, false).join(" · ")), copyButtons(sentence), element("code", "", sentence.id));
  return element("figure", "quotation", plainText("blockquote", "", sentence.text), about);
}

function heading(text, level = "h5") {
  return element(level, "part", text);
}

function quotationsOf(group) {
  const hits = isFiltering() ? group.evidence.filter((sentence) => sentence.isHit).slice(0, 3) : [];
  const shown = hits.length ? hits : group.quotations;
  return shown.length ? [heading(hits.length ? "What was said, by your filters" : "What was said"), ...shown.map(quotation)] : [];
}

function numberHead(text) {
  const made = headCell(text, "col");
  made.className = "number";
  return made;
}

function dictionaryOf(group) {
  if (!group.dictionary.length) return [];
  const head = element("tr", "", headCell("Phrase", "col"), numberHead("has it"), numberHead("its own"));
  const rows = group.dictionary.map(([phrase, purity, share]) =>
    element("tr", "", plainText("td", "", phrase), element("td", "number", percent(share)), element("td", "number", percent(purity))),
  );
  const about = "Its phrases: the share of its sentences that have one, and of all sentences that have it, the share that is its own";
  const table = element("table", "small", element("thead", "", head), element("tbody", "", ...rows));
  return [element("div", "", heading("Dictionary"), element("p", "cut", about), element("div", "scrolled", table))];
}

function sectorsOf(group) {
  if (sectors.length < 2) return [];
  const said = new Map(sectors.map((sector) => [sector, 0]));
  for (const firm of report.firms) if (firm.sector) said.set(firm.sector, said.get(firm.sector) + firm.said);
  const counted = new Map(sectors.map((sector) => [sector, 0]));
  for (const [firm, n] of group.byFirm) if (firm.sector) counted.set(firm.sector, counted.get(firm.sector) + n);
  const exposure = sectors.map((sector) => [sector, said.get(sector) ? counted.get(sector) / said.get(sector) : 0]);
  const most = Math.max(...exposure.map(([, share]) => share)) || 1;
  const rows = exposure
    .sort(([, one], [, other]) => other - one)
    .map(([sector, share]) => element("li", "", plainText("span", "", sector), bar(share / most), element("span", "number", percent(share, 1))));
  return [element("div", "", heading("Exposure by sector: of all that is said, the share about it"), element("ul", "meters", ...rows))];
}

function firmsOf(group) {
  const firms = group.byFirm.filter(([firm]) => firm.isIn).map(([firm, n]) => ({ firm, n, exposure: firm.said ? n / firm.said : 0 }));
  if (!firms.length) return [];
  firms.sort((one, other) => other.exposure - one.exposure);
  const most = firms[0].exposure || 1;
  const line = ({ firm, n, exposure }) => {
    const counts = element("span", "number", `${percent(exposure, 1)} · ${plural(n, "sentence")}`);
    const details = element("details", "by-firm", element("summary", "", plainText("span", "by-firm-name", firmLabel(firm)), bar(exposure / most), counts));
    fillWhenOpened(details, () => withFirm(firm, () => {
      const own = evidenceOfFirm(group, firm);
      const hits = isFiltering() ? own.filter((sentence) => sentence.isHit) : [];
      const shown = hits.length ? hits : own;
      details.append(...sentenceList(shown), linkTo(`firm:${firm.id}`, `All of ${firm.name}`, "permalink"));
      if (shown.length < n) details.append(element("p", "cut", `${shown.length} of ${plural(n, "sentence")} shown`));
    }));
    return details;
  };
  return [heading("Firms by exposure: of what a firm says, the share about it"), ...inSteps(firms, FIRMS_FIRST, line, "firm")];
}

function sentenceList(sentences) {
  return inSteps(sentences, SENTENCES_AT_ONCE, sentenceItem, "sentence", element("ol", "sentence-list"));
}

function evidenceOf(group) {
  if (!group.evidence.length) return [];
  const hits = isFiltering() ? group.evidence.filter((sentence) => sentence.isHit) : group.evidence;
  const isCut = group.evidence.length < group.sentences && !isCountedHere();
  const what = isCut ? "The sentences nearest to it, a few of each firm" : "Every sentence that counts";
  const details = element("details", "evidence", element("summary", "", `${what}: ${hits.length.toLocaleString("en")} of ${group.sentences.toLocaleString("en")}`));
  fillWhenOpened(details, () => {
    details.append(button("Save as CSV", () => save(`ftm_${group.id}_sentences.csv`, sentenceRows(hits))), ...sentenceList(hits));
    if (isCut) details.append(element("p", "cut", "All that a firm says about it: open the firm above"));
  });
  return [details];
}

function nearestOf(theme) {
  if (!theme.nearest.length) return [];
  const links = theme.nearest.map((number) => element("li", "", linkTo(themes[number].id, themes[number].name)));
  return [heading("Nearest themes"), element("ul", "links", ...links)];
}

function nameOf(group) {
  const named = group.namedBy === "keywords" ? "It is named by the phrases that its sentences share and others lack" : `It is named by the model ${group.namedBy}, from its phrases and sentences`;
  return element("p", "about-theme", "Link to it: ", linkTo(group.id, group.id, "permalink"), " ", copyLink(group.id), ` · ${named}. Why a sentence counts: `, element("code", "", `ftm explain ${group.id}`));
}

function groupParts(group) {
  return [...quotationsOf(group), element("div", "side-by-side", ...dictionaryOf(group), ...sectorsOf(group)), ...firmsOf(group), ...evidenceOf(group), ...(group.nearest ? nearestOf(group) : []), nameOf(group)];
}

// --- pages of their own ---------------------------------------------------------------------------

function openPage(title, ...contents) {
  const close = button("Close", () => goTo(""));
  const name = plainText("h2", "", title);
  name.id = "firm-title";
  const page = control("firm-page");
  page.replaceChildren(element("div", "views-head", name, close), ...contents);
  page.hidden = false;
  page.scrollIntoView();
  page.focus({ preventScroll: true });
}

function closePage() {
  control("firm-page").hidden = true;
  control("firm-page").replaceChildren();
}

// A firm's exposure to its themes, beside its sector's.
function firmPage(firm) {
  const own = themes
    .map((theme) => ({ theme, n: evidenceOfFirm(theme, firm).length }))
    .filter(({ n }) => n > 0)
    .sort((one, other) => other.n - one.n)
    .map(({ theme, n }) => ({ theme, n, exposure: firm.said ? n / firm.said : 0, sector: sectorExposure(theme, firm.sector) }));
  const most = Math.max(...own.flatMap(({ exposure, sector }) => [exposure, sector ?? 0])) || 1;
  const lines = ({ theme, n, exposure, sector }) => {
    const then = exposureBefore(firm, theme);
    const beside = `${sector === null ? "" : `, its sector ${percent(sector, 1)}`}${then === null ? "" : `, in ${report.earlier} ${percent(then, 1)}`}`;
    const details = element("details", "by-firm", element("summary", "", plainText("span", "by-firm-name", theme.name), bar(exposure / most, sector === null ? null : sector / most), element("span", "number", `${percent(exposure, 1)}${beside} · ${plural(n, "sentence")}`)));
    fillWhenOpened(details, () => details.append(...sentenceList(evidenceOfFirm(theme, firm)), linkTo(theme.id, "The theme", "permalink")));
    return details;
  };
  const topics = topicsOf(firm);
  const about = [firm.sector, `call of ${firm.callDate}`, `${plural(firm.said, "sentence")} that say something`, `${plural(topics.length, "topic")}`].filter(Boolean).join(" · ");
  const topicDetails = element("details", "evidence", element("summary", "", `Its own topics: ${topics.length}`));
  fillWhenOpened(topicDetails, () => topicDetails.append(...topics.map((topic) => topicSection(topic, "h3"))));
  const inSector = firm.sector ? ", and the mark where its sector is" : "";
  openPage(
    firmLabel(firm),
    element("p", "about", about, " ", element("span", "take", copyLink(`firm:${firm.id}`))),
    ...(own.length ? [heading(`Its themes by exposure: of what it says, the share about each${inSector}`, "h3"), ...inSteps(own, FIRMS_FIRST, lines, "theme")] : []),
    topicDetails,
  );
}

// The firm's own in the quarter before; null where the firm or the theme was not there.
function exposureBefore(firm, theme) {
  if (!firm.before || theme.before === null) return null;
  return firm.before.find(([number]) => themes[number] === theme)?.[1] ?? 0;
}

function sectorExposure(theme, sector) {
  if (!sector) return null;
  const said = sum(report.firms.filter((firm) => firm.sector === sector).map((firm) => firm.said));
  return said ? countedInSector(theme, sector)[1] / said : null;
}

function topicPage(topic) {
  const theme = topic.theme === null ? null : themes[topic.theme];
  openPage(`A topic of ${firmLabel(topic.firm)}`, theme && element("p", "about", "Part of the theme ", linkTo(theme.id, theme.name)), topicSection(topic, "h3"));
}

function sentencePage(sentence) {
  const is = (other) => other.id === sentence.id;
  const of = themes.filter((theme) => evidenceOfFirm(theme, sentence.firm).some(is));
  const topic = topicsHere().find((each) => each.sentences.some(is));
  const links = [...of.map((theme) => ["Counts for ", theme.id, theme.name]), ...(topic ? [["In the topic ", `topic:${topic.id}`, topic.name]] : [])];
  openPage(`A sentence of ${firmLabel(sentence.firm)}`, quotation(sentence), element("ul", "links", ...links.map(([what, place, name]) => element("li", "", what, linkTo(place, name)))));
}

// Shows what the address names; says so when the page does not have it.
function showPlace(place) {
  openPlace = place;
  control("missing").hidden = notThere.size === 0;
  closePage();
  if (!place || place === "themes") return;
  const [kind, id] = place.includes(":") ? [place.slice(0, place.indexOf(":")), place.slice(place.indexOf(":") + 1)] : ["group", place];
  const firmsOf = { firm: () => report.firms.find((firm) => firm.id === id), topic: () => firmOfId(id), sentence: () => firmOfId(id) };
  withFirm(Object.hasOwn(firmsOf, kind) ? firmsOf[kind]() : null, () => openKind(kind, id, place));
}

function openKind(kind, id, place) {
  if (openPlace !== place) return; // the reader has gone elsewhere while it was loaded
  const pages = {
    group: () => [[...families, ...themes].find((group) => group.id === id), openGroup],
    firm: () => [report.firms.find((firm) => firm.id === id), firmPage],
    topic: () => [topicsHere().find((topic) => topic.id === id), topicPage],
    sentence: () => [sentencesHere().find((sentence) => sentence.id === id), sentencePage],
  };
  const found = Object.hasOwn(pages, kind) ? pages[kind]() : null;
  if (found?.[0]) return found[1](found[0]);
  sayProblem(`This page has no \u201c${place.slice(0, 200)}\u201d: it is of another quarter or run.`);
}
