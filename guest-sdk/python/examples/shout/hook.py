"""Settings with defaults: `__configKey__` stands for wherever the operator keeps this hook's settings."""

from boathook import Hook, after, config


class Shout(Hook):
    def defaults(self, overrides):
        return {"__configKey__": {"phrase": "make it rain"}}

    # Reads the setting each time, as Sails' hooks do. `rate-limit` reads its own once.
    @after("GET /shout")
    def shout(self, req, res):
        return res.text(f"{config.own('phrase')}\n")
