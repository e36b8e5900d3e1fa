"""State between requests: counts each client's POSTs in `self`, and answers 429 when they are too many.

Mode `single` (in hook.toml) makes the count exact: one instance sees every request. When another version takes its
place while the server runs, that one goes on with the counts.
"""

import time

from boathook import NEXT, Hook, before, config


class RateLimit(Hook):
    def __init__(self):
        self.clients = {}
        self.swept = 0.0

    def defaults(self, overrides):
        return {"__configKey__": {"max-requests": 100, "window-ms": 60_000}}

    def initialize(self):
        settings = config.own()
        self.max_requests = settings["max-requests"]
        self.window = settings["window-ms"] / 1000

    def before_swap(self):
        # A value has up to 1 MiB, and who has asked most matters most.
        most = sorted(self.clients.items(), key=lambda client: client[1][0], reverse=True)[:10_000]
        return {ip: {"count": count, "start": int(start * 1000)} for ip, (count, start) in most}

    def after_swap(self, value):
        try:
            self.clients = {ip: (seen["count"], seen["start"] / 1000) for ip, seen in value.items()}
        except (AttributeError, KeyError, TypeError):
            pass  # What another version kept in another way is begun anew.

    @before("POST /*")
    def limit(self, req, res):
        now = time.time()
        if now - self.swept > self.window:
            # Once a window, or whoever came by would be remembered for ever.
            self.clients = {ip: seen for ip, seen in self.clients.items() if now - seen[1] <= self.window}
            self.swept = now
        count, start = self.clients.get(req.ip, (0, now))
        if now - start > self.window:
            count, start = 0, now
        self.clients[req.ip] = (count + 1, start)
        if count >= self.max_requests:
            return res.status(429).json({"error": "Too many requests"})
        return NEXT
