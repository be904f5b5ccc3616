// The search box and the filter chips. A suggested filter is added to the text in the box.
import { Combobox } from "./combobox.js";
import { $, $$, onFiltered } from "./dom.js";
import { openId } from "./reading-pane.js";

document.addEventListener("click", (event) => {
  const suggested = event.target.closest("[data-term]");
  if (!suggested || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const { term } = suggested.dataset;
  const box = $("#q");
  // A name replaces the words that it was suggested for.
  const text = suggested.closest("#names") ? box.value.replace(typedWords(), "") : box.value;
  box.value = `${text.trim()} ${term}`.trim();
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
});

// Sets the chips back to the filter of the shown list. Returns a function that applies the chosen filter.
export function resetChips() {
  const chips = $$("#filters [type=checkbox]");
  const chosen = chips.filter((chip) => chip.checked);
  const { searchParams } = new URL(location);
  for (const chip of chips) chip.checked = searchParams.has(chip.name, chip.value);
  return () => {
    for (const chip of chips) chip.checked = chosen.includes(chip);
    $("#filters").requestSubmit();
  };
}

// A search covers every place, whichever it starts from, unless it has been narrowed to one. The open notification stays
// open, with the actions of the place that is searched.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "filters" || !$("#list")) return;
  if (openId()) ctx.request.body.set("open", openId());
  if (!ctx.request.body.get("q")) return;
  const { searchParams } = new URL(location);
  ctx.request.body.delete("place");
  if (searchParams.has("q") && searchParams.has("place")) {
    ctx.request.body.set("place", searchParams.get("place"));
  }
});

// Pressing Enter after the results of the same search have been shown must not add to the history.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "filters") return;
  if (ctx.request.action !== location.pathname + location.search) return;
  ctx.push = null;
  ctx.replace = "true";
});

// The links of the navigation keep the search.
onFiltered(() => {
  // The filters of admin pages stand on their own.
  if (!$("#list")) return;
  const search = new URL(location).searchParams.get("q");
  for (const link of $$(".side [data-place]")) {
    const url = new URL(link.href);
    if (search) url.searchParams.set("q", search);
    else url.searchParams.delete("q");
    link.href = url;
  }
});

// The navigation shows where the list is now: in a view, which the response marks, or else in a place. On a phone, the
// places of the library are behind "More".
document.addEventListener("htmx:after:swap", () => {
  if (!$("#list")) return;
  const { searchParams } = new URL(location);
  const place = searchParams.get("place") ?? (searchParams.get("q") ? "all" : "inbox");
  const isView = Boolean($("#views [data-view][aria-current]"));
  for (const link of $$(".side [data-place]")) {
    setCurrent(link, "page", link.dataset.place === place && !isView);
  }
  setCurrent($("[popovertarget=more]"), "true", !$(".nav--mail [data-place][aria-current]"));
});

function setCurrent(element, value, isCurrent) {
  if (isCurrent) element.setAttribute("aria-current", value);
  else element.removeAttribute("aria-current");
}

document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[popovertarget=save-view]");
  if (opener) $("#view-name").value = opener.dataset.name;
});
document.addEventListener("toggle", ({ target, newState }) => {
  if (target.id === "save-view" && newState === "open") $("#view-name").select();
}, true);

const SUGGEST_AFTER = 150; // milliseconds without a key
const box = $("#q");
const names = $("#names");
if (names) suggestNames(new Combobox(box, names));

// The words at the end of the box, without filters and phrases.
const typedWords = () => box.value.match(/(?:(?<=^|\s)[^\s":-][^\s":]*\s*)+$/u)?.[0] ?? "";

function suggestNames(combobox) {
  let timer;
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, SUGGEST_AFTER);
  });

  async function suggest() {
    const words = typedWords().trim();
    if (words.length < 2) names.replaceChildren();
    else {
      const url = `${names.dataset.url}?${new URLSearchParams({ q: words })}`;
      await htmx.ajax("GET", url, { source: names, target: names, swap: "innerHTML", isQuiet: true });
    }
    combobox.refresh();
  }
}

// In a narrow panel, the box has a line of its own while it is used.
for (const [name, isSearching] of [["focusin", true], ["focusout", false]]) {
  document.addEventListener(name, ({ target }) => {
    target.closest(".search")?.closest(".head")?.toggleAttribute("data-searching", isSearching);
  });
}
