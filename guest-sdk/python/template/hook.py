from boathook import Hook, after, config


class MyHook(Hook):
    def defaults(self, overrides):
        return {"__configKey__": {"greeting": "Hello"}}

    @after("GET /hello/:name")
    def hello(self, req, res):
        return res.json({"said": f"{config.own('greeting')}, {req.param('name')}!"})
