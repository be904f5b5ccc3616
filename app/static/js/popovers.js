// The "Later" menu acts on the row that opened it, or on the selected rows. Its times are loaded as it opens.
import { $, $$, selectedRows } from "./dom.js";

const isSelected = (row) => $(".tile input", row).checked;

// Before the menu opens: notes the rows it is for, and hides the actions that make no sense for them.
function prepareMenu(menu, row) {
  const targets = row && !isSelected(row) ? [row] : selectedRows();
  const fields = targets.map((target) => {
    const { name, value } = $(".tile input", target);
    return [name, value];
  });
  menu.dataset.targets = new URLSearchParams(fields);
  const areSaved = targets.every((target) => "saved" in target.dataset);
  $("[data-menu=saved]", menu).hidden = areSaved;
  $("[data-menu=unsaved]", menu).hidden = !areSaved;
  const snooze = $("[data-snooze]", menu);
  if (snooze) snooze.hidden = targets.every((target) => "done" in target.dataset);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[popovertarget=later]");
  if (opener) prepareMenu($("#later"), opener.closest(".row"));
  // Choosing something closes the menu, and the focus returns to where it came from.
  event.target.closest(".menu [type=submit]")?.closest(".menu").hidePopover();
});

document.addEventListener("toggle", async ({ target: menu, newState }) => {
  if (newState !== "open" || !menu.matches(".menu[data-choices]")) return;
  // The event comes a moment after the menu. The user may have moved on to one of its fields by then.
  if (!menu.contains(document.activeElement)) {
    const buttons = $$("button:not([hidden])", menu);
    buttons.find((button) => button.checkVisibility())?.focus();
  }
  const choices = $(".menu__choices", menu);
  if (choices) await htmx.ajax("GET", menu.dataset.choices, { target: choices, swap: "outerMorph" });
}, true);

document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const menu = ctx.sourceElement.closest?.("#later");
  if (!menu || ctx.request.method === "GET") return;
  const { body } = ctx.request;
  body.delete("ids");
  body.delete("stacks");
  for (const [name, value] of new URLSearchParams(menu.dataset.targets)) body.append(name, value);
});

// Enter in the date field chooses that date. In a row's check box it does nothing.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  const isDate = event.target.matches("#later [name=at]");
  if (isDate || event.target.matches(".tile input")) event.preventDefault();
  if (isDate) $("#later [value=date]").click();
});
