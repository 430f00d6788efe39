"use strict";

// What a reader takes away: a quotation, a link, rows as CSV.

function sectionName(section) {
  return SECTIONS[section] ?? section;
}

function saidBy(sentence, withFirm) {
  const { name, type } = sentence.speaker;
  const firm = withFirm ? firmLabel(sentence.firm) : null;
  return [name, type === "Unknown" ? null : type, firm, sectionName(sentence.section), sentence.date].filter(Boolean);
}

async function copy(text, pressed) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Where the page may not use the clipboard, the reader's own selection can.
    const area = element("textarea", "offscreen", text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const label = pressed.textContent;
  pressed.textContent = "Copied";
  setTimeout(() => (pressed.textContent = label), 1500);
}

function copyButtons(sentence) {
  const quoted = () => `“${sentence.text}” (${saidBy(sentence, true).join(", ")}; ${sentence.id})`;
  return element("span", "take", button("Copy", (event) => copy(quoted(), event.currentTarget)), copyLink(`sentence:${sentence.id}`));
}

// The address of a theme, firm, topic or sentence, without the filters.
function copyLink(place) {
  return button("Copy link", (event) => copy(`${location.href.split("#")[0]}#${encodeURIComponent(place)}`, event.currentTarget));
}

// A cell that a spreadsheet would take for a formula is made text by an apostrophe before it.
function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  const harmless = typeof value !== "number" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function csv(rows) {
  return `\ufeff${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

function save(name, rows) {
  const link = element("a", "");
  link.href = URL.createObjectURL(new Blob([csv(rows)], { type: "text/csv;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// The rows of the current view.
function saveRows() {
  save(`ftm_${report.quarter}_${filters.view}.csv`, ({ heat: heatRows, quarters: quarterRows }[filters.view] ?? groupRows)());
}

function groupRows() {
  const counts = ["firms", "share_of_firms", "sentences"].map((name) => (isAtMost() ? `${name}_at_most` : name));
  // Of all firms, so it is no match for what a filter leaves.
  const before = report.earlier && !isFiltering() ? [`share_of_firms_in_${report.earlier}`] : [];
  const header = ["level", "id", "family", "name", ...counts, "distinctiveness", "stability", "general", ...before];
  const rows = shownGroups().flatMap((family) => [family, ...family.themes.filter((theme) => theme.isShown)]).map((group) => [
    group.themes ? "family" : "theme",
    group.id,
    families[group.family ?? families.indexOf(group)].name,
    group.name,
    group.shownFirms,
    shareShown(group),
    group.shownSentences,
    group.distinctiveness,
    group.stability,
    group.general,
    ...before.map(() => group.before),
  ]);
  return [header, ...rows];
}

function sentenceRows(sentences) {
  const header = ["sentence_id", "firm", "ticker", "sector", "speaker", "speaker_type", "section", "date", "text"];
  return [
    header,
    ...sentences.map(({ id, firm, speaker, section, date, text }) => [id, firm.name, firm.ticker, firm.sector, speaker.name, speaker.type, section, date, text]),
  ];
}
