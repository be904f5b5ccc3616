// Keeps an open page up to date: counts, title and rows change in place, new rows wait behind the pill.
import { $, $$, focusRow, listLength, listQuery, onFiltered, rows } from "./dom.js";
import { changedIds, writes } from "./list.js";

const pulse = () => $("#live");
const shownQuery = () => listQuery(location.search.slice(1));
const loadQuietly = (url, options) => htmx.ajax("GET", url, { isQuiet: true, isRefresh: true, ...options });

// A notification on a page of its own belongs to a list, too.
function pulseQuery() {
  if ($("#list")) return `?list=1&${shownQuery()}`;
  return $(".own") ? location.search || "?place=inbox" : "";
}

let isRefreshing = false;
let isRefreshDue = false;

// Compares the page with the server. Not while a write is pending: the response could be from before or after
// it. Only one refresh runs at a time, and one that has to wait runs afterwards.
export async function refresh() {
  if (isRefreshing || writes.pending.size) {
    isRefreshDue = true;
    return;
  }
  isRefreshing = true;
  isRefreshDue = false;
  try {
    const url = pulse().dataset.pulse + pulseQuery();
    await loadQuietly(url, { source: "#toasts", target: "#live", swap: "outerMorph" });
    await updateList();
  } finally {
    isRefreshing = false;
  }
  refreshIfDue();
}

function refreshIfDue() {
  if (isRefreshDue && !writes.pending.size) refresh();
}

document.addEventListener("htmx:finally:request", () => setTimeout(refreshIfDue));

async function updateList() {
  if (!$("#list") || !pulse().hasAttribute("data-rows")) return;
  if (writes.pending.size) {
    isRefreshDue = true;
    return;
  }
  const newer = $("#list[data-first]") ? Number(pulse().dataset.newer) : 0;
  const pill = $("#fresh");
  pill.hidden = !newer;
  $("[data-n]", pill).textContent = newer;
  if (pulse().dataset.rows !== shownRevisions()) await reconcile();
}

// The rows of this page in the format of the pulse, without those that have left the list but are kept.
function shownRevisions() {
  const listedIds = new Set(pulse().dataset.rows.split(" ").map((revision) => revision.split(":")[0]));
  const compared = rows().filter(({ id }) => listedIds.has(id) || !isKept(id));
  return compared.map((row) => `${row.id}:${row.dataset.rev}`).join(" ");
}

// Opening a notification in a list of unread ones marks it as read, but must not remove it from that list.
const isKept = (id) => $("#list[data-keeps]") && changedIds.has(id);

// Copies the kept rows into a response that no longer contains them, each to where it is now.
function insertKeptRows(fragment) {
  for (const row of rows()) {
    if (isKept(row.id) && !fragment.getElementById(row.id)) insertKeptRow(fragment, row);
  }
}

function insertKeptRow(fragment, row) {
  const previous = row.previousElementSibling && fragment.getElementById(row.previousElementSibling.id);
  if (previous) {
    previous.after(row.cloneNode(true));
    return;
  }
  const day = row.closest(".day");
  const days = $$(".day", fragment);
  const sameDay = days.find((other) => other.dataset.day === day.dataset.day);
  if (sameDay) {
    $("ul", sameDay).prepend(row.cloneNode(true));
    return;
  }
  const dayCopy = day.cloneNode(true);
  for (const other of $$(".row", dayCopy)) if (other.id !== row.id) other.remove();
  const olderDay = days.find((other) => other.dataset.day < day.dataset.day);
  const next = olderDay ?? fragment.querySelector("#list > .day ~ .turn, #list > .empty");
  next.before(dayCopy);
}

// Loads the list again after a change elsewhere. A write that starts meanwhile makes the response outdated.
async function reconcile() {
  const { started } = writes;
  await loadQuietly(`${location.pathname}?${shownQuery()}`, {
    source: "#list",
    target: "#list",
    swap: "outerMorph",
    isLate: () => writes.started !== started,
  });
}

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  if (!ctx.isLate) return;
  if (ctx.isLate()) {
    event.preventDefault();
    isRefreshDue = true;
    return;
  }
  const task = tasks.find(({ fragment }) => fragment?.querySelector("#list"));
  if (task) insertKeptRows(task.fragment);
});

async function loadNewer() {
  const pill = $("#fresh");
  const url = new URL(pill.href);
  if (listLength() > 50) url.searchParams.set("limit", listLength());
  let isLoaded = false;
  const onLoaded = () => {
    isLoaded = true;
  };
  await htmx.ajax("GET", url.pathname + url.search, {
    source: "#fresh",
    target: "#list",
    swap: "outerMorph",
    onLoaded,
  });
  if (!isLoaded) return false;
  $("#fresh").hidden = true;
  changedIds.clear();
  return true;
}

document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.response.status < 400) ctx.onLoaded?.();
});

document.addEventListener("click", async (event) => {
  if (!event.target.closest("#fresh")) return;
  event.preventDefault();
  const knownIds = new Set(rows().map(({ id }) => id));
  if (!(await loadNewer())) return;
  const row = rows().find(({ id }) => !knownIds.has(id)) ?? rows()[0];
  row?.scrollIntoView({ block: "center" });
  focusRow(row);
});

onFiltered(() => {
  const pill = $("#fresh");
  if (!pill) return;
  pill.href = location.href;
  pill.hidden = true;
});
