// The announcement form: it is saved as a draft, choosing a template loads its texts, and the email in the preview follows it.
import { keepChanges } from "./autosave.js";
import { $ } from "./dom.js";

const form = $("#announcement");
keepChanges(form, form.dataset.drafts);
$("[data-submits]")?.addEventListener("change", ({ target }) => target.form.requestSubmit());

// Whether the form has changed since the preview was requested. It may be incomplete now, and the next preview follows.
let isChanged = false;

// Each preview brings a new frame. Submitting into it therefore adds nothing to the history.
function showEmail() {
  const button = $("#preview [data-mail]");
  if (!button) return;
  button.hidden = true;
  if (!isChanged) form.requestSubmit(button);
}

form.addEventListener("input", () => {
  isChanged = true;
});

document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === form) isChanged = false;
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === form) showEmail();
});
showEmail();

// After Back or a reload, the browser fills in what had been typed. The preview follows it.
window.addEventListener("load", () => {
  const [{ type }] = performance.getEntriesByType("navigation");
  if (type !== "navigate") form.dispatchEvent(new Event("input", { bubbles: true }));
});
