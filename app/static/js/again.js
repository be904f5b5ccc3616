// What failed is said in a toast, which can do it once more.
import { $ } from "./dom.js";

// What was not saved, all of it while its toast stands, and the one thing that was not loaded.
let unsaved = [], unloaded = null;

function begin() {
  if (!$(".toast--error")) { unsaved = []; unloaded = null; }
}
export function offer(repeat) { begin(); unsaved.push(repeat); }
export function offerLoad(repeat) { begin(); unloaded = repeat; }
export const isUndo = (url) => /\/changes\/\d+\/undo$/.test(url);
export function tell(name, ...why) {
  const toast = $(`#${name}`).content.cloneNode(true);
  $("span", toast).append(...why.map((sentence) => ` ${sentence}`));
  $(".toast", toast).dataset.of = name;
  $("#toasts").replaceChildren(toast);
}

document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-again]")) return;
  const some = [...unsaved, unloaded].filter(Boolean);
  unsaved = [];
  unloaded = null;
  for (const repeat of some) repeat();
});
