// The search box: a filter that is chosen below it joins what is typed already.
import { $ } from "./dom.js";

document.addEventListener("click", (event) => {
  const term = event.target.closest("[data-term]")?.dataset.term;
  if (!term || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const box = $("#q");
  box.value = `${box.value} ${term}`.trim();
  box.focus();
  box.dispatchEvent(new Event("input", { bubbles: true }));
});
