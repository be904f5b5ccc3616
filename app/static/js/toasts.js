// Toasts leave by themselves; their undo works on until the next action.
import { $ } from "./dom.js";
import { failed } from "./list.js";

document.addEventListener("animationend", (event) => {
  if (event.animationName === "drain") event.target.hidden = true;
});
document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".toast").remove();
});

export const undo = () => $("#toasts [data-undo]")?.requestSubmit();

// The server answered with an error: its answer brought the toast.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => failed(ctx));
// No answer at all.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (!ctx || ctx.request.method === "GET") return;
  failed(ctx);
  $("#toasts").replaceChildren($("#not-saved").content.cloneNode(true));
});
