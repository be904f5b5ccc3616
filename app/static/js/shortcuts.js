// Single-key shortcuts. Each has a visible control that does the same. None works while typing.
import { $, $$, focusedRow, focusRow, rows, selectedRows } from "./dom.js";
import { actedRow, close } from "./reading-pane.js";
import { isBulkPending } from "./list.js";
import { actFromMenu, openTimes } from "./popovers.js";
import { clearSelection, deselectAll, selectRange } from "./selection.js";
import { moveAlong } from "./tab-stops.js";
import { undo } from "./toasts.js";

const TEXT_FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const GO_WITHIN = 800; // milliseconds between G and the key that follows it
let gPressedAt = 0;

// Without a row to start from, this goes to the first one in sight, so that the list does not scroll back.
function moveFocus(step) {
  const all = rows();
  const index = all.indexOf(focusedRow() ?? actedRow());
  let next = index + step;
  if (index < 0) {
    const top = Math.max($("#list")?.getBoundingClientRect().top, 0);
    next = all.findIndex((row) => row.getBoundingClientRect().top >= top);
  }
  focusRow(all[Math.min(Math.max(next, 0), all.length - 1)]);
}

function askUntilWhen() {
  const row = actedRow();
  if (selectedRows().length) $("[data-bulk=menu]").click();
  else if (row) openTimes(row);
  else $("[data-pane=menu]")?.click();
  // At once: the next key is the first of a time.
  $(".menu:popover-open [name=when]")?.focus();
}

// Acts on the selected rows, else on the notification in the pane, else on the focused row.
function act(action) {
  const selected = selectedRows();
  const row = actedRow();
  if (selected.length) actOnSelected(action, selected);
  else if (row) $(`[data-act=${action}]`, row)?.click();
  else $(`[data-pane=${action}]`)?.click(); // On its own page, or open but not in this list.
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

function leaveSearch(event) {
  const box = $("#q");
  if (!box.value) {
    if ($("#list")) focusRow(null);
    else box.blur();
    return;
  }
  event.preventDefault();
  box.value = "";
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
}

function closeStack() {
  const link = $("[data-stack][aria-expanded=true]");
  if ($("#list")?.contains(document.activeElement)) link?.focus();
  link?.click();
}

function escape(event, target) {
  if (target.closest(".search")) leaveSearch(event);
  else if ($(":popover-open")) return; // The browser closes it and restores the focus.
  else if (target.matches(TEXT_FIELDS)) target.blur();
  else if (selectedRows().length) deselectAll();
  else if (!close()) closeStack();
}

function openSearch() {
  const box = $("#q") ?? $("#main [type=search]");
  if (box?.checkVisibility()) box.focus();
  else $("[data-palette]").click();
}

export function run(name) {
  if (["done", "later", "read"].includes(name)) act(name);
  else if (name === "menu") askUntilWhen();
  else SHORTCUTS[{ save: "s", follow: "f", mute: "m", keys: "?" }[name]]();
}

const SHORTCUTS = {
  j: () => moveFocus(1),
  k: () => moveFocus(-1),
  e: () => act("done"),
  l: () => act("later"),
  u: () => act("read"),
  f: () => actFromMenu("follow") || $("[data-pane=follow]")?.click(),
  m: () => actFromMenu("mute") || $("[data-pane=mute]")?.click(),
  s: () => actFromMenu("saved", "unsaved") || $("[data-pane=save]")?.click(),
  x: () => focusedRow() && $(".tile input", focusedRow()).click(),
  X: () => focusedRow() && selectRange(focusedRow()),
  z: undo,
  U: () => $("[data-list=read]")?.click(),
  F: () => $("#filters input:not([type=hidden])")?.focus(),
  "/": openSearch,
  "?": () => $("#keys").showPopover(),
  g: () => {
    gPressedAt = Date.now();
  },
};

// The link that a key after G follows. Digits stand for saved views.
function linkFor(key) {
  if (/[1-9]/.test(key)) return $$("#views [data-view]")[key - 1];
  return $(`.side [data-go="${key}"]`);
}

// The letter is upper case only with the Shift key, whatever Caps Lock says.
function keyOf(event) {
  if (event.key.length > 1) return event.key;
  return event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
}

// The arrow keys move through the list and along a row unless another control has the focus.
function arrowShortcut(key, target) {
  const row = focusedRow();
  const isFree = rows().length && target.matches("body, #main, #list");
  if (!row && !isFree) return undefined;
  const along = document.dir === "rtl" ? { ArrowLeft: 1, ArrowRight: -1 } : { ArrowLeft: -1, ArrowRight: 1 };
  if (along[key]) return row ? () => moveAlong(row, along[key]) : undefined;
  return { ArrowDown: SHORTCUTS.j, ArrowUp: SHORTCUTS.k }[key];
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.isComposing) return;
  const target = event.target instanceof Element ? event.target : document.body;
  if (event.altKey) {
    // By its position: on a Mac, Alt changes the letter that a key types.
    if (event.code === "KeyL" && !target.closest(TEXT_FIELDS) && !$(":popover-open, dialog[open]")) {
      event.preventDefault();
      askUntilWhen();
    }
    return;
  }
  if ($("dialog[open]")) return;
  if (event.key === "Escape") {
    escape(event, target);
    return;
  }
  if (target.closest(TEXT_FIELDS) || $(":popover-open")) return;
  // A preference turns the letters off: speech input may trigger them by accident. The arrows stay.
  const areLettersOn = document.body.dataset.keys !== "off";
  const key = keyOf(event);
  const link = areLettersOn && Date.now() - gPressedAt < GO_WITHIN && linkFor(key);
  if (link) {
    link.click();
    return;
  }
  const shortcut = arrowShortcut(key, target) ?? (areLettersOn ? SHORTCUTS[key] : undefined);
  if (!shortcut) return;
  event.preventDefault();
  shortcut();
});
