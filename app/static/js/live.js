// Open pages stay true: counts, title and rows change in place, new rows wait behind the pill.
import { $, asShown, focusRow, length, rows, whenFiltered } from "./dom.js";
import { stays, writes } from "./list.js";

const POLL = 15_000, CALM = 60_000;
const live = () => $("#live");
let goodAt = new Date(), isBeating = false, again = false;

// ---- how the inbox stands

const here = () => asShown(location.search.slice(1));
const get = (url, options) => htmx.ajax("GET", url, { isQuiet: true, ...options });

// One at a time, and never between a change and its answer: what it would find is neither before nor after.
async function beat() {
  if (isBeating || writes.open.size) { again = true; return; }
  isBeating = true;
  again = false;
  try {
    await get(live().dataset.pulse + ($("#list") ? `?list=1&${here()}` : ""), { source: "#toasts", target: "#live", swap: "outerMorph" });
    await compare();
  } finally {
    isBeating = false;
  }
  if (again && !writes.open.size) beat();
}
document.addEventListener("htmx:finally:request", () => setTimeout(() => { if (again && !writes.open.size) beat(); }));

async function compare() {
  if (!$("#list") || !live().hasAttribute("data-rows")) return;
  if (writes.open.size) { again = true; return; }
  const newer = $("#list[data-first]") ? Number(live().dataset.newer) : 0, pill = $("#fresh");
  pill.hidden = !newer;
  $("[data-n]", pill).textContent = newer;
  if (live().dataset.rows !== shown()) await reconcile();
}

// The rows as they stand in this page, in the words of the pulse; without those that stay although they left the list.
function shown() {
  const listed = new Set(live().dataset.rows.split(" ").map((line) => line.split(":")[0]));
  const mine = rows().filter(({ id }) => listed.has(id) || !keeps(id));
  return mine.map((row) => `${row.id}:${row.dataset.rev}`).join(" ");
}
const keeps = (id) => $("#list[data-keeps]") && stays.has(id);

// What was opened in a list of the unread is read by that, and must not vanish under its reader's hands.
function keep(fragment) {
  for (const row of rows().filter(({ id }) => keeps(id) && !fragment.getElementById(id))) {
    const day = row.closest(".day"), before = row.previousElementSibling;
    const same = [...fragment.querySelectorAll(".day")].find((one) => one.dataset.day === day.dataset.day);
    const beside = before && fragment.getElementById(before.id);
    if (beside) beside.after(row.cloneNode(true));
    else if (same) $("ul", same).prepend(row.cloneNode(true));
    else {
      const alone = day.cloneNode(true);
      for (const other of [...alone.querySelectorAll(".row")]) if (other.id !== row.id) other.remove();
      const later = [...fragment.querySelectorAll(".day")].find((one) => one.dataset.day < day.dataset.day);
      (later ?? fragment.querySelector("#list > .day ~ .turn, #list > .empty")).before(alone);
    }
  }
}

// Somebody changed something elsewhere. What is begun here meanwhile is newer than the answer.
async function reconcile() {
  const { begun } = writes;
  await get(`${location.pathname}?${here()}`, { source: "#list", target: "#list", swap: "outerMorph", isLate: () => writes.begun !== begun });
}
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx: { isLate }, tasks } = event.detail;
  if (!isLate) return;
  const { fragment } = tasks.find((task) => task.fragment?.querySelector("#list")) ?? {};
  if (isLate()) { event.preventDefault(); again = true; } else if (fragment) keep(fragment);
});

// Whether it could be loaded; where not, the pill stays.
async function load() {
  const url = new URL($("#fresh").href);
  let isLoaded = false;
  if (length() > 50) url.searchParams.set("limit", length());
  await htmx.ajax("GET", url.pathname + url.search, { source: "#fresh", target: "#list", swap: "outerMorph", loaded: () => { isLoaded = true; } });
  if (!isLoaded) return false;
  $("#fresh").hidden = true;
  stays.clear();
  return true;
}
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => { if (ctx.response.status < 400) ctx.loaded?.(); });

document.addEventListener("click", async (event) => {
  if (event.target.closest("[data-retry]")) beat();
  const pill = event.target.closest("#fresh");
  if (!pill) return;
  event.preventDefault();
  const before = new Set(rows().map((row) => row.id));
  if (!(await load())) return;
  const row = rows().find(({ id }) => !before.has(id)) ?? rows()[0];
  row?.scrollIntoView({ block: "center" });
  focusRow(row);
});

// After a filter the pill leads to the list that is shown now.
whenFiltered(() => {
  const pill = $("#fresh");
  if (pill) { pill.href = location.href; pill.hidden = true; }
});

// ---- offline

function reach(isOnline) {
  const banner = $("#offline");
  document.body.toggleAttribute("data-offline", !isOnline);
  if (isOnline) goodAt = new Date();
  if (!banner) return;
  if (isOnline && banner.contains(document.activeElement)) focusRow(null);
  banner.hidden = isOnline;
  if (isOnline) return;
  const time = $("time", banner), { zone: timeZone, cycle: hourCycle } = time.dataset;
  time.textContent = goodAt.toLocaleTimeString(document.documentElement.lang, { timeStyle: "short", timeZone, hourCycle });
}
document.addEventListener("htmx:error", ({ detail: { ctx } }) => ctx && reach(false));
// What was on its way before the line broke may still arrive.
document.addEventListener("htmx:after:request", () => reach(navigator.onLine));
window.addEventListener("offline", () => reach(false));
window.addEventListener("online", beat);

// ---- one stream for all tabs of this browser

const others = "BroadcastChannel" in window ? new BroadcastChannel("bellhop") : null;
const news = () => { beat(); others?.postMessage("inbox"); };
if (others) others.onmessage = beat;

function lead() {
  let timer, pace;
  // A broken stream fails every few seconds, and must not put off the next question each time.
  const every = (time) => {
    if (time === pace) return;
    pace = time;
    clearInterval(timer);
    timer = setInterval(news, time);
  };
  every(CALM);
  const source = new EventSource(live().dataset.stream);
  source.addEventListener("inbox", news);
  source.onopen = () => { every(CALM); news(); };
  source.onerror = () => {
    every(POLL);
    if (source.readyState === EventSource.CLOSED) {
      // No stream is free: ask now and then, and look for one again later.
      setTimeout(() => { clearInterval(timer); lead(); }, CALM);
    }
  };
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) beat(); });
if (navigator.locks) navigator.locks.request("bellhop-stream", () => new Promise(lead));
else lead();
