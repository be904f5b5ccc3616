// Shows push messages and opens them. It caches no pages: they always come from the server.
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
      icon: "/favicon.ico",
      data: { url: String(message.url || "/") },
    }),
  );
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const target = new URL(event.notification.data?.url ?? "/", self.location.origin);
  const url = target.origin === self.location.origin ? target.href : self.location.origin;
  event.waitUntil(open(url));
});

async function open(url) {
  const [tab] = await self.clients.matchAll({ type: "window" });
  if (!tab) return self.clients.openWindow(url);
  await tab.focus();
  return tab.navigate(url);
}
