// The search box and the filter chips. A suggested filter is added to the text in the box.
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

// Pressing Enter after the results of the same search have been shown must not add to the history.
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement.id !== "filters") return;
  if (ctx.request.action !== location.pathname + location.search) return;
  ctx.push = null;
  ctx.replace = "true";
});
