// The sheet that asks what to follow or to mute opens when its form was loaded, and closes when it was saved.
import { $ } from "./dom.js";

const isForSheet = (ctx) => ctx.sourceElement.getAttribute("hx-target") === "#follow-sheet";

// Before the swap: afterwards the form that sent the request is gone, and its events reach no one.
document.addEventListener("htmx:before:swap", ({ detail: { ctx } }) => {
  if (isForSheet(ctx) && !ctx.text.includes("follow-head")) $("#follow-sheet").hidePopover();
});

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!isForSheet(ctx)) return;
  const sheet = $("#follow-sheet");
  const form = $("form", sheet);
  if (!form) return;
  sheet.showPopover();
  ($("input[aria-invalid]", form) ?? $("input:checked", form)).focus();
});
