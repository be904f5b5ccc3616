// Keeps what was typed when the page is left.
import { removeErrorToast } from "./retry.js";

// A form that is saved as it is filled in, or cannot be saved yet. What it would lose is saved when the page is left or,
// without a URL for that, the browser asks first.
export function keepChanges(form, url) {
  let changes = 0;
  let sent = 0;
  let saved = 0;
  let isSubmitted = false;
  const ownForm = ({ detail: { ctx } }) => ctx.sourceElement === form;

  form.addEventListener("input", () => {
    changes += 1;
  });
  // A button with a target, such as that of an email's preview, leaves the page as it is.
  form.addEventListener("submit", ({ submitter }) => {
    if (!submitter?.formTarget) isSubmitted = true;
  });
  window.addEventListener("pageshow", () => {
    isSubmitted = false;
  });
  document.addEventListener("htmx:before:request", (event) => {
    if (!ownForm(event)) return;
    // Nothing may be saved after what was submitted.
    if (isSubmitted) event.preventDefault();
    // It may have waited for the response to an earlier one.
    event.detail.ctx.request.body = new URLSearchParams(new FormData(form));
    sent = changes;
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (!ownForm(event) || event.detail.ctx.response.status >= 400) return;
    removeErrorToast("not-saved");
    if (url) saved = sent;
  });
  window.addEventListener("pagehide", () => {
    if (url && saved < changes && !isSubmitted) navigator.sendBeacon(url, new FormData(form));
  });
  window.addEventListener("beforeunload", (event) => {
    if (!url && changes && !isSubmitted) event.preventDefault();
  });
}
