// The reading pane: beside the list where there is room, a page of its own elsewhere.
import { $, $$, say } from "./dom.js";

const pane = () => $("#pane");
// The same measure as the stylesheet's: the panel, not the window.
const hasRoom = () => pane() && $("#main").clientWidth >= 64 * parseFloat(getComputedStyle(document.documentElement).fontSize);

const asked = () => new URLSearchParams(location.search).get("open");
export const openId = () => (pane()?.hidden === false ? asked() : null);

// The address and the hidden field that actions carry say what is open.
function remember(id) {
  const url = new URL(location);
  id ? url.searchParams.set("open", id) : url.searchParams.delete("open");
  history.replaceState(history.state, "", url);
  $("#view").value = url.search.slice(1);
}

function mark(link) {
  for (const other of $$(".row__link[aria-current]")) other.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "true");
}

const seen = () => { const form = $("#opening"); if (form) htmx.trigger(form, "opened"); };

export async function open(link) {
  if (!hasRoom()) { location.href = link.href; return; }
  mark(link);
  const id = link.closest(".row").id.slice(2);
  remember(id);
  // What takes longer than this is announced by its outline; what is quick never flickers.
  const slow = setTimeout(() => { pane().hidden = false; pane().setAttribute("aria-busy", "true"); }, 400);
  await htmx.ajax("GET", link.getAttribute("href"), { source: "#pane", target: "#pane", swap: "innerHTML" });
  clearTimeout(slow);
  // Another was opened meanwhile, or it was closed again.
  if (asked() !== id) return;
  pane().removeAttribute("aria-busy");
  pane().hidden = false;
  const title = $(".pane__title", pane());
  if (title) say(title.textContent);
  seen();
}

export function close() {
  if (!openId()) return false;
  const link = $(".row__link[aria-current]"), hadFocus = pane().contains(document.activeElement);
  pane().hidden = true;
  pane().replaceChildren();
  mark(null);
  remember(null);
  if (hadFocus) (link ?? $("#list")).focus();
  return true;
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) close();
  const link = event.target.closest(".row__link:not([data-stack])");
  const plain = event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
  if (link && plain && hasRoom()) { event.preventDefault(); open(link); }
});

// Without room for a pane, an address that opens something leads to its page.
if (openId() && !hasRoom()) location.replace($(`#n-${CSS.escape(openId())} .row__link`)?.href ?? `/notifications/${openId()}`);
else seen();
