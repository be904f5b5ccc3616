// The template editor: inserts variables at the caret, and saves the draft when the page is left.
import { keepChanges } from "./autosave.js";
import { $ } from "./dom.js";

const form = $("#tpl");
let field = $("#message_template");
keepChanges(form, form.action);

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

// Errors arrive beside their fields; the fields themselves keep what is being typed.
document.addEventListener("htmx:after:swap", () => {
  for (const field of form.querySelectorAll("[data-words]")) {
    field.setAttribute("aria-invalid", String(Boolean($(`#${field.id}-error`).textContent.trim())));
  }
});
