// What failed is said in a toast, which can do it once more.
import { $ } from "./dom.js";

let again = null;

export const offer = (repeat) => { again = repeat; };
export const isUndo = (url) => /\/changes\/\d+\/undo$/.test(url);
export function tell(name, ...why) {
  const toast = $(`#${name}`).content.cloneNode(true);
  $("span", toast).append(...why.map((sentence) => ` ${sentence}`));
  $("#toasts").replaceChildren(toast);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-again]")) again?.();
});
