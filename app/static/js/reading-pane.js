// The reading pane beside the list. While it is open, the row that has the focus is the one it shows.
// On a narrow window, a notification opens as a page instead.
import { $, $$, byId, focusedRow, focusRow, onFiltered, speak } from "./dom.js";
import { offerToReload } from "./retry.js";

// Milliseconds: moving through the list loads the row on which it stops, and marks read the one that is being read.
const LOAD_AFTER = 80;
const READ_AFTER = 1000;

const pane = () => $("#pane");
const idInAddress = () => new URLSearchParams(location.search).get("open");
const linkOf = (id) => $(`#n-${CSS.escape(id)} .row__link`);

function hasRoom() {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return pane() && $("#main").clientWidth >= 64 * rem;
}

// The element id of the row in the pane: `n-5`, or `s-…` for a stack.
let shown = pane()?.hidden === false ? `n-${idInAddress()}` : null;
const isOpen = () => shown !== null;

export const openId = () => (shown?.startsWith("n-") ? shown.slice(2) : null);
export const shownRow = () => byId(shown);

// The row that keys act on: while the pane is open, the one that it shows.
export const actedRow = () => (isOpen() ? shownRow() : focusedRow());

// Identifies this list in the history. Back and forward between its notifications load nothing.
let listKey = history.state?.list;
onFiltered(() => {
  listKey = null;
});

function withOpen(search, id) {
  const parameters = new URLSearchParams(search);
  if (id) parameters.set("open", id);
  else parameters.delete("open");
  return parameters.toString();
}

// Notes the open notification in the address. Opening the first one adds a step to the history, so that Back
// returns to the list.
function setIdInAddress(id) {
  const url = new URL(location);
  const isFirst = id && !idInAddress();
  url.search = withOpen(url.search, id);
  if (isFirst) {
    listKey ??= Date.now();
    history.replaceState({ htmx: true, list: listKey }, "");
    history.pushState({ htmx: true, list: listKey }, "", url);
  } else {
    history.replaceState(history.state, "", url);
  }
}

function markShown() {
  const link = shownRow() && $(".row__link", shownRow());
  for (const other of $$(".row__link[aria-current]")) {
    if (other !== link) other.removeAttribute("aria-current");
  }
  link?.setAttribute("aria-current", "true");
  const view = $("#view");
  if (view) view.value = withOpen(view.value, openId());
}

document.addEventListener("htmx:after:swap", () => {
  if (isOpen()) markShown();
});

document.addEventListener("htmx:before:history:restore", (event) => {
  if (!listKey || history.state.list !== listKey || !hasRoom()) return;
  const id = idInAddress();
  const link = linkOf(id);
  if (id && !link) return; // Not in this list: htmx loads the page.
  event.preventDefault();
  const previous = shownRow();
  if (id) open(link);
  else hidePane();
  // If the focus did not move, the browser would take it away.
  document.activeElement.blur();
  focusRow(link?.closest(".row") ?? previous);
});

function reportOpened() {
  const form = $("#opening");
  if (!form) return;
  htmx.process(form); // A new page may get here before htmx has listened to its forms.
  htmx.trigger(form, "opened");
}

let loadTimer;
let readTimer;

// A key that marks the notification read or unread has the last word.
export function keepUnread() {
  clearTimeout(readTimer);
}

// Identifies what the pane is to show, so that a late response is not used.
let opening = 0;

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  if (ctx.opening && ctx.opening !== opening) event.preventDefault();
});

function show(row) {
  const isOther = isOpen() && row && row.id !== shown;
  clearTimeout(loadTimer);
  clearTimeout(readTimer);
  opening += 1;
  shown = row?.id ?? null;
  markShown();
  if (isOther) showOutline(row);
}

async function load() {
  const mine = opening;
  const row = shownRow();
  const link = $(".row__link", row);
  // An outline is shown only if loading takes longer than this, so that quick responses do not flicker.
  const outlineTimer = setTimeout(() => {
    if (mine !== opening) return;
    pane().hidden = false;
    pane().setAttribute("aria-busy", "true");
  }, 400);
  const target = { source: "#pane", target: "#pane", swap: "innerHTML" };
  await htmx.ajax("GET", link.getAttribute("href"), { ...target, opening: mine });
  clearTimeout(outlineTimer);
  if (mine !== opening) return false;
  pane().removeAttribute("aria-busy");
  if (!$(`#bar-${CSS.escape(openId())}`, pane())) {
    hidePane();
    setIdInAddress(null);
    offerToReload(() => open(link));
    return false;
  }
  delete pane().dataset.outline;
  pane().hidden = false;
  return true;
}

export async function open(link) {
  if (!hasRoom()) {
    location.href = link.href;
    return;
  }
  show(link.closest(".row"));
  setIdInAddress(openId());
  if (!(await load())) return;
  const title = $(".pane__title", pane());
  if (title) speak(title.textContent);
  reportOpened();
}

// Shows another row in the open pane, because the reader moved to it. It is read once it has been shown for a while.
export function follow(row) {
  if (!isOpen() || row.id === shown) return;
  show(row);
  if (openId()) loadTimer = setTimeout(loadFollowed, LOAD_AFTER);
}

async function loadFollowed() {
  if (!(await load())) return;
  readTimer = setTimeout(() => {
    setIdInAddress(openId());
    reportOpened();
  }, READ_AFTER);
}

// Shows the title of the row, and nothing of the notification before it, until the detail arrives. A stack has no detail.
function showOutline(row) {
  const tile = $(".pane__top .tile", pane());
  if (!tile) return;
  tile.dataset.type = row.dataset.type;
  $("use", tile).setAttribute("href", $(".tile use", row).getAttribute("href"));
  const [, ...title] = $(".row__link", row).childNodes; // Without the hidden words at its start.
  $(".pane__title", pane()).textContent = title.map((node) => node.textContent).join("");
  $(".pane__meta", pane()).textContent = $(".tag--count .vh", row)?.textContent ?? "";
  pane().dataset.outline = openId() ? "row" : "stack";
  $(".pane__bar", pane()).inert = true;
  $(".panel__scroll", pane()).scrollTop = 0;
}

document.addEventListener("focusin", ({ target }) => {
  if (target.matches("#list .row__link")) follow(target.closest(".row"));
});

function hidePane() {
  const row = shownRow();
  const hadFocus = pane().contains(document.activeElement);
  show(null);
  pane().hidden = true;
  pane().removeAttribute("aria-busy");
  pane().replaceChildren();
  delete pane().dataset.outline;
  if (hadFocus) focusRow(row);
}

// Leaves the pane open without a notification, until the next row is here.
export function empty() {
  show(null);
  shown = "";
  pane().replaceChildren();
}

export function close() {
  if (!isOpen()) return false;
  hidePane();
  setIdInAddress(null);
  return true;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) close();
  const link = event.target.closest(".row__link:not([data-stack])");
  const hasModifier = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (link && event.button === 0 && !hasModifier && hasRoom()) {
    event.preventDefault();
    open(link);
  }
});

// An address may name an open notification where there is no room for the pane.
if (isOpen() && !hasRoom()) {
  location.replace(linkOf(openId())?.href ?? `${location.pathname.replace(/\/$/, "")}/${openId()}`);
} else {
  reportOpened();
}
