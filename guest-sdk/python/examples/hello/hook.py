"""The first lesson: a hook is a class with a route, and answers.

The route stands in `after`, behind the app's own: guards that stand in `before` have run by then.
"""

from boathook import Hook, after


class Hello(Hook):
    @after("GET /hello")
    def hello(self, req, res):
        return res.text("Hello from a hook!\n")
