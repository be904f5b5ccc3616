// Swiping a row on a touch screen: in reading direction marks it done, against it snoozes it. Both can be undone.
import { $ } from "./dom.js";

const BEGINS_AT = 12;
const ACTS_AT = 88;

let swipe = null;

document.addEventListener("pointerdown", (event) => {
  const row = event.pointerType === "touch" && event.isPrimary && event.target.closest("#list .row");
  swipe = row ? { row, x: event.clientX, y: event.clientY, by: 0, action: null } : null;
});

document.addEventListener("pointermove", (event) => {
  if (!swipe) return;
  const [x, y] = [event.clientX - swipe.x, event.clientY - swipe.y];
  if (!swipe.action && Math.abs(y) > BEGINS_AT && Math.abs(y) > Math.abs(x)) swipe = null;
  if (!swipe || (!swipe.action && Math.abs(x) < BEGINS_AT)) return;
  const isForward = document.dir === "rtl" ? x < 0 : x > 0;
  const action = isForward ? "done" : "later";
  const button = $(`[data-act=${action}]`, swipe.row);
  if (!button) return; // A done notification cannot be snoozed.
  Object.assign(swipe, { by: x, action, button });
  const { row } = swipe;
  row.dataset.swipe = action;
  row.dataset.label = button.dataset.tip.split(" · ")[0];
  row.toggleAttribute("data-acts", Math.abs(x) >= ACTS_AT);
  row.style.translate = `${x}px`;
});

function finish(acts) {
  if (!swipe) return;
  const { row, by, button, action } = swipe;
  swipe = null;
  if (!action) return;
  row.style.translate = "";
  delete row.dataset.swipe;
  delete row.dataset.acts;
  if (acts && Math.abs(by) >= ACTS_AT) button.click();
  // What follows is not a tap on the row.
  const swallow = (event) => {
    event.preventDefault();
    event.stopPropagation();
  };
  document.addEventListener("click", swallow, { capture: true, once: true });
  setTimeout(() => document.removeEventListener("click", swallow, { capture: true }));
}

document.addEventListener("pointerup", () => finish(true));
document.addEventListener("pointercancel", () => finish(false));
