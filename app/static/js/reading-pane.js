// The reading pane beside the list. Where there is no room for it, a notification opens as a page.
import { $, $$, focusRow, onFiltered, speak } from "./dom.js";
import { offerToReload } from "./retry.js";

const pane = () => $("#pane");
const idInAddress = () => new URLSearchParams(location.search).get("open");
const linkOf = (id) => $(`#n-${CSS.escape(id)} .row__link`);

// The stylesheet shows the pane from the same width of the panel.
function hasRoom() {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return pane() && $("#main").clientWidth >= 64 * rem;
}

export const openId = () => (pane()?.hidden === false ? idInAddress() : null);

// Identifies this list in the history. Back and forward between its notifications load nothing.
let listKey = history.state?.list;
onFiltered(() => {
  listKey = null;
});

// Notes the open notification in the address and in the field that actions send. Opening the first one adds a
// step to the history, so that Back returns to the list.
function setIdInAddress(id) {
  const url = new URL(location);
  const isFirst = id && !idInAddress();
  if (id) url.searchParams.set("open", id);
  else url.searchParams.delete("open");
  if (isFirst) {
    listKey ??= Date.now();
    history.replaceState({ htmx: true, list: listKey }, "");
    history.pushState({ htmx: true, list: listKey }, "", url);
  } else {
    history.replaceState(history.state, "", url);
  }
  $("#view").value = url.search.slice(1);
}

document.addEventListener("htmx:before:history:restore", (event) => {
  if (!listKey || history.state.list !== listKey || !hasRoom()) return;
  const id = idInAddress();
  const link = linkOf(id);
  if (id && !link) return; // Not in this list: htmx loads the page.
  event.preventDefault();
  $("#view").value = location.search.slice(1);
  const previous = $(".row__link[aria-current]");
  if (id) open(link);
  else hidePane();
  // If the focus did not move, the browser would take it away.
  document.activeElement.blur();
  focusRow((link ?? previous)?.closest(".row"));
});

function markCurrent(link) {
  for (const other of $$(".row__link[aria-current]")) other.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "true");
}

// Tells the server that the notification was opened, which marks it as read.
function reportOpened() {
  const form = $("#opening");
  if (form) htmx.trigger(form, "opened");
}

let openings = 0;

export async function open(link) {
  if (!hasRoom()) {
    location.href = link.href;
    return;
  }
  markCurrent(link);
  const id = link.closest(".row").id.slice(2);
  openings += 1;
  const opening = openings;
  setIdInAddress(id);
  // An outline is shown only if loading takes longer than this, so that quick responses do not flicker.
  const outlineTimer = setTimeout(() => {
    pane().hidden = false;
    pane().setAttribute("aria-busy", "true");
  }, 400);
  await htmx.ajax("GET", link.getAttribute("href"), { source: "#pane", target: "#pane", swap: "innerHTML" });
  clearTimeout(outlineTimer);
  // Another one was opened meanwhile, or this one was closed.
  if (idInAddress() !== id || openings !== opening) return;
  pane().removeAttribute("aria-busy");
  if (!$(`#bar-${CSS.escape(id)}`, pane())) {
    hidePane();
    setIdInAddress(null);
    offerToReload(() => open(link));
    return;
  }
  pane().hidden = false;
  const title = $(".pane__title", pane());
  if (title) speak(title.textContent);
  reportOpened();
}

function hidePane() {
  const link = $(".row__link[aria-current]");
  const hadFocus = pane().contains(document.activeElement);
  pane().hidden = true;
  pane().replaceChildren();
  markCurrent(null);
  if (hadFocus) (link ?? $("#list")).focus();
}

// Closes the pane. Returns false if it was not open.
export function close() {
  if (!openId()) return false;
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
if (openId() && !hasRoom()) {
  location.replace(linkOf(openId())?.href ?? `${location.pathname.replace(/\/$/, "")}/${openId()}`);
} else {
  reportOpened();
}
