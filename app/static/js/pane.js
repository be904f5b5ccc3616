// The reading pane: beside the list where there is room, a page of its own elsewhere.
import { $, $$, focusRow, say, whenFiltered } from "./dom.js";
import { offerLoad } from "./again.js";

const pane = () => $("#pane");
// The same measure as the stylesheet's: the panel, not the window.
const hasRoom = () => pane() && $("#main").clientWidth >= 64 * parseFloat(getComputedStyle(document.documentElement).fontSize);

const asked = () => new URLSearchParams(location.search).get("open");
export const openId = () => (pane()?.hidden === false ? asked() : null);

// Which list this is: between it and what is opened in it, back and forward load nothing.
let list = history.state?.list;
whenFiltered(() => { list = null; });

// The address and the hidden field that actions carry say what is open. Who opens something can go back to the list.
function remember(id) {
  const url = new URL(location), isFirst = id && !asked();
  id ? url.searchParams.set("open", id) : url.searchParams.delete("open");
  if (isFirst) {
    list ??= Date.now();
    history.replaceState({ htmx: true, list }, "");
    history.pushState({ htmx: true, list }, "", url);
  } else history.replaceState(history.state, "", url);
  $("#view").value = url.search.slice(1);
}
document.addEventListener("htmx:before:history:restore", (event) => {
  if (!list || history.state.list !== list || !hasRoom()) return;
  const id = asked(), link = $(`#n-${CSS.escape(id)} .row__link`);
  if (id && !link) return; // Loaded anew.
  event.preventDefault();
  $("#view").value = location.search.slice(1);
  const last = $(".row__link[aria-current]");
  if (id) open(link);
  else shut();
  // Else the browser takes the focus away, because it has not moved.
  document.activeElement.blur();
  focusRow((link ?? last)?.closest(".row"));
});

function mark(link) {
  for (const other of $$(".row__link[aria-current]")) other.removeAttribute("aria-current");
  link?.setAttribute("aria-current", "true");
}

let begun = 0;
const seen = () => { const form = $("#opening"); if (form) htmx.trigger(form, "opened"); };

export async function open(link) {
  if (!hasRoom()) { location.href = link.href; return; }
  mark(link);
  const id = link.closest(".row").id.slice(2), mine = begun += 1;
  remember(id);
  // What takes longer than this is announced by its outline; what is quick never flickers.
  const slow = setTimeout(() => { pane().hidden = false; pane().setAttribute("aria-busy", "true"); }, 400);
  await htmx.ajax("GET", link.getAttribute("href"), { source: "#pane", target: "#pane", swap: "innerHTML" });
  clearTimeout(slow);
  // Another was opened meanwhile, or it was closed again.
  if (asked() !== id || begun !== mine) return;
  pane().removeAttribute("aria-busy");
  if (!$(`#bar-${CSS.escape(id)}`, pane())) {
    shut();
    remember(null);
    offerLoad(() => open(link));
    return;
  }
  pane().hidden = false;
  const title = $(".pane__title", pane());
  if (title) say(title.textContent);
  seen();
}

function shut() {
  const link = $(".row__link[aria-current]"), hadFocus = pane().contains(document.activeElement);
  pane().hidden = true;
  pane().replaceChildren();
  mark(null);
  if (hadFocus) (link ?? $("#list")).focus();
}

export function close() {
  if (!openId()) return false;
  shut();
  remember(null);
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
