// Single-key shortcuts. Each has a visible control that does the same. None works while typing.
import { $, focusedRow, focusRow, rows, selectedRows } from "./dom.js";
import { close } from "./reading-pane.js";
import { isBulkPending } from "./list.js";
import { clearSelection, deselectAll, selectRange } from "./selection.js";
import { undo } from "./toasts.js";

const TEXT_FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const GO_WITHIN = 800; // milliseconds between G and the key that follows it
let gPressedAt = 0;

// Without a focused row this goes to the first one in sight, so that the list does not scroll back.
function moveFocus(step) {
  const all = rows();
  const index = all.indexOf(focusedRow());
  let next = index + step;
  if (index < 0) {
    const top = Math.max($("#list")?.getBoundingClientRect().top, 0);
    next = all.findIndex((row) => row.getBoundingClientRect().top >= top);
  }
  focusRow(all[Math.min(Math.max(next, 0), all.length - 1)]);
}

// Acts on the selected rows, else on the focused row, else on the open notification.
function act(action) {
  const selected = selectedRows();
  if (selected.length) actOnSelected(action, selected);
  else if (focusedRow()) $(`[data-act=${action}]`, focusedRow())?.click();
  else $(`[data-pane=${action}]`)?.click();
}

function actOnSelected(action, selected) {
  const isUnread = (row) => row.hasAttribute("data-unread");
  const hasUnread = selected.some(isUnread);
  if (isBulkPending() && !$("#every").checked) {
    // The form sends one request at a time, and would read the selection only when the request before it is
    // answered. Each row acts through its own button instead.
    const targets = action === "read" && hasUnread ? selected.filter(isUnread) : selected;
    for (const row of targets) $(`[data-act=${action}]`, row)?.click();
    clearSelection();
    return;
  }
  const bulkAction = action === "read" && !hasUnread ? "unread" : action;
  $(`[data-bulk=${bulkAction}]`)?.click();
}

// Escape empties the search box first, then leaves it for the list.
function leaveSearch(event) {
  const box = $("#q");
  if (!box.value) {
    focusRow(null);
    return;
  }
  event.preventDefault();
  box.value = "";
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function closeStack() {
  const link = $("[data-stack][aria-expanded=true]");
  if ($("#list").contains(document.activeElement)) link?.focus();
  link?.click();
}

function escape(event, target) {
  if (target.closest(".search")) leaveSearch(event);
  else if ($(":popover-open")) return; // The browser closes it and restores the focus.
  else if (target.matches(TEXT_FIELDS)) target.blur();
  else if (selectedRows().length) deselectAll();
  else if (!close()) closeStack();
}

const SHORTCUTS = {
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  e: () => act("done"),
  l: () => act("later"),
  u: () => act("read"),
  x: () => focusedRow() && $(".tile input", focusedRow()).click(),
  X: () => focusedRow() && selectRange(focusedRow()),
  z: undo,
  "/": () => $("#q")?.focus(),
  "?": () => $("#keys").showPopover(),
  g: () => {
    gPressedAt = Date.now();
  },
};

// The links that a key after G follows.
const GO_TO = {
  i: ".nav--mail .nav__link",
  l: '.nav--mail [href$="place=later"]',
  p: '#more [href$="/preferences"]',
};

// The letter is upper case only with the Shift key, whatever Caps Lock says.
function keyOf(event) {
  if (event.key.length > 1) return event.key;
  return event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
}

// The arrow keys move through the list unless another control has the focus.
function arrowShortcut(key, target) {
  const isFree = rows().length && target.matches("body, #main, #list");
  if (!focusedRow() && !isFree) return undefined;
  return { ArrowDown: SHORTCUTS.j, ArrowUp: SHORTCUTS.k }[key];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.altKey) {
    // By its position: on a Mac, Alt changes the letter that a key types.
    if (event.code === "KeyL" && !target.closest(TEXT_FIELDS) && !$(":popover-open")) {
      event.preventDefault();
      act("menu");
    }
    return;
  }
  if (event.key === "Escape") {
    escape(event, target);
    return;
  }
  if (target.closest(TEXT_FIELDS) || $(":popover-open")) return;
  // A preference turns the letters off: speech input may trigger them by accident. The arrows stay.
  const areLettersOn = document.body.dataset.keys !== "off";
  const key = keyOf(event);
  if (areLettersOn && Date.now() - gPressedAt < GO_WITHIN && GO_TO[key]) {
    const link = $(GO_TO[key]);
    if (link) {
      link.click();
      return;
    }
  }
  const shortcut = arrowShortcut(key, target) ?? (areLettersOn ? SHORTCUTS[key] : undefined);
  if (!shortcut) return;
  event.preventDefault();
  shortcut();
});
