// Shows push messages and opens them. It caches no pages: they always come from the server.
// Paths in messages are paths within Bellhop, whatever prefix it is shown below.
const inBellhop = (path) => new URL(`.${path}`, self.registration.scope).href;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let message = {};
  try {
    message = event.data?.json() ?? {};
  } catch {
    // Show a notification anyway: browsers revoke the permission of a worker that shows none.
  }
  event.waitUntil(
    self.registration.showNotification(String(message.title || "Bellhop"), {
      body: String(message.message || ""),
      tag: String(message.tag || "bellhop"),
      icon: inBellhop("/icon.png"),
      data: { url: String(message.url || "/") },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(inBellhop(event.notification.data?.url ?? "/")));
});

async function open(url) {
  const [tab] = await self.clients.matchAll({ type: "window" });
  if (!tab) return self.clients.openWindow(url);
  await tab.focus();
  return tab.navigate(url);
}
