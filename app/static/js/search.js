// The search box and the chips: a filter that is chosen below the box joins what is typed already.
import { $, $$ } from "./dom.js";

document.addEventListener("click", (event) => {
  const term = event.target.closest("[data-term]")?.dataset.term;
  if (!term || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const box = $("#q");
  box.value = `${box.value} ${term}`.trim();
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
});

// The chips say what the list shows. Answers with the way to ask again for what could not be loaded.
export function unfilter() {
  const chips = $$("#filters [type=checkbox]"), wanted = chips.filter(({ checked }) => checked), { searchParams } = new URL(location);
  for (const chip of chips) chip.checked = searchParams.has(chip.name, chip.value);
  return () => {
    for (const chip of chips) chip.checked = wanted.includes(chip);
    $("#filters").requestSubmit();
  };
}

// Asked once more, by Enter behind a search that was answered while it was typed, it is no new step of the history.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "filters" || ctx.request.action !== location.pathname + location.search) return;
  Object.assign(ctx, { push: null, replace: "true" });
});
