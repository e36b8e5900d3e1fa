from boathook import Hook, after, config


class MyHook(Hook):
    def defaults(self, overrides):
        return {"__configKey__": {"greeting": "Hello"}}

    @after("GET /my-hook")
    def hello(self, req, res):
        return res.text(f"{config.own('greeting')} from my-hook!\n")
