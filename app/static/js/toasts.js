// Toasts leave by themselves; their undo works on until the next action.
import { $ } from "./dom.js";
import { offer, tell } from "./again.js";
import { failed } from "./list.js";

document.addEventListener("animationend", (event) => {
  if (event.animationName === "drain") event.target.hidden = true;
});
document.addEventListener("click", (event) => {
  event.target.closest("[data-dismiss]")?.closest(".toast").remove();
});

// What can be taken back here is remembered in this tab for as long as the server keeps it: after a reload, on another page.
const UNDO_FOR = 600_000, last = $("#undo-last");
const isChange = (form) => form && new URL(form.action).pathname.endsWith("/undo") && form.action.includes("/changes/");

function aim(url) {
  last.setAttribute("action", url);
  if (last.hasAttribute("hx-post")) last.setAttribute("hx-post", url);
}
let noted = null;
function remember() {
  const form = $("#toasts [data-undo]");
  if (form === noted || !isChange(form)) return;
  noted = form;
  sessionStorage.setItem("undo", `${Date.now()} ${form.getAttribute("action")}`);
}
document.addEventListener("submit", ({ target }) => {
  if (!target.matches("[data-undo]")) return;
  noted = target;
  if (isChange(target)) { aim(target.getAttribute("action")); sessionStorage.removeItem("undo"); }
}, true);
document.addEventListener("htmx:after:swap", remember);
remember();

export function undo() {
  const form = $("#toasts [data-undo]"), [at, url] = sessionStorage.getItem("undo")?.split(" ") ?? [];
  if (form) form.requestSubmit();
  else if (Date.now() - at < UNDO_FOR) { aim(url); last.requestSubmit(); }
}

// What was asked for by hand; what the page asks by itself it asks again by itself.
const ASKED = "#filters, #pane, .turn a";

function unanswered(ctx) {
  const from = ctx.sourceElement;
  failed(ctx);
  if (ctx.request.method !== "GET") { tell("not-saved"); return; }
  if (ctx.isQuiet || !from.matches(ASKED)) return;
  if (!from.matches("#pane")) offer(() => (from.matches("form") ? from.requestSubmit() : from.click()));
  tell("not-loaded");
}

// The server answered with an error: its answer brought the toast. What stands between us and it answers in its own
// words, which are no part of this page.
document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
  if (ctx.text.includes('id="toasts"')) { failed(ctx); return; }
  Object.assign(ctx, { swap: "none", text: "" });
  unanswered(ctx);
});
// No answer at all.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => { if (ctx) unanswered(ctx); });
