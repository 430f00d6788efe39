"""What a reader with a screen reader, or with weak eyes, meets on the page that Chromium shows."""

from __future__ import annotations

from typing import Any

from selenium.webdriver import Chrome

# Roles of Chromium's accessibility tree that a reader acts on, or that stand for what cannot be read.
_TO_BE_NAMED = {
    *("button", "link", "textbox", "searchbox", "spinbutton", "combobox", "checkbox", "radio", "tab", "tabpanel"),
    *("DisclosureTriangle", "image", "img", "progressbar", "region", "navigation"),
}

# WCAG 2.2, 1.4.3: at least this; text from 24 px, or bold from 18.66 px on, needs less.
CONTRAST, CONTRAST_OF_LARGE = 4.5, 3

# Of each visible text the ratio of its colour to what is behind it: the nearest ancestor with an opaque background.
_CONTRASTS = """
const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const pixel = (colours) => {
  paint.clearRect(0, 0, 1, 1);
  for (const colour of colours) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
  return [...paint.getImageData(0, 0, 1, 1).data];
};
const light = (colours) => {
  const linear = (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  const [r, g, b] = pixel(colours).map((value) => linear(value / 255));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const behind = (element) => {
  const found = [];
  for (let each = element; each; each = each.parentElement) {
    found.unshift(getComputedStyle(each).backgroundColor);
    if (pixel([found[0]])[3] === 255) break;
  }
  return found;
};
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  const isSeen = element.checkVisibility({ checkVisibilityCSS: true }) && element.getClientRects().length;
  if (!texts.currentNode.data.trim() || !isSeen || element.closest("svg, script, option")) continue;
  const style = getComputedStyle(element);
  const [one, other] = [light([...behind(element), style.color]), light(behind(element))];
  const size = Number.parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  found.push([texts.currentNode.data.trim(), isLarge, (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05)]);
}
return found;
"""


def nodes(browser: Chrome) -> list[dict[str, Any]]:
    """The accessibility tree in the order of the page, without what is not told."""
    browser.execute_cdp_cmd("Accessibility.enable", {})
    found: list[dict[str, Any]] = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    by_id = {node["nodeId"]: node for node in found}
    ordered, left = [], [found[0]]
    while left:
        node = left.pop()
        ordered.append(node)
        left += [by_id[child] for child in reversed(node.get("childIds", [])) if child in by_id]
    return [node for node in ordered if not node["ignored"]]


def nameless(tree: list[dict[str, Any]]) -> list[str]:
    """The roles of controls, images and landmarks that have no name."""
    roles = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree]
    return [role for role, name in roles if role in _TO_BE_NAMED and not name.strip()]


def skipped_levels(tree: list[dict[str, Any]]) -> list[str]:
    """Headings that are more than a level below the one before them."""
    headings = [node for node in tree if node["role"]["value"] == "heading"]
    levels = [next(p["value"]["value"] for p in node["properties"] if p["name"] == "level") for node in headings]
    before = [0, *levels]
    return [
        node["name"]["value"] for node, last, level in zip(headings, before, levels, strict=False) if level > last + 1
    ]


def hard_to_read(browser: Chrome) -> list[tuple[str, float]]:
    """Visible texts with too little contrast, each with its ratio."""
    found = browser.execute_script(_CONTRASTS)
    assert found, "no text is visible"
    return [
        (text, round(ratio, 2))
        for text, is_large, ratio in found
        if ratio < (CONTRAST_OF_LARGE if is_large else CONTRAST)
    ]
