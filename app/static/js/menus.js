// The menu "Later": of the row that opened it, else of what is ticked; its times are those of now.
import { $, $$, picked } from "./dom.js";

const isTicked = (row) => $(".tile input", row).checked;

// Said before the menu opens: whom it is for, and what makes sense for them.
function aim(menu, row) {
  const meant = row && !isTicked(row) ? [row] : picked();
  menu.dataset.meant = new URLSearchParams(meant.map((one) => { const { name, value } = $(".tile input", one); return [name, value]; }));
  const areSaved = meant.every((one) => "saved" in one.dataset);
  $("[data-menu=saved]", menu).hidden = areSaved;
  $("[data-menu=unsaved]", menu).hidden = !areSaved;
  const snooze = $("[data-snooze]", menu);
  if (snooze) snooze.hidden = meant.every((one) => "done" in one.dataset);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[popovertarget=later]");
  if (opener) aim($("#later"), opener.closest(".row"));
  // What was chosen closes the menu; the focus goes back to where it came from.
  event.target.closest(".menu [type=submit]")?.closest(".menu").hidePopover();
});

document.addEventListener("toggle", async ({ target, newState }) => {
  if (newState !== "open" || !target.matches(".menu[data-choices]")) return;
  // This event comes a moment after the menu: whoever has gone on to a field of it by then stays there.
  if (!target.contains(document.activeElement)) {
    $$("button:not([hidden])", target).find((button) => button.checkVisibility())?.focus();
  }
  const choices = $(".menu__choices", target);
  if (choices) await htmx.ajax("GET", target.dataset.choices, { target: choices, swap: "outerMorph" });
}, true);

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const menu = ctx.sourceElement.closest?.("#later");
  if (!menu || ctx.request.method === "GET") return;
  for (const name of ["ids", "stacks"]) ctx.request.body.delete(name);
  for (const [name, value] of new URLSearchParams(menu.dataset.meant)) ctx.request.body.append(name, value);
});

// Enter in the date means that date; in a check box, nothing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const isDate = event.target.matches("#later [name=at]");
  if (isDate || event.target.matches(".tile input")) event.preventDefault();
  if (isDate) $("#later [value=date]").click();
});
