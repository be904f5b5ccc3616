// The form of an announcement: words chosen load at once, and the mail in the preview keeps up.
import { $ } from "./dom.js";

const form = $("#announcement");
$("[data-submits]").addEventListener("change", ({ target }) => target.form.requestSubmit());

// Its frame comes anew with each preview, so that showing the mail adds nothing to the history.
function showMail() {
  const button = $("#preview [data-mail]");
  if (!button) return;
  button.hidden = true;
  form.requestSubmit(button);
}
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.sourceElement === form) showMail();
});
showMail();
