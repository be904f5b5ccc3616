// The announcement form: choosing a template loads its texts, and the email in the preview follows the form.
import { $ } from "./dom.js";

const form = $("#announcement");
$("[data-submits]")?.addEventListener("change", ({ target }) => target.form.requestSubmit());

// Each preview brings a new frame. Submitting into it therefore adds nothing to the history.
function showEmail() {
  const button = $("#preview [data-mail]");
  if (!button) return;
  button.hidden = true;
  form.requestSubmit(button);
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === form) showEmail();
});
showEmail();
