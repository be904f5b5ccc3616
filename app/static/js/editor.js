// The template editor: inserts variables at the caret, and saves the draft when the page is left.
import { $ } from "./dom.js";

const form = $("#tpl");
let field = $("#message_template");
let isDirty = false;

form.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-words]")) field = event.target;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-insert]");
  if (!button) return;
  // The chosen channel may hide the field that had the focus.
  if (!field.checkVisibility()) field = $("#message_template");
  field.focus();
  field.setRangeText(button.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
});

form.addEventListener("input", () => {
  isDirty = true;
});
form.addEventListener("submit", () => {
  isDirty = false;
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === form) isDirty = false;
});
// Errors arrive beside their fields; the fields themselves keep what is being typed.
document.addEventListener("htmx:after:swap", () => {
  for (const field of form.querySelectorAll("[data-words]")) {
    field.setAttribute("aria-invalid", String(Boolean($(`#${field.id}-error`).textContent.trim())));
  }
});
window.addEventListener("pagehide", () => {
  if (isDirty) navigator.sendBeacon(form.action, new FormData(form));
});
