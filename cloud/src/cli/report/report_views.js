"use strict";

// The quarter at a glance: a map, a heat map, a table.

const COLOURS = 8; // of families, in report.css
const LABEL_PX = 12;
const WIDTH_OF_LETTER = 0.31; // half of one, of the font's size
const NARROW_PX = 600; // below, only the largest families have their name on the map
const LABELS_IF_NARROW = 9;
const HEAT_STEPS = 6;

// The families to show, those of the filters, in their order.
function shownGroups() {
  return families.filter((family) => family.isShown && (filters.general || !family.general));
}

// Of the firms that the filters leave, the share that speaks of a group.
function shareShown(group) {
  return group.shownFirms / Math.max(1, report.nFirmsIn);
}

function showView() {
  if (!control("views-title")) return;
  for (const view of VIEWS) {
    const tab = control(`tab-${view}`);
    const chosen = view === filters.view;
    tab.setAttribute("aria-selected", chosen);
    tab.tabIndex = chosen ? 0 : -1;
    control(`view-${view}`).hidden = !chosen;
  }
  control(`view-${filters.view}`).replaceChildren(...{ map: mapView, heat: heatView, quarters: quartersView, table: tableView }[filters.view]());
}

// --- map ----------------------------------------------------------------------------------------

function radius(theme) {
  return Math.sqrt(theme.firms);
}

// The circle around a family's bubbles.
function familyCircle(family) {
  const reach = family.themes.map((theme) => Math.hypot(theme.x - family.x, theme.y - family.y) + radius(theme));
  return Math.max(1, ...reach) + 0.7;
}

function mapView() {
  const drawn = families.filter((family) => family.x !== null && (filters.general || !family.general));
  if (!drawn.length) return [element("p", "about", "This quarter has no map: its tables are of a version without one. Run it again.")];
  const circles = drawn.map((family) => ({ family, r: familyCircle(family) }));
  const left = Math.min(...circles.map(({ family, r }) => family.x - r));
  const right = Math.max(...circles.map(({ family, r }) => family.x + r));
  const top = Math.min(...circles.map(({ family, r }) => family.y - r));
  const bottom = Math.max(...circles.map(({ family, r }) => family.y + r));
  const wide = Math.max(300, control("view-map").clientWidth || 1000);
  const unit = Math.max((right - left) / wide, (bottom - top) / 640); // of a pixel
  const margin = 1.6 * LABEL_PX * unit;
  const map = svg("svg", {
    class: "map",
    viewBox: [left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin].map((n) => n.toFixed(2)).join(" "),
    role: "group",
    "aria-label": "Map of the themes: a bubble per theme, those of a family together, similar families near one another. Tab goes from family to family, the arrow keys through the themes of one",
  });
  map.addEventListener("keydown", moveOnMap);
  for (const circle of circles) map.append(familyOnMap(circle));
  map.append(...labels(circles, unit, left - margin, right + margin, wide < NARROW_PX));
  const about = "A bubble is a theme, its area the number of its firms. A circle holds the themes of a family; families that speak of similar things lie near one another. Choose one to read about it.";
  return [element("p", "about", about), map];
}

function familyOnMap({ family, r }) {
  const dimmed = family.isShown ? "" : " dimmed";
  const group = svg("g", { class: `on-map colour-${families.indexOf(family) % COLOURS}${dimmed}` });
  group.append(onMap(family, svg("circle", { class: "family-circle", cx: family.x, cy: family.y, r: r.toFixed(2) }), "family"));
  for (const theme of family.themes) {
    const bubble = svg("circle", { class: `bubble${theme.isShown ? "" : " dimmed"}`, cx: theme.x, cy: theme.y, r: radius(theme).toFixed(2) });
    group.append(onMap(theme, bubble, "theme"));
  }
  return group;
}

function onMap(group, drawn, level) {
  const counts = `${plural(group.shownFirms, "firm")} (${percent(shareShown(group))})`;
  const link = svg("a", { href: `#${group.id}`, "aria-label": `${level} ${group.name}, ${counts}`, tabindex: level === "family" ? 0 : -1 });
  const title = svg("title", {});
  title.textContent = `${group.name}: ${counts}`;
  link.append(title, drawn);
  return link;
}

// Tab stops at families only, of which there are dozens; the arrow keys go through the hundreds of themes.
function moveOnMap(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const family = event.target.closest(".on-map");
  if (!step || !family) return;
  event.preventDefault();
  const links = [...family.querySelectorAll("a")];
  links[(links.indexOf(event.target.closest("a")) + step + links.length) % links.length].focus();
}

// Names of families, the largest first, where there is room for them.
function labels(circles, unit, left, right, isNarrow) {
  const size = LABEL_PX * unit;
  const taken = [];
  const placed = [];
  const bySize = [...circles].sort((one, other) => other.family.firms - one.family.firms || other.r - one.r);
  for (const { family, r } of bySize.filter((circle) => circle.family.isShown)) {
    const longest = isNarrow ? 20 : 30;
    const text = family.name.length > longest ? `${family.name.slice(0, longest - 1).trimEnd()}…` : family.name;
    const half = WIDTH_OF_LETTER * size * text.length;
    const x = Math.min(Math.max(family.x, left + half), right - half);
    const spots = [family.y - r - 0.35 * size, family.y + r + 1.0 * size, family.y + 0.35 * size];
    if (isNarrow && placed.length === LABELS_IF_NARROW) break;
    const spot = spots.find((y) => !taken.some((box) => Math.abs(box.x - x) < box.half + half + 0.4 * size && Math.abs(box.y - y) < 1.15 * size));
    if (spot === undefined) continue;
    taken.push({ x, y: spot, half });
    const label = svg("text", { class: "map-label", x: x.toFixed(2), y: spot.toFixed(2), "font-size": size.toFixed(3), "text-anchor": "middle", "stroke-width": (0.28 * size).toFixed(3), "aria-hidden": "true" });
    label.textContent = text;
    placed.push(label);
  }
  return placed;
}

// --- heat map: families x sectors ----------------------------------------------------------------

function sectorShares(family) {
  return sectors.map((sector) => countedInSector(family, sector)[0] / firmsOfSector.get(sector));
}

function heatView() {
  const head = element("tr", "", element("td", ""), ...sectors.map(sectorCell));
  const rows = shownGroups().map((family) => {
    const cells = sectorShares(family).map((share, column) => heatCell(family, sectors[column], share));
    const name = headCell("", "row");
    name.append(linkTo(family.id, family.name));
    return element("tr", "", name, ...cells);
  });
  const about = "Of the firms of each sector (their number beside it), the share that speaks of a family, whatever the filters are. Choose a cell to see the family in that sector.";
  return [element("p", "about", about), element("div", "scrolled", element("table", "heat", element("thead", "", head), element("tbody", "", ...rows)))];
}

function sectorCell(sector) {
  const made = headCell("", "col");
  made.append(plainText("span", "upright", `${sector} (${firmsOfSector.get(sector)})`));
  return made;
}

function headCell(text, scope) {
  const made = plainText("th", "", text);
  made.scope = scope;
  return made;
}

function heatStep(share) {
  return `heat-${Math.min(HEAT_STEPS - 1, Math.floor(share * HEAT_STEPS))}`;
}

function heatCell(family, sector, share) {
  const pressed = button(percent(share), () => {
    filters.sector = sector;
    applyFilters();
    goTo(family.id);
  });
  pressed.setAttribute("aria-label", `${family.name} in ${sector}: ${percent(share)}`);
  return element("td", `${heatStep(share)}${filters.sector === sector ? " chosen" : ""}`, pressed);
}

function heatRows() {
  return [["family_id", "family", ...sectors], ...shownGroups().map((family) => [family.id, family.name, ...sectorShares(family)])];
}

// --- families x quarters --------------------------------------------------------------------------

function sharesByQuarter(family) {
  return [...family.history, family.share];
}

function quartersView() {
  const head = element("tr", "", element("td", ""), ...[...report.history, report.quarter].map((quarter) => headCell(quarter, "col")));
  const rows = shownGroups().map((family) => {
    const cells = sharesByQuarter(family).map((share) => element("td", share === null ? "" : heatStep(share), element("span", "", share === null ? "" : percent(share))));
    const name = headCell("", "row");
    name.append(linkTo(family.id, family.name));
    return element("tr", "", name, ...cells);
  });
  const about = "Of the firms of each quarter, the share that speaks of a family, whatever the filters are. An empty cell: the quarter has no family like it.";
  return [element("p", "about", about), element("div", "scrolled", element("table", "heat", element("thead", "", head), element("tbody", "", ...rows)))];
}

function quarterRows() {
  return [["family_id", "family", ...report.history, report.quarter], ...shownGroups().map((family) => [family.id, family.name, ...sharesByQuarter(family)])];
}

// --- table ----------------------------------------------------------------------------------------

const sorting = { by: "rank", falling: false };
const unfolded = new Set();

function columns() {
  const all = [
    ["name", "Family", (group) => group.name],
    ["firms", "Firms", (group) => group.shownFirms],
    ["change", `Change since ${report.earlier}`, (group) => (group.before === null ? null : group.share - group.before)],
    ["sentences", "Sentences", (group) => group.shownSentences],
    ["distinctiveness", "Distinctive", (group) => group.distinctiveness],
    ["stability", "Stable", (group) => group.stability],
  ];
  const known = { change: Boolean(report.earlier) && !isFiltering(), stability: families.some((family) => family.stability !== null) };
  return all.filter(([key]) => known[key] ?? true);
}

function sortedGroups(groups) {
  const column = columns().find(([key]) => key === sorting.by);
  if (!column) return groups;
  const value = column[2];
  const order = (one, other) => {
    const [a, b] = [value(one), value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return (typeof a === "string" ? a.localeCompare(b) : a - b) * (sorting.falling ? -1 : 1);
  };
  return [...groups].sort(order);
}

function tableView() {
  const head = element("tr", "", ...columns().map(sortCell));
  const rows = sortedGroups(shownGroups()).flatMap((family) => [
    tableRow(family, "family-row"),
    ...(unfolded.has(family) ? sortedGroups(family.themes.filter((theme) => theme.isShown)).map((theme) => tableRow(theme, "theme-row")) : []),
  ]);
  const about = "Ranked by relevance: what many firms speak of at length, what is not said on every call, and what does not hang on a few firms. Choose a heading to sort by it.";
  return [element("p", "about", about), element("div", "scrolled", element("table", "groups", element("thead", "", head), element("tbody", "", ...rows)))];
}

function sortCell([key, label]) {
  const cell_ = headCell("", "col");
  const isSorted = sorting.by === key;
  if (key !== "name") cell_.className = "number";
  cell_.setAttribute("aria-sort", isSorted ? (sorting.falling ? "descending" : "ascending") : "none");
  cell_.append(
    button(`${label}${isSorted ? (sorting.falling ? " ▾" : " ▴") : ""}`, () => {
      sorting.falling = isSorted ? !sorting.falling : key !== "name";
      sorting.by = key;
      showView();
      control("view-table").querySelector(`[aria-sort="${sorting.falling ? "descending" : "ascending"}"] button`)?.focus();
    }),
  );
  return cell_;
}

function tableRow(group, className) {
  const name = headCell("", "row");
  name.append(linkTo(group.id, group.name));
  if (group.themes) name.append(" ", unfoldButton(group));
  const cells = columns().slice(1).map(([key, , value]) => numberCell(key, value(group), group));
  return element("tr", className, name, ...cells);
}

function unfoldButton(family) {
  const shown = family.themes.filter((theme) => theme.isShown).length;
  const pressed = button(`${unfolded.has(family) ? "▾" : "▸"} ${plural(shown, "theme")}`, () => {
    if (!unfolded.delete(family)) unfolded.add(family);
    showView();
    control("view-table").querySelector(`[data-family="${CSS.escape(family.id)}"]`)?.focus();
  }, "quiet");
  pressed.setAttribute("aria-expanded", unfolded.has(family));
  pressed.dataset.family = family.id;
  return pressed;
}

// The share of firms, quarter by quarter; null where only this one is known.
function trend(group) {
  const shares = [...group.history, group.share];
  if (shares.filter((share) => share !== null).length < 2) return null;
  const quarters = [...report.history, report.quarter];
  const known = shares.flatMap((share, place) => (share === null ? [] : [`${quarters[place]} ${percent(share)}`]));
  return sparkline(shares, `Share of firms: ${known.join(", ")}`);
}

function numberCell(key, value, group) {
  if (key === "change") return element("td", "number", trend(group), " ", value === null ? (group.isNew ? "new" : "") : points(value));
  if (value === null) return element("td", "number", "");
  if (key === "firms") {
    const share = shareShown(group);
    return element("td", "number with-bar", bar(share), `${value.toLocaleString("en")} (${percent(share)})`);
  }
  const written = { sentences: () => value.toLocaleString("en") }[key] ?? (() => value.toFixed(2));
  return element("td", "number", written());
}
