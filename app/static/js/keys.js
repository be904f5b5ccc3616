// Single keys. Each has a visible control that does the same; none works while typing or composing.
import { $, current, focusRow, picked, rows } from "./dom.js";
import { close } from "./pane.js";
import { isBulkBusy } from "./list.js";
import { clearPicks, range, unpick } from "./picks.js";
import { undo } from "./toasts.js";

const TYPING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
let goes = 0; // when G was pressed

// From nowhere to the first row in sight: whoever scrolled stays there.
function move(step) {
  const all = rows(), at = all.indexOf(current()), top = Math.max($("#list")?.getBoundingClientRect().top, 0);
  const first = Math.max(all.findIndex((row) => row.getBoundingClientRect().top >= top), 0);
  focusRow(all[Math.min(Math.max(at < 0 ? first : at + step, 0), all.length - 1)]);
}

// On the ticked rows together, else on the row with the focus, else on what is open.
function act(kind) {
  const some = picked();
  if (some.length && isBulkBusy() && !$("#every").checked) {
    // The form sends one thing after the other, and what waits would be read from it only then: each row by its own.
    const isMeant = kind === "read" && some.some((row) => row.hasAttribute("data-unread")) ? "[data-unread]" : "*";
    for (const row of some.filter((one) => one.matches(isMeant))) $(`[data-act=${kind}]`, row)?.click();
    clearPicks();
  } else if (some.length) {
    const bulk = kind !== "read" ? kind : some.some((row) => row.hasAttribute("data-unread")) ? "read" : "unread";
    $(`[data-bulk=${bulk}]`)?.click();
  } else {
    (current() ? $(`[data-act=${kind}]`, current()) : $(`[data-pane=${kind}]`))?.click();
  }
}

// First what was typed goes, then the focus: into the list.
function leaveSearch(event) {
  const box = $("#q");
  if (!box.value) { focusRow(null); return; }
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

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  e: () => act("done"),
  l: () => act("later"),
  u: () => act("read"),
  x: () => current() && $(".tile input", current()).click(),
  X: () => current() && range(current()),
  z: undo,
  "/": () => $("#q")?.focus(),
  "?": () => $("#keys").showPopover(),
  g: () => { goes = Date.now(); },
};

// What follows G.
const GOALS = { i: ".nav--mail .nav__link", l: '.nav--mail [href$="place=later"]', p: '#more [href$="/preferences"]' };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.isComposing) return;
  const at = event.target instanceof Element ? event.target : document.body;
  if (event.altKey) {
    // By its place on the keyboard: with Alt the same key writes another letter on a Mac.
    if (event.code === "KeyL" && !at.closest(TYPING) && !$(":popover-open")) { event.preventDefault(); act("menu"); }
    return;
  }
  if (event.key === "Escape") {
    if (at.closest(".search")) leaveSearch(event);
    else if ($(":popover-open")) return; // It closes, and gives the focus back to where it came from.
    else if (at.matches(TYPING)) at.blur();
    else { if (picked().length) unpick(); else close() || closeStack(); }
    return;
  }
  if (at.closest(TYPING) || $(":popover-open")) return;
  const isOff = document.body.dataset.keys === "off"; // Preferences: single keys disturb those who dictate.
  // By the Shift key alone: a Caps Lock that was left on makes no other keys of them.
  const pressed = event.key.length > 1 ? event.key : event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
  const goal = !isOff && Date.now() - goes < 800 && GOALS[pressed] && $(GOALS[pressed]);
  if (goal) { goal.click(); return; }
  const isFree = rows().length && at.matches("body, #main, #list");
  const arrows = (current() || isFree) && { ArrowDown: KEYS.j, ArrowUp: KEYS.k };
  const key = (arrows && arrows[pressed]) || (!isOff && KEYS[pressed]);
  if (key) { event.preventDefault(); key(); }
});
